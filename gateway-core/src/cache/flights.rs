//! Requests that are under way for a response that others wait for.

use core::fmt;
use core::hash::BuildHasher as _;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxBuildHasher;

use crate::time::Timestamp;

/// The key of a flight: a hash of the resource and the part that its response is for, and of the values by which responses are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The hash of the resource and the part alone: flights that may answer one another are at one place.
    place: u64,
    hash: u64,
}

impl Key {
    /// The key of those responses alone that these values choose, of which `varied` is a hash.
    #[must_use]
    pub const fn chosen_by(self, varied: u64) -> Self {
        Self { place: self.place, hash: self.place ^ varied }
    }
}

/// A hash of a resource and a part.
type Hash = dyn Fn(&str, &str) -> u64 + Send + Sync;

/// The parts of the list, so that threads seldom wait for one another.
const PARTS: usize = 64;

/// The flights of a part that have ended lately, whose keys are known.
const MOST_RECENT: usize = 16;

/// The keys of a part of which it is known that their responses are not stored; older ones are forgotten.
const MOST_KNOWN: usize = 64;

/// The time, in milliseconds, for which no request waits for the answer to another one after an answer that was not stored. As Varnish has it (`hit-for-miss`).
pub const UNSHARED_FOR: u64 = 120_000;

/// The time, in milliseconds, that a flight may lose to the client of the request that leads it. Then another one leads.
const MOST_LOST: u64 = 500;

/// The requests under way, by the key of their responses. Those of one key are one flight: one request leads it, and the others wait.
///
/// Keys are kept as hashes. Two that meet only make a request wait for another's answer in vain.
pub struct Flights {
    parts: [Mutex<Part>; PARTS],
    /// The number of flights that have ended, of all parts.
    ended: AtomicU64,
    /// The hash of a platform that has one with a key of its own, so that nobody chooses whose flights meet.
    hash: Option<Box<Hash>>,
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("parts", &self.parts).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Part {
    under_way: Vec<(u64, Arc<Pace>)>,
    /// The number of flights that have ended.
    ended: u64,
    /// The keys of the last of them.
    recent: [u64; MOST_RECENT],
    /// The keys whose responses were not stored, and the time until which that is known.
    unshared: Vec<(u64, u64)>,
}

impl Part {
    /// Takes note that the flight for `key` has ended.
    fn has_another(&mut self, key: u64) {
        if let Some(recent) = self.recent.get_mut(place_of(self.ended)) {
            *recent = key;
        }
        self.ended = self.ended.wrapping_add(1);
    }

    /// Returns whether a flight that may have answered a request for `key` has ended after so many. Those for other values of what responses
    /// are chosen by have not: many of them may end all the time.
    fn has_ended(&self, key: Key, before: u64) -> bool {
        let count = self.ended.wrapping_sub(before);
        let is_for_all = key.hash == key.place;
        let answers = |back: u64| {
            let recent = self.recent.get(place_of(self.ended.wrapping_sub(back)));
            recent.is_some_and(|recent| *recent == key.hash || *recent == key.place)
        };
        count > 0 && (is_for_all || count > MOST_RECENT as u64 || (1..=count).any(answers))
    }
}

fn place_of(number: u64) -> usize {
    usize::try_from(number % MOST_RECENT as u64).unwrap_or_default()
}

/// A flight. Whoever has it leads; dropping it ends it.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    key: Key,
    pace: Arc<Pace>,
}

/// The time that a flight has lost to the client of the request that leads it, in milliseconds: not the upstream holds the others up then.
#[derive(Debug, Default)]
struct Pace {
    lost: AtomicU64,
    /// The time since which the client is waited for; 0 if it is not.
    since: AtomicU64,
}

impl Pace {
    fn lost(&self, now: Timestamp) -> u64 {
        let since = self.since.load(Ordering::Relaxed);
        let waited = if since == 0 { 0 } else { now.unix_millis().saturating_sub(since) };
        self.lost.load(Ordering::Relaxed).saturating_add(waited)
    }
}

/// The number of flights that have ended at a time.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// Of all.
    Anywhere(u64),
    /// Of those near a key.
    Near(u64),
}

/// The part of a request in a flight.
#[derive(Debug)]
pub enum Turn {
    /// It leads.
    Lead(Flight),
    /// Another one does.
    Wait,
    /// It goes alone: what was answered lately could not be stored.
    Alone,
    /// A flight has ended since it looked into the store: it may find a response there now.
    Look,
}

/// The progress of a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Somebody leads it.
    UnderWay,
    /// The client of the one that leads holds it up: another one may lead.
    HeldUp,
    /// Nobody leads it.
    Ended,
}

impl Default for Flights {
    fn default() -> Self {
        Self { parts: core::array::from_fn(|_| Mutex::default()), ended: AtomicU64::new(0), hash: None }
    }
}

impl Flights {
    /// Flights whose keys are made by `hash`.
    #[must_use]
    pub fn hashed_by(hash: impl Fn(&str, &str) -> u64 + Send + Sync + 'static) -> Self {
        Self { hash: Some(Box::new(hash)), ..Self::default() }
    }

    /// The key of the responses to `resource` of this `part`.
    #[must_use]
    pub fn key(&self, resource: &str, part: &str) -> Key {
        let hash = self.hash.as_ref().map(|hash| hash(resource, part));
        let place = hash.unwrap_or_else(|| FxBuildHasher.hash_one((resource, part)));
        Key { place, hash: place }
    }

    /// The number of flights that have ended by now, near `key` if it is known. Read before the store, it tells whether what was read is out of
    /// date.
    #[must_use]
    pub fn ended(&self, key: Option<Key>) -> Ended {
        match key {
            Some(key) => Ended::Near(self.part(key).map_or(0, |part| part.ended)),
            None => Ended::Anywhere(self.ended.load(Ordering::SeqCst)),
        }
    }

    /// The part of a request for `key` at `now`, if so many flights had `ended` when it looked into the store.
    #[must_use]
    pub fn turn(self: &Arc<Self>, key: Key, ended: Ended, now: Timestamp) -> Turn {
        let Some(mut part) = self.part(key) else { return Turn::Alone };
        let pace = Arc::<Pace>::default();
        if let Some((_, known)) = part.under_way.iter_mut().find(|(known, _)| *known == key.hash) {
            if known.lost(now) < MOST_LOST {
                return Turn::Wait;
            }
            // Who led goes on alone.
            *known = Arc::clone(&pace);
            return Turn::Lead(Flight { flights: Arc::clone(self), key, pace });
        }
        let now = now.unix_millis();
        if part.unshared.iter().any(|(known, until)| *known == key.hash && now < *until) {
            return Turn::Alone;
        }
        let has_ended_since = match ended {
            Ended::Near(before) => part.has_ended(key, before),
            Ended::Anywhere(before) => self.ended.load(Ordering::SeqCst) != before,
        };
        if has_ended_since {
            return Turn::Look;
        }
        part.under_way.push((key.hash, Arc::clone(&pace)));
        drop(part);
        Turn::Lead(Flight { flights: Arc::clone(self), key, pace })
    }

    /// Says at `now` how the flight for `key` is getting on.
    #[must_use]
    pub fn progress(&self, key: Key, now: Timestamp) -> Progress {
        let Some(part) = self.part(key) else { return Progress::Ended };
        match part.under_way.iter().find(|(known, _)| *known == key.hash) {
            None => Progress::Ended,
            Some((_, pace)) if pace.lost(now) < MOST_LOST => Progress::UnderWay,
            Some(_) => Progress::HeldUp,
        }
    }

    /// A panic elsewhere leaves the lists usable: at worst a flight is missing.
    fn part(&self, key: Key) -> Option<MutexGuard<'_, Part>> {
        // The high bits of this hash are the better ones.
        let place = usize::try_from(key.place >> 48).unwrap_or_default() % PARTS;
        self.parts.get(place).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Flight {
    /// Takes note at `now` that the response is not stored: for some time no request waits for another one's.
    pub fn is_unshared(&self, now: Timestamp) {
        let Some(mut part) = self.flights.part(self.key) else { return };
        let now = now.unix_millis();
        part.unshared.retain(|(known, until)| *known != self.key.hash && now < *until);
        if part.unshared.len() >= MOST_KNOWN {
            part.unshared.remove(0);
        }
        part.unshared.push((self.key.hash, now.saturating_add(UNSHARED_FOR)));
    }

    /// Takes note at `now` that the client is waited for: some content has come, and is on its way to it.
    pub fn waits_for_client(&self, now: Timestamp) {
        self.pace.since.store(now.unix_millis(), Ordering::Relaxed);
    }

    /// Takes note at `now` that the client takes more.
    pub fn goes_on(&self, now: Timestamp) {
        self.pace.lost.store(self.pace.lost(now), Ordering::Relaxed);
        self.pace.since.store(0, Ordering::Relaxed);
    }

    /// Takes note that the response is stored.
    pub fn is_shared(&self) {
        if let Some(mut part) = self.flights.part(self.key) {
            part.unshared.retain(|(known, _)| *known != self.key.hash);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(mut part) = self.flights.part(self.key) {
            part.under_way.retain(|(_, pace)| !Arc::ptr_eq(pace, &self.pace));
            part.has_another(self.key.hash);
            // While the part is locked: whoever finds the flight gone finds that it has ended, too.
            self.flights.ended.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn of(text: &str) -> Key {
        Flights::default().key(text, "r")
    }

    fn lead(flights: &Arc<Flights>, key: &str) -> Flight {
        match flights.turn(of(key), flights.ended(Some(of(key))), NOW) {
            Turn::Lead(flight) => flight,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_leads_and_the_others_wait_until_it_ends() {
        let flights = Arc::new(Flights::default());
        let (ended, anywhere) = (flights.ended(Some(of("a"))), flights.ended(None));
        let flight = lead(&flights, "a");
        assert!(matches!(flights.turn(of("a"), ended, NOW), Turn::Wait));
        let _other = lead(&flights, "b");
        assert_eq!(flights.progress(of("a"), NOW), Progress::UnderWay);
        drop(flight);
        assert_eq!(flights.progress(of("a"), NOW), Progress::Ended);
        assert_eq!(flights.progress(of("b"), NOW), Progress::UnderWay);
        // What was read before may be out of date.
        assert!(matches!(flights.turn(of("a"), ended, NOW), Turn::Look));
        assert!(matches!(flights.turn(of("a"), anywhere, NOW), Turn::Look));
        let _next = lead(&flights, "a");
        assert!(matches!(flights.turn(of("c"), flights.ended(None), NOW), Turn::Lead(_)));
    }

    /// docs/configuration.md, `cache`: a client that reads slowly holds the others up for a moment only, however it reads. An upstream may
    /// take its time.
    #[test]
    fn a_client_that_holds_a_flight_up_loses_it() {
        let at = |millis: u64| Timestamp::from_unix_millis(NOW.unix_millis() + millis);
        let turn = |flights: &Arc<Flights>, now| flights.turn(of("a"), flights.ended(Some(of("a"))), now);
        let flights = Arc::new(Flights::default());
        let slow = lead(&flights, "a");
        assert!(matches!(turn(&flights, at(60_000)), Turn::Wait), "the upstream has not answered");
        // It takes a piece every 200 ms, and the upstream is always ready.
        slow.waits_for_client(at(0));
        slow.goes_on(at(200));
        slow.waits_for_client(at(200));
        slow.goes_on(at(400));
        assert!(matches!(turn(&flights, at(5_000)), Turn::Wait), "the upstream is waited for");
        slow.waits_for_client(at(5_000));
        assert_eq!(flights.progress(of("a"), at(5_099)), Progress::UnderWay);
        assert_eq!(flights.progress(of("a"), at(5_100)), Progress::HeldUp);
        let Turn::Lead(next) = turn(&flights, at(5_100)) else { panic!("nobody leads") };
        assert!(matches!(turn(&flights, at(5_100)), Turn::Wait));
        // The end of the slow one is not that of the flight.
        drop(slow);
        assert_eq!(flights.progress(of("a"), at(5_100)), Progress::UnderWay);
        drop(next);
        assert_eq!(flights.progress(of("a"), at(5_100)), Progress::Ended);
    }

    /// docs/configuration.md, `cache`: for two minutes nobody waits for what is not stored.
    #[test]
    fn nobody_waits_for_what_is_not_stored() {
        let flights = Arc::new(Flights::default());
        lead(&flights, "a").is_unshared(NOW);
        assert!(matches!(flights.turn(of("a"), flights.ended(Some(of("a"))), NOW), Turn::Alone));
        let later = Timestamp::from_unix_millis(NOW.unix_millis() + UNSHARED_FOR);
        assert!(matches!(flights.turn(of("a"), flights.ended(Some(of("a"))), later), Turn::Lead(_)));
    }

    /// A key has the resource and the part, each by itself, and is the platform's if that has a hash.
    #[test]
    fn a_key_has_both_its_parts() {
        let flights = Flights::default();
        assert_ne!(flights.key("ab", "c"), flights.key("a", "bc"));
        let own = Flights::hashed_by(|resource, part| (resource.len() * 10 + part.len()) as u64);
        assert_eq!(own.key("ab", "c").place, 21);
    }

    /// RFC 9111 §4.1: requests with other values of the fields in `Vary` are no better off for one another's answers. What one of them was
    /// answered may be what the other looks for all the same, if it varies by less now.
    #[test]
    fn requests_for_other_variants_do_not_wait() {
        let flights = Arc::new(Flights::default());
        let (german, french) = (of("a").chosen_by(1), of("a").chosen_by(2));
        let ended = flights.ended(Some(of("a")));
        let Turn::Lead(flight) = flights.turn(german, ended, NOW) else { panic!("nobody leads") };
        assert!(matches!(flights.turn(german, ended, NOW), Turn::Wait));
        let Turn::Lead(other) = flights.turn(french, ended, NOW) else { panic!("nobody leads") };
        assert_eq!(flights.progress(french, NOW), Progress::UnderWay);
        drop(flight);
        assert_eq!(
            (flights.progress(german, NOW), flights.progress(french, NOW)),
            (Progress::Ended, Progress::UnderWay)
        );
        assert!(matches!(flights.turn(german, ended, NOW), Turn::Look));
        let ended = flights.ended(Some(of("a")));
        drop(other);
        let Turn::Lead(flight) = flights.turn(german, ended, NOW) else { panic!("the end of another one counts") };
        drop(flight);
        // Nobody knew yet by what the answer to this one would be chosen.
        let ended = flights.ended(Some(of("a")));
        drop(lead(&flights, "a"));
        assert!(matches!(flights.turn(german, ended, NOW), Turn::Look));
        let ended = flights.ended(Some(of("a")));
        for n in 0..=MOST_RECENT as u64 {
            let key = of("a").chosen_by(10 + n);
            drop(flights.turn(key, flights.ended(Some(key)), NOW));
        }
        assert!(matches!(flights.turn(german, ended, NOW), Turn::Look), "it is not known which they were");
    }

    #[test]
    fn what_is_known_is_bounded() {
        let flights = Arc::new(Flights::default());
        for n in 0..100_000 {
            lead(&flights, &format!("key {n}")).is_unshared(NOW);
        }
        assert!(flights.parts.iter().all(|part| part.lock().unwrap().unshared.len() <= MOST_KNOWN));
    }
}

//! The remembered keys of an issuer, and the form in which the key-value store has them.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::gcra;
use super::quota::Quota;
use super::remembered::{Life, Look, Pause, Reading, Remembered, Turn};
use crate::jose::algorithm::Algorithm;
use crate::jose::published::{Document, read_set, write_keys};
use crate::jose::set::KeySet;
use crate::json;
use crate::time::Timestamp;

/// The longest that a request waits for keys that another one reads.
pub const WAIT: Duration = Duration::from_secs(2);

/// The longest that a request reads keys.
pub const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest that the key-value store is waited for.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// The age from which a read that requests wait for counts as lost, and another request reads, too: see
/// [`flag::LOST_AFTER`](super::flag::LOST_AFTER).
pub const LOST_AFTER: Duration = Duration::from_secs(1);

/// The time for which the key-value store keeps keys.
pub const KEEP: Duration = Duration::from_secs(25 * 3_600);

/// The life of keys whose issuer says nothing of it.
const USUAL_LIFE: Duration = Duration::from_secs(600);
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);

/// The time for which keys are used beyond their life, while their issuer can't be asked.
const USABLE_BEYOND: Duration = Duration::from_secs(86_400);

/// The time that a request has for the task of reading keys after its answer; then another takes it on.
const PATIENCE: Duration = Duration::from_secs(10);

const FIRST_PAUSE: u64 = 5;
const LONGEST_PAUSE: u64 = 300;

/// The difference between clocks that is allowed for.
const CLOCKS: Duration = Duration::from_secs(60);

/// The reads for keys that a token names and that are not known: three at once, then one in 15 s.
const REFETCHES: Quota = Quota { limit: 1, window: Duration::from_secs(15), burst: 3 };

/// A version of the form in the key-value store. Entries of another are not read: those of the first had no endpoints.
const VERSION: u64 = 2;

/// The remembered keys of an issuer, shared by all requests.
#[derive(Debug, Default)]
pub struct KeyCell {
    keys: Remembered<Published>,
    /// The state of the limit on reads for unknown keys.
    refetches: Mutex<Option<u64>>,
}

/// The keys that an issuer has published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The keys.
    pub set: Arc<KeySet>,
    /// The time at which the issuer was asked for them.
    pub at: Timestamp,
    /// Their life.
    pub life: Duration,
    /// The document that led to them, with the endpoints for logins.
    pub document: Arc<Document>,
}

impl Published {
    /// The keys of `set`, asked for at `at`, with the life that the issuer states.
    #[must_use]
    pub fn new(set: KeySet, at: Timestamp, stated: Option<Duration>, document: Document) -> Self {
        let life = stated.unwrap_or(USUAL_LIFE).clamp(SHORTEST_LIFE, LONGEST_LIFE);
        Self { set: Arc::new(set), at, life, document: Arc::new(document) }
    }

    /// The keys in `entry` of the key-value store, for these algorithms; `None` if it is none, or from another time than the day
    /// before `now`.
    #[must_use]
    pub fn of_entry(entry: &[u8], algorithms: &[Algorithm], now: Timestamp) -> Option<Self> {
        let object = json::object(entry)?;
        let number = |name: &str| object.get(name)?.as_u64();
        let (version, at, max_age) = (number("v")?, number("at")?, number("maxAge")?);
        let at = Timestamp::from_unix_millis(at);
        let is_of_this_day = at <= now.saturating_add(CLOCKS) && now.saturating_since(at) <= LONGEST_LIFE;
        if version != VERSION || !is_of_this_day {
            return None;
        }
        let set = read_set(entry, algorithms).ok()?;
        let document = Document::of(&object).ok()?;
        Some(Self::new(set, at, Some(Duration::from_secs(max_age)), document))
    }

    /// The entry for the key-value store.
    #[must_use]
    pub fn to_entry(&self) -> Bytes {
        let (at, max_age, keys) = (self.at.unix_millis(), self.life.as_secs(), write_keys(&self.set));
        let mut entry = format!(r#"{{"v":{VERSION},"at":{at},"maxAge":{max_age},"keys":{keys}"#);
        self.document.write_endpoints(&mut entry);
        entry.push('}');
        entry.into()
    }

    /// Returns whether they are within their life at `now`.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.saturating_since(self.at) < self.life
    }

    /// Returns whether they need not be read again at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.saturating_since(self.at) < self.life * 3 / 4
    }

    /// Their life from `now` on. They are due after about three quarters of it: `chance` spreads the reads of many instances.
    fn remaining(&self, now: Timestamp, chance: u64) -> Life {
        let age = now.saturating_since(self.at);
        // From 675 to 825 thousandths: 75 % and a tenth of that to either side.
        let part = 675 + u32::try_from(chance % 151).unwrap_or_default();
        let fresh = (self.life * part / 1_000).saturating_sub(age);
        let valid = self.life.saturating_add(USABLE_BEYOND).saturating_sub(age);
        Life { fresh, usable: self.life.saturating_sub(age), valid }
    }
}

impl KeyCell {
    /// Looks up the keys at `now`, a time of the process's monotonic clock.
    pub fn look(&self, now: Duration) -> Look<Published> {
        self.keys.look(now, PATIENCE)
    }

    /// The latest read that has begun.
    pub fn latest(&self) -> Reading {
        self.keys.latest()
    }

    /// Assigns the part of a request that found them unread at `now`: the first reads, and the others wait. With `than`, they have to
    /// be from a later read.
    pub fn turn(&self, than: Option<Reading>, now: Duration) -> Turn<Published> {
        match than {
            Some(than) => self.keys.newer_turn(than, now, LOST_AFTER),
            None => self.keys.turn(now, LOST_AFTER),
        }
    }

    /// Begins a read for which nobody waits; `None` if another is under way, or has been since somebody asked for this one.
    pub fn begin(&self, now: Duration) -> Option<Reading> {
        if self.keys.is_due(now) { self.keys.begin(now, LOST_AFTER) } else { None }
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.keys.is_being_read()
    }

    /// Returns whether they are to be read again at `now`.
    pub fn is_due(&self, now: Duration) -> bool {
        self.keys.is_due(now)
    }

    /// Returns whether the latest attempt failed.
    pub fn has_failed(&self) -> bool {
        self.keys.has_failed()
    }

    /// Leaves `reading`. Returns whether it was still under way.
    pub fn leave(&self, reading: Reading) -> bool {
        self.keys.leave(reading)
    }

    /// The latest keys that are still good at `now`.
    pub fn last(&self, now: Duration) -> Option<Published> {
        self.keys.last(now)
    }

    /// Returns whether a read for an unknown key is admitted at `now`, and counts it. Whoever makes up names of keys has the issuer
    /// asked no more often than this.
    pub fn admits_refetch(&self, now: Timestamp) -> bool {
        let mut state = self.refetches.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, verdict) = gcra::decide(*state, now, REFETCHES, 1);
        *state = Some(next);
        verdict.admitted
    }

    /// Stores what the issuer has given to `reading` at `now`, by both clocks.
    pub fn learn(
        &self,
        keys: Published,
        (now, monotonic): (Timestamp, Duration),
        chance: u64,
        reading: Reading,
    ) -> Option<Published> {
        let life = keys.remaining(now, chance);
        self.keys.learn(keys, life, monotonic, Some(reading))
    }

    /// Stores what `reading` has found in the key-value store at `now`, by both clocks.
    pub fn recall(
        &self,
        keys: Published,
        (now, monotonic): (Timestamp, Duration),
        chance: u64,
        reading: Reading,
    ) -> Option<Published> {
        let life = keys.remaining(now, chance);
        self.keys.recall(keys, life, monotonic, reading)
    }

    /// Takes note that `reading` has failed. The next attempt is due after 5 s, 10 s, 20 s and so on, up to 5 min; while there are keys
    /// that are valid, it is made behind an answer.
    pub fn fail(&self, now: Duration, reading: Reading) -> Option<Published> {
        self.keys.fail(pause, now, Some(reading))
    }
}

fn pause(failures: u32, valid_for: Option<Duration>) -> Pause {
    let seconds = FIRST_PAUSE.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(LONGEST_PAUSE);
    let pause = Duration::from_secs(seconds.min(LONGEST_PAUSE));
    Pause { fresh: pause, usable: valid_for.unwrap_or(pause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str =
        r#"[{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA","kid":"a"}]"#;
    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn keys(life: Option<u64>) -> Published {
        let set = read_set(format!(r#"{{"keys":{KEYS}}}"#).as_bytes(), &[]).unwrap();
        Published::new(set, NOW, life.map(Duration::from_secs), Document::default())
    }

    const fn later(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    /// docs/configuration.md, Who is calling: 60 s to 24 h, 10 min where the issuer does not say; due after about three quarters of
    /// that; good for a day beyond.
    #[test]
    fn keys_live_as_long_as_their_issuer_says_within_bounds() {
        for (stated, life) in [(None, 600), (Some(0), 60), (Some(59), 60), (Some(61), 61), (Some(1 << 40), 86_400)] {
            let keys = keys(stated);
            assert_eq!(keys.life, Duration::from_secs(life));
            assert!(keys.is_alive(later(life - 1)) && !keys.is_alive(later(life)));
        }
        let keys = keys(Some(1_000));
        assert!(keys.is_fresh(later(749)) && !keys.is_fresh(later(750)));
        let mut due: Vec<u64> = (0..151).map(|chance| keys.remaining(NOW, chance).fresh.as_secs()).collect();
        due.sort_unstable();
        assert_eq!((due[0], due[75], due[150]), (675, 750, 825));
        let left = keys.remaining(later(900), 0);
        assert_eq!((left.fresh.as_secs(), left.usable.as_secs(), left.valid.as_secs()), (0, 100, 86_500));
    }

    #[test]
    fn an_entry_is_read_as_it_is_written() {
        let entry = keys(Some(300)).to_entry();
        assert_eq!(*entry, *format!(r#"{{"v":2,"at":1800000000000,"maxAge":300,"keys":{KEYS}}}"#).as_bytes());
        let read = |at| Published::of_entry(&entry, &[], at).map(|keys| (keys.at, keys.life.as_secs()));
        assert_eq!(read(later(0)), Some((NOW, 300)));
        assert_eq!(read(later(86_400)), Some((NOW, 300)));
        assert_eq!(read(later(86_401)), None, "it is too old");
        assert!(read(Timestamp::from_unix_millis(NOW.unix_millis() - 60_000)).is_some(), "clocks differ");
        assert_eq!(read(Timestamp::from_unix_millis(NOW.unix_millis() - 60_001)), None, "it is from the future");
    }

    /// docs/configuration.md, Pages behind a login: whoever reads the keys in the store knows where people log in, too.
    #[test]
    fn an_entry_has_the_endpoints_of_the_document() {
        let text = r#"{"issuer": "i", "jwks_uri": "u", "authorization_endpoint": "a\"b", "token_endpoint": "t", "end_session_endpoint": "e",
            "authorization_response_iss_parameter_supported": true}"#;
        let document = crate::jose::published::read_document(text.as_bytes(), "i").unwrap();
        let published = Published { document: Arc::new(document.clone()), ..keys(None) };
        let read = Published::of_entry(&published.to_entry(), &[], NOW).unwrap().document;
        let own = read;
        assert_eq!((own.authorization_endpoint.as_deref(), own.token_endpoint.as_deref()), (Some("a\"b"), Some("t")));
        assert_eq!(own.end_session_endpoint, document.end_session_endpoint);
        assert!(own.authorization_response_iss_parameter_supported);
    }

    #[test]
    fn what_is_no_entry_is_not_read() {
        let text = String::from_utf8(keys(None).to_entry().to_vec()).unwrap();
        for (from, to) in
            [("\"v\":2", "\"v\":1"), ("\"at\":", "\"et\":"), ("600", "-1"), (":[", ":[],\"x\":["), ("{", "")]
        {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert!(Published::of_entry(changed.as_bytes(), &[], NOW).is_none(), "{changed}");
        }
        assert!(Published::of_entry(text.as_bytes(), &[Algorithm::Rs256], NOW).is_none(), "for other algorithms");
    }

    /// docs/configuration.md, Who is calling: after 5 s, 10 s, 20 s and so on, up to 5 min.
    #[test]
    fn failures_are_followed_by_longer_and_longer_pauses() {
        let seconds: Vec<u64> = (1..9).map(|failures| pause(failures, None).fresh.as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pause(u32::MAX, None).usable.as_secs(), 300);
        assert_eq!(pause(1, Some(KEEP)).usable, KEEP);
    }

    /// docs/configuration.md, Who is calling: three at once, then one in 15 s, however many tokens name keys that are not known.
    #[test]
    fn unknown_keys_have_the_issuer_asked_in_bounds() {
        let cell = KeyCell::default();
        let admitted = |at| (0..10_000).filter(|_| cell.admits_refetch(at)).count();
        assert_eq!(admitted(NOW), 3);
        assert_eq!(admitted(later(14)), 0);
        assert_eq!(admitted(later(15)), 1);
        assert_eq!(admitted(later(1_000)), 3);
    }
}

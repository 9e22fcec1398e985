//! An adaptive limit on the requests under way to an upstream: as many as it bears before it gets slower.
//!
//! After the gradient controllers of Netflix's concurrency-limits (`Gradient2Limit`) and of Envoy's filter `adaptive_concurrency`: the latency of the last
//! requests is compared with the one that the upstream has without load. Whole numbers alone, so that every machine comes to the same limit.

use core::time::Duration;
use std::sync::Arc;

use super::fleet::Fleet;
use crate::config::Priority;

/// The shortest time over which latencies are looked at.
const WINDOW: Duration = Duration::from_millis(250);

/// The fewest requests that tell anything.
const LEAST_SAMPLES: u32 = 10;

/// The fewest requests beside next to none of which the latency without load is learnt.
const LEAST_LIGHT: u32 = 3;

/// The part of the answers of a window, one of so many, that has to say that the upstream is overloaded.
const OVERLOADED_SHARE: u32 = 10;

/// The latency up to which nothing is amiss, in percent of the one without load.
const TOLERANCE: u64 = 150;

/// The time after which the latency without load is measured anew, if requests are refused all the time.
const DOUBT: Duration = Duration::from_secs(60);

/// The steps of the limit, in thousandths of a request.
const ONE: u64 = 1_000;

/// The bounds of a limit, in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive {
    /// The smallest limit.
    pub least: u32,
    /// The largest limit.
    pub most: u32,
    /// The limit at first.
    pub first: u32,
}

/// The state of a limit.
#[derive(Debug, Default)]
pub struct Load {
    /// The limit, in thousandths; 0 until the first request.
    limit: u64,
    under_way: u32,
    /// The latency without load, in microseconds; 0 if it is not known.
    base: u64,
    /// The time at which there was last no reason to doubt that.
    measured: Duration,
    /// The limit before, while the latency without load is measured at the smallest limit.
    before: Option<u64>,
    /// Requests that began earlier tell nothing of this window.
    epoch: Duration,
    window: Sums,
    /// The requests that were refused since the start, by their priority.
    shed: [u64; PRIORITIES.len()],
}

/// The priorities, by their names, in the order of [`Priority`].
pub(crate) const PRIORITIES: [&str; 3] = ["critical", "default", "sheddable"];

/// What is known of the requests that have ended in a window.
#[derive(Debug, Default)]
struct Sums {
    begun: Duration,
    all: Mean,
    /// Those that found next to none under way.
    light: Mean,
    /// Those of which the upstream has said that it is overloaded, or has not answered.
    overloaded: u32,
    /// The most requests under way.
    peak: u32,
    /// Set if any was refused.
    has_refused: bool,
}

/// A mean latency.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    micros: u64,
    count: u32,
}

/// A request that was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    begun: Duration,
    /// Set if it found next to none under way.
    is_light: bool,
}

/// What an upstream has made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// It has answered.
    Answered,
    /// It has answered that it has too much to do, or has not answered in time.
    Overloaded,
    /// Nothing is known of how long it takes.
    Nothing,
}

impl Mean {
    fn add(&mut self, took: Duration) {
        self.micros = self.micros.saturating_add(took.as_micros() as u64);
        self.count = self.count.saturating_add(1);
    }

    fn get(self) -> u64 {
        (self.micros / u64::from(self.count.max(1))).max(1)
    }
}

impl Load {
    /// Returns whether there is a place for a request of this `priority` at `now`. Those that can be shed have three quarters of all, and critical ones a
    /// quarter more.
    pub fn has_room(&mut self, rule: &Adaptive, priority: Priority, now: Duration) -> bool {
        if self.limit == 0 {
            *self = Self { limit: u64::from(rule.first) * ONE, measured: now, ..Self::default() };
            self.window.begun = now;
        }
        let limit = self.limit.clamp(u64::from(rule.least) * ONE, u64::from(rule.most) * ONE);
        let room = match priority {
            // A measurement is worth nothing with more than that.
            _ if self.before.is_some() => limit,
            Priority::Critical => limit * 5 / 4,
            Priority::Default => limit,
            Priority::Sheddable => limit * 3 / 4,
        };
        let is_there = u64::from(self.under_way) < (room / ONE).max(1);
        if !is_there && let Some(shed) = self.shed.get_mut(priority as usize) {
            *shed = shed.saturating_add(1);
            self.window.has_refused = true;
        }
        is_there
    }

    /// Takes a place for a request of this `priority` at `now`, if there is one.
    pub fn admit(&mut self, rule: &Adaptive, priority: Priority, now: Duration) -> Option<Admitted> {
        self.has_room(rule, priority, now).then(|| self.take(rule, now))
    }

    /// Takes a place at `now` for a request that was told before that there is one.
    fn take(&mut self, rule: &Adaptive, now: Duration) -> Admitted {
        self.under_way = self.under_way.saturating_add(1);
        self.window.peak = self.window.peak.max(self.under_way);
        Admitted { begun: now, is_light: self.under_way <= few(rule) }
    }

    /// Gives the place of a request back, and takes note of what has become of it by `now`.
    pub fn end(&mut self, rule: &Adaptive, (admitted, now): (Admitted, Duration), sample: Sample) {
        self.under_way = self.under_way.saturating_sub(1);
        if sample == Sample::Nothing || admitted.begun < self.epoch {
            return;
        }
        let window = &mut self.window;
        let took = now.saturating_sub(admitted.begun);
        window.all.add(took);
        if sample == Sample::Overloaded {
            window.overloaded = window.overloaded.saturating_add(1);
        } else if admitted.is_light {
            window.light.add(took);
        }
        if window.all.count >= LEAST_SAMPLES && now.saturating_sub(window.begun) >= WINDOW {
            self.close(rule, now);
        }
    }

    /// The limit, the requests under way, the latency without load, and those that were refused since the start in the order of [`PRIORITIES`].
    #[must_use]
    pub fn describe(&self, rule: &Adaptive) -> (u64, u32, Duration, [u64; PRIORITIES.len()]) {
        let limit = if self.limit == 0 { u64::from(rule.first) } else { self.limit / ONE };
        (limit, self.under_way, Duration::from_micros(self.base), self.shed)
    }

    /// Works out the limit from what has become of the requests of a window that ends at `now`.
    fn close(&mut self, rule: &Adaptive, now: Duration) {
        let sums = core::mem::take(&mut self.window);
        (self.window.begun, self.window.peak) = (now, self.under_way);
        let (least, most) = (u64::from(rule.least) * ONE, u64::from(rule.most) * ONE);
        let latency = sums.all.get();
        if let Some(before) = self.before.take() {
            (self.base, self.measured, self.limit) = (latency, now, before.clamp(least, most));
            return;
        }
        let limit = self.limit.clamp(least, most);
        // A limit that can't be told from the smallest one holds as little up.
        let is_light = sums.peak <= few(rule) || limit <= u64::from(few(rule)) * ONE;
        self.learn(&sums, is_light);
        // What is not used tells nothing of more.
        let used = u64::from(sums.peak) * 2 * ONE;
        let is_used = used >= limit;
        let is_idle = !is_used && used <= u64::from(rule.first) * ONE;
        if is_light || !sums.has_refused {
            self.measured = now;
        }
        if is_idle {
            self.limit = limit;
            return;
        }
        // One answer of many is not the upstream's state: it may be about one client.
        let is_overloaded = sums.overloaded.saturating_mul(OVERLOADED_SHARE) >= sums.all.count;
        let gradient = (self.base.saturating_mul(TOLERANCE) * 10 / latency).clamp(500, 1_000);
        let gradient = if is_overloaded { gradient.min(800) } else { gradient };
        // Halfway there, and a place or some more to find out whether it bears them.
        let room = if is_overloaded { 0 } else { (limit / ONE).isqrt() * ONE };
        let fallen = limit * (1_000 + gradient) / 2_000;
        // Of many that are not used, no more are taken away than that.
        let next = if is_used { fallen + room / 2 } else { fallen.max(used).min(limit) };
        self.limit = next.clamp(least, most);
        // Refused for so long by a latency of which nobody knows whether it still is the one without load.
        if now.saturating_sub(self.measured) >= DOUBT {
            self.before = Some(self.limit);
            (self.limit, self.epoch) = (least, now);
        }
    }

    /// Learns the latency without load from a window: from those that found next to none under way, if they were faster, and from a window that `is_light` also
    /// if it was slower. By and by, for some of them may ask for something that is done sooner than the rest.
    fn learn(&mut self, sums: &Sums, is_light: bool) {
        let of_few = if is_light { sums.all } else { sums.light };
        if self.base == 0 {
            self.base = if of_few.count > 0 { of_few.get() } else { sums.all.get() };
        } else if of_few.count >= LEAST_LIGHT {
            let latency = of_few.get();
            if latency < self.base {
                self.base -= (self.base - latency) / 4;
            } else if is_light {
                self.base += (latency - self.base) / 4;
            }
        }
    }
}

/// The most requests under way of which each is done as if it were alone.
const fn few(rule: &Adaptive) -> u32 {
    rule.least.saturating_add(1)
}

/// The place of a request among those under way: it is given back if nothing is heard of it, as where its client has left.
#[derive(Debug)]
pub struct Place {
    fleet: Option<Arc<Fleet>>,
    rule: Adaptive,
    admitted: Admitted,
}

impl Place {
    /// Takes one of `fleet` for a request of this `priority` at `now`, if there is one.
    pub(crate) fn take(fleet: &Arc<Fleet>, rule: Adaptive, priority: Priority, now: Duration) -> Option<Self> {
        let admitted = fleet.load(|load| load.admit(&rule, priority, now))?;
        Some(Self { fleet: Some(Arc::clone(fleet)), rule, admitted })
    }

    /// Takes one at `now` for a request that was told before that there is room.
    pub(crate) fn promised(fleet: &Arc<Fleet>, rule: Adaptive, now: Duration) -> Self {
        let admitted = fleet.load(|load| load.take(&rule, now));
        Self { fleet: Some(Arc::clone(fleet)), rule, admitted }
    }

    /// Gives it back at `now`, with what has become of the request.
    pub(crate) fn end(mut self, now: Duration, sample: Sample) {
        if let Some(fleet) = self.fleet.take() {
            fleet.load(|load| load.end(&self.rule, (self.admitted, now), sample));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(fleet) = self.fleet.take() {
            fleet.load(|load| load.end(&self.rule, (self.admitted, self.admitted.begun), Sample::Nothing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Adaptive = Adaptive { least: 3, most: 1_000, first: 20 };

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// An upstream that does so many requests at once in `took`, and others after them; all that find a place come at once.
    fn run(load: &mut Load, from: Duration, seconds: u64, (at_once, took): (u64, u64)) -> (Duration, u64) {
        let mut now = from;
        while now < from + Duration::from_secs(seconds) {
            let mut places = Vec::new();
            while let Some(place) = load.admit(&RULE, Priority::Default, now) {
                places.push(place);
            }
            let rounds = |place: usize| 1 + place as u64 / at_once;
            for (place, admitted) in places.iter().enumerate() {
                load.end(&RULE, (*admitted, now + ms(took * rounds(place))), Sample::Answered);
            }
            now += ms(took * rounds(places.len().saturating_sub(1)));
        }
        (now, load.describe(&RULE).0)
    }

    #[test]
    fn the_limit_grows_while_nothing_is_slower_and_falls_with_what_the_upstream_bears() {
        let mut load = Load::default();
        let (now, limit) = run(&mut load, Duration::ZERO, 30, (10_000, 50));
        assert!(limit > 400, "{limit}");
        let (now, limit) = run(&mut load, now, 20, (20, 50));
        assert!((20..80).contains(&limit), "{limit}");
        let (_, limit) = run(&mut load, now, 30, (10_000, 50));
        assert!(limit > 300, "{limit}");
    }

    /// An upstream that is slower for good gets its share again, once that has been measured.
    #[test]
    fn a_latency_that_stays_is_taken_for_the_usual_one() {
        let mut load = Load::default();
        let (now, _) = run(&mut load, Duration::ZERO, 10, (10_000, 50));
        let (now, limit) = run(&mut load, now, 20, (10_000, 120));
        assert!(limit < 60, "{limit}");
        let (_, limit) = run(&mut load, now, 120, (10_000, 120));
        assert!(limit > 200, "{limit}");
    }

    #[test]
    fn an_upstream_with_little_to_do_changes_nothing() {
        let mut load = Load::default();
        for step in 0..1_000 {
            let now = ms(step * 100);
            let place = load.admit(&RULE, Priority::Default, now).unwrap();
            load.end(&RULE, (place, now + ms(1 + step)), Sample::Answered);
        }
        assert_eq!(load.describe(&RULE).0, 20);
    }

    #[test]
    fn what_can_be_shed_is_refused_first_and_what_is_critical_last() {
        let mut load = Load::default();
        let mut take = |priority| (0..100).take_while(|_| load.admit(&RULE, priority, ms(0)).is_some()).count();
        assert_eq!([Priority::Sheddable, Priority::Default, Priority::Critical].map(&mut take), [15, 5, 5]);
        assert_eq!(load.describe(&RULE).3, [1, 1, 1]);
    }

    #[test]
    fn places_come_back_with_those_who_have_them() {
        let fleet = Arc::new(Fleet::default());
        let rule = Adaptive { least: 1, most: 1, first: 1 };
        let take = |now| Place::take(&fleet, rule, Priority::Default, now);
        let first = take(ms(0)).unwrap();
        assert!(take(ms(1)).is_none());
        drop(first);
        let second = take(ms(2)).unwrap();
        second.end(ms(3), Sample::Answered);
        assert!(take(ms(4)).is_some());
    }

    /// RFC 9110 §15.6.4: an upstream that says so has too much to do, however fast it says it.
    #[test]
    fn refusals_of_the_upstream_lower_the_limit() {
        let mut load = Load::default();
        for round in 0..8 {
            let now = ms(round * 300);
            let places: Vec<_> = (0..100).map_while(|_| load.admit(&RULE, Priority::Default, now)).collect();
            for place in places {
                load.end(&RULE, (place, now + ms(290)), Sample::Overloaded);
            }
        }
        assert!(load.describe(&RULE).0 < 12, "{load:?}");
    }

    /// Answers that are made much sooner than the others, as of a cache of the upstream's, don't take its places from those.
    #[test]
    fn a_burst_of_fast_answers_does_not_make_the_others_slow() {
        let mut load = Load::default();
        // Fifteen at a time, and each so long; in every tenth round fast ones beside them.
        for round in 0..200 {
            let now = ms(round * 40);
            let all: Vec<_> = (0..15).map_while(|_| load.admit(&RULE, Priority::Default, now)).collect();
            assert_eq!(all.len(), 15, "in round {round}: {load:?}");
            if round % 10 == 0 {
                for _ in 0..40 {
                    if let Some(fast) = load.admit(&RULE, Priority::Default, now) {
                        load.end(&RULE, (fast, now + ms(1)), Sample::Answered);
                    }
                }
            }
            for place in all {
                load.end(&RULE, (place, now + ms(39)), Sample::Answered);
            }
        }
    }

    /// An upstream that is full from the first request on, and shares its time among all, is measured once it has refused for a while.
    #[test]
    fn a_latency_that_was_first_seen_under_load_is_measured() {
        let mut load = Load::default();
        let mut now = Duration::ZERO;
        // It does 8 at once in 50 ms, and more in as much longer.
        for _ in 0..3_000 {
            let all: Vec<_> = (0..100).map_while(|_| load.admit(&RULE, Priority::Default, now)).collect();
            let took = ms(50 * (all.len() as u64).max(8) / 8);
            for place in &all {
                load.end(&RULE, (*place, now + took), Sample::Answered);
            }
            now += took;
        }
        let (limit, _, base, _) = load.describe(&RULE);
        assert!(base < ms(60), "{base:?}");
        assert!(limit < 24, "{limit}");
    }

    /// RFC 6585 §4, RFC 9110 §15.6.4: one refusal among many answers may be about one client.
    #[test]
    fn a_refusal_among_many_answers_takes_no_places() {
        let mut load = Load::default();
        for round in 0..50 {
            let now = ms(round * 300);
            let all: Vec<_> = (0..15).map_while(|_| load.admit(&RULE, Priority::Default, now)).collect();
            assert_eq!(all.len(), 15, "in round {round}: {load:?}");
            for (index, place) in all.into_iter().enumerate() {
                let sample = if index == 7 { Sample::Overloaded } else { Sample::Answered };
                load.end(&RULE, (place, now + ms(290)), sample);
            }
        }
    }
}

//! A second attempt beside a first one that takes its time (Dean and Barroso, The Tail at Scale, 2013).

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

/// The rule for second attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hedge {
    /// After this time.
    After(Duration),
    /// After the time within which so many of a hundred calls are answered.
    Percentile(u32),
}

impl Hedge {
    /// The time after which a second attempt is made; none if it is not known yet.
    #[must_use]
    pub fn after(self, latencies: &Latencies) -> Option<Duration> {
        match self {
            Self::After(time) => Some(time),
            Self::Percentile(percent) => latencies.percentile(percent),
        }
    }
}

/// The fewest calls of which a percentile tells anything.
const LEAST: u32 = 100;

/// The calls from which on all counts are halved, so that old ones are forgotten.
const MOST: u32 = 2_000;

/// Four classes for each doubling, from 1 µs to more than an hour.
const CLASSES: usize = 4 * 32;

/// How long calls to an upstream have taken, in classes a quarter wide: counts that all threads of a process share.
#[derive(Debug)]
pub struct Latencies {
    counts: [AtomicU32; CLASSES],
    all: AtomicU32,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [const { AtomicU32::new(0) }; CLASSES], all: AtomicU32::new(0) }
    }
}

impl Latencies {
    /// Counts a call that `took` so long.
    pub fn count(&self, took: Duration) {
        if let Some(count) = self.counts.get(class(took)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if self.all.fetch_add(1, Ordering::Relaxed) >= MOST {
            let mut all = 0;
            for count in &self.counts {
                let half = count.load(Ordering::Relaxed) / 2;
                count.store(half, Ordering::Relaxed);
                all += half;
            }
            self.all.store(all, Ordering::Relaxed);
        }
    }

    /// The time within which so many of a hundred calls were answered; none as long as there were too few.
    #[must_use]
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let all: u32 = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        if all < LEAST {
            return None;
        }
        let mut sum = 0;
        let is_end = |count: &AtomicU32| {
            sum += u64::from(count.load(Ordering::Relaxed));
            sum * 100 >= u64::from(all) * u64::from(percent)
        };
        self.counts.iter().position(is_end).map(end)
    }
}

/// The class of a time.
fn class(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(4);
    let doublings = micros.ilog2();
    let quarter = (micros >> (doublings - 2)) & 3;
    (4 * (doublings as usize - 2) + quarter as usize).min(CLASSES - 1)
}

/// The end of the class of this number.
fn end(class: usize) -> Duration {
    let (doublings, quarter) = (class / 4 + 2, class as u64 % 4);
    Duration::from_micros((quarter + 5) << (doublings - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[test]
    fn a_percentile_is_known_once_there_are_enough_calls_and_to_a_quarter() {
        let latencies = Latencies::default();
        for time in 1..=99 {
            latencies.count(ms(time));
        }
        assert_eq!(latencies.percentile(95), None);
        latencies.count(ms(100));
        for (percent, exact) in [(50, 50), (90, 90), (95, 95), (99, 99)] {
            let found = latencies.percentile(percent).unwrap();
            assert!(found >= ms(exact) && found <= ms(exact * 5 / 4 + 1), "{percent}: {found:?}");
        }
    }

    #[test]
    fn old_calls_are_forgotten() {
        let latencies = Latencies::default();
        (0..MOST).for_each(|_| latencies.count(ms(1_000)));
        assert!(latencies.percentile(50).unwrap() >= ms(1_000));
        (0..3 * MOST).for_each(|_| latencies.count(ms(10)));
        assert!(latencies.percentile(50).unwrap() < ms(13));
    }

    #[test]
    fn classes_have_every_time() {
        for micros in [0, 1, 3, 4, 5, 7, 8, 9, 1_000, 1_001, 12_345_678, 3_600_000_000, u64::MAX] {
            let time = Duration::from_micros(micros);
            let class = class(time);
            assert!(class == CLASSES - 1 || end(class) > time, "{micros}");
            assert!(class == 0 || class == CLASSES - 1 || end(class - 1) <= time, "{micros}");
        }
    }

    #[test]
    fn a_time_that_is_stated_holds_from_the_first_call_on() {
        assert_eq!(Hedge::After(ms(50)).after(&Latencies::default()), Some(ms(50)));
        assert_eq!(Hedge::Percentile(95).after(&Latencies::default()), None);
    }
}

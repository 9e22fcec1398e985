//! What an instance knows of a roll-out, and what it has counted since it last looked into the store.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use crate::policy::rollout::{Figures, Reason, Rollout};

/// What is known of a roll-out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// How often an operator had it begin anew.
    pub generation: u32,
    /// The present step.
    pub step: usize,
    /// The time at which that began, in seconds since 1970.
    pub begun: u32,
    /// The reason for which the candidate was rolled back, if it was.
    pub stopped: Option<Reason>,
    /// The figures of the baseline and the candidate: of this step, or as the candidate was rolled back.
    pub figures: [Figures; 2],
    /// What was made of them last.
    pub because: &'static str,
    /// Set if the store could not be asked the last time.
    pub is_store_failed: bool,
}

/// A roll-out, as an instance knows it.
#[derive(Debug, Default)]
pub struct Trial {
    known: Mutex<Known>,
    /// Set once the store has told.
    is_known: AtomicBool,
    /// The candidate's share, in percent.
    percent: AtomicU32,
    /// What was counted, of the baseline and the candidate.
    counted: [[AtomicU32; 3]; 2],
    /// The time of the next look, in milliseconds of the monotonic clock.
    next: AtomicU64,
}

impl Trial {
    /// The candidate's share, in percent; 0 until anything is known.
    pub fn percent(&self) -> u32 {
        self.percent.load(Ordering::Relaxed)
    }

    /// Returns whether the store has told.
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Returns whether it is time for a look, which nobody else has then for as long as `every`.
    pub fn is_due(&self, now: Duration, every: Duration) -> bool {
        let (now, every) = (millis(now), millis(every));
        let next = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(every);
        now >= next && self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Has the next request look.
    pub fn look_soon(&self) {
        self.next.store(0, Ordering::Relaxed);
    }

    /// Counts a request of a side.
    pub fn count(&self, side: usize, of: Figures) {
        for (count, part) in self.counted.get(side).into_iter().flatten().zip(of.parts()) {
            count.fetch_add(part, Ordering::Relaxed);
        }
    }

    /// Takes what was counted of a side.
    pub fn take(&self, side: usize) -> Figures {
        let mut parts = [0; 3];
        for (part, count) in parts.iter_mut().zip(self.counted.get(side).into_iter().flatten()) {
            *part = count.swap(0, Ordering::Relaxed);
        }
        Figures::from_parts(parts)
    }

    /// What is known.
    pub fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of what the store tells, unless more is known by now: a look that takes long may end after a later one.
    pub fn learn(&self, rollout: &Rollout, known: Known) {
        let age = |known: &Known| (known.generation, known.stopped.is_some(), known.step);
        let percent = if known.stopped.is_some() { 0 } else { rollout.percent(known.step) };
        let mut latest = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_known() && age(&known) < age(&latest) {
            return;
        }
        *latest = known;
        // Within the lock, so that the share is that of what is known.
        self.percent.store(percent, Ordering::Relaxed);
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Takes note that the store could not be asked: what was known goes on.
    pub fn store_failed(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).is_store_failed = true;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rollout::testing::rollout;

    /// A look that began before an operator's word and ends after it does not undo it.
    #[test]
    fn what_is_older_is_not_learnt() {
        let rollout = rollout();
        let trial = Trial::default();
        let at = |generation, step, stopped| Known { generation, step, stopped, ..Known::default() };
        let percent = |known| {
            trial.learn(&rollout, known);
            trial.percent()
        };
        let back = Some(Reason::Operator);
        assert_eq!([percent(at(0, 0, None)), percent(at(0, 1, None)), percent(at(0, 0, None))], [5, 50, 50]);
        assert_eq!([percent(at(0, 0, back)), percent(at(0, 2, None))], [0, 0], "it was rolled back");
        assert_eq!([percent(at(1, 0, None)), percent(at(0, 1, back))], [5, 5], "it begins anew");
    }
}

//! The health of what the server writes to: its stores and its access log.
//!
//! Whoever uses one records the outcome, which costs an addition. The operator is told of changes by the supervisor, which
//! looks from time to time: so neither a message nor a flood of failures holds up a request.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The age from which an operation that nobody waits for any more counts as unanswered. A client may leave before.
const UNANSWERED: Duration = Duration::from_millis(250);

/// The outcomes of operations.
#[derive(Debug, Default)]
pub struct Health {
    failures: AtomicU64,
    /// Set by a failure, until the next success.
    is_failing: AtomicBool,
    /// The reason of the last failure.
    reason: Mutex<String>,
}

impl Health {
    /// Records a success.
    pub fn succeeded(&self) {
        if self.is_failing.load(Ordering::Relaxed) {
            self.is_failing.store(false, Ordering::Relaxed);
        }
    }

    /// Records `count` failures for the same `reason`.
    pub fn failed(&self, count: u64, reason: &dyn Display) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.to_string();
        self.is_failing.store(true, Ordering::Relaxed);
        self.failures.fetch_add(count, Ordering::Release);
    }

    /// Returns whether the latest operation has failed.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// The number of failures since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Records the outcome of an operation.
    pub fn record<T, E: Display>(&self, outcome: &Result<T, E>) {
        match outcome {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(1, error),
        }
    }

    /// Begins an operation that may be abandoned because it takes too long.
    pub fn begin(&self) -> Begun<'_> {
        Begun { health: self, begun: Instant::now(), is_over: false }
    }
}

/// An operation under way. One that is dropped late has not been answered in time.
#[derive(Debug)]
pub struct Begun<'h> {
    health: &'h Health,
    begun: Instant,
    is_over: bool,
}

impl Begun<'_> {
    /// Records its outcome.
    pub fn end<T, E: Display>(mut self, outcome: &Result<T, E>) {
        self.is_over = true;
        self.health.record(outcome);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.is_over && self.begun.elapsed() >= UNANSWERED {
            self.health.failed(1, &"no answer in time");
        }
    }
}

/// A change of the health of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It begins to fail.
    Failing {
        /// The reason.
        reason: String,
    },
    /// It works again.
    Recovered {
        /// The number of failures in between.
        failures: u64,
    },
}

/// An observer of a [`Health`].
#[derive(Debug, Default)]
pub struct Observer {
    failures: u64,
    /// The number of failures before those that go on.
    failing_since: Option<u64>,
}

impl Observer {
    /// Looks at `health`. It is well again once none has failed since the last look, and the last operation has succeeded.
    pub fn look(&mut self, health: &Health) -> Option<Change> {
        let failures = health.failures();
        let failed = failures > self.failures;
        let before = std::mem::replace(&mut self.failures, failures);
        match self.failing_since {
            None if failed => {
                self.failing_since = Some(before);
                let reason = health.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Some(Change::Failing { reason })
            }
            Some(since) if !failed && !health.is_failing() => {
                self.failing_since = None;
                Some(Change::Recovered { failures: failures - since })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_with_the_failures_in_between() {
        let (health, mut observer) = (Health::default(), Observer::default());
        health.succeeded();
        assert_eq!(observer.look(&health), None);
        health.failed(2, &"full");
        assert_eq!(observer.look(&health), Some(Change::Failing { reason: "full".to_owned() }));
        assert_eq!(observer.look(&health), None, "nothing happened");
        health.succeeded();
        health.failed(1, &"full");
        assert_eq!(observer.look(&health), None, "some still fail");
        assert_eq!(observer.look(&health), None, "the last has failed");
        health.succeeded();
        assert_eq!(observer.look(&health), Some(Change::Recovered { failures: 3 }));
        assert_eq!(observer.look(&health), None);
    }
}

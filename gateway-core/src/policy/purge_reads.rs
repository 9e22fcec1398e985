//! The reads of the purges of stored responses, where they live in a store: how old they may be, who reads them, and who waits.

use core::time::Duration;

use super::remembered::{Life, Look, Pause, Reading, Remembered, Turn};

/// The age from which they are read again, after the answer to the request that finds them.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// The age from which they are not gone by any more.
const USABLE_FOR: Duration = Duration::from_secs(10);

/// The longest that a request waits for a read of them.
pub const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The age from which a read that others wait for counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

const LIFE: Life = Life { fresh: FRESH_FOR, usable: USABLE_FOR, valid: USABLE_FOR };

const PAUSE: Pause = Pause { fresh: Duration::from_secs(1), usable: Duration::from_secs(1) };

/// The reads of the purges, shared by all requests. What they have got is elsewhere: a [book](crate::cache::purges::PurgeBook).
#[derive(Debug, Default)]
pub struct PurgeReads(Remembered<()>);

impl PurgeReads {
    /// Looks up at `now`, a time of the process's monotonic clock, whether they are known.
    pub fn look(&self, now: Duration) -> Look<()> {
        self.0.look(now, FRESH_FOR)
    }

    /// Assigns the part of a request that does not know them: the first reads them, and the others wait.
    pub fn turn(&self, now: Duration) -> Turn<()> {
        self.0.turn(now, LOST_AFTER)
    }

    /// Begins a read for which nobody waits yet; `None` if another is under way.
    pub fn begin(&self, now: Duration) -> Option<Reading> {
        self.0.begin(now, LOST_AFTER)
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.0.is_being_read()
    }

    /// Leaves `reading`, so that another request reads.
    pub fn leave(&self, reading: Reading) -> bool {
        self.0.leave(reading)
    }

    /// Takes note at `now` that `reading` has got them, or has failed. Returns whether they are known.
    pub fn learn(&self, is_read: bool, now: Duration, reading: Reading) -> bool {
        let known = if is_read {
            self.0.learn((), LIFE, now, Some(reading))
        } else {
            self.0.fail(|_, _| PAUSE, now, Some(reading))
        };
        known.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Purges: they are known for 10 s, and nothing that is stored is used without.
    #[test]
    fn purges_of_a_store_are_known_for_ten_seconds() {
        let reads = PurgeReads::default();
        let now = |seconds: u64| Duration::from_secs(1_000 + seconds);
        assert_eq!(reads.look(now(0)), Look::Unread);
        let Turn::Read(reading) = reads.turn(now(0)) else { panic!("the first reads") };
        assert!(matches!(reads.turn(now(0)), Turn::Wait(_)));
        assert!(reads.learn(true, now(0), reading));
        assert_eq!(reads.look(now(4)), Look::Known(Some(())));
        assert_eq!(reads.look(now(5)), Look::Stale(Some(())));
        assert_eq!(reads.look(now(6)), Look::Known(Some(())), "another one has them read again");
        assert_eq!(reads.look(now(10)), Look::Unread);
        let Turn::Read(reading) = reads.turn(now(10)) else { panic!("they are read") };
        assert!(!reads.learn(false, now(10), reading));
        assert_eq!(reads.look(now(10)), Look::Known(None), "a store that fails is not asked by each");
    }
}

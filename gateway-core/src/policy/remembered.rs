//! Values that the requests of an instance share, and that come from elsewhere.
//!
//! Asking for each request would cost as much as the request. So a value is remembered; when a request finds it due, it is
//! read again after that request's answer. Without a usable value, one request reads first, and the others wait.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A remembered value. Times are those of the process's monotonic clock.
#[derive(Debug)]
pub struct Remembered<T>(Mutex<Memory<T>>);

#[derive(Debug)]
struct Memory<T> {
    /// The latest value, and the time at which it ends.
    value: Option<(T, Duration)>,
    /// The times from which it is read again, since it was first tried.
    times: Option<Times>,
    /// The time at which a request last took on the task of reading it.
    claimed: Option<Duration>,
    /// The read that requests wait for, and its beginning.
    reading: Option<(Reading, Duration)>,
    /// The number of reads that have begun.
    begun: u64,
    /// The latest read that has ended.
    ended: Reading,
    /// The attempts that have failed since the last one that did not.
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// The time from which it is read again after an answer.
    due: Duration,
    /// The time from which it is read before.
    overdue: Duration,
}

/// The life of a value, from the moment at which it is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The age from which it is read again, after the answer to the request that finds it.
    pub fresh: Duration,
    /// The age from which it is read first.
    pub usable: Duration,
    /// The age from which it is gone, even if no other can be read.
    pub valid: Duration,
}

/// The time after a failed attempt to read a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The time after which it is tried again, after an answer.
    pub fresh: Duration,
    /// The time for which requests go on without asking first.
    pub usable: Duration,
}

/// The state of a value at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// This value, or `None` if it could not be read.
    Known(Option<T>),
    /// The same, and this request has to read it again after its answer.
    Stale(Option<T>),
    /// No usable value: it has to be read first, as [`Remembered::turn`] says.
    Unread,
}

/// The part of a request in a read that comes before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<T> {
    /// The read is over, and this is the value to use.
    Over(Option<T>),
    /// This request reads, and [leaves](Remembered::leave) the read if it does not finish.
    Read(Reading),
    /// Another request reads, and counts as lost after this time.
    Wait(Duration),
}

/// A read, by its number: a later one has a greater number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading(u64);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::new(Memory {
            value: None,
            times: None,
            claimed: None,
            reading: None,
            begun: 0,
            ended: Reading(0),
            failures: 0,
        }))
    }
}

impl<T: Clone> Remembered<T> {
    /// Looks up the value at `now`. A request that takes on the task of reading it has `patience` for that; then another does.
    pub fn look(&self, now: Duration, patience: Duration) -> Look<T> {
        let mut memory = self.memory();
        match memory.times {
            Some(Times { due, .. }) if now < due => Look::Known(memory.value(now)),
            Some(Times { overdue, .. }) if now < overdue => {
                if memory.claimed.is_some_and(|claimed| now.saturating_sub(claimed) < patience) {
                    return Look::Known(memory.value(now));
                }
                memory.claimed = Some(now);
                Look::Stale(memory.value(now))
            }
            _ => Look::Unread,
        }
    }

    /// The latest read that has begun. What begins later sees all that has happened by now.
    pub fn latest(&self) -> Reading {
        Reading(self.memory().begun)
    }

    /// Assigns the part of a request that found it unread at `now`: the first reads, and the others wait. A read that is not over
    /// after `lost_after` is taken for lost.
    pub fn turn(&self, now: Duration, lost_after: Duration) -> Turn<T> {
        let mut memory = self.memory();
        if memory.times.is_some_and(|times| now < times.overdue) {
            return Turn::Over(memory.value(now));
        }
        memory.turn(now, lost_after)
    }

    /// Assigns the part of a request that needs a value from a read that began after `than`.
    pub fn newer_turn(&self, than: Reading, now: Duration, lost_after: Duration) -> Turn<T> {
        let mut memory = self.memory();
        if memory.ended > than {
            return Turn::Over(memory.value(now));
        }
        memory.turn(now, lost_after)
    }

    /// Begins a read for which nobody waits yet; `None` if another is under way.
    pub fn begin(&self, now: Duration, lost_after: Duration) -> Option<Reading> {
        match self.memory().turn(now, lost_after) {
            Turn::Read(reading) => Some(reading),
            Turn::Over(_) | Turn::Wait(_) => None,
        }
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.memory().reading.is_some()
    }

    /// Returns whether it is to be read again at `now`.
    pub fn is_due(&self, now: Duration) -> bool {
        self.memory().times.is_none_or(|times| times.due <= now)
    }

    /// The time until it is to be read again.
    pub fn due_in(&self, now: Duration) -> Duration {
        self.memory().times.map_or(Duration::ZERO, |times| times.due.saturating_sub(now))
    }

    /// Returns whether whoever needs it at `now` has to wait until it has been read.
    pub fn is_unread(&self, now: Duration) -> bool {
        self.memory().times.is_none_or(|times| times.overdue <= now)
    }

    /// Returns whether the latest attempt failed.
    pub fn has_failed(&self) -> bool {
        self.memory().failures > 0
    }

    /// Leaves `reading`, so that another request reads. Returns whether it was still under way, neither ended nor lost.
    pub fn leave(&self, reading: Reading) -> bool {
        self.memory().leave(reading)
    }

    /// The latest value at `now`, however old, unless it is gone.
    pub fn last(&self, now: Duration) -> Option<T> {
        self.memory().value(now)
    }

    /// Stores the `value` that `reading` has got, or that somebody knows without one. What a later read has got stays. Returns the
    /// value to use.
    pub fn learn(&self, value: T, life: Life, now: Duration, reading: Option<Reading>) -> Option<T> {
        let mut memory = self.memory();
        if memory.end(reading) {
            memory.keep(value, life, now);
        }
        memory.value(now)
    }

    /// Stores the `value` that `reading` has got from somebody who remembered it, too. It may be older than the read: whoever needs a
    /// [newer](Self::newer_turn) one has to read on.
    pub fn recall(&self, value: T, life: Life, now: Duration, reading: Reading) -> Option<T> {
        let mut memory = self.memory();
        memory.leave(reading);
        if reading >= memory.ended {
            memory.claimed = None;
            memory.keep(value, life, now);
        }
        memory.value(now)
    }

    /// Forgets the value, which is known to have changed: no read that has begun by now counts.
    pub fn forget(&self) {
        let mut memory = self.memory();
        memory.end(None);
        memory.begun = memory.begun.saturating_add(1);
        memory.ended = Reading(memory.begun);
        (memory.value, memory.times) = (None, None);
    }

    /// Takes note that `reading` has failed, or an attempt without one. The value stays as long as it is valid, and is read again
    /// after the `pause` for so many failures in a row, and for a value that is valid for so long. Returns the value to use.
    pub fn fail(
        &self,
        pause: impl FnOnce(u32, Option<Duration>) -> Pause,
        now: Duration,
        reading: Option<Reading>,
    ) -> Option<T> {
        let mut memory = self.memory();
        if memory.end(reading) {
            memory.failures = memory.failures.saturating_add(1);
            let valid_for =
                memory.value.as_ref().map(|(_, end)| end.saturating_sub(now)).filter(|left| !left.is_zero());
            let Pause { fresh, usable } = pause(memory.failures, valid_for);
            let usable = now.saturating_add(usable);
            let overdue = memory.times.map_or(usable, |times| times.overdue.max(usable));
            memory.times = Some(Times { due: now.saturating_add(fresh), overdue });
        }
        memory.value(now)
    }

    /// A panic elsewhere leaves the memory intact: nothing that panics runs while it is locked.
    fn memory(&self) -> MutexGuard<'_, Memory<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Memory<T> {
    fn value(&self, now: Duration) -> Option<T> {
        self.value.as_ref().filter(|(_, end)| now < *end).map(|(value, _)| value.clone())
    }

    fn keep(&mut self, value: T, life: Life, now: Duration) {
        self.value = Some((value, now.saturating_add(life.valid)));
        self.times = Some(Times { due: now.saturating_add(life.fresh), overdue: now.saturating_add(life.usable) });
        self.failures = 0;
    }

    fn turn(&mut self, now: Duration, lost_after: Duration) -> Turn<T> {
        let left = self.reading.map(|(_, begun)| lost_after.saturating_sub(now.saturating_sub(begun)));
        match left {
            Some(left) if !left.is_zero() => Turn::Wait(left),
            _ => {
                self.begun = self.begun.saturating_add(1);
                let reading = Reading(self.begun);
                self.reading = Some((reading, now));
                Turn::Read(reading)
            }
        }
    }

    fn leave(&mut self, reading: Reading) -> bool {
        let is_last = self.reading.is_some_and(|(last, _)| last == reading);
        if is_last {
            self.reading = None;
        }
        is_last
    }

    /// Ends `reading`, or whichever is under way. Returns whether its outcome counts: not if a later one has ended before.
    fn end(&mut self, reading: Option<Reading>) -> bool {
        match reading {
            Some(reading) => {
                self.leave(reading);
                if reading < self.ended {
                    return false;
                }
                self.ended = reading;
            }
            None => {
                self.reading = None;
                self.ended = Reading(self.begun);
            }
        }
        self.claimed = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST_AFTER: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(10);
    const LIFE: Life =
        Life { fresh: Duration::from_secs(60), usable: Duration::from_secs(80), valid: Duration::from_secs(600) };

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    /// A pause that doubles: 5, 10, 20 s.
    fn pause(failures: u32, valid_for: Option<Duration>) -> Pause {
        let pause = Duration::from_secs(5 << (failures - 1));
        Pause { fresh: pause, usable: valid_for.unwrap_or(pause) }
    }

    fn begin(cell: &Remembered<u8>, now: Duration) -> Reading {
        match cell.turn(now, LOST_AFTER) {
            Turn::Read(reading) => reading,
            turn => panic!("it is to be read, and not {turn:?}"),
        }
    }

    /// docs/configuration.md, Who is calling: a value that outlives failures is asked for again in growing steps, until it is gone.
    #[test]
    fn a_value_outlives_failures_until_it_ends() {
        let cell = Remembered::default();
        let reading = begin(&cell, at(0));
        assert_eq!(cell.learn(7, LIFE, at(0), Some(reading)), Some(7));
        assert_eq!(cell.look(at(59), PATIENCE), Look::Known(Some(7)));
        assert!(cell.is_due(at(60)) && !cell.is_due(at(59)));
        assert_eq!(cell.look(at(60), PATIENCE), Look::Stale(Some(7)));
        assert_eq!(cell.look(at(60), PATIENCE), Look::Known(Some(7)), "one request takes it on");
        assert_eq!(cell.look(at(80), PATIENCE), Look::Unread, "it is read first, while nothing has failed");
        let mut now = at(81);
        for seconds in [5, 10, 20] {
            let reading = cell.begin(now, LOST_AFTER).unwrap();
            assert_eq!(cell.fail(pause, now, Some(reading)), Some(7));
            assert!(cell.has_failed());
            now += Duration::from_secs(seconds);
            assert_eq!(cell.look(now - Duration::from_millis(1), PATIENCE), Look::Known(Some(7)));
            assert_eq!(cell.look(now, PATIENCE), Look::Stale(Some(7)));
        }
        assert_eq!(cell.look(at(600), PATIENCE), Look::Unread);
        let reading = begin(&cell, at(600));
        assert_eq!(cell.fail(pause, at(600), Some(reading)), None);
        assert_eq!(cell.look(at(639), PATIENCE), Look::Known(None), "the failure is remembered");
        assert_eq!(cell.look(at(640), PATIENCE), Look::Unread);
        let reading = begin(&cell, at(640));
        assert_eq!(cell.learn(8, LIFE, at(640), Some(reading)), Some(8));
        assert!(!cell.has_failed());
    }

    /// docs/configuration.md, Who is calling: whoever needs a newer value gets none from a read that began before he came.
    #[test]
    fn a_newer_value_is_one_whose_read_began_later() {
        let cell = Remembered::default();
        let old = begin(&cell, at(0));
        // It comes while a read is under way that may have missed what it needs.
        let came = cell.latest();
        assert_eq!(cell.newer_turn(came, at(0), LOST_AFTER), Turn::Wait(LOST_AFTER));
        cell.learn(1, LIFE, at(0), Some(old));
        let Turn::Read(new) = cell.newer_turn(came, at(0), LOST_AFTER) else { panic!("the old read is not enough") };
        assert_eq!(cell.newer_turn(came, at(0), LOST_AFTER), Turn::Wait(LOST_AFTER));
        cell.learn(2, LIFE, at(0), Some(new));
        assert_eq!(cell.newer_turn(came, at(0), LOST_AFTER), Turn::Over(Some(2)));
        // A failure is an outcome, too.
        let came = cell.latest();
        let Turn::Read(failing) = cell.newer_turn(came, at(1), LOST_AFTER) else { panic!("nobody reads") };
        cell.fail(pause, at(1), Some(failing));
        assert_eq!(cell.newer_turn(came, at(1), LOST_AFTER), Turn::Over(Some(2)));
    }

    /// docs/configuration.md, Keys that an issuer publishes: the key-value store may have keys from before a token was signed.
    #[test]
    fn what_another_remembered_is_not_newer() {
        let cell = Remembered::default();
        let came = cell.latest();
        let reading = begin(&cell, at(0));
        assert_eq!(cell.recall(1, LIFE, at(0), reading), Some(1));
        assert_eq!(cell.look(at(0), PATIENCE), Look::Known(Some(1)));
        let Turn::Read(asking) = cell.newer_turn(came, at(0), LOST_AFTER) else { panic!("nobody was asked yet") };
        assert_eq!(cell.learn(2, LIFE, at(0), Some(asking)), Some(2));
        assert_eq!(cell.recall(1, LIFE, at(0), reading), Some(2), "it comes too late");
    }

    /// A read that was taken for lost may come to its end after all, with a value that is older than the known one.
    #[test]
    fn what_a_later_read_has_got_stays() {
        let cell = Remembered::default();
        let lost = begin(&cell, at(0));
        let next = begin(&cell, at(1));
        assert_eq!(cell.learn(2, LIFE, at(1), Some(next)), Some(2));
        assert_eq!(cell.learn(1, LIFE, at(2), Some(lost)), Some(2));
        assert_eq!(cell.fail(pause, at(2), Some(lost)), Some(2));
        assert!(!cell.has_failed());
        // And it ends no other.
        let Turn::Read(last) = cell.newer_turn(cell.latest(), at(3), LOST_AFTER) else { panic!("nobody reads") };
        cell.learn(1, LIFE, at(3), Some(lost));
        assert!(cell.is_being_read() && cell.leave(last));
    }

    #[test]
    fn reads_that_nobody_waits_for_are_single_too() {
        let cell = Remembered::<u8>::default();
        let first = cell.begin(at(0), LOST_AFTER).unwrap();
        assert_eq!(cell.begin(at(0), LOST_AFTER), None);
        assert_eq!(cell.turn(at(0), LOST_AFTER), Turn::Wait(LOST_AFTER));
        assert!(cell.leave(first));
        assert!(cell.begin(at(0), LOST_AFTER).is_some());
    }
}

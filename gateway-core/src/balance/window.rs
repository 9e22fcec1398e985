//! Counts over the last while.

use core::time::Duration;

/// The calls of a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) all: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

/// The calls of the last while: those of the half that runs, and of the one before. So they are those of at least half of the time, and at most all of it.
#[derive(Debug, Default)]
pub(super) struct Window {
    half: u64,
    now: Counts,
    before: Counts,
}

impl Window {
    /// Counts a call at `now`, of which the last `length` matters. Returns the counts.
    pub(super) fn count(&mut self, now: Duration, length: Duration, (failed, slow): (bool, bool)) -> Counts {
        let half = now.as_millis() as u64 / (length.as_millis() as u64 / 2).max(1);
        match half.saturating_sub(self.half) {
            0 => {}
            1 => self.before = core::mem::take(&mut self.now),
            _ => (self.before, self.now) = Default::default(),
        }
        self.half = self.half.max(half);
        self.now.all = self.now.all.saturating_add(1);
        self.now.failed = self.now.failed.saturating_add(failed.into());
        self.now.slow = self.now.slow.saturating_add(slow.into());
        Counts {
            all: self.now.all.saturating_add(self.before.all),
            failed: self.now.failed.saturating_add(self.before.failed),
            slow: self.now.slow.saturating_add(self.before.slow),
        }
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        (self.now, self.before) = Default::default();
    }
}

/// The calls in intervals that follow one another: those of the one that runs, and of the one before.
#[derive(Debug, Default)]
pub(super) struct Rates {
    interval: u64,
    now: Counts,
    before: Counts,
}

impl Rates {
    /// Counts a call in the interval with this number. Returns whether it is the first of it.
    pub(super) fn count(&mut self, interval: u64, failed: bool) -> bool {
        self.go_on(interval);
        self.now.all = self.now.all.saturating_add(1);
        self.now.failed = self.now.failed.saturating_add(failed.into());
        self.now.all == 1
    }

    /// The calls of the interval before the one with this number.
    pub(super) fn before(&mut self, interval: u64) -> Counts {
        self.go_on(interval);
        self.before
    }

    fn go_on(&mut self, interval: u64) {
        match interval.saturating_sub(self.interval) {
            0 => {}
            1 => self.before = core::mem::take(&mut self.now),
            _ => (self.before, self.now) = Default::default(),
        }
        self.interval = self.interval.max(interval);
    }
}

/// Returns whether `part` of `all` is at least `percent`.
pub(super) fn is_share(part: u32, all: u32, percent: u32) -> bool {
    u64::from(part) * 100 >= u64::from(all) * u64::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_leave_the_window_with_their_half() {
        let mut window = Window::default();
        let mut at =
            |seconds, failed| window.count(Duration::from_secs(seconds), Duration::from_secs(10), (failed, false));
        assert_eq!(at(100, true), Counts { all: 1, failed: 1, slow: 0 });
        assert_eq!(at(104, false), Counts { all: 2, failed: 1, slow: 0 });
        assert_eq!(at(109, false), Counts { all: 3, failed: 1, slow: 0 });
        assert_eq!(at(110, false), Counts { all: 2, failed: 0, slow: 0 });
        assert_eq!(at(200, false), Counts { all: 1, failed: 0, slow: 0 });
    }

    #[test]
    fn a_share_is_reached_exactly() {
        assert!(is_share(1, 2, 50) && !is_share(49, 100, 50) && is_share(0, 0, 50));
    }
}

//! The fixed window: a count that begins anew with each window.
//!
//! The gateway knows the windows, the store only the end of the present one. All of the limit may come at once, and around the end of a window
//! up to twice the limit in a moment. Refused requests do not count.

use core::time::Duration;

use super::calendar::Calendar;
use super::gcra::FOREIGN_AFTER;
use super::quota::Verdict;
use crate::time::Timestamp;

/// The time for which a count is kept beyond its window: by that much may the clocks of gateways that share it differ.
pub(super) const CLOCKS: Duration = Duration::from_secs(5);

/// A window as a decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The end of the present window.
    pub end: Timestamp,
    /// The latest end of a window that can belong to this limit: that of the window in an hour.
    pub latest: Timestamp,
}

impl Span {
    /// The window of the length `window`, at a multiple of it since the Unix epoch, at `now`.
    #[must_use]
    pub fn of(window: Duration, now: Timestamp) -> Self {
        let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let end = |now: u64| Timestamp::from_unix_millis((now - now % window).saturating_add(window));
        Self { end: end(now.unix_millis()), latest: end(in_an_hour(now).unix_millis()) }
    }

    /// The window of `calendar` at `now`, and its length.
    #[must_use]
    pub fn of_calendar(calendar: &Calendar, now: Timestamp) -> (Self, Duration) {
        let (begin, end) = calendar.window(now);
        let later = in_an_hour(now);
        let latest = if later < end { end } else { calendar.window(later).1.max(end) };
        (Self { end, latest }, end.saturating_since(begin))
    }
}

fn in_an_hour(now: Timestamp) -> Timestamp {
    now.saturating_add(Duration::from_millis(FOREIGN_AFTER as u64))
}

/// The state of a cell: the units that a window has admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The window's end.
    pub end: Timestamp,
    /// The units admitted in it.
    pub taken: u32,
}

/// Decides about one request of `cost` units of `limit` in the window of `span`. Returns the cell's new state, to be stored in any case, and
/// the verdict.
///
/// - A clock that goes back by up to an hour admits nothing extra: the latest known window goes on.
/// - A window further ahead belongs to another limit, from before a change of the configuration; the count begins anew. One that is not
///   further ahead goes on, too.
/// - A cost above the limit is never admitted.
#[must_use]
pub fn decide(state: Option<Count>, now: Timestamp, span: Span, limit: u32, cost: u32) -> (Count, Verdict) {
    let mut count = current(state, span);
    let wanted = count.taken.checked_add(cost).filter(|wanted| *wanted <= limit);
    count.taken = wanted.unwrap_or(count.taken);
    (count, verdict(count, now, limit, wanted.is_some()))
}

/// The state of a cell in which a request that was admitted in the window that ends `at` takes `change` more units, or fewer.
///
/// What is taken may be more than the limit: a debt, which ends with the window. More units count in the present window; what is given back is so in
/// the window that admitted the request, as long as that lasts.
#[must_use]
pub fn settle(state: Option<Count>, span: Span, at: Timestamp, change: i32) -> Count {
    let mut count = current(state, span);
    if change > 0 || count.end == at {
        count.taken = count.taken.saturating_add_signed(change);
    }
    count
}

/// The state as it is in the present window.
fn current(state: Option<Count>, span: Span) -> Count {
    state.filter(|count| span.end <= count.end && count.end <= span.latest).unwrap_or(Count { end: span.end, taken: 0 })
}

/// The verdict on a request that was `admitted` or not, and left the state `count`.
pub(super) fn verdict(count: Count, now: Timestamp, limit: u32, admitted: bool) -> Verdict {
    let left = count.end.saturating_since(now);
    Verdict {
        admitted,
        remaining: limit.saturating_sub(count.taken),
        retry_after: if admitted { Duration::ZERO } else { left.max(Duration::from_millis(1)) },
        reset_after: if count.taken == 0 { Duration::ZERO } else { left },
    }
}

/// The time for which `count` has to be kept.
pub(super) const fn keep_for(count: Count, now: Timestamp) -> Duration {
    count.end.saturating_since(now).saturating_add(CLOCKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Period;
    use crate::policy::time_zone::TimeZone;

    /// The beginning of a minute.
    const START: u64 = 1_800_000_000_000 / 60_000 * 60_000;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A cell with its limit and a clock.
    struct Cell {
        state: Option<Count>,
        now: u64,
        limit: u32,
        window: Duration,
    }

    impl Cell {
        fn new(limit: u32) -> Self {
            Self { state: None, now: START, limit, window: MINUTE }
        }

        fn ask(&mut self, cost: u32) -> Verdict {
            let now = Timestamp::from_unix_millis(self.now);
            let (state, verdict) = decide(self.state, now, Span::of(self.window, now), self.limit, cost);
            self.state = Some(state);
            verdict
        }

        fn admits(&mut self, asked: u32) -> usize {
            (0..asked).filter(|_| self.ask(1).admitted).count()
        }
    }

    /// docs/configuration.md, Policies: a count that begins anew with each window.
    #[test]
    fn each_window_admits_the_limit() {
        let mut cell = Cell::new(3);
        cell.now += 59_999;
        assert_eq!(cell.admits(5), 3);
        let refused = cell.ask(1);
        let millisecond = Duration::from_millis(1);
        assert_eq!((refused.remaining, refused.retry_after, refused.reset_after), (0, millisecond, millisecond));
        cell.now += 1;
        assert_eq!(cell.admits(5), 3);
        assert_eq!(cell.ask(1).retry_after, MINUTE);
    }

    #[test]
    fn costs_take_as_much_and_none_above_the_limit_is_admitted() {
        let mut cell = Cell::new(10);
        assert_eq!(cell.ask(7).remaining, 3);
        assert!(!cell.ask(4).admitted);
        assert_eq!(cell.ask(3).remaining, 0);
        cell.now += 60_000;
        assert!(!cell.ask(11).admitted && !cell.ask(u32::MAX).admitted);
        assert!(cell.ask(10).admitted);
    }

    #[test]
    fn a_clock_that_goes_back_admits_nothing_extra() {
        let mut cell = Cell::new(2);
        assert_eq!(cell.admits(5), 2);
        cell.now -= 3_600_000;
        let refused = cell.ask(1);
        assert_eq!((refused.admitted, refused.retry_after), (false, Duration::from_secs(3_660)));
        // Much further back, it is the state of another limit.
        cell.now -= 60_000;
        assert_eq!(cell.admits(5), 2);
    }

    /// A limit that was lowered is used up, and one that was raised has the rest.
    #[test]
    fn a_change_of_the_limit_keeps_what_was_taken() {
        let mut cell = Cell::new(5);
        assert_eq!(cell.admits(5), 5);
        cell.limit = 2;
        assert_eq!((cell.ask(1).admitted, cell.ask(1).remaining), (false, 0));
        cell.limit = 7;
        assert_eq!(cell.admits(5), 2);
        // A window that ends within the hour goes on, and any other is over.
        cell.window = Duration::from_secs(7);
        assert_eq!(cell.admits(9), 0);
        cell.window = Duration::from_secs(7_200);
        assert_eq!(cell.admits(9), 7);
        cell.window = Duration::from_secs(7);
        assert_eq!(cell.admits(9), 7);
    }

    #[test]
    fn a_window_of_the_calendar_has_its_own_length() {
        let calendar = Calendar { period: Period::Month, zone: TimeZone::UTC };
        // 2026-02-28T23:30:00Z
        let now = Timestamp::from_unix_millis(1_772_321_400_000);
        let (span, length) = Span::of_calendar(&calendar, now);
        assert_eq!(length, Duration::from_secs(28 * 86_400));
        assert_eq!(span.end, now.saturating_add(Duration::from_secs(1_800)));
        assert_eq!(span.latest, span.end.saturating_add(Duration::from_secs(31 * 86_400)));
        let (span, _) = Span::of_calendar(&calendar, span.end);
        assert_eq!(span.end, span.latest);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for now in [0, START, u64::MAX].map(Timestamp::from_unix_millis) {
            for window in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                for taken in [0, 1, u32::MAX] {
                    for (limit, cost) in [(0, 0), (0, 1), (u32::MAX, u32::MAX)] {
                        let span = Span::of(window, now);
                        let (count, verdict) = decide(Some(Count { end: span.end, taken }), now, span, limit, cost);
                        assert!(verdict.remaining <= limit && keep_for(count, now) >= CLOCKS);
                    }
                }
            }
            for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
                let (span, _) = Span::of_calendar(&Calendar { period, zone: TimeZone::UTC }, now);
                assert!(span.end <= span.latest);
            }
        }
    }
}

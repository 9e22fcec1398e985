//! The sliding window counter: two numbers of state approximate the number of requests in the last window.
//!
//! Time is cut into windows, each as long as the limit's. The requests of the previous window are taken to be spread
//! evenly, so at 30 % of the present window, 70 % of them still count. A request is admitted if these and the requests
//! of the present window, itself included, are at most the limit.
//!
//! The error: an aligned window never admits more than the limit, so any stretch as long as a window admits at most
//! twice the limit. At the fraction `f` of a window it admits at most `limit + f * previous`, where `previous` is the
//! number of requests admitted in the window before. On the other side, early requests of the previous window count for
//! longer than a window. Refused requests do not count.

use core::time::Duration;

use super::gcra::FOREIGN_AFTER;
use super::quota::{Quota, Verdict};
use crate::time::Timestamp;

/// The state of a cell: requests admitted in a window and in the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The window's number: windows are counted from the Unix epoch.
    pub number: u64,
    /// The units admitted in it.
    pub current: u32,
    /// The units admitted in the window before it.
    pub previous: u32,
}

/// Decides about one request of `cost` units. Returns the cell's new state, to be stored in any case, and the verdict.
///
/// `quota.burst` is ignored: all of the limit may come at once.
///
/// - The arithmetic is exact to the millisecond. Only where limit times window is above 2⁵⁰ ms, as with a billion in
///   thirteen days, time goes in steps of at most a millionth of the window.
/// - A clock that goes back by up to an hour admits nothing extra: the latest known window goes on, as if it had just
///   begun.
/// - A state further ahead belongs to another quota, from before a change of the configuration; it counts as new.
/// - A count above twice the limit, from before the limit was lowered, counts as that.
/// - A cost above the limit is never admitted.
#[must_use]
pub fn decide(state: Option<Window>, now: Timestamp, quota: Quota, cost: u32) -> (Window, Verdict) {
    let terms = Terms::new(now, quota, cost);
    let (state, admitted) = terms.apply(state);
    (state, terms.verdict(state, admitted))
}

/// The state of a cell in which a request that was admitted in the window with the number `at` takes `change` more units, or fewer. Returns the state,
/// and the time for which it is to be kept.
///
/// What is taken may be more than the limit: a debt, which is at most the limit once more. More units count in the present window; what is given back
/// is so in the window that admitted the request, as long as that counts.
#[must_use]
pub fn settle(state: Option<Window>, now: Timestamp, quota: Quota, at: u64, change: i32) -> (Window, Duration) {
    let terms = Terms::new(now, quota, 0);
    let mut window = terms.current(state);
    let changed = |count: u32| count.saturating_add_signed(change).min(terms.most());
    if change > 0 || at == window.number {
        window.current = changed(window.current);
    } else if at.checked_add(1) == Some(window.number) {
        window.previous = changed(window.previous);
    }
    let until = window.number.saturating_add(2).saturating_mul(terms.window);
    (window, Duration::from_millis(until.saturating_sub(now.unix_millis())))
}

/// The number of the window at `now`.
#[must_use]
pub fn number(now: Timestamp, quota: Quota) -> u64 {
    Terms::new(now, quota, 0).number
}

/// A decision in whole numbers, also for the stores' programs: their products are below 2⁵³, up to which the numbers of
/// Redis are exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The number of the present window.
    pub(super) number: u64,
    /// The highest window number that can belong to this quota.
    pub(super) latest: u64,
    /// The ticks left of the present window, the present one included.
    pub(super) weight: u64,
    /// The ticks in a window.
    pub(super) span: u64,
    /// The units that a window admits.
    pub(super) limit: u64,
    /// The units that the request takes.
    pub(super) cost: u64,
    /// The length of a window in milliseconds.
    pub(super) window: u64,
    /// The milliseconds of the present window that have passed.
    elapsed: u64,
    /// The length of a tick in milliseconds.
    tick: u64,
}

/// The largest product of limit and ticks.
const MOST: u128 = 1 << 50;

impl Terms {
    pub(super) fn new(now: Timestamp, quota: Quota, cost: u32) -> Self {
        let now = now.unix_millis();
        let window = u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX).max(1);
        let limit = u64::from(quota.limit.max(1));
        let tick = u64::try_from((u128::from(limit) * u128::from(window)).div_ceil(MOST)).unwrap_or(u64::MAX);
        let span = window.div_ceil(tick);
        let elapsed = now % window;
        let foreign_after = u64::try_from(FOREIGN_AFTER).unwrap_or(u64::MAX);
        Self {
            number: now / window,
            latest: now.saturating_add(foreign_after) / window,
            weight: span - elapsed / tick,
            span,
            limit,
            cost: u64::from(cost).min(limit + 1),
            window,
            elapsed,
            tick,
        }
    }

    /// Returns the state after the request, and whether it is admitted.
    fn apply(&self, state: Option<Window>) -> (Window, bool) {
        let mut state = self.current(state);
        let admitted = self.taken(state) + self.cost * self.span <= self.limit * self.span;
        if admitted {
            // At most the limit, by the condition.
            state.current = state.current.saturating_add(u32::try_from(self.cost).unwrap_or(u32::MAX));
        }
        (state, admitted)
    }

    /// The most that counts in a window, a debt included.
    fn most(&self) -> u32 {
        u32::try_from(2 * self.limit).unwrap_or(u32::MAX)
    }

    /// The state as it is in the present window.
    fn current(&self, state: Option<Window>) -> Window {
        let most = self.most();
        let Window { number, current, previous } = match state {
            Some(state) if state.number >= self.number && state.number <= self.latest => state,
            Some(state) if state.number.checked_add(1) == Some(self.number) => {
                Window { number: self.number, current: 0, previous: state.current }
            }
            _ => Window { number: self.number, current: 0, previous: 0 },
        };
        Window { number, current: current.min(most), previous: previous.min(most) }
    }

    /// The counted units of both windows, in ticks.
    fn taken(&self, state: Window) -> u64 {
        let weight = if state.number > self.number { self.span } else { self.weight };
        u64::from(state.previous) * weight + u64::from(state.current) * self.span
    }

    /// The verdict on a request that was `admitted` or not, and left the state `state`.
    pub(super) fn verdict(&self, state: Window, admitted: bool) -> Verdict {
        let (current, previous) = (u64::from(state.current), u64::from(state.previous));
        let free = (self.limit * self.span).saturating_sub(self.taken(state)) / self.span;
        // The time until the state's window ends: the present window, or a later one after a clock went back.
        let ahead = state.number.saturating_sub(self.number).saturating_mul(self.window);
        let end = ahead.saturating_add(self.window - self.elapsed);
        let reset_after = match (current, previous) {
            (0, 0) => 0,
            (0, _) => end,
            _ => end.saturating_add(self.window),
        };
        let retry_after = if admitted {
            0
        } else if self.cost > self.limit {
            // No wait is long enough.
            reset_after.max(1)
        } else if current + self.cost <= self.limit {
            // Enough of the previous window has to pass.
            let start = end - self.window.min(end);
            let at = self.passing(previous, self.limit - current - self.cost);
            if ahead > 0 { start.saturating_add(at) } else { at.saturating_sub(self.elapsed) }
        } else {
            // The same of this window, once it is the previous one.
            end.saturating_add(self.passing(current, self.limit - self.cost))
        };
        Verdict {
            admitted,
            remaining: u32::try_from(free).unwrap_or(u32::MAX),
            retry_after: Duration::from_millis(retry_after),
            reset_after: Duration::from_millis(reset_after),
        }
    }

    /// The milliseconds into a window until at most `left` of the previous window's `count` still count.
    fn passing(&self, count: u64, left: u64) -> u64 {
        let ticks = self.span - (left * self.span).checked_div(count).unwrap_or(self.span).min(self.span);
        ticks.saturating_mul(self.tick).min(self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::Generator;

    /// The beginning of a window of every length used below.
    const START: u64 = 1_800_000_000_000 / 7_001 / 60_000 * 7_001 * 60_000;

    fn quota(limit: u32, window_millis: u64) -> Quota {
        Quota { limit, window: Duration::from_millis(window_millis), burst: limit }
    }

    /// A cell with its quota and a clock.
    struct Cell {
        state: Option<Window>,
        now: u64,
        quota: Quota,
    }

    impl Cell {
        fn new(quota: Quota) -> Self {
            Self { state: None, now: START, quota }
        }

        fn ask(&mut self, cost: u32) -> Verdict {
            let (state, verdict) = decide(self.state, Timestamp::from_unix_millis(self.now), self.quota, cost);
            self.state = Some(state);
            verdict
        }

        /// The answer of [`Cell::ask`] `millis` from now.
        fn peek(&self, millis: u64, cost: u32) -> Verdict {
            decide(self.state, Timestamp::from_unix_millis(self.now + millis), self.quota, cost).1
        }

        fn admits(&mut self, asked: u32) -> usize {
            (0..asked).filter(|_| self.ask(1).admitted).count()
        }
    }

    fn millis(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap()
    }

    /// docs/configuration.md, Policies: 42 in the window before, 18 in this one, 15 of 60 s passed: 42 * 0.75 + 18 = 49.5.
    #[test]
    fn the_window_before_counts_by_what_is_left_of_it() {
        let mut cell = Cell::new(quota(50, 60_000));
        assert_eq!(cell.admits(42), 42);
        cell.now += 75_000;
        cell.state = cell.state.map(|state| Window { number: state.number + 1, current: 18, previous: 42 });
        let refused = cell.ask(1);
        assert_eq!((refused.admitted, refused.remaining), (false, 0));
        // 42 * 0.738 is below 31 first.
        assert_eq!(refused.retry_after, Duration::from_millis(715));
        cell.now += 715;
        assert!(cell.ask(1).admitted);
    }

    #[test]
    fn all_of_the_limit_may_come_at_once_and_comes_back_over_the_next_window() {
        let mut cell = Cell::new(quota(10, 10_000));
        assert_eq!(cell.admits(20), 10);
        let refused = cell.ask(1);
        assert_eq!(
            (refused.remaining, refused.retry_after, refused.reset_after),
            (0, Duration::from_secs(11), Duration::from_secs(20))
        );
        cell.now += 10_000;
        assert_eq!(cell.admits(20), 0);
        cell.now += 1_000;
        assert_eq!(cell.admits(20), 1);
        cell.now += 4_000;
        assert_eq!(cell.admits(20), 4);
        cell.now += 15_000;
        assert_eq!(cell.admits(20), 10);
    }

    #[test]
    fn remaining_counts_down_to_zero() {
        let mut cell = Cell::new(quota(7, 10_000));
        for left in (0..7).rev() {
            assert_eq!(cell.ask(1).remaining, left);
        }
        assert_eq!(cell.ask(1).remaining, 0);
    }

    #[test]
    fn a_refused_request_changes_nothing() {
        let mut cell = Cell::new(quota(2, 1_000));
        assert!(cell.ask(2).admitted);
        let state = cell.state;
        assert_eq!(cell.admits(100), 0);
        assert_eq!(cell.state, state);
    }

    #[test]
    fn costs_take_as_much_and_none_above_the_limit_is_admitted() {
        let mut cell = Cell::new(quota(10, 1_000));
        assert_eq!(cell.ask(7).remaining, 3);
        assert!(!cell.ask(4).admitted);
        assert_eq!(cell.ask(3).remaining, 0);
        cell.now += 1_000_000;
        assert!(!cell.ask(11).admitted);
        assert!(!cell.ask(u32::MAX).admitted);
        assert!(cell.ask(10).admitted);
    }

    #[test]
    fn a_clock_that_goes_back_admits_nothing_extra() {
        let mut cell = Cell::new(quota(10, 1_000));
        assert_eq!(cell.admits(10), 10);
        cell.now -= 60_000;
        let verdict = cell.ask(1);
        assert_eq!((verdict.admitted, verdict.retry_after), (false, Duration::from_millis(61_100)));
        cell.now += 61_100;
        assert!(cell.ask(1).admitted);
    }

    /// After a change of the quota, an earlier state neither locks the caller out nor crashes.
    #[test]
    fn a_state_of_another_quota_counts_as_new_or_as_the_limit() {
        let mut cell = Cell::new(quota(1_000, 1_000));
        assert_eq!(cell.admits(1_000), 1_000);
        for window in [60_000, 7_001, 86_400_000] {
            cell.quota = quota(2, window);
            assert_eq!(cell.admits(5), 2, "{window}");
        }
        let mut lowered = Cell::new(quota(1_000, 1_000));
        assert_eq!(lowered.admits(1_000), 1_000);
        lowered.quota = quota(2, 1_000);
        assert_eq!(lowered.admits(5), 0);
        lowered.now += 1_500;
        assert_eq!(lowered.admits(5), 0);
        lowered.now += 250;
        assert_eq!(lowered.admits(5), 1);
        cell.state = Some(Window { number: u64::MAX, current: u32::MAX, previous: u32::MAX });
        assert!(cell.ask(1).admitted);
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_zero() {
        for limit in [0, 1, u32::MAX] {
            for window in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(366 * 86_400), Duration::MAX] {
                for now in [0, START, u64::MAX] {
                    for number in [None, Some(0), Some(1), Some(START), Some(u64::MAX)] {
                        for cost in [0, 1, u32::MAX] {
                            let quota = Quota { limit, window, burst: 1 };
                            let now = Timestamp::from_unix_millis(now);
                            let full = |number| Window { number, current: u32::MAX, previous: u32::MAX };
                            let (state, verdict) = decide(number.map(full), now, quota, cost);
                            assert!(
                                verdict.remaining <= limit.max(1)
                                    && u64::from(state.current) <= 2 * u64::from(limit.max(1))
                            );
                        }
                    }
                }
            }
        }
    }

    /// An aligned window never admits more than the limit. A stretch as long as a window admits at most the limit and
    /// the passed share of the previous window. A wait of `retry_after` is enough, a millisecond less is not. After
    /// `reset_after` the quota is whole, a millisecond before it is not.
    #[test]
    fn bounds_hold_for_random_traffic() {
        for seed in 0..200 {
            let mut random = Generator::new(seed);
            let limit = [1, 2, 3, 7, 60, 100, 997, 1_000, 999_983][random.below(9)];
            let window = [1_000, 1_500, 7_001, 10_000, 60_000, 86_400_000][random.below(6)];
            let mut cell = Cell::new(quota(limit, window));
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            for _ in 0..300 {
                let pause = match random.below(4) {
                    0 | 1 => 0,
                    2 => random.below(usize::try_from(window / u64::from(limit) + 2).unwrap()) as u64,
                    _ => random.below(usize::try_from(window + 2).unwrap()) as u64,
                };
                cell.now += pause;
                let cost = 1 + random.below(limit as usize) as u32;
                let verdict = cell.ask(cost);
                if verdict.admitted {
                    assert_eq!(verdict.retry_after, Duration::ZERO);
                    admitted.push((cell.now, u64::from(cost)));
                } else {
                    let wait = millis(verdict.retry_after);
                    assert!(wait > 0 && cell.peek(wait, cost).admitted, "seed {seed}");
                    assert!(!cell.peek(wait - 1, cost).admitted, "seed {seed}");
                }
                assert!(verdict.remaining == 0 || cell.peek(0, verdict.remaining).admitted, "seed {seed}");
                assert!(!cell.peek(0, verdict.remaining + 1).admitted, "seed {seed}");
                let reset = millis(verdict.reset_after);
                assert!(cell.peek(reset, limit).admitted, "seed {seed}");
                assert!(reset == 0 || !cell.peek(reset - 1, limit).admitted, "seed {seed}");
                // Forgetting the cell when the store may forget it changes nothing.
                let forgotten = decide(None, Timestamp::from_unix_millis(cell.now + reset), cell.quota, 1);
                assert_eq!(forgotten.1, cell.peek(reset, 1), "seed {seed}");
            }
            let total = |from: u64, until: u64| -> u64 {
                admitted.iter().filter(|(at, _)| *at >= from && *at < until).map(|(_, cost)| cost).sum()
            };
            for (at, _) in &admitted {
                let start = at - at % window;
                assert!(total(start, start + window) <= u64::from(limit), "seed {seed}");
                // total <= limit + previous * elapsed / window, without the division.
                let last = total((at + 1).saturating_sub(window), at + 1);
                let allowed = u64::from(limit) * window + total(start - window, start) * (at - start);
                assert!(last * window <= allowed, "seed {seed}");
            }
        }
    }
}

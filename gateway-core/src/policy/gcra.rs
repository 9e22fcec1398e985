//! The generic cell rate algorithm: a rate limit with one number of state and no window edges to game.
//!
//! A cell holds its *theoretical arrival time* (TAT): the moment at which all admitted requests will have been worked
//! off at the limit's rate. A request is admitted if it moves the TAT to at most `burst` emission intervals from now.

use core::time::Duration;

use super::quota::{Quota, Verdict};
use crate::time::Timestamp;

/// Decides about one request of `cost` units. Returns the cell's new state, to be stored in any case, and the verdict.
///
/// `state` is the stored state, or `None` if the cell is new or was forgotten after
/// [`keep_for`](super::counter::Step::keep_for). It is the TAT in units of 1/q milliseconds, where `window / limit` in
/// milliseconds is p/q in lowest terms. So the arithmetic is exact, and a limit of 7 in 10 s never drifts. The interval
/// is rounded up, by less than 2⁻²¹ ms, only where q is above 2²¹ (more than two million requests in a window that is
/// no round number).
///
/// - A clock that goes back costs the caller at most the time that it went back, and admits nothing extra.
/// - A state more than an hour beyond this quota's reach, a debt included, belongs to another quota, from before a change of the
///   configuration; it counts as new.
/// - A cost above the burst is never admitted.
#[must_use]
pub fn decide(state: Option<u64>, now: Timestamp, quota: Quota, cost: u32) -> (u64, Verdict) {
    let rate = Rate::of(quota);
    let now = u128::from(now.unix_millis()) * rate.units_per_milli;
    let horizon = u128::from(quota.burst) * rate.interval;

    // The admitted units that are not yet worked off.
    let pending = rate.pending(state, now, horizon);
    let wanted = pending + u128::from(cost) * rate.interval;

    let admitted = wanted <= horizon;
    let pending_after = if admitted { wanted } else { pending };
    let remaining = horizon.saturating_sub(pending_after) / rate.interval;
    // The second bound only matters to a cost above the burst, for which no wait is long enough.
    let retry_after = if admitted { 0 } else { (wanted - horizon).min(pending.max(rate.interval)) };
    let verdict = Verdict {
        admitted,
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
        retry_after: rate.duration(retry_after),
        reset_after: rate.duration(pending_after),
    };
    (u64::try_from(now + pending_after).unwrap_or(u64::MAX), verdict)
}

/// The state of a cell in which a request that was admitted takes `change` more units, or fewer. Returns the state, and the time for which it is to be
/// kept.
///
/// What is taken may be more than the quota: a debt, which is at most the burst once more, and has to be worked off like all else.
#[must_use]
pub fn settle(state: Option<u64>, now: Timestamp, quota: Quota, change: i32) -> (u64, Duration) {
    let rate = Rate::of(quota);
    let now = u128::from(now.unix_millis()) * rate.units_per_milli;
    let horizon = u128::from(quota.burst) * rate.interval;
    let pending = rate.pending(state, now, horizon);
    let units = u128::from(change.unsigned_abs()) * rate.interval;
    let settled = if change < 0 {
        pending.saturating_sub(units)
    } else {
        (pending + units).min(pending.max(MOST_HORIZONS * horizon))
    };
    (u64::try_from(now + settled).unwrap_or(u64::MAX), rate.duration(settled))
}

/// The state of a cell without the latest unit that it admitted.
#[must_use]
pub fn give_back(state: u64, quota: Quota) -> u64 {
    state.saturating_sub(u64::try_from(Rate::of(quota).interval).unwrap_or(u64::MAX))
}

/// The distance beyond this quota's reach from which a state belongs to another quota, in milliseconds. States of
/// different quotas are in different units, so they are minutes to ages apart.
pub(super) const FOREIGN_AFTER: u128 = 3_600_000;

/// The most that may be pending, a debt included, in times of the burst.
pub(super) const MOST_HORIZONS: u128 = 2;

/// The most units in a millisecond. With them, Unix time fits into 64 bits until the year 2248.
const MAX_UNITS_PER_MILLI: u128 = 1 << 21;

/// The emission interval, in units that divide a millisecond evenly.
#[derive(Clone, Copy)]
pub(super) struct Rate {
    pub(super) units_per_milli: u128,
    pub(super) interval: u128,
}

impl Rate {
    pub(super) fn of(quota: Quota) -> Self {
        let window = u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX).max(1);
        let limit = u64::from(quota.limit.max(1));
        let divisor = gcd(window, limit);
        let units_per_milli = u128::from(limit / divisor);
        if units_per_milli <= MAX_UNITS_PER_MILLI {
            Self { units_per_milli, interval: u128::from(window / divisor) }
        } else {
            let interval = (u128::from(window) * MAX_UNITS_PER_MILLI).div_ceil(u128::from(limit));
            Self { units_per_milli: MAX_UNITS_PER_MILLI, interval }
        }
    }

    /// The units of a cell that are not yet worked off.
    fn pending(self, state: Option<u64>, now: u128, horizon: u128) -> u128 {
        let stored = state.map_or(0, |tat| u128::from(tat).saturating_sub(now));
        if stored > MOST_HORIZONS * horizon + FOREIGN_AFTER * self.units_per_milli { 0 } else { stored }
    }

    /// `units` as whole milliseconds, rounded up: a shorter wait would not be enough.
    fn duration(self, units: u128) -> Duration {
        Duration::from_millis(u64::try_from(units.div_ceil(self.units_per_milli)).unwrap_or(u64::MAX))
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::Generator;

    const START: u64 = 1_800_000_000_000;

    fn quota(limit: u32, window_millis: u64, burst: u32) -> Quota {
        Quota { limit, window: Duration::from_millis(window_millis), burst }
    }

    /// A cell with its quota and a clock.
    struct Cell {
        state: Option<u64>,
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
    }

    #[test]
    fn a_full_quota_admits_exactly_its_burst_at_once() {
        for (limit, window, burst) in
            [(100, 60_000, 100), (7, 10_000, 7), (7, 10_000, 3), (1, 1_000, 1), (3, 1_000, 30), (999_983, 1_000, 50)]
        {
            let mut cell = Cell::new(quota(limit, window, burst));
            let admitted = (0..400).filter(|_| cell.ask(1).admitted).count();
            assert_eq!(admitted, burst.min(400) as usize, "{limit} in {window} ms, burst {burst}");
        }
    }

    #[test]
    fn remaining_counts_down_to_zero() {
        let mut cell = Cell::new(quota(7, 10_000, 7));
        for left in (0..7).rev() {
            assert_eq!(cell.ask(1).remaining, left);
        }
        let refused = cell.ask(1);
        assert_eq!((refused.admitted, refused.remaining), (false, 0));
    }

    /// 7 in 10 s: an interval of 1,428 4/7 ms, so the seventh ends after 10,000 ms sharp, round after round.
    #[test]
    fn fractions_of_milliseconds_do_not_drift() {
        let mut cell = Cell::new(quota(7, 10_000, 1));
        let mut times = Vec::new();
        for _ in 0..=7_000 {
            while !cell.ask(1).admitted {
                cell.now += u64::try_from(cell.peek(0, 1).retry_after.as_millis()).unwrap();
            }
            times.push(cell.now - START);
        }
        // Each is late by less than a millisecond, because the test only looks at whole ones; that must not add up.
        for (count, time) in times.iter().enumerate() {
            assert!(*time >= (count as u64 * 10_000).div_ceil(7), "{count} at {time}");
        }
        let mut full = Cell::new(quota(7, 10_000, 7));
        for round in 0..1_000 {
            assert_eq!((0..10).filter(|_| full.ask(1).admitted).count(), 7, "round {round}");
            full.now += 10_000;
        }
    }

    #[test]
    fn a_refused_request_changes_nothing() {
        let mut cell = Cell::new(quota(2, 1_000, 2));
        assert!(cell.ask(2).admitted);
        let state = cell.state;
        for _ in 0..100 {
            assert!(!cell.ask(1).admitted);
        }
        assert_eq!(cell.state, state);
    }

    #[test]
    fn costs_take_as_much() {
        let mut cell = Cell::new(quota(10, 1_000, 10));
        assert_eq!(cell.ask(7).remaining, 3);
        let refused = cell.ask(4);
        assert_eq!((refused.admitted, refused.remaining, refused.retry_after), (false, 3, Duration::from_millis(100)));
        assert_eq!(cell.ask(3).remaining, 0);
        assert!(cell.ask(0).admitted);
    }

    #[test]
    fn a_cost_above_the_burst_is_never_admitted() {
        let mut cell = Cell::new(quota(10, 1_000, 5));
        let verdict = cell.ask(6);
        assert_eq!((verdict.admitted, verdict.remaining, verdict.retry_after), (false, 5, Duration::from_millis(100)));
        cell.now += 1_000_000;
        assert!(!cell.ask(6).admitted);
        assert!(cell.ask(5).admitted);
    }

    #[test]
    fn a_clock_that_goes_back_admits_nothing_extra() {
        let mut cell = Cell::new(quota(10, 1_000, 10));
        assert!(cell.ask(10).admitted);
        cell.now -= 60_000;
        let verdict = cell.ask(1);
        assert_eq!((verdict.admitted, verdict.retry_after), (false, Duration::from_millis(60_100)));
        cell.now += 60_100;
        assert!(cell.ask(1).admitted);
    }

    /// After a change of the quota, a state in the old units neither locks the caller out nor crashes.
    #[test]
    fn a_state_of_another_quota_counts_as_new() {
        let mut cell = Cell::new(quota(999_983, 1_000, 10));
        assert!(cell.ask(10).admitted);
        for other in [quota(1, 1_000, 2), quota(999_979, 1_000, 2), quota(100, 60_000, 2)] {
            cell.quota = other;
            assert_eq!((0..5).filter(|_| cell.ask(1).admitted).count(), 2, "{other:?}");
        }
        cell.state = Some(u64::MAX);
        assert!(cell.ask(1).admitted);
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_zero() {
        for limit in [0, 1, u32::MAX] {
            for burst in [0, 1, u32::MAX] {
                for window in
                    [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(366 * 86_400), Duration::MAX]
                {
                    for now in [0, START, u64::MAX] {
                        for state in [None, Some(0), Some(START), Some(u64::MAX)] {
                            for cost in [0, 1, u32::MAX] {
                                let quota = Quota { limit, window, burst };
                                let (_, verdict) = decide(state, Timestamp::from_unix_millis(now), quota, cost);
                                assert!(verdict.remaining <= burst);
                            }
                        }
                    }
                }
            }
        }
    }

    /// In any interval, at most the burst and the rate's share are admitted. A wait of `retry_after` is enough, a
    /// millisecond less is not. After `reset_after` the quota is whole, a millisecond before it is not.
    #[test]
    fn bounds_hold_for_random_traffic() {
        for seed in 0..200 {
            let mut random = Generator::new(seed);
            let limit = [1, 2, 3, 7, 60, 100, 997, 1_000, 999_983][random.below(9)];
            let window = [1_000, 1_500, 7_001, 10_000, 60_000, 86_400_000][random.below(6)];
            let burst = [1, 2, 5, limit][random.below(4)];
            let mut cell = Cell::new(quota(limit, window, burst));
            let interval = window / u64::from(limit);
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            for _ in 0..300 {
                let pause = match random.below(4) {
                    0 | 1 => 0,
                    2 => random.below(usize::try_from(interval + 2).unwrap()) as u64,
                    _ => random.below(usize::try_from(3 * interval + 2).unwrap()) as u64,
                };
                cell.now += pause;
                let cost = 1 + random.below(burst.min(3) as usize) as u32;
                let verdict = cell.ask(cost);
                if verdict.admitted {
                    assert_eq!(verdict.retry_after, Duration::ZERO);
                    admitted.push((cell.now, u64::from(cost)));
                } else {
                    let wait = u64::try_from(verdict.retry_after.as_millis()).unwrap();
                    assert!(wait > 0 && cell.peek(wait, cost).admitted, "seed {seed}");
                    assert!(!cell.peek(wait - 1, cost).admitted, "seed {seed}");
                }
                assert!(verdict.remaining == 0 || cell.peek(0, verdict.remaining).admitted, "seed {seed}");
                assert!(!cell.peek(0, verdict.remaining + 1).admitted, "seed {seed}");
                let reset = u64::try_from(verdict.reset_after.as_millis()).unwrap();
                assert!(cell.peek(reset, burst).admitted, "seed {seed}");
                assert!(reset == 0 || !cell.peek(reset - 1, burst).admitted, "seed {seed}");
                // Forgetting the cell when the store may forget it changes nothing.
                let forgotten = decide(None, Timestamp::from_unix_millis(cell.now + reset), cell.quota, 1);
                assert_eq!(forgotten.1, cell.peek(reset, 1), "seed {seed}");
            }
            for (index, (from, _)) in admitted.iter().enumerate() {
                let mut total = 0;
                for (until, cost) in admitted.iter().skip(index) {
                    total += u128::from(*cost);
                    // total <= burst + limit * elapsed / window, without the division.
                    let elapsed = u128::from(until - from);
                    let allowed = u128::from(burst) * u128::from(window) + u128::from(limit) * elapsed;
                    assert!(total * u128::from(window) <= allowed, "seed {seed}");
                }
            }
        }
    }
}

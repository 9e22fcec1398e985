//! The places that are left out for what becomes of calls to them: outlier detection, as Envoy calls it.

use core::time::Duration;
use std::sync::Arc;

use super::vitals::{Failure, Vitals, Why};
use super::window::is_share;
use super::{Outcome, Turn};
use crate::policy::body_edit::Statuses;

/// The latency that a failure counts as, if it came sooner: what fails fast is not fast.
const FAILURE_COUNTS: Duration = Duration::from_secs(1);

/// The rule by which places are left out.
#[derive(Debug)]
pub struct Passive {
    /// The failures one after another.
    pub failures: u32,
    /// The statuses that are failures.
    pub statuses: Statuses,
    /// The failures among the calls of a window in percent, and the fewest calls that tell anything.
    pub share: Option<(u32, u32)>,
    /// The time over which the share counts.
    pub window: Duration,
    /// The time for which a place is left out the first time.
    pub ejection: Duration,
    /// The longest time.
    pub longest: Duration,
    /// The most places that are left out at once, in percent.
    pub most_percent: u32,
    /// The rule by which places are compared with each other, if they are.
    pub success_rate: Option<SuccessRate>,
}

/// The rule by which a place is left out that answers worse than the others, in intervals of the rule's `window`: success rate outliers, as Envoy
/// calls them.
#[derive(Debug)]
pub struct SuccessRate {
    /// How many standard deviations below the mean it is left out, in hundredths.
    pub stdev_percent: u32,
    /// The fewest places that are compared.
    pub places: usize,
    /// The fewest calls of a place in an interval that tell anything.
    pub requests: u32,
}

impl SuccessRate {
    /// The failures of the place with this `index` among `all` in the interval before this one, in percent, if they are so many more than those of the others.
    fn outlier(&self, all: &[Arc<Vitals>], index: usize, interval: u64) -> Option<u32> {
        let rate = |vitals: &Vitals| {
            let counts = vitals.rates(|rates| rates.before(interval));
            let is_told = counts.all >= self.requests;
            is_told.then(|| 1.0 - f64::from(counts.failed) / f64::from(counts.all.max(1)))
        };
        let own = rate(all.get(index)?)?;
        let (mut count, mut sum, mut squares) = (0_u32, 0.0, 0.0);
        for rate in all.iter().filter_map(|vitals| rate(vitals)) {
            (count, sum, squares) = (count + 1, sum + rate, squares + rate * rate);
        }
        if (count as usize) < self.places {
            return None;
        }
        let mean = sum / f64::from(count);
        let deviation = (squares / f64::from(count) - mean * mean).max(0.0).sqrt();
        // Where all answer alike, rounding must not tell them apart.
        let least = mean - deviation * f64::from(self.stdev_percent) / 100.0 - 1e-9;
        (own < least).then(|| ((1.0 - own) * 100.0).round() as u32)
    }
}

impl Passive {
    /// Takes note at `now` of what has become of a call to the place with this `index` among `all`. Returns what that has become by it.
    pub fn told(&self, all: &[Arc<Vitals>], index: usize, now: Duration, outcome: Outcome) -> Option<Turn> {
        let vitals = all.get(index)?;
        let has_failed = outcome.status.is_none_or(|status| self.statuses.has(status));
        let in_row = if has_failed { vitals.failed() } else { 0 };
        let is_back = !has_failed && vitals.succeeded(now);
        let share = self.share.and_then(|(percent, least)| {
            let counts = vitals.count(now, self.window, has_failed);
            let is_reached = counts.all >= least && is_share(counts.failed, counts.all, percent);
            is_reached.then(|| counts.failed.saturating_mul(100) / counts.all.max(1))
        });
        let status = outcome.status;
        let why = match share {
            _ if !has_failed => None,
            _ if in_row >= self.failures => Some(Why { failures: in_row, of: Failure::Row(status) }),
            share => share.map(|failures| Why { failures, of: Failure::Share(status) }),
        };
        // With its first call of an interval, whatever becomes of that.
        let outlier = self.success_rate.as_ref().and_then(|rule| {
            let interval = now.as_millis() as u64 / (self.window.as_millis() as u64).max(1);
            let is_first = vitals.rates(|rates| rates.count(interval, has_failed));
            if is_first { rule.outlier(all, index, interval) } else { None }
        });
        let why = why.or(outlier.map(|failures| Why { failures, of: Failure::Rate }));
        // The first failure after its return is the last of a row.
        match why {
            Some(why) => self.eject(all, index, now, why).then_some(Turn::Out),
            None => is_back.then_some(Turn::In),
        }
    }

    /// Takes note at `now` that the content of an answer has come from the place with this `index` among `all`, or has broken off. Returns whether that is
    /// left out for it.
    pub fn content_ended(&self, all: &[Arc<Vitals>], index: usize, now: Duration, is_whole: bool) -> bool {
        let in_row = all.get(index).map_or(0, |vitals| vitals.content_ended(is_whole));
        in_row >= self.failures && self.eject(all, index, now, Why { failures: in_row, of: Failure::Content })
    }

    fn eject(&self, all: &[Arc<Vitals>], index: usize, now: Duration, why: Why) -> bool {
        let (times, in_row) = ((self.ejection, self.longest), self.failures.saturating_sub(1));
        self.may_eject(all, index, now) && all.get(index).is_some_and(|vitals| vitals.eject(now, times, (why, in_row)))
    }

    /// Returns whether one more place may be left out, beside those that are: one may always, and never all.
    fn may_eject(&self, all: &[Arc<Vitals>], index: usize, now: Duration) -> bool {
        let now = now.as_millis() as u64;
        let is_out = |vitals: &Vitals| !vitals.is_in(now) || !vitals.passes_checks(now);
        let (mut count, mut out) = (0_usize, 0_usize);
        for (other, vitals) in all.iter().enumerate().filter(|(_, vitals)| !vitals.is_disabled()) {
            count += 1;
            out += usize::from(other != index && is_out(vitals));
        }
        let most = count.saturating_mul(self.most_percent as usize).div_ceil(100).max(1).min(count.saturating_sub(1));
        out < most
    }
}

/// Takes note of the latency of a call to a place.
pub fn took(vitals: &Vitals, now: Duration, outcome: Outcome) {
    let is_answered = outcome.status.is_some_and(|status| status.as_u16() < 500);
    vitals.took(now, if is_answered { outcome.took } else { outcome.took.max(FAILURE_COUNTS) });
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::testing::passive;
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn all(count: usize) -> Vec<Arc<Vitals>> {
        (0..count).map(|_| Arc::default()).collect()
    }

    fn answered(status: u16) -> Outcome {
        Outcome { status: StatusCode::from_u16(status).ok(), took: Duration::ZERO }
    }

    /// Tells the first of `all`.
    fn leaves_out(rule: &Passive, all: &[Arc<Vitals>], now: Duration, outcome: Outcome) -> bool {
        rule.told(all, 0, now, outcome) == Some(Turn::Out)
    }

    const LOST: Outcome = Outcome { status: None, took: Duration::ZERO };

    #[test]
    fn failures_in_a_row_leave_a_place_out_and_a_success_ends_the_row() {
        let (rule, all) = (passive(), all(3));
        let told =
            |outcomes: &[Outcome]| outcomes.iter().map(|one| leaves_out(&rule, &all, NOW, *one)).collect::<Vec<_>>();
        assert_eq!(told(&[LOST, answered(503), answered(500), LOST, LOST]), [false; 5]);
        assert_eq!(told(&[answered(504)]), [true]);
        assert_eq!(told(&[LOST]), [false], "it is out already");
    }

    /// docs/configuration.md, Health: the first failure after its return leaves it out again, for longer.
    #[test]
    fn a_place_that_comes_back_has_to_succeed_first() {
        let (rule, all) = (passive(), all(3));
        let told = [LOST; 3].map(|one| leaves_out(&rule, &all, NOW, one));
        assert_eq!(told, [false, false, true]);
        let back = NOW + Duration::from_secs(30);
        assert!(all[0].out_for(back).is_zero());
        assert_eq!(rule.told(&all, 0, back, LOST), Some(Turn::Out));
        assert_eq!(all[0].out_for(back), Duration::from_secs(60));
        let back = back + Duration::from_secs(60);
        let told: Vec<_> = [answered(200), LOST, LOST].iter().map(|one| rule.told(&all, 0, back, *one)).collect();
        assert_eq!(told, [Some(Turn::In), None, None]);
    }

    #[test]
    fn never_all_places_are_left_out_and_no_more_than_stated() {
        let out = |count: usize, percent: u32| {
            let (rule, all) = (Passive { most_percent: percent, ..passive() }, all(count));
            for _ in 0..3 {
                for index in 0..count {
                    rule.told(&all, index, NOW, LOST);
                }
            }
            all.iter().filter(|vitals| !vitals.out_for(NOW).is_zero()).count()
        };
        assert_eq!([out(1, 100), out(2, 0), out(2, 100), out(4, 50), out(10, 10), out(3, 100)], [0, 1, 1, 2, 1, 2]);
        assert_eq!([out(3, 50), out(5, 50), out(10, 1)], [2, 3, 1], "rounded up");
    }

    /// docs/configuration.md, Health: a head that came is no failure, and contents that break off have a row of their own.
    #[test]
    fn contents_that_break_off_leave_a_place_out() {
        let (rule, all) = (passive(), all(2));
        let ended = |now, whole: &[bool]| {
            for is_whole in whole {
                rule.told(&all, 0, now, answered(200));
                rule.content_ended(&all, 0, now, *is_whole);
            }
            all[0].out_for(now).as_secs()
        };
        assert_eq!(ended(NOW, &[false, false, true, false, false]), 0);
        assert_eq!(ended(NOW, &[false]), 30);
        let back = NOW + Duration::from_secs(30);
        assert_eq!(ended(back, &[false]), 60, "none has come whole since");
        let back = back + Duration::from_secs(60);
        assert_eq!(ended(back, &[true, false, false]), 0);
    }

    /// docs/configuration.md, Health: `successRate`, with the numbers of Envoy.
    #[test]
    fn a_place_that_answers_worse_than_the_others_is_left_out() {
        let out = |failures: &[u32], requests: u32| {
            let success_rate = Some(SuccessRate { stdev_percent: 190, places: 5, requests: 100 });
            let (rule, all) = (Passive { failures: 1_000, success_rate, ..passive() }, all(failures.len()));
            for (index, failed) in failures.iter().enumerate() {
                for n in 0..requests {
                    rule.told(&all, index, NOW, if n < *failed { LOST } else { answered(200) });
                }
            }
            let next = NOW + Duration::from_secs(10);
            let turns = (0..all.len()).map(|index| rule.told(&all, index, next, answered(200)));
            turns.map(|turn| turn == Some(Turn::Out)).collect::<Vec<_>>()
        };
        assert_eq!(out(&[0, 1, 0, 1, 30], 100), [false, false, false, false, true]);
        assert_eq!(out(&[0, 1, 0, 1, 30], 99), [false; 5], "too few calls");
        assert_eq!(out(&[0, 1, 0, 30], 100), [false; 4], "too few places");
        assert_eq!(out(&[30, 31, 30, 29, 30, 31], 100), [false; 6], "all are as bad");
        assert_eq!(out(&[7; 6], 100), [false; 6]);
    }

    #[test]
    fn a_share_of_failures_leaves_a_place_out() {
        let (rule, all) = (Passive { share: Some((50, 6)), ..passive() }, all(2));
        let told: Vec<_> =
            (0..6).map(|n| leaves_out(&rule, &all, NOW, if n % 2 == 0 { answered(200) } else { LOST })).collect();
        assert_eq!(told, [false, false, false, false, false, true]);
    }
}

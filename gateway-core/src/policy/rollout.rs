//! Roll-outs: a candidate gets more and more of a route's requests, or none any more, by how it compares with the baseline.
//!
//! An instance counts by itself, and adds what it has counted to counter cells that all of them share. They are counts of fixed windows, which
//! each store knows: one that has an end far away is a number that is set once, by whoever comes first.

use core::fmt::Write as _;
use core::time::Duration;

use super::body_edit::Statuses;
use super::counter::{CounterOp, CounterVerdict};
use super::fixed_window::Span;
use crate::template::Template;
use crate::time::Timestamp;

/// The end of counts that last: the beginning of the year 2100, in milliseconds since 1970.
const FAR: u64 = 4_102_444_800_000;

/// The most requests of a side that a window counts: more tell nothing new.
const MOST_REQUESTS: u32 = 1_000_000;

/// How far two figures have to be apart, in standard errors, to tell anything. They are looked at every few seconds, for hours: by 4, an equal
/// candidate is taken for a worse one in about 3 of 100,000 looks that were independent, and the least difference comes on top of that.
const DEVIATIONS: f64 = 4.0;

/// The same as a probability, for so few errors that it can be counted exactly.
const LEAST_CHANCE: f64 = 3.2e-5;

/// The most errors of which that is done.
const MOST_COUNTED: u32 = 400;

/// The fewest answers of a side of which the durations tell anything.
const LEAST_ANSWERS: u32 = 20;

/// The unit in which logarithms of durations are added up.
const LOG_UNIT: f64 = 100.0;

/// A roll-out.
#[derive(Debug)]
pub struct Rollout {
    /// The name of its route.
    pub name: Box<str>,
    /// A fingerprint of what it says, by which its state is found.
    pub id: Box<str>,
    /// The indices of the baseline and the candidate among the targets of the route.
    pub sides: [usize; 2],
    /// The candidate's share in each step, in percent.
    pub steps: Box<[u32]>,
    /// The least time of a step.
    pub hold: Duration,
    /// The fewest requests of each side in a window of which they tell anything.
    pub least_requests: u32,
    /// The difference of the error rates for which the candidate is rolled back, in percentage points.
    pub error_points: u32,
    /// The candidate's mean duration for which it is rolled back, in percent of the baseline's.
    pub slow_percent: Option<u32>,
    /// The statuses that are errors, beside calls without an answer.
    pub statuses: Statuses,
    /// The value by which a caller stays with a side; none for each request by chance.
    pub key: Option<Template>,
    /// The time over which requests count.
    pub window: Duration,
    /// The time between two looks into the store.
    pub every: Duration,
}

/// What is counted of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The requests.
    pub requests: u32,
    /// Those of them that have failed.
    pub errors: u32,
    /// The sum of the logarithms of the durations of the others, in microseconds.
    pub log: u32,
}

impl Figures {
    /// The figures of one request that has taken so long.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a logarithm is small, and of 1 or more not negative"
    )]
    pub fn of(is_error: bool, took: Duration) -> Self {
        let log = (1.0 + took.as_secs_f64() * 1e6).ln() * LOG_UNIT;
        Self { requests: 1, errors: is_error.into(), log: if is_error { 0 } else { log as u32 } }
    }

    /// The figures as an array.
    #[must_use]
    pub const fn parts(self) -> [u32; 3] {
        [self.requests, self.errors, self.log]
    }

    /// Those of such an array.
    #[must_use]
    pub const fn from_parts([requests, errors, log]: [u32; 3]) -> Self {
        Self { requests, errors, log }
    }

    /// Returns whether the window needs no more of them.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.requests >= MOST_REQUESTS
    }

    /// The errors, as a part of the requests.
    #[must_use]
    pub fn error_rate(self) -> f64 {
        f64::from(self.errors) / f64::from(self.requests.max(1))
    }

    const fn answers(self) -> u32 {
        self.requests.saturating_sub(self.errors)
    }

    fn mean_log(self) -> f64 {
        f64::from(self.log) / LOG_UNIT / f64::from(self.answers().max(1))
    }

    /// The mean of the logarithms of durations, in the unit of [`log`](Self::log); none without answers.
    #[must_use]
    pub fn mean(self) -> Option<u32> {
        self.log.checked_div(self.answers())
    }

    /// That of a content that has broken off after its head was counted.
    #[must_use]
    pub const fn broken() -> Self {
        Self { requests: 0, errors: 1, log: 0 }
    }

    /// The mean duration (the geometric one, in which a few slow answers count for few), in milliseconds.
    #[must_use]
    pub fn mean_ms(self) -> f64 {
        if self.answers() == 0 { 0.0 } else { self.mean_log().exp() / 1e3 }
    }
}

/// The reason why a candidate is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// More of its requests fail.
    Errors,
    /// It is slower.
    Latency,
    /// An operator has said so.
    Operator,
}

impl Reason {
    const ALL: [Self; 3] = [Self::Errors, Self::Latency, Self::Operator];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Operator => "operator",
        }
    }

    /// The number by which a cell keeps it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32 + 1
    }

    /// The reason with this number.
    #[must_use]
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

/// What the figures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The step goes on, for this reason.
    Wait(&'static str),
    /// The next step begins.
    Advance,
    /// The candidate gets nothing any more.
    RollBack(Reason),
}

/// The part of a roll-out that a cell is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// How often an operator had it begin anew.
    Generation,
    /// The time at which a step began, in seconds since 1970.
    Begun(usize),
    /// The number of the reason for which the candidate was rolled back, and 0 if it was not.
    Stopped,
    /// A count of a step: of the baseline or the candidate, and which one.
    Tally(usize, usize, usize),
    /// The same as it was when the candidate was rolled back.
    Kept(usize, usize),
}

impl Rollout {
    /// The name of the cell of `part`, in this generation.
    #[must_use]
    pub fn cell(&self, generation: u32, part: Part) -> String {
        let mut name = format!("ro:{}:", self.id);
        // INVARIANT: writing to a string does not fail.
        let _ = match part {
            Part::Generation => write!(name, "g"),
            Part::Begun(step) => write!(name, "{generation}:b{step}"),
            Part::Stopped => write!(name, "{generation}:s"),
            Part::Tally(step, side, which) => write!(name, "{generation}:t{step}:{side}{which}"),
            Part::Kept(side, which) => write!(name, "{generation}:k{side}{which}"),
        };
        name
    }

    /// The operation that adds to the count of `part`, and returns it.
    #[must_use]
    pub fn add(&self, part: Part, units: u32, now: Timestamp) -> CounterOp {
        let span = match part {
            Part::Tally(..) => Span::of(self.window, now),
            _ => far(),
        };
        CounterOp::FixedWindow { span, limit: u32::MAX, cost: units }
    }

    /// The operation that sets a count that lasts, unless it is set.
    #[must_use]
    pub fn set(number: u32) -> CounterOp {
        CounterOp::FixedWindow { span: far(), limit: number, cost: number }
    }

    /// The count that is the answer to [`add`](Self::add).
    #[must_use]
    pub fn count(verdict: CounterVerdict) -> Option<u32> {
        verdict.quota().map(|verdict| u32::MAX - verdict.remaining)
    }

    /// The candidate's share in `step`, in percent.
    #[must_use]
    pub fn percent(&self, step: usize) -> u32 {
        self.steps.get(step).copied().unwrap_or_default()
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(ToString::to_string).collect();
        format!("roll-out by {} %", steps.join(", "))
    }

    /// Returns whether the roll-out is done with `step`: nobody gets the baseline any more.
    #[must_use]
    pub fn is_done(&self, step: usize) -> bool {
        step + 1 == self.steps.len() && self.percent(step) == 100
    }

    /// Judges the figures of both sides, `elapsed` after the beginning of `step`.
    ///
    /// A candidate is worse if it is by as much as the configuration says, and if that can't well be chance. While it seems so and may be chance,
    /// more is waited for: neither is a good candidate rolled back, nor goes a bad one on.
    #[must_use]
    pub fn judge(&self, step: usize, [baseline, candidate]: [Figures; 2], elapsed: Duration) -> Judgement {
        if self.is_done(step) {
            return Judgement::Wait("done");
        }
        if baseline.requests.min(candidate.requests) < self.least_requests {
            return Judgement::Wait("too few requests");
        }
        let spread = |one: u32, other: u32| (1.0 / f64::from(one.max(1)) + 1.0 / f64::from(other.max(1))).sqrt();
        let mut is_doubtful = false;
        let worse = candidate.error_rate() - baseline.error_rate();
        if worse > 0.0 && worse >= f64::from(self.error_points) / 100.0 {
            // The test of two proportions, by what is known of both together.
            let errors = f64::from(baseline.errors) + f64::from(candidate.errors);
            let common = errors / (f64::from(baseline.requests) + f64::from(candidate.requests));
            let error = (common * (1.0 - common)).sqrt() * spread(baseline.requests, candidate.requests);
            // Where all requests fail, there is no chance in it. Of a few errors the normal distribution says too much.
            let few = chance(candidate.errors, baseline.errors, (candidate.requests, baseline.requests));
            if worse >= DEVIATIONS * error && few.is_none_or(|chance| chance <= LEAST_CHANCE) {
                return Judgement::RollBack(Reason::Errors);
            }
            is_doubtful = true;
        }
        let answers = [baseline.answers(), candidate.answers()];
        if let Some(percent) = self.slow_percent
            && answers.iter().all(|answers| *answers >= LEAST_ANSWERS)
        {
            // Logarithms of durations vary by about 1: by a factor of e.
            let slower = candidate.mean_log() - baseline.mean_log();
            if slower >= (f64::from(percent) / 100.0).ln() {
                if slower >= DEVIATIONS * spread(answers[0], answers[1]) {
                    return Judgement::RollBack(Reason::Latency);
                }
                is_doubtful = true;
            }
        }
        if is_doubtful {
            Judgement::Wait("it seems worse, which may be chance")
        } else if elapsed < self.hold {
            Judgement::Wait("the step is not over")
        } else if step + 1 == self.steps.len() {
            Judgement::Wait("the last step")
        } else {
            Judgement::Advance
        }
    }
}

/// The probability that by chance at least so many of all errors are the candidate's, if both sides fail alike: each error is then the candidate's as
/// often as a request is (the conditional test of two Poisson means; Przyborowski, Wilenski 1940). None for many errors.
fn chance(candidate: u32, baseline: u32, (asked, of_baseline): (u32, u32)) -> Option<f64> {
    let all = candidate.saturating_add(baseline);
    if all > MOST_COUNTED {
        return None;
    }
    let share = f64::from(asked) / (f64::from(asked) + f64::from(of_baseline));
    let (mut ways, mut sum) = (0.0, 0.0);
    for count in 0..=all {
        if count > 0 {
            // The logarithm of the number of ways in which so many of all are the candidate's.
            ways += f64::from(all - count + 1).ln() - f64::from(count).ln();
        }
        if count >= candidate {
            let of_candidate = if count > 0 { f64::from(count) * share.ln() } else { 0.0 };
            let others = if count < all { f64::from(all - count) * (1.0 - share).ln() } else { 0.0 };
            sum += (ways + of_candidate + others).exp();
        }
    }
    Some(sum)
}

const fn far() -> Span {
    let end = Timestamp::from_unix_millis(FAR);
    Span { end, latest: end }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A roll-out in three steps.
    pub(crate) fn rollout() -> Rollout {
        Rollout {
            name: "r".into(),
            id: "0".into(),
            sides: [0, 1],
            steps: [5, 50, 100].into(),
            hold: Duration::from_secs(60),
            least_requests: 100,
            error_points: 2,
            slow_percent: Some(150),
            statuses: Statuses::of(vec![(500, 599)]),
            key: None,
            window: Duration::from_secs(3_600),
            every: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::rollout;
    use super::*;

    fn side(requests: u32, errors: u32, ms: u64) -> Figures {
        let one = Figures::of(false, Duration::from_millis(ms));
        Figures { requests, errors, log: one.log * (requests - errors) }
    }

    /// One error of a candidate that is asked a twentieth as often comes about by chance, and fifteen against none at half the requests do not.
    #[test]
    fn a_few_errors_may_be_chance() {
        let near = |chance: Option<f64>, expected: f64| (chance.unwrap() - expected).abs() < 1e-9;
        assert!(near(chance(1, 0, (27, 486)), 27.0 / 513.0));
        assert!(near(chance(2, 1, (50, 50)), 0.5));
        assert!(near(chance(0, 3, (1, 9)), 1.0));
        assert!(near(chance(15, 0, (100, 100)), 0.5_f64.powi(15)));
        assert_eq!(chance(200, 201, (1_000, 1_000)), None);
        let judge = |baseline, candidate| {
            let rollout = Rollout { least_requests: 20, ..rollout() };
            rollout.judge(0, [baseline, candidate], Duration::from_secs(60))
        };
        let doubtful = Judgement::Wait("it seems worse, which may be chance");
        assert_eq!(judge(side(486, 0, 100), side(27, 1, 100)), doubtful);
        assert_eq!(judge(side(1_568, 0, 100), side(67, 1, 100)), Judgement::Advance);
        assert_eq!(judge(side(486, 0, 100), side(27, 4, 100)), Judgement::RollBack(Reason::Errors));
    }

    #[test]
    fn a_candidate_is_judged_by_how_much_worse_it_is_and_by_what_may_be_chance() {
        let judge = |baseline, candidate| rollout().judge(0, [baseline, candidate], Duration::from_secs(60));
        let good = side(2_000, 20, 100);
        assert_eq!(judge(good, side(99, 0, 100)), Judgement::Wait("too few requests"));
        assert_eq!(judge(good, side(500, 5, 100)), Judgement::Advance);
        assert_eq!(judge(good, side(500, 30, 100)), Judgement::RollBack(Reason::Errors));
        assert_eq!(judge(good, side(100, 4, 100)), Judgement::Wait("it seems worse, which may be chance"));
        // As many errors on both sides are no reason.
        assert_eq!(judge(side(2_000, 1_000, 100), side(500, 250, 100)), Judgement::Advance);
        assert_eq!(judge(good, side(500, 500, 100)), Judgement::RollBack(Reason::Errors));
        assert_eq!(judge(good, side(500, 5, 200)), Judgement::RollBack(Reason::Latency));
        assert_eq!(judge(good, side(500, 5, 140)), Judgement::Advance);
        assert_eq!(judge(good, side(500, 0, 10)), Judgement::Advance);
        assert_eq!(rollout().judge(0, [good, good], Duration::from_secs(59)), Judgement::Wait("the step is not over"));
        assert_eq!(rollout().judge(2, [good, good], Duration::from_secs(60)), Judgement::Wait("done"));
    }

    #[test]
    fn a_mean_is_the_geometric_one() {
        assert!((side(100, 0, 100).mean_ms() - 100.0).abs() < 1.0);
        assert_eq!(side(100, 100, 100).mean_ms(), 0.0);
    }

    #[test]
    fn a_count_that_is_set_once_stays() {
        use crate::policy::counter::step;
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let (rollout, part) = (rollout(), Part::Begun(1));
        let first = step(Rollout::set(7), None, now);
        assert!(first.verdict.quota().is_some_and(|verdict| verdict.admitted));
        let second = step(Rollout::set(9), Some(first.state), now);
        assert!(second.verdict.quota().is_some_and(|verdict| !verdict.admitted));
        let read = step(rollout.add(part, 0, now), Some(second.state), now);
        assert_eq!(Rollout::count(read.verdict), Some(7));
    }
}

//! The circuit breaker: calls that are not made while an upstream fails.

use core::time::Duration;
use std::sync::Arc;

use super::vitals::{Failure, Vitals, Why};
use super::window::{Window, is_share};
use super::{Outcome, Turn};
use crate::policy::body_edit::Statuses;

/// The rule of a breaker.
#[derive(Debug)]
pub struct Breaker {
    /// The failures one after another that open it; none if they don't.
    pub failures: Option<u32>,
    /// The failures among the calls of a window that open it, in percent; none if they don't.
    pub failure_percent: Option<u32>,
    /// The time from which an answer is slow, and the slow ones among the calls of a window that open it, in percent; none if they don't.
    pub slow: Option<(Duration, u32)>,
    /// The fewest calls in a window that tell anything.
    pub least_requests: u32,
    /// The time over which shares count.
    pub window: Duration,
    /// The statuses that are failures.
    pub statuses: Statuses,
    /// The time for which it stays open.
    pub open: Duration,
    /// The calls that try again, all of which have to succeed.
    pub probes: u32,
    /// Set if each place has one for itself.
    pub per_target: bool,
}

impl Breaker {
    /// Takes note at `now` of what has become of a call to the place with this `index` among `all`, where each has a breaker of its own: one that opens leaves
    /// its place out, but for the last one. Returns what that has become by it.
    pub fn told(&self, all: &[Arc<Vitals>], index: usize, now: Duration, outcome: Outcome) -> Option<Turn> {
        let vitals = all.get(index)?;
        let is_slow = self.slow.is_some_and(|(slow, _)| outcome.took >= slow);
        let is_bad = is_slow || outcome.status.is_none_or(|status| self.statuses.has(status));
        let opens = vitals.circuit(|circuit| circuit.told(self, now, outcome) && circuit.close());
        if opens || (is_bad && vitals.has_to_succeed()) {
            let ms = now.as_millis() as u64;
            let is_called = |vitals: &Vitals| !vitals.is_disabled() && vitals.is_in(ms) && vitals.passes_checks(ms);
            let is_last = !all.iter().enumerate().any(|(other, vitals)| other != index && is_called(vitals));
            let why = Why { failures: 1, of: Failure::Breaker };
            return (!is_last && vitals.eject(now, (self.open, self.open), (why, 0))).then_some(Turn::Out);
        }
        (!is_bad && vitals.succeeded(now)).then_some(Turn::In)
    }
}

/// The state of a breaker.
#[derive(Debug, Default)]
pub struct Circuit {
    state: State,
    in_row: u32,
    window: Window,
    /// The times that it has opened since the start.
    opened: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: Duration,
    },
    /// Some calls try.
    HalfOpen {
        /// Those that were let through.
        let_through: u32,
        succeeded: u32,
        /// The time from which others may, if nothing is heard of these.
        until: Duration,
    },
}

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is made.
    Closed,
    /// It is made, and tells whether the upstream is well again.
    Probe,
    /// It is not made. Others are, after this time.
    Open(Duration),
}

impl Circuit {
    /// Decides about a call at `now`.
    pub fn admit(&mut self, rule: &Breaker, now: Duration) -> Admission {
        match &mut self.state {
            State::Closed => return Admission::Closed,
            State::Open { until } | State::HalfOpen { until, .. } if *until <= now => {}
            State::Open { until } => return Admission::Open(until.saturating_sub(now)),
            State::HalfOpen { let_through, .. } if *let_through < rule.probes => {
                *let_through = let_through.saturating_add(1);
                return Admission::Probe;
            }
            State::HalfOpen { until, .. } => return Admission::Open(until.saturating_sub(now)),
        }
        self.state = State::HalfOpen { let_through: 1, succeeded: 0, until: now.saturating_add(rule.open) };
        Admission::Probe
    }

    /// Gives a probe back of which nothing was heard, and which was let through when it had opened so many times.
    pub(super) fn give_back(&mut self, opened: u64) {
        if let State::HalfOpen { let_through, .. } = &mut self.state
            && self.opened == opened
        {
            *let_through = let_through.saturating_sub(1);
        }
    }

    /// Returns whether all calls are made.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Returns whether no call is made at `now`.
    #[must_use]
    pub fn is_open(&self, now: Duration) -> bool {
        matches!(self.state, State::Open { until } if until > now)
    }

    /// Takes note at `now` of what has become of a call that was made. Returns whether it opens.
    pub fn told(&mut self, rule: &Breaker, now: Duration, outcome: Outcome) -> bool {
        let has_failed = outcome.status.is_none_or(|status| rule.statuses.has(status));
        let is_slow = rule.slow.is_some_and(|(slow, _)| outcome.took >= slow);
        match &mut self.state {
            // Of a call that was made before it opened.
            State::Open { .. } => false,
            State::HalfOpen { .. } if has_failed || is_slow => self.open(rule, now),
            State::HalfOpen { succeeded, .. } => {
                *succeeded = succeeded.saturating_add(1);
                if *succeeded >= rule.probes {
                    self.close();
                }
                false
            }
            State::Closed => {
                self.in_row = if has_failed { self.in_row.saturating_add(1) } else { 0 };
                let counts = self.window.count(now, rule.window, (has_failed, is_slow));
                let is_told = counts.all >= rule.least_requests;
                let reaches = |part, percent: Option<u32>| {
                    is_told && percent.is_some_and(|percent| is_share(part, counts.all, percent))
                };
                // A success opens nothing, whatever those before it were.
                let fails = rule.failures.is_some_and(|most| self.in_row >= most)
                    || reaches(counts.failed, rule.failure_percent);
                let opens =
                    (has_failed && fails) || (is_slow && reaches(counts.slow, rule.slow.map(|(_, percent)| percent)));
                opens && self.open(rule, now)
            }
        }
    }

    /// Begins anew, where it is its place that is left out.
    fn close(&mut self) -> bool {
        *self = Self { opened: self.opened, ..Self::default() };
        true
    }

    /// The state at `now`, in a word, and the times that it has opened.
    #[must_use]
    pub fn describe(&self, now: Duration) -> (&'static str, u64) {
        let word = match self.state {
            State::Closed => "closed",
            State::Open { until } if until > now => "open",
            State::Open { .. } | State::HalfOpen { .. } => "half-open",
        };
        (word, self.opened)
    }

    fn open(&mut self, rule: &Breaker, now: Duration) -> bool {
        let opened = self.opened.saturating_add(1);
        *self = Self { state: State::Open { until: now.saturating_add(rule.open) }, opened, ..Self::default() };
        true
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn rule() -> Breaker {
        Breaker {
            failures: Some(3),
            failure_percent: None,
            slow: None,
            least_requests: 4,
            window: Duration::from_secs(10),
            statuses: Statuses::of(vec![(500, 599)]),
            open: Duration::from_secs(5),
            probes: 2,
            per_target: false,
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const OK: Outcome = Outcome { status: Some(StatusCode::OK), took: Duration::ZERO };
    const BAD: Outcome = Outcome { status: Some(StatusCode::INTERNAL_SERVER_ERROR), took: Duration::ZERO };

    fn opened(rule: &Breaker) -> Circuit {
        let mut circuit = Circuit::default();
        assert_eq!([BAD, BAD, BAD].map(|outcome| circuit.told(rule, at(0), outcome)), [false, false, true]);
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_probes_that_succeed_close_it() {
        let (rule, mut circuit) = (rule(), Circuit::default());
        assert_eq!([BAD, BAD, OK, BAD, BAD].map(|outcome| circuit.told(&rule, at(0), outcome)), [false; 5]);
        let mut circuit = opened(&rule);
        assert_eq!(circuit.admit(&rule, at(1)), Admission::Open(at(4)));
        assert_eq!(circuit.describe(at(4)), ("open", 1));
        assert_eq!(
            [(); 3].map(|()| circuit.admit(&rule, at(5))),
            [Admission::Probe, Admission::Probe, Admission::Open(at(5))]
        );
        circuit.told(&rule, at(6), OK);
        assert_eq!(circuit.describe(at(6)), ("half-open", 1));
        circuit.told(&rule, at(6), OK);
        assert_eq!((circuit.describe(at(6)), circuit.admit(&rule, at(6))), (("closed", 1), Admission::Closed));
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let (rule, mut circuit) = (rule(), opened(&rule()));
        assert_eq!(circuit.admit(&rule, at(5)), Admission::Probe);
        assert!(circuit.told(&rule, at(6), BAD));
        assert_eq!(circuit.admit(&rule, at(7)), Admission::Open(at(4)));
        assert_eq!(circuit.describe(at(7)), ("open", 2));
    }

    /// A client that leaves takes its probe with it: the breaker must not wait for that for ever.
    #[test]
    fn probes_of_which_nothing_is_heard_are_replaced() {
        let (rule, mut circuit) = (rule(), opened(&rule()));
        assert_eq!([(); 2].map(|()| circuit.admit(&rule, at(5))), [Admission::Probe; 2]);
        assert_eq!(circuit.admit(&rule, at(9)), Admission::Open(at(1)));
        assert_eq!(circuit.admit(&rule, at(10)), Admission::Probe);
    }

    /// The same, where it is known that nothing will be heard.
    #[test]
    fn a_probe_that_is_given_back_is_replaced_at_once() {
        let (rule, mut circuit) = (rule(), opened(&rule()));
        assert_eq!([(); 2].map(|()| circuit.admit(&rule, at(5))), [Admission::Probe; 2]);
        circuit.give_back(1);
        assert_eq!(circuit.admit(&rule, at(6)), Admission::Probe);
        circuit.give_back(7);
        assert_eq!(circuit.admit(&rule, at(6)), Admission::Open(at(4)), "of another time");
    }

    /// docs/configuration.md, Circuit breaker: `per`. One place is left out, and never the last one.
    #[test]
    fn a_breaker_of_a_place_leaves_that_out() {
        let rule = Breaker { per_target: true, slow: Some((at(2), 100)), ..rule() };
        let all: Vec<Arc<Vitals>> = (0..2).map(|_| Arc::default()).collect();
        let told = |index, second, outcome| rule.told(&all, index, at(second), outcome);
        assert_eq!([BAD; 3].map(|bad| told(0, 10, bad)), [None, None, Some(Turn::Out)]);
        assert_eq!(all[0].out_for(at(11)), at(4));
        assert_eq!([BAD; 4].map(|bad| told(1, 11, bad)), [None; 4], "the last one");
        assert!(all[1].out_for(at(11)).is_zero());
        let slow = Outcome { took: at(2), ..OK };
        assert_eq!(told(0, 15, slow), Some(Turn::Out), "it has to succeed first");
        assert_eq!((told(0, 20, OK), told(0, 20, BAD)), (Some(Turn::In), None));
    }

    #[test]
    fn shares_open_it_once_there_are_enough_calls() {
        let rule = Breaker { failures: None, failure_percent: Some(50), slow: Some((at(2), 75)), ..rule() };
        let told = |outcomes: [Outcome; 4]| {
            let mut circuit = Circuit::default();
            outcomes.map(|outcome| circuit.told(&rule, at(0), outcome))
        };
        let slow = Outcome { took: at(2), ..OK };
        assert_eq!(told([OK, OK, BAD, BAD]), [false, false, false, true]);
        assert_eq!(told([BAD, BAD, BAD, OK]), [false; 4], "a success opens nothing");
        assert_eq!(told([BAD, OK, OK, OK]), [false; 4]);
        assert_eq!(told([OK, slow, slow, slow]), [false, false, false, true]);
        assert_eq!(told([OK, OK, slow, slow]), [false; 4]);
    }
}

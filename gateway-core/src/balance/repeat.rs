//! The further attempt that a platform makes by itself: over another connection, where a kept one has ended instead of an answer.

use http::Method;

use super::Cluster;
use super::fleet::Fleet;
use super::retry::Retry;

/// What a platform may do about a call whose kept connection ended before a byte of an answer came, and what it has done. Only a platform that
/// keeps connections by itself knows of that.
///
/// It is an attempt like any other: one of `attempts`, out of the budget, for methods that may be sent again. It is none of the failures that `on` names, since the
/// upstream has most likely closed the connection before the request came (RFC 9112 §9.3.1).
#[derive(Debug)]
pub struct Repeat<'c> {
    /// What is known of the upstream, where it has rules. They stand beside it in the call: every request has room for this.
    fleet: Option<&'c Fleet>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Allowed,
    Refused,
    Made,
}

impl<'c> Repeat<'c> {
    /// None is to be made.
    #[must_use]
    pub const fn none() -> Self {
        Self { fleet: None, state: State::Refused }
    }

    /// One to an upstream of which `fleet` is known, if it has rules.
    #[must_use]
    pub const fn of(fleet: Option<&'c Fleet>) -> Self {
        Self { fleet, state: State::Allowed }
    }

    /// The same for an attempt that is followed by `left` more at the most.
    #[must_use]
    pub const fn among(self, left: u32) -> Self {
        if left == 0 { Self::none() } else { self }
    }

    /// Takes the attempt by the rules of the upstream, its `cluster`; returns whether there was one. `is_unprocessed` is set if the upstream has said that nothing was done.
    pub fn take(&mut self, cluster: Option<&Cluster>, method: &Method, is_unprocessed: bool) -> bool {
        let may_be = |cluster: &Cluster| {
            let may_be = |retry: &Retry| retry.methods.contains(method) || (is_unprocessed && retry.unsent);
            cluster.may_repeat && cluster.retry.as_ref().is_none_or(may_be)
        };
        if self.state != State::Allowed || !cluster.is_none_or(may_be) {
            return false;
        }
        let has_rule = cluster.is_some_and(|cluster| cluster.retry.is_some());
        if !has_rule || self.fleet.is_none_or(|fleet| fleet.take_attempt(true)) {
            self.state = State::Made;
        }
        self.is_made()
    }

    /// Returns whether the attempt was made.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        matches!(self.state, State::Made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::testing::{cluster, retry};
    use crate::balance::{Balance, Cluster};

    fn rule(attempts: u32) -> Cluster {
        let retry = Retry { attempts, reset: false, ..retry() };
        Cluster { retry: Some(retry), may_repeat: attempts > 0, ..cluster(Balance::RoundRobin, &[&[1]]) }
    }

    fn takes(cluster: Option<&Cluster>, fleet: &Fleet, method: &Method, is_unprocessed: bool) -> bool {
        Repeat::of(Some(fleet)).take(cluster, method, is_unprocessed)
    }

    /// docs/configuration.md, Retries: one of the attempts, whatever `on` says, and for the methods of the rule.
    #[test]
    fn it_is_an_attempt_of_the_rule() {
        let fleet = Fleet::default();
        assert!(takes(Some(&rule(1)), &fleet, &Method::GET, false));
        assert_eq!(fleet.retries(), 1);
        assert!(!takes(Some(&rule(0)), &fleet, &Method::GET, false));
        assert!(!takes(Some(&rule(1)), &fleet, &Method::POST, false));
        // RFC 9113 §8.7: what has not been processed may be sent again, whatever its method.
        assert!(takes(Some(&rule(1)), &fleet, &Method::POST, true));
        assert_eq!(fleet.retries(), 2);
        assert!(!Repeat::of(Some(&fleet)).among(0).take(Some(&rule(1)), &Method::GET, true));
    }

    #[test]
    fn there_is_one_and_the_budget_has_to_have_it() {
        let (fleet, rule) = (Fleet::default(), rule(2));
        let mut repeat = Repeat::of(Some(&fleet));
        assert!(!repeat.is_made() && repeat.take(Some(&rule), &Method::GET, false) && repeat.is_made());
        assert!(!repeat.take(Some(&rule), &Method::GET, false) && repeat.is_made());
        while fleet.budget.take() {}
        assert!(!takes(Some(&rule), &fleet, &Method::GET, false));
    }

    #[test]
    fn where_nothing_is_said_of_attempts_there_is_one() {
        let fleet = Fleet::default();
        assert!(takes(None, &fleet, &Method::GET, false));
        assert!(takes(Some(&cluster(Balance::RoundRobin, &[&[1]])), &fleet, &Method::GET, false));
        assert!(!Repeat::none().take(None, &Method::GET, true));
        assert_eq!(fleet.retries(), 0);
    }
}

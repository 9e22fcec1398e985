//! Other upstreams for some of a route's callers.

use super::condition::Condition;
use crate::call::Call;
use crate::time::Clock;

/// A way to an upstream for the callers who meet a condition.
#[derive(Debug)]
pub struct Steer {
    /// The condition.
    pub when: Condition,
    /// The upstream's index in [`Plan::upstreams`](crate::plan::Plan::upstreams).
    pub upstream: usize,
    /// The upstream's name.
    pub name: Box<str>,
}

/// The index of the first of these `ways` whose condition `call` meets.
#[must_use]
pub fn choose(ways: &[Steer], call: &Call, clock: &impl Clock) -> Option<usize> {
    ways.iter().position(|way| way.when.unmet(call, clock).is_none())
}

/// A few words for a list of policies.
#[must_use]
pub fn describe(ways: &[Steer]) -> String {
    let ways = ways.iter().map(|way| format!("{} to {}", way.when.describe(), way.name));
    ways.collect::<Vec<_>>().join("; ")
}

//! Upstreams in several places: the choice of one for each call, and what calls tell of the places.
//!
//! Pure and synchronous, told the time and given chance. The state is in atomics, because all threads of a process share it.

pub mod active;
pub mod adaptive;
pub mod breaker;
pub mod choose;
pub mod copies;
pub mod discovery;
pub mod endpoint;
pub mod fallback;
pub mod fleet;
pub mod found;
pub mod hedge;
pub mod passive;
pub mod repeat;
pub mod retry;
pub mod sticky;
pub mod traffic;
pub mod trial;
pub mod vitals;
mod window;

use core::time::Duration;

use http::StatusCode;

use self::active::Active;
use self::adaptive::Adaptive;
use self::breaker::Breaker;
use self::choose::hash;
use self::endpoint::Endpoint;
use self::passive::Passive;
use self::retry::Retry;
use self::sticky::Sticky;
use crate::template::Template;

/// The rules for an upstream's places.
#[derive(Debug)]
pub struct Cluster {
    /// The choice among the places of a level.
    pub balance: Balance,
    /// The places of the plan by priority, the first ones first; not empty, unless they are discovered.
    pub levels: Box<[Level]>,
    /// The further attempts of a call that failed, if there are any.
    pub retry: Option<Retry>,
    /// Set unless the configuration says that there are no further attempts: whatever keeps connections makes one by itself
    /// ([`Repeat`](repeat::Repeat)).
    pub may_repeat: bool,
    /// The places that are left out for what becomes of calls to them, if any are.
    pub passive: Option<Passive>,
    /// The checks that the gateway makes by itself, if it makes any.
    pub active: Option<Box<Active>>,
    /// The calls that are not made while the upstream fails, if there are any.
    pub breaker: Option<Breaker>,
    /// The time over which a place that has come, or has come back, gets its share; none if it gets it at once.
    pub slow_start: Option<Duration>,
    /// The bounds of the requests under way, if their number adapts to what the upstream bears.
    pub adaptive: Option<Adaptive>,
}

impl Cluster {
    /// The breaker of the upstream as a whole, if it has one.
    #[must_use]
    pub fn whole_breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref().filter(|breaker| !breaker.per_target)
    }

    /// The breaker that each place has for itself, if they have.
    #[must_use]
    pub fn breaker_of_target(&self) -> Option<&Breaker> {
        self.breaker.as_ref().filter(|breaker| breaker.per_target)
    }

    /// Returns whether places are left out for what becomes of calls to them.
    pub(crate) fn leaves_out(&self) -> bool {
        self.passive.is_some() || self.breaker_of_target().is_some()
    }
}

/// The choice among places.
#[derive(Debug)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// By chance.
    Random,
    /// The fewest requests under way.
    LeastRequest,
    /// Of two by chance, the one that is expected to answer sooner.
    PeakEwma,
    /// By a value of the request.
    Hash(Box<HashKey>),
    /// The place that a cookie of the client names; in turn without one.
    Sticky(Box<Sticky>),
}

/// The value by which places are chosen.
#[derive(Debug)]
pub struct HashKey {
    /// The value.
    pub key: Template,
    /// The most requests under way at one place, in percent of the mean; none without a bound.
    pub most_percent: Option<u32>,
}

/// Places of one priority.
#[derive(Debug)]
pub struct Level {
    /// The places; not empty.
    pub members: Box<[Member]>,
    /// The members by their turn, each as often as its weight says.
    pub turns: Box<[u16]>,
}

/// A place.
#[derive(Debug)]
pub struct Member {
    /// Its index among the endpoints of its upstream.
    pub endpoint: usize,
    /// Its share; above zero.
    pub weight: u32,
    /// A hash of its name, or its id in cookies: the same in every instance, and whatever other places there are.
    pub id: u64,
}

impl Balance {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RoundRobin => "roundRobin",
            Self::Random => "random",
            Self::LeastRequest => "leastRequest",
            Self::PeakEwma => "peakEwma",
            Self::Hash(_) => "hash",
            Self::Sticky(_) => "sticky",
        }
    }

    fn id_of(&self, endpoint: &Endpoint) -> u64 {
        let url = endpoint.url();
        match self {
            Self::Sticky(sticky) => sticky.id(&url),
            _ => hash(url.as_bytes()),
        }
    }
}

/// What becomes of a place by what is learned of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is left out.
    Out,
    /// It is called again.
    In,
}

/// What has become of a call.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The status of its answer; none if there was none.
    pub status: Option<StatusCode>,
    /// The time until the head of its answer came, or until it failed.
    pub took: Duration,
}

/// The longest schedule of turns. Weights whose sum is larger are rounded to it.
const MOST_TURNS: u64 = 1_000;

impl Level {
    /// The level of these places.
    #[must_use]
    pub fn new(members: Vec<Member>) -> Self {
        let turns = turns(&members);
        Self { members: members.into(), turns }
    }
}

/// The level of a place of this `priority` in this `zone`, for a gateway in a zone of its `own`: of places of one priority, those in its zone come first.
pub(crate) fn level_of(priority: u32, zone: Option<&str>, own: Option<&str>) -> u32 {
    let is_elsewhere = own.is_some() && zone != own;
    priority.saturating_mul(2).saturating_add(is_elsewhere.into())
}

/// Endpoints by their numbers of levels, with their weights and these numbers, to be chosen by `balance`.
pub(crate) fn levels<'e>(
    endpoints: impl Iterator<Item = (&'e Endpoint, (u32, u32))>,
    balance: &Balance,
) -> Box<[Level]> {
    let mut levels: Vec<(u32, Vec<Member>)> = Vec::new();
    for (index, (endpoint, (weight, priority))) in endpoints.enumerate() {
        // What holds for one that is disabled is told all the same, so that it keeps its index.
        if endpoint.is_disabled() {
            continue;
        }
        let member = Member { endpoint: index, weight: weight.max(1), id: balance.id_of(endpoint) };
        let place = levels.iter().position(|(other, _)| *other >= priority);
        match place.and_then(|place| levels.get_mut(place)).filter(|(other, _)| *other == priority) {
            Some((_, level)) => level.push(member),
            None => levels.insert(place.unwrap_or(levels.len()), (priority, vec![member])),
        }
    }
    levels.into_iter().map(|(_, members)| Level::new(members)).collect()
}

/// The members in the order in which they have their turns: each as often as its weight says, and as far from itself as that allows, so that
/// none gets several requests in a row where others wait.
fn turns(members: &[Member]) -> Box<[u16]> {
    let common = members.iter().map(|member| member.weight).fold(0, gcd).max(1);
    let sum: u64 = members.iter().map(|member| u64::from(member.weight / common)).sum();
    let share = |member: &Member| {
        let weight = u64::from(member.weight / common);
        if sum <= MOST_TURNS { weight } else { (weight * MOST_TURNS / sum).max(1) }
    };
    let shares: Vec<i64> = members.iter().map(|member| i64::try_from(share(member)).unwrap_or(i64::MAX)).collect();
    let total: i64 = shares.iter().sum();
    let mut owed = vec![0_i64; shares.len()];
    let mut turns = Vec::new();
    for _ in 0..total {
        for (owed, share) in owed.iter_mut().zip(&shares) {
            *owed += share;
        }
        // The first of those to which most is owed.
        let mut next = 0;
        for (index, amount) in owed.iter().enumerate() {
            if owed.get(next).is_some_and(|most| amount > most) {
                next = index;
            }
        }
        if let Some(amount) = owed.get_mut(next) {
            *amount -= total;
        }
        turns.extend(u16::try_from(next));
    }
    turns.into()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::policy::body_edit::Statuses;

    pub(crate) fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(endpoint, &weight): (usize, &u32)| Member { endpoint, weight, id: endpoint as u64 * 7 + 1 };
        weights.iter().enumerate().map(member).collect()
    }

    pub(crate) fn passive() -> Passive {
        Passive {
            failures: 3,
            statuses: Statuses::of(vec![(502, 504)]),
            share: None,
            window: Duration::from_secs(10),
            ejection: Duration::from_secs(30),
            longest: Duration::from_secs(300),
            most_percent: 50,
            success_rate: None,
        }
    }

    pub(crate) fn retry() -> Retry {
        Retry {
            attempts: 2,
            unsent: true,
            reset: true,
            timeout: true,
            statuses: Some(Statuses::of(vec![(503, 503)])),
            grpc_statuses: 1 << 14,
            methods: [http::Method::GET, http::Method::PUT].into(),
            per_try: None,
            base: Duration::from_millis(25),
            longest: Duration::from_millis(250),
            budget_percent: 20,
            most_bytes: 0,
            hedge: None,
        }
    }

    pub(crate) fn cluster(balance: Balance, levels: &[&[u32]]) -> Cluster {
        let mut first = 0;
        let level = |weights: &&[u32]| {
            let mut members = members(weights);
            members.iter_mut().for_each(|member| member.endpoint += first);
            first += members.len();
            Level::new(members)
        };
        Cluster {
            balance,
            levels: levels.iter().map(level).collect(),
            retry: None,
            may_repeat: true,
            passive: Some(passive()),
            active: None,
            breaker: None,
            slow_start: None,
            adaptive: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Balancing: as often as the weights say, and spread.
    #[test]
    fn turns_are_spread_by_weight() {
        let of = |weights: &[u32]| turns(&testing::members(weights)).to_vec();
        assert_eq!(of(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(of(&[5, 5]), [0, 1]);
        assert_eq!(of(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(of(&[7]), [0]);
    }

    /// docs/configuration.md, Zones: beside a zone of its own, and within a priority.
    #[test]
    fn places_in_the_zone_of_the_gateway_come_first() {
        let of =
            |own| [(0, Some("a")), (0, Some("b")), (0, None), (1, Some("a"))].map(|(p, zone)| level_of(p, zone, own));
        assert_eq!(of(Some("a")), [0, 1, 1, 2]);
        assert_eq!(of(Some("c")), [1, 1, 1, 3]);
        assert_eq!(of(None), [0, 0, 0, 2]);
    }

    #[test]
    fn turns_of_large_weights_are_bounded_and_leave_nobody_out() {
        let turns = turns(&testing::members(&[1_000, 999, 997, 1]));
        assert!(turns.len() as u64 <= MOST_TURNS + 4);
        assert!((0..4).all(|member| turns.contains(&member)));
    }
}

//! The metrics of all parts of an instance, added up at one moment.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use crate::balance::adaptive::PRIORITIES;
use crate::balance::copies;
use crate::balance::endpoint::Chosen;
use crate::balance::vitals::Vitals;
use crate::cache::status::WORDS;
use crate::meter::{DESCRIBED, FALLBACKS, FAULTS};
use crate::metrics::{ByClass, Distribution, Metrics, PURGES, Served};
use crate::numbers::Numbered;
use crate::plan::{Endpoint, Plan, Upstream};
use crate::policy::rollout::Rollout;
use crate::policy::{etag, idempotency};
use crate::ports::{Clients, Connections, Operation, Platform, StoredResponses};
use crate::state::{Group, State};

/// The metrics of all parts of an instance, added up at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(super) in_flight: u64,
    /// By the name of the route. Requests without a route are under the empty name, which no route has.
    pub(super) served: Numbered<[Distribution; 6]>,
    /// By the name of the route, the counts of each of its limits.
    pub(super) verdicts: Numbered<Vec<(Box<str>, [u64; 4])>>,
    /// By the name of the route, in the order of [`WORDS`].
    pub(super) cached: Numbered<[u64; WORDS.len()]>,
    /// By the name of the route, in the order of [`DESCRIBED`].
    pub(super) described: Numbered<[u64; DESCRIBED.len()]>,
    /// By the name of the route, in the order of the words.
    pub(super) keyed: Numbered<[u64; idempotency::OUTCOMES.len()]>,
    /// By the name of the route, in the order of the words.
    pub(super) tagged: Numbered<[u64; etag::OUTCOMES.len()]>,
    /// By the name of the route, in the order of [`FALLBACKS`].
    pub(super) fell_back: Numbered<[u64; FALLBACKS.len()]>,
    /// By the name of the route, in the order of [`FAULTS`].
    pub(super) faults: Numbered<[u64; FAULTS.len()]>,
    pub(super) called: Numbered<[Distribution; 6]>,
    /// By the outcome.
    pub(super) authentications: Numbered<u64>,
    /// By the names of the API, its version and the consumer, which is empty for nobody known, with a NUL between them.
    api_requests: Numbered<u64>,
    pub(super) counter_errors: u64,
    pub(super) key_value_errors: u64,
    pub(super) cache_errors: u64,
    /// In the order of [`PURGES`].
    pub(super) purges: [u64; PURGES.len()],
    pub(super) stored: Option<StoredResponses>,
    pub(super) lost_log_lines: Option<u64>,
    pub(super) clients: Option<Clients>,
    pub(super) operation: Option<Operation>,
    /// What is known of upstreams with a choice.
    pub(super) clusters: Vec<ClusterState>,
    /// The names of the upstreams that are sent copies, and what has become of those, in the order of the words.
    pub(super) mirrored: Vec<(String, [u64; copies::OUTCOMES.len()])>,
    /// The names of the routes with roll-outs, the candidate's share in percent, and whether it was rolled back.
    pub(super) rollouts: Vec<(String, u32, bool)>,
    /// The name of the upstream, the authority of the endpoint, and the connections to it.
    pub(super) connections: Vec<(String, String, Connections)>,
}

/// What is known of an upstream with a choice.
#[derive(Debug)]
pub(super) struct ClusterState {
    pub(super) name: String,
    /// The further attempts since the start.
    pub(super) retries: u64,
    /// Set if its breaker is open or half-open; none without one.
    pub(super) is_open: Option<bool>,
    /// Its adaptive limit, and the requests that were refused by it since the start, by their priority; none without one.
    pub(super) load: Option<(u64, [u64; PRIORITIES.len()])>,
    pub(super) places: Vec<PlaceState>,
}

/// What is known of an endpoint of such an upstream.
#[derive(Debug)]
pub(super) struct PlaceState {
    pub(super) url: String,
    /// The times that it was left out for what has become of calls, since the start.
    pub(super) ejected: u64,
    /// Set while it is left out.
    pub(super) is_out: bool,
    /// The checks that it has passed, and those that it has not; none where there are no checks.
    pub(super) checks: Option<(u64, u64)>,
}

impl ClusterState {
    fn of(upstream: &Upstream, group: &Group, now: Duration) -> Self {
        let breaker = upstream.cluster.as_ref().and_then(|cluster| cluster.whole_breaker());
        let is_checked = upstream.cluster.as_ref().is_some_and(|cluster| cluster.active.is_some());
        let place = |(endpoint, vitals): &(Chosen<'_>, Arc<Vitals>)| PlaceState {
            url: endpoint.url(),
            ejected: vitals.ejected().map_or(0, |(times, _)| times),
            is_out: vitals.is_disabled() || !vitals.out_for(now).is_zero() || (is_checked && vitals.fails_checks(now)),
            checks: is_checked.then(|| vitals.checked(|checked| (checked.passed, checked.failed))),
        };
        Self {
            name: upstream.name.clone(),
            retries: group.fleet.retries(),
            is_open: breaker.map(|_| group.fleet.circuit(|circuit| circuit.describe(now)).0 != "closed"),
            load: upstream.cluster.as_ref().and_then(|cluster| cluster.adaptive.as_ref()).map(|rule| {
                let (limit, _, _, shed) = group.fleet.load(|load| load.describe(rule));
                (limit, shed)
            }),
            places: group.places(upstream, now).iter().map(place).collect(),
        }
    }
}

impl Snapshot {
    /// The metrics of `platform`'s instance, of which `own` is a part.
    pub(crate) fn of(plan: &Plan, platform: &impl Platform, own: &State) -> Self {
        let (lost_log_lines, clients) = (platform.lost_log_lines(), platform.clients());
        let mut snapshot = Self {
            lost_log_lines,
            clients,
            operation: platform.operation(),
            stored: platform.stored_responses(),
            ..Self::default()
        };
        platform.each_state(own, |part| {
            if let Some(metrics) = part.metrics() {
                snapshot.add(metrics);
            }
        });
        let now = platform.monotonic();
        let rollout = |(route, rollout): (usize, &Rollout)| {
            let (route, trial) = (plan.routes.get(route)?, own.trial(rollout)?);
            Some((route.name.clone(), trial.percent(), trial.known().stopped.is_some()))
        };
        snapshot.rollouts = plan.rollouts().filter_map(rollout).collect();
        for upstream in &plan.upstreams {
            snapshot.clusters.extend(own.group(upstream).map(|group| ClusterState::of(upstream, group, now)));
            let places = own.group(upstream).map(|group| group.places(upstream, now));
            let found =
                places.iter().flatten().map(|(chosen, _)| &**chosen).filter(|place| place.index == Endpoint::FOUND);
            let mirror = own.mirror(upstream.index);
            snapshot.mirrored.extend(mirror.map(|fleet| (upstream.name.clone(), fleet.copies.counts())));
            for endpoint in upstream.endpoints.iter().chain(found) {
                let authority = match endpoint.socket() {
                    Some(_) => endpoint.host.clone(),
                    None => String::from_utf8_lossy(endpoint.authority.as_bytes()).into_owned(),
                };
                let connections = platform.connections(upstream, endpoint);
                let told = connections.map(|connections| (upstream.name.clone(), authority, connections));
                snapshot.connections.extend(told);
            }
        }
        snapshot
    }

    /// The requests to versions of APIs: with the names of the API, the version and the consumer.
    pub(super) fn api_requests(&self) -> impl Iterator<Item = ([&str; 3], u64)> {
        self.api_requests.iter().map(|(of, count)| {
            let mut names = of.splitn(3, '\0');
            ([(); 3].map(|()| names.next().unwrap_or_default()), *count)
        })
    }

    fn add(&mut self, metrics: &Metrics) {
        let overall = &metrics.overall;
        self.in_flight = self.in_flight.saturating_add(load(&overall.in_flight));
        self.counter_errors += load(&overall.counter_errors);
        self.key_value_errors += load(&overall.key_value_errors);
        self.cache_errors += load(&overall.cache_errors);
        for (sum, count) in self.purges.iter_mut().zip(&overall.purges) {
            *sum += load(count);
        }
        for (outcome, count) in overall.authentications.iter() {
            if let Some(sum) = self.authentications.of(outcome) {
                *sum += count;
            }
        }
        self.add_route("", &overall.unrouted);
        let mut last = "";
        for (name, served) in metrics.routes.iter() {
            // A route is there once for each of its versions, one after another, and has its counts once.
            if name != last {
                self.add_route(name, served);
            }
            last = name;
        }
        for (of, count) in metrics.versions.iter() {
            if let Some(sum) = self.api_requests.of(&of.join("\0")) {
                *sum += count;
            }
        }
        for (name, called) in metrics.upstreams.iter() {
            add(self.called.of(name), called);
        }
    }

    fn add_route(&mut self, name: &str, route: &Served) {
        add(self.served.of(name), &route.durations);
        for (limit, counts) in route.verdicts.iter() {
            let Some(limits) = self.verdicts.of(name) else { continue };
            match limits.iter_mut().find(|(known, _)| **known == *limit) {
                Some((_, sums)) => sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
                None => limits.push((limit.into(), counts)),
            }
        }
        add_counts(&mut self.described, name, &route.described);
        add_counts(&mut self.cached, name, &route.cached);
        add_counts(&mut self.keyed, name, &route.keyed);
        add_counts(&mut self.tagged, name, &route.tagged);
        add_counts(&mut self.fell_back, name, &route.fell_back);
        add_counts(&mut self.faults, name, &route.faults);
    }
}

/// Adds the `counts` of the route called `name` to its sums, if there are any.
fn add_counts<const N: usize>(sums: &mut Numbered<[u64; N]>, name: &str, counts: &[AtomicU64; N])
where
    [u64; N]: Default,
{
    if counts.iter().any(|count| load(count) > 0) {
        for (sum, count) in sums.of(name).into_iter().flatten().zip(counts) {
            *sum += load(count);
        }
    }
}

fn add(sums: Option<&mut [Distribution; 6]>, durations: &ByClass) {
    for (sum, histogram) in sums.into_iter().flatten().zip(&durations.0) {
        sum.add(histogram);
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

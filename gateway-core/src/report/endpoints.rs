//! The content of the admin endpoints: JSON, except for the metrics.

use core::time::Duration;
use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::Report;
use super::open_metrics::{OPENMETRICS, TEXT, open_metrics, text};
use super::purge::Ended;
use super::revocation::Revocation;
use super::snapshot::Snapshot;
use crate::balance::vitals::Vitals;
use crate::balance::{Balance, Cluster};
use crate::plan::{self, Plan};
use crate::policy::api_key::Entry;
use crate::ports::{Address, Connections, Platform};
use crate::state::{Calls, State};

#[derive(Serialize)]
struct Condition {
    status: &'static str,
}

#[derive(Serialize)]
struct Version<'p> {
    name: &'p str,
    version: &'static str,
    platform: &'static str,
}

#[derive(Serialize)]
struct Upstreams<'p> {
    upstreams: Vec<Upstream<'p>>,
}

#[derive(Serialize)]
struct Upstream<'p> {
    name: &'p str,
    /// Set if the gateway itself calls it, and no route can.
    #[serde(skip_serializing_if = "is_not")]
    internal: bool,
    /// The choice among its endpoints, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<&'static str>,
    /// The further attempts of calls since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<Breaker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Load>,
    /// The source that tells of its endpoints, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    discovered: Option<Discovered>,
    endpoints: Vec<Endpoint>,
}

/// The discovery of an upstream's endpoints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovered {
    by: &'static str,
    /// Set if its source could not be asked, or told of none, the last time.
    #[serde(skip_serializing_if = "is_not")]
    is_failing: bool,
    /// The time since it told of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
}

/// A circuit breaker.
#[derive(Serialize)]
struct Breaker {
    state: &'static str,
    /// The times that it has opened since the start.
    opened: u64,
}

/// An adaptive limit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    limit: u64,
    under_way: u32,
    /// The latency without load; 0 if it is not known yet.
    latency_ms: f64,
    /// The requests that were refused since the start.
    refused: u64,
}

/// What is known of an endpoint that is one of several.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// `in`, `disabled` if it gets no new calls, `out` while it is left out, or `trying` while one call tries whether it is well again.
    state: &'static str,
    /// The part of its share that it gets while it warms up.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_percent: Option<u64>,
    under_way: u32,
    /// The mean latency.
    latency_ms: f64,
    /// The times that it was left out since the start.
    ejected: u64,
    /// The time for which it is still left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    out_for_ms: Option<u64>,
    /// The reason why it was left out last.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// The checks of it, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

/// The checks of an endpoint since the start.
#[derive(Serialize)]
struct Checks {
    /// Set while it is left out because they fail.
    failing: bool,
    passed: u64,
    failed: u64,
    /// The reason why the last one has failed, of those that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

impl Health {
    fn of(vitals: &Vitals, cluster: Option<&Cluster>, now: Duration) -> Self {
        let is_checked = cluster.is_some_and(|cluster| cluster.active.is_some());
        let checks = is_checked.then(|| Checks::of(vitals, now));
        let fails = checks.as_ref().is_some_and(|checks| checks.failing);
        let is_tried = vitals.is_tried(now);
        let out_for = if is_tried || vitals.is_disabled() { Duration::ZERO } else { vitals.out_for(now) };
        let ejected = vitals.ejected();
        let state = match out_for {
            _ if vitals.is_disabled() => "disabled",
            _ if fails => "out",
            _ if is_tried => "trying",
            Duration::ZERO => "in",
            _ => "out",
        };
        // A hash has no shares.
        let warms = cluster.filter(|cluster| state == "in" && !matches!(cluster.balance, Balance::Hash(_)));
        Self {
            state,
            share_percent: warms.and_then(|cluster| vitals.share_percent(now, cluster.slow_start?)),
            under_way: vitals.under_way(),
            latency_ms: vitals.latency(now).as_micros() as f64 / 1_000.0,
            ejected: ejected.map_or(0, |(times, _)| times),
            out_for_ms: (!out_for.is_zero()).then_some(out_for.as_millis() as u64),
            because: ejected.map(|(_, why)| why.to_string()),
            checks,
        }
    }
}

impl Checks {
    fn of(vitals: &Vitals, now: Duration) -> Self {
        let checked = vitals.checked(|checked| checked.clone());
        Self {
            failing: vitals.fails_checks(now),
            passed: checked.passed,
            failed: checked.failed,
            because: checked.trouble().map(|trouble| trouble.to_string()),
        }
    }
}

#[derive(Serialize)]
struct Endpoint {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<Box<str>>,
    calls: Calls,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<Connections>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<Address>>,
}

/// Reports that the process runs: the answer itself is the proof.
pub(super) fn live() -> Report {
    json(StatusCode::OK, &Condition { status: "live" })
}

/// Reports whether more requests are welcome; 503 tells a load balancer that they are not.
pub(super) fn ready(platform: &impl Platform) -> Report {
    if platform.is_draining() {
        json(StatusCode::SERVICE_UNAVAILABLE, &Condition { status: "draining" })
    } else {
        json(StatusCode::OK, &Condition { status: "ready" })
    }
}

/// For `serde`, which calls it with a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

pub(super) fn version<P: Platform>(plan: &Plan) -> Report {
    let (version, platform) = (env!("CARGO_PKG_VERSION"), P::CAPABILITIES.target);
    json(StatusCode::OK, &Version { name: plan.loop_guard.name(), version, platform })
}

pub(super) fn upstreams(plan: &Plan, state: &State, platform: &impl Platform) -> Report {
    let now = platform.monotonic();
    let upstreams = plan.upstreams.iter().map(|upstream| {
        let group = state.group(upstream);
        let cluster = upstream.cluster.as_deref().zip(group);
        let endpoint = |endpoint: &plan::Endpoint, vitals: Option<&Arc<Vitals>>| Endpoint {
            url: endpoint.url(),
            zone: endpoint.zone.clone(),
            calls: match vitals.filter(|_| endpoint.index == plan::Endpoint::FOUND) {
                Some(vitals) => vitals.traffic.calls(),
                None => calls(endpoint, state, platform),
            },
            health: vitals.map(|vitals| Health::of(vitals, upstream.cluster.as_deref(), now)),
            connections: platform.connections(upstream, endpoint),
            addresses: platform.addresses(upstream, endpoint),
        };
        let discovered = upstream.discovery.as_ref().zip(group).map(|(discovery, group)| Discovered {
            by: discovery.source.name(),
            is_failing: group.fleet.found.has_failed(),
            age_ms: group.found(upstream, now).map(|found| now.saturating_sub(found.at).as_millis() as u64),
        });
        Upstream {
            name: &upstream.name,
            internal: upstream.internal.is_some(),
            balance: cluster.map(|(cluster, _)| cluster.balance.name()),
            retries: cluster.and_then(|(cluster, group)| cluster.retry.as_ref().map(|_| group.fleet.retries())),
            breaker: cluster.and_then(|(cluster, group)| {
                cluster.whole_breaker()?;
                let (state, opened) = group.fleet.circuit(|circuit| circuit.describe(now));
                Some(Breaker { state, opened })
            }),
            load: cluster.and_then(|(cluster, group)| {
                let rule = cluster.adaptive.as_ref()?;
                let (limit, under_way, base, shed) = group.fleet.load(|load| load.describe(rule));
                let latency_ms = base.as_micros() as f64 / 1_000.0;
                Some(Load { limit, under_way, latency_ms, refused: shed.iter().sum() })
            }),
            discovered,
            endpoints: match group {
                Some(group) => {
                    group.places(upstream, now).iter().map(|(chosen, vitals)| endpoint(chosen, Some(vitals))).collect()
                }
                None => upstream.endpoints.iter().map(|place| endpoint(place, None)).collect(),
            },
        }
    });
    json(StatusCode::OK, &Upstreams { upstreams: upstreams.collect() })
}

/// The calls to `endpoint`, from all parts of the instance.
fn calls(endpoint: &plan::Endpoint, state: &State, platform: &impl Platform) -> Calls {
    let mut all = Calls::default();
    platform.each_state(state, |part| {
        let Calls { sent, failed } = part.calls(endpoint);
        all.sent = all.sent.saturating_add(sent);
        all.failed = all.failed.saturating_add(failed);
    });
    all
}

/// A flag, and whether it is set.
#[derive(Serialize)]
pub(crate) struct Flag<'p> {
    pub(crate) name: &'p str,
    pub(crate) set: bool,
}

#[derive(Serialize)]
struct Flags<'p> {
    flags: Vec<Flag<'p>>,
}

pub(super) fn flags(flags: Vec<Flag<'_>>) -> Report {
    json(StatusCode::OK, &Flags { flags })
}

pub(super) fn flag(flag: &Flag<'_>) -> Report {
    json(StatusCode::OK, flag)
}

pub(super) fn revocation(entry: &Revocation) -> Report {
    json(StatusCode::OK, entry)
}

pub(super) fn purged(ended: &Ended) -> Report {
    json(StatusCode::OK, ended)
}

pub(super) fn key(entry: &Entry) -> Report {
    json(StatusCode::OK, entry.content())
}

/// The metrics: as OpenMetrics if the request accepts it, else in the Prometheus text format.
pub(super) fn metrics(snapshot: Snapshot, headers: &HeaderMap) -> Report {
    let takes = |field: &HeaderValue| field.to_str().is_ok_and(|field| field.contains("application/openmetrics-text"));
    let (media_type, content) = if headers.get_all(ACCEPT).iter().any(takes) {
        (OPENMETRICS, open_metrics(snapshot))
    } else {
        (TEXT, text(snapshot))
    };
    Report { status: StatusCode::OK, media_type, content: content.into_bytes() }
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Report {
    // Strings and numbers always serialise; the empty object is never used.
    let content = serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec());
    Report { status, media_type: "application/json", content }
}

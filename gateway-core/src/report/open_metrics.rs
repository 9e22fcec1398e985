//! The metrics as text: OpenMetrics for clients that accept it, the older format of Prometheus for all others.
//!
//! Names and units are those of the OpenTelemetry semantic conventions, as its Prometheus exporters write them.

use core::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::snapshot::{ClusterState, Snapshot};
use crate::balance::adaptive::PRIORITIES;
use crate::balance::copies;
use crate::cache::status::WORDS;
use crate::meter::{DESCRIBED, FALLBACKS, FAULTS};
use crate::metrics::{CLASSES, Distribution, PURGES, VERDICTS};
use crate::policy::{etag, idempotency};
use crate::ports::Operation;

/// The media type of [`open_metrics`].
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of [`text`].
pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const RETRIES: &str = "edgeway_upstream_retries";
const EJECTIONS: &str = "edgeway_upstream_ejections";
const CHECKS: &str = "edgeway_upstream_checks";
const MIRRORED: &str = "edgeway_mirrored_requests";
const LIMITS: &str = "edgeway_rate_limit_verdicts";
const API_REQUESTS: &str = "edgeway_api_requests";
const CACHED: &str = "edgeway_cache_requests";
const DESCRIPTIONS: &str = "edgeway_openapi_checks";
const KEYED: &str = "edgeway_idempotency_keys";
const TAGGED: &str = "edgeway_entity_tags";
const FELL_BACK: &str = "edgeway_fallbacks";
const SHED: &str = "edgeway_shed_requests";
const FAULTY: &str = "edgeway_faults";
const PURGED: &str = "edgeway_cache_purges";
const AUTHENTICATIONS: &str = "edgeway_authentications";
const STORES: &str = "edgeway_store_errors";
const LOST_LINES: &str = "edgeway_access_log_lost_lines";
const FAILED: &str = "edgeway_failed_connections";
const OVER_LIMIT: &str = "edgeway_connections_over_limit";

/// `snapshot` as OpenMetrics 1.0.
pub(crate) fn open_metrics(snapshot: Snapshot) -> String {
    let mut out = encoded(snapshot);
    out.push_str("# EOF\n");
    out
}

/// `snapshot` in the text format 0.0.4 of Prometheus. It differs in one thing: a counter's `_total` is part of its name
/// in its description, too.
pub(crate) fn text(snapshot: Snapshot) -> String {
    let mut out = encoded(snapshot);
    for name in [
        RETRIES,
        EJECTIONS,
        CHECKS,
        MIRRORED,
        LIMITS,
        API_REQUESTS,
        CACHED,
        DESCRIPTIONS,
        KEYED,
        TAGGED,
        FELL_BACK,
        FAULTY,
        SHED,
        PURGED,
        AUTHENTICATIONS,
        STORES,
        LOST_LINES,
        OVER_LIMIT,
        FAILED,
    ] {
        for line in ["HELP", "TYPE"] {
            out = out.replace(&format!("# {line} {name} "), &format!("# {line} {name}_total "));
        }
    }
    out
}

fn encoded(snapshot: Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut out = String::new();
    // INVARIANT: writing to a string does not fail.
    let _ = encode_registry(&mut out, &registry);
    out
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let durations = [
            ("http_server_request_duration", "Duration of requests of clients", "route", &self.served),
            (
                "http_client_request_duration",
                "Duration of requests to upstreams until the head came",
                "upstream",
                &self.called,
            ),
        ];
        for (name, help, label, series) in durations {
            let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
            for (value, distributions) in series.iter() {
                for (class, distribution) in CLASSES.into_iter().zip(distributions) {
                    let labels = [(label, value), ("status_class", class)];
                    if distribution.count() > 0 {
                        histogram(&mut family.encode_family(&labels)?, distribution)?;
                    }
                }
            }
        }
        let help = "Requests of clients that have begun and not ended";
        let mut family = encoder.encode_descriptor("http_server_active_requests", help, None, MetricType::Gauge)?;
        family.encode_gauge(&i64::try_from(self.in_flight).unwrap_or_default())?;

        if let Some(clients) = self.clients {
            let help = "Connections of clients";
            let mut family =
                encoder.encode_descriptor("http_server_open_connections", help, None, MetricType::Gauge)?;
            family.encode_gauge(&i64::try_from(clients.open).unwrap_or(i64::MAX))?;

            let help = "Connections that waited for others to end, and streams that were refused";
            let mut family = encoder.encode_descriptor(OVER_LIMIT, help, None, MetricType::Counter)?;
            for (kind, count) in [("connection", clients.waited), ("stream", clients.refused)] {
                family.encode_family(&[("kind", kind)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }

        let help = "Connections to the endpoints of upstreams";
        let mut family = encoder.encode_descriptor("http_client_open_connections", help, None, MetricType::Gauge)?;
        for (upstream, endpoint, connections) in &self.connections {
            let active = connections.open.saturating_sub(connections.idle);
            for (state, count) in [("active", active), ("idle", connections.idle)] {
                let labels = [("upstream", upstream.as_str()), ("endpoint", endpoint), ("state", state)];
                family.encode_family(&labels)?.encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX))?;
            }
        }

        encode_clusters(&mut encoder, &self.clusters)?;
        let help = "Copies of requests for another upstream";
        let mut family = encoder.encode_descriptor(MIRRORED, help, None, MetricType::Counter)?;
        for (upstream, counts) in &self.mirrored {
            for (outcome, count) in copies::OUTCOMES.into_iter().zip(counts) {
                let labels = [("upstream", upstream.as_str()), ("outcome", outcome)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        let help = "Shares of the candidates of roll-outs, in percent";
        let mut family = encoder.encode_descriptor("edgeway_rollout_percent", help, None, MetricType::Gauge)?;
        for (route, percent, _) in &self.rollouts {
            family.encode_family(&[("route", route.as_str())])?.encode_gauge(&i64::from(*percent))?;
        }
        let help = "Candidates of roll-outs that were rolled back, by 1, or not, by 0";
        let mut family = encoder.encode_descriptor("edgeway_rollout_rolled_back", help, None, MetricType::Gauge)?;
        for (route, _, is_stopped) in &self.rollouts {
            family.encode_family(&[("route", route.as_str())])?.encode_gauge(&i64::from(*is_stopped))?;
        }
        let help = "Verdicts of the rate limits of a route";
        let mut family = encoder.encode_descriptor(LIMITS, help, None, MetricType::Counter)?;
        let verdicts = self.verdicts.iter();
        for (route, (limit, counts)) in verdicts.flat_map(|(route, limits)| limits.iter().map(move |of| (route, of))) {
            for (verdict, count) in VERDICTS.into_iter().zip(counts) {
                if *count > 0 {
                    let labels = [("route", route), ("limit", limit), ("verdict", verdict)];
                    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
                }
            }
        }

        let help = "Requests to the versions of an API, by the consumer who calls";
        let mut family = encoder.encode_descriptor(API_REQUESTS, help, None, MetricType::Counter)?;
        for ([api, version, consumer], count) in self.api_requests() {
            let labels = [("api", api), ("version", version), ("consumer", consumer)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }

        let help = "Requests to a route with a cache, by what that did";
        let mut family = encoder.encode_descriptor(CACHED, help, None, MetricType::Counter)?;
        for (route, counts) in self.cached.iter() {
            for (outcome, count) in WORDS.into_iter().zip(counts) {
                if *count > 0 {
                    let labels = [("route", route), ("outcome", outcome)];
                    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
                }
            }
        }
        let help = "Requests and responses that were checked by the description of their API";
        let mut family = encoder.encode_descriptor(DESCRIPTIONS, help, None, MetricType::Counter)?;
        for (route, counts) in self.described.iter() {
            for ((of, outcome), count) in DESCRIBED.into_iter().zip(counts) {
                if *count > 0 {
                    let labels = [("route", route), ("of", of), ("outcome", outcome)];
                    family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
                }
            }
        }
        let help = "Requests with idempotency keys, by what has become of them";
        let mut family = encoder.encode_descriptor(KEYED, help, None, MetricType::Counter)?;
        for (route, counts) in self.keyed.iter() {
            for (outcome, count) in idempotency::OUTCOMES.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                let labels = [("route", route), ("outcome", outcome)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        let help = "Responses that a tag was made for, and those that the client has";
        let mut family = encoder.encode_descriptor(TAGGED, help, None, MetricType::Counter)?;
        for (route, counts) in self.tagged.iter() {
            for (outcome, count) in etag::OUTCOMES.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                let labels = [("route", route), ("outcome", outcome)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        let help = "Answers in place of those of upstreams that have failed";
        let mut family = encoder.encode_descriptor(FELL_BACK, help, None, MetricType::Counter)?;
        for (route, counts) in self.fell_back.iter() {
            for (what, count) in FALLBACKS.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                let labels = [("route", route), ("to", what)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        let help = "Requests with faults that are made on purpose";
        let mut family = encoder.encode_descriptor(FAULTY, help, None, MetricType::Counter)?;
        for (route, counts) in self.faults.iter() {
            for (kind, count) in FAULTS.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                let labels = [("route", route), ("kind", kind)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
        if let Some(stored) = self.stored {
            let help = "Resources of which responses are stored in memory";
            let mut family = encoder.encode_descriptor("edgeway_cache_resources", help, None, MetricType::Gauge)?;
            family.encode_gauge(&i64::try_from(stored.resources).unwrap_or(i64::MAX))?;
            let help = "Memory that stored responses take";
            let (name, unit) = ("edgeway_cache_memory", Unit::Bytes);
            let mut family = encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
            family.encode_gauge(&i64::try_from(stored.bytes).unwrap_or(i64::MAX))?;
        }

        let help = "Stored responses that operators have put an end to";
        let mut family = encoder.encode_descriptor(PURGED, help, None, MetricType::Counter)?;
        for (kind, count) in PURGES.into_iter().zip(self.purges) {
            if count > 0 {
                family.encode_family(&[("kind", kind)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }

        let help = "Requests that had to prove who calls";
        let mut family = encoder.encode_descriptor(AUTHENTICATIONS, help, None, MetricType::Counter)?;
        for (outcome, count) in self.authentications.iter() {
            family.encode_family(&[("outcome", outcome)])?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }

        let help = "Operations that a store could not do";
        let mut family = encoder.encode_descriptor(STORES, help, None, MetricType::Counter)?;
        let stores =
            [("counters", self.counter_errors), ("key-value", self.key_value_errors), ("responses", self.cache_errors)];
        for (store, count) in stores {
            family.encode_family(&[("store", store)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }

        if let Some(lost) = self.lost_log_lines {
            let help = "Lines of the access log that were not written";
            let mut family = encoder.encode_descriptor(LOST_LINES, help, None, MetricType::Counter)?;
            family.encode_counter::<NoLabelSet, _, u64>(&lost, None)?;
        }
        self.operation.as_ref().map_or(Ok(()), |operation| encode_operation(&mut encoder, operation))
    }
}

/// Upstreams in several places, or with rules for their failures.
fn encode_clusters(encoder: &mut DescriptorEncoder<'_>, clusters: &[ClusterState]) -> fmt::Result {
    let help = "Further attempts of calls that failed";
    let mut family = encoder.encode_descriptor(RETRIES, help, None, MetricType::Counter)?;
    for cluster in clusters {
        let labels = [("upstream", cluster.name.as_str())];
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&cluster.retries, None)?;
    }
    let help = "Endpoints that were left out for their failures";
    let mut family = encoder.encode_descriptor(EJECTIONS, help, None, MetricType::Counter)?;
    for cluster in clusters {
        for place in &cluster.places {
            let labels = [("upstream", cluster.name.as_str()), ("endpoint", place.url.as_str())];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&place.ejected, None)?;
        }
    }
    let mut family = encoder.encode_descriptor(CHECKS, "Checks of endpoints", None, MetricType::Counter)?;
    for cluster in clusters {
        for place in &cluster.places {
            for (result, count) in
                place.checks.iter().flat_map(|(passed, failed)| [("passed", passed), ("failed", failed)])
            {
                let labels =
                    [("upstream", cluster.name.as_str()), ("endpoint", place.url.as_str()), ("result", result)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
            }
        }
    }
    let help = "Endpoints that are called, by 1, or left out, by 0";
    let mut family = encoder.encode_descriptor("edgeway_upstream_endpoint_healthy", help, None, MetricType::Gauge)?;
    for cluster in clusters {
        for place in &cluster.places {
            let labels = [("upstream", cluster.name.as_str()), ("endpoint", place.url.as_str())];
            family.encode_family(&labels)?.encode_gauge(&i64::from(!place.is_out))?;
        }
    }
    let help = "Circuit breakers that are open or half-open, by 1, or closed, by 0";
    let mut family = encoder.encode_descriptor("edgeway_upstream_breaker_open", help, None, MetricType::Gauge)?;
    for cluster in clusters {
        if let Some(is_open) = cluster.is_open {
            family.encode_family(&[("upstream", cluster.name.as_str())])?.encode_gauge(&i64::from(is_open))?;
        }
    }
    let help = "Most requests that wait for an upstream at once, by what it bears";
    let mut family = encoder.encode_descriptor("edgeway_upstream_load_limit", help, None, MetricType::Gauge)?;
    for cluster in clusters {
        if let Some((limit, _)) = cluster.load {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            family.encode_family(&[("upstream", cluster.name.as_str())])?.encode_gauge(&limit)?;
        }
    }
    let help = "Requests that were refused because an upstream had as much to do as it bears";
    let mut family = encoder.encode_descriptor(SHED, help, None, MetricType::Counter)?;
    for cluster in clusters {
        for (priority, count) in cluster.load.iter().flat_map(|(_, shed)| PRIORITIES.iter().zip(shed)) {
            let labels = [("upstream", cluster.name.as_str()), ("priority", priority)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
    }
    Ok(())
}

/// The names of the gauges are those of Prometheus for itself.
fn encode_operation(encoder: &mut DescriptorEncoder<'_>, operation: &Operation) -> fmt::Result {
    let help = "Connections of clients that failed before a request";
    let mut family = encoder.encode_descriptor(FAILED, help, None, MetricType::Counter)?;
    for (kind, count) in &operation.failed_connections {
        family.encode_family(&[("kind", *kind)])?.encode_counter::<NoLabelSet, _, u64>(count, None)?;
    }
    let help = "1 unless the last reload of the configuration was refused";
    let name = "edgeway_config_last_reload_successful";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    family.encode_gauge(&i64::from(operation.is_reloaded))?;

    let help = "Time at which the present configuration was taken over";
    let name = "edgeway_config_last_reload_success_timestamp";
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    family.encode_gauge(&i64::try_from(operation.reloaded_at).unwrap_or(i64::MAX))?;

    let help = "End of the validity of a listener's certificate";
    let name = "edgeway_certificate_expiry_timestamp";
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    for certificate in &operation.certificates {
        let labels = [("listener", certificate.listener.as_str()), ("file", certificate.file.as_str())];
        family.encode_family(&labels)?.encode_gauge(&certificate.at)?;
    }
    Ok(())
}

fn histogram(encoder: &mut prometheus_client::encoding::MetricEncoder<'_>, distribution: &Distribution) -> fmt::Result {
    let buckets = distribution.buckets();
    encoder.encode_histogram::<NoLabelSet>(distribution.seconds(), distribution.count(), &buckets, None)
}

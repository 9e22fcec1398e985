//! Upstreams in several places: which of them is called, and what is done when one fails.

use serde::Deserialize;

use crate::config::{ByteSize, Entries, SecretRef, Span, Value};

/// One place at which an upstream is called.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamTarget {
    /// Its URL: `http://host:port/base/path` or `https://…`.
    pub url: String,
    /// Its share of the calls, by the sum of all weights; 1 to 1,000. Default: 1.
    #[serde(default)]
    pub weight: Option<u32>,
    /// Its group: those with a higher number are called where those with lower ones are not well; 0 to 15. Default: 0.
    #[serde(default)]
    pub priority: Option<u32>,
    /// The zone that it is in: where it is the `network.zone` of the gateway, it is called before others of its priority. Default: none.
    #[serde(default)]
    pub zone: Option<String>,
    /// Takes it out of service, by `true`: it gets no new calls, and those under way go on. Default: false.
    #[serde(default)]
    pub disabled: Option<bool>,
    /// The `Host` that it is sent, whatever is said elsewhere. Default: that of the upstream. Native server only.
    #[serde(default)]
    pub host: Option<String>,
    /// The header fields that are set on requests to it, after all edits: each a template, or a secret.
    #[serde(default)]
    pub headers: Entries<Value>,
    /// The settings of TLS to it that differ from those of the upstream. Native server only.
    #[serde(default)]
    pub tls: Option<TargetTls>,
}

/// The settings of TLS to one place of an upstream.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetTls {
    /// The name that is asked for (SNI) and that its certificate has to cover, in place of the upstream's.
    pub server_name: String,
}

/// The way in which one of an upstream's places is chosen for a call.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Balance {
    /// Each in turn, as often as its weight says.
    RoundRobin,
    /// By chance, as often as its weight says.
    Random,
    /// The one with the fewest requests under way, for its weight.
    LeastRequest,
    /// Of two by chance, the one that is expected to answer sooner: by its latency, of which a rise counts at once, and the requests under way.
    PeakEwma,
    /// The same one for the same value.
    Hash(HashBalance),
    /// The one that a cookie of the gateway's own names; each in turn for a client without it.
    Sticky(StickyBalance),
}

/// Clients that stay at a place by a cookie.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StickyBalance {
    /// The name of the cookie.
    pub cookie: String,
    /// The secret by which places get the ids that stand in cookies, of at least 32 bytes: the same for all instances.
    pub key: SecretRef,
    /// The time for which it is kept (`Max-Age`), from when it was set; `1s` to `400d`. Default: until the browser is closed.
    #[serde(default)]
    pub ttl: Option<Span>,
    /// The path that it is sent to. Default: `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// The requests of other sites that it goes along with. Default: `lax`.
    #[serde(default)]
    pub same_site: Option<SameSite>,
}

/// The requests of other sites that a cookie goes along with (RFC 6265bis §4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SameSite {
    /// None.
    Strict,
    /// Links.
    Lax,
    /// All, as those of a frame; over TLS alone.
    None,
}

/// The choice of a place by a value of the request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HashBalance {
    /// The value, as a template: `{cookie.session}`, `{header.x-user}`, `{consumer}`. A request without it goes by chance.
    pub key: String,
    /// The most requests under way at one place, in percent of the mean, from which the next one in line is called; 101 to 1000. Default: no bound.
    #[serde(default)]
    pub most_percent: Option<u32>,
}

/// Further attempts of a call that failed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// The further attempts, at most; 0 to 10. Default: 2.
    pub attempts: Option<u32>,
    /// The failures after which a call is sent again. Default: `unsent`, `reset` and `timeout`.
    pub on: Option<Vec<RetryOn>>,
    /// The statuses of an answer after which a call is sent again: `503`, or `5xx`. Default: those of gateways, 502, 503 and 504.
    pub statuses: Option<Vec<String>>,
    /// The statuses of a call of gRPC after which it is sent again, if they are in the head of its answer. Default: none.
    pub grpc_statuses: Option<Vec<GrpcStatus>>,
    /// The methods whose requests may be sent again although they may have been carried out. Default: those that are idempotent (RFC 9110 §9.2.2).
    pub methods: Option<Vec<String>>,
    /// The longest that an attempt waits for the head of its answer, within `timeouts`. Default: their `firstByte`.
    pub per_try: Option<Span>,
    /// The wait before a further attempt at the same place. Before one at another place there is none.
    pub backoff: Backoff,
    /// The most further attempts, in percent of all calls of the upstream; 1 to 1000. Default: 20.
    pub budget_percent: Option<u32>,
    /// A second attempt at another place, where the first takes its time: of safe methods alone. Default: none.
    pub hedge: Option<Hedge>,
    /// The longest content of a request that is kept to be sent again, where its length is stated; up to `1MiB`. Default: `64KiB`.
    pub max_bytes: Option<ByteSize>,
}

/// When a second attempt is made beside a first one: after a time, or after that within which most calls are answered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hedge {
    /// The time; `1ms` to `60s`.
    pub after: Option<Span>,
    /// The calls that are answered by then, in percent; 50 to 99. Until 100 calls are known, there is no second attempt.
    pub percentile: Option<u32>,
}

/// The most requests that wait for an upstream at once: a number that follows how many it bears before its answers take longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AdaptiveConcurrency {
    /// The smallest limit; 1 to 10,000. Default: 3.
    pub least: Option<u32>,
    /// The largest limit; 1 to 10,000. Default: 1000.
    pub most: Option<u32>,
    /// The limit at first; 1 to 10,000. Default: 20, or what is nearest to it between the two.
    pub first: Option<u32>,
}

/// How much requests matter where an upstream has too much to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Priority {
    /// They are refused last, and may go a quarter beyond the limit.
    Critical,
    /// They have the whole limit.
    #[default]
    Default,
    /// They are refused first, and have three quarters of the limit.
    Sheddable,
}

/// A status of a call of gRPC, in the order of their numbers from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum GrpcStatus {
    /// 1: it was given up.
    Cancelled,
    /// 2: nobody knows.
    Unknown,
    /// 3: an argument is wrong.
    InvalidArgument,
    /// 4: its time was over.
    DeadlineExceeded,
    /// 5: something is not there.
    NotFound,
    /// 6: something is there already.
    AlreadyExists,
    /// 7: the caller may not do it.
    PermissionDenied,
    /// 8: something is used up.
    ResourceExhausted,
    /// 9: the state does not let it be done.
    FailedPrecondition,
    /// 10: it was ended, as by another at the same time.
    Aborted,
    /// 11: it is past the end.
    OutOfRange,
    /// 12: there is no such method.
    Unimplemented,
    /// 13: the server is broken.
    Internal,
    /// 14: the service is not there at the moment.
    Unavailable,
    /// 15: data is lost.
    DataLoss,
    /// 16: the caller is not known.
    Unauthenticated,
}

/// A failure after which a call is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RetryOn {
    /// Nothing was sent, as where there was no connection, or the upstream has refused the stream (RFC 9113 §8.7).
    Unsent,
    /// The connection ended before a whole head came.
    Reset,
    /// No head came in time.
    Timeout,
}

/// The wait before a further attempt: by chance between nothing and a time that doubles with each.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Backoff {
    /// The first of these times; `1ms` to `10s`. Default: `25ms`.
    pub base: Option<Span>,
    /// The longest of them, and the longest `Retry-After` that is waited for; `1ms` to `60s`. Default: ten times `base`.
    pub longest: Option<Span>,
}

/// The health of an upstream's places.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Health {
    /// What is learned of the calls that go there anyway.
    pub passive: Option<PassiveHealth>,
    /// Checks that the gateway makes by itself. Not on Spin.
    pub active: Option<ActiveHealth>,
    /// The time over which a place that has come back, or is new, gets its share: a tenth of it at first; `1s` to `1h`. Default: at once.
    pub slow_start: Option<Span>,
}

/// Checks of an upstream's places, which the gateway makes by itself: a place is left out for as long as they fail.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ActiveHealth {
    /// The way of a check. Default: `http`.
    pub kind: Option<CheckKind>,
    /// With `http`, the path that is asked, with a query if it needs one: `/healthz`. The base path of the place is not put in front.
    pub path: Option<String>,
    /// With `http`, the method: `GET` or `HEAD`. Default: `GET`.
    pub method: Option<CheckMethod>,
    /// The time from one check of a place to the next; `100ms` to `1h`. Default: `3s`.
    pub every: Option<Span>,
    /// The longest that a check may take; up to `every`. Default: `1s`, or `every` if that is shorter.
    pub timeout: Option<Span>,
    /// The successes one after another with which a place comes back; 1 to 100. Default: 1.
    pub healthy: Option<u32>,
    /// The failures one after another for which a place is left out; 1 to 100. The first check of a place decides alone. Default: 3.
    pub unhealthy: Option<u32>,
    /// With `http`, the statuses of a place that is well: `200`, or `2xx`. Default: `2xx`.
    pub statuses: Option<Vec<String>>,
    /// With `http`, a text that stands in the content of the answer. Default: any content will do.
    pub contains: Option<String>,
    /// The header fields of a check, beside those that each has. `host` is the one that the upstream sets, or the authority of the place, unless it stands here.
    pub headers: Entries<String>,
    /// With `grpc`, the name of the service that is asked for. Default: the server as a whole.
    pub service: Option<String>,
}

/// The way of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CheckKind {
    /// A request.
    #[default]
    Http,
    /// A connection, on which nothing is sent.
    Tcp,
    /// `Check` of `grpc.health.v1.Health`.
    Grpc,
}

/// The method of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CheckMethod {
    /// GET.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// HEAD.
    #[serde(rename = "HEAD")]
    Head,
}

/// The places that are left out for what becomes of calls to them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PassiveHealth {
    /// Turns it off, by `false`. Default: true, where there are several places.
    pub enabled: Option<bool>,
    /// The failures one after another for which a place is left out; 1 to 1,000. Default: 5.
    pub failures: Option<u32>,
    /// The statuses that are failures, beside calls without an answer. Default: those of gateways, 502, 503 and 504.
    pub statuses: Option<Vec<String>>,
    /// The failures among the calls of a `window` for which a place is left out, in percent; 1 to 100. Default: none.
    pub failure_percent: Option<u32>,
    /// The fewest calls in a `window` of which `failurePercent` tells anything. Default: 50.
    pub least_requests: Option<u32>,
    /// The time over which `failurePercent` and `successRate` count; `1s` to `10m`. Default: `10s`.
    pub window: Option<Span>,
    /// The time for which a place is left out, times the number of times that it was lately; `1s` to `1h`. Default: `30s`.
    pub ejection: Option<Span>,
    /// The longest of these times; up to `1d`. Default: `5m`.
    pub longest: Option<Span>,
    /// The most places that are left out at once, in percent; one may always be, and never all. Default: 50.
    pub most_ejected_percent: Option<u32>,
    /// Leaves out a place that answers worse than the others. Default: none.
    pub success_rate: Option<SuccessRate>,
}

/// The comparison of places by the successes among their calls, for each `window` by itself: one that is far below the mean is left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SuccessRate {
    /// How far below: the standard deviation, in percent; 1 to 1,000. Default: 190.
    pub stdev_percent: Option<u32>,
    /// The fewest places that are compared; 3 to 1,000. Default: 5.
    pub least_targets: Option<u32>,
    /// The fewest calls of a place in a `window` that tell anything; 1 to 1,000,000. Default: 100.
    pub least_requests: Option<u32>,
}

/// Calls that are not made while an upstream fails.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CircuitBreaker {
    /// The failures one after another that open it; 1 to 100,000. Default: none.
    pub failures: Option<u32>,
    /// The failures among the calls of a `window` that open it, in percent; 1 to 100. Default: 50, where nothing else opens it.
    pub failure_percent: Option<u32>,
    /// The time from which an answer is slow. Default: none is.
    pub slow: Option<Span>,
    /// The slow answers among the calls of a `window` that open it, in percent; 1 to 100. Default: 100, where `slow` is stated.
    pub slow_percent: Option<u32>,
    /// The fewest calls in a `window` of which the two tell anything; 1 to 1,000,000. Default: 20.
    pub least_requests: Option<u32>,
    /// The time over which they count; `1s` to `10m`. Default: `10s`.
    pub window: Option<Span>,
    /// The statuses that are failures, beside calls without an answer. Default: `5xx`.
    pub statuses: Option<Vec<String>>,
    /// The time for which it stays open, before calls try again; `100ms` to `1h`. Default: `10s`.
    pub open: Option<Span>,
    /// The calls that try again, all of which have to succeed; 1 to 100. Default: 1.
    pub probes: Option<u32>,
    /// What it is of. Default: `upstream`.
    pub per: Option<BreakerOf>,
}

/// What a breaker is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum BreakerOf {
    /// The upstream as a whole: while it is open, calls are refused.
    Upstream,
    /// Each place: while it is open, that one is left out, and the last one never is.
    Target,
}

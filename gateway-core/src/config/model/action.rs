//! The actions of routes, and what goes with the upstream's.

use serde::Deserialize;

use super::{Literal, PolicyUse};
use crate::config::{ByteSize, Entries, Span};

/// One of several upstreams of a route.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The upstream's name.
    pub upstream: String,
    /// Its share, out of the sum of all weights; 0 to 1,000,000.
    pub weight: u32,
    /// Policies of this upstream alone, which can edit requests and responses: requests after the route's own edits,
    /// responses before them.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
}

/// A roll-out of one of the two upstreams of a `split`: it gets more and more of the requests, or none any more.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// The upstream that is tried; the other one of `split` is the baseline.
    pub candidate: String,
    /// Its share in each step, in percent, rising; 1 to 100. Without it, they are 5, 25, 50 and 100.
    #[serde(default)]
    pub steps: Option<Vec<u32>>,
    /// The least time of a step; `1s` to `30d`. Default: `10m`.
    #[serde(default)]
    pub hold: Option<Span>,
    /// The fewest requests of each side in a `window` of which they tell anything; 20 to 100,000. Default: 200.
    #[serde(default)]
    pub least_requests: Option<u32>,
    /// The difference of the error rates from which the candidate is rolled back, in percentage points; 0 to 100. Default: 2.
    #[serde(default)]
    pub error_points: Option<u32>,
    /// The candidate's mean duration from which it is rolled back, in percent of the baseline's; 101 to 10,000. Default: none is too long.
    #[serde(default)]
    pub slow_percent: Option<u32>,
    /// The statuses that are errors, beside calls without an answer. Default: `5xx`.
    #[serde(default)]
    pub statuses: Option<Vec<String>>,
    /// The value by which a caller stays with one side, as a template. Default: each request is chosen for by chance.
    #[serde(default)]
    pub key: Option<String>,
    /// The time over which requests count; `1m` to `7d`. Default: `1h`.
    #[serde(default)]
    pub window: Option<Span>,
    /// The time between two looks of an instance into the counter store; `1s` to `1m`. Default: `5s`.
    #[serde(default)]
    pub every: Option<Span>,
}

/// Copies of a route's requests for another upstream, whose answers nobody sees.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mirror {
    /// The upstream's name.
    pub upstream: String,
    /// The requests that are copied, in percent; 0 to 100. Default: 100.
    #[serde(default)]
    pub percent: Option<u32>,
    /// The methods whose requests are copied. Default: those that are safe (RFC 9110 §9.2.1), GET, HEAD, OPTIONS and QUERY.
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    /// The longest content that is copied, where its length is stated; up to `1MiB`. Default: `64KiB`.
    #[serde(default)]
    pub max_bytes: Option<ByteSize>,
    /// The most copies for the upstream that are kept or under way at once; 1 to 10,000. Default: 100.
    #[serde(default)]
    pub at_once: Option<u32>,
    /// The longest that a copy takes, with its answer; `10ms` to `10m`. Default: `10s`.
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// A change of the path or host that the upstream is sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rewrite {
    /// The path, as a template: `/internal/{path.id}`. Parameters keep their encoding.
    pub path: Option<String>,
    /// Instead of the route's `prefix`: `/v1` makes `/api/users` with prefix `/api` into `/v1/users`. `/` removes the prefix; so
    /// does the empty text, and then `/api` alone becomes the upstream's base path without a slash after it.
    pub prefix: Option<String>,
    /// The `Host`, instead of the upstream's own setting.
    pub host: Option<String>,
}

/// A redirect.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redirect {
    /// The new location, as a template: `https://{request.host}/new/{path.id}`.
    #[serde(default)]
    pub location: Option<String>,
    /// Instead of `location`: the replacement of the route's prefix, after which the rest of the path follows. A path, or a
    /// URL without query: `/new`, `https://new.example.com`. A template.
    #[serde(default)]
    pub prefix: Option<String>,
    /// 301, 302, 303, 307 or 308. Default: 308.
    #[serde(default)]
    pub status: Option<u16>,
    /// Append the request's query. Default: true.
    #[serde(default)]
    pub keep_query: Option<bool>,
}

/// A fixed response.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Respond {
    /// 200 to 599. Default: 200.
    pub status: Option<u16>,
    /// Header fields; values are templates.
    pub headers: Entries<String>,
    /// The content, as text; a template.
    pub body: Option<String>,
    /// The content, as JSON; sent as `application/json`. Members keep their order, and numbers their texts.
    pub json: Option<Literal>,
}

/// A value in the key-value store, read by GET and HEAD; if `methods` says so, written by PUT and removed by DELETE.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyValueEntry {
    /// The key, as a template: `flags/{path.name}`.
    pub key: String,
    /// The media type of the value. Default: `application/octet-stream`.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The longest that a written value is kept. Default: without limit; at least `60s`, the least that every platform
    /// has.
    #[serde(default)]
    pub ttl: Option<Span>,
    /// The largest value that PUT takes. Default: `1MiB`.
    #[serde(default)]
    pub value_bytes: Option<ByteSize>,
}

//! Rate limits.

use serde::Deserialize;

use super::{CounterKey, FailMode};
use crate::config::{Entries, Span, Window};

/// A rate limit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Its name in `RateLimit` and `RateLimit-Policy`, and of its counters. Default: the policy's name, or the route's.
    #[serde(default)]
    pub name: Option<String>,
    /// The requests that a window admits; 1 to 1,000,000,000.
    pub limit: u32,
    /// The window: `1s` to `366d`, or a `hour`, `day`, `week` or `month` of the calendar, which `fixedWindow` alone counts by.
    pub window: Window,
    /// The time zone of a window of the calendar: `UTC`, an offset such as `+01:00`, or a rule as `TZ` has it in POSIX, such as
    /// `CET-1CEST,M3.5.0,M10.5.0/3`. Default: `UTC`.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The way of counting requests. Default: `gcra`; for a window of the calendar, `fixedWindow`.
    #[serde(default)]
    pub algorithm: Option<RateLimitAlgorithm>,
    /// The requests that may come at once. Default: `limit`. With `gcra` alone.
    #[serde(default)]
    pub burst: Option<u32>,
    /// The requests that are counted together. Default: `clientAddress`.
    #[serde(default)]
    pub key: Option<CounterKey>,
    /// The units of `limit` that a request takes. Default: 1.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// The longest that a request above the limit waits for its turn, instead of being refused: `1ms` to `30s`. With `gcra` alone. Default: it is refused.
    #[serde(default)]
    pub throttle: Option<Span>,
    /// The units that an instance borrows at once and spends without asking the store. Default: it asks for each request.
    #[serde(default)]
    pub lease: Option<RateLimitLease>,
    /// Other terms for consumers with a tier, by its name; each counts for itself.
    #[serde(default)]
    pub tiers: Entries<RateLimitTier>,
    /// On Cloudflare, the RateLimiter binding that counts instead of a Durable Object: approximately, for each location. `limit` and `window` say what it is
    /// set to; other platforms count by these.
    #[serde(default)]
    pub binding: Option<String>,
    /// The accuracy that is needed: a configuration for a store that counts less accurately is refused. Default: whatever the store has.
    #[serde(default)]
    pub accuracy: Option<Accuracy>,
    /// `true` to count, and to tell the log and the metrics what would be refused, but to refuse nothing and tell clients nothing. Default: `false`.
    #[serde(default)]
    pub shadow: bool,
    /// `true` for `X-RateLimit-Limit`, `-Remaining` and `-Reset`, in seconds from now, beside the fields of the standard. Default: `false`.
    #[serde(default)]
    pub legacy_headers: bool,
    /// The decision while the counter can't be reached. Default: `closed`, which refuses with 503.
    #[serde(default)]
    pub fail: Option<FailMode>,
}

/// The units that a request takes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Cost {
    /// So many, from 1.
    Fixed(u32),
    /// As the request or its response states.
    Stated(Box<StatedCost>),
}

/// The units that a request takes, as it or its response states them: exactly one of `header`, `query`, `expression`, `responseHeader` and `responseJson`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StatedCost {
    /// A header of the request with a whole number.
    pub header: Option<String>,
    /// A query parameter with a whole number.
    pub query: Option<String>,
    /// An expression of a whole number.
    pub expression: Option<String>,
    /// A header of the upstream's response with a whole number. The request takes `default` units at first, and the difference once the response has come.
    pub response_header: Option<String>,
    /// A JSON Pointer to a whole number in the content of the upstream's response, such as `/usage/total_tokens`. The request takes `default` units at first, and the difference once the content has passed.
    pub response_json: Option<String>,
    /// The units where nothing is stated. Default: 1.
    pub default: Option<u32>,
    /// The most that count. Default: what may come at once.
    pub max: Option<u32>,
}

/// The units of a rate limit that an instance borrows at once.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitLease {
    /// The most units at once; 2 to 100,000.
    pub units: u32,
    /// The time after which those that are not spent are lost: `10ms` to `10s`, at most the window. Default: `1s`.
    #[serde(default)]
    pub hold: Option<Span>,
}

/// The terms of a rate limit for the consumers of one tier.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitTier {
    /// The requests that a window admits; 1 to 1,000,000,000.
    pub limit: u32,
    /// The window: `1s` to `366d`, or a `hour`, `day`, `week` or `month` of the calendar.
    pub window: Window,
    /// The requests that may come at once. Default: `limit`. With `gcra` alone.
    #[serde(default)]
    pub burst: Option<u32>,
}

/// The accuracy of a rate limit over all instances of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Accuracy {
    /// It admits what it says, and no more.
    Exact,
    /// It admits no more than a stated bound.
    Bounded,
}

/// The algorithm of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RateLimitAlgorithm {
    /// The generic cell rate algorithm: the quota comes back evenly.
    #[default]
    Gcra,
    /// The sliding window counter: of the window before, the admitted requests count by the share of it that a window
    /// ending now still covers.
    SlidingWindow,
    /// The fixed window: a count that begins anew with each window.
    FixedWindow,
}

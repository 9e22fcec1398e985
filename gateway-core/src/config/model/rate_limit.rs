//! Rate limits.

use serde::Deserialize;

use super::{CounterKey, FailMode};
use crate::config::Span;

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
    /// The window: `1s` to `366d`.
    pub window: Span,
    /// The way of counting requests. Default: `gcra`.
    #[serde(default)]
    pub algorithm: Option<RateLimitAlgorithm>,
    /// The requests that may come at once. Default: `limit`. Not with `slidingWindow`.
    #[serde(default)]
    pub burst: Option<u32>,
    /// The requests that are counted together. Default: `clientAddress`.
    #[serde(default)]
    pub key: Option<CounterKey>,
    /// The decision while the counter can't be reached. Default: `closed`, which refuses with 503.
    #[serde(default)]
    pub fail: Option<FailMode>,
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
}

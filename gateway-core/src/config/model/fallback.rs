//! What comes next where a route's upstream fails.

use serde::Deserialize;

use super::Respond;
use crate::config::{ByteSize, Span};

/// What comes next where a route's upstream fails: another upstream, a stale stored response, or a fixed one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fallback {
    /// The failures for which it comes next. Default: all of them.
    pub on: Option<Vec<FallbackOn>>,
    /// The statuses of an answer for which it comes next: `503`, or `5xx`. Default: those of gateways, 502, 503 and 504.
    pub statuses: Option<Vec<String>>,
    /// Send the request to this upstream.
    pub upstream: Option<String>,
    /// Answer with the stored response that has been stale for no longer than this, where it does not say itself (RFC 5861 §4); at most `366d`. It
    /// takes the place of `staleIfError` of the route's `cache`.
    pub stale: Option<Span>,
    /// Answer with a fixed response.
    pub respond: Option<Box<Respond>>,
    /// The methods whose requests may go to `upstream` although they may have been carried out. Default: those that are idempotent (RFC 9110 §9.2.2).
    pub methods: Option<Vec<String>>,
    /// The longest content of a request that is kept for `upstream`, where its length is stated; up to `1MiB`. Default: `64KiB`.
    pub max_bytes: Option<ByteSize>,
}

/// A failure for which something else comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FallbackOn {
    /// Nothing was sent, as where there was no connection, or no credentials.
    Unsent,
    /// The connection ended before a whole head came, or what came is no answer.
    Reset,
    /// No head came in time.
    Timeout,
    /// The upstream's breaker is open.
    Open,
}

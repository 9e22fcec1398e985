//! Times in which requests are refused.

use serde::Deserialize;

use super::FailMode;
use crate::config::Span;

/// A time in which requests are refused with 503 (RFC 9110 §15.6.4): between `from` and `until`, and while `flag` is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Maintenance {
    /// The beginning, in UTC: `2026-12-01T22:00:00Z` (RFC 3339). Default, beside `until`: it has begun.
    pub from: Option<String>,
    /// The end, in UTC. Default, beside `from`: it stays until the configuration says otherwise.
    pub until: Option<String>,
    /// A flag that turns it on while it is set: the entry `flag:` and this name of the key-value store, at most 250 bytes.
    pub flag: Option<String>,
    /// Addresses and networks (CIDR) of the clients that are served all the same.
    pub bypass: Vec<String>,
    /// The wait that `Retry-After` asks for where no end is known; `1s` to `366d`. Default: `60s`.
    pub retry_after: Option<Span>,
    /// The decision while the flag can't be read and never could be. Default: `open`, which serves.
    pub fail: Option<FailMode>,
}

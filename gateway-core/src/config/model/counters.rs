//! The store of counters, their keys, and the decision while one can't be reached.

use serde::Deserialize;

use super::Value;
use crate::config::Span;

/// The store of counters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CounterStore {
    /// The longest that a request waits for a counter; then `fail` of its limit decides. `10ms` to `30s`. Default:
    /// `2s`.
    pub timeout: Option<Span>,
    /// A Redis that several gateways share: `redis://host:6379`, or a secret that holds such a URL. One with a password is
    /// always in a secret. Without a Redis: Durable Objects on Cloudflare, SQLite on Spin, memory on the native server.
    pub redis: Option<Value>,
}

/// The requests that a limit counts together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CounterKey {
    /// Those of one client address; IPv6 by its first 64 bits.
    #[default]
    ClientAddress,
    /// Those with one value of this header; those without it share one counter.
    Header(String),
    /// Those of one consumer; of a caller who is none, those of one credential.
    Consumer,
    /// Those of one credential: an API key, or what an issuer calls its holder. Of callers without one, those of one client address.
    Credential,
    /// Those with one value of this claim, of one issuer; of a caller without it, those of one credential. A name, or a JSON Pointer.
    Claim(String),
    /// All.
    Everyone,
}

/// The decision while a store can't be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FailMode {
    /// Requests are refused with 503.
    #[default]
    Closed,
    /// Requests are admitted.
    Open,
}

//! The stores of counters and of responses, the keys of counters, and the decision while one can't be reached.

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
    /// The PEM file of the authorities whose certificates that Redis may have, at a `rediss://` URL; instead of the public ones.
    pub authorities: Option<String>,
    /// Set if `redis` is a node of a Redis Cluster. Default: `false`.
    pub cluster: bool,
}

/// The store of responses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseStore {
    /// The longest that a request waits for stored responses; then its upstream is asked. `10ms` to `30s`. Default: `2s`.
    pub timeout: Option<Span>,
    /// A Redis that several gateways share: `redis://host:6379`, or a secret that holds such a URL. One with a password is
    /// always in a secret. Without a Redis: Workers KV on Cloudflare, the key-value store on Spin, memory on the native server.
    pub redis: Option<Value>,
    /// The PEM file of the authorities whose certificates that Redis may have, at a `rediss://` URL; instead of the public ones.
    pub authorities: Option<String>,
    /// Set if `redis` is a node of a Redis Cluster. Default: `false`.
    pub cluster: bool,
}

/// The requests that a limit counts together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CounterKey {
    /// Those of one client address; IPv6 by its first 64 bits.
    #[default]
    ClientAddress,
    /// Those of one network of client addresses, by the lengths of its prefix.
    Address(AddressPrefixes),
    /// Those with one value of this header; those without it share one counter.
    Header(String),
    /// Those with one value of this cookie; those without it share one counter.
    Cookie(String),
    /// Those with one value of this query parameter, the first of the name; those without it share one counter.
    Query(String),
    /// Those with one value of this parameter of the route's path.
    Param(String),
    /// Those of one consumer; of a caller who is none, those of one credential.
    Consumer,
    /// Those of one credential: an API key, or what an issuer calls its holder. Of callers without one, those of one client address.
    Credential,
    /// Those with one value of this claim, of one issuer; of a caller without it, those of one credential. A name, or a JSON Pointer.
    Claim(String),
    /// Those of one route.
    Route,
    /// Those for which an expression has one value: a text, a whole number, true or false. Those for which it has none share one counter.
    Expression(String),
    /// Those that have several keys in common: two to eight.
    All(Vec<Self>),
    /// All.
    Everyone,
}

/// The bits of a client's address by which requests are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AddressPrefixes {
    /// Of an address of IPv4: 1 to 32. Default: 32.
    pub ipv4: Option<u8>,
    /// Of an address of IPv6: 1 to 128. Default: 64.
    pub ipv6: Option<u8>,
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

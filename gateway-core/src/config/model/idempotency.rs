//! Idempotency keys.

use serde::Deserialize;

use super::{CounterKey, FailMode};
use crate::config::{ByteSize, Span};

/// Idempotency keys: of several requests with one key, the first is made, and the others get its answer (draft-ietf-httpapi-idempotency-key-header).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Idempotency {
    /// Turns off the keys of `defaults` or an API, by `false`. Default: true.
    pub enabled: Option<bool>,
    /// The header that states the key. Default: `Idempotency-Key`.
    pub header: Option<String>,
    /// Refuses requests without a key, with 400. Default: false, and they are made as they come.
    pub required: Option<bool>,
    /// The methods whose requests have keys. Default: `POST` and `PATCH`.
    pub methods: Option<Vec<String>>,
    /// The time for which an answer is kept, from when it was given; `1m` to `366d`. Default: `24h`.
    pub keep: Option<Span>,
    /// The longest that a request waits for the answer to the first one; `0s` to `60s`. Default: `10s`.
    pub wait: Option<Span>,
    /// The requests among which a key is the same. Whatever it is, no two callers who
    /// are known have a key in common, unless it goes by who calls: `consumer`, `claim`. Default: those of one credential; without one, those with the same
    /// `Authorization` and `Cookie`, and without these, those of one client address.
    pub scope: Option<CounterKey>,
    /// The longest content of a request with a key, and of an answer that is kept; up to `1MiB`. Default: `256KiB`.
    pub max_bytes: Option<ByteSize>,
    /// The statuses of answers that are not kept: a request with the same key is made again. Default: those that say so, 408, 425, 429, 502, 503
    /// and 504.
    pub transient: Option<Vec<u16>>,
    /// The answer where nobody knows what has become of the first request. Default: `refuse`.
    pub unknown: Option<UnknownOutcome>,
    /// The decision while the store can't be reached. Default: `closed`, which refuses with 503.
    pub fail: Option<FailMode>,
}

/// The answer where nobody knows what has become of the first request: it was sent, and no answer came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UnknownOutcome {
    /// Others with its key are refused: it may have been carried out.
    #[default]
    Refuse,
    /// The next one with its key is made, which is right where the upstream itself tells what it has carried out.
    Repeat,
}

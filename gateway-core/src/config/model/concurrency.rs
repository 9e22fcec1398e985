//! Limits on concurrency.

use serde::Deserialize;

use super::{CounterKey, FailMode};

/// A limit on concurrency: on the requests in flight at once, until their answers have ended. A route that calls an
/// upstream needs `timeouts.total` with it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concurrency {
    /// Its name in problems, and of its counters. Default: the policy's name, or the route's.
    #[serde(default)]
    pub name: Option<String>,
    /// The requests that may be in flight at once; 1 to 10,000.
    pub limit: u32,
    /// The requests that are counted together. Default: `clientAddress`.
    #[serde(default)]
    pub key: Option<CounterKey>,
    /// The decision while the counter can't be reached. Default: `closed`, which refuses with 503.
    #[serde(default)]
    pub fail: Option<FailMode>,
}

//! Batches of requests.

use serde::Deserialize;

use crate::config::{ByteSize, Span};

/// Several requests in one: each of a list is answered as if it had come by itself, and the answers are a list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Batch {
    /// The most requests of a list; 1 to 100. Default: 20.
    pub most: Option<u32>,
    /// The most of them under way at the same time; 1 to 100. With 1, each begins when the one before it has ended. Default: 6.
    pub at_once: Option<u32>,
    /// The time after which those that have no answer get 504; up to `10m`. Default: `30s`.
    pub timeout: Option<Span>,
    /// The longest that the contents of their answers are together; up to `16MiB`. Default: `4MiB`.
    pub max_bytes: Option<ByteSize>,
}

//! The largest requests that are let in.

use serde::Deserialize;

use crate::config::ByteSize;

/// The largest requests that are let in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// The number of header fields. Default: 100. Above: 431.
    pub headers: Option<u32>,
    /// All header names and values together. Default: `32KiB`. Above: 431.
    pub header_bytes: Option<ByteSize>,
    /// Path and query. Default: `8KiB`. Above: 414.
    pub url_bytes: Option<ByteSize>,
    /// The request body, which is never held in memory as a whole. Default: `100MiB`. Above: 413.
    pub body_bytes: Option<ByteSize>,
}

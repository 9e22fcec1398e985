//! The access log.

use serde::Deserialize;

/// The access log: one line for each exchange. The native server and Spin write it to standard output, Workers to the
/// console, where `wrangler tail` and Workers Logs find it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessLog {
    /// The form of a line. Default: `json`.
    pub format: Option<AccessLogFormat>,
    /// Write the query too, which may hold confidential values. Default: false.
    pub query: Option<bool>,
    /// Write the subject of a caller's token. Default: true.
    pub subject: Option<bool>,
}

/// The form of the access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum AccessLogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One aligned line for people.
    Text,
    /// No access log.
    Off,
}

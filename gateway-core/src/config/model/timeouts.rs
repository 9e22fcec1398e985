//! The deadlines of requests to upstreams.

use serde::Deserialize;

use crate::config::Span;

/// The longest that each phase of a request to an upstream may take; `"0s"` means without limit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// Until the connection is open, TLS included. Default: `5s`.
    pub connect: Option<Span>,
    /// Until the response head has arrived. Default: `30s`.
    pub first_byte: Option<Span>,
    /// Until the response body has ended. Default: without limit.
    pub total: Option<Span>,
    /// Between two pieces of content, as long as the upstream is waited for: to take more of the request's, or to send more of the
    /// response's. Native server only. Default: `5m`.
    pub idle: Option<Span>,
}

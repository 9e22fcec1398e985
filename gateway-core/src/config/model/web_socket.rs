//! The settings of WebSockets.

use serde::Deserialize;

use crate::config::Span;

/// A route's answer to WebSockets: takes them, refuses them, or takes them within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum WebSocket {
    /// Taken within the usual limits; or refused with 501.
    Taken(bool),
    /// Taken within these limits.
    Within(WebSocketLimits),
}

/// The longest that a WebSocket may last; `"0s"` means without limit. Then it is closed with 1001 (going away). Native
/// server only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebSocketLimits {
    /// Without a frame from either side, pings among them. Default: `10m`.
    pub idle: Option<Span>,
    /// From the handshake on. Default: `24h`.
    pub life: Option<Span>,
}

//! Settings of the native server only.

use serde::Deserialize;

use super::AccessLogFormat;
use crate::config::{ByteSize, Certificates, Listen, Span};

/// Settings of the native server; the other platforms ignore them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// The addresses to listen on: one as `host:port` or `unix:/path`, an object with settings, or a list of those.
    /// Default: `127.0.0.1:8080`.
    pub listen: Option<Listen>,
    /// Serve HTTPS with this certificate, or with these by the name that the client asks for, on each listener that does not
    /// say otherwise.
    pub tls: Option<Certificates>,
    /// The time from the signal to stop until connections are refused. Meanwhile requests are answered, and `/ready` says 503.
    /// Default: `0s`.
    pub grace: Option<Span>,
    /// The longest that open exchanges may go on once connections are refused. Default: `30s`.
    pub drain: Option<Span>,
    /// The most connections of clients at once, and the most streams of HTTP/2. A connection too many waits until another ends,
    /// a stream too many is refused. Default: 10,000, or less where the system's limit on open files leaves room for less.
    pub connections: Option<u32>,
    /// The form of the access log, where `accessLog.format` states none.
    pub access_log: Option<AccessLogFormat>,
    /// The case of header names in responses over HTTP/1.1, for clients that look at it. Default: `lower`.
    pub header_case: Option<HeaderCase>,
    /// The file of the key-value store; without one it is kept in memory.
    pub key_value_file: Option<String>,
    /// The memory for stored responses; `1MiB` to `64GiB`. When it is full, those go that are asked for least. Default: `64MiB`.
    pub cache_memory: Option<ByteSize>,
    /// A file behind that memory: responses that have no room in it any more, and those of before a restart. Default: none.
    pub cache_file: Option<CacheFile>,
    /// The address of the admin endpoints, as `host:port`, or a port of the loopback interface alone: `9901`. Anyone
    /// who can connect to it can read them. Default: none.
    pub admin: Option<String>,
}

/// The file of stored responses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheFile {
    /// The file.
    pub path: String,
    /// The most bytes of responses in it; `1MiB` to `9999GiB`. When it is full, those go first that are over, then those that were
    /// stored or read in it longest ago. Default: `1GiB`.
    #[serde(default)]
    pub size: Option<ByteSize>,
}

/// The case of header names. It makes no difference by the standard (RFC 9110 §5.1), and HTTP/2 has small letters alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum HeaderCase {
    /// `content-type`.
    #[default]
    Lower,
    /// `Content-Type`.
    Title,
}

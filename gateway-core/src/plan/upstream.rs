//! A service behind the gateway, ready to be called.

use http::HeaderValue;

use crate::ports::Scheme;

/// A service behind the gateway, ready to be called.
#[derive(Debug)]
pub struct Upstream {
    /// Its place in [`Plan::upstreams`](super::Plan::upstreams): an adapter keeps what belongs to it under this number.
    pub index: usize,
    /// Its name in the configuration.
    pub name: String,
    /// Whether it is called over TLS.
    pub scheme: Scheme,
    /// Its host: a name or an address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `host:port` as in its URL; the port only where the URL gives one that is not the scheme's own.
    pub authority: HeaderValue,
    /// Goes before every path; empty, or begins with a slash and ends without.
    pub base_path: String,
    /// A PEM file with the authorities to trust instead of the public ones (native only).
    pub authorities: Option<String>,
}

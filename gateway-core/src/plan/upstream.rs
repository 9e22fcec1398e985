//! A service behind the gateway, ready to be called.

use http::HeaderValue;

use crate::net::Scheme;

/// A service behind the gateway: a cluster of endpoints that answer alike.
#[derive(Debug)]
pub struct Upstream {
    /// Its index in [`Plan::upstreams`](super::Plan::upstreams).
    pub index: usize,
    /// Its name in the configuration.
    pub name: String,
    /// Its endpoints; at least one. Calls go to them in turn.
    pub endpoints: Box<[Endpoint]>,
    /// A PEM file with the authorities to trust instead of the public ones (native only).
    pub authorities: Option<String>,
}

/// One place that an upstream is called at.
#[derive(Debug)]
pub struct Endpoint {
    /// Its index among the endpoints of all upstreams: an adapter keeps what belongs to it under this number.
    pub index: usize,
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
}

impl Endpoint {
    /// Whether this and `other` are the same place, whatever their base paths.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

//! A service behind the gateway, ready to be called.

use core::time::Duration;

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
    /// The service binding that takes its calls, in place of the network (Cloudflare Workers only).
    pub service: Option<String>,
    /// A PEM file with the authorities to trust instead of the public ones (native only).
    pub authorities: Option<String>,
    /// Set if `Location` is rewritten where it names the upstream's own address.
    pub location: bool,
    /// Set if `Set-Cookie` is rewritten where it names the upstream's own host or path.
    pub cookies: bool,
    /// Set if HTTP/2 is spoken to it in the clear (native only).
    pub h2c: bool,
    /// The connections that are kept (native only).
    pub keep: Keep,
}

/// The bounds of connections that are kept for further requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The age from which one gets no more requests; `None` means without limit.
    pub age: Option<Duration>,
    /// The longest that one is kept without a request.
    pub idle: Duration,
}

/// One place at which an upstream is called.
#[derive(Debug)]
pub struct Endpoint {
    /// Its index among the endpoints of all upstreams, under which an adapter keeps its state of the endpoint.
    pub index: usize,
    /// Its scheme: cleartext or TLS.
    pub scheme: Scheme,
    /// Its host: a name or an address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `host:port` as in its URL; without the port if that is the scheme's own.
    pub authority: HeaderValue,
    /// The prefix of every path: empty, or begins with a slash and ends without.
    pub base_path: String,
}

impl Endpoint {
    /// Returns whether this and `other` are the same place, whatever their base paths.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

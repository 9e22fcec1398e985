//! A service behind the gateway, ready to be called.

use core::time::Duration;

use http::HeaderName;

use super::Certificate;
use crate::balance::Cluster;
use crate::balance::discovery::Discovery;
pub use crate::balance::endpoint::Endpoint;
use crate::config::JsonPath;
use crate::policy::upstream_credentials::Credentials;

/// A service behind the gateway: a cluster of endpoints that answer alike.
#[derive(Debug)]
pub struct Upstream {
    /// Its index in [`Plan::upstreams`](super::Plan::upstreams).
    pub index: usize,
    /// Its name in the configuration.
    pub name: String,
    /// Its endpoints; at least one, unless they are discovered. Then they are those until its source has answered.
    pub endpoints: Box<[Endpoint]>,
    /// The source that tells where it is, if one does.
    pub discovery: Option<Box<Discovery>>,
    /// The choice among them, and what is done when one fails; none where there is one endpoint, and nothing else is said.
    pub cluster: Option<Box<Cluster>>,
    /// The service binding that takes its calls, in place of the network (Cloudflare Workers only).
    pub service: Option<String>,
    /// The settings of TLS to it (native only).
    pub tls: UpstreamTls,
    /// The credentials of the gateway itself for it.
    pub credentials: Option<Credentials>,
    /// The field in which it is told how many milliseconds are left, if it is.
    pub deadline_header: Option<HeaderName>,
    /// Set if it is told of the client's certificate (RFC 9440).
    pub client_cert: bool,
    /// Set if `Location` is rewritten where it names the upstream's own address.
    pub location: bool,
    /// Set if `Set-Cookie` is rewritten where it names the upstream's own host or path.
    pub cookies: bool,
    /// Set if HTTP/2 is spoken to it in the clear (native only).
    pub h2c: bool,
    /// The connections that are kept (native only).
    pub keep: Keep,
    /// The place in the configuration that it is of, if the gateway itself calls it and no route can: an issuer's. None for those of
    /// `upstreams`.
    pub internal: Option<JsonPath>,
}

impl Upstream {
    /// Returns whether names of this upstream may lead to public addresses alone, where the gateway connects by itself: it is called on
    /// its own account, of which callers can be the cause, and whoever has a say in such a name could send it into its own network. Who means
    /// that writes an upstream, or the address.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.internal.is_some()
    }
}

/// The settings of TLS to an upstream.
#[derive(Debug, Default)]
pub struct UpstreamTls {
    /// A PEM file with the authorities to trust instead of the public ones.
    pub authorities: Option<String>,
    /// The name that is asked for, and checked unless there are [`names`](Self::names); `None` means the endpoint's host.
    pub server_name: Option<String>,
    /// The names of which the upstream's certificate has to cover one; empty means the one that is asked for.
    pub names: Vec<String>,
    /// The gateway's own certificate, for upstreams that ask for one.
    pub identity: Option<Certificate>,
}

/// The bounds of connections that are kept for further requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The age from which one gets no more requests; `None` means without limit.
    pub age: Option<Duration>,
    /// The longest that one is kept without a request.
    pub idle: Duration,
    /// The most that are kept so, for each thread.
    pub most_idle: u32,
    /// The requests after which one gets no more; `None` means without limit.
    pub requests: Option<u32>,
    /// The most connections to each place at once; `None` means without limit.
    pub most: Option<u32>,
    /// The most requests that wait for one at once, where there is such a limit.
    pub most_waiting: u32,
}

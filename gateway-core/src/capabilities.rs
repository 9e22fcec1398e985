//! What each platform can do beyond the common ground. A configuration that asks for more is refused at load, so that
//! `edgeway check` can tell, before any deploy, which platforms will run it.

/// What a platform can do beyond the common ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The platform's name in error messages.
    pub name: &'static str,
    /// Whether a request can carry a `Host` other than the authority that it is sent to.
    pub host_override: bool,
    /// Whether connecting has a deadline of its own, apart from waiting for the response.
    pub connect_deadline: bool,
    /// Whether counters can live in a Redis that several gateways share.
    pub redis_counters: bool,
    /// Whether that Redis can be reached over TLS.
    pub redis_tls: bool,
    /// Whether upstream TLS can be configured.
    pub upstream_tls: bool,
}

impl Capabilities {
    /// The native server: its Redis client would bring authorities of its own, beside those of the upstreams.
    pub const NATIVE: Self = Self {
        name: "the native server",
        host_override: true,
        connect_deadline: true,
        redis_counters: true,
        redis_tls: false,
        upstream_tls: true,
    };

    /// Cloudflare Workers: `fetch` sends the URL's host and has one deadline, there is no socket to a Redis.
    pub const CLOUDFLARE: Self = Self {
        name: "Cloudflare Workers",
        host_override: false,
        connect_deadline: false,
        redis_counters: false,
        redis_tls: false,
        upstream_tls: false,
    };

    /// Spin: `host` is forbidden to the guest, TLS is the host's.
    pub const SPIN: Self = Self {
        name: "Spin",
        host_override: false,
        connect_deadline: true,
        redis_counters: true,
        redis_tls: true,
        upstream_tls: false,
    };
}

//! Features that not every platform has. A configuration that asks for a missing one is refused at load, so that
//! `edgeway check` can tell, before any deploy, which platforms will run it.

/// A feature beyond the common ground of all platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// A request can carry a `Host` other than the authority that it is sent to.
    HostOverride,
    /// Connecting has a deadline of its own, apart from waiting for the response.
    ConnectDeadline,
    /// Counters can live in a Redis that several gateways share.
    RedisCounters,
    /// Stored responses can live in a Redis that several gateways share.
    RedisResponses,
    /// The authorities whose certificates a Redis may have can be chosen.
    RedisAuthorities,
    /// A Redis can be a cluster.
    RedisCluster,
    /// Upstream TLS can be configured.
    UpstreamTls,
    /// HTTP/2 can be spoken to an upstream in the clear.
    H2c,
    /// The connections to an upstream have an age and a time without requests that can be limited.
    UpstreamConnections,
    /// An upstream can be a Unix socket.
    UnixUpstreams,
    /// The wait between two pieces of content has a deadline.
    IdleDeadline,
    /// WebSockets can be passed through.
    WebSockets,
    /// The time that they stand can be limited.
    WebSocketLimits,
    /// The admin endpoints can have a listener of their own; where they can't, the setting is ignored with the rest of `server`.
    AdminListener,
    /// The case of header names in responses can be chosen.
    HeaderCase,
    /// An upstream can be a service binding.
    ServiceBindings,
    /// An upstream can be a component of the same application.
    ServiceChaining,
    /// The country and the autonomous system of clients are known.
    Geography,
    /// The certificates of clients are known.
    ClientCertificates,
    /// The names in them can be read.
    CertificateNames,
    /// Requests can be signed by RSA keys.
    RsaSigning,
    /// Content can be encoded by `br`.
    Brotli,
    /// Content can be encoded by `zstd`.
    Zstd,
    /// Content that is encoded goes on as it comes: nothing is held back until there is more.
    FlushedCodings,
    /// Name servers can be asked for records.
    NameServers,
    /// The places of upstreams can be checked without a request.
    Checks,
    /// Such a check can be a connection alone, or a call by gRPC.
    ConnectionChecks,
}

impl Feature {
    /// The message for a configuration that needs the feature where `platform` lacks it, and the way to do without.
    pub(crate) fn refusal(self, platform: &str) -> (String, String) {
        let (message, help) = self.words(platform);
        let help = match self {
            Self::WebSockets
            | Self::AdminListener
            | Self::ServiceBindings
            | Self::ServiceChaining
            | Self::Brotli
            | Self::Zstd
            | Self::Geography => help.to_owned(),
            // A file for several platforms is the rule, and none may be left out of it silently.
            _ => format!("{help}; if another platform needs it, give {platform} a file without it"),
        };
        (message, help)
    }

    fn words(self, platform: &str) -> (String, &'static str) {
        match self {
            Self::HostOverride => (
                format!("on {platform}, every upstream is sent its own host"),
                "remove it; the client's host is in `X-Forwarded-Host`",
            ),
            Self::ConnectDeadline => (
                format!("{platform} can't tell connecting from waiting for the response"),
                "use `firstByte`, which covers both",
            ),
            Self::RedisCounters => (
                format!("{platform} can't keep counters in Redis"),
                "remove it: counters live in the platform's own store",
            ),
            Self::RedisResponses => (
                format!("{platform} can't keep stored responses in Redis"),
                "remove it: stored responses live in the platform's own store",
            ),
            Self::RedisAuthorities => (
                format!("on {platform}, the host does TLS by itself, with authorities of its own"),
                "remove it, and make the authority known to the host",
            ),
            Self::RedisCluster => (
                format!("on {platform}, the host has no client for a Redis Cluster"),
                "use a Redis that is none: it can have replicas",
            ),
            Self::UpstreamTls => (
                format!("on {platform}, the host does TLS by itself, with the public authorities"),
                "remove it, or give the upstream a certificate of a public authority",
            ),
            Self::H2c => (
                format!("on {platform}, the host chooses the protocol"),
                "remove it, and let the upstream offer HTTP/2 over TLS",
            ),
            Self::UpstreamConnections => (format!("on {platform}, the host keeps the connections"), "remove it"),
            Self::UnixUpstreams => {
                (format!("on {platform}, there are no Unix sockets"), "write `http://host:port` or `https://…`")
            }
            Self::IdleDeadline => {
                (format!("on {platform}, the host moves the content of bodies"), "use `total`, which covers all of it")
            }
            Self::WebSockets => (
                format!("on {platform}, no WebSockets are passed on"),
                "remove it: their handshakes are answered with 501; the native server takes them",
            ),
            Self::WebSocketLimits => {
                (format!("on {platform}, the runtime decides how long a WebSocket stands"), "remove it")
            }
            Self::AdminListener => {
                (format!("on {platform}, there is one listener"), "use `admin`, which gives the endpoints a path")
            }
            Self::HeaderCase => (format!("on {platform}, the host writes the names of header fields"), "remove it"),
            Self::ClientCertificates => (
                format!("on {platform}, nothing tells of the certificates of clients"),
                "name `client-cert` in `network.trustedIdentity`, where a trusted proxy states them (RFC 9440)",
            ),
            Self::CertificateNames => (
                format!("on {platform}, the names in certificates are not read"),
                "name the certificate by its `sha256`",
            ),
            Self::RsaSigning => (
                format!("on {platform}, nothing signs by RSA keys in a time that tells nothing of them"),
                "sign by another one: `\"algorithm\": \"ed25519\"`",
            ),
            Self::Brotli | Self::Zstd => (
                format!("{platform} can't encode content by any of these codings"),
                "add `gzip`, which every platform can do: those that one can't do are left out there",
            ),
            Self::FlushedCodings => (format!("{platform} holds back what it encodes until there is more"), "remove it"),
            Self::NameServers => (
                format!("{platform} can't ask name servers for records"),
                "add `upstream`, one that answers DNS over HTTPS: `https://cloudflare-dns.com`",
            ),
            Self::Checks => (
                format!("on {platform}, nothing runs between requests that could check places"),
                "remove it: `health.passive` and `retry` go by the calls that are made anyway",
            ),
            Self::ConnectionChecks => {
                (format!("on {platform}, a check is a request"), "use `http`, and a `path` that is cheap to answer")
            }
            Self::ServiceBindings | Self::ServiceChaining => {
                (format!("on {platform}, an upstream is called by its URL"), "add `\"url\": \"http://host:port\"`")
            }
            Self::Geography => (
                format!("{platform} does not know where clients are"),
                "name the fields of a proxy in front that does: `\"network\": {\"trustedProxies\": [\"10.0.0.0/8\"], \"geo\": \
                 {\"country\": \"cf-ipcountry\", \"asn\": \"x-asn\"}}`",
            ),
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureSet(u32);

impl FeatureSet {
    /// No feature.
    pub const NONE: Self = Self(0);
    /// Every feature that there is.
    pub const ALL: Self = Self(u32::MAX);

    /// The set with `feature`.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | feature.bit())
    }

    /// The set without `feature`.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !feature.bit())
    }

    /// Returns whether `feature` is in the set.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }
}

/// The methods that the runtime of Workers reads, beyond the usual ones and those that no gateway takes: it answers any other
/// with 501 by itself.
const RUNTIME_METHODS: &[&str] = &[
    "PURGE",
    "COPY",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "SEARCH",
    "UNLOCK",
    "ACL",
    "REPORT",
    "MKACTIVITY",
    "CHECKOUT",
    "MERGE",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];

/// A platform's own store of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnCounters {
    /// The memory of the process.
    Memory,
    /// Durable Objects.
    DurableObjects,
    /// A SQLite database.
    Sqlite,
}

/// A platform's name and features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The platform's name among the targets of commands, and at the admin endpoints.
    pub target: &'static str,
    /// The platform's name in error messages.
    pub name: &'static str,
    /// The features that it has.
    pub features: FeatureSet,
    /// Its own store of counters.
    pub counters: OwnCounters,
    /// The only methods that can be let in beside the usual ones; `None` for any.
    pub further_methods: Option<&'static [&'static str]>,
    /// The most requests that it makes for one; `None` for any number.
    pub most_subrequests: Option<u32>,
}

impl Capabilities {
    /// The native server.
    pub const NATIVE: Self = Self {
        target: "native",
        name: "the native server",
        features: FeatureSet::ALL
            .without(Feature::ServiceBindings)
            .without(Feature::ServiceChaining)
            .without(Feature::Geography),
        counters: OwnCounters::Memory,
        further_methods: None,
        most_subrequests: None,
    };

    /// Cloudflare Workers: `fetch` sends the URL's host and has one deadline, there is no socket to a Redis. The
    /// runtime passes WebSockets on by itself; a body is watched where somebody waits for its end.
    pub const CLOUDFLARE: Self = Self {
        target: "cloudflare",
        name: "Cloudflare Workers",
        features: FeatureSet::NONE
            .with(Feature::WebSockets)
            .with(Feature::ServiceBindings)
            .with(Feature::Geography)
            .with(Feature::ClientCertificates)
            .with(Feature::RsaSigning)
            .with(Feature::Checks),
        counters: OwnCounters::DurableObjects,
        further_methods: Some(RUNTIME_METHODS),
        most_subrequests: Some(1000),
    };

    /// Spin: `host` is forbidden to the guest, TLS is the host's, and WASI has no way to switch protocols. Bodies whose end is
    /// watched go through the guest.
    pub const SPIN: Self = Self {
        target: "spin",
        name: "Spin",
        features: FeatureSet::NONE
            .with(Feature::ConnectDeadline)
            .with(Feature::RedisCounters)
            .with(Feature::RedisResponses)
            .with(Feature::ServiceChaining)
            .with(Feature::CertificateNames)
            .with(Feature::Brotli)
            .with(Feature::FlushedCodings),
        counters: OwnCounters::Sqlite,
        further_methods: None,
        most_subrequests: None,
    };

    /// Returns whether the platform has `feature`.
    #[must_use]
    pub const fn has(&self, feature: Feature) -> bool {
        self.features.contains(feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: [Feature; 27] = [
        Feature::HostOverride,
        Feature::ConnectDeadline,
        Feature::RedisCounters,
        Feature::RedisResponses,
        Feature::RedisAuthorities,
        Feature::RedisCluster,
        Feature::UpstreamTls,
        Feature::H2c,
        Feature::UpstreamConnections,
        Feature::UnixUpstreams,
        Feature::IdleDeadline,
        Feature::WebSockets,
        Feature::WebSocketLimits,
        Feature::AdminListener,
        Feature::HeaderCase,
        Feature::ServiceBindings,
        Feature::ServiceChaining,
        Feature::Geography,
        Feature::ClientCertificates,
        Feature::CertificateNames,
        Feature::RsaSigning,
        Feature::Brotli,
        Feature::Zstd,
        Feature::FlushedCodings,
        Feature::NameServers,
        Feature::Checks,
        Feature::ConnectionChecks,
    ];

    #[test]
    fn features_come_and_go_one_by_one() {
        for feature in FEATURES {
            let (with, without) = (FeatureSet::NONE.with(feature), FeatureSet::ALL.without(feature));
            for other in FEATURES {
                assert_eq!((with.contains(other), without.contains(other)), (other == feature, other != feature));
            }
        }
    }

    /// docs/platforms.md, the table: what each platform refuses.
    #[test]
    fn platforms_have_what_the_documentation_says() {
        let lacks = |platform: Capabilities| FEATURES.into_iter().filter(|f| !platform.has(*f)).collect::<Vec<_>>();
        assert_eq!(
            lacks(Capabilities::NATIVE),
            [Feature::ServiceBindings, Feature::ServiceChaining, Feature::Geography]
        );
        let has = [
            Feature::WebSockets,
            Feature::ServiceBindings,
            Feature::Geography,
            Feature::ClientCertificates,
            Feature::RsaSigning,
            Feature::Checks,
        ];
        let others = FEATURES.into_iter().filter(|feature| !has.contains(feature));
        assert_eq!(lacks(Capabilities::CLOUDFLARE), others.collect::<Vec<_>>());
        assert_eq!(
            lacks(Capabilities::SPIN),
            [
                Feature::HostOverride,
                Feature::RedisAuthorities,
                Feature::RedisCluster,
                Feature::UpstreamTls,
                Feature::H2c,
                Feature::UpstreamConnections,
                Feature::UnixUpstreams,
                Feature::IdleDeadline,
                Feature::WebSockets,
                Feature::WebSocketLimits,
                Feature::AdminListener,
                Feature::HeaderCase,
                Feature::ServiceBindings,
                Feature::Geography,
                Feature::ClientCertificates,
                Feature::RsaSigning,
                Feature::Zstd,
                Feature::NameServers,
                Feature::Checks,
                Feature::ConnectionChecks,
            ]
        );
    }
}

//! The endpoints by their paths. A path alone decides here, which is what `matchit` is for (docs/adr/0009).

use http::HeaderValue;
use matchit::Router;

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The process runs.
    Live,
    /// Requests are welcome.
    Ready,
    /// The version of the gateway.
    Version,
    /// The upstreams, with what is known of their endpoints.
    Upstreams,
    /// The metrics.
    Metrics,
    /// The versions of APIs, and who calls them.
    Versions,
    /// The flags that the configuration names.
    Flags,
    /// One of them.
    Flag,
    /// An issuer's revoked tokens: all before a time, those of a subject, or one.
    Revocation,
    /// The roll-outs.
    Rollouts,
    /// One of them.
    Rollout,
    /// The services of the registry, with the places that say that they are there.
    Registry,
    /// One of them, or one of its places.
    Registered,
    /// An API key of the key-value store.
    Key,
    /// The purges of stored responses.
    Purges,
}

impl Endpoint {
    const ALL: [Self; 15] = [
        Self::Live,
        Self::Ready,
        Self::Version,
        Self::Upstreams,
        Self::Metrics,
        Self::Versions,
        Self::Flags,
        Self::Flag,
        Self::Revocation,
        Self::Rollouts,
        Self::Rollout,
        Self::Registry,
        Self::Registered,
        Self::Key,
        Self::Purges,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/live",
            Self::Ready => "/ready",
            Self::Version => "/version",
            Self::Upstreams => "/upstreams",
            Self::Metrics => "/metrics",
            Self::Versions => "/versions",
            Self::Flags => "/flags",
            // Names of flags may have slashes.
            Self::Flag => "/flags/{*name}",
            Self::Revocation => "/revocations/{*name}",
            Self::Rollouts => "/rollouts",
            // Names of routes have slashes.
            Self::Rollout => "/rollouts/{*name}",
            Self::Registry => "/registry",
            // The name of a service, and perhaps that of a place.
            Self::Registered => "/registry/{*name}",
            Self::Key => "/keys/{name}",
            Self::Purges => "/purges",
        }
    }

    /// Returns whether something is changed there.
    pub(crate) const fn is_changeable(self) -> bool {
        matches!(self, Self::Flag | Self::Revocation | Self::Rollout | Self::Registered | Self::Key)
    }

    /// Returns whether the token for services that register lets in there.
    pub(super) const fn is_of_registry(self) -> bool {
        matches!(self, Self::Registry | Self::Registered)
    }

    /// The methods that it takes.
    pub(crate) const fn methods(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Purges => "PUT, OPTIONS",
            _ if self.is_changeable() => "GET, HEAD, PUT, DELETE, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        })
    }
}

/// The endpoints by their paths.
#[derive(Debug)]
pub(super) struct Endpoints(Router<Endpoint>);

impl Endpoints {
    pub(super) fn new() -> Self {
        let mut router = Router::new();
        for endpoint in Endpoint::ALL {
            // INVARIANT: the paths are distinct literals, which the router always takes.
            let _ = router.insert(endpoint.path(), endpoint);
        }
        Self(router)
    }

    /// The endpoint at `path`, and the name in it; empty for most.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<(Endpoint, &'p str)> {
        self.0.at(path).ok().map(|found| (*found.value, found.params.get("name").unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_at_its_path_and_nowhere_else() {
        let endpoints = Endpoints::new();
        for endpoint in Endpoint::ALL {
            if !endpoint.is_changeable() {
                assert_eq!(endpoints.find(endpoint.path()), Some((endpoint, "")));
                assert_eq!(endpoints.find(&format!("{}/", endpoint.path())), None);
            }
        }
        assert_eq!(endpoints.find("/flags/a"), Some((Endpoint::Flag, "a")));
        assert_eq!(endpoints.find("/flags/a/b%2Fc"), Some((Endpoint::Flag, "a/b%2Fc")));
        assert_eq!(endpoints.find("/"), None);
        assert_eq!(endpoints.find(""), None);
        assert_eq!(endpoints.find("/LIVE"), None);
    }
}

//! The endpoints by their paths. A path alone decides here, which is what `matchit` is for (docs/adr/0009).

use matchit::Router;

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
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
}

impl Endpoint {
    const ALL: [Self; 5] = [Self::Live, Self::Ready, Self::Version, Self::Upstreams, Self::Metrics];

    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/live",
            Self::Ready => "/ready",
            Self::Version => "/version",
            Self::Upstreams => "/upstreams",
            Self::Metrics => "/metrics",
        }
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

    pub(super) fn find(&self, path: &str) -> Option<Endpoint> {
        self.0.at(path).ok().map(|found| *found.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_at_its_path_and_nowhere_else() {
        let endpoints = Endpoints::new();
        for endpoint in Endpoint::ALL {
            assert_eq!(endpoints.find(endpoint.path()), Some(endpoint));
            assert_eq!(endpoints.find(&format!("{}/", endpoint.path())), None);
        }
        assert_eq!(endpoints.find("/"), None);
        assert_eq!(endpoints.find(""), None);
        assert_eq!(endpoints.find("/LIVE"), None);
    }
}

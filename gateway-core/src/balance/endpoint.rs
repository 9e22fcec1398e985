//! A place at which an upstream is called.

use core::ops::Deref;
use std::sync::Arc;

use http::HeaderValue;

use super::found::Found;
use super::vitals::Vitals;
use crate::net::Scheme;

/// One place at which an upstream is called.
#[derive(Debug)]
pub struct Endpoint {
    /// Its index among the endpoints of all upstreams, under which an adapter keeps its state of the endpoint; [`FOUND`](Self::FOUND) for one
    /// that was discovered.
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
    /// The index of those that were discovered: the plan knows nothing of them.
    pub const FOUND: usize = usize::MAX;

    /// Its URL: what it is known by beyond reloads.
    #[must_use]
    pub fn url(&self) -> String {
        [self.scheme.as_str(), "://", &String::from_utf8_lossy(self.authority.as_bytes()), &self.base_path].concat()
    }

    /// Returns whether this and `other` are the same place, whatever their base paths.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

/// An endpoint that was chosen for a call.
#[derive(Clone, Debug)]
pub struct Chosen<'p> {
    /// Its index among the places of its upstream at that time, which is not that of the endpoint.
    pub place: usize,
    held: Held<'p>,
}

#[derive(Clone, Debug)]
enum Held<'p> {
    Plan(&'p Endpoint),
    /// With the list that it is of, which may not be the latest one.
    Found(Arc<Endpoint>, Arc<Found>),
}

impl<'p> Chosen<'p> {
    /// The one at this `place` among those that the plan has of an upstream.
    #[must_use]
    pub const fn of_plan(place: usize, endpoint: &'p Endpoint) -> Self {
        Self { place, held: Held::Plan(endpoint) }
    }

    /// The one at this `place` of a list that was discovered.
    #[must_use]
    pub fn of_found(place: usize, found: &Arc<Found>) -> Option<Self> {
        let endpoint = Arc::clone(found.endpoints.get(place)?);
        Some(Self { place, held: Held::Found(endpoint, Arc::clone(found)) })
    }

    /// The list that it is of, if it was discovered.
    #[must_use]
    pub const fn found(&self) -> Option<&Arc<Found>> {
        match &self.held {
            Held::Plan(_) => None,
            Held::Found(_, found) => Some(found),
        }
    }

    /// What is known of it and the places beside it; of those of the plan that is `of_plan`.
    #[must_use]
    pub fn vitals<'v>(&'v self, of_plan: &'v [Arc<Vitals>]) -> &'v [Arc<Vitals>] {
        self.found().map_or(of_plan, |found| &found.vitals)
    }
}

impl Deref for Chosen<'_> {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        match &self.held {
            Held::Plan(endpoint) => endpoint,
            Held::Found(endpoint, _) => endpoint,
        }
    }
}

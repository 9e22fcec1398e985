//! The two sides of matching: a request's parts and a route's conditions.

use http::{HeaderMap, Method};

use crate::config::Ties;
use crate::http::forwarded::ClientInfo;
use crate::net::Scheme;

use super::{Field, HostPattern, MethodSet, Methods, Params, PathPattern, Predicate};

/// The conditions of one route on one host. A route with several hosts has a spec for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The index of the route as it is configured.
    pub route: usize,
    /// The scheme of the client's URL; none for any.
    pub scheme: Option<Scheme>,
    /// The host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
    /// The methods; none listed means every one that the gateway knows. GET takes HEAD along.
    pub methods: MethodSet,
    /// Header fields.
    pub headers: Vec<Predicate>,
    /// Query parameters.
    pub query: Vec<Predicate>,
    /// Cookies.
    pub cookies: Vec<Predicate>,
    /// The client's address.
    pub client: Option<Predicate>,
    /// The version of its API, unless that stands in its path or its host.
    pub version: Option<Predicate>,
    /// The number of segments before the one of its path that is the version of its API, which the upstream is not sent.
    pub cut: Option<u8>,
    /// The choice between it and another of the same rank: the earlier in the list, if both say so.
    pub ties: Ties,
}

/// The parts of a request that routes look at.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'r, 'h> {
    /// The host, as [`canonical_host`](super::canonical_host) has it; empty if the request has none.
    pub host: &'r str,
    /// The path, as [`normalise`](crate::http::path::normalise) has it.
    pub path: &'r str,
    /// The query, as it came, without its `?`.
    pub query: Option<&'r str>,
    /// The method. Find out with [`Methods::of`] whether the gateway knows it: no route takes one that it doesn't.
    pub method: &'r Method,
    /// The header fields.
    pub headers: &'h HeaderMap,
    /// The client: its address, and the scheme of its URL.
    pub client: &'r ClientInfo,
}

/// The destination of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// To a route.
    Route {
        /// The index of the spec in the list that the table was built from.
        spec: usize,
        /// [`Spec::route`] of that spec.
        route: usize,
        /// The values of its path's parameters.
        params: Params,
    },
    /// Some routes would take it with another method (405, RFC 9110 §15.5.6).
    MethodNotAllowed {
        /// The methods that they take, and OPTIONS.
        allow: MethodSet,
        /// [`Spec::route`] of the highest-ranked of them.
        route: usize,
    },
    /// Nowhere (404).
    NotFound,
}

/// A part of a request that a spec does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The scheme.
    Scheme,
    /// The host.
    Host,
    /// The path.
    Path,
    /// The method.
    Method,
    /// This header field, query parameter or cookie.
    Field(Field),
}

impl Spec {
    /// Returns whether the order of the list decides between it and `other`, should they rank the same.
    pub(super) fn yields_by_order(&self, other: &Self) -> bool {
        self.ties == Ties::First && other.ties == Ties::First
    }

    /// Every test of header fields, cookies, the client's address, query parameters and the version.
    pub fn predicates(&self) -> impl Iterator<Item = &Predicate> {
        self.conditions().chain(&self.version)
    }

    /// Every test but that of the version.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &Predicate> {
        self.headers.iter().chain(&self.cookies).chain(&self.client).chain(&self.query)
    }

    /// Every reason why it does not take the request; none if it does.
    #[must_use]
    pub fn mismatches(&self, lookup: &Lookup<'_, '_>, methods: &Methods) -> Vec<Mismatch> {
        let method = methods.of(lookup.method).is_some_and(|method| self.methods.accepted().contains(method));
        let mut found = Vec::new();
        found.extend(self.scheme.is_some_and(|scheme| scheme != lookup.client.scheme).then_some(Mismatch::Scheme));
        found.extend((!self.host.matches(lookup.host)).then_some(Mismatch::Host));
        found.extend(self.path.matches(lookup.path).is_none().then_some(Mismatch::Path));
        found.extend((!method).then_some(Mismatch::Method));
        let failing = self.predicates().filter(|predicate| !predicate.holds(lookup));
        found.extend(failing.map(|predicate| Mismatch::Field(predicate.field.clone())));
        found
    }
}

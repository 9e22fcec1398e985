//! A place at which an upstream is called.

use core::ops::Deref;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, HeaderValue};

use super::found::Found;
use super::vitals::Vitals;
use crate::call::Call;
use crate::net::Scheme;
use crate::policy::header_edit::{self, FieldValue, HeaderEdit, RequestEdits};

/// One place at which an upstream is called.
#[derive(Debug)]
pub struct Endpoint {
    /// Its index among the endpoints of all upstreams, under which an adapter keeps its state of the endpoint; [`FOUND`](Self::FOUND) for one
    /// that was discovered.
    pub index: usize,
    /// Its scheme: cleartext or TLS.
    pub scheme: Scheme,
    /// Its host: a name or an address, an IPv6 address without brackets; or `unix:` and the path of a socket on this machine.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `host:port` as in its URL; without the port if that is the scheme's own.
    pub authority: HeaderValue,
    /// The prefix of every path: empty, or begins with a slash and ends without.
    pub base_path: String,
    /// The zone that it is in, if that is said.
    pub zone: Option<Box<str>>,
    /// What is said of this place alone, if anything is.
    pub own: Option<Box<Own>>,
}

/// What is said of one place alone, beside its URL, its weight and its priority.
#[derive(Debug)]
pub struct Own {
    /// Set if it gets no new calls.
    pub disabled: bool,
    /// Its `Host`.
    pub host: Option<HeaderValue>,
    /// The fields that requests to it have.
    pub headers: RequestEdits,
    /// The name that is asked for by TLS, and that its certificate has to cover (native only).
    pub server_name: Option<String>,
}

/// The beginning of the host of an endpoint that is a Unix socket.
pub(crate) const UNIX: &str = "unix:";

impl Endpoint {
    /// The index of those that were discovered: the plan knows nothing of them.
    pub const FOUND: usize = usize::MAX;

    /// Its URL: what it is known by beyond reloads.
    #[must_use]
    pub fn url(&self) -> String {
        if self.socket().is_some() {
            let colon = if self.base_path.is_empty() { "" } else { ":" };
            return [&self.host, colon, &self.base_path].concat();
        }
        [self.scheme.as_str(), "://", &String::from_utf8_lossy(self.authority.as_bytes()), &self.base_path].concat()
    }

    /// Returns whether it gets no new calls.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.disabled)
    }

    /// The `Host` that this place alone is sent, if it has one.
    #[must_use]
    pub fn own_host(&self) -> Option<&HeaderValue> {
        self.own.as_ref()?.host.as_ref()
    }

    /// The `Host` that it is sent where nothing else is said: its own, or the authority of its URL.
    #[must_use]
    pub fn usual_host(&self) -> &HeaderValue {
        self.own_host().unwrap_or(&self.authority)
    }

    /// Sets the `Host` and the fields that requests to this place alone have.
    pub(crate) fn set_own(&self, call: &mut Call) {
        if let Some(own) = &self.own {
            own.set(call);
        }
    }

    /// Sets them in a request of the gateway's own, but for those that it has already and for what is of a client.
    pub(crate) fn add_own(&self, headers: &mut HeaderMap) {
        if let Some(own) = &self.own {
            own.add(headers);
        }
    }

    /// The path of its Unix socket, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&str> {
        self.host.strip_prefix(UNIX)
    }

    /// Returns whether this and `other` are the same place, whatever their base paths.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }
}

impl Own {
    // Out of the way of the calls to places that have nothing of their own.
    #[cold]
    #[inline(never)]
    fn set(&self, call: &mut Call) {
        if let Some(host) = &self.host {
            call.headers.insert(HOST, host.clone());
        }
        header_edit::apply(&self.headers, call);
    }

    #[cold]
    #[inline(never)]
    fn add(&self, headers: &mut HeaderMap) {
        for edit in self.headers.as_slice() {
            if let HeaderEdit::Set(name, FieldValue::Fixed(value)) = edit {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
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

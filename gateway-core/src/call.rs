//! One request on its way through the gateway: found, edited, filled into templates, sent on.

use core::num::NonZeroU32;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::caller::Caller;
use crate::http::certificate::Certificate;
use crate::http::forwarded::ClientInfo;
use crate::http::geography::Geography;
use crate::net::Scheme;
use crate::route::{HostError, Lookup, Params, canonical_host, is_canonical_host};

/// A request, all but its body, at its present state: each step sees what those before it did.
///
/// It owns everything, so that it can outlive the exchange that it came with, or be made without one.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The header fields.
    pub headers: HeaderMap,
    /// The client that it is made for.
    pub client: ClientInfo,
    /// Where the client is; not known unless the configuration asks for it.
    pub geography: Geography,
    /// The request's identifier.
    pub id: HeaderValue,
    /// The parameters of the matched route's path.
    pub params: Params,
    /// The certificate that its client has shown.
    pub certificate: Option<Arc<Certificate>>,
    /// Who makes it; none as long as nobody has proved to.
    pub caller: Option<Arc<Caller>>,
    /// Set if the client has sent credentials, or a trusted proxy says who it is: whether or not anybody looks at them.
    pub has_credentials: bool,
    /// The index of the upstream that a step has chosen, counted from 1 so that it takes less room; none if the route chooses.
    steered: Option<NonZeroU32>,
    /// The version of the API that it is for, if that has versions.
    pub version: Option<Box<ApiVersion>>,
    /// The target as it came.
    uri: Uri,
    /// The normal form of the path, where the target's is not in it.
    path: Option<Box<str>>,
    query: Query,
    host: Host,
}

/// The version of an API that a request is for.
#[derive(Clone, Debug)]
pub struct ApiVersion {
    /// Its name.
    pub name: Arc<str>,
    /// The number of segments of the path before the one that states it, if one does.
    pub cut: Option<u8>,
}

/// The present query.
#[derive(Clone, Debug)]
enum Query {
    /// That of the target.
    AsItCame,
    /// Another, or none.
    Edited(Option<String>),
}

/// The authority that the client asked for.
#[derive(Clone, Debug, Default)]
struct Host {
    /// As it came, with port.
    field: Option<HeaderValue>,
    /// The canonical name.
    name: Box<str>,
}

impl Call {
    /// A call of `method` to `uri`, without a host and an identifier, with these fields.
    #[must_use]
    pub fn new(method: Method, uri: Uri, headers: HeaderMap) -> Self {
        Self {
            method,
            headers,
            client: ClientInfo { address: None, scheme: Scheme::Http, host: None, port: None, prefix: None },
            geography: Geography::UNKNOWN,
            id: HeaderValue::from_static(""),
            params: Params::default(),
            certificate: None,
            caller: None,
            has_credentials: false,
            steered: None,
            version: None,
            uri,
            path: None,
            query: Query::AsItCame,
            host: Host::default(),
        }
    }

    /// A call of `method` with these fields that is made for this one: of the same client, and with the same identifier.
    #[must_use]
    pub fn derived(&self, method: Method, headers: HeaderMap) -> Self {
        Self {
            client: self.client.clone(),
            geography: self.geography,
            id: self.id.clone(),
            params: self.params.clone(),
            certificate: self.certificate.clone(),
            caller: self.caller.clone(),
            version: self.version.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            host: self.host.clone(),
            ..Self::new(method, self.uri.clone(), headers)
        }
    }

    /// Sets the authority, as the client wrote it.
    ///
    /// # Errors
    /// The reason why it names no host (RFC 9112 §3.2).
    pub fn set_host(&mut self, field: HeaderValue) -> Result<(), HostError> {
        let text = core::str::from_utf8(field.as_bytes()).map_err(|_| HostError::NonAscii)?;
        let name = if is_canonical_host(field.as_bytes()) { text.into() } else { canonical_host(text)?.into() };
        self.host = Host { field: Some(field), name };
        Ok(())
    }

    /// Sets the normal form of the path.
    pub fn set_path(&mut self, normal: &str) {
        self.path = Some(normal.into());
    }

    /// Sets the query; `None` removes it.
    pub fn set_query(&mut self, query: Option<String>) {
        self.query = Query::Edited(query);
    }

    /// The target as it came.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The path, in its normal form.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_else(|| self.uri.path())
    }

    /// The query at present, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        match &self.query {
            Query::AsItCame => self.uri.query(),
            Query::Edited(query) => query.as_deref(),
        }
    }

    /// Returns whether the path and the query are still those of the target.
    #[must_use]
    pub const fn keeps_target(&self) -> bool {
        self.path.is_none() && matches!(self.query, Query::AsItCame)
    }

    /// The host, without port; empty if there is none.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host.name
    }

    /// The authority as the client wrote it.
    #[must_use]
    pub const fn host_field(&self) -> Option<&HeaderValue> {
        self.host.field.as_ref()
    }

    /// The host that the client asked for, without port, as a trusted proxy states it; else as [`Call::host`].
    #[must_use]
    pub fn outer_host(&self) -> Cow<'_, str> {
        let stated = self.client.host.as_ref().and_then(|field| field.to_str().ok());
        stated.and_then(|field| canonical_host(field).ok()).unwrap_or(Cow::Borrowed(self.host()))
    }

    /// The port that the client asked for, as a trusted proxy or its own host states it; else that of the scheme.
    #[must_use]
    pub fn outer_port(&self) -> u16 {
        self.stated_port().unwrap_or_else(|| self.client.scheme.default_port())
    }

    /// The port that a trusted proxy or the request's own host states.
    pub(crate) fn stated_port(&self) -> Option<u16> {
        // Most hosts state none.
        let states = |field: &&HeaderValue| field.as_bytes().contains(&b':');
        let port = |field: Option<&HeaderValue>| field.filter(states).and_then(|field| port(field.to_str().ok()?));
        let stated = port(self.client.host.as_ref()).or(self.client.port);
        let own = if self.client.host.is_none() { port(self.host_field()) } else { None };
        stated.or(own)
    }

    /// The value of the path parameter with this index, raw.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&str> {
        self.params.value(index, self.path())
    }

    /// Has it go to the upstream with this index; none has the route choose.
    pub fn steer(&mut self, upstream: Option<usize>) {
        self.steered = upstream.and_then(|index| NonZeroU32::new(u32::try_from(index).ok()?.checked_add(1)?));
    }

    /// The index of the upstream that a step has chosen; none if the route chooses.
    #[must_use]
    pub fn steered(&self) -> Option<usize> {
        usize::try_from(self.steered?.get() - 1).ok()
    }

    /// The number of segments of its path before the one that states the version, which upstreams are not sent.
    #[must_use]
    pub fn cut(&self) -> Option<u8> {
        self.version.as_ref()?.cut
    }

    /// The number of segments of its path that a rewrite of the first `segments` replaces: that of the version stands behind them.
    #[must_use]
    pub fn replaced(&self, segments: usize) -> usize {
        segments + usize::from(self.cut().is_some())
    }

    /// The client's address.
    #[must_use]
    pub const fn client_address(&self) -> Option<IpAddr> {
        self.client.address
    }

    /// Its parts that routes look at.
    #[must_use]
    pub fn lookup(&self) -> Lookup<'_, '_> {
        Lookup {
            host: self.host(),
            path: self.path(),
            query: self.query(),
            method: &self.method,
            headers: &self.headers,
            client: &self.client,
        }
    }
}

/// The port in an authority, if it states one.
fn port(authority: &str) -> Option<u16> {
    let (_, port) = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'))?;
    port.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(uri: &str) -> Call {
        Call::new(Method::GET, uri.parse().unwrap(), HeaderMap::new())
    }

    #[test]
    fn a_host_is_known_by_its_canonical_name() {
        for (field, name) in [
            ("api.example.com", "api.example.com"),
            ("api.example.com:8443", "api.example.com"),
            ("API.example.com.", "api.example.com"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
        ] {
            let mut call = call("/");
            call.set_host(HeaderValue::from_static(field)).unwrap();
            assert_eq!((call.host(), call.host_field().unwrap().to_str().unwrap()), (name, field));
        }
        assert_eq!(call("/").host(), "");
        assert!(call("/").set_host(HeaderValue::from_static("a b")).is_err());
    }

    /// docs/configuration.md, Templates: the outer host and port, where a trusted proxy states them.
    #[test]
    fn the_outer_host_and_port_are_those_of_the_client() {
        let outer = |host: &'static str, stated: Option<&'static str>, port: Option<u16>, scheme: Scheme| {
            let mut call = call("/");
            call.set_host(HeaderValue::from_static(host)).unwrap();
            call.client =
                ClientInfo { address: None, scheme, host: stated.map(HeaderValue::from_static), port, prefix: None };
            (call.outer_host().into_owned(), call.outer_port())
        };
        let is = |host: &str, port: u16| (host.to_owned(), port);
        assert_eq!(outer("inner:8080", None, None, Scheme::Http), is("inner", 8080));
        assert_eq!(outer("inner", None, None, Scheme::Https), is("inner", 443));
        assert_eq!(outer("[::1]", None, None, Scheme::Http), is("[::1]", 80));
        assert_eq!(outer("inner:8080", Some("Outer.example"), None, Scheme::Https), is("outer.example", 443));
        assert_eq!(outer("inner:8080", Some("outer:8443"), Some(9), Scheme::Https), is("outer", 8443));
        assert_eq!(outer("inner:8080", None, Some(8443), Scheme::Https), is("inner", 8443));
        assert_eq!(outer("inner:8080", Some("a..b"), None, Scheme::Https), is("inner", 443));
    }

    #[test]
    fn a_step_sees_the_query_that_the_one_before_left() {
        let mut call = call("/a?x=1");
        assert_eq!((call.query(), call.keeps_target()), (Some("x=1"), true));
        call.set_query(Some("y=2".to_owned()));
        assert_eq!((call.query(), call.keeps_target()), (Some("y=2"), false));
        call.set_query(None);
        assert_eq!(call.query(), None);
    }
}

//! Short ways to write specs and requests in tests.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::http::forwarded::ClientInfo;
use crate::net::Scheme;

use super::{
    Found, HostPattern, Lookup, MethodSet, Methods, PathPattern, Predicate, Source, Spec, Table, Versions, vary,
};
use crate::config::{EncodedSlash, Ties, ValueMatch, ValueTest};

/// A spec from `GET,POST host/path`, methods and host optional; a path that ends with `/*` is a prefix.
pub(super) fn spec(route: usize, text: &str) -> Spec {
    let (methods, url) = text.split_once(' ').unwrap_or(("", text));
    let (host, path) = url.split_at(url.find('/').unwrap());
    let path = match path.strip_suffix("/*") {
        Some(prefix) => PathPattern::prefix(if prefix.is_empty() { "/" } else { prefix }, EncodedSlash::Keep),
        None => PathPattern::template(path, EncodedSlash::Keep),
    };
    Spec {
        route,
        scheme: None,
        host: if host.is_empty() { HostPattern::Any } else { HostPattern::parse(host).unwrap() },
        path: path.unwrap(),
        methods: methods.split(',').filter(|m| !m.is_empty()).map(|m| MethodSet::named(m).unwrap()).collect(),
        headers: Vec::new(),
        query: Vec::new(),
        cookies: Vec::new(),
        client: None,
        version: None,
        cut: None,
        ties: Ties::Refuse,
    }
}

/// The versions with these names of the API with this index, which `header NAME` or `query NAME` states.
pub(super) fn versions(api: usize, source: &str, names: &[&str]) -> Arc<Versions> {
    let source = match source.split_once(' ') {
        Some(("header", name)) => Source::Header(HeaderName::from_bytes(name.as_bytes()).unwrap()),
        Some((_, name)) => Source::Query(name.into()),
        None => panic!("{source}"),
    };
    Arc::new(Versions {
        api,
        name: "api".into(),
        names: names.iter().map(|name| (*name).into()).collect(),
        aliases: Box::default(),
        days: Box::default(),
        default: None,
        are_pinned: false,
        unknown_is_default: false,
        place: None,
        vary: vary(core::slice::from_ref(&source)),
        sources: [source].into(),
    })
}

/// Specs of routes numbered from 0.
pub(super) fn specs(texts: &[&str]) -> Vec<Spec> {
    texts.iter().enumerate().map(|(route, text)| spec(route, text)).collect()
}

pub(super) fn exact(value: &str) -> ValueMatch {
    ValueMatch::Exact(value.to_owned())
}

pub(super) fn prefix(value: &str) -> ValueMatch {
    ValueMatch::Test(ValueTest::Prefix(value.to_owned()))
}

pub(super) fn present(there: bool) -> ValueMatch {
    ValueMatch::Test(ValueTest::Present(there))
}

pub(super) fn one_of(values: &[&str]) -> ValueMatch {
    ValueMatch::Test(ValueTest::OneOf(values.iter().map(|value| (*value).to_owned()).collect()))
}

impl Spec {
    pub(super) fn header(mut self, name: &str, test: &ValueMatch) -> Self {
        self.headers.push(Predicate::header(name, test).unwrap());
        self
    }

    pub(super) fn query(mut self, name: &str, test: &ValueMatch) -> Self {
        self.query.push(Predicate::query(name, test).unwrap());
        self
    }

    pub(super) fn cookie(mut self, name: &str, test: &ValueMatch) -> Self {
        self.cookies.push(Predicate::cookie(name, test).unwrap());
        self
    }
}

/// The table's answer to `GET host/path?query` with these header lines, written as `show` writes it.
pub(super) fn ask(table: &Table, request: &str, lines: &[(&str, &str)]) -> String {
    let request = Request::new(request, lines);
    let lookup = request.lookup();
    show(&table.find(&lookup), lookup.path)
}

/// `1 a,b` for route 1 with these parameters; `405 GET, OPTIONS`; `404`.
pub(super) fn show(found: &Found, path: &str) -> String {
    match found {
        Found::Route { route, params, .. } if params.is_empty() => route.to_string(),
        Found::Route { route, params, .. } => format!("{route} {}", params.iter(path).collect::<Vec<_>>().join(",")),
        Found::MethodNotAllowed { allow, .. } => format!("405 {}", Methods::default().list(*allow)),
        Found::NotFound => "404".to_owned(),
    }
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) client: ClientInfo,
}

/// A client at this address, by this scheme.
pub(super) fn client(address: &str, scheme: Scheme) -> ClientInfo {
    ClientInfo { address: address.parse().ok(), scheme, host: None, port: None, prefix: None }
}

impl Request {
    pub(super) fn new(text: &str, lines: &[(&str, &str)]) -> Self {
        let (method, url) = text.split_once(' ').unwrap_or(("GET", text));
        let (host, rest) = url.split_at(url.find('/').unwrap());
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Self {
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            headers,
            client: client("192.0.2.1", Scheme::Http),
        }
    }

    pub(super) fn lookup(&self) -> Lookup<'_, '_> {
        Lookup {
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
            client: &self.client,
        }
    }
}

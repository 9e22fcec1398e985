//! A concrete request that shows what is wrong.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::domain::{Constraints, Domain};
use super::{Field, Lookup, Methods, Spec};
use crate::http::forwarded::ClientInfo;
use crate::http::percent;
use crate::net::Scheme;

/// A request, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: String,
    /// The header lines.
    pub headers: Vec<(String, String)>,
    /// The client's address, where it matters.
    pub client: Option<IpAddr>,
}

impl Witness {
    /// A request on the host and path of `spec` that meets `constraints` and has these `values`, if every one of `takers` takes it.
    pub(super) fn verified(
        spec: &Spec,
        method: &Method,
        constraints: &Constraints<'_>,
        values: &[(Field, Option<String>)],
        (takers, methods): (&[&Spec], &Methods),
    ) -> Option<Self> {
        let (mut query, mut cookies, mut headers) = (String::new(), String::new(), Vec::new());
        let client = constraints.on(&Field::ClientAddress).and_then(Domain::address);
        let known = |field: &Field| values.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone());
        let named = values.iter().map(|(field, _)| field).filter(|field| constraints.on(field).is_none());
        for (field, domain) in
            constraints.iter().map(|(field, domain)| (field, Some(domain))).chain(named.map(|f| (f, None)))
        {
            let value = known(field).unwrap_or_else(|| domain.and_then(Domain::sample));
            let Some(value) = value else { continue };
            match field {
                Field::Header(name) => headers.push((name.to_string(), value)),
                Field::Query(name) => push_pair(&mut query, "&", &encode(name), &encode(&value)),
                Field::Cookie(name) => push_pair(&mut cookies, "; ", name, &value),
                Field::ClientAddress => {}
                Field::Version(versions) => match versions.example(&value) {
                    Some((true, name, value)) => headers.push((name, value)),
                    Some((false, name, value)) => push_pair(&mut query, "&", &encode(&name), &encode(&value)),
                    None => {}
                },
            }
        }
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies));
        }
        let (host, path) = (spec.host.example(), spec.path.example());
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
        let query = (!query.is_empty()).then_some(query);
        let scheme = takers.iter().find_map(|taker| taker.scheme).unwrap_or(Scheme::Http);
        let info = ClientInfo { address: client, scheme, host: None, port: None, prefix: None };
        let lookup = Lookup { host: &host, path: &path, query: query.as_deref(), method, headers: &map, client: &info };
        if takers.iter().any(|taker| !taker.mismatches(&lookup, methods).is_empty()) {
            return None;
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(Self {
            method: method.clone(),
            url: format!("{}://{host}{path}{query}", scheme.as_str()),
            headers,
            client,
        })
    }
}

/// `GET http://example.com/a?b=c`, then the header lines, each after a comma: `, x-d: e`.
impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, ", {name}: {value}"))?;
        self.client.map_or(Ok(()), |address| write!(f, ", from {address}"))
    }
}

fn push_pair(list: &mut String, separator: &str, name: &str, value: &str) {
    if !list.is_empty() {
        list.push_str(separator);
    }
    list.push_str(name);
    list.push('=');
    list.push_str(value);
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent::encode_query_value(text, &mut out);
    out
}

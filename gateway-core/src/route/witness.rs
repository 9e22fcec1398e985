//! A concrete request that shows what is wrong.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::domain::Constraints;
use super::{Field, Lookup, Spec};
use crate::http::percent;

/// A request, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: String,
    /// The header lines.
    pub headers: Vec<(String, String)>,
}

impl Witness {
    /// A request on the host and path of `spec` that meets `constraints`, if every one of `takers` takes it.
    pub(super) fn verified(
        spec: &Spec,
        method: &Method,
        constraints: &Constraints<'_>,
        takers: &[&Spec],
    ) -> Option<Self> {
        let (mut query, mut cookies, mut headers) = (String::new(), String::new(), Vec::new());
        for (field, domain) in constraints.iter() {
            let Some(value) = domain.sample() else { continue };
            match field {
                Field::Header(name) => headers.push((name.to_string(), value)),
                Field::Query(name) => push_pair(&mut query, "&", &encode(name), &encode(&value)),
                Field::Cookie(name) => push_pair(&mut cookies, "; ", name, &value),
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
        let lookup = Lookup { host: &host, path: &path, query: query.as_deref(), method, headers: &map };
        if takers.iter().any(|taker| !taker.mismatches(&lookup).is_empty()) {
            return None;
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(Self { method: method.clone(), url: format!("http://{host}{path}{query}"), headers })
    }
}

/// `GET http://example.com/a?b=c`, then the header lines, each after a comma: `, x-d: e`.
impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, ", {name}: {value}"))
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

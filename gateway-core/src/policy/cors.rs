//! Cross-origin resource sharing: the server's side of the CORS protocol (Fetch standard, §3.3 "HTTP CORS protocol").

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use super::PolicyError;
use super::cors_origin::Origins;
use crate::body::Body;
use crate::config;
use crate::http::proxy_status::is_tchar;

/// The seconds that browsers keep a preflight's answer when nothing is said (Fetch standard, "CORS-preflight fetch").
const DEFAULT_MAX_AGE: u64 = 5;

/// `Access-Control-Request-Private-Network` (Private Network Access, <https://wicg.github.io/private-network-access/>).
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The methods that no list can forbid: pages can send them without a preflight, so that refusing one that comes with it
/// protects nothing (Fetch standard, "CORS-safelisted method").
const SAFELISTED: [&[u8]; 3] = [b"GET", b"HEAD", b"POST"];

/// Compiled cross-origin rules.
#[derive(Clone, Debug)]
pub struct Cors {
    origins: Origins,
    methods: Allowed,
    headers: Allowed,
    expose: Option<HeaderValue>,
    credentials: bool,
    private_network: bool,
    max_age: HeaderValue,
}

/// The methods or headers that a preflight allows.
#[derive(Clone, Debug)]
enum Allowed {
    /// All that it asks for; `Authorization` only where that is listed beside `*`.
    Any { authorization: bool },
    /// The listed names, and the field that lists them, unless there are none.
    These(Vec<Box<[u8]>>, Option<HeaderValue>),
}

/// Returns whether the request is a preflight: OPTIONS with `Origin` and `Access-Control-Request-Method` (Fetch standard,
/// "CORS preflight request"). Any other OPTIONS is for the upstream.
#[must_use]
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) && headers.contains_key(ORIGIN)
}

impl Cors {
    /// Checks and compiles `c`; `route_methods` are allowed where it states none, and any method if these are none either.
    ///
    /// # Errors
    /// Every error in it. `credentials` together with any origin is one: echoing every origin would hand any site the user's
    /// data. So is `*` among exposed headers: browsers take it for a name then (Fetch standard, "CORS protocol and
    /// credentials"). Any method and any header are none, since a preflight's answer names those that were asked for.
    pub fn compile(c: &config::Cors, route_methods: &[Method]) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let origins = compile_origins(c, &mut errors);
        let methods = compile_methods(c, route_methods, &mut errors);
        let headers = compile_headers(c, &mut errors);
        let expose = compile_expose(c, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let max_age = c.max_age.map_or(DEFAULT_MAX_AGE, |span| span.0.as_secs());
        Ok(Self {
            origins,
            methods,
            headers,
            expose,
            credentials: c.credentials,
            private_network: c.private_network,
            max_age: HeaderValue::from(max_age),
        })
    }

    /// Answers a preflight: 204, with what is allowed if the origin, the method and every header are (Fetch standard,
    /// "CORS-preflight fetch"); with nothing otherwise, so that the browser refuses.
    #[must_use]
    pub fn preflight<S>(&self, headers: &HeaderMap) -> Response<Body<S>> {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NO_CONTENT;
        let fields = response.headers_mut();
        self.allow_preflight(headers, fields);
        vary_on_preflight(fields);
        if self.private_network {
            fields.append(VARY, HeaderValue::from_static("Access-Control-Request-Private-Network"));
        }
        response
    }

    /// Puts this policy's fields on a response, the gateway's own errors included, instead of any that the upstream set.
    ///
    /// `origin` is the request's `Origin`. Wherever the answer depends on it, `Vary` says so, even for a request without one
    /// (Fetch standard, "CORS protocol and HTTP caches").
    pub fn apply(&self, origin: Option<&HeaderValue>, response_headers: &mut HeaderMap) {
        remove_all(response_headers);
        if !self.origins.any {
            vary_on_origin(response_headers);
        }
        let Some(origin) = origin.filter(|origin| self.origins.allow(origin)) else { return };
        self.allow_origin(origin, response_headers);
        if let Some(expose) = &self.expose {
            response_headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    fn allow_preflight(&self, request: &HeaderMap, fields: &mut HeaderMap) -> Option<()> {
        let origin = single(request, &ORIGIN).filter(|origin| self.origins.allow(origin))?;
        let method = single(request, &ACCESS_CONTROL_REQUEST_METHOD)?;
        let wanted: Vec<&[u8]> = request
            .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty())
            .collect();
        if !self.methods.allow_method(method.as_bytes()) || !wanted.iter().all(|name| self.headers.allow_header(name)) {
            return None;
        }

        self.allow_origin(origin, fields);
        let methods = match &self.methods {
            Allowed::Any { .. } => Some(method.clone()),
            Allowed::These(_, field) => field.clone(),
        };
        let headers = match &self.headers {
            // A browser takes `*` for every header but `Authorization`; the names themselves work everywhere.
            Allowed::Any { .. } => {
                HeaderValue::from_bytes(&wanted.join(&b", "[..])).ok().filter(|value| !value.is_empty())
            }
            Allowed::These(_, field) => field.clone(),
        };
        let allowed = [(ACCESS_CONTROL_ALLOW_METHODS, methods), (ACCESS_CONTROL_ALLOW_HEADERS, headers)];
        for (name, value) in allowed {
            if let Some(value) = value {
                fields.insert(name, value);
            }
        }
        fields.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        // Private Network Access §3.2: the server says that it is meant to be reached from outside of its network.
        if self.private_network && single(request, &REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
            fields.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        Some(())
    }

    fn allow_origin(&self, origin: &HeaderValue, fields: &mut HeaderMap) {
        let allowed = if self.origins.any { HeaderValue::from_static("*") } else { origin.clone() };
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            fields.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

impl Allowed {
    /// Methods are compared with their case (RFC 9110 §9.1).
    fn allow_method(&self, method: &[u8]) -> bool {
        match self {
            Self::Any { .. } => !method.is_empty() && method.iter().all(|b| is_tchar(*b)),
            Self::These(methods, _) => SAFELISTED.contains(&method) || methods.iter().any(|known| **known == *method),
        }
    }

    /// Names are compared without case. `*` leaves out `Authorization`, as in the Fetch standard ("CORS non-wildcard
    /// request-header name").
    fn allow_header(&self, name: &[u8]) -> bool {
        match self {
            Self::Any { authorization } => {
                name.iter().all(|b| is_tchar(*b)) && (*authorization || !name.eq_ignore_ascii_case(b"authorization"))
            }
            Self::These(names, _) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }
}

fn compile_origins(c: &config::Cors, errors: &mut Vec<PolicyError>) -> Origins {
    let mut origins = Origins::default();
    if c.origins.is_empty() {
        let help = "list the origins that may read responses, or leave `cors` out";
        errors.push(PolicyError::entry("origins", 0, "no origin is allowed", help));
    }
    for (index, text) in c.origins.iter().enumerate() {
        if c.credentials && (text == "null" || Origins::is_any_host(text)) {
            let message = format_args!("`{text}` can't go with credentials: any site could read what the user may");
            errors.push(PolicyError::entry("origins", index, message, "list the origins that may"));
        } else if let Err(error) = origins.add(text) {
            errors.push(PolicyError::entry("origins", index, error.message, error.help.unwrap_or_default()));
        }
    }
    origins
}

fn compile_methods(c: &config::Cors, route_methods: &[Method], errors: &mut Vec<PolicyError>) -> Allowed {
    let methods: Vec<&str> = if c.methods.is_empty() {
        route_methods.iter().map(Method::as_str).collect()
    } else {
        c.methods.iter().map(String::as_str).collect()
    };
    for (index, method) in c.methods.iter().enumerate() {
        // `*` is a token, too.
        if !is_token(method) {
            errors.push(PolicyError::entry("methods", index, format_args!("`{method}` is no method"), ""));
        } else if method.bytes().any(|b| b.is_ascii_lowercase()) {
            let help = format_args!("write `{}`: methods are told apart by case", method.to_ascii_uppercase());
            errors.push(PolicyError::entry("methods", index, format_args!("`{method}` has small letters"), help));
        }
    }
    if methods.is_empty() || methods.contains(&"*") { Allowed::Any { authorization: false } } else { these(&methods) }
}

fn compile_headers(c: &config::Cors, errors: &mut Vec<PolicyError>) -> Allowed {
    let names: Vec<&str> = c.headers.iter().map(String::as_str).collect();
    for (index, name) in names.iter().enumerate() {
        check_header("headers", index, name, errors);
    }
    if names.contains(&"*") {
        Allowed::Any { authorization: names.iter().any(|name| name.eq_ignore_ascii_case("authorization")) }
    } else {
        these(&names)
    }
}

fn compile_expose(c: &config::Cors, errors: &mut Vec<PolicyError>) -> Option<HeaderValue> {
    for (index, name) in c.expose.iter().enumerate() {
        if name == "*" && c.credentials {
            let message = "`*` can't go with credentials: browsers take it for a name then";
            errors.push(PolicyError::entry("expose", index, message, "list the names"));
        }
        check_header("expose", index, name, errors);
    }
    list(c.expose.iter().map(String::as_str))
}

fn check_header(member: &'static str, index: usize, name: &str, errors: &mut Vec<PolicyError>) {
    if !is_token(name) {
        errors.push(PolicyError::entry(member, index, format_args!("`{name}` is no header name"), ""));
    }
}

fn these(names: &[&str]) -> Allowed {
    Allowed::These(names.iter().map(|name| name.as_bytes().into()).collect(), list(names.iter().copied()))
}

/// The names as a field's value; nothing if there are none.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let names: Vec<_> = names.collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|value| !value.is_empty())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The field's value, if there is exactly one.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Removes every `Access-Control-*`: two answers to one question make a browser refuse both.
fn remove_all(headers: &mut HeaderMap) {
    let is_cors = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    // Few upstreams send any: look before collecting.
    if headers.keys().any(|name| is_cors(&name)) {
        let names: Vec<_> = headers.keys().filter(is_cors).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
}

/// Says what the answer to a preflight depends on, whether it allows anything or not (Fetch standard, "CORS protocol and HTTP
/// caches").
pub fn vary_on_preflight(headers: &mut HeaderMap) {
    const VARY_ON: HeaderValue =
        HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    headers.insert(VARY, VARY_ON);
}

/// Adds `Origin` to `Vary`, unless it or `*` is there.
fn vary_on_origin(headers: &mut HeaderMap) {
    let there = headers
        .get_all(VARY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"));
    if !there {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;

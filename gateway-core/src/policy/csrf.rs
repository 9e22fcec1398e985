//! Requests that pages of other origins make a browser send: cross-site request forgery.
//!
//! The check follows OWASP's cheat sheet on it (Fetch Metadata, then the source origin) and Go's `http.CrossOriginProtection`.

use http::header::{COOKIE, ORIGIN, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::PolicyError;
use super::cors_origin::Origins;
use crate::call::Call;
use crate::config;
use crate::error::Reject;
use crate::net::Scheme;
use crate::route::canonical_host;

/// The relation of the page that makes a request to its target (Fetch Metadata §2.3).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may change something, beside the request's own.
#[derive(Clone, Debug, Default)]
pub struct Csrf {
    origins: Origins,
}

/// A reason to refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A page of another origin makes it.
    OtherOrigin,
    /// It has a cookie, and says nothing of where it comes from.
    NoOrigin,
}

impl Csrf {
    /// Checks and compiles `c`.
    ///
    /// # Errors
    /// Entries that are no origins, and those of every host: nothing would be refused.
    pub fn compile(c: &config::Csrf) -> Result<Self, Vec<PolicyError>> {
        let mut origins = Origins::default();
        let mut errors = Vec::new();
        for (index, text) in c.origins.iter().enumerate() {
            if text == "null" || Origins::is_any_host(text) {
                let message = format_args!("`{text}` is any page's origin");
                errors.push(PolicyError::entry("origins", index, message, "list the origins that may"));
            } else if let Err(error) = origins.add(text) {
                errors.push(PolicyError::entry("origins", index, error.message, error.help.unwrap_or_default()));
            }
        }
        if errors.is_empty() { Ok(Self { origins }) } else { Err(errors) }
    }

    /// Checks where `call` comes from.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn check(&self, call: &Call) -> Result<(), Refusal> {
        if is_safe(call) { Ok(()) } else { self.check_origin(call) }
    }

    /// The same, whatever the method.
    ///
    /// # Errors
    /// The reason to refuse it.
    pub fn check_origin(&self, call: &Call) -> Result<(), Refusal> {
        let fields = &call.headers;
        let origin = single(fields, &ORIGIN)?;
        let is_listed = || origin.is_some_and(|origin| self.origins.allow(origin));
        let allowed = match (single(fields, &SEC_FETCH_SITE)?, origin) {
            // What the browser says of itself knows schemes and redirects. Of the same site is not of the same origin.
            (Some(site), _) => matches!(site.as_bytes(), b"same-origin" | b"none") || is_listed(),
            (None, Some(origin)) => is_own(call, origin) || is_listed(),
            // Browsers of the last years send one of them. What has no cookie has nothing to forge with.
            (None, None) if fields.contains_key(COOKIE) => return Err(Refusal::NoOrigin),
            (None, None) => true,
        };
        if allowed { Ok(()) } else { Err(Refusal::OtherOrigin) }
    }
}

impl Refusal {
    /// A few words on it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OtherOrigin => "it comes from another origin",
            Self::NoOrigin => "it has a cookie and no origin",
        }
    }

    /// The answer to a request that is refused for this.
    #[must_use]
    pub fn reject(self) -> Reject {
        match self {
            Self::OtherOrigin => Reject::cross_origin(),
            Self::NoOrigin => Reject::cross_origin()
                .with_detail("the request has a cookie, but neither `Origin` nor `Sec-Fetch-Site` of a browser"),
        }
    }
}

/// Returns whether `call` asks for no change (RFC 9110 §9.2.1). The handshake of a WebSocket opens a way to change something, with
/// the cookies of the browser and without CORS (RFC 6455 §10.2).
fn is_safe(call: &Call) -> bool {
    matches!(call.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        && !call.headers.contains_key(SEC_WEBSOCKET_VERSION)
}

/// Returns whether `origin` is that of the request itself. Its scheme may be unknown behind a proxy that says nothing of it: a page in
/// the clear is told from one that is not only where the request came over HTTPS.
fn is_own(call: &Call, origin: &HeaderValue) -> bool {
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else { return false };
    let default = match scheme {
        "https" => Scheme::Https,
        "http" if call.client.scheme == Scheme::Http => Scheme::Http,
        _ => return false,
    }
    .default_port();
    let (host, port) = match authority.rsplit_once(':') {
        // RFC 6454 §6.2: as a number is written, without a sign or zeros before it.
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(number) if port.starts_with(|c: char| matches!(c, '1'..='9')) => (host, number),
            _ => return false,
        },
        _ => (authority, default),
    };
    canonical_host(host).is_ok_and(|host| !host.is_empty() && host == call.outer_host())
        && port == call.stated_port().unwrap_or(default)
}

/// The only field of this name, if there is one.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        _ => Err(Refusal::OtherOrigin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: Method, host: &'static str, fields: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let mut call = Call::new(method, "/".parse().unwrap(), headers);
        call.set_host(HeaderValue::from_static(host)).unwrap();
        let origins = vec!["https://friend.test".to_owned(), "https://*.partner.test".to_owned()];
        Csrf::compile(&config::Csrf { origins }).unwrap().check(&call)
    }

    fn post(fields: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        checked(Method::POST, "a.test", fields)
    }

    const OTHER: Result<(), Refusal> = Err(Refusal::OtherOrigin);

    /// Fetch Metadata §2.3: `same-origin` and `none` are no other page's; `same-site` and `cross-site` are.
    #[test]
    fn what_the_browser_says_decides() {
        assert_eq!(post(&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.test")]), Ok(()));
        assert_eq!(post(&[("sec-fetch-site", "none")]), Ok(()));
        for site in ["same-site", "cross-site", "", "Same-Origin", "new"] {
            assert_eq!(post(&[("sec-fetch-site", site), ("origin", "https://a.test")]), OTHER, "{site}");
            assert_eq!(post(&[("sec-fetch-site", site), ("origin", "https://friend.test")]), Ok(()), "{site}");
        }
        assert_eq!(post(&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")]), OTHER);
    }

    /// RFC 6454 §5, §7: an origin is a scheme, a host and a port.
    #[test]
    fn an_origin_is_compared_with_the_host_of_the_request() {
        for (host, origin) in [
            ("a.test", "http://a.test"),
            ("A.test", "https://a.test"),
            ("a.test:443", "https://a.test"),
            ("a.test:8443", "https://a.test:8443"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("[::1]", "http://[::1]"),
        ] {
            assert_eq!(checked(Method::POST, host, &[("origin", origin)]), Ok(()), "{host} {origin}");
        }
        for (host, origin) in [
            ("a.test", "null"),
            ("a.test", ""),
            ("a.test", "https://"),
            ("a.test", "a.test"),
            ("a.test", "ftp://a.test"),
            ("a.test", "https://b.test"),
            ("a.test", "https://a.test.evil.test"),
            ("a.test", "https://a.test:8443"),
            ("a.test", "https://a.test/"),
            ("a.test", "https://a.test:x"),
            ("a.test:8443", "https://a.test:+8443"),
            ("a.test:8443", "https://a.test:08443"),
            ("a.test", "https://x@a.test"),
            ("a.test:8443", "https://a.test"),
            ("a.test:443", "http://a.test"),
        ] {
            assert_eq!(checked(Method::POST, host, &[("origin", origin)]), OTHER, "{host} {origin}");
        }
        assert_eq!(post(&[("origin", "https://x.partner.test")]), Ok(()));
        assert_eq!(post(&[("origin", "http://a.test"), ("origin", "http://a.test")]), OTHER);
    }

    /// RFC 6454 §4: a page in the clear is not of the origin of one over HTTPS.
    #[test]
    fn a_page_in_the_clear_is_another_origin() {
        let mut call = Call::new(Method::POST, "/".parse().unwrap(), HeaderMap::new());
        call.set_host(HeaderValue::from_static("a.test")).unwrap();
        call.client.scheme = Scheme::Https;
        let csrf = Csrf::compile(&config::Csrf::default()).unwrap();
        call.headers.insert(ORIGIN, HeaderValue::from_static("http://a.test"));
        assert_eq!(csrf.check(&call), OTHER);
        call.headers.insert(ORIGIN, HeaderValue::from_static("https://a.test"));
        assert_eq!(csrf.check(&call), Ok(()));
    }

    /// OWASP, Cross-Site Request Forgery Prevention: where the origin is absent, blocking is recommended. Programs have no cookies of a
    /// browser.
    #[test]
    fn without_an_origin_a_cookie_is_refused() {
        assert_eq!(post(&[]), Ok(()));
        assert_eq!(post(&[("cookie", "session=1")]), Err(Refusal::NoOrigin));
    }

    /// RFC 9110 §9.2.1; RFC 6455 §10.2.
    #[test]
    fn safe_methods_are_let_through_unless_they_open_a_web_socket() {
        let foreign = ("origin", "https://evil.test");
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert_eq!(checked(method, "a.test", &[foreign]), Ok(()));
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(checked(method, "a.test", &[foreign]), OTHER);
        }
        assert_eq!(checked(Method::from_bytes(b"PURGE").unwrap(), "a.test", &[foreign]), OTHER);
        assert_eq!(checked(Method::GET, "a.test", &[foreign, ("sec-websocket-version", "13")]), OTHER);
    }
}

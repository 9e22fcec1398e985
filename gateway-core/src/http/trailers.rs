//! Trailer fields: what must be in the head can't come after the body (RFC 9110 §6.5.1).
//!
//! The rules of the head are done before the body ends, so trailers need one of their own: a backend that merges them into
//! the head must not find there what those rules took out, nor what they have never seen.

use http::header::TRAILER;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::identity::IdentityNames;
use super::names::{are_aliases, fits};
use super::{forwarded, hop_by_hop};

/// The fields that a recipient needs before the content; a trailing `*` stands for any ending.
///
/// `Content-Digest` is none of them: RFC 9530 §2 sends it in trailers.
const FORBIDDEN: [&str; 45] = [
    // Framing and routing.
    "content-length",
    "transfer-encoding",
    "trailer",
    "host",
    "via",
    "cdn-loop",
    // Request modifiers: controls, conditions, content negotiation and what rewrites the method.
    "cache-control",
    "expect",
    "max-forwards",
    "pragma",
    "range",
    "te",
    "if-*",
    "accept*",
    "origin",
    "prefer",
    "early-data",
    "access-control-*",
    "sec-*",
    "x-http-method*",
    "x-method-override",
    "x-request-id",
    // Authentication.
    "authorization",
    "authentication-info",
    "www-authenticate",
    "proxy-*",
    "cookie",
    "cookie2",
    "set-cookie*",
    "x-api-key",
    "x-csrf-token",
    // Control data of responses.
    "age",
    "date",
    "expires",
    "location",
    "retry-after",
    "vary",
    "warning",
    // How to process the content.
    "content-encoding",
    "content-type",
    "content-range",
    "content-language",
    "content-location",
    "content-disposition",
    "content-security-policy*",
];

/// Removes the trailers that a request must not carry over to the upstream: `identity` names and forwarding claims in any
/// spelling, fields of the connection, and what RFC 9110 §6.5.1 forbids.
pub fn strip_request(trailers: &mut HeaderMap, identity: &IdentityNames) {
    strip(trailers, |name| is_dropped(name, identity));
}

/// Removes the trailers that a response must not carry over to the client: fields of the connection, and what RFC 9110
/// §6.5.1 forbids.
pub fn strip_response(trailers: &mut HeaderMap) {
    strip(trailers, is_forbidden);
}

fn strip(trailers: &mut HeaderMap, is_dropped: impl Fn(&str) -> bool) {
    let dropped: Vec<HeaderName> = trailers.keys().filter(|name| is_dropped(name.as_str())).cloned().collect();
    for name in dropped {
        trailers.remove(name);
    }
}

/// Takes out of a request's `Trailer` (RFC 9110 §6.6.2) the names that [`strip_request`] removes; a field that announces
/// nothing goes.
pub fn announce_request(headers: &mut HeaderMap, identity: &IdentityNames) {
    announce(headers, |name| is_dropped(name, identity));
}

/// Takes out of a response's `Trailer` the names that [`strip_response`] removes; a field that announces nothing goes.
pub fn announce_response(headers: &mut HeaderMap) {
    announce(headers, is_forbidden);
}

fn announce(headers: &mut HeaderMap, is_dropped: impl Fn(&str) -> bool) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let kept: Vec<&str> = headers
        .get_all(TRAILER)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !is_dropped(&name.to_ascii_lowercase()))
        .collect();
    match HeaderValue::try_from(kept.join(", ")) {
        Ok(names) if !names.is_empty() => headers.insert(TRAILER, names),
        _ => headers.remove(TRAILER),
    };
}

/// Returns whether a request's trailer of this lower-case name does not pass.
fn is_dropped(name: &str, identity: &IdentityNames) -> bool {
    identity.is_kept_from_trailers(name) || forwarded::is_claim(name) || is_forbidden(name)
}

/// Returns whether no message may have a trailer of this lower-case name.
fn is_forbidden(name: &str) -> bool {
    hop_by_hop::NAMES.iter().any(|known| are_aliases(name.as_bytes(), known.as_bytes()))
        || FORBIDDEN.iter().any(|pattern| fits(name.as_bytes(), pattern.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn after(list: &[(&str, &str)]) -> Vec<String> {
        let mut trailers = fields(list);
        strip_request(&mut trailers, &IdentityNames::default());
        lines(&trailers)
    }

    fn announced(list: &[(&str, &str)]) -> Vec<String> {
        let mut headers = fields(list);
        announce_request(&mut headers, &IdentityNames::default());
        lines(&headers)
    }

    #[test]
    fn what_is_stripped_from_the_head_does_not_come_as_a_trailer() {
        for name in [
            "x-consumer-id",
            "x_consumer_id",
            "remote.user",
            "client-cert",
            "x-forwarded-for",
            "x_forwarded_for",
            "forwarded",
            "x-real-ip",
            "x!consumer!id",
            "remote|user",
            "x~forwarded~for",
        ] {
            assert!(after(&[(name, "admin")]).is_empty(), "{name}");
        }
        for name in hop_by_hop::NAMES {
            assert!(after(&[(name, "x")]).is_empty(), "{name}");
        }
    }

    #[test]
    fn own_identity_names_are_dropped_too() {
        let mut trailers = fields(&[("x-tenant", "a"), ("x-sum", "1")]);
        let mut names = IdentityNames::new(&["x-tenant".to_owned()]).unwrap();
        names.guard_own(["X-Service-Key"].into_iter());
        strip_request(&mut trailers, &names);
        assert_eq!(lines(&trailers), ["x-sum: 1"]);
    }

    /// RFC 9110 §6.5.1.
    #[test]
    fn what_is_needed_before_the_content_is_no_trailer() {
        for name in [
            "transfer-encoding",
            "content-length",
            "content_length",
            "trailer",
            "host",
            "cache-control",
            "expect",
            "max-forwards",
            "range",
            "if-none-match",
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "www-authenticate",
            "age",
            "date",
            "location",
            "content-type",
            "content-encoding",
            "content-range",
        ] {
            assert!(after(&[(name, "x"), (name, "y")]).is_empty(), "{name}");
        }
    }

    #[test]
    fn other_trailers_pass() {
        for name in ["x-sum", "content-digest", "repr-digest", "grpc-status", "grpc-message", "server-timing", "etag"] {
            assert_eq!(after(&[(name, "x")]), [format!("{name}: x")]);
        }
    }

    /// RFC 9110 §6.6.2.
    #[test]
    fn what_is_dropped_is_not_announced() {
        assert_eq!(
            announced(&[("trailer", "X-Sum, X-Consumer-Id ,, Host"), ("trailer", "x_consumer_id, grpc-status")]),
            ["trailer: X-Sum, grpc-status"]
        );
        assert!(announced(&[("trailer", "X-Consumer-Id")]).is_empty());
        assert_eq!(announced(&[("accept", "*/*")]), ["accept: */*"]);
    }
}

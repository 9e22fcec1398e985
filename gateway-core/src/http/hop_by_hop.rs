//! Fields that end at this hop (RFC 9110 §7.6.1).

use http::header::{CONNECTION, TE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::identity;

/// Makes the list of names, the same as fields, and the look-up in both from one table.
macro_rules! hop_by_hop {
    ($($index:literal $name:literal)*) => {
        /// The names of the fields that always end here.
        pub(crate) const NAMES: [&str; [$($index),*].len()] = [$($name),*];

        /// The names as field names.
        pub(super) static FIELDS: [HeaderName; NAMES.len()] = [$(HeaderName::from_static($name)),*];

        /// The lengths that the names have, each as a bit: most other names are told apart by theirs.
        const LENGTHS: u32 = 0 $(| 1 << $name.len())*;

        /// Returns whether `name` has the length of one of the names.
        pub(crate) const fn may_be(name: &str) -> bool {
            LENGTHS >> (name.len() & 31) & 1 != 0
        }

        /// The index of `name` in [`NAMES`].
        pub(crate) fn index(name: &str) -> Option<u8> {
            if !may_be(name) {
                return None;
            }
            match name {
                $($name => Some($index),)*
                _ => None,
            }
        }
    };
}

// The proxy's own credentials are among them (RFC 9110 §11.7): they are meant for this hop. `HTTP2-Settings` went with the
// upgrade to cleartext HTTP/2 (RFC 7540 §3.2.1), and `Persistent-Auth` says whether a login holds for the upstream's connection
// (RFC 4559 §6 is about such logins), which no client shares. `Trailer` is not: trailers are passed on, and so is what announces them
// (RFC 9110 §6.6.2).
hop_by_hop! {
    0 "connection"
    1 "te"
    2 "keep-alive"
    3 "proxy-connection"
    4 "proxy-authenticate"
    5 "proxy-authorization"
    6 "proxy-authentication-info"
    7 "transfer-encoding"
    8 "upgrade"
    9 "http2-settings"
    10 "persistent-auth"
}

const CONNECTION_BIT: u16 = 1 << 0;
const TE_BIT: u16 = 1 << 1;
const CODING_BIT: u16 = 1 << 7;

/// The fields of [`FIELDS`] that a head has, each as the bit of its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found(u16);

impl Found {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            found.look_at(name.as_str());
        }
        found
    }

    /// Adds the field called `name`, if it is one of them.
    pub(crate) fn look_at(&mut self, name: &str) {
        if let Some(index) = index(name) {
            self.0 |= 1 << index;
        }
    }

    /// Returns whether there are none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether there is a `Transfer-Encoding`.
    pub(crate) const fn has_coding(self) -> bool {
        self.0 & CODING_BIT != 0
    }
}

/// Removes what a request must not carry over to the upstream.
///
/// `TE: trailers` stays if it was there, since gRPC servers insist on it; no other transfer coding is passed on (§10.1.4). An
/// adapter that speaks HTTP/1.1 to the upstream adds `Connection: te`.
///
/// Run it before the gateway sets fields of its own.
pub fn strip_request(headers: &mut HeaderMap) {
    let found = Found::of(headers);
    if found.is_empty() {
        return;
    }
    let trailers = found.0 & TE_BIT != 0 && headers.get_all(TE).iter().any(accepts_trailers);
    strip(headers, found);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes what a response must not carry over to the client.
pub fn strip_response(headers: &mut HeaderMap) {
    strip(headers, Found::of(headers));
}

/// Removes the fields that were `found`, and those that a `Connection` among them names.
pub(crate) fn strip(headers: &mut HeaderMap, found: Found) {
    if !found.is_empty() {
        strip_some(headers, found);
    }
}

#[inline(never)]
fn strip_some(headers: &mut HeaderMap, Found(found): Found) {
    if found & CONNECTION_BIT != 0 && !headers.get_all(CONNECTION).iter().all(|line| is_plain_option(line.as_bytes())) {
        // Names are collected first: `Connection` itself goes only after it was read.
        let listed: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !is_plain_option(name))
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .filter(|name| !is_protected(name.as_str()))
            .collect();
        for name in listed {
            headers.remove(name);
        }
    }
    let mut left = found;
    while let Some(name) = FIELDS.get(left.trailing_zeros() as usize) {
        headers.remove(name);
        left &= left - 1;
    }
}

/// Options that name no field of interest; most `Connection` fields say only this.
fn is_plain_option(name: &[u8]) -> bool {
    name.is_empty() || name.eq_ignore_ascii_case(b"keep-alive") || name.eq_ignore_ascii_case(b"close")
}

/// Returns whether a `TE` line names `trailers` (RFC 9110 §10.1.4).
fn accepts_trailers(line: &HeaderValue) -> bool {
    line.as_bytes()
        .split(|b| *b == b',')
        .filter_map(|member| member.split(|b| *b == b';').next())
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Returns whether `Connection` may not remove this field.
///
/// A sender must not list fields meant for all recipients (RFC 9110 §7.6.1), and a client that does so tries to take from the
/// upstream what a hop before it relies on: credentials, addresses, the framing, marks against loops.
fn is_protected(name: &str) -> bool {
    const PREFIXES: [&str; 9] =
        ["accept", "access-control-", "content-", "if-", "sec-", "x-forwarded-", "ratelimit", "cache-", "cdn-"];
    matches!(
        name,
        "age"
            | "allow"
            | "authentication-info"
            | "authorization"
            | "baggage"
            | "cookie"
            | "date"
            | "early-data"
            | "etag"
            | "expect"
            | "expires"
            | "forwarded"
            | "from"
            | "host"
            | "idempotency-key"
            | "last-modified"
            | "link"
            | "location"
            | "max-forwards"
            | "origin"
            | "pragma"
            | "priority"
            | "proxy-status"
            | "range"
            | "referer"
            | "retry-after"
            | "server"
            | "set-cookie"
            | "signature"
            | "signature-input"
            | "strict-transport-security"
            | "traceparent"
            | "tracestate"
            | "user-agent"
            | "vary"
            | "via"
            | "www-authenticate"
            | "x-api-key"
            | "x-content-type-options"
            | "x-csrf-token"
            | "x-frame-options"
            | "x-real-ip"
            | "x-request-id"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || identity::is_built_in(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn after_request(list: &[(&str, &str)]) -> Vec<String> {
        let mut headers = fields(list);
        strip_request(&mut headers);
        lines(&headers)
    }

    #[test]
    fn every_hop_by_hop_field_is_found_under_the_bit_of_its_index() {
        for (index, name) in NAMES.into_iter().enumerate() {
            assert_eq!(FIELDS[index], name);
            assert_eq!(Found::of(&fields(&[(name, "x")])), Found(1 << index), "{name}");
        }
        for (name, bit) in [("connection", CONNECTION_BIT), ("te", TE_BIT), ("transfer-encoding", CODING_BIT)] {
            assert_eq!(Found::of(&fields(&[(name, "x")])), Found(bit), "{name}");
        }
        for name in ["", "x", "tt", "refer", "referer", "user-agent", "proxy-authenticate-info", &"x".repeat(63)] {
            assert_eq!(index(name), None, "{name}");
        }
    }

    /// RFC 9110 §7.6.1.
    #[test]
    fn hop_by_hop_fields_are_removed_both_ways() {
        let mut list: Vec<_> = NAMES.into_iter().map(|name| (name, "x")).collect();
        list.push(("accept", "*/*"));
        assert_eq!(after_request(&list), ["accept: */*"]);
        let mut headers = fields(&list);
        strip_response(&mut headers);
        assert_eq!(lines(&headers), ["accept: */*"]);
    }

    /// RFC 9110 §7.6.1: every field that `Connection` lists, in any case, over several lines, with empty members.
    #[test]
    fn listed_fields_are_removed() {
        let rest = after_request(&[
            ("connection", "close, X-One ,, x-two"),
            ("connection", "X-THREE, not a name, keep-alive"),
            ("x-one", "1"),
            ("x-one", "1b"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("x-four", "4"),
        ]);
        assert_eq!(rest, ["x-four: 4"]);
    }

    #[test]
    fn listed_end_to_end_fields_stay() {
        let names = [
            "accept",
            "authorization",
            "cdn-loop",
            "content-length",
            "content-type",
            "cookie",
            "forwarded",
            "host",
            "origin",
            "traceparent",
            "tracestate",
            "via",
            "x-consumer-id",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
            "x-request-id",
            "x_consumer_id",
        ];
        let connection = names.join(", ");
        let mut list = vec![("connection", connection.as_str())];
        list.extend(names.iter().map(|name| (*name, "v")));
        let expected: Vec<_> = names.iter().map(|name| format!("{name}: v")).collect();
        assert_eq!(after_request(&list), expected);
    }

    /// RFC 9110 §10.1.4: `TE` ends at each hop; a proxy that forwards trailers says so anew.
    #[test]
    fn te_keeps_trailers_alone() {
        for te in ["trailers", "Trailers", "gzip;q=0.5, trailers", "trailers;q=1"] {
            assert_eq!(after_request(&[("te", te), ("connection", "te")]), ["te: trailers"], "{te}");
        }
        for te in ["gzip", "", "trailersx", "gzip;trailers"] {
            assert!(after_request(&[("te", te)]).is_empty(), "{te}");
        }
        let mut headers = fields(&[("te", "trailers")]);
        strip_response(&mut headers);
        assert!(headers.is_empty());
    }
}

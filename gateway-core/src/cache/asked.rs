//! What a request says of caches, read once.

use http::{HeaderMap, Method};

use super::directives::RequestDirectives;
use super::range::Range;

/// What a request says of caches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its directives.
    pub directives: RequestDirectives,
    /// Set if it has an `Authorization` (RFC 9111 §3.5).
    pub authorized: bool,
    /// Set if it is a `HEAD`.
    pub is_head: bool,
    /// Set if it asks for a part (RFC 9110 §14.2), in whichever way.
    pub has_range: bool,
    /// The part that it asks for; `None` also where the whole is an answer.
    pub range: Option<Range>,
    /// Set if the part is asked for on a condition (RFC 9110 §13.1.5).
    pub has_if_range: bool,
    /// Set if it is content with a 304 (RFC 9110 §13.1.2, §13.1.3).
    pub is_conditional: bool,
    /// Set if it has preconditions that only the origin can tell of, `If-Match` and `If-Unmodified-Since` (RFC 9111 §4.3.2).
    pub is_for_origin: bool,
}

impl Asked {
    /// Reads a request with this method and these fields.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let mut asked = Self { is_head: method == Method::HEAD, ..Self::default() };
        // One look at the names: most requests have none of these fields, and each look-up costs more.
        let mut has_directives = false;
        for name in headers.keys() {
            match name.as_str() {
                "cache-control" | "pragma" => has_directives = true,
                "authorization" => asked.authorized = true,
                "if-match" | "if-unmodified-since" => asked.is_for_origin = true,
                "if-none-match" | "if-modified-since" => asked.is_conditional = true,
                // Ranges are defined for `GET` alone (RFC 9110 §14.2).
                "range" => asked.has_range = method == Method::GET,
                "if-range" => asked.has_if_range = method == Method::GET,
                _ => {}
            }
        }
        if has_directives {
            asked.directives = RequestDirectives::of(headers);
        }
        if asked.has_range {
            asked.range = Range::of(headers);
        }
        asked
    }

    /// Returns whether all of a stored response answers it, and nothing else does.
    #[must_use]
    pub const fn wants_all(&self) -> bool {
        !self.is_conditional && !self.has_range
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::http::testing::fields;

    #[test]
    fn a_request_is_read() {
        let headers = fields(&[
            ("cache-control", "max-age=5"),
            ("authorization", "x"),
            ("range", "bytes=1-2"),
            ("if-range", "\"a\""),
            ("if-match", "\"a\""),
        ]);
        let asked = Asked::of(&Method::GET, &headers);
        assert_eq!(asked.directives.max_age, Some(Duration::from_secs(5)));
        assert!(asked.authorized && asked.has_range && asked.has_if_range && asked.is_for_origin && !asked.is_head);
        assert_eq!(asked.range, Some(Range::From(1, Some(2))));
        assert_eq!(Asked::of(&Method::GET, &fields(&[])), Asked::default());
        assert!(Asked::of(&Method::GET, &fields(&[("if-unmodified-since", "x")])).is_for_origin);
        for (name, wants_all) in
            [("if-none-match", false), ("if-modified-since", false), ("range", false), ("if-range", true), ("a", true)]
        {
            assert_eq!(Asked::of(&Method::GET, &fields(&[(name, "x")])).wants_all(), wants_all, "{name}");
        }
    }

    /// RFC 9110 §14.2.
    #[test]
    fn only_get_asks_for_ranges() {
        let asked = Asked::of(&Method::HEAD, &fields(&[("range", "bytes=1-2")]));
        assert_eq!(asked, Asked { is_head: true, ..Asked::default() });
    }
}

//! The fields that speak of a content, mended where the content changes on its way.
//!
//! The one place for that: whatever makes other bytes of a content calls [`mend`] for the head of the message, a request's or a
//! response's. `Content-Encoding` and `Content-Type` are the caller's to set, who alone knows them.

use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, TRAILER,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// A change of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has another content coding, and decoded it is what it was (RFC 9110 §8.4): a weak entity tag of it is good still.
    Coding,
    /// Its data are other ones.
    Data,
}

/// The digests of content as it is sent, codings included: RFC 1864; RFC 3230 §4.3.2; RFC 9530 §2 and §3.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// The digest of content without its codings (draft-ietf-httpbis-unencoded-digest).
const UNENCODED_DIGEST: HeaderName = HeaderName::from_static("unencoded-digest");

/// Mends `headers`, whose content changes by `change` and has this `length` afterwards; none if nobody knows it yet.
///
/// - `Content-Length` is the new length, or absent.
/// - Digests go: those of the coded content in any case, `Unencoded-Digest` with the data. `Trailer` goes as well, since trailers are
///   where senders put them (RFC 9530 §2): the content ends without any.
/// - `ETag` becomes weak where the coding alone has changed. A strong one tells apart what differs by its coding (RFC 9110 §8.8.1,
///   §8.8.3.3), and a weak one lets `If-None-Match` be answered as before (§13.1.2). Of other data it says nothing, and goes.
/// - `Accept-Ranges` and `Content-Range` go: ranges of what has come are not those of what is sent (§14).
///
/// `Last-Modified` stays: what a request with `If-Modified-Since` is told holds for what is made of the content, too.
pub fn mend(headers: &mut HeaderMap, change: Change, length: Option<u64>) {
    match length {
        Some(length) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(headers.remove(CONTENT_LENGTH)),
    }
    for name in DIGESTS {
        headers.remove(name);
    }
    for name in [TRAILER, ACCEPT_RANGES, CONTENT_RANGE] {
        headers.remove(name);
    }
    match change {
        Change::Coding => weaken(headers),
        Change::Data => {
            headers.remove(UNENCODED_DIGEST);
            headers.remove(ETAG);
        }
    }
}

/// Takes out of `headers` what is said of content, where none goes along.
pub fn leave_out(headers: &mut HeaderMap) {
    mend(headers, Change::Data, None);
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_DISPOSITION] {
        headers.remove(name);
    }
}

/// Makes the entity tag a weak one (RFC 9110 §8.8.3). One that is malformed goes: marked as weak it would be no better.
pub fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG) else { return };
    match weak(tag) {
        Some(tag) => drop(headers.insert(ETAG, tag)),
        None => drop(headers.remove(ETAG)),
    }
}

/// The weak form of an entity tag, if it is one.
#[must_use]
pub fn weak(tag: &HeaderValue) -> Option<HeaderValue> {
    let bytes = tag.as_bytes().trim_ascii();
    let quoted = bytes.strip_prefix(b"W/").unwrap_or(bytes);
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'"') {
        return None;
    }
    HeaderValue::from_bytes(&[b"W/", quoted].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    fn mended(list: &[(&str, &str)], change: Change, length: Option<u64>) -> Vec<String> {
        let mut headers = fields(list);
        mend(&mut headers, change, length);
        lines(&headers)
    }

    /// RFC 9110 §8.6.
    #[test]
    fn the_length_is_that_of_the_new_content_or_absent() {
        for change in [Change::Coding, Change::Data] {
            assert_eq!(mended(&[("content-length", "5")], change, Some(3)), ["content-length: 3"]);
            assert_eq!(mended(&[], change, Some(3)), ["content-length: 3"]);
            assert!(mended(&[("content-length", "5")], change, None).is_empty());
        }
    }

    /// RFC 9530 §2, §3: both are computed over the content as it is coded.
    #[test]
    fn digests_of_what_has_come_do_not_go_on() {
        for change in [Change::Coding, Change::Data] {
            for name in ["content-md5", "digest", "content-digest", "repr-digest"] {
                assert!(mended(&[(name, "x"), (name, "y")], change, None).is_empty(), "{name}");
            }
        }
        let unencoded = ("unencoded-digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
        assert_eq!(mended(&[unencoded], Change::Coding, None).len(), 1);
        assert!(mended(&[unencoded], Change::Data, None).is_empty());
        let wanted = ("want-content-digest", "sha-256=1");
        assert_eq!(mended(&[wanted], Change::Data, None).len(), 1, "that is a wish, and no digest");
    }

    /// RFC 9110 §8.8.1, §8.8.3.3.
    #[test]
    fn an_entity_tag_is_weak_for_another_coding_and_none_for_other_data() {
        for (before, after) in [
            ("\"a\"", Some("W/\"a\"")),
            ("W/\"a\"", Some("W/\"a\"")),
            ("\"\"", Some("W/\"\"")),
            ("\"a\u{fc}\"", Some("W/\"a\u{fc}\"")),
            ("a", None),
            ("\"a", None),
            ("\"", None),
            ("w/\"a\"", None),
            ("\"a\", \"b\"", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ETAG, HeaderValue::from_bytes(before.as_bytes()).unwrap());
            let mut other = headers.clone();
            mend(&mut headers, Change::Coding, None);
            assert_eq!(headers.get(ETAG).map(HeaderValue::as_bytes), after.map(str::as_bytes), "{before}");
            mend(&mut other, Change::Data, None);
            assert_eq!(other.get(ETAG), None, "{before}");
        }
    }

    /// RFC 9110 §14.3, §14.4; §6.6.2.
    #[test]
    fn ranges_and_trailers_are_not_promised() {
        let list = [("accept-ranges", "bytes"), ("content-range", "bytes 0-1/2"), ("trailer", "content-digest")];
        assert!(mended(&list, Change::Coding, None).is_empty());
        assert!(mended(&list, Change::Data, None).is_empty());
    }

    #[test]
    fn other_fields_stay() {
        let list = [("content-type", "text/html"), ("last-modified", "x"), ("vary", "accept"), ("link", "<a>")];
        for change in [Change::Coding, Change::Data] {
            assert_eq!(mended(&list, change, None).len(), list.len());
        }
    }
}

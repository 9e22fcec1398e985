//! Asking the origin whether a stored response is still good, and what follows from its answer (RFC 9111 §4.3).

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::asked::Asked;
use super::directives::members;
use super::entry::Entry;
use super::rules::Rules;
use super::storing::store;
use crate::http::{date, hop_by_hop};
use crate::time::Timestamp;

/// Puts the validators of `entry` into a request in place of the client's own preconditions (§4.3.1). Without any, the request goes
/// without preconditions: a 304 must speak of what is stored.
pub fn make_conditional(entry: &Entry, headers: &mut HeaderMap) {
    for name in [&IF_MATCH, &IF_UNMODIFIED_SINCE, &IF_NONE_MATCH, &IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
    for (validator, condition) in [(&ETAG, &IF_NONE_MATCH), (&LAST_MODIFIED, &IF_MODIFIED_SINCE)] {
        if let Some(value) = entry.headers.get(validator) {
            headers.insert(condition, value.clone());
        }
    }
}

/// The entry that follows from a 304 (§4.3.4). `None` if it speaks of another response: then the upstream has to be asked again, without
/// preconditions.
///
/// A response that may not be stored any longer answers this request, and is not kept ([`Entry::is_for_once`]).
#[must_use]
pub fn freshen(
    entry: &Entry,
    rules: &Rules,
    asked: &Asked,
    request: (&Method, &HeaderMap),
    not_modified: &HeaderMap,
    times: (Timestamp, Timestamp),
) -> Option<Entry> {
    is_of_same(&entry.headers, not_modified).then(|| updated(entry, rules, asked, request.1, not_modified, times))
}

/// What follows from the answer to a `HEAD` (§4.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadUpdate {
    /// The stored response is confirmed, with these fields.
    Updated(Box<Entry>),
    /// It is no longer what the origin has.
    Invalid,
    /// Nothing.
    Nothing,
}

/// What follows for `entry` from the answer to a `HEAD` (§4.3.5). Only a 200 tells of a stored 200, and only one with a validator in common
/// confirms it: content of which nothing is known may have changed.
#[must_use]
pub fn freshen_by_head(
    entry: &Entry,
    rules: &Rules,
    asked: &Asked,
    request: (&Method, &HeaderMap),
    (status, headers): (StatusCode, &HeaderMap),
    times: (Timestamp, Timestamp),
) -> HeadUpdate {
    if asked.directives.no_store || status != StatusCode::OK || entry.status != StatusCode::OK {
        return HeadUpdate::Nothing;
    }
    // Each validator that both have has to be the same, and so has the length.
    let differs = |name| match (entry.headers.get(name), headers.get(name)) {
        (Some(stored), Some(given)) => stored.as_bytes().trim_ascii() != given.as_bytes().trim_ascii(),
        _ => false,
    };
    if [ETAG, LAST_MODIFIED, CONTENT_LENGTH].iter().any(differs) {
        return HeadUpdate::Invalid;
    }
    if ![ETAG, LAST_MODIFIED].iter().any(|name| entry.headers.contains_key(name) && headers.contains_key(name)) {
        return HeadUpdate::Nothing;
    }
    let updated = updated(entry, rules, asked, request.1, headers, times);
    if updated.is_for_once { HeadUpdate::Invalid } else { HeadUpdate::Updated(Box::new(updated)) }
}

/// Returns whether a client that states these `conditions` has the response with these `headers` (RFC 9110 §13.1.2, §13.1.3).
#[must_use]
pub fn is_not_modified(conditions: &HeaderMap, headers: &HeaderMap, now: Timestamp) -> bool {
    if conditions.contains_key(IF_NONE_MATCH) {
        return has_tag(conditions, headers.get(ETAG));
    }
    let modified = headers.get(LAST_MODIFIED);
    let Some(since) = conditions.get(IF_MODIFIED_SINCE) else { return false };
    is_since(since, modified, || date::read(modified?.as_bytes(), now), now)
}

/// Returns whether `If-None-Match` lists `tag`, by the weak comparison, or has the `*` for any (RFC 9110 §13.1.2).
pub(super) fn has_tag(conditions: &HeaderMap, tag: Option<&HeaderValue>) -> bool {
    let tag = tag.map(opaque);
    let mut given = conditions.get_all(IF_NONE_MATCH).iter().flat_map(|line| members(line.as_bytes()));
    given.any(|given| given == b"*" || tag.is_some_and(|tag| strip_weak(given) == tag))
}

/// Returns whether what was last modified as `stated`, or at the time that `modified` returns, was not since (RFC 9110 §13.1.3).
pub(super) fn is_since(
    since: &HeaderValue,
    stated: Option<&HeaderValue>,
    modified: impl FnOnce() -> Option<Timestamp>,
    now: Timestamp,
) -> bool {
    // Most clients send the very field that they got.
    if stated == Some(since) {
        return true;
    }
    date::read(since.as_bytes(), now).is_some_and(|since| modified().is_some_and(|modified| modified <= since))
}

/// Makes the head of a 304 of that of a 200: what describes the content is left out, unless nothing else tells the client which response is meant
/// (RFC 9110 §15.4.5).
pub fn describe_no_content(headers: &mut HeaderMap) {
    for name in [&CONTENT_ENCODING, &CONTENT_LANGUAGE, &CONTENT_LENGTH, &CONTENT_RANGE, &CONTENT_TYPE] {
        headers.remove(name);
    }
    if headers.contains_key(ETAG) {
        headers.remove(LAST_MODIFIED);
    }
}

/// Returns whether a 304 speaks of the stored response (§4.3.4).
///
/// Its validators have to be those that it was asked with, by the weak comparison: servers weaken the tag of what they compress, and send the
/// strong one with a 304.
fn is_of_same(stored: &HeaderMap, given: &HeaderMap) -> bool {
    match (stored.get(ETAG), given.get(ETAG)) {
        (Some(stored), Some(given)) => opaque(stored) == opaque(given),
        (None, Some(_)) => false,
        (_, None) => match (stored.get(LAST_MODIFIED), given.get(LAST_MODIFIED)) {
            (Some(stored), Some(given)) => stored.as_bytes().trim_ascii() == given.as_bytes().trim_ascii(),
            _ => true,
        },
    }
}

/// An entity tag without its mark of weakness (RFC 9110 §8.8.3.2).
pub(super) fn opaque(tag: &HeaderValue) -> &[u8] {
    strip_weak(tag.as_bytes().trim_ascii())
}

pub(super) fn strip_weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The stored response with the fields of a newer one (§3.2).
fn updated(
    entry: &Entry,
    rules: &Rules,
    asked: &Asked,
    request: &HeaderMap,
    newer: &HeaderMap,
    times: (Timestamp, Timestamp),
) -> Entry {
    let mut newer = newer.clone();
    hop_by_hop::strip_response(&mut newer);
    newer.remove(CONTENT_LENGTH);
    let mut headers = entry.headers.clone();
    for name in newer.keys() {
        headers.remove(name);
    }
    // Without a date, the time of receipt is that of the newer response (RFC 9110 §6.6.1).
    if !newer.contains_key(DATE) {
        headers.remove(DATE);
    }
    for (name, value) in &newer {
        headers.append(name, value.clone());
    }
    match store(rules, asked, (&Method::GET, request), (entry.status, &headers), times) {
        // By the same fields as before, the response is chosen by the same values: the request may have got it in another way.
        Ok(updated) if is_by_same_fields(&updated, entry) => Entry { varies: entry.varies.clone(), ..updated },
        Ok(updated) => updated,
        Err(_) => Entry { headers, received: times.1, is_for_once: true, ..entry.clone() },
    }
}

fn is_by_same_fields(one: &Entry, other: &Entry) -> bool {
    one.varies.iter().map(|(name, _)| name).eq(other.varies.iter().map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::cache::storing::NotStored;
    use crate::http::testing::fields;

    const THEN: Timestamp = Timestamp::from_unix_millis(784_111_777_000);
    const NOW: Timestamp = Timestamp::from_unix_millis(784_111_837_000);
    const THEN_DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    const NOW_DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:50:37 GMT");

    fn kept(status: u16, headers: &[(&str, &str)]) -> Result<Entry, NotStored> {
        let status = StatusCode::from_u16(status).unwrap();
        let request = fields(&[("foo", "1")]);
        store(&Rules::default(), &Asked::default(), (&Method::GET, &request), (status, &fields(headers)), (THEN, THEN))
    }

    fn freshened(entry: &Entry, headers: &[(&str, &str)]) -> Option<Entry> {
        let request = fields(&[("foo", "1")]);
        freshen(entry, &Rules::default(), &Asked::default(), (&Method::GET, &request), &fields(headers), (NOW, NOW))
    }

    /// RFC 9111 §4.3.1.
    #[test]
    fn the_entrys_validators_are_asked_with() {
        let asked = |entry: &[(&str, &str)]| {
            let mut headers = fields(&[
                ("if-none-match", "\"own\""),
                ("if-modified-since", "x"),
                ("if-match", "x"),
                ("if-unmodified-since", "x"),
                ("range", "bytes=0-1"),
                ("foo", "1"),
            ]);
            make_conditional(&Entry { headers: fields(entry), ..Entry::of_nothing() }, &mut headers);
            headers
        };
        let with_both = asked(&[("etag", "W/\"a\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        let expected = [
            ("range", "bytes=0-1"),
            ("foo", "1"),
            ("if-none-match", "W/\"a\""),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert_eq!(with_both, fields(&expected));
        assert_eq!(asked(&[]), fields(&[("range", "bytes=0-1"), ("foo", "1")]));
    }

    /// RFC 9111 §3.2, §4.3.4.
    #[test]
    fn a_304_brings_new_fields_and_a_new_lifetime() {
        let entry = kept(
            200,
            &[
                THEN_DATE,
                ("cache-control", "max-age=2"),
                ("etag", "\"a\""),
                ("vary", "foo"),
                ("content-length", "36"),
                ("content-type", "text/plain"),
                ("kept", "1"),
                ("changed", "1"),
                ("changed", "2"),
            ],
        );
        let entry = entry.unwrap();
        let newer = freshened(
            &entry,
            &[
                NOW_DATE,
                ("cache-control", "max-age=9"),
                ("etag", "\"a\""),
                ("content-length", "10"),
                ("changed", "3"),
                ("added", "1"),
                ("connection", "gone"),
                ("gone", "1"),
                ("age", "4"),
            ],
        );
        let newer = newer.unwrap();
        let expected = [
            NOW_DATE,
            ("cache-control", "max-age=9"),
            ("etag", "\"a\""),
            ("vary", "foo"),
            ("content-length", "36"),
            ("content-type", "text/plain"),
            ("kept", "1"),
            ("changed", "3"),
            ("added", "1"),
            ("age", "0"),
        ];
        assert_eq!(newer.headers, fields(&expected));
        assert_eq!((newer.lifetime, newer.initial_age), (Duration::from_secs(9), Duration::from_secs(4)));
        assert_eq!((newer.received, newer.status, newer.varies), (NOW, StatusCode::OK, entry.varies));
        assert!(!newer.is_for_once);
    }

    /// RFC 9110 §6.6.1.
    #[test]
    fn a_304_without_a_date_is_of_now() {
        let entry = kept(200, &[THEN_DATE, ("cache-control", "max-age=2"), ("etag", "\"a\"")]).unwrap();
        let newer = freshened(&entry, &[("etag", "\"a\"")]).unwrap();
        assert_eq!((newer.lifetime, newer.initial_age), (Duration::from_secs(2), Duration::ZERO));
        assert_eq!(newer.headers[DATE], NOW_DATE.1);
    }

    /// A request may get a response by the language that it prefers: confirmed by it, the response is still for the requests that it was for.
    #[test]
    fn a_304_does_not_change_whom_a_response_is_for() {
        let headers = [("cache-control", "max-age=2"), ("etag", "\"a\""), ("vary", "foo")];
        let entry = kept(200, &headers).unwrap();
        let confirmed = |vary: &str| {
            let request = (&Method::GET, &fields(&[("foo", "2")]));
            let newer = fields(&[("vary", vary)]);
            freshen(&entry, &Rules::default(), &Asked::default(), request, &newer, (NOW, NOW)).unwrap().varies
        };
        assert_eq!(confirmed("Foo"), entry.varies);
        assert_eq!(
            &*confirmed("foo, bar"),
            [("foo".parse().unwrap(), Some(Box::from(&b"2"[..]))), ("bar".parse().unwrap(), None)]
        );
    }

    /// RFC 9111 §4.3.4.
    #[test]
    fn a_304_with_another_validator_is_of_another_response() {
        let date = "Sun, 06 Nov 1994 08:00:00 GMT";
        for (stored, given, expected) in [
            (&[("etag", "\"a\"")][..], &[("etag", "\"a\"")][..], true),
            (&[("etag", "\"a\"")], &[("etag", "\"b\"")], false),
            (&[("etag", "W/\"a\"")], &[("etag", "\"a\"")], true),
            (&[("etag", "\"a\"")], &[("etag", "W/\"a\"")], true),
            (&[("etag", "\"a\"")], &[], true),
            (&[("last-modified", date)], &[("last-modified", date)], true),
            (&[("last-modified", date)], &[("last-modified", "Sun, 06 Nov 1994 08:00:01 GMT")], false),
            (&[("last-modified", date)], &[("etag", "\"a\"")], false),
            (&[("last-modified", date)], &[], true),
            (&[("etag", "\"a\""), ("last-modified", date)], &[("etag", "\"a\""), ("last-modified", "x")], true),
        ] {
            let entry = kept(200, stored).unwrap();
            assert_eq!(freshened(&entry, given).is_some(), expected, "{stored:?} {given:?}");
        }
    }

    #[test]
    fn what_may_no_longer_be_stored_is_used_once() {
        let entry = kept(200, &[("cache-control", "max-age=2"), ("etag", "\"a\"")]).unwrap();
        for directives in ["no-store", "private"] {
            let newer = freshened(&entry, &[("cache-control", directives), ("x", "1")]).unwrap();
            assert!(newer.is_for_once);
            assert_eq!(newer.headers["x"], "1");
            assert_eq!(newer.keep_for(NOW, &Rules::default()), Duration::ZERO);
        }
    }

    /// RFC 9111 §4.3.5.
    #[test]
    fn a_head_confirms_or_ends_what_is_stored() {
        let entry =
            kept(200, &[("cache-control", "max-age=2"), ("etag", "\"a\""), ("content-length", "5"), ("x", "1")])
                .unwrap();
        let told = |status: u16, headers: &[(&str, &str)]| {
            let response = (StatusCode::from_u16(status).unwrap(), &fields(headers));
            let asked = Asked { is_head: true, ..Asked::default() };
            freshen_by_head(&entry, &Rules::default(), &asked, (&Method::HEAD, &fields(&[])), response, (NOW, NOW))
        };
        let newer = [("etag", "\"a\""), ("cache-control", "max-age=9"), ("x", "2")];
        let HeadUpdate::Updated(newer) = told(200, &newer) else { panic!() };
        assert_eq!(
            (newer.lifetime, &newer.headers["x"], newer.received),
            (Duration::from_secs(9), &"2".parse().unwrap(), NOW)
        );
        assert!(matches!(told(200, &[("etag", "\"a\""), ("content-length", "5")]), HeadUpdate::Updated(_)));
        assert_eq!(told(200, &[("etag", "\"b\"")]), HeadUpdate::Invalid);
        assert_eq!(told(200, &[("content-length", "6")]), HeadUpdate::Invalid);
        assert_eq!(told(200, &[("etag", "\"a\""), ("cache-control", "no-store")]), HeadUpdate::Invalid);
        // Nothing says that it is the same.
        assert_eq!(told(200, &[("cache-control", "max-age=9"), ("content-length", "5")]), HeadUpdate::Nothing);
        for status in [304, 404, 410, 500] {
            assert_eq!(told(status, &[("x", "2")]), HeadUpdate::Nothing, "{status}");
        }
    }
}

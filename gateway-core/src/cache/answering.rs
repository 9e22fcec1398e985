//! The client's answer from a stored response: its preconditions (RFC 9110 §13.2.2) and ranges (§14).

use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::entry::Entry;
use super::freshness::time_of;
use super::range::{Found, Part, Range};
use super::validation::{describe_no_content, has_tag, is_since};
use crate::http::date;
use crate::time::Timestamp;

/// What of a stored response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it.
    Whole,
    /// 304 (RFC 9110 §15.4.5).
    NotModified,
    /// 206, the bytes from the first to the last, both included (§15.3.7).
    Range {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
        /// The length of the whole.
        of: u64,
        /// The place of the first byte in the stored content, which is a part itself where the stored response is a 206.
        offset: u64,
    },
    /// 416 (§15.5.17).
    Unsatisfiable {
        /// The length of the whole.
        of: u64,
    },
}

impl Answer {
    /// Its status.
    #[must_use]
    pub const fn status(&self, entry: &Entry) -> StatusCode {
        match self {
            Self::Whole => entry.status,
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::Range { .. } => StatusCode::PARTIAL_CONTENT,
            Self::Unsatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }

    fn of(found: Found, of: u64) -> Self {
        match found {
            Found::Part(Part { first, last, of }, offset) => Self::Range { first, last, of, offset },
            Found::Unsatisfiable => Self::Unsatisfiable { of },
            Found::Elsewhere => Self::Whole,
        }
    }
}

/// Says what of `entry` a request gets, whose content has this `length` in the store. Without a length, no range is cut out.
#[must_use]
pub fn answer(entry: &Entry, method: &Method, headers: &HeaderMap, length: Option<u64>) -> Answer {
    // §13.2.1: preconditions are about answers that would have succeeded.
    if entry.status.is_success() && is_not_modified(entry, headers) {
        return Answer::NotModified;
    }
    if *method != Method::GET || !headers.contains_key(RANGE) {
        return Answer::Whole;
    }
    let (Some(range), Some(length)) = (Range::of(headers), length) else { return Answer::Whole };
    match entry.part {
        Some(part) => Answer::of(range.in_part(part, length), part.of),
        // §14.2: only of a 200.
        None if entry.status != StatusCode::OK || !is_condition_met(entry, headers) => Answer::Whole,
        None => Answer::of(range.in_whole(length), length),
    }
}

/// RFC 9110 §13.1.2, §13.1.3, RFC 9111 §4.3.2.
fn is_not_modified(entry: &Entry, headers: &HeaderMap) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        return has_tag(headers, entry.headers.get(ETAG));
    }
    let Some(since) = headers.get(IF_MODIFIED_SINCE) else { return false };
    // A part of a second is not told.
    let modified = || Timestamp::from_unix_millis(entry.modified.unix_millis() / 1000 * 1000);
    is_since(since, entry.headers.get(LAST_MODIFIED), || Some(modified()), entry.received)
}

/// Returns whether the part may be sent for which a request asks on a condition (§13.1.5): only a strong validator keeps parts together.
fn is_condition_met(entry: &Entry, headers: &HeaderMap) -> bool {
    let Some(condition) = headers.get(IF_RANGE) else { return true };
    let given = condition.as_bytes().trim_ascii();
    if given.starts_with(b"\"") || given.starts_with(b"W/") {
        return given.starts_with(b"\"")
            && entry.headers.get(ETAG).is_some_and(|tag| tag.as_bytes().trim_ascii() == given);
    }
    // §8.8.2.2: a date is a strong validator if it is a second before that of the response at least.
    let modified = time_of(&entry.headers, &LAST_MODIFIED, entry.received);
    let made = time_of(&entry.headers, &DATE, entry.received);
    modified.is_some()
        && modified == date::read(given, entry.received)
        && made.is_some_and(|made| modified.is_some_and(|modified| modified < made))
}

/// The fields of the answer: those that are stored, and its age (RFC 9111 §5.1). They take the place of those in `room`, which makes an allocation
/// or two fewer.
#[must_use]
pub fn fields(entry: &Entry, answer: &Answer, now: Timestamp, room: HeaderMap) -> HeaderMap {
    let mut fields = room;
    fields.clear();
    for (name, value) in &entry.headers {
        fields.append(name, value.clone());
    }
    let out = &mut fields;
    out.insert(AGE, HeaderValue::from(entry.age(now).as_secs()));
    match *answer {
        Answer::Whole => {}
        Answer::NotModified => {
            describe_no_content(out);
        }
        Answer::Range { first, last, of, .. } => {
            set(out, CONTENT_RANGE, Part { first, last, of }.written());
            out.insert(CONTENT_LENGTH, HeaderValue::from(last.saturating_sub(first).saturating_add(1)));
        }
        Answer::Unsatisfiable { of } => {
            // §15.5.17: the content is not sent, so that what describes it says nothing.
            for name in [&CONTENT_ENCODING, &CONTENT_LANGUAGE, &CONTENT_TYPE, &ETAG, &LAST_MODIFIED] {
                out.remove(name);
            }
            set(out, CONTENT_RANGE, HeaderValue::try_from(["bytes */", itoa::Buffer::new().format(of)].concat()).ok());
            out.insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
    }
    fields
}

fn set(out: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        out.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::http::testing::fields as of;

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn entry(headers: &[(&str, &str)]) -> Entry {
        let received = Timestamp::from_unix_millis(784_111_900_000);
        let headers = of(headers);
        let modified = time_of(&headers, &LAST_MODIFIED, received).unwrap_or(received);
        Entry { headers, received, modified, ..Entry::of_nothing() }
    }

    fn answered(entry: &Entry, request: &[(&str, &str)]) -> Answer {
        answer(entry, &Method::GET, &of(request), Some(10))
    }

    fn range(first: u64, last: u64) -> Answer {
        Answer::Range { first, last, of: 10, offset: first }
    }

    /// RFC 9110 §8.8.3.2, §13.1.2, §13.2.2.
    #[test]
    fn a_client_that_has_it_is_told_so_by_tag() {
        for (tag, given, expected) in [
            ("\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("W/\"a\"", "W/\"a\"", true),
            ("\"a\"", "\"a\", \"b\", \"c\"", true),
            ("\"b\"", "\"a\",\"b\" , \"c\"", true),
            ("\"c\"", "\"a\", \"b\", \"c\"", true),
            ("\"a\"", "*", true),
            ("\"a\"", "\"b\"", false),
            ("\"a\"", "a", false),
            ("\"a, b\"", "\"a, b\"", true),
            ("\"a\"", "\"x, \"a\"", false),
            ("\"a\"", "", false),
        ] {
            let whole = entry(&[("etag", tag), ("last-modified", MODIFIED)]);
            let expected = if expected { Answer::NotModified } else { Answer::Whole };
            assert_eq!(answered(&whole, &[("if-none-match", given)]), expected, "{tag} {given}");
            assert_eq!(answer(&whole, &Method::HEAD, &of(&[("if-none-match", given)]), None), expected);
            // A tag is more than a date.
            let both = [("if-none-match", given), ("if-modified-since", MODIFIED)];
            assert_eq!(answered(&whole, &both), expected, "{tag} {given}");
        }
        assert_eq!(answered(&entry(&[]), &[("if-none-match", "\"a\"")]), Answer::Whole);
        let missing = Entry { status: StatusCode::NOT_FOUND, ..entry(&[("etag", "\"a\"")]) };
        assert_eq!(answered(&missing, &[("if-none-match", "\"a\"")]), Answer::Whole);
    }

    /// RFC 9110 §13.1.3, RFC 9111 §4.3.2.
    #[test]
    fn a_client_that_has_it_is_told_so_by_date() {
        let dated = entry(&[("last-modified", MODIFIED)]);
        for (given, expected) in [
            (MODIFIED, true),
            ("Sunday, 06-Nov-94 08:49:37 GMT", true),
            ("Sun, 06 Nov 1994 09:00:00 GMT", true),
            ("Sun, 06 Nov 1994 08:49:36 GMT", false),
            ("foo", false),
        ] {
            let expected = if expected { Answer::NotModified } else { Answer::Whole };
            assert_eq!(answered(&dated, &[("if-modified-since", given)]), expected, "{given}");
        }
        // Received at 08:51:40.
        let undated = entry(&[]);
        assert_eq!(answered(&undated, &[("if-modified-since", "Sun, 06 Nov 1994 08:51:40 GMT")]), Answer::NotModified);
        assert_eq!(answered(&undated, &[("if-modified-since", "Sun, 06 Nov 1994 08:51:39 GMT")]), Answer::Whole);
    }

    /// RFC 9110 §14.2, §15.5.17.
    #[test]
    fn a_part_is_cut_out_of_the_whole() {
        let whole = entry(&[("etag", "\"a\"")]);
        for (given, expected) in [
            ("bytes=0-1", range(0, 1)),
            ("bytes=1-", range(1, 9)),
            ("bytes=-1", range(9, 9)),
            ("bytes=5-99", range(5, 9)),
            ("bytes=10-", Answer::Unsatisfiable { of: 10 }),
            ("bytes=0-0,2-3", Answer::Whole),
            ("x=0-0", Answer::Whole),
        ] {
            assert_eq!(answered(&whole, &[("range", given)]), expected, "{given}");
        }
        let request = of(&[("range", "bytes=0-1")]);
        assert_eq!(answer(&whole, &Method::HEAD, &request, Some(10)), Answer::Whole);
        assert_eq!(answer(&whole, &Method::GET, &request, None), Answer::Whole);
        let missing = Entry { status: StatusCode::NOT_FOUND, ..entry(&[]) };
        assert_eq!(answered(&missing, &[("range", "bytes=0-1")]), Answer::Whole);
        // §13.2.2: first whether it is needed, then which part.
        assert_eq!(answered(&whole, &[("range", "bytes=0-1"), ("if-none-match", "\"a\"")]), Answer::NotModified);
        let part = Entry { part: Some(Part { first: 4, last: 9, of: 12 }), ..entry(&[]) };
        let answered = answer(&part, &Method::GET, &of(&[("range", "bytes=6-7")]), Some(6));
        assert_eq!(answered, Answer::Range { first: 6, last: 7, of: 12, offset: 2 });
    }

    /// RFC 9110 §13.1.5, §8.8.2.2.
    #[test]
    fn a_part_on_a_condition_is_sent_if_it_holds() {
        let later = ("date", "Sun, 06 Nov 1994 08:49:38 GMT");
        let at_once = ("date", MODIFIED);
        for (headers, given, expected) in [
            (&[("etag", "\"a\"")][..], "\"a\"", true),
            (&[("etag", "\"a\"")], "\"b\"", false),
            (&[("etag", "\"a\"")], "W/\"a\"", false),
            (&[("etag", "W/\"a\"")], "W/\"a\"", false),
            (&[], "\"a\"", false),
            (&[("last-modified", MODIFIED), later], MODIFIED, true),
            (&[("last-modified", MODIFIED), at_once], MODIFIED, false),
            (&[("last-modified", MODIFIED)], MODIFIED, false),
            (&[("last-modified", MODIFIED), later], "Sun, 06 Nov 1994 09:49:37 GMT", false),
            (&[later], "foo", false),
        ] {
            let expected = if expected { range(0, 1) } else { Answer::Whole };
            let request = [("range", "bytes=0-1"), ("if-range", given)];
            assert_eq!(answered(&entry(headers), &request), expected, "{headers:?} {given}");
        }
    }

    /// RFC 9110 §15.3.7, §15.4.5, §15.5.17; RFC 9111 §5.1.
    #[test]
    fn the_fields_fit_the_answer() {
        let stored = [
            ("date", MODIFIED),
            ("etag", "\"a\""),
            ("last-modified", MODIFIED),
            ("content-type", "text/plain"),
            ("content-length", "10"),
            ("content-encoding", "gzip"),
            ("content-location", "/x"),
            ("vary", "foo"),
            ("x", "1"),
        ];
        let entry = Entry { initial_age: Duration::from_millis(2500), ..entry(&stored) };
        let told = |answer: Answer| {
            let now = entry.received.saturating_add(Duration::from_secs(30));
            fields(&entry, &answer, now, of(&[("cookie", "a=b"), ("x", "0")]))
        };
        let without = |names: &[&str], more: &[(&str, &str)]| {
            of(&stored.iter().filter(|(name, _)| !names.contains(name)).chain(more).copied().collect::<Vec<_>>())
        };
        assert_eq!(told(Answer::Whole), without(&[], &[("age", "32")]));
        assert_eq!(
            told(Answer::NotModified),
            without(&["content-type", "content-length", "content-encoding", "last-modified"], &[("age", "32")])
        );
        assert_eq!(
            told(range(2, 5)),
            without(&["content-length"], &[("age", "32"), ("content-range", "bytes 2-5/10"), ("content-length", "4")])
        );
        let unsatisfiable = told(Answer::Unsatisfiable { of: 10 });
        assert_eq!(
            (&unsatisfiable[CONTENT_RANGE], &unsatisfiable[CONTENT_LENGTH]),
            (&"bytes */10".parse().unwrap(), &"0".parse().unwrap())
        );
        assert!(!unsatisfiable.contains_key(CONTENT_TYPE));
        let statuses = [Answer::Whole, Answer::NotModified, range(2, 5), Answer::Unsatisfiable { of: 10 }];
        assert_eq!(statuses.map(|answer| answer.status(&entry).as_u16()), [200, 304, 206, 416]);
    }
}

//! Which responses are stored (RFC 9111 §3).

use http::header::{AGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, LAST_MODIFIED, SET_COOKIE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::asked::Asked;
use super::directives::{Qualified, ResponseDirectives, list};
use super::entry::Entry;
use super::freshness::{self, Source};
use super::invalidation::{self, Target};
use super::range::Part;
use super::rules::Rules;
use super::vary;
use crate::http::{date, hop_by_hop};
use crate::time::Timestamp;

/// The tags of a response, between commas.
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// The tags of a response, between spaces.
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// An older way of setting cookies (RFC 2965).
const SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");

/// The most tags of a response.
const MOST_TAGS: usize = 128;

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// The method is another than `GET`.
    Method,
    /// Either side forbids it (RFC 9111 §5.2.1.5, §5.2.2.5).
    NoStore,
    /// It is for one caller (§5.2.2.7).
    Private,
    /// The request had an `Authorization`, and the response does not open it to others (§3.5).
    Authorized,
    /// It varies by what no cache can see (§4.1).
    VaryAny,
    /// It depends on a status that is not understood (§5.2.2.3).
    StatusNotUnderstood,
    /// The policy does not store its status.
    Status,
    /// It is stale from the beginning, and nothing could confirm it.
    NoFreshness,
    /// It says that it is confirmed each time (§5.2.2.4), and nothing could confirm it.
    NoCache,
    /// It is longer than the policy allows.
    TooLarge,
    /// It is a part (§3.3).
    Partial,
    /// The request had cookies, and the response does not say for how long it is fresh.
    Cookie,
    /// It sets a cookie, and does not say that it is for everyone.
    SetCookie,
    /// Its content ends with the connection: nobody knows whether it is whole (RFC 9112 §8).
    Unframed,
}

impl NotStored {
    /// The word for it, in `Cache-Status` and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorized => "authorization",
            Self::VaryAny => "vary-any",
            Self::StatusNotUnderstood => "status-not-understood",
            Self::Status => "status",
            Self::NoFreshness => "no-freshness",
            Self::NoCache => "no-cache",
            Self::TooLarge => "too-large",
            Self::Partial => "partial",
            Self::Cookie => "cookie",
            Self::SetCookie => "set-cookie",
            Self::Unframed => "unframed",
        }
    }
}

/// Makes an entry of a response, where it may be stored. The `times` are those at which the request was sent and the response's head
/// received.
///
/// # Errors
/// The reason why it may not be stored.
pub fn store(
    rules: &Rules,
    asked: &Asked,
    request: (&Method, &HeaderMap),
    response: (StatusCode, &HeaderMap),
    times: (Timestamp, Timestamp),
) -> Result<Entry, NotStored> {
    if request.0 != Method::GET {
        return Err(NotStored::Method);
    }
    entry(rules, asked, request.1, response, times).map(|(entry, _)| entry)
}

/// Makes an entry of the response to a `POST`, for requests by `GET`: where it says how long it is fresh, and that it is what a `GET` of the
/// same `target` would bring (RFC 9110 §9.3.3).
///
/// # Errors
/// The reason why it may not be stored.
pub fn store_post(
    rules: &Rules,
    asked: &Asked,
    target: Target<'_>,
    request: (&Method, &HeaderMap),
    response: (StatusCode, &HeaderMap),
    times: (Timestamp, Timestamp),
) -> Result<Entry, NotStored> {
    if request.0 != Method::POST || !invalidation::is_representation_of(target, response) {
        return Err(NotStored::Method);
    }
    match entry(rules, asked, request.1, response, times)? {
        (entry, true) => Ok(entry),
        (_, false) => Err(NotStored::NoFreshness),
    }
}

/// The entry, and whether the response itself says how long it is fresh.
fn entry(
    rules: &Rules,
    asked: &Asked,
    request: &HeaderMap,
    (status, headers): (StatusCode, &HeaderMap),
    times: (Timestamp, Timestamp),
) -> Result<(Entry, bool), NotStored> {
    let directives = ResponseDirectives::of(headers, &rules.targeted);
    may_store(rules, asked, status, headers, &directives)?;
    let part = if status == StatusCode::PARTIAL_CONTENT { Some(part(headers)?) } else { None };
    let varies = vary::varies(headers, request).ok_or(NotStored::VaryAny)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| length > rules.most_bytes) {
        return Err(NotStored::TooLarge);
    }

    let (_, received) = times;
    let lifetime = freshness::lifetime(rules, &directives, status, headers, received);
    // RFC 9111 §3.5 opens such a response to others because it is validated, or as fresh as it says itself: not for a time of the policy's.
    if asked.authorized && !rules.per_caller && !directives.public && lifetime.source == Source::Rules {
        return Err(NotStored::Authorized);
    }
    let is_as_stated = lifetime.source == Source::Response && !lifetime.time.is_zero();
    let says_no_cache = directives.no_cache == Qualified::Yes;
    if rules.only_as_stated && (!is_as_stated || says_no_cache) {
        return Err(NotStored::Cookie);
    }
    let strict = directives.must_revalidate || directives.proxy_revalidate;
    let entry = Entry {
        status,
        headers: stored_fields(headers, &directives, received),
        received,
        initial_age: freshness::initial_age(headers, times),
        lifetime: lifetime.time,
        // `s-maxage` alone rules out what the policy adds (RFC 9111 §5.2.2.10), but not what the response states beside it: else the two
        // could not be said together, which frameworks do.
        stale_while_revalidate: directives.stale_while_revalidate.filter(|_| !strict),
        stale_if_error: directives.stale_if_error.filter(|_| !strict),
        // What was asked for with cookies is served stale to nobody by the policy, nor because they ask for it.
        must_revalidate: strict || directives.s_maxage.is_some() || rules.only_as_stated,
        no_cache: says_no_cache && rules.forced_ttl.is_none(),
        immutable: directives.immutable,
        is_heuristic: lifetime.source == Source::Heuristic,
        is_for_once: false,
        language: vary::language(&varies, headers),
        varies,
        tags: tags(headers),
        length,
        part,
        modified: freshness::time_of(headers, &LAST_MODIFIED, received)
            .or_else(|| freshness::time_of(headers, &DATE, received))
            .unwrap_or(received),
    };

    // RFC 9111 §3: something has to say that it can be stored. And it has to be of use.
    let is_explicit = matches!(lifetime.source, Source::Response | Source::Rules);
    let may_be_stored = is_explicit || directives.public || freshness::is_heuristic(status);
    if !may_be_stored || entry.keep_for(received, rules).is_zero() {
        return Err(if entry.no_cache { NotStored::NoCache } else { NotStored::NoFreshness });
    }
    Ok((entry, lifetime.source == Source::Response))
}

/// RFC 9111 §3, §3.5.
fn may_store(
    rules: &Rules,
    asked: &Asked,
    status: StatusCode,
    headers: &HeaderMap,
    directives: &ResponseDirectives,
) -> Result<(), NotStored> {
    if asked.directives.no_store {
        return Err(NotStored::NoStore);
    }
    // What a precondition or a range brought about says nothing to others, whose requests have none.
    let is_of_fields = matches!(
        status,
        StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::EXPECTATION_FAILED
    );
    let is_of_range = asked.has_range && !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    if status.is_informational()
        || status == StatusCode::NOT_MODIFIED
        || is_of_fields
        || is_of_range
        || asked.is_for_origin
        || rules.statuses.as_ref().is_some_and(|stored| !stored.iter().any(|statuses| statuses.contain(status)))
        || rules.status_ttl(status).is_some_and(|ttl| ttl.is_zero())
    {
        return Err(NotStored::Status);
    }
    if directives.must_understand && !is_understood(status) {
        return Err(NotStored::StatusNotUnderstood);
    }
    // §5.2.2.3: who understands the status ignores `no-store` beside `must-understand`.
    if directives.no_store && !directives.must_understand {
        return Err(NotStored::NoStore);
    }
    if rules.per_caller {
        return Ok(());
    }
    if directives.private == Qualified::Yes {
        return Err(NotStored::Private);
    }
    let is_open = directives.public || directives.must_revalidate || directives.s_maxage.is_some();
    if asked.authorized && !is_open {
        return Err(NotStored::Authorized);
    }
    // §7.3: nothing forbids to store cookies, and they are meant for one client nearly always.
    let sets_cookie = [&SET_COOKIE, &SET_COOKIE2].into_iter().any(|name| {
        let is_left_out = [&directives.no_cache, &directives.private].into_iter().any(|of| of.fields().contains(name));
        headers.contains_key(name) && !is_left_out
    });
    if sets_cookie && !directives.public && !rules.cookies {
        return Err(NotStored::SetCookie);
    }
    Ok(())
}

/// The part that a 206 brings (§3.3). Several parts in one content, and those of a whole of unknown length, are not stored.
fn part(headers: &HeaderMap) -> Result<Part, NotStored> {
    let is_several = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().get(..20).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/byteranges"))
    });
    Part::of(headers).filter(|_| !is_several).ok_or(NotStored::Partial)
}

/// The statuses whose caching is understood: those that RFC 9110 §15 defines, but for 206 and 304, which are not stored as they are.
const fn is_understood(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=206 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505)
}

/// The fields that are stored (§3.1): without those of the connection, and without those that may not be used again unseen.
fn stored_fields(headers: &HeaderMap, directives: &ResponseDirectives, received: Timestamp) -> HeaderMap {
    let mut stored = headers.clone();
    hop_by_hop::strip_response(&mut stored);
    for name in directives.no_cache.fields().iter().chain(directives.private.fields()) {
        stored.remove(name);
    }
    // Trailers are not stored. The age is told anew each time; its place is made here, so that a hit does not have to grow the fields.
    stored.remove(TRAILER);
    stored.insert(AGE, HeaderValue::from_static("0"));
    // RFC 9110 §6.6.1.
    if !stored.contains_key(DATE)
        && let Ok(date) = HeaderValue::try_from(date::written(received))
    {
        stored.insert(DATE, date);
    }
    stored
}

/// The tags by which the response can be purged, each once.
fn tags(headers: &HeaderMap) -> Box<[Box<str>]> {
    let of_keys = headers.get_all(SURROGATE_KEY).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b' '));
    let mut tags: Vec<Box<str>> = Vec::new();
    for tag in list(headers.get_all(CACHE_TAG).iter()).chain(of_keys) {
        if let Ok(tag) = core::str::from_utf8(tag)
            && !tag.is_empty()
            && tags.len() < MOST_TAGS
            && !tags.iter().any(|known| **known == *tag)
        {
            tags.push(tag.into());
        }
    }
    tags.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::cache::rules::Statuses;
    use crate::http::testing::fields;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: Timestamp = Timestamp::from_unix_millis(784_111_777_000);
    const FRESH: (&str, &str) = ("cache-control", "max-age=60");

    fn stored(
        rules: &Rules,
        request: &[(&str, &str)],
        status: u16,
        headers: &[(&str, &str)],
    ) -> Result<Entry, NotStored> {
        let request = fields(request);
        let asked = Asked::of(&Method::GET, &request);
        let status = StatusCode::from_u16(status).unwrap();
        store(rules, &asked, (&Method::GET, &request), (status, &fields(headers)), (NOW, NOW))
    }

    fn refused(request: &[(&str, &str)], status: u16, headers: &[(&str, &str)]) -> Option<NotStored> {
        stored(&Rules::default(), request, status, headers).err()
    }

    /// RFC 9111 §3, §5.2.1.5, §5.2.2.3, §5.2.2.5, §5.2.2.7, §4.1.
    #[test]
    fn what_may_not_be_stored_says_why() {
        for (request, status, headers, expected) in [
            (&[][..], 200, &[FRESH][..], None),
            (&[("cache-control", "no-store")], 200, &[FRESH], Some(NotStored::NoStore)),
            (&[], 200, &[("cache-control", "max-age=60, No-Store")], Some(NotStored::NoStore)),
            (&[], 200, &[("cache-control", "max-age=60, no-store, must-understand")], None),
            (
                &[],
                599,
                &[("cache-control", "max-age=60, no-store, must-understand")],
                Some(NotStored::StatusNotUnderstood),
            ),
            (&[], 599, &[("cache-control", "max-age=60, must-understand")], Some(NotStored::StatusNotUnderstood)),
            (&[], 200, &[("cache-control", "max-age=60, private")], Some(NotStored::Private)),
            (&[], 200, &[("cache-control", "max-age=60, private=\"a\"")], None),
            (&[], 200, &[FRESH, ("vary", "*")], Some(NotStored::VaryAny)),
            (&[], 200, &[], Some(NotStored::NoFreshness)),
            (&[], 200, &[("cache-control", "max-age=0")], Some(NotStored::NoFreshness)),
            (&[], 200, &[FRESH, ("age", "60")], Some(NotStored::NoFreshness)),
            (&[], 200, &[("cache-control", "max-age=60, no-cache")], Some(NotStored::NoCache)),
            // What can be validated, or used in place of an error, is of use.
            (&[], 200, &[("etag", "\"a\"")], None),
            (&[], 200, &[("cache-control", "no-cache"), ("etag", "\"a\"")], None),
            (&[], 200, &[("cache-control", "max-age=0, stale-if-error=60")], None),
            (&[], 403, &[("etag", "\"a\"")], Some(NotStored::NoFreshness)),
            (&[], 403, &[("etag", "\"a\""), ("cache-control", "public")], None),
            (&[], 304, &[FRESH], Some(NotStored::Status)),
            (&[], 101, &[FRESH], Some(NotStored::Status)),
            (&[], 200, &[FRESH, ("content-length", "1048576")], None),
            (&[], 200, &[FRESH, ("content-length", "1048577")], Some(NotStored::TooLarge)),
            (&[], 206, &[FRESH, ("content-range", "bytes 4-9/10")], None),
            (&[], 206, &[FRESH, ("content-range", "bytes 4-9/*")], Some(NotStored::Partial)),
            (&[], 206, &[FRESH], Some(NotStored::Partial)),
            (
                &[],
                206,
                &[FRESH, ("content-range", "bytes 4-9/10"), ("content-type", "Multipart/ByteRanges; boundary=a")],
                Some(NotStored::Partial),
            ),
        ] {
            assert_eq!(refused(request, status, headers), expected, "{request:?} {status} {headers:?}");
        }
        for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599] {
            assert_eq!(refused(&[], status, &[FRESH]), None, "{status}");
        }
    }

    #[test]
    fn only_get_is_stored() {
        for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
            let refused = store(
                &Rules::default(),
                &Asked::default(),
                (&method, &fields(&[])),
                (StatusCode::OK, &fields(&[FRESH])),
                (NOW, NOW),
            );
            assert_eq!(refused, Err(NotStored::Method), "{method}");
        }
    }

    /// RFC 9110 §9.3.3.
    #[test]
    fn an_answer_to_post_is_stored_if_it_says_so() {
        let target = Target { scheme: "http", authority: "a.example", path: "/x", query: None };
        let stored = |method: Method, headers: &[(&str, &str)]| {
            let response = (StatusCode::OK, &fields(headers));
            store_post(&Rules::default(), &Asked::default(), target, (&method, &fields(&[])), response, (NOW, NOW))
                .err()
        };
        let here = ("content-location", "/x");
        assert_eq!(stored(Method::POST, &[FRESH, here]), None);
        assert_eq!(stored(Method::POST, &[FRESH]), Some(NotStored::Method));
        assert_eq!(stored(Method::POST, &[FRESH, ("content-location", "/y")]), Some(NotStored::Method));
        assert_eq!(stored(Method::PUT, &[FRESH, here]), Some(NotStored::Method));
        let guessed = [here, ("last-modified", "Sun, 06 Nov 1984 08:49:37 GMT")];
        assert_eq!(stored(Method::POST, &guessed), Some(NotStored::NoFreshness));
    }

    /// RFC 9111 §3.5.
    #[test]
    fn what_came_to_credentials_is_stored_if_it_is_open() {
        let request = [("authorization", "Basic eA==")];
        for (directives, expected) in [
            ("max-age=60", Some(NotStored::Authorized)),
            ("max-age=60, proxy-revalidate", Some(NotStored::Authorized)),
            ("max-age=60, public", None),
            ("max-age=60, must-revalidate", None),
            ("s-maxage=60", None),
        ] {
            assert_eq!(refused(&request, 200, &[("cache-control", directives)]), expected, "{directives}");
        }
        let own = Rules { per_caller: true, ..Rules::default() };
        for headers in [FRESH, ("cache-control", "private, max-age=60")] {
            assert_eq!(stored(&own, &request, 200, &[headers]).err(), None);
        }
        assert_eq!(stored(&own, &request, 200, &[("cache-control", "no-store")]), Err(NotStored::NoStore));
    }

    /// RFC 9111 §7.3, §5.2.2.4.
    #[test]
    fn cookies_are_stored_only_where_somebody_says_so() {
        let cookie = ("set-cookie", "a=b");
        let with = |rules: &Rules, directives| stored(rules, &[], 200, &[("cache-control", directives), cookie]);
        let rules = Rules::default();
        assert_eq!(with(&rules, "max-age=60"), Err(NotStored::SetCookie));
        assert_eq!(refused(&[], 200, &[FRESH, ("set-cookie2", "a=b")]), Some(NotStored::SetCookie));
        assert!(with(&rules, "max-age=60, public").unwrap().headers.contains_key(SET_COOKIE));
        for limited in ["max-age=60, no-cache=\"set-cookie\"", "max-age=60, private=\"Set-Cookie\""] {
            assert!(!with(&rules, limited).unwrap().headers.contains_key(SET_COOKIE), "{limited}");
        }
        assert!(with(&Rules { cookies: true, ..Rules::default() }, "max-age=60").is_ok());
        assert!(with(&Rules { per_caller: true, ..Rules::default() }, "max-age=60").is_ok());
    }

    #[test]
    fn rules_bound_what_is_stored() {
        let statuses: Option<Box<[Statuses]>> = Some(Box::new([Statuses::One(200), Statuses::Class(4)]));
        let rules = Rules { statuses, forced_ttl: Some(Duration::from_secs(9)), ..Rules::default() };
        assert_eq!(stored(&rules, &[], 301, &[FRESH]), Err(NotStored::Status));
        let entry = stored(&rules, &[], 404, &[("cache-control", "no-cache, max-age=60")]).unwrap();
        assert_eq!((entry.lifetime, entry.no_cache), (Duration::from_secs(9), false));
        for (headers, expected) in
            [(("cache-control", "no-store"), NotStored::NoStore), (("cache-control", "private"), NotStored::Private)]
        {
            assert_eq!(stored(&rules, &[], 200, &[headers]), Err(expected));
        }
        assert_eq!(stored(&rules, &[("authorization", "x")], 200, &[FRESH]), Err(NotStored::Authorized));
        let long = [("content-length", "10"), FRESH];
        assert_eq!(stored(&Rules { most_bytes: 9, ..Rules::default() }, &[], 200, &long), Err(NotStored::TooLarge));
    }

    /// RFC 9111 §3.1, §5.2.2.4; RFC 9110 §6.6.1, §7.6.1.
    #[test]
    fn fields_of_the_connection_and_those_that_are_ruled_out_are_not_stored() {
        let entry = stored(
            &Rules::default(),
            &[],
            200,
            &[
                ("cache-control", "no-cache=\"a, b\""),
                FRESH,
                ("a", "1"),
                ("b", "1"),
                ("c", "1"),
                ("d", "1"),
                ("connection", "d"),
                ("keep-alive", "x"),
                ("te", "x"),
                ("upgrade", "x"),
                ("proxy-authenticate", "x"),
                ("proxy-authentication-info", "x"),
                ("proxy-authorization", "x"),
                ("proxy-connection", "x"),
                ("trailer", "x"),
                ("age", "1"),
                ("content-range", "x"),
                ("expires", "x"),
            ],
        );
        let entry = entry.unwrap();
        let mut names: Vec<&str> = entry.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["age", "c", "cache-control", "content-range", "date", "expires"]);
        assert_eq!(entry.headers[DATE], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(entry.initial_age, Duration::from_secs(1));
        assert!(!entry.no_cache);
    }

    #[test]
    fn an_entry_has_what_its_use_takes() {
        let entry = stored(
            &Rules::default(),
            &[("accept-language", "De, en")],
            200,
            &[
                ("cache-control", "s-maxage=60, stale-while-revalidate=5, stale-if-error=7, immutable"),
                ("vary", "Accept-Language"),
                ("content-language", "DE"),
                ("cache-tag", "a,b , c"),
                ("surrogate-key", "c d  e"),
                ("content-length", "12"),
                ("last-modified", "Sun, 06 Nov 1994 08:49:00 GMT"),
            ],
        );
        let entry = entry.unwrap();
        assert_eq!(entry.lifetime, Duration::from_secs(60));
        assert_eq!(entry.stale_while_revalidate, Some(Duration::from_secs(5)));
        assert_eq!(entry.stale_if_error, Some(Duration::from_secs(7)));
        assert!(entry.must_revalidate && entry.immutable && !entry.is_heuristic);
        assert_eq!(&*entry.varies, [("accept-language".parse().unwrap(), Some(Box::from(&b"de,en"[..])))]);
        assert_eq!(entry.language.as_deref(), Some("de"));
        assert_eq!(&*entry.tags, ["a", "b", "c", "d", "e"].map(Box::from));
        assert_eq!(entry.length, Some(12));
        assert_eq!(entry.modified.unix_millis(), 784_111_740_000);
        // What says that it must not be used stale is stronger than what says for how long it may be.
        let strict = [("cache-control", "max-age=60, stale-while-revalidate=5, stale-if-error=7, must-revalidate")];
        let strict = stored(&Rules::default(), &[], 200, &strict).unwrap();
        assert_eq!((strict.stale_while_revalidate, strict.stale_if_error), (None, None));
    }
}

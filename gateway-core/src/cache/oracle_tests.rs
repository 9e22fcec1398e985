//! The crate `http-cache-semantics` as an oracle: random exchanges, the same decisions. Where the two differ, [`KNOWN`] says why.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::asked::Asked;
use super::choosing::{Choice, choose};
use super::rules::Rules;
use super::storing::{NotStored, store};
use super::vary;
use crate::http::date;
use crate::http::testing::fields;
use crate::time::Timestamp;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const NOW: Timestamp = Timestamp::from_unix_millis(784_111_777_000);

/// An exchange that is stored, and a request after it.
#[derive(Clone, Debug)]
struct Case {
    first: Vec<(&'static str, String)>,
    status: u16,
    response: Vec<(&'static str, String)>,
    second: Vec<(&'static str, String)>,
    /// Seconds between the response and the second request.
    after: u64,
}

impl Case {
    /// The time of the second request. The crate refuses what has been stale for just the seconds of `max-stale` (§5.2.1.2 does not), so
    /// that no request with it comes at a full second.
    fn later(&self) -> Timestamp {
        let part = if Self::says(&self.second, "cache-control", "max-stale") { 500 } else { 0 };
        NOW.saturating_add(Duration::from_millis(self.after * 1000 + part))
    }

    fn says(fields: &[(&str, String)], name: &str, text: &str) -> bool {
        fields.iter().any(|(field, value)| *field == name && value.contains(text))
    }

    fn response_says(&self, text: &str) -> bool {
        Self::says(&self.response, "cache-control", text)
    }

    fn has(&self, name: &str) -> bool {
        self.response.iter().any(|(field, _)| *field == name)
    }
}

/// A way in which the two differ.
type Known = (&'static str, fn(&Case) -> bool);

/// The ways in which the two differ, and whether a case has to do with one of them.
const KNOWN: [Known; 13] = [
    ("it stores 14 statuses alone; RFC 9111 §3 asks to understand a status for `must-understand` alone", |case| {
        ![200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501].contains(&case.status)
    }),
    ("it does not know `must-understand` (§5.2.2.3)", |case| case.response_says("must-understand")),
    ("it takes no account of `Date` for the age (§4.2.3)", |case| {
        case.response.iter().any(|(name, value)| *name == "date" && *value != date::written(NOW))
    }),
    ("it never uses a response with `proxy-revalidate`; that is about stale ones (§5.2.2.8)", |case| {
        case.response_says("proxy-revalidate")
    }),
    ("it gives `immutable` a lifetime of a day; RFC 8246 §2 gives none, and is about reloads", |case| {
        case.response_says("immutable")
    }),
    ("it reads `Pragma` in responses, which means nothing there (RFC 9111 §5.4)", |case| case.has("pragma")),
    ("it reads `Pragma` in requests beside `Cache-Control` (§5.4)", |case| {
        Case::says(&case.second, "pragma", "") && Case::says(&case.second, "cache-control", "")
    }),
    ("it serves what is stored to a request with `no-store`; here such a request goes on", |case| {
        Case::says(&case.second, "cache-control", "no-store")
    }),
    ("it lets `max-stale` overrule `no-cache` and `s-maxage` (§4.2.4)", |case| {
        Case::says(&case.second, "cache-control", "max-stale")
            && (case.response_says("no-cache") || case.response_says("s-maxage"))
    }),
    ("it limits `private` and `no-cache` to no fields (§5.2.2.4, §5.2.2.7)", |case| case.response_says("=\"")),
    ("it ignores an `Age` that is a list; §5.1 has the first member count", |case| {
        Case::says(&case.response, "age", ",")
    }),
    ("it bounds no time; the longest is 2^31 s here (§1.2.2)", |case| case.response_says("99999999999")),
    ("it gives months for a modification of years ago; a day is the most here", |case| {
        Case::says(&case.response, "last-modified", "1984")
    }),
];

fn header_map(list: &[(&'static str, String)]) -> HeaderMap {
    fields(&list.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.unix_millis())
}

/// A date so many seconds from now.
fn at(seconds: i64) -> String {
    date::written(Timestamp::from_unix_millis(NOW.unix_millis().saturating_add_signed(seconds * 1000)))
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![select(vec![0, 1, 59, 60, 61, 3600, 99_999_999_999]), 0_u64..200]
}

fn response_directive() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => seconds().prop_map(|seconds| format!("max-age={seconds}")),
        2 => seconds().prop_map(|seconds| format!("s-maxage={seconds}")),
        1 => select(vec!["max-age=x", "max-age=-5", "max-age=5.0", "no-cache=\"a\"", "private=\"a\"", "no-store, must-understand"])
            .prop_map(str::to_owned),
        2 => Just("public".to_owned()),
        3 => select(vec!["public", "private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate", "immutable", "foo", "x=y"])
            .prop_map(str::to_owned),
        1 => seconds().prop_map(|seconds| format!("stale-while-revalidate={seconds}")),
    ]
}

/// A directive comes once: two of a kind with other values count in other ways.
fn joined(directives: Vec<String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for directive in directives {
        let name = |directive: &str| directive.split('=').next().unwrap_or_default().to_owned();
        if !once.iter().any(|known| name(known) == name(&directive)) {
            once.push(directive);
        }
    }
    once.join(", ")
}

fn request_directive() -> impl Strategy<Value = String> {
    prop_oneof![
        seconds().prop_map(|seconds| format!("max-age={seconds}")),
        // Of 0, the crate makes nothing.
        seconds().prop_map(|seconds| format!("min-fresh={}", seconds + 1)),
        seconds().prop_map(|seconds| format!("max-stale={seconds}")),
        select(vec!["max-stale", "no-cache", "no-store", "foo"]).prop_map(str::to_owned),
    ]
}

fn field(
    name: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = Option<(&'static str, String)>> {
    option::of(value.prop_map(move |value| (name, value)))
}

/// A field that comes in one of ten cases, so that most have nothing to do with it.
fn seldom(name: &'static str, value: &'static str) -> impl Strategy<Value = Option<(&'static str, String)>> {
    option::weighted(0.1, Just((name, value.to_owned())))
}

fn words(words: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    select(words.to_vec()).prop_map(str::to_owned)
}

fn request(directives: impl Strategy<Value = Vec<String>>) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let cache_control = directives.prop_map(|directives| {
        let line = joined(directives);
        (!line.is_empty()).then_some(("cache-control", line))
    });
    let rest = (
        field("pragma", words(&["no-cache", "foo"])),
        field("authorization", words(&["x"])),
        field("foo", words(&["1", "2"])),
    );
    (cache_control, rest).prop_map(|(directives, (pragma, authorization, foo))| {
        [directives, pragma, authorization, foo].into_iter().flatten().collect()
    })
}

fn response() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let directives = vec(response_directive(), 0..4).prop_map(|directives| {
        let line = joined(directives);
        (!line.is_empty()).then_some(("cache-control", line))
    });
    let times = (
        field("date", prop_oneof![8 => Just(at(0)), 1 => Just(at(-30)), 1 => Just("foo".to_owned())]),
        field("expires", prop_oneof![4 => (-100_i64..200).prop_map(at), 1 => words(&["0"])]),
        field(
            "last-modified",
            prop_oneof![5 => (-5000_i64..100).prop_map(at), 1 => Just("Tue, 06 Nov 1984 08:49:37 GMT".to_owned())],
        ),
        field("age", prop_oneof![3 => (0_u64..100).prop_map(|age| age.to_string()), 1 => words(&["x", "30, 5", "-1"])]),
    );
    let rest = (
        field("etag", words(&["\"a\"", "W/\"a\""])),
        field("vary", words(&["foo", "Foo, bar"])),
        seldom("vary", "*"),
        seldom("set-cookie", "a=b"),
        seldom("pragma", "no-cache"),
    );
    (directives, times, rest).prop_map(
        |(directives, (date, expires, modified, age), (etag, vary, any, cookie, pragma))| {
            [directives, date, expires, modified, age, etag, vary, any, cookie, pragma].into_iter().flatten().collect()
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let first = request(vec(words(&["no-store", "foo", "foo", "foo", "foo"]), 0..2));
    let second = request(vec(request_directive(), 0..3));
    let status = prop_oneof![4 => Just(200), 3 => select(vec![203, 204, 301, 302, 307, 404, 410, 501]), 1 => select(vec![201, 403, 500, 599])];
    (first, status, response(), second, prop_oneof![0_u64..20, 0_u64..250])
        .prop_map(|(first, status, response, second, after)| Case { first, status, response, second, after })
}

/// What is decided of a case.
#[derive(Debug, PartialEq, Eq)]
enum Decided {
    /// It is not stored, or of no use.
    NotStored,
    /// It is stored; the age and the lifetime, in seconds, and whether the request is answered from it.
    Stored(u64, u64, bool),
}

fn ours(case: &Case) -> Decided {
    let first = header_map(&case.first);
    let asked = Asked::of(&Method::GET, &first);
    let response = header_map(&case.response);
    let status = StatusCode::from_u16(case.status).unwrap();
    let entry = match store(&Rules::default(), &asked, (&Method::GET, &first), (status, &response), (NOW, NOW)) {
        Ok(entry) => entry,
        Err(NotStored::Method | NotStored::TooLarge | NotStored::Partial | NotStored::Status) => panic!("{case:?}"),
        Err(_) => return Decided::NotStored,
    };
    let now = case.later();
    let second = header_map(&case.second);
    let is_answer = vary::matches(&entry, &second)
        && choose(&Rules::default(), &Asked::of(&Method::GET, &second), &entry, now) == Choice::Fresh;
    let lifetime = if entry.no_cache { Duration::ZERO } else { entry.lifetime };
    Decided::Stored(entry.age(now).as_secs(), lifetime.saturating_sub(entry.age(now)).as_secs(), is_answer)
}

fn theirs(case: &Case) -> Decided {
    let request = |fields: &[(&'static str, String)]| {
        let mut request = Request::new(());
        *request.headers_mut() = header_map(fields);
        request
    };
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(case.status).unwrap();
    *response.headers_mut() = header_map(&case.response);
    let policy = CachePolicy::new_options(&request(&case.first), &response, system_time(NOW), CacheOptions::default());
    let now = case.later();
    // What is stale at once and can't be validated is not stored here, nor what no request gets.
    let has_validator = case.has("etag") || case.has("last-modified");
    let is_of_use = has_validator || !policy.is_stale(system_time(NOW)) || is_used_stale(case);
    let takes_anything = Case::says(&case.response, "vary", "*");
    let sets_cookie = case.has("set-cookie") && !case.response_says("public");
    if !policy.is_storable() || !is_of_use || takes_anything || sets_cookie {
        return Decided::NotStored;
    }
    let is_answer = matches!(policy.before_request(&request(&case.second), system_time(now)), BeforeRequest::Fresh(_));
    Decided::Stored(policy.age(system_time(now)).as_secs(), policy.time_to_live(system_time(now)).as_secs(), is_answer)
}

/// RFC 5861, which the crate does not know: what is stale at once may be of use for its own time.
fn is_used_stale(case: &Case) -> bool {
    let first = header_map(&[]);
    let status = StatusCode::from_u16(case.status).unwrap();
    let response = header_map(&case.response);
    store(&Rules::default(), &Asked::default(), (&Method::GET, &first), (status, &response), (NOW, NOW))
        .is_ok_and(|entry| entry.stale_while_revalidate.is_some())
}

#[test]
fn the_two_agree_but_for_what_is_known() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = case();
    let mut seen = [0_u32; KNOWN.len()];
    let (mut compared, mut answered, mut not_stored) = (0, 0, 0);
    for _ in 0..8_000 {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let mut known = KNOWN.iter().zip(&mut seen).filter(|((_, is_about), _)| is_about(&case)).map(|(_, seen)| seen);
        if let Some(seen) = known.next() {
            // A case counts for one difference if it has to do with no other.
            if known.next().is_none() && ours(&case) != theirs(&case) {
                *seen += 1;
            }
            continue;
        }
        let decided = ours(&case);
        assert_eq!(decided, theirs(&case), "{case:#?}");
        compared += 1;
        match decided {
            Decided::Stored(_, _, true) => answered += 1,
            Decided::NotStored => not_stored += 1,
            Decided::Stored(..) => {}
        }
    }
    // Nothing is excused that does not happen, and enough is compared.
    for ((difference, _), seen) in KNOWN.iter().zip(seen) {
        assert!(seen > 0, "{difference}");
    }
    assert!(compared > 2000 && answered > 200 && not_stored > 1000, "{compared} {answered} {not_stored}");
}

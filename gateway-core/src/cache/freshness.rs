//! How long a response is fresh (RFC 9111 §4.2.1, §4.2.2), and how old it comes (§4.2.3).

use core::time::Duration;

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};

use super::directives::{self, ResponseDirectives};
use super::rules::Rules;
use crate::http::date;
use crate::time::Timestamp;

/// The longest heuristic lifetime.
const LONGEST_HEURISTIC: Duration = Duration::from_secs(24 * 60 * 60);

/// The share of the time since the last modification that a response without a lifetime is fresh for (§4.2.2).
const SHARE: u64 = 10;

/// How long a response is fresh, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The time.
    pub time: Duration,
    /// What says so.
    pub source: Source,
}

/// What says how long a response is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The response.
    Response,
    /// The policy.
    Rules,
    /// Its last modification.
    Heuristic,
    /// Nothing.
    Nothing,
}

/// The time of the field called `name`, the first if there are several (§4.2.1).
#[must_use]
pub fn time_of(headers: &HeaderMap, name: &HeaderName, now: Timestamp) -> Option<Timestamp> {
    date::read(headers.get(name)?.as_bytes(), now)
}

/// The lifetime of a response that was `received` at this time.
#[must_use]
pub fn lifetime(
    rules: &Rules,
    directives: &ResponseDirectives,
    status: StatusCode,
    headers: &HeaderMap,
    received: Timestamp,
) -> Lifetime {
    let stated = stated(directives, headers, received);
    let may_guess = directives.public || is_heuristic(status);
    let of_status = rules.status_ttl(status);
    let (time, source) = if let Some(forced) =
        rules.forced_ttl.filter(|_| stated.is_some_and(|stated| !stated.is_zero()) || may_guess)
    {
        (of_status.unwrap_or(forced), Source::Rules)
    } else if let Some(stated) = stated {
        (stated, Source::Response)
    } else if let Some(ttl) = of_status {
        (ttl, Source::Rules)
    } else if !may_guess {
        (Duration::ZERO, Source::Nothing)
    } else if let Some(ttl) = rules.default_ttl {
        (ttl, Source::Rules)
    } else if let Some(modified) = time_of(headers, &LAST_MODIFIED, received) {
        let made = time_of(headers, &DATE, received).unwrap_or(received);
        let share = Duration::from_secs(made.saturating_since(modified).as_secs() / SHARE);
        (share.min(LONGEST_HEURISTIC), Source::Heuristic)
    } else {
        (Duration::ZERO, Source::Nothing)
    };
    Lifetime { time: rules.max_ttl.map_or(time, |longest| time.min(longest)), source }
}

/// The lifetime that a response states (§4.2.1). A time that can't be read is past (§5.3).
fn stated(directives: &ResponseDirectives, headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    if let Some(stated) = directives.s_maxage.or(directives.max_age) {
        return Some(stated);
    }
    // RFC 9213 §2.2.
    if directives.is_targeted || !headers.contains_key(EXPIRES) {
        return None;
    }
    let Some(expires) = time_of(headers, &EXPIRES, received) else { return Some(Duration::ZERO) };
    // RFC 9110 §6.6.1: without a date, the time of receipt counts.
    let made = time_of(headers, &DATE, received).unwrap_or(received);
    Some(expires.saturating_since(made))
}

/// Returns whether responses with this status may be fresh without saying so (RFC 9110 §15.1).
#[must_use]
pub const fn is_heuristic(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// The age of a response when it was received (RFC 9111 §4.2.3); the `times` are those at which the request was sent and the head received.
#[must_use]
pub fn initial_age(headers: &HeaderMap, (sent, received): (Timestamp, Timestamp)) -> Duration {
    // A date has no part of a second, which is no age.
    let received_second = Timestamp::from_unix_millis(received.unix_millis() / 1000 * 1000);
    let apparent = match time_of(headers, &DATE, received) {
        Some(made) => received_second.saturating_since(made),
        None => Duration::ZERO,
    };
    apparent.max(stated_age(headers).saturating_add(received.saturating_since(sent)))
}

/// The age that a response states (§5.1): of a list, the first member, and nothing if that is none.
fn stated_age(headers: &HeaderMap) -> Duration {
    let first = headers.get(AGE).and_then(|line| line.as_bytes().split(|byte| *byte == b',').next());
    first.and_then(|age| directives::seconds(age.trim_ascii())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::rules::Statuses;
    use crate::http::testing::fields;

    /// Sun, 06 Nov 1994 08:49:37 GMT, and a little more.
    const NOW: Timestamp = Timestamp::from_unix_millis(784_111_777_400);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of(rules: &Rules, status: u16, headers: &[(&str, &str)]) -> (u64, Source) {
        let headers = fields(headers);
        let directives = ResponseDirectives::of(&headers, &rules.targeted);
        let lifetime = lifetime(rules, &directives, StatusCode::from_u16(status).unwrap(), &headers, NOW);
        (lifetime.time.as_secs(), lifetime.source)
    }

    /// RFC 9111 §4.2.1, §5.3; RFC 9213 §2.2.
    #[test]
    fn what_a_response_states_counts_in_its_order() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let in_an_hour = ("expires", "Sun, 06 Nov 1994 09:49:37 GMT");
        for (headers, expected) in [
            (&[("cache-control", "max-age=5, s-maxage=7"), in_an_hour, date][..], 7),
            (&[("cache-control", "max-age=5"), in_an_hour, date], 5),
            (&[("cache-control", "max-age=x"), in_an_hour, date], 0),
            (&[in_an_hour, date], 3600),
            (&[in_an_hour], 3599),
            (&[in_an_hour, ("date", "foo")], 3599),
            (&[("expires", "Sun, 06 Nov 1994 08:49:37 GMT"), date], 0),
            (&[("expires", "0"), date], 0),
            (&[("expires", "Sun, 06 Nov 1994 08:54:37 GMT"), ("date", "Sun, 06 Nov 1994 08:56:17 GMT")], 0),
            (&[("cdn-cache-control", "max-age=9"), ("cache-control", "max-age=5"), in_an_hour, date], 9),
        ] {
            assert_eq!(of(&Rules::default(), 599, headers), (expected, Source::Response), "{headers:?}");
        }
        assert_eq!(of(&Rules::default(), 200, &[("cdn-cache-control", "public"), in_an_hour, date]).1, Source::Nothing);
    }

    /// RFC 9111 §4.2.2, RFC 9110 §15.1.
    #[test]
    fn a_last_modification_is_worth_a_tenth_of_its_age() {
        let headers = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("last-modified", "Sun, 06 Nov 1994 07:49:37 GMT")];
        for status in [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501] {
            assert_eq!(of(&Rules::default(), status, &headers), (360, Source::Heuristic), "{status}");
        }
        for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
            assert_eq!(of(&Rules::default(), status, &headers), (0, Source::Nothing), "{status}");
        }
        let public = [headers[0], headers[1], ("cache-control", "public")];
        assert_eq!(of(&Rules::default(), 599, &public), (360, Source::Heuristic));
        let old = [("last-modified", "Sun, 06 Nov 1984 07:49:37 GMT")];
        assert_eq!(of(&Rules::default(), 200, &old), (24 * 60 * 60, Source::Heuristic));
        assert_eq!(of(&Rules::default(), 200, &[]), (0, Source::Nothing));
    }

    #[test]
    fn rules_fill_in_replace_and_bound() {
        let stated = [("cache-control", "max-age=60")];
        let rules = Rules { default_ttl: Some(seconds(30)), ..Rules::default() };
        assert_eq!(of(&rules, 200, &stated), (60, Source::Response));
        assert_eq!(of(&rules, 200, &[]), (30, Source::Rules));
        assert_eq!(of(&rules, 500, &[]), (0, Source::Nothing));
        let status_ttls = Box::new([(Statuses::One(503), seconds(1)), (Statuses::Class(5), seconds(2))]);
        let rules = Rules { status_ttls, ..rules };
        assert_eq!(of(&rules, 503, &[]), (1, Source::Rules));
        assert_eq!(of(&rules, 500, &[]), (2, Source::Rules));
        assert_eq!(of(&rules, 500, &stated), (60, Source::Response));
        let rules = Rules { forced_ttl: Some(seconds(90)), ..rules };
        assert_eq!(of(&rules, 200, &stated), (90, Source::Rules));
        assert_eq!(of(&rules, 200, &[]), (90, Source::Rules));
        // "None" is no lifetime: most frameworks write it on errors.
        assert_eq!(of(&rules, 401, &[("cache-control", "max-age=0")]), (0, Source::Response));
        assert_eq!(of(&rules, 200, &[("cache-control", "max-age=0")]), (90, Source::Rules));
        // What is for one status goes before what is for all.
        assert_eq!(of(&rules, 503, &stated), (1, Source::Rules));
        assert_eq!(of(&rules, 500, &[]), (2, Source::Rules));
        let rules = Rules { max_ttl: Some(seconds(45)), ..rules };
        assert_eq!(of(&rules, 200, &stated), (45, Source::Rules));
    }

    /// RFC 9111 §4.2.3, §5.1.
    #[test]
    fn the_age_is_the_greatest_that_can_be_known() {
        let sent = Timestamp::from_unix_millis(NOW.unix_millis() - 1500);
        let age = |headers: &[(&str, &str)]| initial_age(&fields(headers), (sent, NOW)).as_millis() as u64;
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (headers, expected) in [
            (&[date][..], 1500),
            (&[], 1500),
            (&[("date", "Sun, 06 Nov 1994 08:49:27 GMT")], 10_000),
            (&[("date", "Sun, 06 Nov 1994 09:49:37 GMT")], 1500),
            (&[date, ("age", "30")], 31_500),
            (&[("date", "Sun, 06 Nov 1994 08:48:37 GMT"), ("age", "30")], 60_000),
            (&[date, ("age", "30, 900")], 31_500),
            (&[date, ("age", "30"), ("age", "900")], 31_500),
            (&[date, ("age", "-30")], 1500),
            (&[date, ("age", "30.0")], 1500),
            (&[date, ("age", "abc")], 1500),
            (&[date, ("age", "30;x=y")], 1500),
            (&[date, ("age", "99999999999999999999")], 2_147_483_649_500),
        ] {
            assert_eq!(age(headers), expected, "{headers:?}");
        }
    }
}

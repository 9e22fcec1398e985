//! What a stored response may be used for (RFC 9111 §4, RFC 5861).

use core::time::Duration;

use super::asked::Asked;
use super::entry::Entry;
use super::range::Found;
use super::rules::Rules;
use crate::time::Timestamp;

/// What becomes of a request for which there is a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is answered from the store: the response is fresh, or the request takes it stale.
    Fresh,
    /// It is answered from the store, and the stored response is revalidated after that.
    StaleWhileRevalidate,
    /// The upstream is asked with the entry's validators, where it has any.
    Revalidate(Why),
    /// The upstream is asked as if nothing were stored.
    Miss(Why),
}

/// Why a stored response does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is stale.
    Stale,
    /// It says that it has to be validated each time (RFC 9111 §5.2.2.4).
    NoCache,
    /// The request rules it out (§5.2.1, §4.3.2).
    Request,
    /// It is a part that does not hold what is asked for (§3.3).
    Partial,
}

/// Says what `entry` may be used for. That it answers requests like this one has been found out by [`matches`](super::vary::matches).
#[must_use]
pub fn choose(rules: &Rules, asked: &Asked, entry: &Entry, now: Timestamp) -> Choice {
    let directives = &asked.directives;
    if directives.no_store || asked.is_for_origin {
        return Choice::Miss(Why::Request);
    }
    if !holds(entry, asked) {
        return Choice::Miss(Why::Partial);
    }
    if entry.no_cache {
        return Choice::Revalidate(Why::NoCache);
    }
    let age = entry.age(now);
    // A page that is loaded anew asks for `max-age=0`, in which an immutable response takes no part (RFC 8246 §2).
    let is_too_old = directives.max_age.is_some_and(|most| age > most);
    if directives.no_cache || (is_too_old && !(entry.immutable && age < entry.lifetime)) {
        return Choice::Revalidate(if age < entry.lifetime { Why::Request } else { Why::Stale });
    }
    let Some(staleness) = age.checked_sub(entry.lifetime) else {
        let left = entry.lifetime.saturating_sub(age);
        let is_too_short = directives.min_fresh.is_some_and(|least| left < least);
        return if is_too_short { Choice::Revalidate(Why::Request) } else { Choice::Fresh };
    };
    if directives.min_fresh.is_some() {
        return Choice::Revalidate(Why::Stale);
    }
    let takes_it = match directives.max_stale {
        Some(None) => true,
        Some(Some(most)) => staleness <= most,
        None => false,
    };
    if takes_it && !entry.must_revalidate {
        Choice::Fresh
    } else if staleness < entry.usable_while_revalidated(rules) {
        Choice::StaleWhileRevalidate
    } else {
        Choice::Revalidate(Why::Stale)
    }
}

/// Returns whether a stale `entry` may be used in place of an error (RFC 5861 §4): when the upstream can't be reached, or answers 500, 502,
/// 503 or 504.
#[must_use]
pub fn may_serve_on_error(rules: &Rules, asked: &Asked, entry: &Entry, now: Timestamp) -> bool {
    let directives = &asked.directives;
    if entry.no_cache || directives.no_cache || directives.no_store || asked.is_for_origin || !holds(entry, asked) {
        return false;
    }
    let Some(staleness) = entry.staleness(now) else { return true };
    let by_request = directives.stale_if_error.filter(|_| !entry.must_revalidate).unwrap_or(Duration::ZERO);
    staleness < entry.usable_if_error(rules).max(by_request)
}

/// Returns whether `entry` holds what is asked for.
#[must_use]
pub fn holds(entry: &Entry, asked: &Asked) -> bool {
    let Some(part) = entry.part else { return true };
    // Whether the condition of a range holds is found out too late to ask for the whole.
    if asked.has_if_range {
        return false;
    }
    let Some(range) = asked.range else { return false };
    let length = entry.length.unwrap_or(part.last - part.first + 1);
    !matches!(range.in_part(part, length), Found::Elsewhere)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::cache::range::Part;
    use crate::http::testing::fields;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Stored at 0, fresh for 10 s.
    fn entry() -> Entry {
        Entry { lifetime: secs(10), ..Entry::of_nothing() }
    }

    fn asked(headers: &[(&str, &str)]) -> Asked {
        Asked::of(&Method::GET, &fields(headers))
    }

    fn chosen(entry: &Entry, headers: &[(&str, &str)], at: u64) -> Choice {
        choose(&Rules::default(), &asked(headers), entry, Timestamp::from_unix_millis(at * 1000))
    }

    fn in_error(rules: &Rules, entry: &Entry, headers: &[(&str, &str)], at: u64) -> bool {
        may_serve_on_error(rules, &asked(headers), entry, Timestamp::from_unix_millis(at * 1000))
    }

    /// RFC 9111 §4.2, §5.2.1, §5.2.2.4, §4.3.2.
    #[test]
    fn a_request_gets_what_is_fresh_enough_for_it() {
        for (directives, at, expected) in [
            ("", 0, Choice::Fresh),
            ("", 9, Choice::Fresh),
            ("", 10, Choice::Revalidate(Why::Stale)),
            ("unknown, x=y", 9, Choice::Fresh),
            ("max-age=5", 5, Choice::Fresh),
            ("max-age=5", 6, Choice::Revalidate(Why::Request)),
            ("max-age=0", 1, Choice::Revalidate(Why::Request)),
            ("min-fresh=5", 5, Choice::Fresh),
            ("min-fresh=5", 6, Choice::Revalidate(Why::Request)),
            ("max-stale", 99, Choice::Fresh),
            ("max-stale=5", 15, Choice::Fresh),
            ("max-stale=5", 16, Choice::Revalidate(Why::Stale)),
            ("max-stale, max-age=12", 11, Choice::Fresh),
            ("max-stale, max-age=12", 13, Choice::Revalidate(Why::Stale)),
            ("max-stale, min-fresh=1", 13, Choice::Revalidate(Why::Stale)),
            ("no-cache", 0, Choice::Revalidate(Why::Request)),
            ("no-cache", 10, Choice::Revalidate(Why::Stale)),
            ("no-store", 0, Choice::Miss(Why::Request)),
        ] {
            assert_eq!(chosen(&entry(), &[("cache-control", directives)], at), expected, "{directives} at {at}");
        }
        let no_cache = Entry { no_cache: true, ..entry() };
        assert_eq!(chosen(&no_cache, &[], 0), Choice::Revalidate(Why::NoCache));
        assert_eq!(chosen(&no_cache, &[("cache-control", "max-stale")], 0), Choice::Revalidate(Why::NoCache));
        for name in ["if-match", "if-unmodified-since"] {
            assert_eq!(chosen(&entry(), &[(name, "\"a\"")], 0), Choice::Miss(Why::Request));
        }
        let strict = Entry { must_revalidate: true, ..entry() };
        assert_eq!(chosen(&strict, &[("cache-control", "max-stale")], 11), Choice::Revalidate(Why::Stale));
    }

    /// RFC 8246 §2.
    #[test]
    fn what_is_immutable_does_not_take_part_in_a_reload() {
        let immutable = Entry { immutable: true, ..entry() };
        assert_eq!(chosen(&immutable, &[("cache-control", "max-age=0")], 9), Choice::Fresh);
        assert_eq!(chosen(&immutable, &[("cache-control", "max-age=0")], 10), Choice::Revalidate(Why::Stale));
        assert_eq!(chosen(&immutable, &[("cache-control", "no-cache")], 9), Choice::Revalidate(Why::Request));
    }

    /// RFC 5861 §3.
    #[test]
    fn a_stale_response_is_used_for_its_time_while_it_is_revalidated() {
        let stated = Entry { stale_while_revalidate: Some(secs(5)), ..entry() };
        for (at, expected) in [
            (9, Choice::Fresh),
            (10, Choice::StaleWhileRevalidate),
            (14, Choice::StaleWhileRevalidate),
            (15, Choice::Revalidate(Why::Stale)),
        ] {
            assert_eq!(chosen(&stated, &[], at), expected, "{at}");
        }
        assert_eq!(chosen(&stated, &[("cache-control", "max-age=0")], 11), Choice::Revalidate(Why::Stale));
        assert_eq!(chosen(&stated, &[("cache-control", "min-fresh=0")], 11), Choice::Revalidate(Why::Stale));
        assert_eq!(chosen(&Entry { no_cache: true, ..stated }, &[], 11), Choice::Revalidate(Why::NoCache));
        let rules = Rules { stale_while_revalidate: Some(secs(5)), ..Rules::default() };
        let at = Timestamp::from_unix_millis(11_000);
        assert_eq!(choose(&rules, &asked(&[]), &entry(), at), Choice::StaleWhileRevalidate);
        let none = Entry { stale_while_revalidate: Some(secs(0)), ..entry() };
        assert_eq!(choose(&rules, &asked(&[]), &none, at), Choice::Revalidate(Why::Stale));
        let strict = Entry { must_revalidate: true, ..entry() };
        assert_eq!(choose(&rules, &asked(&[]), &strict, at), Choice::Revalidate(Why::Stale));
    }

    /// RFC 5861 §4, RFC 9111 §4.2.4.
    #[test]
    fn a_stale_response_is_used_for_its_time_in_place_of_an_error() {
        let rules = Rules::default();
        let generous = Rules { stale_if_error: Some(secs(5)), ..Rules::default() };
        let stated = Entry { stale_if_error: Some(secs(3)), ..entry() };
        for (rules, entry, directives, at, expected) in [
            (&rules, &entry(), "", 9, true),
            (&rules, &entry(), "", 10, false),
            (&rules, &stated, "", 12, true),
            (&rules, &stated, "", 13, false),
            (&generous, &stated, "", 13, false),
            (&generous, &entry(), "", 14, true),
            (&generous, &entry(), "", 15, false),
            (&generous, &Entry { must_revalidate: true, ..entry() }, "", 11, false),
            (&generous, &Entry { no_cache: true, ..entry() }, "", 5, false),
            (&rules, &entry(), "stale-if-error=5", 14, true),
            (&rules, &entry(), "stale-if-error=5", 15, false),
            (&rules, &Entry { must_revalidate: true, ..entry() }, "stale-if-error=5", 11, false),
            (&generous, &entry(), "no-cache", 5, false),
            (&generous, &entry(), "no-store", 5, false),
        ] {
            assert_eq!(in_error(rules, entry, &[("cache-control", directives)], at), expected, "{directives} {at}");
        }
    }

    /// RFC 9111 §3.3.
    #[test]
    fn a_part_is_used_for_what_it_holds() {
        let part = Entry { part: Some(Part { first: 4, last: 9, of: 10 }), ..entry() };
        for (headers, expected) in [
            (&[("range", "bytes=5-6")][..], true),
            (&[("range", "bytes=-1")], true),
            (&[("range", "bytes=10-")], true),
            (&[("range", "bytes=3-6")], false),
            (&[("range", "bytes=5-6,8-9")], false),
            (&[("range", "bytes=5-6"), ("if-range", "\"a\"")], false),
            (&[], false),
        ] {
            let choice = if expected { Choice::Fresh } else { Choice::Miss(Why::Partial) };
            assert_eq!(chosen(&part, headers, 0), choice, "{headers:?}");
            assert_eq!(in_error(&Rules::default(), &part, headers, 0), expected);
        }
        // Its content is a byte short.
        let short = Entry { length: Some(5), ..part };
        assert_eq!(chosen(&short, &[("range", "bytes=9-9")], 0), Choice::Miss(Why::Partial));
    }
}

//! A stored response without its content.

use core::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::range::Part;
use super::rules::Rules;
use super::vary::Varies;
use crate::time::Timestamp;

/// The least and the longest time for which a stale response is kept because it can be validated.
const VALIDATED_FOR: [Duration; 2] = [Duration::from_secs(10 * 60), Duration::from_secs(24 * 60 * 60)];

/// A stored response without its content, and all that its use takes, worked out when it was stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, without those that may not be stored, and with an `Age` of 0 in place of the one that each answer has.
    pub headers: HeaderMap,
    /// When its head was received, or that of the response that last confirmed it.
    pub received: Timestamp,
    /// Its age at that time (RFC 9111 §4.2.3).
    pub initial_age: Duration,
    /// The age at which it becomes stale (§4.2.1).
    pub lifetime: Duration,
    /// The time for which it says that it may be used while it is revalidated (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// The time for which it says that it may be used in place of an error (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
    /// Set if it may not be used once it is stale, but for the times that it states itself (RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10).
    pub must_revalidate: bool,
    /// Set if it may not be used without validation (§5.2.2.4).
    pub no_cache: bool,
    /// Set if it does not change while it is fresh (RFC 8246 §2).
    pub immutable: bool,
    /// Set if nothing but its last modification says how long it is fresh (RFC 9111 §4.2.2).
    pub is_heuristic: bool,
    /// Set if it answers the request at hand, and is not kept: the response that confirmed it may not be stored.
    pub is_for_once: bool,
    /// The fields that chose it, and their values in the request in their normal form (§4.1).
    pub varies: Box<[Varies]>,
    /// Its language in lower case, if it varies by that.
    pub language: Option<Box<str>>,
    /// The tags by which it can be purged.
    pub tags: Box<[Box<str>]>,
    /// The length of its content, as the response stated it.
    pub length: Option<u64>,
    /// The part of the representation that it holds, if not the whole (§3.3).
    pub part: Option<Part>,
    /// When it was last modified, or else made (RFC 9111 §4.3.2).
    pub modified: Timestamp,
}

impl Entry {
    /// Its age (RFC 9111 §4.2.3).
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.saturating_since(self.received))
    }

    /// The time for which it has been stale; `None` while it is fresh.
    #[must_use]
    pub fn staleness(&self, now: Timestamp) -> Option<Duration> {
        self.age(now).checked_sub(self.lifetime)
    }

    /// Returns whether it can be validated (RFC 9110 §8.8).
    #[must_use]
    pub fn has_validator(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    /// The time for which it may be used while it is revalidated, by itself or by the rules.
    #[must_use]
    pub fn usable_while_revalidated(&self, rules: &Rules) -> Duration {
        self.usable_stale(self.stale_while_revalidate, rules.stale_while_revalidate)
    }

    /// The time for which it may be used in place of an error, by itself or by the rules.
    #[must_use]
    pub fn usable_if_error(&self, rules: &Rules) -> Duration {
        self.usable_stale(self.stale_if_error, rules.stale_if_error)
    }

    fn usable_stale(&self, own: Option<Duration>, of_rules: Option<Duration>) -> Duration {
        if self.no_cache {
            return Duration::ZERO;
        }
        // A policy speaks of what has become stale, and not of what its origin has never called fresh.
        own.or(of_rules.filter(|_| !self.must_revalidate && !self.lifetime.is_zero())).unwrap_or_default()
    }

    /// The time for which a store should keep it: while it is fresh, may be used stale, or can be validated. Zero if it should not.
    #[must_use]
    pub fn keep_for(&self, now: Timestamp, rules: &Rules) -> Duration {
        if self.is_for_once {
            return Duration::ZERO;
        }
        let [least, longest] = VALIDATED_FOR;
        let validated = if self.has_validator() { self.lifetime.clamp(least, longest) } else { Duration::ZERO };
        let stale = self.usable_while_revalidated(rules).max(self.usable_if_error(rules)).max(validated);
        let fresh = if self.no_cache { Duration::ZERO } else { self.lifetime };
        fresh.saturating_add(stale).saturating_sub(self.age(now))
    }

    /// The same entry, whose fields are in a buffer of their own: those of a response are parts of the buffer into which the connection read,
    /// all of which would stay in memory with them.
    #[must_use]
    pub fn packed(&self) -> Self {
        let mut text = Vec::with_capacity(self.headers.values().map(HeaderValue::len).sum());
        self.headers.values().for_each(|value| text.extend_from_slice(value.as_bytes()));
        let mut text = Bytes::from(text);
        let mut headers = HeaderMap::with_capacity(self.headers.keys_len());
        for (name, value) in &self.headers {
            if let Ok(mut packed) = HeaderValue::from_maybe_shared(text.split_to(value.len())) {
                packed.set_sensitive(value.is_sensitive());
                headers.append(name, packed);
            }
        }
        Self { headers, ..self.clone() }
    }

    #[cfg(test)]
    pub(crate) fn of_nothing() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            received: Timestamp::default(),
            initial_age: Duration::ZERO,
            lifetime: Duration::ZERO,
            stale_while_revalidate: None,
            stale_if_error: None,
            must_revalidate: false,
            no_cache: false,
            immutable: false,
            is_heuristic: false,
            is_for_once: false,
            varies: Box::default(),
            language: None,
            tags: Box::default(),
            length: None,
            part: None,
            modified: Timestamp::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn entry(lifetime: u64) -> Entry {
        Entry {
            received: at(100),
            initial_age: Duration::from_secs(5),
            lifetime: secs(lifetime),
            ..Entry::of_nothing()
        }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// RFC 9111 §4.2, §4.2.3.
    #[test]
    fn an_entry_grows_old_and_stale() {
        let entry = entry(20);
        assert_eq!(entry.age(at(110)), secs(15));
        assert_eq!(entry.age(at(50)), secs(5));
        assert_eq!(entry.staleness(at(114)), None);
        assert_eq!(entry.staleness(at(115)), Some(secs(0)));
        assert_eq!(entry.staleness(at(116)), Some(secs(1)));
    }

    /// What is stored holds no buffer of a connection.
    #[test]
    fn a_packed_entry_has_one_buffer() {
        let headers = fields(&[("etag", "\"a\""), ("x-one", "first"), ("x-empty", ""), ("x-one", "second")]);
        let entry = Entry { headers, ..Entry::of_nothing() };
        let packed = entry.packed();
        assert_eq!(packed, entry);
        let mut places: Vec<_> = packed.headers.values().filter(|value| !value.is_empty()).collect();
        places.sort_by_key(|value| value.as_bytes().as_ptr());
        for pair in places.windows(2) {
            assert_eq!(pair[0].as_bytes().as_ptr_range().end, pair[1].as_bytes().as_ptr());
        }
    }

    #[test]
    fn an_entry_is_kept_as_long_as_it_is_of_use() {
        let rules = Rules::default();
        let generous =
            Rules { stale_while_revalidate: Some(secs(30)), stale_if_error: Some(secs(50)), ..Rules::default() };
        let kept = |entry: &Entry, rules: &Rules| entry.keep_for(at(100), rules).as_secs();
        assert_eq!(kept(&entry(20), &rules), 15);
        assert_eq!(kept(&entry(20), &generous), 65);
        assert_eq!(kept(&Entry { must_revalidate: true, ..entry(20) }, &generous), 15);
        let stated = Entry { stale_if_error: Some(secs(7)), must_revalidate: true, ..entry(20) };
        assert_eq!(kept(&stated, &generous), 22);
        let validated = Entry { headers: fields(&[("etag", "\"a\"")]), ..entry(20) };
        assert_eq!(kept(&validated, &rules), 615);
        assert_eq!(kept(&Entry { no_cache: true, ..validated.clone() }, &generous), 595);
        assert_eq!(kept(&Entry { no_cache: true, ..entry(20) }, &generous), 0);
        assert_eq!(kept(&Entry { is_for_once: true, ..validated }, &generous), 0);
        assert_eq!(kept(&entry(20), &rules), 15);
        assert_eq!(entry(20).keep_for(at(500), &rules), secs(0));
    }
}

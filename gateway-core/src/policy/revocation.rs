//! The list of revoked tokens, in the key-value store.
//!
//! Each entry has a key of its own, so that none is ever read to be written. An issuer with entries has a marker besides: one without
//! costs a read for all of its tokens. Values are in keys as digests, so they may be of any length, and no store tells them.

use core::ops::RangeInclusive;
use core::time::Duration;

use bytes::Bytes;

use super::watch::{Kind, Watch};
use crate::caller::claims::ClaimSet;
use crate::store_key::{KeyUse, StoreKey};
use crate::time::Timestamp;

/// The times within which a list can be honoured.
pub const WITHIN: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(600);

/// The value of an entry that says no more than that it is there.
pub const THERE: Bytes = Bytes::from_static(b"1");

/// The list of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List(StoreKey);

/// Tokens that can be revoked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked<'v> {
    /// All tokens of the issuer that were issued before a time.
    Issued,
    /// The token of this identifier (`jti`, RFC 7519 §4.1.7).
    Token(&'v str),
    /// All tokens of this subject (`sub`) that were issued before a time.
    Subject(&'v str),
}

impl List {
    /// The list of the tokens with this `iss`.
    #[must_use]
    pub fn of(issuer: &str) -> Self {
        Self(StoreKey::digested(KeyUse::Revoked, "", &[issuer]))
    }

    /// The key of the marker, which is there if any entry was ever made.
    #[must_use]
    pub const fn marker(&self) -> &StoreKey {
        &self.0
    }

    /// The key of the entry for `revoked`.
    #[must_use]
    pub fn entry(&self, revoked: Revoked<'_>) -> StoreKey {
        let (kind, value) = match revoked {
            Revoked::Issued => (":b:", ""),
            Revoked::Token(value) => (":j:", value),
            Revoked::Subject(value) => (":s:", value),
        };
        let own = self.0.name(KeyUse::Revoked).unwrap_or_default();
        StoreKey::digested(KeyUse::Revoked, &[own, kind].concat(), &[value])
    }
}

/// What is known of the entries of a list, or of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Set if the first is there.
    first: bool,
    /// Tokens that were issued before this time are void, in seconds since 1970.
    before: Option<i64>,
}

impl List {
    /// The entries for all of its tokens together: the marker, and the time before which all are void.
    #[must_use]
    pub fn watch(&self, within: Duration) -> Watch {
        Watch::new(Kind::List(within), Some(self.0.clone()), Some(self.entry(Revoked::Issued)))
    }

    /// The entries for the token with these `claims`; none if it has nothing by which it could be revoked alone.
    #[must_use]
    pub fn watch_token(&self, claims: &ClaimSet, within: Duration) -> Option<Watch> {
        let first = claims.value("jti").map(|id| self.entry(Revoked::Token(&id)));
        let second = claims.value("sub").map(|subject| self.entry(Revoked::Subject(&subject)));
        (first.is_some() || second.is_some()).then(|| Watch::new(Kind::Token(within), first, second))
    }

    /// Returns whether `watch` is that of this list, within this time.
    #[must_use]
    pub fn is_watched_by(&self, watch: &Watch) -> bool {
        matches!(watch.kind(), Kind::List(_)) && watch.first() == Some(&self.0)
    }
}

impl Entries {
    /// None of them is there.
    pub const NONE: Self = Self { first: false, before: None };

    /// The one that says no more than that it is there.
    pub const FIRST: Self = Self { first: true, before: None };

    /// The entries as they are in the store; `None` if somebody else wrote what is no entry: nothing is known then.
    #[must_use]
    pub fn read(first: bool, second: Option<&[u8]>) -> Option<Self> {
        let before = match second {
            None => None,
            Some(second) => Some(core::str::from_utf8(second).ok()?.trim().parse().ok()?),
        };
        Some(Self { first, before })
    }

    /// Returns whether single tokens may be revoked, for the entries of a list.
    #[must_use]
    pub const fn is_marked(&self) -> bool {
        self.first
    }

    /// The time before which tokens are void.
    #[must_use]
    pub const fn before(&self) -> Option<i64> {
        self.before
    }

    /// Returns whether the entries of a list revoke a token that was issued at that time. One that does not say is as old as can be.
    #[must_use]
    pub fn revoke_since(&self, issued_at: Option<i64>) -> bool {
        self.before.is_some_and(|before| issued_at.is_none_or(|issued_at| issued_at < before))
    }

    /// Returns whether the entries of a token revoke it.
    #[must_use]
    pub fn revoke_token(&self, issued_at: Option<i64>) -> bool {
        self.first || self.revoke_since(issued_at)
    }
}

/// The entry that revokes the tokens that were issued before `now`, by an issuer whose clock may be ahead by `leeway`. Times of tokens are
/// whole seconds, so those of the last one are among them.
#[must_use]
pub fn issued_before(now: Timestamp, leeway: Duration) -> i64 {
    i64::try_from(now.saturating_add(leeway).unix_millis().div_ceil(1_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        List::of("https://id")
    }

    fn claims(text: &str) -> ClaimSet {
        ClaimSet::new(None, None, None, serde_json::from_str(text).unwrap())
    }

    /// docs/configuration.md, Who is calling: no token, subject or issuer can be told from a key, and none is another's.
    #[test]
    fn each_entry_has_a_key_of_its_own() {
        let (list, other) = (list(), List::of("https://id/"));
        let keys = [
            list.marker().clone(),
            list.entry(Revoked::Issued),
            list.entry(Revoked::Token("a")),
            list.entry(Revoked::Subject("a")),
            list.entry(Revoked::Token("")),
            list.entry(Revoked::Token(&"a".repeat(9_000))),
            other.marker().clone(),
            other.entry(Revoked::Token("a")),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(key.as_str().starts_with("revoked:") && key.as_str().len() < 100, "{key:?}");
            assert!(!keys[..i].contains(key), "{key:?}");
        }
    }

    /// RFC 7519 §4.1.6: `iat` is whole seconds in most tokens.
    #[test]
    fn tokens_that_were_issued_before_a_time_are_void() {
        let entries = Entries::read(false, Some(b"1000")).unwrap();
        for (issued_at, is_void) in [(Some(999), true), (Some(1_000), false), (None, true), (Some(i64::MIN), true)] {
            assert_eq!(entries.revoke_since(issued_at), is_void, "{issued_at:?}");
            assert!(Entries::read(true, None).unwrap().revoke_token(issued_at));
            assert!(!Entries::default().revoke_token(issued_at));
        }
        let before = |now, leeway| issued_before(Timestamp::from_unix_millis(now), Duration::from_secs(leeway));
        assert_eq!((before(999_001, 0), before(1_000_000, 0)), (1_000, 1_000));
        assert_eq!((before(999_001, 60), before(1_000_000, 60)), (1_060, 1_060));
    }

    #[test]
    fn what_is_no_entry_tells_nothing() {
        for text in [&b""[..], b"soon", b"1.5", b"\xff", b"99999999999999999999"] {
            assert_eq!(Entries::read(true, Some(text)), None);
        }
        assert_eq!(Entries::read(true, Some(b"12\n")).unwrap().before(), Some(12));
    }

    #[test]
    fn a_token_is_asked_for_by_what_it_has() {
        let of = |text| list().watch_token(&claims(text), Duration::from_secs(60));
        let both = of(r#"{"jti": "a", "sub": "me"}"#).unwrap();
        assert_eq!(both.first(), Some(&list().entry(Revoked::Token("a"))));
        assert_eq!(both.second(false), Some(&list().entry(Revoked::Subject("me"))));
        assert_eq!(both.second(true), None, "it is revoked as it is");
        let subject = of(r#"{"sub": "me"}"#).unwrap();
        assert_eq!((subject.first(), subject.second(false).is_some()), (None, true));
        // Some issuers write numbers, which RFC 7519 §4.1.2 has as text.
        assert_eq!(of(r#"{"sub": 42}"#).unwrap().second(false), Some(&list().entry(Revoked::Subject("42"))));
        assert!(of("{}").is_none());
        let watch = list().watch(Duration::from_secs(60));
        assert!(list().is_watched_by(&watch) && !List::of("other").is_watched_by(&watch));
        assert_eq!((watch.first(), watch.second(true)), (Some(list().marker()), Some(&list().entry(Revoked::Issued))));
    }
}

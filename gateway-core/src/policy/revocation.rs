//! The list of revoked tokens, in the key-value store.
//!
//! Each entry has a key of its own, so that none is ever read to be written. An issuer with entries has a marker besides: one without
//! costs a read for all of its tokens. Values are in keys as digests, so they may be of any length, and no store tells them.

use core::ops::RangeInclusive;
use core::time::Duration;

use bytes::Bytes;

use super::remembered::{Life, Look, Pause, Reading, Remembered, Turn};
use crate::caller::claims::ClaimSet;
use crate::store_key::{KeyUse, StoreKey};
use crate::time::Timestamp;

/// The times within which a list can be honoured.
pub const WITHIN: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(600);

/// The longest that a request waits for a read, by itself or another.
pub const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The age from which a read that requests wait for counts as lost: see [`flag::LOST_AFTER`](super::flag::LOST_AFTER).
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The time that a request has for the task of reading after its answer; then another takes it on. Less than half of the least of
/// [`WITHIN`], so that the task is not left undone.
const PATIENCE: Duration = Duration::from_secs(4);

/// The number of times [`Watch::within`] for which the latest entries hold while the store can't answer.
const HOLDS: u32 = 10;

/// The time after which a store that has failed is asked again.
const PAUSE: Duration = Duration::from_secs(5);

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

/// Entries that are asked for together, and what is known of them.
#[derive(Debug)]
pub struct Watch {
    first: Option<StoreKey>,
    second: Option<StoreKey>,
    /// Set if the second is asked for only where the first is there.
    is_list: bool,
    within: Duration,
    known: Remembered<Entries>,
}

/// What is known of the entries of a [`Watch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Set if the first is there.
    first: bool,
    /// Tokens that were issued before this time are void, in seconds since 1970.
    before: Option<i64>,
}

impl Watch {
    /// The marker of `list`, and the time before which all of its tokens are void.
    #[must_use]
    pub fn of_list(list: &List, within: Duration) -> Self {
        let second = Some(list.entry(Revoked::Issued));
        Self { first: Some(list.0.clone()), second, is_list: true, within, known: Remembered::default() }
    }

    /// The entries for the token with these `claims`; none if it has nothing by which it could be revoked alone.
    #[must_use]
    pub fn of_token(list: &List, claims: &ClaimSet, within: Duration) -> Option<Self> {
        let first = claims.text("jti").map(|id| list.entry(Revoked::Token(id)));
        let second = claims.text("sub").map(|subject| list.entry(Revoked::Subject(subject)));
        let watch = Self { first, second, is_list: false, within, known: Remembered::default() };
        (watch.first.is_some() || watch.second.is_some()).then_some(watch)
    }

    /// Returns whether it is that of `list`.
    #[must_use]
    pub fn is_of(&self, list: &List) -> bool {
        self.is_list && self.first.as_ref() == Some(&list.0)
    }

    /// The time within which a change is honoured.
    #[must_use]
    pub const fn within(&self) -> Duration {
        self.within
    }

    /// The key that is asked for first, and the place where requests meet.
    #[must_use]
    pub const fn first(&self) -> Option<&StoreKey> {
        self.first.as_ref()
    }

    /// The key that is asked for next, once the first is known to be there or not.
    #[must_use]
    pub fn second(&self, first_is_there: bool) -> Option<&StoreKey> {
        self.second.as_ref().filter(|_| first_is_there == self.is_list)
    }

    /// Looks up the entries at `now`, a time of the process's monotonic clock.
    pub fn look(&self, now: Duration) -> Look<Entries> {
        self.known.look(now, PATIENCE)
    }

    /// Assigns the part of a request that found them unread at `now`.
    pub fn turn(&self, now: Duration) -> Turn<Entries> {
        self.known.turn(now, LOST_AFTER)
    }

    /// Begins a read for which nobody waits; `None` if another is under way.
    pub fn begin(&self, now: Duration) -> Option<Reading> {
        self.known.begin(now, LOST_AFTER)
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.known.is_being_read()
    }

    /// Leaves `reading`. Returns whether it was still under way.
    pub fn leave(&self, reading: Reading) -> bool {
        self.known.leave(reading)
    }

    /// The latest entries that still hold at `now`.
    pub fn last(&self, now: Duration) -> Option<Entries> {
        self.known.last(now)
    }

    /// Forgets them, since they have changed.
    pub fn forget(&self) {
        self.known.forget();
    }

    /// Stores what `reading` has found at `now`, or that the store could not tell (`None`). Returns what to go by: while the store
    /// can't tell, the latest entries hold for ten times as long as usual.
    pub fn learn(&self, entries: Option<Entries>, now: Duration, reading: Reading) -> Option<Entries> {
        let Self { within, known, .. } = self;
        match entries {
            Some(entries) => {
                let life = Life { fresh: *within / 2, usable: *within, valid: within.saturating_mul(HOLDS) };
                known.learn(entries, life, now, Some(reading))
            }
            None => known.fail(
                |_, valid_for| Pause { fresh: PAUSE, usable: valid_for.unwrap_or(PAUSE) },
                now,
                Some(reading),
            ),
        }
    }
}

impl Entries {
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

/// The entry that revokes the tokens that were issued before `now`. Times of tokens are whole seconds, so those of the present one are
/// among them.
#[must_use]
pub fn issued_before(now: Timestamp) -> i64 {
    i64::try_from(now.unix_millis().div_ceil(1_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn list() -> List {
        List::of("https://id")
    }

    fn claims(text: &str) -> ClaimSet {
        ClaimSet::new(None, None, None, serde_json::from_str(text).unwrap())
    }

    fn watch() -> Watch {
        Watch::of_list(&list(), Duration::from_secs(60))
    }

    fn learn(watch: &Watch, entries: Option<Entries>, now: Duration) -> Option<Entries> {
        watch.learn(entries, now, watch.begin(now).unwrap())
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

    /// docs/configuration.md, Who is calling: read again behind an answer from half of the time, and before one from all of it; the
    /// latest entries hold for ten times as long while the store can't answer.
    #[test]
    fn a_list_is_honoured_within_its_time_and_held_on_to_for_ten_times_it() {
        let (watch, none) = (watch(), Entries::default());
        assert_eq!(watch.look(at(0)), Look::Unread);
        assert_eq!(learn(&watch, Some(none), at(0)), Some(none));
        assert_eq!(watch.look(at(29)), Look::Known(Some(none)));
        assert_eq!(watch.look(at(30)), Look::Stale(Some(none)));
        assert_eq!(watch.look(at(60)), Look::Unread);
        assert_eq!(learn(&watch, None, at(60)), Some(none));
        assert_eq!(watch.look(at(64)), Look::Known(Some(none)));
        assert_eq!(watch.look(at(599)), Look::Stale(Some(none)));
        assert_eq!(learn(&watch, None, at(599)), Some(none));
        assert_eq!(watch.look(at(600)), Look::Known(None), "the store is not asked for each request");
        assert_eq!(watch.look(at(604)), Look::Unread);
        assert_eq!(learn(&watch, None, at(604)), None);
        assert_eq!((watch.look(at(608)), watch.look(at(609))), (Look::Known(None), Look::Unread));
    }

    #[test]
    fn a_read_from_before_a_change_does_not_count() {
        let watch = watch();
        let reading = watch.begin(at(0)).unwrap();
        watch.forget();
        assert_eq!(watch.learn(Some(Entries::default()), at(0), reading), None);
        assert_eq!(watch.look(at(0)), Look::Unread);
        let marked = Entries { first: true, before: None };
        assert_eq!(learn(&watch, Some(marked), at(0)), Some(marked));
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
        assert_eq!(issued_before(Timestamp::from_unix_millis(999_001)), 1_000);
        assert_eq!(issued_before(Timestamp::from_unix_millis(1_000_000)), 1_000);
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
        let of = |text| Watch::of_token(&list(), &claims(text), Duration::from_secs(60));
        let both = of(r#"{"jti": "a", "sub": "me"}"#).unwrap();
        assert_eq!(both.first(), Some(&list().entry(Revoked::Token("a"))));
        assert_eq!(both.second(false), Some(&list().entry(Revoked::Subject("me"))));
        assert_eq!(both.second(true), None, "it is revoked as it is");
        let subject = of(r#"{"jti": 1, "sub": "me"}"#).unwrap();
        assert_eq!((subject.first(), subject.second(false).is_some()), (None, true));
        assert!(of("{}").is_none());
        assert!(watch().second(true).is_some() && watch().second(false).is_none());
    }
}

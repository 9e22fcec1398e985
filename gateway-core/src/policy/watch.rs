//! What credentials are decided by, entries of the key-value store and answers of issuers, and what is remembered of it.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use super::api_key::Entry;
use super::remembered::{Life, Look, Pause, Reading, Remembered, Turn};
use super::revocation::Entries;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::store_key::StoreKey;

/// The longest that a request waits for a read, by itself or another.
pub const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for an answer of an issuer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The age from which a read that requests wait for counts as lost: see [`flag::LOST_AFTER`](super::flag::LOST_AFTER).
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The same for an answer of an issuer.
const ANSWER_LOST_AFTER: Duration = Duration::from_secs(3);

/// The time that a request has for the task of reading after its answer; then another takes it on. Less than the shortest time
/// between due and overdue, so that the task is not left undone.
const PATIENCE: Duration = Duration::from_secs(4);

/// The number of times its usual life for which an entry holds while the store can't answer.
const HOLDS: u32 = 10;

/// The time after which a store that has failed is asked again.
const PAUSE: Duration = Duration::from_secs(5);

/// The time after which an issuer that gave no answer is asked about the same token again.
const ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// The age from which a token that is not active is asked about again.
const INACTIVE_LIFE: Duration = Duration::from_secs(5);

/// The age from which the entry of a key is no longer gone by, so that one which is revoked elsewhere is refused.
pub const KEY_LIFE: Duration = Duration::from_secs(60);

/// The same for a key without an entry. One that is made then is taken after this time.
pub const NO_KEY_LIFE: Duration = Duration::from_secs(10);

/// Entries that are asked for together, and what is known of them.
#[derive(Debug)]
pub struct Watch {
    first: Option<StoreKey>,
    second: Option<StoreKey>,
    kind: Kind,
    known: Remembered<Known>,
}

/// What the entries are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The marker of a list of revoked tokens, and the time before which all are void; to be honoured within this time.
    List(Duration),
    /// A token, and its subject.
    Token(Duration),
    /// An API key.
    Key,
    /// A token that its issuer is asked about. Its key is of no store: requests meet by it.
    Answer,
}

/// What is known of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The entries of a list, or of a token.
    Revoked(Entries),
    /// The entry of an API key; none if there is none.
    Key(Option<Arc<Entry>>),
    /// The answer about a token; none if it is not active.
    Answer(Option<Arc<Answer>>),
}

/// An answer about a token that is active.
#[derive(Debug)]
pub struct Answer {
    /// Who holds it.
    pub caller: Arc<Caller>,
    /// The time for which the answer is good.
    pub life: Duration,
}

/// Two are the same if they are one: nothing compares callers.
impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.caller, &other.caller)
    }
}

impl Eq for Answer {}

impl Watch {
    /// Entries of this kind. The second is asked for if the first of a list is there, or that of a token is not.
    #[must_use]
    pub fn new(kind: Kind, first: Option<StoreKey>, second: Option<StoreKey>) -> Self {
        Self { first, second, kind, known: Remembered::default() }
    }

    /// What the entries are of.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The key that is asked for first.
    #[must_use]
    pub const fn first(&self) -> Option<&StoreKey> {
        self.first.as_ref()
    }

    /// The key that is asked for next, once the first is known to be there or not.
    #[must_use]
    pub fn second(&self, first_is_there: bool) -> Option<&StoreKey> {
        self.second.as_ref().filter(|_| first_is_there == matches!(self.kind, Kind::List(_)))
    }

    /// The key under which requests meet.
    #[must_use]
    pub fn meeting(&self) -> &str {
        self.first.as_ref().or(self.second.as_ref()).map(StoreKey::as_str).unwrap_or_default()
    }

    /// The answer while nothing is known.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        match self.kind {
            Kind::List(_) | Kind::Token(_) => Refusal::RevocationsUnavailable,
            Kind::Key => Refusal::KeyUnavailable,
            Kind::Answer => Refusal::IntrospectionUnavailable,
        }
    }

    /// The longest that a request waits for a read, by itself or another.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        if matches!(self.kind, Kind::Answer) { ANSWER_TIMEOUT } else { READ_TIMEOUT }
    }

    const fn lost_after(&self) -> Duration {
        if matches!(self.kind, Kind::Answer) { ANSWER_LOST_AFTER } else { LOST_AFTER }
    }

    /// The meaning of what the store has; `None` if somebody else wrote what is no entry of a list: nothing is known then.
    #[must_use]
    pub fn read(&self, first: Option<&Bytes>, second: Option<&Bytes>) -> Option<Known> {
        match self.kind {
            Kind::List(_) | Kind::Token(_) => {
                Entries::read(first.is_some(), second.map(|second| &**second)).map(Known::Revoked)
            }
            Kind::Key => Some(Known::Key(first.and_then(|first| Entry::read(first)).map(Arc::new))),
            Kind::Answer => None,
        }
    }

    /// Looks up the entries at `now`, a time of the process's monotonic clock.
    pub fn look(&self, now: Duration) -> Look<Known> {
        self.known.look(now, PATIENCE)
    }

    /// Assigns the part of a request that found them unread at `now`.
    pub fn turn(&self, now: Duration) -> Turn<Known> {
        self.known.turn(now, self.lost_after())
    }

    /// Begins a read for which nobody waits; `None` if another is under way.
    pub fn begin(&self, now: Duration) -> Option<Reading> {
        self.known.begin(now, self.lost_after())
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.known.is_being_read()
    }

    /// Leaves `reading`. Returns whether it was still under way.
    pub fn leave(&self, reading: Reading) -> bool {
        self.known.leave(reading)
    }

    /// What still holds at `now`.
    pub fn last(&self, now: Duration) -> Option<Known> {
        self.known.last(now)
    }

    /// Learns at `now`, without a read, what is `known`.
    pub fn tell(&self, known: Known, now: Duration) {
        let life = self.life(&known);
        self.known.learn(known, life, now, None);
    }

    /// Forgets what is known, since it has changed.
    pub fn forget(&self) {
        self.known.forget();
    }

    /// Stores what `reading` has found at `now`, or that the store could not tell (`None`). Returns what to go by.
    pub fn learn(&self, known: Option<Known>, now: Duration, reading: Reading) -> Option<Known> {
        let pause = if self.kind == Kind::Answer { ANSWER_PAUSE } else { PAUSE };
        match known {
            Some(known) => {
                let life = self.life(&known);
                self.known.learn(known, life, now, Some(reading))
            }
            None => self.known.fail(
                |_, valid_for| Pause { fresh: pause, usable: valid_for.unwrap_or(pause) },
                now,
                Some(reading),
            ),
        }
    }

    /// Stores what is known at `now` without a read.
    pub fn remember(&self, known: Known, now: Duration) {
        let life = self.life(&known);
        let _ = self.known.learn(known, life, now, None);
    }

    fn life(&self, known: &Known) -> Life {
        let usable = match (self.kind, known) {
            (Kind::List(within) | Kind::Token(within), _) => within,
            // Nothing to hold on to: a key that may be good by now must not be refused for long.
            (Kind::Key, Known::Key(None)) => {
                return Life { fresh: NO_KEY_LIFE, usable: NO_KEY_LIFE, valid: NO_KEY_LIFE };
            }
            (Kind::Key, _) => KEY_LIFE,
            // Nothing holds on to an answer: a token that may have been revoked is asked about before it is taken.
            (Kind::Answer, known) => {
                let life = match known {
                    Known::Answer(Some(answer)) => answer.life,
                    _ => INACTIVE_LIFE,
                };
                return Life { fresh: life, usable: life, valid: life };
            }
        };
        Life { fresh: usable / 2, usable, valid: usable.saturating_mul(HOLDS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store_key::KeyUse;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn watch(kind: Kind) -> Watch {
        let key = |name: &str| Some(StoreKey::digested(KeyUse::Revoked, "", &[name]));
        Watch::new(kind, key("first"), key("second"))
    }

    fn learn(watch: &Watch, known: Option<Known>, now: Duration) -> Option<Known> {
        watch.learn(known, now, watch.begin(now).unwrap())
    }

    const NONE: Known = Known::Revoked(Entries::NONE);

    /// docs/configuration.md, Revoked tokens: read again behind an answer from half of the time, and before one from all of it; the
    /// latest entries hold for ten times as long while the store can't answer.
    #[test]
    fn a_list_is_honoured_within_its_time_and_held_on_to_for_ten_times_it() {
        let watch = watch(Kind::List(Duration::from_secs(60)));
        assert_eq!(watch.look(at(0)), Look::Unread);
        assert_eq!(learn(&watch, Some(NONE), at(0)), Some(NONE));
        assert_eq!(watch.look(at(29)), Look::Known(Some(NONE)));
        assert_eq!(watch.look(at(30)), Look::Stale(Some(NONE)));
        assert_eq!(watch.look(at(60)), Look::Unread);
        assert_eq!(learn(&watch, None, at(60)), Some(NONE));
        assert_eq!(watch.look(at(64)), Look::Known(Some(NONE)));
        assert_eq!(watch.look(at(599)), Look::Stale(Some(NONE)));
        assert_eq!(learn(&watch, None, at(599)), Some(NONE));
        assert_eq!(watch.look(at(600)), Look::Known(None), "the store is not asked for each request");
        assert_eq!(watch.look(at(604)), Look::Unread);
        assert_eq!(learn(&watch, None, at(604)), None);
        assert_eq!((watch.look(at(608)), watch.look(at(609))), (Look::Known(None), Look::Unread));
    }

    /// docs/configuration.md, API keys: 60 s for a key that is there, 10 s for one that is not.
    #[test]
    fn a_key_is_known_for_a_minute_and_a_wrong_one_for_ten_seconds() {
        let (there, none) = (Known::Key(Some(Arc::default())), Known::Key(None));
        let watch = watch(Kind::Key);
        learn(&watch, Some(none.clone()), at(0));
        assert_eq!((watch.look(at(9)), watch.look(at(10))), (Look::Known(Some(none)), Look::Unread));
        assert_eq!(learn(&watch, None, at(10)), None);
        learn(&watch, Some(there.clone()), at(20));
        assert_eq!(
            (watch.look(at(49)), watch.look(at(50))),
            (Look::Known(Some(there.clone())), Look::Stale(Some(there.clone())))
        );
        assert_eq!(watch.look(at(80)), Look::Unread);
        assert_eq!(learn(&watch, None, at(80)), Some(there));
    }

    #[test]
    fn a_read_from_before_a_change_does_not_count() {
        let watch = watch(Kind::Key);
        let reading = watch.begin(at(0)).unwrap();
        watch.forget();
        assert_eq!(watch.learn(Some(Known::Key(None)), at(0), reading), None);
        assert_eq!(watch.look(at(0)), Look::Unread);
    }

    #[test]
    fn the_second_entry_is_asked_for_where_it_matters() {
        let asks = |kind| (watch(kind).second(true).is_some(), watch(kind).second(false).is_some());
        let within = Duration::from_secs(60);
        assert_eq!((asks(Kind::List(within)), asks(Kind::Token(within))), ((true, false), (false, true)));
    }
}

//! Flags: entries of the key-value store that turn something on while they exist.
//!
//! A read for each request would cost as much as the request. So the value is remembered; when a request finds it old,
//! it is read again after that request's answer. Without a usable value, one request reads first, and the others wait.

use core::time::Duration;

use super::remembered::{Life, Pause, Remembered};
pub use super::remembered::{Look, Reading, Turn};
use crate::store_key::{KeyUse, StoreKey};

/// The age from which a value is read again, after the answer to the request that finds it.
pub const FRESH_FOR: Duration = Duration::from_secs(5);

/// The age from which a value is no longer used: the request that finds it reads the flag first.
pub const USABLE_FOR: Duration = Duration::from_secs(30);

/// The longest that a request waits for a read.
pub const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The age from which a read that requests wait for counts as lost, and another request reads, too. The first reader may
/// be gone without a trace, as on Workers. Also the time after which a store that has not answered counts as failed.
pub const LOST_AFTER: Duration = Duration::from_secs(1);

/// The longest that a read or change may take for the admin endpoints.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// A value holds until there is another.
const LIFE: Life = Life { fresh: FRESH_FOR, usable: USABLE_FOR, valid: Duration::MAX };

const PAUSE: Pause = Pause { fresh: FRESH_FOR, usable: USABLE_FOR };

/// A flag of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name in the configuration.
    pub name: Box<str>,
    /// Its index in [`Plan::flags`](crate::plan::Plan::flags).
    pub index: usize,
}

/// The flags of a plan while it is compiled.
#[derive(Debug, Default)]
pub struct Flags(Vec<StoreKey>);

impl Flags {
    /// Returns the flag called `name`, the same for every policy that uses it; `None` if the name makes no key.
    pub fn find(&mut self, name: &str) -> Option<Flag> {
        let is_name = !name.is_empty() && !name.contains(char::is_control);
        let key = StoreKey::written(KeyUse::Flag, |key| {
            key.push_str(name);
            is_name
        })?;
        let index = self.0.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.0.push(key);
            self.0.len() - 1
        });
        Some(Flag { name: name.into(), index })
    }

    /// The keys, by the flags' indexes.
    #[must_use]
    pub fn into_keys(self) -> Vec<StoreKey> {
        self.0
    }
}

/// Returns whether the admin endpoints have a path for the flag called `name`: one with the same normal form
/// ([`normalise`](crate::http::path::normalise)), whoever sends it.
#[must_use]
pub fn is_reachable(name: &str) -> bool {
    let is_kept = |part: &str| !part.is_empty() && !matches!(part.split(';').next(), Some("." | ".."));
    !name.contains('\\') && name.split('/').all(is_kept)
}

/// Returns whether a flag is set by an entry with this value: by any except an empty one, `0`, `false`, `off` and `no`.
#[must_use]
pub fn is_set(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    !value.is_empty() && ![&b"0"[..], b"false", b"off", b"no"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// The remembered value of a flag, shared by all requests.
#[derive(Debug, Default)]
pub struct FlagCell(Remembered<bool>);

impl FlagCell {
    /// Looks up the value at `now`, a time of the process's monotonic clock.
    pub fn look(&self, now: Duration) -> Look<bool> {
        self.0.look(now, FRESH_FOR)
    }

    /// Assigns the part of a request that found it unread at `now`: the first reads, and the others wait.
    pub fn turn(&self, now: Duration) -> Turn<bool> {
        self.0.turn(now, LOST_AFTER)
    }

    /// Returns whether a read has begun that has neither ended nor been left.
    pub fn is_being_read(&self) -> bool {
        self.0.is_being_read()
    }

    /// Leaves `reading`, so that another request reads. Returns whether it was still under way, neither ended nor lost.
    pub fn leave(&self, reading: Reading) -> bool {
        self.0.leave(reading)
    }

    /// The latest value, however old.
    pub fn last(&self) -> Option<bool> {
        self.0.last(Duration::ZERO)
    }

    /// Stores the result of a read at `now`, and returns the value to use. While the store can't answer (`None`), that
    /// is the previous value.
    pub fn learn(&self, value: Option<bool>, now: Duration) -> Option<bool> {
        match value {
            Some(value) => self.0.learn(value, LIFE, now, None),
            None => self.0.fail(|_, _| PAUSE, now, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    /// docs/configuration.md, Flags: set while it is there, but for the values that say no.
    #[test]
    fn a_flag_is_set_by_any_value_that_does_not_say_no() {
        for set in ["1", "on", "true", "{}", "since 10 pm", "false alarm"] {
            assert!(is_set(set.as_bytes()), "{set}");
        }
        for unset in ["", " \n", "0", "false", "FALSE", " off\n", "no"] {
            assert!(!is_set(unset.as_bytes()), "{unset}");
        }
    }

    /// docs/configuration.md, Flags: read again after 5 s by one request, used for 30 s.
    #[test]
    fn one_request_in_five_seconds_has_it_read_again() {
        let cell = FlagCell::default();
        assert_eq!(cell.look(at(0)), Look::Unread);
        assert_eq!(cell.learn(Some(true), at(0)), Some(true));
        assert_eq!(cell.look(at(4)), Look::Known(Some(true)));
        assert_eq!(cell.look(at(5)), Look::Stale(Some(true)));
        assert_eq!(cell.look(at(5)), Look::Known(Some(true)));
        // The request that took the read on did not do it.
        assert_eq!(cell.look(at(10)), Look::Stale(Some(true)));
        assert_eq!(cell.learn(Some(false), at(11)), Some(false));
        assert_eq!(cell.look(at(12)), Look::Known(Some(false)));
        assert_eq!(cell.look(at(41)), Look::Unread);
    }

    /// docs/configuration.md, Flags: while the store can't answer, the last value holds, and the store is asked no more often.
    #[test]
    fn the_last_value_outlives_a_failing_store() {
        let cell = FlagCell::default();
        assert_eq!(cell.learn(None, at(0)), None);
        assert_eq!(cell.look(at(4)), Look::Known(None));
        assert_eq!(cell.learn(Some(true), at(5)), Some(true));
        assert_eq!(cell.learn(None, at(50)), Some(true));
        assert_eq!(cell.look(at(54)), Look::Known(Some(true)));
    }

    /// docs/configuration.md, Flags: where there is no value to go by, one request reads it, and the others wait for that.
    #[test]
    fn one_request_reads_and_the_others_wait() {
        let cell = FlagCell::default();
        let Turn::Read(reading) = cell.turn(at(0)) else { panic!("the first reads") };
        assert_eq!(cell.turn(at(0)), Turn::Wait(LOST_AFTER));
        assert!(cell.is_being_read());
        assert_eq!(cell.learn(Some(true), at(0)), Some(true));
        assert!(!cell.is_being_read());
        assert_eq!(cell.turn(at(0)), Turn::Over(Some(true)));
        assert!(!cell.leave(reading), "it has ended");
        // Too old a value is read again.
        assert!(matches!(cell.turn(at(30)), Turn::Read(_)));
    }

    /// docs/configuration.md, Flags: a read that is left, or not over after a second, is taken over.
    #[test]
    fn a_read_that_comes_to_no_end_is_taken_over() {
        let cell = FlagCell::default();
        let Turn::Read(left) = cell.turn(at(0)) else { panic!("the first reads") };
        assert!(cell.leave(left));
        let Turn::Read(lost) = cell.turn(at(0)) else { panic!("the next takes over") };
        assert_eq!(cell.turn(at(1) - Duration::from_millis(1)), Turn::Wait(Duration::from_millis(1)));
        let Turn::Read(last) = cell.turn(at(1)) else { panic!("the first is taken for lost") };
        assert!(!cell.leave(lost), "another reads by now, and goes on");
        assert_eq!(cell.turn(at(1)), Turn::Wait(LOST_AFTER));
        assert!(cell.leave(last));
        assert_eq!(cell.last(), None);
    }

    #[test]
    fn policies_that_name_one_flag_share_it() {
        let mut flags = Flags::default();
        let mut index = |name: &str| flags.find(name).map(|flag| flag.index);
        assert_eq!([index("a"), index("b"), index("a")], [Some(0), Some(1), Some(0)]);
        assert_eq!([index(""), index("a\nb"), index(&"a".repeat(251))], [None; 3]);
        assert_eq!(index(&"a".repeat(250)), Some(2));
        assert_eq!(flags.into_keys()[1].as_str(), "flag:b");
    }
}

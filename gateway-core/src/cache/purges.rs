//! Stored responses that an operator has put an end to: by URL, by the beginning of URLs, by tag, or all of them.
//!
//! A purge is kept as a time, and a stored response that is older than one for it is not used any more. So it holds for what is stored
//! anywhere, and costs nothing but a look at a short list.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::Entry;
use crate::numbers::Numbered;
use crate::time::Timestamp;

/// The most purges that are kept one by one; after that, all that is stored is purged with the oldest of them.
const MOST: usize = 1_000;

/// The time, in milliseconds, after which a purge is forgotten: no response is stored as long.
const KEPT_FOR: u64 = 400 * 86_400_000;

/// The stored responses that a purge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged<'p> {
    /// All of them.
    All,
    /// Those of this resource: see `policy::cache::resource`.
    Resource(&'p str),
    /// Those of resources that begin so.
    Beginning(&'p str),
    /// Those with this tag.
    Tag(&'p str),
}

/// The effect of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// They are stale: used while they are asked for again, or where the upstream fails.
    Soft,
    /// They are gone.
    Hard,
}

/// The purges that count.
#[derive(Debug, Default)]
pub struct Purges {
    all: Times,
    resources: Numbered<Times>,
    beginnings: Vec<(Box<str>, Times)>,
    tags: Numbered<Times>,
    kept: usize,
}

/// The latest purges of something, by their reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    soft: Option<Timestamp>,
    hard: Option<Timestamp>,
}

impl Times {
    fn add(&mut self, at: Timestamp, reach: Reach) {
        let time = match reach {
            Reach::Soft => &mut self.soft,
            Reach::Hard => &mut self.hard,
        };
        *time = (*time).max(Some(at));
    }

    /// The reach of these for a response of that time.
    fn reach(self, stored: Timestamp) -> Option<Reach> {
        let holds = |time: Option<Timestamp>| time.is_some_and(|time| stored <= time);
        if holds(self.hard) { Some(Reach::Hard) } else { holds(self.soft).then_some(Reach::Soft) }
    }

    fn latest(self) -> Option<Timestamp> {
        self.soft.max(self.hard)
    }
}

impl Purges {
    /// Adds a purge of what is stored by `at`.
    pub fn add(&mut self, purged: Purged<'_>, at: Timestamp, reach: Reach) {
        let times = match purged {
            Purged::All => Some(&mut self.all),
            Purged::Resource(resource) => self.resources.of(resource),
            Purged::Tag(tag) => self.tags.of(tag),
            Purged::Beginning(text) => {
                let at = self.beginnings.iter().position(|(known, _)| **known == *text).unwrap_or_else(|| {
                    self.beginnings.push((text.into(), Times::default()));
                    self.beginnings.len() - 1
                });
                self.beginnings.get_mut(at).map(|(_, times)| times)
            }
        };
        if let Some(times) = times {
            if *times == Times::default() {
                self.kept += 1;
            }
            times.add(at, reach);
        }
        if self.kept > MOST {
            self.forget(at);
        }
    }

    /// Forgets the older half of the purges: all that was stored by the latest of them is purged instead, so that none is lost.
    fn forget(&mut self, now: Timestamp) {
        let mut times: Vec<Timestamp> = self.iter().filter_map(|(_, times)| times.latest()).collect();
        crate::order::sort_by(&mut times, Timestamp::cmp);
        let Some(middle) = times.get(times.len() / 2).copied() else { return };
        let old = core::mem::take(self);
        let oldest = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(KEPT_FOR));
        self.all = old.all;
        for (purged, times) in old.iter() {
            for (time, reach) in [(times.soft, Reach::Soft), (times.hard, Reach::Hard)] {
                let Some(time) = time.filter(|time| *time > oldest) else { continue };
                match purged {
                    Purged::All => {}
                    _ if time > middle => self.add(purged, time, reach),
                    _ => self.all.add(time, reach),
                }
            }
        }
    }

    /// The effect on `entry`, stored for `resource` and asked for at `asked`; none if it is good.
    #[must_use]
    pub fn reach(&self, resource: &str, entry: &Entry, asked: Timestamp) -> Option<Reach> {
        if self.is_empty() {
            return None;
        }
        let of = |times: Option<&Times>| times.and_then(|times| times.reach(asked));
        let beginnings = self.beginnings.iter().filter(|(text, _)| resource.starts_with(&**text));
        let beginnings = beginnings.filter_map(|(_, times)| times.reach(asked)).max();
        let tags = entry.tags.iter().filter_map(|tag| of(self.tags.find(tag))).max();
        self.all.reach(asked).max(of(self.resources.find(resource))).max(beginnings).max(tags)
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept == 0 && self.all == Times::default()
    }

    fn iter(&self) -> impl Iterator<Item = (Purged<'_>, Times)> {
        let resources = self.resources.iter().map(|(name, times)| (Purged::Resource(name), *times));
        let tags = self.tags.iter().map(|(name, times)| (Purged::Tag(name), *times));
        let beginnings = self.beginnings.iter().map(|(text, times)| (Purged::Beginning(text), *times));
        core::iter::once((Purged::All, self.all)).chain(resources).chain(tags).chain(beginnings)
    }
}

/// The purges that the threads of a process share.
#[derive(Debug, Default)]
pub struct PurgeBook {
    purges: Mutex<Arc<Purges>>,
    /// Set once there is any: a look at a lock less.
    has_any: AtomicBool,
}

impl PurgeBook {
    /// The effect on `entry`, stored for `resource` and asked for at `asked`; none if it is good.
    #[must_use]
    pub fn reach(&self, resource: &str, entry: &Entry, asked: Timestamp) -> Option<Reach> {
        if !self.has_any.load(Ordering::Acquire) {
            return None;
        }
        let purges = Arc::clone(&self.book());
        purges.reach(resource, entry, asked)
    }

    /// Adds a purge of what is stored by `at`.
    pub fn add(&self, purged: &[Purged<'_>], at: Timestamp, reach: Reach) {
        let mut book = self.book();
        let mut next = Purges::default();
        for (known, times) in book.iter() {
            for (time, reach) in [(times.soft, Reach::Soft), (times.hard, Reach::Hard)] {
                if let Some(time) = time {
                    next.add(known, time, reach);
                }
            }
        }
        for purged in purged {
            next.add(*purged, at, reach);
        }
        *book = Arc::new(next);
        self.has_any.store(true, Ordering::Release);
    }

    /// A panic elsewhere leaves the list usable.
    fn book(&self) -> MutexGuard<'_, Arc<Purges>> {
        self.purges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + millis)
    }

    fn entry(tags: &[&str]) -> Entry {
        Entry { tags: tags.iter().map(|tag| (*tag).into()).collect(), ..Entry::of_nothing() }
    }

    /// docs/configuration.md, Cache: what is stored by the time of a purge is gone, what is asked for later is not.
    #[test]
    fn a_purge_reaches_what_it_names_and_is_older() {
        let cases: [(Purged<'_>, &str, &[&str], bool); 9] = [
            (Purged::All, "http://a:80/x", &[], true),
            (Purged::Resource("http://a:80/x"), "http://a:80/x", &[], true),
            (Purged::Resource("http://a:80/x"), "http://a:80/x?y", &[], false),
            (Purged::Beginning("http://a:80/x"), "http://a:80/x?y", &[], true),
            (Purged::Beginning("http://a:80/x/"), "http://a:80/x", &[], false),
            (Purged::Tag("b"), "http://a:80/x", &["a", "b"], true),
            (Purged::Tag("c"), "http://a:80/x", &["a", "b"], false),
            (Purged::Tag(""), "http://a:80/x", &[], false),
            (Purged::Beginning(""), "http://a:80/x", &[], true),
        ];
        for (purged, resource, tags, reaches) in cases {
            for reach in [Reach::Soft, Reach::Hard] {
                let mut purges = Purges::default();
                purges.add(purged, at(5), reach);
                assert_eq!(purges.reach(resource, &entry(tags), at(5)), reaches.then_some(reach), "{purged:?}");
                assert_eq!(purges.reach(resource, &entry(tags), at(6)), None, "{purged:?}");
            }
        }
    }

    #[test]
    fn the_harder_purge_counts() {
        let mut purges = Purges::default();
        purges.add(Purged::All, at(9), Reach::Soft);
        purges.add(Purged::Tag("a"), at(5), Reach::Hard);
        assert_eq!(purges.reach("x", &entry(&["a"]), at(5)), Some(Reach::Hard));
        assert_eq!(purges.reach("x", &entry(&["a"]), at(6)), Some(Reach::Soft));
        assert_eq!(purges.reach("x", &entry(&["a"]), at(10)), None);
    }

    /// No purge is lost, however many there are: at worst too much is purged.
    #[test]
    fn a_list_that_grows_too_long_purges_more() {
        let mut purges = Purges::default();
        for n in 0..100_000 {
            purges.add(Purged::Tag(&format!("t{n}")), at(n), Reach::Hard);
            assert!(purges.kept <= MOST, "{}", purges.kept);
            assert_eq!(purges.reach("x", &entry(&[&format!("t{n}")]), at(n)), Some(Reach::Hard));
        }
        for n in [0, 1, 50_000, 99_000, 99_999] {
            assert_eq!(purges.reach("x", &entry(&[&format!("t{n}")]), at(n)), Some(Reach::Hard), "{n}");
        }
        assert_eq!(purges.reach("x", &entry(&["t99999"]), at(100_000)), None);
    }

    #[test]
    fn a_book_keeps_what_was_added_before() {
        let book = PurgeBook::default();
        book.add(&[Purged::Tag("a"), Purged::Resource("r")], at(1), Reach::Soft);
        book.add(&[Purged::Tag("b")], at(2), Reach::Hard);
        assert_eq!(book.reach("x", &entry(&["a"]), at(1)), Some(Reach::Soft));
        assert_eq!(book.reach("r", &entry(&[]), at(1)), Some(Reach::Soft));
        assert_eq!(book.reach("x", &entry(&["b"]), at(2)), Some(Reach::Hard));
    }
}

//! The credentials that somebody was asked about lately: API keys in the key-value store, and tokens at their issuer.
//!
//! Good ones and others have memories of their own: whoever tries made-up ones pushes no good one out, and has
//! somebody asked in bounds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::api_key::KeyDigest;
use super::tries::Tries;
use super::watch::{Kind, Watch};

/// The most keys of one generation; each memory has two.
const MOST_KEYS: usize = 512;

/// What is known of the credentials that were asked about. When there are too many, those go that were not stated lately.
#[derive(Debug, Default)]
pub struct Answers {
    memories: Mutex<Memories>,
    /// The credentials of clients about which somebody was asked, and that were wrong.
    pub tries: Tries,
}

#[derive(Debug, Default)]
struct Memories {
    good: Memory,
    other: Memory,
    /// The number of changes of entries.
    changes: u64,
}

#[derive(Debug, Default)]
struct Memory {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<u64, (KeyDigest, Arc<Watch>), FxBuildHasher>;

impl Answers {
    /// What is known of the credential of this `kind` with this digest.
    pub fn find(&self, kind: Kind, digest: KeyDigest) -> Arc<Watch> {
        self.find_or(digest, || Watch::new(kind, Some(digest.store_key()), None))
    }

    /// The same of whatever `new` is to watch.
    pub fn find_or(&self, digest: KeyDigest, new: impl FnOnce() -> Watch) -> Arc<Watch> {
        let mut memories = self.memories();
        if let Some(known) = memories.good.find(digest).or_else(|| memories.other.find(digest)) {
            return known;
        }
        let new = Arc::new(new());
        memories.other.keep(digest, Arc::clone(&new));
        new
    }

    /// The number of changes of entries that were told.
    pub fn changes(&self) -> u64 {
        self.memories().changes
    }

    /// Takes note that entries have changed.
    pub fn changed(&self) {
        let memories = &mut *self.memories();
        memories.changes = memories.changes.wrapping_add(1);
    }

    /// Takes note that the credential with this digest is good; not if entries have changed since there were so many `changes`: its own may be among
    /// them, and `watch` be one that nobody has told.
    pub fn is_good(&self, digest: KeyDigest, watch: &Arc<Watch>, changes: u64) {
        let mut memories = self.memories();
        if memories.changes == changes {
            memories.good.keep(digest, Arc::clone(watch));
        }
    }

    /// Forgets what is known of the key with this digest, since its entry has changed.
    pub fn forget(&self, digest: KeyDigest) {
        let memories = &mut *self.memories();
        memories.changes = memories.changes.wrapping_add(1);
        for memory in [&mut memories.good, &mut memories.other] {
            if let Some(known) = memory.find(digest) {
                known.forget();
            }
        }
    }

    /// A panic elsewhere leaves the memory usable: at worst a key is missing.
    fn memories(&self) -> MutexGuard<'_, Memories> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn find(&mut self, digest: KeyDigest) -> Option<Arc<Watch>> {
        let place = digest.place();
        if let Some((known, watch)) = self.young.get(&place) {
            return known.is(digest).then(|| Arc::clone(watch));
        }
        let (known, watch) = self.old.remove(&place)?;
        if !known.is(digest) {
            return None;
        }
        self.keep(digest, Arc::clone(&watch));
        Some(watch)
    }

    fn keep(&mut self, digest: KeyDigest, watch: Arc<Watch>) {
        if self.young.len() >= MOST_KEYS {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(digest.place(), (digest, watch));
    }
}

#[cfg(test)]
mod tests {
    use super::super::api_key::Digester;
    use super::*;

    fn digest(number: usize) -> KeyDigest {
        Digester::default().digest(&number.to_string())
    }

    #[test]
    fn a_key_is_asked_for_at_one_place() {
        let answers = Answers::default();
        assert!(Arc::ptr_eq(&answers.find(Kind::Key, digest(1)), &answers.find(Kind::Key, digest(1))));
        assert!(!Arc::ptr_eq(&answers.find(Kind::Key, digest(1)), &answers.find(Kind::Key, digest(2))));
        assert_eq!(answers.find(Kind::Key, digest(1)).first(), Some(&digest(1).store_key()));
    }

    /// docs/configuration.md, API keys: the memory is bounded, and made-up keys push out no good one.
    #[test]
    fn made_up_keys_push_out_no_good_one() {
        let answers = Answers::default();
        let good = answers.find(Kind::Key, digest(0));
        answers.is_good(digest(0), &good, 0);
        for number in 1..10_000 {
            answers.find(Kind::Key, digest(number));
        }
        assert!(Arc::ptr_eq(&good, &answers.find(Kind::Key, digest(0))));
        let memories = answers.memories();
        assert!(memories.other.young.len() + memories.other.old.len() <= 2 * MOST_KEYS);
    }

    /// docs/configuration.md, API keys: a key that is revoked is refused at once by the process that is told.
    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let answers = Answers::default();
        let (changes, read) = (answers.changes(), answers.find(Kind::Key, digest(0)));
        for number in 1..2_000 {
            answers.find(Kind::Key, digest(number));
        }
        answers.forget(digest(0));
        answers.is_good(digest(0), &read, changes);
        assert!(!Arc::ptr_eq(&read, &answers.find(Kind::Key, digest(0))));
        let again = answers.find(Kind::Key, digest(0));
        answers.is_good(digest(0), &again, answers.changes());
        assert!(Arc::ptr_eq(&again, &answers.find(Kind::Key, digest(0))));
    }

    #[test]
    fn of_too_many_keys_those_go_that_were_not_asked_for_lately() {
        let answers = Answers::default();
        let watches: Vec<_> = (0..600).map(|number| answers.find(Kind::Key, digest(number))).collect();
        let first = answers.find(Kind::Key, digest(0));
        assert!(Arc::ptr_eq(&first, &watches[0]));
        for number in 600..1_100 {
            answers.find(Kind::Key, digest(number));
        }
        assert!(Arc::ptr_eq(&first, &answers.find(Kind::Key, digest(0))));
        assert!(!Arc::ptr_eq(&watches[1], &answers.find(Kind::Key, digest(1))));
    }
}

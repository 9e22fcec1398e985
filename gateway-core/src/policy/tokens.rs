//! Tokens that were verified, so that one that comes again costs no check of its signature.
//!
//! A token is found by a hash, and then compared as a whole. Only tokens with a good signature are kept, so nobody can fill the
//! memory with others, and the bytes of one are compared only with a token of the same 64-bit hash, which nobody finds who does not
//! have it. Each time, its key must still be the issuer's, and its times are checked again.

use core::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHasher};

use super::answers::Answers;
use super::watch::Watch;
use crate::caller::Caller;
use crate::jose::key::Thumbprint;

/// The most tokens of one generation; there are two.
const MOST_TOKENS: usize = 512;

/// The most bytes of the tokens of one generation.
const MOST_BYTES: usize = 512 * 1_024;

/// The tokens of one issuer that were verified. When there are too many, those go that were not asked for lately.
#[derive(Debug, Default)]
pub struct Tokens {
    memory: Mutex<Memory>,
    /// What the issuer has said of tokens that it was asked about.
    pub asked: Answers,
}

#[derive(Default)]
struct Memory {
    young: Generation,
    old: Generation,
    /// The number of times that all tokens were forgotten.
    clearings: u64,
}

#[derive(Default)]
struct Generation {
    tokens: HashMap<u64, Entry, FxBuildHasher>,
    bytes: usize,
}

struct Entry {
    token: Box<str>,
    verified: Verified,
}

/// The holder of a token, and the key that has signed it.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Whom the token speaks of.
    pub caller: Arc<Caller>,
    /// The key that has signed it.
    pub key: Thumbprint,
    /// The entries by which it may be revoked, once they were asked for.
    pub watch: Option<Arc<Watch>>,
}

impl Tokens {
    /// Returns what is known of `token`.
    pub fn find(&self, token: &str) -> Option<Verified> {
        let hash = hash(token);
        let mut memory = self.memory();
        if let Some(entry) = memory.young.tokens.get(&hash) {
            return (*entry.token == *token).then(|| entry.verified.clone());
        }
        if memory.old.tokens.get(&hash).is_none_or(|entry| *entry.token != *token) {
            return None;
        }
        let entry = memory.old.tokens.remove(&hash)?;
        let verified = entry.verified.clone();
        memory.put(hash, entry);
        Some(verified)
    }

    /// The number of times that all tokens were forgotten.
    pub fn clearings(&self) -> u64 {
        self.memory().clearings
    }

    /// Keeps `token`, which is `verified`; not if all tokens were forgotten since there were so many `clearings`: what was read before then,
    /// counts no more.
    pub fn keep(&self, token: &str, verified: Verified, clearings: u64) {
        let mut memory = self.memory();
        if memory.clearings == clearings {
            memory.put(hash(token), Entry { token: token.into(), verified });
        }
    }

    /// Forgets all tokens.
    pub fn clear(&self) {
        let mut memory = self.memory();
        *memory = Memory { clearings: memory.clearings.wrapping_add(1), ..Memory::default() };
    }

    /// A panic elsewhere leaves the memory usable: at worst a token is missing.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn put(&mut self, hash: u64, entry: Entry) {
        if self.young.tokens.len() >= MOST_TOKENS || self.young.bytes >= MOST_BYTES {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.bytes = self.young.bytes.saturating_add(entry.token.len());
        self.young.tokens.insert(hash, entry);
    }
}

fn hash(token: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(token.as_bytes());
    hasher.finish()
}

impl core::fmt::Debug for Memory {
    /// Shows no token.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Memory(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::key::{Stated, VerifyingKey};

    fn verified(number: u8) -> Verified {
        let key = VerifyingKey::new(Algorithm::Hs256, &Stated::Secret(&[number; 32]), None).unwrap();
        Verified { caller: Arc::new(Caller::default()), key: key.id(), watch: None }
    }

    #[test]
    fn a_token_is_known_by_all_of_it() {
        let tokens = Tokens::default();
        tokens.keep("a.b.c", verified(1), 0);
        assert_eq!(tokens.find("a.b.c").unwrap().key, verified(1).key);
        assert!(tokens.find("a.b.d").is_none() && tokens.find("a.b.").is_none() && tokens.find("").is_none());
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let tokens = Tokens::default();
        tokens.keep("often", verified(1), 0);
        for number in 0..5_000 {
            tokens.keep(&format!("once {number}"), verified(2), 0);
            assert!(tokens.find("often").is_some(), "{number}");
        }
        assert!(tokens.find("once 0").is_none());
        let memory = tokens.memory();
        assert!(memory.young.tokens.len() + memory.old.tokens.len() <= 2 * MOST_TOKENS);
    }

    #[test]
    fn long_tokens_are_fewer() {
        let tokens = Tokens::default();
        let long = "x".repeat(8_000);
        for number in 0..500 {
            tokens.keep(&format!("{long}{number}"), verified(1), 0);
        }
        let memory = tokens.memory();
        assert!(memory.young.bytes + memory.old.bytes <= 2 * (MOST_BYTES + 8_010));
    }

    /// docs/configuration.md, Revoked tokens: the process that is told of a revocation goes by it at once.
    #[test]
    fn what_was_verified_before_all_were_forgotten_is_not_kept_after_it() {
        let tokens = Tokens::default();
        let clearings = tokens.clearings();
        tokens.keep("before", verified(1), clearings);
        tokens.clear();
        tokens.keep("during", verified(1), clearings);
        tokens.keep("after", verified(1), tokens.clearings());
        let known = ["before", "during", "after"].map(|token| tokens.find(token).is_some());
        assert_eq!(known, [false, false, true]);
    }

    #[test]
    fn no_token_is_shown() {
        let tokens = Tokens::default();
        tokens.keep("PLANT", verified(1), 0);
        assert!(!format!("{tokens:?}").contains("PLANT"));
    }
}

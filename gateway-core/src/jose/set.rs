//! Sets of keys, and the choice of one for a token.

use std::sync::Arc;

use super::algorithm::Algorithm;
use super::key::{Thumbprint, VerifyingKey};

/// The most keys that are tried on one token. More than a few come about only where keys have no names.
const MOST_CANDIDATES: usize = 4;

/// The keys of an issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Box<[Arc<VerifyingKey>]>);

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self(keys.into_iter().map(Arc::new).collect())
    }

    /// The keys that a token of `algorithm` may be signed by: those called `kid`, or else those without a name; all of the
    /// algorithm's, if the token names none (RFC 7515 §4.1.4).
    pub fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        let fitting = move || self.0.iter().filter(move |key| key.algorithm() == algorithm);
        let is_named = kid.is_some_and(|kid| fitting().any(|key| key.kid() == Some(kid)));
        fitting()
            .filter(move |key| match kid {
                Some(kid) if is_named => key.kid() == Some(kid),
                Some(_) => key.kid().is_none(),
                None => true,
            })
            .take(MOST_CANDIDATES)
    }

    /// Returns whether one of them is called `kid` and for `algorithm`.
    #[must_use]
    pub fn names(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        kid.is_some() && self.0.iter().any(|key| key.kid() == kid && key.algorithm() == algorithm)
    }

    /// Returns whether the key with this identity is still among them.
    #[must_use]
    pub fn contains(&self, id: Thumbprint) -> bool {
        self.0.iter().any(|key| key.id() == id)
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::Stated;
    use super::*;

    fn key(algorithm: Algorithm, kid: Option<&str>, number: u8) -> VerifyingKey {
        VerifyingKey::new(algorithm, &Stated::Secret(&[number; 64]), kid).unwrap()
    }

    /// RFC 7515 §4.1.4: `kid` is a hint which key was used. RFC 8725 §3.1: the algorithm is the key's.
    #[test]
    fn a_key_is_found_by_its_name_and_algorithm() {
        let set = KeySet::new(vec![
            key(Algorithm::Hs256, Some("a"), 1),
            key(Algorithm::Hs256, Some("b"), 2),
            key(Algorithm::Hs512, Some("a"), 3),
            key(Algorithm::Hs256, None, 4),
        ]);
        let found = |kid, algorithm| -> Vec<usize> {
            let is = |one: &Arc<VerifyingKey>, other: &Arc<VerifyingKey>| Arc::ptr_eq(one, other);
            set.candidates(kid, algorithm).filter_map(|found| set.iter().position(|key| is(key, found))).collect()
        };
        assert_eq!(found(Some("a"), Algorithm::Hs256), [0]);
        assert!(found(Some("b"), Algorithm::Hs512).is_empty());
        assert_eq!(found(Some("c"), Algorithm::Hs256), [3], "a key without a name fits any");
        assert_eq!(found(None, Algorithm::Hs256), [0, 1, 3]);
        let many = KeySet::new((0..9).map(|number| key(Algorithm::Hs256, None, number)).collect());
        assert_eq!(many.candidates(None, Algorithm::Hs256).count(), MOST_CANDIDATES);
    }
}

//! States that a plan takes over from the one before it.

use core::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

fn hash(key: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(key)
}

/// Places by hash. Of what they are of, it knows nothing, so that it is compiled once for all types.
#[derive(Default)]
struct Places {
    /// The last place of each hash, counted from 1, and the one before of each place.
    last: HashMap<u64, u64, FxBuildHasher>,
    before: Vec<u64>,
}

impl Places {
    /// Gives the next place to what has this hash.
    #[inline(never)]
    fn add(&mut self, hash: u64) {
        let place = self.before.len() as u64 + 1;
        self.before.push(self.last.insert(hash, place).unwrap_or_default());
    }

    /// The places of this hash, the last first.
    fn all(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mut next = self.last.get(&hash).copied().unwrap_or_default();
        core::iter::from_fn(move || {
            let place = usize::try_from(next.checked_sub(1)?).ok()?;
            next = self.before.get(place).copied()?;
            Some(place)
        })
    }
}

/// States by identity. They stand in the order of what they are of in the plan, so that an index finds one.
#[derive(Debug)]
pub(crate) struct Adopted<K, V>(Box<[(K, Arc<V>)]>);

impl<K, V> Default for Adopted<K, V> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<K: Eq + Hash, V: Default> Adopted<K, V> {
    /// States for `keys`: those of `previous`, and new ones. Keys that are equal share one.
    pub(crate) fn adopt(keys: impl Iterator<Item = K>, previous: Option<&Self>) -> Self {
        let previous = previous.map_or(&[][..], |previous| &previous.0);
        let mut adopted: Vec<(K, Arc<V>)> = Vec::new();
        let mut places = Places::default();
        for (key, _) in previous {
            places.add(hash(key));
        }
        for key in keys {
            let hash = hash(&key);
            let known = |place: usize| match place.checked_sub(previous.len()) {
                None => previous.get(place),
                Some(place) => adopted.get(place),
            };
            let found = places.all(hash).filter_map(known).find(|(other, _)| *other == key);
            let value = found.map_or_else(Arc::default, |(_, value)| Arc::clone(value));
            places.add(hash);
            adopted.push((key, value));
        }
        Self(adopted.into())
    }
}

impl<K, V> Adopted<K, V> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(K, Arc<V>)> {
        self.0.iter()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&V> {
        self.0.get(index).map(|(_, value)| &**value)
    }
}

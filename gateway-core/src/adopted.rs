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

#[cfg(test)]
mod tests {
    use core::hash::Hasher;
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A key whose hash is that of all others.
    #[derive(PartialEq, Eq)]
    struct Alike(u8);

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }

    fn adopt<K: Eq + Hash>(keys: Vec<K>, previous: Option<&Adopted<K, AtomicU64>>) -> Adopted<K, AtomicU64> {
        Adopted::adopt(keys.into_iter(), previous)
    }

    fn values<K: Eq + Hash>(states: &Adopted<K, AtomicU64>) -> Vec<u64> {
        states.iter().map(|(_, value)| value.load(Ordering::Relaxed)).collect()
    }

    fn check<K: Eq + Hash>(key: impl Fn(u8) -> K) {
        let first = adopt([1, 2, 1, 3].map(&key).into(), None);
        for (index, value) in [(0, 10), (1, 20), (3, 30)] {
            first.at(index).unwrap().store(value, Ordering::Relaxed);
        }
        // Those of one key are one.
        assert_eq!(values(&first), [10, 20, 10, 30]);
        assert_eq!(values(&adopt([4, 3, 2, 4].map(&key).into(), Some(&first))), [0, 30, 20, 0]);
        assert_eq!(values(&adopt([].map(&key).into(), Some(&first))), [] as [u64; 0]);
    }

    #[test]
    fn a_state_is_taken_over_by_its_key() {
        check(|number| number);
        check(|number| number.to_string());
    }

    #[test]
    fn keys_with_one_hash_are_told_apart() {
        check(Alike);
    }
}

//! States that a plan takes over from the one before it.

use core::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// States by identity. They stand in the order of what they are of in the plan, so that an index finds one.
#[derive(Debug)]
pub(crate) struct Adopted<K, V>(Box<[(K, Arc<V>)]>);

impl<K, V> Default for Adopted<K, V> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<K: Clone + Eq + Hash, V: Default> Adopted<K, V> {
    pub(crate) fn adopt(keys: impl Iterator<Item = K>, previous: Option<&Self>) -> Self {
        let previous = previous.into_iter().flat_map(|previous| previous.0.iter().cloned());
        let mut known: HashMap<K, Arc<V>, FxBuildHasher> = previous.collect();
        let adopted = keys.map(|key| {
            let value = Arc::clone(known.entry(key.clone()).or_default());
            (key, value)
        });
        Self(adopted.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(K, Arc<V>)> {
        self.0.iter()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&V> {
        self.0.get(index).map(|(_, value)| &**value)
    }
}

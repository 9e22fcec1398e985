//! Resolves names in the configuration.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::config::Entries;

/// The indexes of entries, by name.
pub(super) struct Names<'c>(HashMap<&'c str, usize, FxBuildHasher>);

impl<'c> Names<'c> {
    pub(super) fn of<T>(entries: &'c Entries<T>) -> Self {
        let mut indexes = HashMap::with_capacity_and_hasher(entries.iter().len(), FxBuildHasher);
        indexes.extend(entries.iter().zip(0..).map(|((name, _), index)| (name, index)));
        Self(indexes)
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

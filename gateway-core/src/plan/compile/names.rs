//! Finds what the configuration names.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::config::Entries;

/// The places of entries, by their names.
pub(super) struct Names<'c>(HashMap<&'c str, usize, FxBuildHasher>);

impl<'c> Names<'c> {
    pub(super) fn of<T>(entries: &'c Entries<T>) -> Self {
        let mut places = HashMap::with_capacity_and_hasher(entries.iter().len(), FxBuildHasher);
        places.extend(entries.iter().zip(0..).map(|((name, _), place)| (name, place)));
        Self(places)
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

//! The mistakes found so far.

use std::collections::BTreeSet;

use crate::config::{ConfigError, MOST_MISTAKES, Step, THOROUGH};

/// The number of mistakes from which on they are no longer explained at any cost.
const LONG: usize = 50;

/// The mistakes found so far, without repetitions: those of a policy are found once for each route that uses it.
#[derive(Default)]
pub(super) struct Mistakes {
    list: Vec<ConfigError>,
    /// Their places and messages.
    seen: BTreeSet<(String, String)>,
}

impl Mistakes {
    /// Adds `error`, unless it is known or there are too many. Where mistakes are not told, the first will do.
    #[cold]
    #[inline(never)]
    pub(super) fn push(&mut self, error: ConfigError) {
        if !THOROUGH {
            if self.list.is_empty() {
                self.list.push(error);
            }
            return;
        }
        if self.list.len() < MOST_MISTAKES && self.seen.insert((error.path.to_string(), error.message.clone())) {
            self.list.push(error);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns whether one of them is about the top-level member `section`.
    pub(super) fn are_in(&self, section: &str) -> bool {
        let is_in = |step: &&Step| matches!(step, Step::Member(name) if **name == *section);
        self.list.iter().any(|mistake| mistake.path.steps().first().is_some_and(is_in))
    }

    /// Returns whether there are more than anybody mends at once.
    pub(super) const fn is_long(&self) -> bool {
        self.list.len() >= LONG
    }

    pub(super) fn into_list(self) -> Vec<ConfigError> {
        self.list
    }
}

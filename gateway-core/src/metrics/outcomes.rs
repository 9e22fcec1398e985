//! Counts of outcomes that are known by a word each.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

/// The most words. There are fewer of them in the gateway: a count beyond would be lost.
const MOST: usize = 96;

/// Counts of outcomes, each by the word for it. A word takes its place when it is first counted.
#[derive(Debug)]
pub(crate) struct Outcomes([(OnceLock<&'static str>, AtomicU64); MOST]);

impl Default for Outcomes {
    fn default() -> Self {
        Self([const { (OnceLock::new(), AtomicU64::new(0)) }; MOST])
    }
}

impl Outcomes {
    /// Counts an outcome.
    pub(crate) fn count(&self, word: &'static str) {
        let place = self.0.iter().find(|(known, _)| *known.get_or_init(|| word) == word);
        if let Some((_, count)) = place {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The outcomes that were counted, each with its count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map_while(|(word, count)| Some((*word.get()?, count.load(Ordering::Relaxed))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_by_its_word() {
        let outcomes = Outcomes::default();
        for word in ["accepted", "none", "accepted", "expired", "accepted"] {
            outcomes.count(word);
        }
        assert_eq!(outcomes.iter().collect::<Vec<_>>(), [("accepted", 3), ("none", 1), ("expired", 1)]);
    }
}

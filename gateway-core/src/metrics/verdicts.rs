//! The verdicts of the rate limits of a route, by the limit.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

/// The kinds of verdicts, by their labels.
pub(crate) const VERDICTS: [&str; 4] = ["admitted", "refused", "failed", "shadow_refused"];

/// The verdicts of limits. A limit takes its place when it is first asked: their names are those of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(OnceLock<Box<OfLimit>>);

#[derive(Debug)]
struct OfLimit {
    name: Box<str>,
    /// In the order of [`VERDICTS`].
    counts: [AtomicU64; 4],
    next: Verdicts,
}

impl Verdicts {
    /// Counts a verdict of the limit called `name`: that of this place among [`VERDICTS`].
    pub(crate) fn count(&self, name: &str, place: usize) {
        let mut verdicts = self;
        loop {
            let of_limit = verdicts.0.get_or_init(|| {
                Box::new(OfLimit { name: name.into(), counts: Default::default(), next: Self::default() })
            });
            if *of_limit.name == *name {
                if let Some(count) = of_limit.counts.get(place) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
            verdicts = &of_limit.next;
        }
    }

    /// The counts of each limit.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, [u64; 4])> {
        let mut next = self.0.get();
        core::iter::from_fn(move || {
            let of_limit = next?;
            next = of_limit.next.0.get();
            Some((&*of_limit.name, of_limit.counts.each_ref().map(|count| count.load(Ordering::Relaxed))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_counts_of_its_own() {
        let verdicts = Verdicts::default();
        for (name, place) in [("a", 0), ("b", 1), ("a", 0), ("a", 3), ("c", 2)] {
            verdicts.count(name, place);
        }
        let counts: Vec<_> = verdicts.iter().collect();
        assert_eq!(counts, [("a", [2, 0, 0, 1]), ("b", [0, 1, 0, 0]), ("c", [0, 0, 1, 0])]);
    }
}

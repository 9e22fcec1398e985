//! The copies of requests that an upstream is sent.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

use super::fleet::Fleet;

/// What becomes of copies, by the labels of metrics: the upstream has answered, whatever it was; it has not, or not in time; nothing was sent,
/// since too many were under way, or for the content.
pub const OUTCOMES: [&str; 3] = ["answered", "failed", "left_out"];

/// The copies that an upstream is sent.
#[derive(Debug, Default)]
pub struct Copies {
    under_way: AtomicU32,
    /// In the order of [`OUTCOMES`].
    counts: [AtomicU64; OUTCOMES.len()],
}

impl Copies {
    /// What has become of copies since the start, in the order of [`OUTCOMES`].
    pub fn counts(&self) -> [u64; OUTCOMES.len()] {
        self.counts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Notes that a request was not copied.
    pub fn left_out(&self) {
        self.count(2);
    }

    fn count(&self, place: usize) {
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A copy that is kept, or under way.
#[derive(Debug)]
pub struct Copy(Arc<Fleet>);

impl Copy {
    /// A copy for the upstream of `fleet`, unless that has `most` of them; which is noted.
    pub fn begin(fleet: &Arc<Fleet>, most: u32) -> Option<Self> {
        let copies = &fleet.copies;
        if copies.under_way.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Self(Arc::clone(fleet)));
        }
        copies.under_way.fetch_sub(1, Ordering::Relaxed);
        copies.left_out();
        None
    }

    /// Notes its end: whether the upstream has answered.
    pub fn end(self, is_answered: bool) {
        self.0.copies.count(usize::from(!is_answered));
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.0.copies.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_so_many() {
        let fleet = Arc::default();
        let (one, two) = (Copy::begin(&fleet, 2), Copy::begin(&fleet, 2));
        assert!(one.is_some() && two.is_some() && Copy::begin(&fleet, 2).is_none());
        one.unwrap().end(true);
        two.unwrap().end(false);
        drop(Copy::begin(&fleet, 1).unwrap());
        assert_eq!(fleet.copies.counts(), [1, 1, 1]);
    }
}

//! Chance that replays.

use std::cell::Cell;

/// A sequence of random numbers that its seed determines (SplitMix64).
#[derive(Debug)]
pub struct Chance(Cell<u64>);

impl Chance {
    /// The sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next sixty-four bits.
    pub fn bits(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// One of `items`.
    pub fn pick<'i, T>(&self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }
}

//! Random numbers.

/// A source of random numbers, for identifiers and weighted choices; not for keys.
pub trait Random {
    /// Sixty-four random bits.
    fn next_u64(&self) -> u64;
}

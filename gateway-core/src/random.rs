//! Random numbers.

/// A source of random numbers.
pub trait Random {
    /// Sixty-four random bits, for identifiers and weighted choices; not for keys.
    fn next_u64(&self) -> u64;

    /// Fills `bytes` from a cryptographic source: for nonces, and for what nobody may guess.
    ///
    /// # Errors
    /// [`NoRandom`], if the platform has nothing to give.
    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom>;
}

/// A cryptographic source that has nothing to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandom;

/// Fills `bytes` by numbers of a source that is cryptographic itself.
pub fn fill_from(bytes: &mut [u8], mut next: impl FnMut() -> u64) {
    for chunk in bytes.chunks_mut(8) {
        for (byte, random) in chunk.iter_mut().zip(next().to_le_bytes()) {
            *byte = random;
        }
    }
}

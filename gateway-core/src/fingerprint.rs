//! Fingerprints of what a configuration says: the same in every process and on every platform.

use core::hash::{Hash, Hasher};

/// A fingerprint (FNV-1a, 64 bits). Whoever writes a configuration may find another one with the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// The fingerprint of this and of `part`.
    #[must_use]
    pub(crate) fn with(mut self, part: &impl Hash) -> Self {
        part.hash(&mut self);
        self
    }
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Lengths are as long on each platform.
    fn write_usize(&mut self, number: usize) {
        self.write(&(number as u64).to_le_bytes());
    }

    /// So are the numbers of an enum's variants.
    fn write_isize(&mut self, number: isize) {
        self.write(&(number as i64).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of FNV-1a (draft-eastlake-fnv, appendix C), and of the lengths of a platform with 64 bits.
    #[test]
    fn a_fingerprint_is_the_same_everywhere() {
        let of = |text: &[u8]| {
            let mut fingerprint = Fingerprint::default();
            fingerprint.write(text);
            fingerprint.finish()
        };
        assert_eq!((of(b""), of(b"foobar")), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
        let mut fingerprint = Fingerprint::default();
        fingerprint.write_usize(3);
        assert_eq!(fingerprint.finish(), of(&[3, 0, 0, 0, 0, 0, 0, 0]));
        let mut fingerprint = Fingerprint::default();
        fingerprint.write_isize(-1);
        assert_eq!(fingerprint.finish(), of(&[255; 8]));
        assert_ne!(Fingerprint::default().with(&("a", "bc")), Fingerprint::default().with(&("ab", "c")));
    }
}

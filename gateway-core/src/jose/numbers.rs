//! The numbers of a key, whatever form they came in, and the keys that they make.

use super::algorithm::{Algorithm, Family};
use super::key::{KeyError, Stated, VerifyingKey};

/// The one or two numbers of a key, and its kind.
pub struct Numbers {
    /// The kind of key.
    pub(super) family: Family,
    /// The secret, the modulus, the point, or its first coordinate.
    pub(super) first: Vec<u8>,
    /// The exponent, or the second coordinate; else empty.
    pub(super) second: Vec<u8>,
}

impl Numbers {
    /// A shared secret.
    #[must_use]
    pub const fn secret(secret: Vec<u8>) -> Self {
        Self { family: Family::Secret, first: secret, second: Vec::new() }
    }

    /// The keys that they make, called `kid`: one for `algorithm`, if the key is for that; else one for each of the `allowed`
    /// algorithms that take this kind of key. An empty list allows all, and then it is the usual one of the kind.
    ///
    /// # Errors
    /// A [`KeyError`].
    pub fn keys(
        &self,
        algorithm: Option<Algorithm>,
        allowed: &[Algorithm],
        kid: Option<&str>,
    ) -> Result<Vec<VerifyingKey>, KeyError> {
        let family = self.family;
        let algorithms = match algorithm {
            Some(algorithm) if allowed.is_empty() || allowed.contains(&algorithm) => vec![algorithm],
            Some(algorithm) => return Err(KeyError::NotAllowed(algorithm)),
            None if allowed.is_empty() => vec![family.usual().ok_or(KeyError::NoAlgorithm)?],
            None => allowed.iter().copied().filter(|algorithm| algorithm.family() == family).collect(),
        };
        if algorithms.is_empty() {
            return Err(KeyError::NoneAllowed(family));
        }
        algorithms.into_iter().map(|algorithm| VerifyingKey::new(algorithm, &self.stated(), kid)).collect()
    }

    fn stated(&self) -> Stated<'_> {
        let Self { family, first, second } = self;
        match family {
            Family::Secret => Stated::Secret(first),
            Family::Rsa => Stated::Rsa(first, second),
            Family::P256 => Stated::P256(first, second),
            Family::P384 => Stated::P384(first, second),
            Family::Ed25519 => Stated::Ed25519(first),
        }
    }
}

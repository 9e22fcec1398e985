//! Keys that sign, each in one algorithm.

use core::fmt;

use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::hmac::HmacKey;
use super::key::{KeyError, MOST_SECRET_BYTES, Thumbprint};
use super::private;

/// A key that makes the signatures of one algorithm.
#[derive(Clone, Debug)]
pub struct SigningKey {
    algorithm: Algorithm,
    material: SigningMaterial,
}

/// The secret part of a key.
#[derive(Clone)]
pub enum SigningMaterial {
    /// A shared secret.
    Secret(HmacKey),
    /// A private key, by which a platform keeps what it makes of it, and its PKCS#8 in DER (RFC 5958).
    Private(Thumbprint, Box<[u8]>),
}

/// A fault of a key that signs.
#[derive(Debug)]
pub enum SigningError {
    /// The key does not fit its algorithm, or is weak.
    Key(KeyError),
    /// It can't be read.
    Private(private::PrivateError),
}

impl SigningKey {
    /// The shared secret for `algorithm`.
    ///
    /// # Errors
    /// A [`KeyError`], if that takes none, or the secret is too short or too long.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, SigningError> {
        let (least, most) = (HmacKey::least_bytes(algorithm), MOST_SECRET_BYTES);
        let fault = match secret.len() {
            length if length < least => KeyError::ShortSecret(algorithm, length),
            length if length > most => KeyError::LongSecret,
            _ => {
                let family = super::algorithm::Family::Secret;
                let key = HmacKey::new(algorithm, secret).ok_or(KeyError::Family(algorithm, family));
                return key
                    .map(|key| Self { algorithm, material: SigningMaterial::Secret(key) })
                    .map_err(SigningError::Key);
            }
        };
        Err(SigningError::Key(fault))
    }

    /// The private key in `text`, a PEM or a JWK, for `algorithm`.
    ///
    /// # Errors
    /// A [`SigningError`], if there is none, or one of another kind.
    pub fn private(algorithm: Algorithm, text: &str) -> Result<Self, SigningError> {
        let (family, key) = private::read(text).map_err(SigningError::Private)?;
        if family != algorithm.family() {
            return Err(SigningError::Key(KeyError::Family(algorithm, family)));
        }
        let id = Sha256::new_with_prefix(algorithm.name()).chain_update(&key).finalize();
        let material = SigningMaterial::Private(Thumbprint::of(id.into()), key.into());
        Ok(Self { algorithm, material })
    }

    /// The only algorithm that it is for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The secret part of it.
    #[must_use]
    pub const fn material(&self) -> &SigningMaterial {
        &self.material
    }
}

impl fmt::Debug for SigningMaterial {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningMaterial(…)")
    }
}

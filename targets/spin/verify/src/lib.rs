//! Signatures made and checked in Rust alone, for hosts that offer no cryptography: the Spin component.

mod rsa;
mod sign;

pub use sign::sign;

use ed25519_dalek::Verifier;
use gateway_core::jose::key::{Material, VerifyingKey};
use gateway_core::ports::KeyUnusable;

/// Returns whether `signature` is that of `signed` by `key`. In wasm it takes half a millisecond to three.
///
/// # Errors
/// [`KeyUnusable`] for a point that is not on its curve of NIST's. One that is not on Ed25519 verifies nothing (RFC 8032 §5.1.7:
/// where the key can't be decoded, the signature is invalid).
pub fn verify(key: &VerifyingKey, signed: &[u8], signature: &[u8]) -> Result<bool, KeyUnusable> {
    match key.material() {
        Material::Secret(secret) => Ok(secret.verify(signed, signature)),
        Material::Rsa { n, e } => rsa::verify(key.algorithm(), n, e, signed, signature),
        Material::P256(point) => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&**point).map_err(|_| KeyUnusable)?;
            let signature = p256::ecdsa::Signature::from_slice(signature);
            Ok(signature.is_ok_and(|signature| key.verify(signed, &signature).is_ok()))
        }
        Material::P384(point) => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&**point).map_err(|_| KeyUnusable)?;
            let signature = p384::ecdsa::Signature::from_slice(signature);
            Ok(signature.is_ok_and(|signature| key.verify(signed, &signature).is_ok()))
        }
        Material::Ed25519(point) => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(point);
            let signature = ed25519_dalek::Signature::from_slice(signature);
            Ok(matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(signed, &signature).is_ok()))
        }
    }
}

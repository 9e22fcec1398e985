//! Signatures by keys of the gateway's own. RSA is left out: nothing in Rust alone computes with a private key of it in a time that tells
//! nothing of the key (RUSTSEC-2023-0071).

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::signing_key::{SigningKey, SigningMaterial};
use gateway_core::ports::KeyUnusable;

/// Returns the signature of `signed` by `key`.
///
/// # Errors
/// [`KeyUnusable`], if the library makes no key of it, and for RSA.
pub fn sign(key: &SigningKey, signed: &[u8]) -> Result<Vec<u8>, KeyUnusable> {
    let pkcs8 = match key.material() {
        SigningMaterial::Secret(secret) => {
            return secret.sha256(&[signed]).map(|tag| tag.to_vec()).ok_or(KeyUnusable);
        }
        SigningMaterial::Private(_, pkcs8) => pkcs8,
    };
    match key.algorithm() {
        Algorithm::EdDsa => {
            let key = ed25519_dalek::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| KeyUnusable)?;
            Ok(key.sign(signed).to_bytes().to_vec())
        }
        Algorithm::Es256 => {
            let key = p256::ecdsa::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| KeyUnusable)?;
            let signature: p256::ecdsa::Signature = key.sign(signed);
            Ok(signature.to_bytes().to_vec())
        }
        Algorithm::Es384 => {
            let key = p384::ecdsa::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| KeyUnusable)?;
            let signature: p384::ecdsa::Signature = key.sign(signed);
            Ok(signature.to_bytes().to_vec())
        }
        _ => Err(KeyUnusable),
    }
}

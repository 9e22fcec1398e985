//! Signatures made and checked by `ring`: natively, in the simulator and in benchmarks.

mod sign;
mod usable;

pub use sign::sign;

use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::{Material, VerifyingKey};
use gateway_core::ports::{KeyUnusable, NoRandom};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Fills `bytes` from the system's cryptographic source.
///
/// # Errors
/// [`NoRandom`], if the system has none.
pub fn fill_secret(bytes: &mut [u8]) -> Result<(), NoRandom> {
    SystemRandom::new().fill(bytes).map_err(|_| NoRandom)
}

/// Returns whether `signature` is that of `signed` by `key`. It takes some 20 to 100 µs: too little to leave the thread for.
///
/// # Errors
/// [`KeyUnusable`] for a point that is not on its curve of NIST's. One that is not on Ed25519 verifies nothing (RFC 8032 §5.1.7:
/// where the key can't be decoded, the signature is invalid).
pub fn verify(key: &VerifyingKey, signed: &[u8], signature: &[u8]) -> Result<bool, KeyUnusable> {
    let is_good = match key.material() {
        Material::Secret(secret) => return Ok(secret.verify(signed, signature)),
        Material::Rsa { n, e } => {
            let parameters = rsa(key.algorithm()).ok_or(KeyUnusable)?;
            RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()
        }
        Material::P256(point) => is_signed(&ECDSA_P256_SHA256_FIXED, &**point, signed, signature),
        Material::P384(point) => is_signed(&ECDSA_P384_SHA384_FIXED, &**point, signed, signature),
        Material::Ed25519(point) => is_signed(&ED25519, point, signed, signature),
    };
    // ring has one error for a bad key and a bad signature. A key that verified something is good.
    if is_good || usable::is_usable(key) { Ok(is_good) } else { Err(KeyUnusable) }
}

fn is_signed(algorithm: &'static dyn VerificationAlgorithm, point: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(algorithm, point).verify(signed, signature).is_ok()
}

/// The parameters of an RSA algorithm.
fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

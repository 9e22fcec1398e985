//! The algorithms of RSA.

use core::ops::RangeInclusive;

use gateway_core::jose::algorithm::Algorithm;
use gateway_core::ports::KeyUnusable;
use rsa::sha2::digest::const_oid::AssociatedOid;
use rsa::sha2::digest::{Digest, FixedOutputReset};
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey, pkcs1v15, pss};

/// The bits of a modulus: those that the core takes.
const BITS: RangeInclusive<usize> = 2_048..=8_192;

/// The most bytes of a signature. The library's own bound is that of shorter keys.
const MOST_BYTES: usize = *BITS.end() / 8;

/// Returns whether `signature` is that of `signed` by the key of this modulus and exponent.
pub(crate) fn verify(
    algorithm: Algorithm,
    n: &[u8],
    e: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Result<bool, KeyUnusable> {
    let [n, e] = [n, e].map(BoxedUint::from_be_slice_vartime);
    let key = PublicKey::new_with_size_limits(n, e, BITS).map_err(|_| KeyUnusable)?;
    match algorithm {
        Algorithm::Rs256 => Ok(pkcs1::<Sha256>(key, signed, signature)),
        Algorithm::Rs384 => Ok(pkcs1::<Sha384>(key, signed, signature)),
        Algorithm::Rs512 => Ok(pkcs1::<Sha512>(key, signed, signature)),
        Algorithm::Ps256 => Ok(pss::<Sha256>(key, signed, signature)),
        Algorithm::Ps384 => Ok(pss::<Sha384>(key, signed, signature)),
        Algorithm::Ps512 => Ok(pss::<Sha512>(key, signed, signature)),
        _ => Err(KeyUnusable),
    }
}

fn pkcs1<D: Digest + AssociatedOid>(key: PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    let signature = pkcs1v15::Signature::from_bytes_with_max_len(signature, MOST_BYTES);
    signature.is_ok_and(|signature| pkcs1v15::VerifyingKey::<D>::new(key).verify(signed, &signature).is_ok())
}

fn pss<D: Digest + FixedOutputReset>(key: PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    let signature = pss::Signature::from_bytes_with_max_len(signature, MOST_BYTES);
    // The salt is as long as the hash (RFC 7518 §3.5), as it is by default.
    signature.is_ok_and(|signature| pss::VerifyingKey::<D>::new(key).verify(signed, &signature).is_ok())
}

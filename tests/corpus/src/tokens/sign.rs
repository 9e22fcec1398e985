//! Signatures of RFC 7518 and RFC 8037, by the keys of `tests/keys`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::error::KeyRejected;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};

use super::keys;

/// A signature's key, algorithm and form, and what is signed.
type Signed = (String, String, bool, Vec<u8>);

/// The signatures that were made: under 256 seeds, one is asked for 256 times.
static MADE: LazyLock<Mutex<HashMap<Signed, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// The algorithm that the key called `name` is for where a token does not say which.
pub(super) fn usual(name: &str) -> Option<&'static str> {
    const USUAL: [(&str, &str); 7] = [
        ("rsa-", "RS256"),
        ("p256-", "ES256"),
        ("p384-", "ES384"),
        ("ed25519-", "EdDSA"),
        ("hs256", "HS256"),
        ("hs384", "HS384"),
        ("hs512", "HS512"),
    ];
    USUAL.into_iter().find(|(start, _)| name.starts_with(start)).map(|(_, algorithm)| algorithm)
}

/// The signature of `signed` by the key called `name`; as ASN.1 if it `is_der`.
///
/// # Errors
/// Why there is none.
pub(super) fn sign(name: &str, algorithm: &str, is_der: bool, signed: &[u8]) -> Result<Vec<u8>, String> {
    let what = (name.to_owned(), algorithm.to_owned(), is_der, signed.to_vec());
    if let Some(made) = MADE.lock().expect("no panic under the lock").get(&what) {
        return Ok(made.clone());
    }
    let made = make(name, algorithm, is_der, signed).map_err(|error| format!("{algorithm} by `{name}`: {error}"))?;
    MADE.lock().expect("no panic under the lock").insert(what, made.clone());
    Ok(made)
}

fn make(name: &str, algorithm: &str, is_der: bool, signed: &[u8]) -> Result<Vec<u8>, String> {
    match (algorithm, is_der) {
        ("HS256", _) => tag(name, hmac::HMAC_SHA256, signed),
        ("HS384", _) => tag(name, hmac::HMAC_SHA384, signed),
        ("HS512", _) => tag(name, hmac::HMAC_SHA512, signed),
        ("RS256", _) => rsa(name, &RSA_PKCS1_SHA256, signed),
        ("RS384", _) => rsa(name, &RSA_PKCS1_SHA384, signed),
        ("RS512", _) => rsa(name, &RSA_PKCS1_SHA512, signed),
        ("PS256", _) => rsa(name, &RSA_PSS_SHA256, signed),
        ("PS384", _) => rsa(name, &RSA_PSS_SHA384, signed),
        ("PS512", _) => rsa(name, &RSA_PSS_SHA512, signed),
        ("ES256", false) => ecdsa(name, &ECDSA_P256_SHA256_FIXED_SIGNING, signed),
        ("ES256", true) => ecdsa(name, &ECDSA_P256_SHA256_ASN1_SIGNING, signed),
        ("ES384", false) => ecdsa(name, &ECDSA_P384_SHA384_FIXED_SIGNING, signed),
        ("ES384", true) => ecdsa(name, &ECDSA_P384_SHA384_ASN1_SIGNING, signed),
        ("EdDSA", _) => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private(name)?).map_err(|error| error.to_string())?;
            Ok(key.sign(signed).as_ref().to_vec())
        }
        _ => Err("nothing signs by it".to_owned()),
    }
}

/// Returns whether `signature` is that of `signed` by the key called `name`, in `algorithm` or the usual one of the key.
///
/// # Errors
/// Why nothing tells.
pub(crate) fn is_signature(
    name: &str,
    algorithm: Option<&str>,
    signed: &[u8],
    signature: &[u8],
) -> Result<bool, String> {
    let algorithm = algorithm.or_else(|| usual(name)).ok_or_else(|| format!("`{name}` is for no algorithm alone"))?;
    let by = |how: &'static dyn VerificationAlgorithm, public: &[u8]| {
        UnparsedPublicKey::new(how, public).verify(signed, signature).is_ok()
    };
    let fault = |error: KeyRejected| error.to_string();
    let ecdsa = |how: &'static EcdsaSigningAlgorithm, check| -> Result<bool, String> {
        let pair = EcdsaKeyPair::from_pkcs8(how, &private(name)?, &SystemRandom::new()).map_err(fault)?;
        Ok(by(check, pair.public_key().as_ref()))
    };
    let rsa = |check| -> Result<bool, String> {
        Ok(by(check, RsaKeyPair::from_pkcs8(&private(name)?).map_err(fault)?.public_key().as_ref()))
    };
    match algorithm {
        "HS256" => Ok(tag(name, hmac::HMAC_SHA256, signed)? == signature),
        "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
        "PS512" => rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_FIXED),
        "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED),
        "EdDSA" => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private(name)?).map_err(fault)?;
            Ok(by(&ED25519, pair.public_key().as_ref()))
        }
        _ => Err(format!("nothing is checked by {algorithm}")),
    }
}

/// A tag whose secret is the whole file, be it the public half of another key.
fn tag(name: &str, algorithm: hmac::Algorithm, signed: &[u8]) -> Result<Vec<u8>, String> {
    let file = if name.contains('.') { name.to_owned() } else { format!("{name}.secret") };
    let secret = keys::read(&file)?;
    Ok(hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), signed).as_ref().to_vec())
}

fn rsa(name: &str, encoding: &'static dyn RsaEncoding, signed: &[u8]) -> Result<Vec<u8>, String> {
    let key = RsaKeyPair::from_pkcs8(&private(name)?).map_err(|error| error.to_string())?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(encoding, &SystemRandom::new(), signed, &mut signature).map_err(|error| error.to_string())?;
    Ok(signature)
}

fn ecdsa(name: &str, algorithm: &'static EcdsaSigningAlgorithm, signed: &[u8]) -> Result<Vec<u8>, String> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(algorithm, &private(name)?, &random).map_err(|error| error.to_string())?;
    key.sign(&random, signed).map(|signature| signature.as_ref().to_vec()).map_err(|error| error.to_string())
}

/// The private key called `name`, as PKCS#8.
fn private(name: &str) -> Result<Vec<u8>, String> {
    let pem = keys::read(&format!("{name}.private.pem"))?;
    let content: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(content).map_err(|error| error.to_string())
}

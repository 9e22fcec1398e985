//! Signatures of which every platform must say the same: those of `vectors.json`, which the Worker's tests read too, and those of
//! Project Wycheproof.

pub mod signing;
pub mod wycheproof;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::jwk::Jwk;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::ports::KeyUnusable;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const VECTORS: &str = include_str!("../vectors.json");

#[derive(Deserialize)]
struct Vectors<'v> {
    #[serde(borrow)]
    keys: BTreeMap<&'v str, Map<String, Value>>,
    #[serde(borrow)]
    vectors: Vec<Vector<'v>>,
}

#[derive(Deserialize)]
struct Vector<'v> {
    name: &'v str,
    algorithm: &'v str,
    key: &'v str,
    signed: &'v str,
    signature: &'v str,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Good,
    Bad,
    Unusable,
}

/// Calls `see` with each good signature in `vectors.json`: its name, the key, what is signed, and the signature.
///
/// # Panics
/// If the file is malformed.
pub fn each_good(mut see: impl FnMut(&str, &VerifyingKey, &[u8], &[u8])) {
    let Vectors { keys, vectors } = serde_json::from_str(VECTORS).expect("vectors");
    for Vector { name, algorithm, key, signed, signature, expect } in vectors {
        if matches!(expect, Expect::Good) {
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            see(&format!("{algorithm}, {name}"), &key_for(algorithm, &keys[key]), signed.as_bytes(), &signature);
        }
    }
}

/// Checks what `verify` says of each signature in `vectors.json`.
///
/// # Panics
/// If it says something else than is expected.
pub fn check_shared(verify: impl Fn(&VerifyingKey, &[u8], &[u8]) -> Result<bool, KeyUnusable>) {
    let Vectors { keys, vectors } = serde_json::from_str(VECTORS).expect("vectors");
    for Vector { name, algorithm, key, signed, signature, expect } in vectors {
        let key = key_for(algorithm, &keys[key]);
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let expected = match expect {
            Expect::Good => Ok(true),
            Expect::Bad => Ok(false),
            Expect::Unusable => Err(KeyUnusable),
        };
        // A key that is known says the same as a key that is new.
        for _ in 0..2 {
            assert_eq!(verify(&key, signed.as_bytes(), &signature), expected, "{name}");
        }
    }
}

/// The key of `jwk` for the algorithm of this name.
fn key_for(algorithm: &str, jwk: &Map<String, Value>) -> VerifyingKey {
    let (algorithm, _) = Algorithm::named(algorithm).expect("an algorithm");
    let jwk = Jwk::of(jwk).expect("a JWK");
    jwk.keys(&[algorithm]).expect("a key").pop().expect("one key")
}

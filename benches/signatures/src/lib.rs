//! Signatures for `signatures.mjs`, each checked over and over: natively by ring, as the native server does it, in wasm by RustCrypto, as the
//! component does.

#[cfg(target_family = "wasm")]
mod exports;

use std::time::{Duration, Instant};

use base64ct::{Base64UrlUnpadded, Encoding as _};
#[cfg(not(target_family = "wasm"))]
use edgeway_verify_ring::verify;
#[cfg(target_family = "wasm")]
use edgeway_verify_rust::verify;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::jwk::Jwk;
use gateway_core::jose::key::{Stated, VerifyingKey};
use serde_json::Value;

/// The least time of what is timed at once: a clock is exact enough for it.
const LEAST: Duration = Duration::from_millis(20);

/// A signature, with the key and what is signed.
#[derive(Debug)]
pub struct Case {
    key: VerifyingKey,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Case {
    /// The case that a line of JSON is: `algorithm`, `secret` or `jwk`, `signed` as it is and `signature` in Base 64.
    #[must_use]
    pub fn read(line: &[u8]) -> Option<Self> {
        let case: Value = serde_json::from_slice(line).ok()?;
        let text = |name: &str| case.get(name)?.as_str();
        let (algorithm, _) = Algorithm::named(text("algorithm")?)?;
        let key = match text("secret") {
            Some(secret) => VerifyingKey::new(algorithm, &Stated::Secret(secret.as_bytes()), None).ok()?,
            None => Jwk::of(case.get("jwk")?.as_object()?)?.keys(&[algorithm]).ok()?.pop()?,
        };
        let signature = Base64UrlUnpadded::decode_vec(text("signature")?).ok()?;
        Some(Self { key, signed: text("signed")?.into(), signature })
    }

    /// Checks the signature so many `times`, and returns whether it was good each time.
    #[must_use]
    pub fn check(&self, times: u32) -> bool {
        (0..times).all(|_| verify(&self.key, &self.signed, &self.signature) == Ok(true))
    }
}

/// The nanoseconds of one check of each of `count` cases, each the median of so many `rounds`, in which the cases take turns. None if `check`, which
/// is told the case and how many times, finds a signature that is bad.
pub fn medians(count: usize, rounds: usize, mut check: impl FnMut(usize, u32) -> bool) -> Option<Vec<f64>> {
    let mut time = |case: usize, times: u32| {
        let start = Instant::now();
        check(case, times).then(|| start.elapsed())
    };
    let mut times = Vec::new();
    for case in 0..count {
        let mut enough = 1;
        while time(case, enough)? < LEAST {
            enough *= 2;
        }
        times.push((enough, Vec::new()));
    }
    for _ in 0..rounds {
        for (case, (times, taken)) in times.iter_mut().enumerate() {
            taken.push(time(case, *times)?.as_secs_f64() * 1e9 / f64::from(*times));
        }
    }
    let median = |mut taken: Vec<f64>| {
        taken.sort_by(f64::total_cmp);
        taken.get(taken.len() / 2).copied()
    };
    times.into_iter().map(|(_, taken)| median(taken)).collect()
}

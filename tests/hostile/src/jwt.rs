//! Tokens.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gateway_core::caller::refusal::Refusal;
use gateway_core::jose::token::{MOST_BYTES, Parsed};
use serde_json::Value;

/// A token that is taken apart is one that another reader reads alike: its algorithm is one of those that sign (RFC 8725 §3.2), it asks
/// for no extension (RFC 7515 §4.1.11), what is signed is all before the last dot (RFC 7515 §5.2), and its claims are those of its
/// payload. A signature that is not good gives none.
pub fn jwt(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(parsed) = Parsed::parse(text) else { return };
    assert!(text.len() <= MOST_BYTES);
    let [head, payload, signature] = text.split('.').collect::<Vec<_>>()[..] else { panic!("it has three parts") };
    assert_eq!(parsed.signed(), &text.as_bytes()[..head.len() + 1 + payload.len()]);
    assert_eq!(parsed.signature(), decoded(signature));

    let header: Value = serde_json::from_slice(&decoded(head)).unwrap();
    assert_eq!(header["kid"].as_str(), parsed.kid());
    assert!(header.get("crit").is_none() && header.get("b64").is_none());
    let named = header["alg"].as_str().unwrap();
    // RFC 9864: `Ed25519` is what `EdDSA` was with that curve.
    let is_it = named == parsed.algorithm().name() || (named == "Ed25519" && parsed.algorithm().name() == "EdDSA");
    assert!(is_it && !named.eq_ignore_ascii_case("none"), "{named}");

    assert_eq!(parsed.claims(parsed.said(false)), Err(Refusal::Signature));
    if let Ok(claims) = parsed.claims(parsed.said(true)) {
        let payload: Value = serde_json::from_slice(&decoded(payload)).unwrap();
        for name in ["iss", "sub", "jti", "scope"] {
            assert_eq!(claims.get(name), payload.get(name), "{name}");
        }
        if let Some(expires) = claims.expires {
            assert_eq!(payload["exp"].as_f64().unwrap().floor() as i64, expires);
        }
    }
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

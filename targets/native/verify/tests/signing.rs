//! Signatures by keys of the gateway's own.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use edgeway_verify_ring::{sign, verify};
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::ports::KeyUnusable;

/// RFC 9421 appendix B.2, and §3.3 for each algorithm. `targets/spin/verify` has the other library check them.
#[test]
fn signatures_are_those_of_the_standard() {
    edgeway_signatures::signing::check(sign, verify, true);
}

/// RFC 9421 appendix B.1.2: its private key says that it is for RSASSA-PSS alone.
#[test]
fn a_key_for_pss_alone_signs() {
    // The same numbers under `id-RSASSA-PSS`, as `openssl genpkey -algorithm rsa-pss` has them.
    let plain = include_str!("../../../../tests/keys/rsa-b.private.pem");
    let (family, pkcs8) = gateway_core::jose::private::read(plain).unwrap();
    assert_eq!(family, gateway_core::jose::algorithm::Family::Rsa);
    let mut bound = pkcs8;
    // The last number of the identifier, and no parameters.
    let at = bound.windows(11).position(|part| part == b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01").unwrap();
    bound[at + 10] = 0x0a;
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", base64(&bound));
    let key = SigningKey::private(Algorithm::Ps512, &pem).unwrap();
    assert_eq!(sign(&key, b"signed").map(|signature| signature.len()), Ok(256));
}

/// RFC 5915 §3: a key on a curve may come without its point; `ring` wants it, and the server says so when it starts.
#[test]
fn a_key_that_the_library_refuses_signs_nothing() {
    let (_, pkcs8) =
        gateway_core::jose::private::read(include_str!("../../../../tests/keys/p256-a.private.jwk")).unwrap();
    let d = pkcs8.windows(34).find(|part| part.starts_with(b"\x04\x20")).unwrap();
    let inner = [b"\x30\x25\x02\x01\x01", d].concat();
    let id = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    let bare = [&b"\x30\x41\x02\x01\x00"[..], id, b"\x04\x27", &inner].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", base64(&bare));
    let key = SigningKey::private(Algorithm::Es256, &pem).unwrap();
    assert_eq!(sign(&key, b"signed"), Err(KeyUnusable));
}

/// In lines of 64 characters, as RFC 7468 §2 has it.
fn base64(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding as _};
    let text = Base64::encode_string(bytes);
    text.as_bytes().chunks(64).map(|line| core::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\n")
}

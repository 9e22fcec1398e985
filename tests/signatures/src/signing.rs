//! Signatures that every platform must be able to make: those of RFC 9421 appendix B.2, and by the keys of `tests/keys`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::pem;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::ports::KeyUnusable;

/// RFC 9421 appendix B.1.4.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----";

/// RFC 9421 appendix B.2.6.
const B26: (&str, &str) = (
    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
);

/// RFC 9421 appendix B.1.5 and B.2.5.
const SECRET: &str = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
const B25: (&str, &str) = (
    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": application/json\n\"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
    "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
);

/// The keys of `tests/keys` by their algorithms: the private one as PEM and as JWK, and the public one.
const KEYS: [(&str, Algorithm, [&str; 3]); 5] = [
    (
        "ed25519-a",
        Algorithm::EdDsa,
        [
            include_str!("../../keys/ed25519-a.private.pem"),
            include_str!("../../keys/ed25519-a.private.jwk"),
            include_str!("../../keys/ed25519-a.pem"),
        ],
    ),
    (
        "p256-a",
        Algorithm::Es256,
        [
            include_str!("../../keys/p256-a.private.pem"),
            include_str!("../../keys/p256-a.private.jwk"),
            include_str!("../../keys/p256-a.pem"),
        ],
    ),
    (
        "p384-a",
        Algorithm::Es384,
        [
            include_str!("../../keys/p384-a.private.pem"),
            include_str!("../../keys/p384-a.private.jwk"),
            include_str!("../../keys/p384-a.pem"),
        ],
    ),
    ("rsa-a", Algorithm::Ps512, RSA),
    ("rsa-a", Algorithm::Rs256, RSA),
];
const RSA: [&str; 3] = [
    include_str!("../../keys/rsa-a.private.pem"),
    include_str!("../../keys/rsa-a.private.jwk"),
    include_str!("../../keys/rsa-a.pem"),
];

/// Checks that `sign` makes the signatures of the standard, and such as `verify`, of another library where there is one, takes; by RSA if it
/// `signs_by_rsa`, and else none.
///
/// # Panics
/// If it does not.
pub fn check(
    sign: impl Fn(&SigningKey, &[u8]) -> Result<Vec<u8>, KeyUnusable>,
    verify: impl Fn(&VerifyingKey, &[u8], &[u8]) -> Result<bool, KeyUnusable>,
    signs_by_rsa: bool,
) {
    let decoded = |text: &str| BASE64_STANDARD.decode(text).expect("Base 64");
    let key = SigningKey::private(Algorithm::EdDsa, ED25519).expect("a key");
    assert_eq!(sign(&key, B26.0.as_bytes()), Ok(decoded(B26.1)));
    let key = SigningKey::secret(Algorithm::Hs256, &decoded(SECRET)).expect("a secret");
    assert_eq!(sign(&key, B25.0.as_bytes()), Ok(decoded(B25.1)));

    for (name, algorithm, [pem, jwk, public]) in KEYS {
        let public =
            pem::read(public).expect("a public key").keys(Some(algorithm), &[], None).expect("a key").remove(0);
        for private in [pem, jwk] {
            let key = SigningKey::private(algorithm, private).expect("a private key");
            assert!(!format!("{key:?}").contains("48"), "{key:?}");
            // A key that is kept signs as one that is new.
            for signed in [&b"signed"[..], b"\xff\n", b""] {
                let signature = sign(&key, signed);
                if name.starts_with("rsa") && !signs_by_rsa {
                    assert_eq!(signature, Err(KeyUnusable));
                    continue;
                }
                let signature = signature.expect("a signature");
                assert_eq!(verify(&public, signed, &signature), Ok(true), "{name} {algorithm}");
                assert_eq!(verify(&public, b"others", &signature), Ok(false), "{name} {algorithm}");
            }
        }
    }
}

//! The signatures that RFC 9421 publishes (appendix B.2), from the fields of its request to the check by its keys.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use edgeway_verify_ring::verify;
use gateway_core::http::message_signature::{Parts, Stated, stated};
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::key::{Stated as StatedKey, VerifyingKey};
use gateway_core::jose::pem;
use http::{HeaderMap, Method};

const RSA_PSS: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----";

const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----";

const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----";

/// The shared secret of appendix B.1.5: `uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==`.
const SECRET: [u8; 64] = [
    0xbb, 0x3b, 0xc9, 0x7c, 0x1e, 0x2e, 0xdc, 0xdd, 0x09, 0xcb, 0x84, 0xfb, 0x35, 0x9e, 0xf9, 0x30, 0x35, 0x5c, 0xaf,
    0xcc, 0xd2, 0x4c, 0x89, 0xde, 0x74, 0x9b, 0x64, 0x81, 0xcb, 0xb8, 0xe9, 0x85, 0xb8, 0x5c, 0x1c, 0xb3, 0x34, 0x98,
    0xf1, 0x05, 0xdb, 0x63, 0x52, 0x47, 0x49, 0x3c, 0x1b, 0x5b, 0x98, 0x78, 0x48, 0x0e, 0x2e, 0xa9, 0x72, 0x5f, 0x23,
    0xb1, 0xab, 0x23, 0x95, 0x33, 0x2d, 0x0d,
];

const DIGEST: &str =
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

/// The request of appendix B.2, with these fields of a signature.
fn request(input: &str, signature: &str) -> HeaderMap {
    let fields = [
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-digest", DIGEST),
        ("content-length", "18"),
        ("signature-input", input),
        ("signature", signature),
    ];
    fields.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn base(one: &Stated, headers: &HeaderMap) -> String {
    let (path, authority) = ("/foo".to_owned(), "example.com".to_owned());
    let parts = Parts { method: &Method::POST, scheme: "https", authority, path, query: Some("param=Value&Pet=dog") };
    one.base(&parts, headers).unwrap()
}

fn key(pem: &str, algorithm: Algorithm) -> VerifyingKey {
    pem::read(pem).unwrap().keys(Some(algorithm), &[], None).unwrap().remove(0)
}

/// Whether the signature that the fields state is good, as it is and with a bit of it changed.
fn is_good(key: &VerifyingKey, input: &str, signature: &str) -> (bool, bool) {
    let headers = request(input, signature);
    let mut one = stated(&headers).unwrap().remove(0);
    let base = base(&one, &headers);
    let good = verify(key, base.as_bytes(), &one.signature).unwrap();
    *one.signature.first_mut().unwrap() ^= 1;
    (good, verify(key, base.as_bytes(), &one.signature).unwrap())
}

#[test]
fn b_2_1_covers_nothing_by_rsa_pss() {
    let input = r#"sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#;
    let signature = "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:";
    assert_eq!(is_good(&key(RSA_PSS, Algorithm::Ps512), input, signature), (true, false));
}

#[test]
fn b_2_2_covers_some_by_rsa_pss() {
    let input = r#"sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#;
    let signature = "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:";
    assert_eq!(is_good(&key(RSA_PSS, Algorithm::Ps512), input, signature), (true, false));
}

#[test]
fn b_2_3_covers_all_by_rsa_pss() {
    let input = r#"sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#;
    let signature = "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:";
    assert_eq!(is_good(&key(RSA_PSS, Algorithm::Ps512), input, signature), (true, false));
}

/// It is of a response, so what is signed stands here as the standard has it.
#[test]
fn b_2_4_is_by_ecdsa_on_p_256() {
    let base = "\"@status\": 200
\"content-type\": application/json
\"content-digest\": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:
\"content-length\": 23
\"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"";
    let input = r#"sig-b24=("@status" "content-type");created=1618884473"#;
    let signature =
        "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:";
    let one = stated(&request(input, signature)).unwrap().remove(0);
    let key = key(P256, Algorithm::Es256);
    assert_eq!(verify(&key, base.as_bytes(), &one.signature), Ok(true));
    assert_eq!(verify(&key, base.replace("200", "201").as_bytes(), &one.signature), Ok(false));
}

#[test]
fn b_2_5_is_by_hmac() {
    let input = r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
    let key = VerifyingKey::new(Algorithm::Hs256, &StatedKey::Secret(&SECRET), None).unwrap();
    let signature = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:";
    assert_eq!(is_good(&key, input, signature), (true, false));
}

#[test]
fn b_2_6_is_by_ed25519() {
    let input = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let signature =
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    assert_eq!(is_good(&key(ED25519, Algorithm::EdDsa), input, signature), (true, false));
}

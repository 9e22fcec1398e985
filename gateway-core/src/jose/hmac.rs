//! HMAC (RFC 2104) with the hashes of RFC 7518 §3.2.

use core::fmt;

use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::algorithm::Algorithm;

/// A secret for HMAC, with its two padded blocks already hashed.
#[derive(Clone)]
pub struct HmacKey(Inner);

#[derive(Clone)]
enum Inner {
    Sha256(Box<Hmac<Sha256>>),
    Sha384(Box<Hmac<Sha384>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl HmacKey {
    /// The key of `secret` for `algorithm`; none if that is no HMAC.
    #[must_use]
    pub fn new(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(Self(match algorithm {
            Algorithm::Hs256 => Inner::Sha256(Box::new(Hmac::new_from_slice(secret).ok()?)),
            Algorithm::Hs384 => Inner::Sha384(Box::new(Hmac::new_from_slice(secret).ok()?)),
            Algorithm::Hs512 => Inner::Sha512(Box::new(Hmac::new_from_slice(secret).ok()?)),
            _ => return None,
        }))
    }

    /// The least bytes of a secret for `algorithm`: as many as its hash has (RFC 7518 §3.2).
    #[must_use]
    pub const fn least_bytes(algorithm: Algorithm) -> usize {
        match algorithm {
            Algorithm::Hs384 => 48,
            Algorithm::Hs512 => 64,
            _ => 32,
        }
    }

    /// The tag of `parts`, one after another, with SHA-256; none for a key of another hash.
    #[must_use]
    pub fn sha256(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let Inner::Sha256(key) = &self.0 else { return None };
        let mut mac = (**key).clone();
        for part in parts {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }

    /// Returns whether `tag` is that of `signed`, in a time that says nothing about where they differ.
    #[must_use]
    pub fn verify(&self, signed: &[u8], tag: &[u8]) -> bool {
        match &self.0 {
            Inner::Sha256(key) => verify((**key).clone(), signed, tag),
            Inner::Sha384(key) => verify((**key).clone(), signed, tag),
            Inner::Sha512(key) => verify((**key).clone(), signed, tag),
        }
    }
}

fn verify<M: Mac>(mut mac: M, signed: &[u8], tag: &[u8]) -> bool {
    mac.update(signed);
    mac.verify_slice(tag).is_ok()
}

impl fmt::Debug for HmacKey {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let digit = |digit: u8| crate::http::percent::hex_digit(digit).unwrap();
        text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// RFC 4231 §4.7 (test case 6): a key longer than the block.
    #[test]
    fn tags_are_those_of_the_standard() {
        let (secret, signed) = ([0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        let tags = [
            (Algorithm::Hs256, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (
                Algorithm::Hs384,
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
            ),
            (
                Algorithm::Hs512,
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ];
        for (algorithm, tag) in tags {
            let (key, tag) = (HmacKey::new(algorithm, &secret).unwrap(), unhex(tag));
            assert!(key.verify(signed, &tag), "{algorithm}");
            // A part of a tag is none: no truncation (RFC 2104 §5) in JWS.
            assert!(!key.verify(signed, &tag[..16]) && !key.verify(signed, &[]), "{algorithm}");
            assert!(!key.verify(b"another text", &tag), "{algorithm}");
        }
        assert!(HmacKey::new(Algorithm::Rs256, &secret).is_none());
    }

    #[test]
    fn a_key_shows_nothing_of_its_secret() {
        let key = HmacKey::new(Algorithm::Hs256, b"PLANT").unwrap();
        assert_eq!(format!("{key:?}"), "HmacKey(…)");
    }
}

//! Private keys as they are kept: a PEM of PKCS#8 (RFC 5958, RFC 7468 §10), or a JWK (RFC 7517). Each becomes PKCS#8 in its plainest form,
//! which every platform's library reads.

use core::fmt;

use serde_json::Value;
use spki::der;

use super::algorithm::Family;
use crate::base64::decode_url;

/// The bits of an RSA modulus that every platform's library signs by.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2_048..=4_096;

/// The most bytes of a text. An RSA key of 4,096 bits has 3,272.
const MOST_BYTES: usize = 16_384;

/// `AlgorithmIdentifier` of each kind of key, in DER (RFC 8017 appendix A.1, RFC 5480 §2.1.1, RFC 8410 §3).
const RSA_ID: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const P256_ID: &[u8] = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384_ID: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
const ED25519_ID: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// The beginning of every identifier of PKCS#1, `rsaEncryption` and `id-RSASSA-PSS` among them.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01";

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// A reason for which a text makes no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateError {
    /// It is neither PEM nor JSON.
    NoKey,
    /// It is a PEM of an older form, or an encrypted one.
    Form,
    /// It is a public key, or a certificate.
    Public,
    /// What is in it is malformed, or of an unknown kind.
    Content,
    /// This member of the JWK is missing, or not as long as its curve has it.
    Member(&'static str),
    /// The RSA modulus has too few or too many bits.
    RsaBits(usize),
}

/// The private key in `text`, as PKCS#8 in DER, and its kind.
///
/// # Errors
/// A [`PrivateError`].
pub fn read(text: &str) -> Result<(Family, Vec<u8>), PrivateError> {
    let text = text.trim();
    if text.len() > MOST_BYTES {
        return Err(PrivateError::NoKey);
    }
    if text.starts_with('{') {
        return jwk(&serde_json::from_str(text).map_err(|_| PrivateError::NoKey)?);
    }
    // In a variable of the environment, lines are often joined by `\n` in two characters.
    let lines = text.replace("\\n", "\n");
    let (label, content) = der::pem::decode_vec(lines.as_bytes()).map_err(|_| PrivateError::NoKey)?;
    match label {
        "PRIVATE KEY" => pkcs8(&content),
        "PUBLIC KEY" | "CERTIFICATE" | "RSA PUBLIC KEY" => Err(PrivateError::Public),
        _ if label.ends_with("PRIVATE KEY") => Err(PrivateError::Form),
        _ => Err(PrivateError::NoKey),
    }
}

/// A `PrivateKeyInfo` (RFC 5958 §2): a version, the kind of key, the key, and what is not needed.
fn pkcs8(content: &[u8]) -> Result<(Family, Vec<u8>), PrivateError> {
    let read = || {
        let (mut info, _) = within(SEQUENCE, content)?;
        (_, info) = within(INTEGER, info)?;
        let (id, rest) = within(SEQUENCE, info)?;
        let (key, _) = within(OCTETS, rest)?;
        Some((id, key))
    };
    let (id, key) = read().ok_or(PrivateError::Content)?;
    let is = |known: &[u8]| known.get(2..) == Some(id);
    let family = if is(P256_ID) {
        Family::P256
    } else if is(P384_ID) {
        Family::P384
    } else if is(ED25519_ID) {
        Family::Ed25519
    } else if id.starts_with(RSA) {
        // RFC 8017 appendix A.1.2: a version, the modulus, and the other numbers. Libraries refuse a key that says that it is for
        // RSASSA-PSS alone, as that of RFC 9421 appendix B.1.2 does.
        let modulus = || within(INTEGER, within(INTEGER, within(SEQUENCE, key)?.0)?.1);
        check_rsa(modulus().ok_or(PrivateError::Content)?.0)?;
        Family::Rsa
    } else {
        return Err(PrivateError::Content);
    };
    Ok((family, wrapped(family, key)))
}

fn jwk(jwk: &Value) -> Result<(Family, Vec<u8>), PrivateError> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &'static str, length: Option<usize>| {
        let bytes = decode_url(text(name));
        let is_right = |bytes: &Vec<u8>| !bytes.is_empty() && length.is_none_or(|length| length == bytes.len());
        bytes.filter(is_right).ok_or(PrivateError::Member(name))
    };
    let ec = |family, length| {
        let [d, x, y] = ["d", "x", "y"].map(|name| number(name, Some(length)));
        // RFC 5915 §3: version 1, the number, and the point as [1].
        let point = element(0x03, &[&[0, 4], &x?, &y?]);
        let key = element(SEQUENCE, &[&[INTEGER, 1, 1], &element(OCTETS, &[&d?]), &element(0xa1, &[&point])]);
        Ok((family, wrapped(family, &key)))
    };
    match (text("kty"), text("crv")) {
        ("EC", "P-256") => ec(Family::P256, 32),
        ("EC", "P-384") => ec(Family::P384, 48),
        // RFC 8410 §7: a text of octets within the one of PKCS#8.
        ("OKP", "Ed25519") => {
            Ok((Family::Ed25519, wrapped(Family::Ed25519, &element(OCTETS, &[&number("d", Some(32))?]))))
        }
        // RFC 8017 appendix A.1.2: version 0, and the numbers.
        ("RSA", _) => {
            check_rsa(&number("n", None)?)?;
            let mut key = vec![INTEGER, 1, 0];
            for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
                key.extend(integer(&number(name, None)?));
            }
            Ok((Family::Rsa, wrapped(Family::Rsa, &element(SEQUENCE, &[&key]))))
        }
        _ => Err(PrivateError::Content),
    }
}

fn check_rsa(modulus: &[u8]) -> Result<(), PrivateError> {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros).map_or(0, |first| first.leading_zeros() as usize);
    let bits = (8 * (modulus.len() - zeros)).saturating_sub(first);
    if RSA_BITS.contains(&bits) { Ok(()) } else { Err(PrivateError::RsaBits(bits)) }
}

/// The `PrivateKeyInfo` of a key (RFC 5958 §2), of version 0.
fn wrapped(family: Family, key: &[u8]) -> Vec<u8> {
    let id = match family {
        Family::P256 => P256_ID,
        Family::P384 => P384_ID,
        Family::Ed25519 => ED25519_ID,
        Family::Rsa | Family::Secret => RSA_ID,
    };
    element(SEQUENCE, &[&[INTEGER, 1, 0], id, &element(OCTETS, &[key])])
}

/// A number that is not negative (X.690 §8.3).
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, number])
}

/// What is in the element of this `tag` at the beginning of `text`, and what follows it (X.690 §8.1).
fn within(tag: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match text {
        [own, 0x81, length, rest @ ..] if *own == tag => (usize::from(*length), rest),
        [own, 0x82, high, low, rest @ ..] if *own == tag => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [own, length @ ..=0x7f, rest @ ..] if *own == tag => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// An element of DER with these `parts` in it (X.690 §8.1).
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    // INVARIANT: no text is longer than `MOST_BYTES`.
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, &content].concat()
}

impl fmt::Display for PrivateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("the secret is no private key, neither as PEM nor as JWK"),
            Self::Form => f.write_str("the private key is encrypted, or in an older form"),
            Self::Public => f.write_str("this is a public key, and it takes a private one to sign"),
            Self::Content => f.write_str("the private key can't be read: it is none of RSA, P-256, P-384 and Ed25519"),
            Self::Member(name) => write!(f, "`{name}` of the JWK is missing, or has not the length that it should"),
            Self::RsaBits(bits) => {
                write!(f, "the RSA key has {bits} bits; {} to {} sign", RSA_BITS.start(), RSA_BITS.end())
            }
        }
    }
}

impl PrivateError {
    /// The way to mend it, where a key of this `family` is wanted.
    #[must_use]
    pub const fn help(&self, family: Family) -> &'static str {
        match (self, family) {
            (Self::NoKey | Self::Public | Self::Content, Family::Rsa) => {
                "it is the text of the key, not the name of its file: `openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048` prints one"
            }
            (Self::NoKey | Self::Public | Self::Content, Family::P256) => {
                "it is the text of the key, not the name of its file: `openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256` prints one"
            }
            (Self::NoKey | Self::Public | Self::Content, Family::P384) => {
                "it is the text of the key, not the name of its file: `openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384` prints one"
            }
            (Self::NoKey | Self::Public | Self::Content, _) => {
                "it is the text of the key, not the name of its file: `openssl genpkey -algorithm ed25519` prints one"
            }
            (Self::Form, _) => "`openssl pkcs8 -topk8 -nocrypt -in FILE` prints it as PKCS#8",
            (Self::Member(_), _) => "copy all members of the key, the private ones among them",
            (Self::RsaBits(_), _) => {
                "make another one, or an Ed25519 key, which is faster: `openssl genpkey -algorithm ed25519`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = include_str!("../../../tests/keys/ed25519-a.private.pem");
    const RSA_KEY: &str = include_str!("../../../tests/keys/rsa-a.private.pem");
    const RSA_JWK: &str = include_str!("../../../tests/keys/rsa-a.private.jwk");

    /// RFC 7468 §10, RFC 7517: the same key in both forms is the same.
    #[test]
    fn a_pem_and_a_jwk_of_a_key_are_one() {
        for (family, pem, jwk) in [
            (Family::Ed25519, ED25519, include_str!("../../../tests/keys/ed25519-a.private.jwk")),
            (
                Family::P256,
                include_str!("../../../tests/keys/p256-a.private.pem"),
                include_str!("../../../tests/keys/p256-a.private.jwk"),
            ),
            (
                Family::P384,
                include_str!("../../../tests/keys/p384-a.private.pem"),
                include_str!("../../../tests/keys/p384-a.private.jwk"),
            ),
            (Family::Rsa, RSA_KEY, RSA_JWK),
        ] {
            let (read_family, key) = read(pem).unwrap();
            assert_eq!((read_family, Ok((family, key))), (family, read(jwk)));
            // In a variable of the environment.
            assert_eq!(read(pem), read(&pem.trim().replace('\n', "\\n")));
        }
    }

    #[test]
    fn each_fault_of_a_key_has_its_name() {
        let cut = ED25519.replace("MC4C", "MC8C");
        for (text, error) in [
            ("", PrivateError::NoKey),
            ("key.pem", PrivateError::NoKey),
            ("{", PrivateError::NoKey),
            ("{}", PrivateError::Content),
            (&cut, PrivateError::Content),
            (include_str!("../../../tests/keys/ed25519-a.pem"), PrivateError::Public),
            (&ED25519.replace("PRIVATE", "EC PRIVATE"), PrivateError::Form),
            (&ED25519.replace("PRIVATE", "ENCRYPTED PRIVATE"), PrivateError::Form),
            (include_str!("../../../tests/keys/p256-a.jwk"), PrivateError::Member("d")),
            (&RSA_JWK.replace("\"qi\"", "\"q_\""), PrivateError::Member("qi")),
            (r#"{"kty": "oct", "k": "AAAA"}"#, PrivateError::Content),
            (r#"{"kty": "RSA", "n": "_w"}"#, PrivateError::RsaBits(8)),
        ] {
            assert_eq!(read(text).err(), Some(error), "{text}");
        }
    }

    /// X.690 §8.1.3: lengths of one, two and three octets; none of them leads beyond the text.
    #[test]
    fn elements_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 4_000] {
            let content = vec![7; length];
            let written = element(OCTETS, &[&content]);
            assert_eq!(within(OCTETS, &written), Some((&*content, &[][..])), "{length}");
            assert_eq!(within(SEQUENCE, &written), None);
            assert_eq!(within(OCTETS, &written[..written.len() - 1]), None);
        }
        assert_eq!(
            (within(OCTETS, b""), within(OCTETS, b"\x04"), within(OCTETS, b"\x04\x83\0\0\0")),
            (None, None, None)
        );
    }
}

//! Public keys as PEM (RFC 7468 §13), the form of `openssl pkey -pubout`.

use core::fmt;

use pkcs1::RsaPublicKey;
use spki::der::{self, Decode};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::algorithm::Family;
use super::numbers::Numbers;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A reason for which a text makes no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemError {
    /// It is no PEM.
    NoPem,
    /// It begins as one, and can't be read.
    Damaged,
    /// It is a certificate.
    Certificate,
    /// It is a private key.
    Private,
    /// It is a PEM of something else, or what is in it is malformed.
    NoKey,
    /// The kind of key, or its curve, is unknown.
    Kind,
    /// The point is compressed.
    Compressed,
}

/// The numbers of the public key in `text`.
///
/// # Errors
/// A [`PemError`].
pub fn read(text: &str) -> Result<Numbers, PemError> {
    // In a variable of the environment, lines are often joined by `\n` in two characters.
    let lines = text.trim().replace("\\n", "\n");
    let (label, content) =
        der::pem::decode_vec(lines.as_bytes()).map_err(|_| match lines.starts_with("-----BEGIN ") {
            true => PemError::Damaged,
            false => PemError::NoPem,
        })?;
    match label {
        "PUBLIC KEY" => public_key(&content),
        "RSA PUBLIC KEY" => rsa(&content),
        "CERTIFICATE" => Err(PemError::Certificate),
        _ if label.ends_with("PRIVATE KEY") => Err(PemError::Private),
        _ => Err(PemError::NoKey),
    }
}

/// A `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn public_key(content: &[u8]) -> Result<Numbers, PemError> {
    let info = SubjectPublicKeyInfoRef::from_der(content).map_err(|_| PemError::NoKey)?;
    let key = info.subject_public_key.as_bytes().ok_or(PemError::NoKey)?;
    match info.algorithm.oid {
        RSA | RSA_PSS => rsa(key),
        EC => match info.algorithm.parameters_oid().map_err(|_| PemError::Kind)? {
            P256 => point(Family::P256, key),
            P384 => point(Family::P384, key),
            _ => Err(PemError::Kind),
        },
        ED25519 => Ok(Numbers { family: Family::Ed25519, first: key.to_vec(), second: Vec::new() }),
        _ => Err(PemError::Kind),
    }
}

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(content: &[u8]) -> Result<Numbers, PemError> {
    let key = RsaPublicKey::from_der(content).map_err(|_| PemError::NoKey)?;
    let (first, second) = (key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec());
    Ok(Numbers { family: Family::Rsa, first, second })
}

/// A point on a curve (SEC 1 §2.3.3).
fn point(family: Family, key: &[u8]) -> Result<Numbers, PemError> {
    match key {
        [4, coordinates @ ..] => {
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            Ok(Numbers { family, first: x.to_vec(), second: y.to_vec() })
        }
        [2 | 3, ..] => Err(PemError::Compressed),
        _ => Err(PemError::NoKey),
    }
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPem => f.write_str("this is no PEM"),
            Self::Damaged => f.write_str("the PEM is cut off or altered"),
            Self::Certificate => f.write_str("this is a certificate, and a public key is wanted"),
            Self::Private => f.write_str("this is a private key, and a public key is wanted"),
            Self::NoKey => f.write_str("there is no public key in it"),
            Self::Kind => f.write_str("the key is none of RSA, P-256, P-384 and Ed25519"),
            Self::Compressed => f.write_str("the point of the key is compressed"),
        }
    }
}

impl PemError {
    /// The way to mend it, as far as there is one for all.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NoPem => {
                "it is the text of the key, not the name of its file, and begins with `-----BEGIN PUBLIC KEY-----`; in JSON, each end of a \
                 line is written `\\n`"
            }
            Self::Damaged => {
                "copy it whole, with each end of a line as `\\n`, or join the lines between the first and the last to one: a character is missing or \
                 too many"
            }
            Self::Certificate => "`openssl x509 -in FILE -noout -pubkey` prints its public key",
            Self::Private => {
                "`openssl pkey -in FILE -pubout` prints its public half; the private one must leave the configuration, \
                 and be replaced if others have seen it"
            }
            Self::Compressed => "`openssl ec -pubin -in FILE -conv_form uncompressed` prints the other form",
            Self::NoKey | Self::Kind => "`openssl pkey -in PRIVATE -pubout` prints a public key",
        }
    }
}

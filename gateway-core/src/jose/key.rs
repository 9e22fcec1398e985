//! Keys that verify signatures. Each is for one algorithm (RFC 8725 §3.1): no other constructor pairs the two, so that a public
//! key can't be taken for a secret, nor a key be used by what a token says of itself.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest, Sha256};

use super::algorithm::{Algorithm, Family};
use super::hmac::HmacKey;
use crate::store_key::push_hex;

/// The least and the most bits of an RSA modulus that is taken (RFC 7518 §3.3; more cost too much to check).
const RSA_BITS: core::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The most bytes of a secret.
pub(super) const MOST_SECRET_BYTES: usize = 4_096;

/// A key that verifies the signatures of one algorithm.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    id: Thumbprint,
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    material: Material,
}

/// The identity of a key and its algorithm, whatever it is called: a SHA-256 as in RFC 7638, with the algorithm before the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

/// The numbers that make up a key, in the order of their bytes as JWK has it (big-endian).
#[derive(Clone, Debug)]
pub enum Material {
    /// A shared secret.
    Secret(HmacKey),
    /// An RSA key, without leading zeros.
    Rsa {
        /// The modulus.
        n: Box<[u8]>,
        /// The exponent.
        e: Box<[u8]>,
    },
    /// A point on P-256, uncompressed: 0x04, x, y (SEC 1 §2.3.3).
    P256(Box<[u8; 65]>),
    /// A point on P-384, uncompressed.
    P384(Box<[u8; 97]>),
    /// A point on Ed25519 (RFC 8032 §5.1.2).
    Ed25519([u8; 32]),
}

/// A key as it is stated, before it is checked.
#[derive(Debug)]
pub enum Stated<'k> {
    /// A shared secret.
    Secret(&'k [u8]),
    /// An RSA key: modulus and exponent.
    Rsa(&'k [u8], &'k [u8]),
    /// The coordinates of a point on P-256.
    P256(&'k [u8], &'k [u8]),
    /// The coordinates of a point on P-384.
    P384(&'k [u8], &'k [u8]),
    /// A point on Ed25519.
    Ed25519(&'k [u8]),
}

/// A fault of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The algorithm takes another kind of key.
    Family(Algorithm, Family),
    /// The secret is shorter than the hash of its algorithm (RFC 7518 §3.2).
    ShortSecret(Algorithm, usize),
    /// The secret is longer than anybody needs.
    LongSecret,
    /// The RSA modulus has too few or too many bits.
    RsaBits(usize),
    /// The RSA modulus is even: some platforms make a key of it that fits nothing, others make none.
    RsaModulus,
    /// The RSA exponent is even or less than 3, or has more than 33 bits.
    RsaExponent,
    /// A coordinate has not the length of its curve (RFC 7518 §6.2.1.2).
    Point(Family),
    /// Nothing says which algorithm the key is for.
    NoAlgorithm,
    /// The algorithm that the key states is not allowed.
    NotAllowed(Algorithm),
    /// None of the allowed algorithms takes this kind of key.
    NoneAllowed(Family),
}

impl VerifyingKey {
    /// The key `stated` for `algorithm`, called `kid`.
    ///
    /// # Errors
    /// A [`KeyError`], if the two don't fit or the key is weak.
    pub fn new(algorithm: Algorithm, stated: &Stated<'_>, kid: Option<&str>) -> Result<Self, KeyError> {
        let family = stated.family();
        if family != algorithm.family() {
            return Err(KeyError::Family(algorithm, family));
        }
        let mut hash = Sha256::new_with_prefix(algorithm.name());
        let point = || KeyError::Point(family);
        let material = match stated {
            Stated::Secret(secret) => {
                let least = HmacKey::least_bytes(algorithm);
                if secret.len() < least {
                    return Err(KeyError::ShortSecret(algorithm, secret.len()));
                }
                if secret.len() > MOST_SECRET_BYTES {
                    return Err(KeyError::LongSecret);
                }
                hash.update(secret);
                Material::Secret(HmacKey::new(algorithm, secret).ok_or(KeyError::Family(algorithm, family))?)
            }
            Stated::Rsa(n, e) => {
                let (n, e) = (without_zeros(n), without_zeros(e));
                check_rsa(n, e)?;
                hash.update(n);
                hash.update(e);
                Material::Rsa { n: n.into(), e: e.into() }
            }
            Stated::P256(x, y) => Material::P256(Box::new(uncompressed(x, y, &mut hash).ok_or_else(point)?)),
            Stated::P384(x, y) => Material::P384(Box::new(uncompressed(x, y, &mut hash).ok_or_else(point)?)),
            Stated::Ed25519(x) => {
                hash.update(x);
                Material::Ed25519((*x).try_into().map_err(|_| point())?)
            }
        };
        Ok(Self { id: Thumbprint(hash.finalize().into()), kid: kid.map(Into::into), algorithm, material })
    }

    /// Its identity, by its numbers and its algorithm.
    #[must_use]
    pub const fn id(&self) -> Thumbprint {
        self.id
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm that it is for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The numbers that make it up.
    #[must_use]
    pub const fn material(&self) -> &Material {
        &self.material
    }

    /// Appends the key as a JWK (RFC 7517) with the members that RFC 7638 §3.2 requires and no other. Nothing is appended for a
    /// secret, which never leaves the core.
    pub fn write_jwk(&self, out: &mut String) {
        let mut member = |before: &str, number: &[u8]| {
            out.push_str(before);
            out.push_str(&Base64UrlUnpadded::encode_string(number));
        };
        match &self.material {
            Material::Secret(_) => return,
            Material::Rsa { n, e } => {
                member(r#"{"e":""#, e);
                member(r#"","kty":"RSA","n":""#, n);
            }
            Material::P256(point) => {
                let (x, y) = halves(&**point);
                member(r#"{"crv":"P-256","kty":"EC","x":""#, x);
                member(r#"","y":""#, y);
            }
            Material::P384(point) => {
                let (x, y) = halves(&**point);
                member(r#"{"crv":"P-384","kty":"EC","x":""#, x);
                member(r#"","y":""#, y);
            }
            Material::Ed25519(point) => member(r#"{"crv":"Ed25519","kty":"OKP","x":""#, point),
        }
        out.push_str("\"}");
    }
}

impl Stated<'_> {
    /// The kind of key.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Secret(_) => Family::Secret,
            Self::Rsa(..) => Family::Rsa,
            Self::P256(..) => Family::P256,
            Self::P384(..) => Family::P384,
            Self::Ed25519(_) => Family::Ed25519,
        }
    }
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let bits = n.first().map_or(0, |first| (n.len() * 8).saturating_sub(first.leading_zeros() as usize));
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::RsaBits(bits));
    }
    if n.last().is_some_and(|last| last % 2 == 0) {
        return Err(KeyError::RsaModulus);
    }
    let exponent = (e.len() <= 5).then(|| e.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)));
    // NIST SP 800-56B §6.2.1 asks for odd ones; 33 bits are what every platform's library takes.
    match exponent {
        Some(exponent) if exponent >= 3 && exponent % 2 == 1 && exponent < 1 << 33 => Ok(()),
        _ => Err(KeyError::RsaExponent),
    }
}

fn without_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

/// The point with these coordinates, each as long as the curve's field; hashed by the way.
fn uncompressed<const N: usize>(x: &[u8], y: &[u8], hash: &mut Sha256) -> Option<[u8; N]> {
    let mut point = [0; N];
    let (first, coordinates) = point.split_first_mut()?;
    *first = 4;
    let half = coordinates.len() / 2;
    let (left, right) = coordinates.split_at_mut(half);
    if x.len() != half || y.len() != half {
        return None;
    }
    left.copy_from_slice(x);
    right.copy_from_slice(y);
    hash.update(point);
    Some(point)
}

/// The coordinates of an uncompressed point.
fn halves(point: &[u8]) -> (&[u8], &[u8]) {
    let coordinates = point.get(1..).unwrap_or_default();
    coordinates.split_at(coordinates.len() / 2)
}

impl Thumbprint {
    /// The identity of a key with this digest.
    pub(super) const fn of(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Its hexadecimal digits. Only of a private key, which nobody finds by trying, may they leave the core.
    #[must_use]
    pub fn to_hex(self) -> String {
        let mut text = String::with_capacity(64);
        push_hex(&mut text, &self.0);
        text
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of a short secret it would be as good as the secret.
        f.write_str("Thumbprint(…)")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Family(algorithm, family) => {
                write!(f, "`{algorithm}` takes {}, and this is {family}", algorithm.family())
            }
            Self::ShortSecret(algorithm, bytes) => {
                let least = HmacKey::least_bytes(*algorithm);
                write!(f, "the secret has {bytes} bytes; `{algorithm}` takes at least {least} (RFC 7518 §3.2)")
            }
            Self::LongSecret => write!(f, "the secret has more than {MOST_SECRET_BYTES} bytes"),
            Self::RsaBits(bits) => {
                write!(f, "the RSA key has {bits} bits; {} to {} are taken", RSA_BITS.start(), RSA_BITS.end())
            }
            Self::RsaModulus => f.write_str("the RSA key's modulus is even"),
            Self::RsaExponent => f.write_str("the RSA key's exponent is not odd, or not from 3 to 2³³"),
            Self::Point(family) => write!(f, "a coordinate has not the length that {family} has"),
            Self::NoAlgorithm => f.write_str("nothing says which algorithm the secret is for"),
            Self::NotAllowed(algorithm) => write!(f, "`{algorithm}` is none of the issuer's `algorithms`"),
            Self::NoneAllowed(family) => write!(f, "none of the issuer's `algorithms` takes {family}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(bits: usize, e: &[u8]) -> Result<VerifyingKey, KeyError> {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= (8 - bits % 8) % 8;
        VerifyingKey::new(Algorithm::Rs256, &Stated::Rsa(&n, e), None)
    }

    /// RFC 8725 §3.1: a key is for one algorithm, so no public key can be a secret (§2.1).
    #[test]
    fn a_key_takes_no_algorithm_of_another_kind() {
        let n = [0xff; 256];
        let stated = [
            Stated::Secret(&n),
            Stated::Rsa(&n, &[1, 0, 1]),
            Stated::P256(&n[..32], &n[..32]),
            Stated::Ed25519(&n[..32]),
        ];
        for key in &stated {
            for algorithm in Algorithm::ALL {
                let made = VerifyingKey::new(algorithm, key, None);
                match algorithm.family() == key.family() {
                    true => assert_eq!(made.unwrap().algorithm(), algorithm),
                    false => assert_eq!(made.unwrap_err(), KeyError::Family(algorithm, key.family())),
                }
            }
        }
    }

    /// RFC 7518 §3.3: 2,048 bits or more. Leading zeros are none of them.
    #[test]
    fn weak_and_huge_rsa_keys_are_refused() {
        assert_eq!(rsa(2_047, &[3]).unwrap_err(), KeyError::RsaBits(2_047));
        assert_eq!(rsa(8_193, &[3]).unwrap_err(), KeyError::RsaBits(8_193));
        assert!(rsa(2_048, &[1, 0, 1]).is_ok() && rsa(8_192, &[0, 1, 0, 1]).is_ok());
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 9]] {
            assert_eq!(rsa(2_048, exponent).unwrap_err(), KeyError::RsaExponent, "{exponent:?}");
        }
    }

    /// RFC 8017 §3.1: a modulus is a product of odd primes.
    #[test]
    fn an_even_rsa_modulus_is_refused() {
        let mut n = [0xff; 256];
        n[255] = 0xfe;
        let key = VerifyingKey::new(Algorithm::Ps256, &Stated::Rsa(&n, &[1, 0, 1]), None);
        assert_eq!(key.unwrap_err(), KeyError::RsaModulus);
    }

    /// RFC 7518 §3.2: a secret has at least as many bits as the hash.
    #[test]
    fn a_secret_is_as_long_as_its_hash() {
        for (algorithm, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            let key = |length| VerifyingKey::new(algorithm, &Stated::Secret(&vec![7; length]), None);
            assert_eq!(key(least - 1).unwrap_err(), KeyError::ShortSecret(algorithm, least - 1));
            assert!(key(least).is_ok());
        }
        let long = VerifyingKey::new(Algorithm::Hs256, &Stated::Secret(&[7; 5_000]), None);
        assert_eq!(long.unwrap_err(), KeyError::LongSecret);
    }

    /// RFC 7518 §6.2.1.2: the length of a coordinate is that of the field.
    #[test]
    fn a_point_has_the_length_of_its_curve() {
        for length in [0, 31, 33] {
            let key = VerifyingKey::new(Algorithm::Es256, &Stated::P256(&vec![1; length], &[1; 32]), None);
            assert_eq!(key.unwrap_err(), KeyError::Point(Family::P256));
        }
    }

    #[test]
    fn one_key_for_two_algorithms_is_two_keys() {
        let key = |algorithm, kid| VerifyingKey::new(algorithm, &Stated::Rsa(&[0xff; 256], &[3]), kid).unwrap().id();
        assert_eq!(key(Algorithm::Rs256, None), key(Algorithm::Rs256, Some("a")));
        assert_ne!(key(Algorithm::Rs256, None), key(Algorithm::Ps256, None));
    }

    #[test]
    fn a_secret_is_never_written() {
        let mut jwk = String::new();
        let key = VerifyingKey::new(Algorithm::Hs256, &Stated::Secret(&[b'P'; 32]), None).unwrap();
        key.write_jwk(&mut jwk);
        assert_eq!(jwk, "");
        assert!(!format!("{key:?}").contains("80, 80"));
    }
}

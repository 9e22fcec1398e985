//! Keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Family};
use super::key::{KeyError, VerifyingKey};
use super::numbers::Numbers;
use crate::json;

/// A public or secret key as JSON. Members that verify nothing are not read, a private half among them.
#[derive(Clone, Debug, Default)]
pub struct Jwk<'j> {
    /// The type of key (§4.1).
    pub kty: &'j str,
    /// The use (§4.2).
    pub usage: Option<&'j str>,
    /// The operations (§4.3).
    pub key_ops: Option<Vec<&'j str>>,
    /// The algorithm (§4.4).
    pub alg: Option<&'j str>,
    /// The name (§4.5).
    pub kid: Option<&'j str>,
    /// The curve.
    pub crv: Option<&'j str>,
    /// The first coordinate.
    pub x: Option<&'j str>,
    /// The second coordinate.
    pub y: Option<&'j str>,
    /// The RSA modulus.
    pub n: Option<&'j str>,
    /// The RSA exponent.
    pub e: Option<&'j str>,
    /// The secret.
    pub k: Option<&'j str>,
}

/// A reason for which a JWK makes no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwkError {
    /// `kty` is unknown.
    Kty,
    /// `crv` is missing or unknown.
    Curve,
    /// This member is missing, or is no base64url (RFC 7515 §2).
    Member(&'static str),
    /// The key is not for signatures.
    Use,
    /// `alg` is no algorithm that is known.
    Algorithm,
    /// The numbers make no key.
    Key(KeyError),
}

impl<'j> Jwk<'j> {
    /// The key that an object is; none if one of the members that are read is of another type than it should be.
    #[must_use]
    pub fn of(object: &'j Map<String, Value>) -> Option<Self> {
        let text = |name: &str| json::text(object, name).ok();
        let key_ops = match object.get("key_ops") {
            None | Some(Value::Null) => None,
            Some(list) => Some(list.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?),
        };
        Some(Self {
            kty: text("kty")?.unwrap_or_default(),
            usage: text("use")?,
            key_ops,
            alg: text("alg")?,
            kid: text("kid")?,
            crv: text("crv")?,
            x: text("x")?,
            y: text("y")?,
            n: text("n")?,
            e: text("e")?,
            k: text("k")?,
        })
    }

    /// The keys that it makes: one for `alg`, or else for each of the `allowed` algorithms that take this kind; an empty list allows
    /// all, and then it is the usual one of its kind.
    ///
    /// # Errors
    /// A [`JwkError`].
    pub fn keys(&self, allowed: &[Algorithm]) -> Result<Vec<VerifyingKey>, JwkError> {
        let is_for_signatures = self.usage.is_none_or(|usage| usage == "sig");
        let may_verify = self.key_ops.as_ref().is_none_or(|ops| ops.contains(&"verify"));
        if !is_for_signatures || !may_verify {
            return Err(JwkError::Use);
        }
        let algorithm = match self.alg {
            Some(name) => Some(Algorithm::named(name).ok_or(JwkError::Algorithm)?.0),
            None => None,
        };
        self.numbers()?.keys(algorithm, allowed, self.kid).map_err(JwkError::Key)
    }

    fn numbers(&self) -> Result<Numbers, JwkError> {
        let number = |name, member: Option<&str>| {
            let text = member.ok_or(JwkError::Member(name))?;
            Base64UrlUnpadded::decode_vec(text).map_err(|_| JwkError::Member(name))
        };
        let (family, first, second) = match (self.kty, self.crv) {
            ("oct", _) => (Family::Secret, number("k", self.k)?, Vec::new()),
            ("RSA", _) => (Family::Rsa, number("n", self.n)?, number("e", self.e)?),
            ("EC", Some("P-256")) => (Family::P256, number("x", self.x)?, number("y", self.y)?),
            ("EC", Some("P-384")) => (Family::P384, number("x", self.x)?, number("y", self.y)?),
            ("OKP", Some("Ed25519")) => (Family::Ed25519, number("x", self.x)?, Vec::new()),
            ("EC" | "OKP", _) => return Err(JwkError::Curve),
            _ => return Err(JwkError::Kty),
        };
        Ok(Numbers { family, first, second })
    }
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kty => f.write_str("`kty` is none of `RSA`, `EC`, `OKP` and `oct`"),
            Self::Curve => f.write_str("`crv` is none of `P-256`, `P-384` (with `EC`) and `Ed25519` (with `OKP`)"),
            Self::Member(name) => write!(f, "`{name}` is missing, or not base64url without padding (RFC 7515 §2)"),
            Self::Use => f.write_str("the key is not for signatures, by its `use` or `key_ops`"),
            Self::Algorithm => f.write_str("`alg` is no algorithm that is known"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(jwk: &str, allowed: &[Algorithm]) -> Result<Vec<VerifyingKey>, JwkError> {
        Jwk::of(&json::object(jwk.as_bytes()).unwrap()).unwrap().keys(allowed)
    }

    fn algorithms(jwk: &str, allowed: &[Algorithm]) -> Vec<Algorithm> {
        keys(jwk, allowed).unwrap().iter().map(VerifyingKey::algorithm).collect()
    }

    /// RFC 7517 appendix A.1: an EC key and an RSA key.
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}"#;
    const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn the_keys_of_the_standards_are_read_and_written() {
        for (jwk, algorithm, kid) in [
            (EC, Algorithm::Es256, Some("1")),
            (RSA, Algorithm::Rs256, Some("2011-04-29")),
            // RFC 8037 appendix A.2.
            (ED, Algorithm::EdDsa, None),
        ] {
            let keys = keys(jwk, &[]).unwrap();
            assert_eq!((keys.len(), keys[0].algorithm(), keys[0].kid()), (1, algorithm, kid));
            let mut written = String::new();
            keys[0].write_jwk(&mut written);
            let again = super::tests::keys(&written, &[algorithm]).unwrap();
            assert_eq!(again[0].id(), keys[0].id());
        }
    }

    /// RFC 7638 §3.3: the members that are required, in the order of their names. The standard hashes exactly this text.
    #[test]
    fn a_written_key_has_the_required_members_in_order() {
        let mut written = String::new();
        keys(RSA, &[]).unwrap()[0].write_jwk(&mut written);
        use sha2::{Digest, Sha256};
        let thumbprint = Base64UrlUnpadded::encode_string(&Sha256::digest(&written));
        assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// RFC 8725 §3.1: the algorithm is the key's. A key that states none is for those that the issuer is allowed.
    #[test]
    fn the_algorithm_comes_from_the_key_or_the_configuration() {
        let bare = RSA.replace(r#""alg":"RS256","#, "");
        assert_eq!(algorithms(&bare, &[]), [Algorithm::Rs256]);
        let allowed = [Algorithm::Ps256, Algorithm::Es256, Algorithm::Rs512];
        assert_eq!(algorithms(&bare, &allowed), [Algorithm::Ps256, Algorithm::Rs512]);
        assert_eq!(keys(RSA, &allowed).unwrap_err(), JwkError::Key(KeyError::NotAllowed(Algorithm::Rs256)));
        assert_eq!(keys(ED, &[Algorithm::Rs256]).unwrap_err(), JwkError::Key(KeyError::NoneAllowed(Family::Ed25519)));
        assert!(matches!(keys(&ED.replace('}', r#","alg":"HS256"}"#), &[]), Err(JwkError::Key(KeyError::Family(..)))));
        assert_eq!(keys(&ED.replace('}', r#","alg":"none"}"#), &[]).unwrap_err(), JwkError::Algorithm);
        let secret = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
        assert_eq!(keys(secret, &[]).unwrap_err(), JwkError::Key(KeyError::NoAlgorithm));
        assert_eq!(algorithms(secret, &[Algorithm::Hs512]), [Algorithm::Hs512]);
    }

    #[test]
    fn each_fault_of_a_key_has_its_name() {
        for (jwk, error) in [
            ("{}", JwkError::Kty),
            (r#"{"kty":"rsa"}"#, JwkError::Kty),
            (r#"{"kty":"EC","crv":"P-521"}"#, JwkError::Curve),
            (r#"{"kty":"OKP","crv":"X25519"}"#, JwkError::Curve),
            (r#"{"kty":"OKP","crv":"Ed25519"}"#, JwkError::Member("x")),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA=="}"#, JwkError::Member("x")),
            (r#"{"kty":"RSA","n":"+/","e":"AQAB"}"#, JwkError::Member("n")),
            // RFC 7517 §4.2, §4.3.
            (r#"{"kty":"RSA","use":"enc"}"#, JwkError::Use),
            (r#"{"kty":"RSA","key_ops":["encrypt"]}"#, JwkError::Use),
        ] {
            assert_eq!(keys(jwk, &[]).unwrap_err(), error, "{jwk}");
        }
    }
}

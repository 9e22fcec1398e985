//! Tokens in their compact form (RFC 7519 §3, RFC 7515 §7.1), by way of `jwt-compact`.
//!
//! Its `Token` is the only type with claims, and comes of a token whose signature is good alone. The signature may be checked by a platform
//! that does so asynchronously: so [`Parsed`] lends what was signed, the port decides, and [`Said`] carries the decision back as an
//! [`Algorithm`](jwt_compact::Algorithm) of `jwt-compact`, which compares the name and then asks it.

use core::convert::Infallible;
use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{AlgorithmExt, AlgorithmSignature, UntrustedToken};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::caller::claims::{ClaimSet, Members};
use crate::caller::refusal::Refusal;
use crate::json;

/// The most bytes of a token.
pub const MOST_BYTES: usize = 8 * 1_024;

/// The most characters of a token's header; a decoded one is a quarter shorter.
const MOST_HEADER_CHARACTERS: usize = 1_366;

/// A token that has been taken apart, and of which nothing is believed.
#[derive(Debug)]
pub struct Parsed<'t> {
    token: UntrustedToken<'t, Extensions>,
    signed: &'t [u8],
    algorithm: Algorithm,
    /// The algorithm's name as the token has it, of the known ones.
    name: &'static str,
}

/// The members of a header that change what a token means.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    /// Extensions that must be understood (RFC 7515 §4.1.11).
    #[serde(deserialize_with = "is_there")]
    crit: bool,
    /// Content that is not encoded (RFC 7797 §3).
    #[serde(deserialize_with = "is_there")]
    b64: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A key's word on a signature.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    name: &'static str,
    is_good: bool,
}

impl<'t> Parsed<'t> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// A [`Refusal`]: too large, malformed, an unknown algorithm, or an extension.
    pub fn parse(text: &'t str) -> Result<Self, Refusal> {
        let has_large_header = || text.find('.').is_some_and(|end| end > MOST_HEADER_CHARACTERS);
        if text.len() > MOST_HEADER_CHARACTERS && (text.len() > MOST_BYTES || has_large_header()) {
            return Err(Refusal::TooLarge);
        }
        let token = UntrustedToken::<Extensions>::try_from(text).map_err(|_| Refusal::Malformed)?;
        let Extensions { crit, b64 } = token.header().other_fields;
        if crit || b64 {
            return Err(Refusal::Critical);
        }
        let (algorithm, name) = Algorithm::named(token.algorithm()).ok_or(Refusal::Algorithm)?;
        let (signed, _) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        Ok(Self { token, signed: signed.as_bytes(), algorithm, name })
    }

    /// The algorithm that it claims to be signed by.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key that it claims to be signed by.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.token.header().key_id.as_deref()
    }

    /// Its stated type.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token.header().token_type.as_deref()
    }

    /// The bytes that are signed (RFC 7515 §5.2 step 8).
    #[must_use]
    pub const fn signed(&self) -> &'t [u8] {
        self.signed
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.token.signature_bytes()
    }

    /// The `iss` that it claims, to choose among issuers by: good for nothing else, and compared again with the claims that
    /// come of a good signature.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<String> {
        json::text(&self.unproved()?, "iss").ok()?.map(str::to_owned)
    }

    /// The later of `nbf` and `iat` in milliseconds, rounded up: good for nothing but a comparison, once the signature is known to be
    /// good.
    #[must_use]
    pub fn begins(&self) -> Option<i64> {
        let claims = self.unproved()?;
        let times = ["nbf", "iat"].into_iter().filter_map(|name| claims.get(name)?.as_f64());
        let begins = times.fold(f64::MIN, f64::max);
        // A cast that does not fit ends at the nearest number.
        #[expect(clippy::cast_possible_truncation)]
        Some((begins * 1_000.0).ceil() as i64)
    }

    /// What it claims, as long as nobody has said that the signature is good.
    fn unproved(&self) -> Option<Map<String, Value>> {
        let (_, claims) = core::str::from_utf8(self.signed).ok()?.split_once('.')?;
        let Members(claims) = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).ok()?).ok()?;
        Some(claims)
    }

    /// The claims, if `said` is that the signature is good.
    ///
    /// # Errors
    /// [`Refusal::Signature`], or [`Refusal::Malformed`] if the claims are no object of unique members within bounds.
    pub fn claims(&self, said: Said) -> Result<ClaimSet, Refusal> {
        if !said.is_good {
            return Err(Refusal::Signature);
        }
        let token = said.validator::<Members>(&()).validate(&self.token).map_err(|error| match error {
            jwt_compact::ValidationError::MalformedClaims(_) => Refusal::Malformed,
            _ => Refusal::Signature,
        })?;
        let (_, claims) = token.into_parts();
        let expires = claims.expiration.map(|time| time.timestamp());
        let not_before = claims.not_before.map(|time| time.timestamp());
        let issued_at = claims.issued_at.map(|time| time.timestamp());
        Ok(ClaimSet::new(expires, not_before, issued_at, claims.custom))
    }

    /// The word of a key for this token's algorithm.
    #[must_use]
    pub const fn said(&self, is_good: bool) -> Said {
        Said { name: self.name, is_good }
    }
}

impl jwt_compact::Algorithm for Said {
    /// Nothing signs here.
    type SigningKey = Infallible;
    type VerifyingKey = ();
    type Signature = Checked;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.name)
    }

    fn sign(&self, key: &Infallible, _: &[u8]) -> Checked {
        match *key {}
    }

    fn verify_signature(&self, _: &Checked, (): &(), _: &[u8]) -> bool {
        self.is_good
    }
}

/// A signature whose bytes the port has seen.
#[derive(Clone, Copy, Debug)]
pub struct Checked;

impl AlgorithmSignature for Checked {
    fn try_from_slice(_: &[u8]) -> anyhow::Result<Self> {
        Ok(Self)
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }
}

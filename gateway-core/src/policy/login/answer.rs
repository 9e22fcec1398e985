//! The answer of a token endpoint to a login (OpenID Connect Core 1.0 §3.1.3.3), and what its ID token has to say.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Login;
use crate::caller::claims::ClaimSet;
use crate::jose::algorithm::Algorithm;

/// The longest life of a token that is believed, in seconds.
const MOST_LIFE: u64 = 366 * 86_400;

/// The tokens of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: Option<String>,
    /// The ID token.
    pub id_token: Option<String>,
    /// The life of the access token, in seconds.
    pub life: Option<u64>,
}

impl Answer {
    /// Reads an answer; `None` if it is none.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let Value::Object(mut members) = serde_json::from_slice(text).ok()? else { return None };
        let life = match members.remove("expires_in") {
            Some(Value::Number(number)) => number.as_u64(),
            // Some servers write the number as text.
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let mut take = |name: &str| match members.remove(name) {
            // What is sent on in a field must be fit for one.
            Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Some(text)
            }
            _ => None,
        };
        let is_bearer = take("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let access = take("access_token").filter(|_| is_bearer)?;
        let life = life.map(|life| life.min(MOST_LIFE));
        Some(Self { access, refresh: take("refresh_token"), id_token: take("id_token"), life })
    }
}

/// Returns whether the claims of an ID token, whose issuer, signature and times are good, are for this login (OpenID Connect Core 1.0
/// §3.1.3.7, steps 3 to 5 and 11): for the client, for the attempt that has this `nonce`, and beside this access token (§3.1.3.8).
#[must_use]
pub fn is_for(login: &Login, claims: &ClaimSet, nonce: Option<&str>, access: &str, algorithm: Algorithm) -> bool {
    let has_several = matches!(claims.get("aud"), Some(Value::Array(list)) if list.len() > 1);
    let is_party = match claims.text("azp") {
        Some(party) => *party == *login.client,
        None => !has_several && claims.get("azp").is_none(),
    };
    // A refreshed one need not have it (§12.2).
    let is_attempt = nonce.is_none_or(|nonce| claims.text("nonce") == Some(nonce));
    let is_beside = match claims.get("at_hash") {
        None => true,
        Some(stated) => stated.as_str() == Some(&*half_hash(access, algorithm)),
    };
    // §2: both are required.
    let is_whole = claims.text("sub").is_some() && claims.issued_at.is_some();
    claims.is_for(&login.client) && is_party && is_attempt && is_beside && is_whole
}

/// The left half of the hash of `token`, by the hash of `algorithm` (OpenID Connect Core 1.0 §3.1.3.6).
fn half_hash(token: &str, algorithm: Algorithm) -> String {
    let token = token.as_bytes();
    let hash = match algorithm.name().get(2..) {
        Some("256") => Sha256::digest(token).to_vec(),
        Some("384") => Sha384::digest(token).to_vec(),
        // EdDSA with Ed25519 is by SHA-512, too.
        _ => Sha512::digest(token).to_vec(),
    };
    Base64UrlUnpadded::encode_string(hash.get(..hash.len() / 2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §5.1, §7.1: a token of a type that nobody here can use is none. What goes into a field has no line breaks.
    #[test]
    fn an_answer_has_a_token_of_the_type_bearer() {
        let read = |text: &str| Answer::read(text.as_bytes()).map(|answer| (answer.access, answer.life));
        let is = |life| Some(("a".to_owned(), life));
        assert_eq!(read(r#"{"access_token": "a", "token_type": "bearer", "expires_in": 5}"#), is(Some(5)));
        assert_eq!(read(r#"{"access_token": "a", "token_type": "Bearer", "expires_in": "7"}"#), is(Some(7)));
        assert_eq!(read(r#"{"access_token": "a", "token_type": "Bearer", "expires_in": -1}"#), is(None));
        assert_eq!(read(r#"{"access_token": "a", "token_type": "Bearer", "expires_in": 1e300}"#), is(None));
        for wrong in [
            r#"{"access_token": "a", "token_type": "mac"}"#,
            r#"{"access_token": "a"}"#,
            r#"{"access_token": "", "token_type": "Bearer"}"#,
            r#"{"access_token": "a\r\nb: c", "token_type": "Bearer"}"#,
            r#"{"token_type": "Bearer"}"#,
            "[]",
            "",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    /// OpenID Connect Core 1.0 §3.1.3.6; the value is that of §A.3.
    #[test]
    fn the_hash_of_a_token_is_half_of_that_of_its_algorithm() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(token, Algorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(token, Algorithm::Es384).len(), 32);
        assert_eq!(half_hash(token, Algorithm::EdDsa).len(), 43);
    }
}

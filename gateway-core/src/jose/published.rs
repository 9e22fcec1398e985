//! Sets of keys as issuers publish them (RFC 7517 §5), and the document that says where (OpenID Connect Discovery 1.0 §3).

use core::fmt;

use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Family};
use super::jwk::Jwk;
use super::set::KeySet;
use crate::json::{self, Unfit};

/// The most keys that a set may have. Every one of them may be tried on a token.
pub const MOST_KEYS: usize = 64;

/// A fault of what an issuer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not the JSON that it should be.
    Malformed,
    /// The set has more than [`MOST_KEYS`] keys.
    TooMany,
    /// None of the keys verifies tokens of this issuer.
    NoKey,
    /// The document is of another issuer (OpenID Connect Discovery 1.0 §4.3).
    Issuer,
}

/// The set in `text`, for tokens of the `allowed` algorithms. A key that verifies none of them is left out, and so is one that is
/// not understood, or malformed, or out of bounds, as RFC 7517 §5 asks for; and a shared secret, which nobody may publish.
///
/// # Errors
/// A [`Fault`].
pub fn read_set(text: &[u8], allowed: &[Algorithm]) -> Result<KeySet, Fault> {
    let set = json::object(text).ok_or(Fault::Malformed)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(Fault::Malformed)?;
    if keys.len() > MOST_KEYS {
        return Err(Fault::TooMany);
    }
    let read = |key: &Value| Jwk::of(key.as_object()?)?.keys(allowed).ok();
    let mut found: Vec<_> = keys.iter().filter_map(read).flatten().collect();
    found.retain(|key| key.algorithm().family() != Family::Secret);
    if found.is_empty() { Err(Fault::NoKey) } else { Ok(KeySet::new(found)) }
}

/// The keys of `set` as [`read_set`] takes them: a JSON array of JWKs that state their algorithms.
#[must_use]
pub fn write_keys(set: &KeySet) -> String {
    let mut out = String::from("[");
    for key in set.iter() {
        if out.len() > 1 {
            out.push(',');
        }
        key.write_jwk(&mut out);
        if out.ends_with('}') {
            out.pop();
            let kid = key.kid().map(|kid| Value::from(kid).to_string());
            let kid = kid.map(|kid| format!(",\"kid\":{kid}")).unwrap_or_default();
            out.push_str(&format!(",\"alg\":\"{}\"{kid}}}", key.algorithm()));
        }
    }
    out.push(']');
    out
}

/// A document of OpenID Connect Discovery 1.0 §3, as far as anything here asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    issuer: String,
    /// The URL of the set of keys.
    pub jwks_uri: String,
    /// The URL at which people log in.
    pub authorization_endpoint: Option<String>,
    /// The URL at which tokens are given for codes.
    pub token_endpoint: Option<String>,
    /// The URL at which people log out (OpenID Connect RP-Initiated Logout 1.0 §2.1).
    pub end_session_endpoint: Option<String>,
    /// Set if the answers of the authorization endpoint name the issuer (RFC 9207 §3).
    pub authorization_response_iss_parameter_supported: bool,
}

/// The document in `text`, of `issuer`.
///
/// # Errors
/// A [`Fault`].
pub fn read_document(text: &[u8], issuer: &str) -> Result<Document, Fault> {
    let document = Document::of(&json::object(text).ok_or(Fault::Malformed)?).map_err(|Unfit| Fault::Malformed)?;
    match &document {
        Document { issuer: own, jwks_uri, .. } if own.is_empty() || jwks_uri.is_empty() => Err(Fault::Malformed),
        Document { issuer: own, .. } if own != issuer => Err(Fault::Issuer),
        _ => Ok(document),
    }
}

impl Document {
    /// The document that an object is.
    ///
    /// # Errors
    /// A member that is read is of another type than it should be.
    pub(crate) fn of(object: &Map<String, Value>) -> Result<Self, Unfit> {
        let text = |name: &str| json::text(object, name).map(|text| text.map(str::to_owned));
        let is_set = |name: &str| object.get(name).map_or(Ok(false), |value| value.as_bool().ok_or(Unfit));
        Ok(Self {
            issuer: text("issuer")?.unwrap_or_default(),
            jwks_uri: text("jwks_uri")?.unwrap_or_default(),
            authorization_endpoint: text("authorization_endpoint")?,
            token_endpoint: text("token_endpoint")?,
            end_session_endpoint: text("end_session_endpoint")?,
            authorization_response_iss_parameter_supported: is_set("authorization_response_iss_parameter_supported")?,
        })
    }

    /// Appends its endpoints as members of a JSON object that has begun.
    pub fn write_endpoints(&self, out: &mut String) {
        let endpoints = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("end_session_endpoint", &self.end_session_endpoint),
        ];
        for (name, url) in endpoints {
            if let Some(url) = url {
                let url = Value::from(url.as_str()).to_string();
                out.push_str(&[",\"", name, "\":", &url].concat());
            }
        }
        if self.authorization_response_iss_parameter_supported {
            out.push_str(",\"authorization_response_iss_parameter_supported\":true");
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is not the JSON that it should be"),
            Self::TooMany => write!(f, "it has more than {MOST_KEYS} keys"),
            Self::NoKey => f.write_str("none of its keys verifies tokens of this issuer"),
            Self::Issuer => f.write_str("it is the document of another issuer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

    fn names(text: &str, allowed: &[Algorithm]) -> Result<Vec<String>, Fault> {
        let set = read_set(text.as_bytes(), allowed)?;
        Ok(set.iter().map(|key| format!("{} {}", key.kid().unwrap_or("-"), key.algorithm())).collect())
    }

    /// RFC 7517 §5: keys that are not understood, miss members or are out of range are ignored. RFC 8725 §2.1: no secret is public.
    #[test]
    fn keys_that_verify_nothing_are_left_out() {
        let secret = "a".repeat(86);
        let text = format!(
            r#"{{"keys": [{{{POINT},"kid":"a"}}, {{"kty":"oct","k":"{secret}","alg":"HS256","kid":"s"}}, {{"kty":"AKP","kid":"q"}},
                {{{POINT},"use":"enc"}}, {{{POINT},"alg":"ECDH-ES"}}, {{{POINT},"key_ops":["sign"]}}, {{"kty":"EC","crv":"P-521"}},
                {{"kty":"RSA","n":"AQAB","e":"AQAB"}}, {{"kty":"EC"}}, {{"kty":7}}, {{"x":"y"}}, 7, null, [], {{}},
                {{{POINT},"alg":"ES256","use":"sig","key_ops":["verify"],"x5c":["MII"],"unknown":{{"a":1}}}}], "more": 1}}"#
        );
        assert_eq!(names(&text, &[]).unwrap(), ["a ES256", "- ES256"]);
        assert_eq!(names(&text, &[Algorithm::Hs256, Algorithm::Rs256]), Err(Fault::NoKey));
        assert_eq!(names(&text, &[Algorithm::Hs256]), Err(Fault::NoKey));
    }

    #[test]
    fn what_is_no_set_of_keys_is_refused() {
        for text in ["", "<html>", "[]", "{}", r#"{"keys": {}}"#, "\u{feff}{\"keys\": []}"] {
            assert_eq!(names(text, &[]), Err(Fault::Malformed), "{text}");
        }
        assert_eq!(read_set(b"{\"keys\": [\"\xff\"]}", &[]).unwrap_err(), Fault::Malformed);
        assert_eq!(
            names(&format!(r#"{{"keys": {}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000)), &[]),
            Err(Fault::Malformed)
        );
        assert_eq!(names(r#"{"keys": []}"#, &[]), Err(Fault::NoKey));
        // Of members of one name, the last counts (RFC 7517 §5).
        assert_eq!(names(&format!(r#"{{"keys": [{{{POINT}}}], "keys": []}}"#), &[]), Err(Fault::NoKey));
        let many = |keys| format!(r#"{{"keys": [{}]}}"#, vec![format!("{{{POINT}}}"); keys].join(","));
        assert_eq!(names(&many(MOST_KEYS), &[]).unwrap().len(), MOST_KEYS);
        assert_eq!(names(&many(MOST_KEYS + 1), &[]), Err(Fault::TooMany));
    }

    #[test]
    fn a_set_is_written_as_it_is_read() {
        let text = format!(r#"{{"keys": [{{{POINT},"kid":"a\"\\é"}}, {{{POINT}}}]}}"#);
        let set = read_set(text.as_bytes(), &[]).unwrap();
        let written = format!(r#"{{"keys": {}}}"#, write_keys(&set));
        let again = read_set(written.as_bytes(), &[Algorithm::Es256]).unwrap();
        let shown = |set: &KeySet| set.iter().map(|key| (key.kid().map(str::to_owned), key.id())).collect::<Vec<_>>();
        assert_eq!(shown(&again), shown(&set));
        assert_eq!(write_keys(&KeySet::default()), "[]");
    }

    /// OpenID Connect Discovery 1.0 §4.3: the issuer must be the same, byte for byte.
    #[test]
    fn a_document_is_of_its_issuer() {
        let text = br#"{"issuer": "https://id.test/\u0061", "jwks_uri": "https://id.test/k", "more": []}"#;
        assert_eq!(read_document(text, "https://id.test/a").unwrap().jwks_uri, "https://id.test/k");
        for other in ["https://id.test/a/", "https://ID.test/a", "https://id.test", ""] {
            assert_eq!(read_document(text, other), Err(Fault::Issuer), "{other}");
        }
        for text in [r#"{"issuer": "i"}"#, r#"{"jwks_uri": "u"}"#, "[]", "", r#"{"issuer": 1, "jwks_uri": "u"}"#] {
            assert_eq!(read_document(text.as_bytes(), "i"), Err(Fault::Malformed), "{text}");
        }
    }
}

//! Tokens (RFC 7519) as a case writes them: signed when the case begins, so that their times are right.

mod keys;
mod placeholders;
mod sign;
mod signature;

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use gateway_core::config::Span;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::body::spell_out;
pub(crate) use keys::{insert as insert_keys, jwk};
pub(crate) use placeholders::{fill, filled, has_any, named_in, signatures_in};
pub(crate) use sign::is_signature;
pub use signature::Signature;
pub(crate) use signature::resolve as resolve_signatures;

/// The claims that are times (RFC 7519 §4.1.4 to §4.1.6).
const TIMES: [&str; 3] = ["exp", "nbf", "iat"];

/// A token as it is written in a case file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Token {
    /// The token that this one is like but for its other members. Those of `header` and `claims` are taken one by one.
    like: Option<String>,
    /// The file in `tests/keys` that signs it; without its ending, or with it for HMAC.
    key: Option<String>,
    /// The algorithm that signs it. Default: the usual one of the key.
    algorithm: Option<String>,
    /// Members of its header beside `alg`, which may be given to lie about it; `null` for absent.
    header: Map<String, Value>,
    /// Its claims; `null` for absent. `exp`, `nbf` and `iat` may be relative to the beginning of the case: `"+60s"`.
    claims: Map<String, Value>,
    /// The text of its header instead.
    header_text: Option<Raw>,
    /// The text of its claims instead, where `${+60s}` is such a time.
    claims_text: Option<Raw>,
    /// What becomes of its signature.
    signature: Option<Forgery>,
    /// How its parts are put together. Default: `{header}.{claims}.{signature}`.
    form: Option<String>,
    /// The alphabet of its parts.
    alphabet: Alphabet,
}

/// A text, or bytes written as the characters of the same numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
enum Raw {
    Text(String),
    Latin1(Vec<u8>),
}

/// What becomes of a signature.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Forgery {
    /// There is none.
    Empty,
    /// An ECDSA signature as ASN.1, not as two numbers (RFC 7518 §3.4).
    Der,
    /// The bits behind its last byte are not zero (RFC 4648 §3.5).
    Trailing,
    /// One bit of this byte is another; `-1` is the last byte.
    Flip(isize),
    /// It has only so many bytes.
    First(usize),
    /// It has so many zeros behind it.
    Longer(usize),
    /// The bytes from here to there are zeros.
    Zero(usize, usize),
    /// It is this text.
    Text(String),
}

/// An alphabet of Base 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Alphabet {
    /// That of JWS (RFC 4648 §5).
    #[default]
    Url,
    /// The other one (RFC 4648 §4).
    Standard,
}

impl Token {
    /// The token at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn write(&self, now: i64) -> Result<String, String> {
        let key = self.key.as_deref().ok_or("it has no `key`")?;
        let algorithm = match &self.algorithm {
            Some(algorithm) => algorithm,
            None => sign::usual(key).ok_or_else(|| format!("`{key}` is for no algorithm alone"))?,
        };
        let header = match &self.header_text {
            Some(raw) => raw.bytes(now)?,
            None => {
                let mut header = Map::from_iter([("alg".to_owned(), algorithm.into())]);
                overlay(&mut header, &self.header);
                text_of(header)
            }
        };
        let claims = match &self.claims_text {
            Some(raw) => raw.bytes(now)?,
            None => text_of(timed(&self.claims, now)?),
        };
        let (header, claims) = (self.encode(&header), self.encode(&claims));
        let signed = format!("{header}.{claims}");
        let is_der = matches!(self.signature, Some(Forgery::Der));
        let mut bytes = sign::sign(key, algorithm, is_der, signed.as_bytes())?;
        forge(self.signature.as_ref(), &mut bytes)?;
        let signature = match &self.signature {
            Some(Forgery::Text(text)) => text.clone(),
            Some(Forgery::Trailing) => with_trailing_bit(self.encode(&bytes))?,
            _ => self.encode(&bytes),
        };
        let form = self.form.as_deref().unwrap_or("{header}.{claims}.{signature}");
        Ok(form.replace("{header}", &header).replace("{claims}", &claims).replace("{signature}", &signature))
    }

    /// The same, with what `fill` makes of the texts among its claims.
    fn with_claims(&self, fill: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let mut token = self.clone();
        for claim in token.claims.values_mut() {
            if let Value::String(text) = claim {
                *text = fill(text)?;
            }
        }
        Ok(token)
    }

    /// The claims that are planted to be looked for.
    pub(crate) fn planted(&self) -> impl Iterator<Item = &str> {
        self.claims.values().filter_map(Value::as_str).filter(|claim| claim.starts_with("PLANT-"))
    }

    fn encode(&self, bytes: &[u8]) -> String {
        match self.alphabet {
            Alphabet::Url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
            Alphabet::Standard => BASE64_STANDARD_NO_PAD.encode(bytes),
        }
    }

    /// The same, with what it leaves open as `base` has it.
    fn over(&self, base: &Self) -> Self {
        let merged = |own: &Map<String, Value>, base: &Map<String, Value>| {
            let mut merged = base.clone();
            merged.extend(own.clone());
            merged
        };
        Self {
            like: None,
            key: self.key.clone().or_else(|| base.key.clone()),
            // Another key may be for another algorithm.
            algorithm: self.algorithm.clone().or_else(|| base.algorithm.clone().filter(|_| self.key.is_none())),
            header: merged(&self.header, &base.header),
            claims: merged(&self.claims, &base.claims),
            header_text: self.header_text.clone().or_else(|| base.header_text.clone()),
            claims_text: self.claims_text.clone().or_else(|| base.claims_text.clone()),
            signature: self.signature.clone().or_else(|| base.signature.clone()),
            form: self.form.clone().or_else(|| base.form.clone()),
            alphabet: if self.alphabet == Alphabet::Url { base.alphabet } else { self.alphabet },
        }
    }
}

/// The signature of `signed` by the key called `name`.
#[cfg(test)]
pub(crate) fn signature_of(name: &str, signed: &[u8]) -> Result<Vec<u8>, String> {
    sign::sign(name, sign::usual(name).unwrap_or_default(), false, signed)
}

/// Changes the bytes of a signature.
fn forge(forgery: Option<&Forgery>, bytes: &mut Vec<u8>) -> Result<(), String> {
    match forgery {
        Some(Forgery::Empty) => bytes.clear(),
        Some(Forgery::Flip(at)) => {
            let place = if *at < 0 { bytes.len().checked_add_signed(*at) } else { usize::try_from(*at).ok() };
            *place.and_then(|place| bytes.get_mut(place)).ok_or("its signature has no such byte")? ^= 1;
        }
        Some(Forgery::First(length)) => bytes.truncate(*length),
        Some(Forgery::Longer(by)) => bytes.resize(bytes.len() + by, 0),
        Some(Forgery::Zero(from, to)) => {
            bytes.get_mut(*from..*to).ok_or("its signature has no such bytes")?.fill(0);
        }
        None | Some(Forgery::Der | Forgery::Trailing | Forgery::Text(_)) => {}
    }
    Ok(())
}

/// `text` with times in the place of `${+60s}`.
fn with_times(text: &str, now: i64) -> Result<String, String> {
    placeholders::replace(text, "${", |span| match span.strip_prefix(['+', '-']) {
        Some(_) => relative(span, now).map(|time| time.to_string()),
        None => Err(format!("`{span}` is no time")),
    })
}

/// The tokens of a case: its `own` and those of its file, without `like`.
///
/// # Errors
/// What is wrong with one of them, even if nothing sends it.
pub(crate) fn resolve(
    own: &BTreeMap<String, Token>,
    shared: &BTreeMap<String, Token>,
) -> Result<BTreeMap<String, Token>, String> {
    /// More than a file needs: a token that is like itself has no end.
    const MOST_STEPS: usize = 8;
    let mut found = BTreeMap::new();
    for (name, token) in shared.iter().chain(own) {
        let fault = |error: &str| format!("token `{name}`: {error}");
        let mut token = token.clone();
        for step in 0.. {
            let Some(base) = token.like.take() else { break };
            if step == MOST_STEPS {
                return Err(fault("it is like itself"));
            }
            let base =
                own.get(&base).or_else(|| shared.get(&base)).ok_or_else(|| fault(&format!("no token is `{base}`")))?;
            token = Token { like: base.like.clone(), ..token.over(base) };
        }
        token.write(0).map_err(|error| fault(&error))?;
        if found.insert(name.clone(), token).is_some() {
            return Err(fault("its file has one of this name"));
        }
    }
    Ok(found)
}

impl Raw {
    fn bytes(&self, now: i64) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => with_times(text, now).map(String::into_bytes),
            Self::Latin1(bytes) => Ok(bytes.clone()),
        }
    }
}

impl TryFrom<Value> for Raw {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Latin1 {
            latin1: String,
        }
        match value {
            Value::Object(ref members) if members.contains_key("latin1") => {
                let Latin1 { latin1 } = serde_json::from_value(value).map_err(|error| error.to_string())?;
                let bytes: Result<_, _> = latin1.chars().map(u8::try_from).collect();
                bytes.map(Self::Latin1).map_err(|_| format!("`{latin1}` is more than Latin 1"))
            }
            other => spell_out(other).map(Self::Text),
        }
    }
}

/// `claims` with their times at `now`.
fn timed(claims: &Map<String, Value>, now: i64) -> Result<Map<String, Value>, String> {
    let mut timed = Map::new();
    overlay(&mut timed, claims);
    for name in TIMES {
        if let Some(Value::String(span)) = timed.get(name)
            && span.starts_with(['+', '-'])
        {
            let time = relative(span, now)?;
            timed.insert(name.to_owned(), Value::Number(time));
        }
    }
    Ok(timed)
}

/// The time that is `span` away from `now`: whole, or a fraction if that is not.
fn relative(span: &str, now: i64) -> Result<Number, String> {
    let fault = || format!("`{span}` is no time");
    let (sign, length) = span.split_at_checked(1).ok_or_else(fault)?;
    let Span(length) = Span::parse(length).ok_or_else(fault)?;
    let whole = i64::try_from(length.as_secs()).map_err(|_| fault())?;
    let sign = if sign == "-" { -1 } else { 1 };
    if length.subsec_nanos() == 0 {
        return Ok((now + sign * whole).into());
    }
    Number::from_f64(now as f64 + sign as f64 * length.as_secs_f64()).ok_or_else(fault)
}

/// Puts the members of `over` in the place of those in `base`; `null` removes one.
fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        if value.is_null() {
            base.remove(name);
        } else {
            base.insert(name.clone(), value.clone());
        }
    }
}

fn text_of(members: Map<String, Value>) -> Vec<u8> {
    Value::Object(members).to_string().into_bytes()
}

/// The same bytes to a decoder that does not look at the bits behind the last one.
fn with_trailing_bit(mut text: String) -> Result<String, String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if text.len().is_multiple_of(4) {
        return Err("its signature has no bits behind the last byte".to_owned());
    }
    let last = text.pop().and_then(|last| ALPHABET.find(last)).ok_or("its signature is empty")?;
    text.extend(ALPHABET.chars().nth(last + 1));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: Value) -> BTreeMap<String, Token> {
        serde_json::from_value(json).unwrap()
    }

    /// The header, claims and signature of `token`, decoded.
    fn parts(token: &Token, now: i64) -> [Vec<u8>; 3] {
        let text = token.write(now).unwrap();
        let parts: Vec<_> = text.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        parts.try_into().unwrap()
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn times_are_relative_to_now() {
        let all = tokens(serde_json::json!({
            "a": {"key": "ed25519-a", "claims": {"exp": "+1m", "nbf": "-1500ms", "iat": "soon", "x": "+1s"}},
            "b": {"key": "ed25519-a", "claimsText": r#"{"exp":${+60s},"exp":${-1s}}"#},
        }));
        let [header, claims, signature] = parts(&all["a"], 1_000);
        assert_eq!(json(&header), serde_json::json!({"alg": "EdDSA"}));
        assert_eq!(json(&claims), serde_json::json!({"exp": 1_060, "nbf": 998.5, "iat": "soon", "x": "+1s"}));
        assert_eq!(signature.len(), 64);
        assert_eq!(parts(&all["b"], 1_000)[1], br#"{"exp":1060,"exp":999}"#);
    }

    #[test]
    fn a_token_is_like_another_but_for_its_own_members() {
        let shared = tokens(serde_json::json!({
            "good": {"key": "rsa-a", "algorithm": "PS256", "header": {"kid": "a", "typ": "JWT"}, "claims": {"a": 1, "b": 2}},
        }));
        let own = tokens(serde_json::json!({
            "mine": {"like": "good", "claims": {"b": 3}},
            "other": {"like": "mine", "key": "p256-a", "header": {"typ": null}, "claims": {"a": null}},
        }));
        let all = resolve(&own, &shared).unwrap();
        let [header, claims, _] = parts(&all["other"], 0);
        assert_eq!(json(&header), serde_json::json!({"alg": "ES256", "kid": "a"}));
        assert_eq!(json(&claims), serde_json::json!({"b": 3}));
        assert_eq!(json(&parts(&all["mine"], 0)[0])["alg"], "PS256");
        assert!(resolve(&shared, &shared).unwrap_err().contains("of this name"));
        for (wrong, part) in [
            (serde_json::json!({"a": {"like": "b"}, "b": {"like": "a"}}), "itself"),
            (serde_json::json!({"a": {"like": "a"}}), "itself"),
            (serde_json::json!({"a": {"like": "c"}}), "`c`"),
            (serde_json::json!({"a": {"key": "rsa-a", "algorithm": "ES256"}}), "ES256"),
            (serde_json::json!({"a": {"key": "lost"}}), "lost"),
        ] {
            let error = resolve(&tokens(wrong), &BTreeMap::new()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_signature_may_be_forged() {
        let all = tokens(serde_json::json!({
            "good": {"key": "p256-a"},
            "empty": {"key": "p256-a", "signature": "empty"},
            "der": {"key": "p256-a", "signature": "der"},
            "flip": {"key": "hs256", "signature": {"flip": -1}},
            "hmac": {"key": "hs256"},
            "zero": {"key": "p256-a", "signature": {"zero": [0, 32]}},
            "trailing": {"key": "p256-a", "signature": "trailing"},
            "longer": {"key": "p256-a", "signature": {"longer": 1}},
            "dots": {"key": "p256-a", "form": "{header}.{claims}"},
        }));
        assert_eq!(parts(&all["good"], 0)[2].len(), 64);
        assert_eq!(parts(&all["empty"], 0)[2].len(), 0);
        assert_eq!(parts(&all["der"], 0)[2][0], 0x30, "a sequence");
        assert_eq!(parts(&all["zero"], 0)[2][..32], [0; 32]);
        assert_eq!(parts(&all["longer"], 0)[2].len(), 65);
        let [flipped, good] = ["flip", "hmac"].map(|name| parts(&all[name], 0)[2].clone());
        assert!(flipped[..31] == good[..31] && flipped[31] == good[31] ^ 1);
        let text = all["trailing"].write(0).unwrap();
        assert!(BASE64_URL_SAFE_NO_PAD.decode(text.rsplit_once('.').unwrap().1).is_err());
        assert_eq!(all["dots"].write(0).unwrap(), "eyJhbGciOiJFUzI1NiJ9.e30");
    }
}

//! Signatures of requests as a case writes them: what is signed stands there word for word, as a standard has it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde::Deserialize;

use super::{Forgery, forge, placeholders, sign, with_times};

/// A signature as it is written in a case file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Signature {
    /// The signature that this one is like but for its other members.
    like: Option<String>,
    /// The file in `tests/keys` that signs it, as that of a token does.
    key: Option<String>,
    /// Instead: the secret itself, for HMAC with SHA-256.
    secret: Option<String>,
    /// The algorithm that signs it. Default: the usual one of the key.
    algorithm: Option<String>,
    /// What is signed, with `\n` between the lines; `${-5s}` is a time in seconds since 1970.
    lines: Vec<String>,
    /// The way in which it is written.
    form: Form,
    /// What becomes of it.
    signature: Option<Forgery>,
}

/// A way in which a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Form {
    /// In Base 64 (RFC 4648 §4), with padding.
    #[default]
    Base64,
    /// In hexadecimal digits.
    Hex,
}

impl Signature {
    /// The signature at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn write(&self, now: i64) -> Result<String, String> {
        let signed = with_times(&self.lines.join("\n"), now)?;
        let mut bytes = match (&self.key, &self.secret) {
            (Some(key), None) => {
                let algorithm = self.algorithm.as_deref().or_else(|| sign::usual(key)).ok_or("it has no algorithm")?;
                sign::sign(key, algorithm, matches!(self.signature, Some(Forgery::Der)), signed.as_bytes())?
            }
            (None, Some(secret)) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => return Err("it has no `key`, or a `secret` beside it".to_owned()),
        };
        forge(self.signature.as_ref(), &mut bytes)?;
        Ok(match (&self.signature, self.form) {
            (Some(Forgery::Text(text)), _) => text.clone(),
            (_, Form::Base64) => BASE64_STANDARD.encode(bytes),
            (_, Form::Hex) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// The same, with what it leaves open as `base` has it.
    fn over(&self, base: &Self) -> Self {
        let signs = self.key.is_some() || self.secret.is_some();
        Self {
            like: None,
            key: if signs { self.key.clone() } else { base.key.clone() },
            secret: if signs { self.secret.clone() } else { base.secret.clone() },
            algorithm: self.algorithm.clone().or_else(|| base.algorithm.clone().filter(|_| !signs)),
            lines: if self.lines.is_empty() { base.lines.clone() } else { self.lines.clone() },
            form: if self.form == Form::Base64 { base.form } else { self.form },
            signature: self.signature.clone().or_else(|| base.signature.clone()),
        }
    }
}

/// The signatures of a case: its `own` and those of its file, without `like`.
///
/// # Errors
/// What is wrong with one of them.
pub(crate) fn resolve(
    own: &BTreeMap<String, Signature>,
    shared: &BTreeMap<String, Signature>,
) -> Result<BTreeMap<String, Signature>, String> {
    let all: BTreeMap<_, _> = shared.iter().chain(own).map(|(name, one)| (name.clone(), one.clone())).collect();
    let resolved = all.iter().map(|(name, one)| {
        let fault = |error: String| format!("signature `{name}`: {error}");
        let one = match &one.like {
            // Of one step: more are hard to read.
            Some(base) => one.over(all.get(base).ok_or_else(|| fault(format!("no signature is `{base}`")))?),
            None => one.clone(),
        };
        one.write(0).map_err(fault)?;
        Ok((name.clone(), one))
    });
    resolved.collect()
}

/// The names of the signatures in `text`.
pub(crate) fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(START).skip(1).map(|rest| rest.split('}').next().unwrap_or_default())
}

/// `text` with `signatures` and times in their places.
///
/// # Errors
/// Which is not there.
pub(super) fn fill(text: &str, signatures: &BTreeMap<String, Signature>, now: i64) -> Result<String, String> {
    let signed = placeholders::replace(text, START, |name| {
        signatures.get(name).ok_or_else(|| format!("no signature is `{name}`"))?.write(now)
    })?;
    placeholders::replace(&signed, "${time:", |span| super::relative(span, now).map(|time| time.to_string()))
}

const START: &str = "${signature:";

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub, "Validating webhook deliveries".
    #[test]
    fn a_signature_is_that_of_its_lines() {
        let signature: Signature = serde_json::from_value(
            serde_json::json!({"secret": "It's a Secret to Everybody", "lines": ["Hello, World!"], "form": "hex"}),
        )
        .unwrap();
        let signatures = BTreeMap::from([("s".to_owned(), signature)]);
        let text = fill("sha256=${signature:s};t=${time:-5s}", &signatures, 1_000).unwrap();
        assert_eq!(text, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17;t=995");
        assert_eq!(named_in("${signature:s}-${signature:t}").collect::<Vec<_>>(), ["s", "t"]);
    }

    #[test]
    fn a_signature_is_like_another_but_for_its_own_members() {
        let all: BTreeMap<String, Signature> = serde_json::from_value(serde_json::json!({
            "a": {"key": "ed25519-a", "lines": ["x ${-1s}"]}, "b": {"like": "a", "signature": {"flip": 0}},
            "c": {"like": "a", "key": "p256-a"}
        }))
        .unwrap();
        let all = resolve(&all, &BTreeMap::new()).unwrap();
        assert_ne!(all["a"].write(0).unwrap(), all["b"].write(0).unwrap());
        assert_eq!((all["c"].lines.clone(), all["c"].write(0).unwrap().len()), (vec!["x ${-1s}".to_owned()], 88));
        let lost = BTreeMap::from([("l".to_owned(), Signature { like: Some("m".to_owned()), ..Signature::default() })]);
        assert!(resolve(&lost, &all).unwrap_err().contains("`m`"));
    }
}

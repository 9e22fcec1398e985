//! Signatures that the gateway makes (RFC 9421), checked by what a case says that they are of.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::seen::lines;
use crate::tokens::is_signature;

/// A signature that a request has to have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The file in `tests/keys` that signs it, as that of a token does.
    key: String,
    /// The algorithm, as tokens have it. Default: the usual one of the key.
    #[serde(default)]
    algorithm: Option<String>,
    /// The name that it has in the request.
    #[serde(default = "usual_label")]
    label: String,
    /// What is signed (§2.5), but for the last line: that one is as the request states it. `${host}` is the host that the request came to.
    lines: Vec<String>,
}

fn usual_label() -> String {
    "sig1".to_owned()
}

impl Signed {
    /// Checks the signature in a request with these `headers`, which came to `host`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self, headers: &[(String, String)], host: Option<&str>) -> Result<(), String> {
        let [input, signature] = ["signature-input", "signature"].map(|name| match &*lines(headers, name) {
            [line] => line.strip_prefix(&*self.label).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned),
            _ => None,
        });
        let input = input.ok_or("no single line of `Signature-Input` that begins with the label")?;
        let bytes = signature.as_deref().and_then(|text| text.strip_prefix(':')?.strip_suffix(':'));
        let bytes = bytes.and_then(|text| BASE64_STANDARD.decode(text).ok()).ok_or("no bytes in `Signature`")?;
        let names: Vec<&str> = self.lines.iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        let covered = format!("({});", names.join(" "));
        if !input.starts_with(&covered) {
            return Err(format!("expected that {covered} is covered, got {input}"));
        }
        let host = host.or_else(|| lines(headers, "host").first().copied()).unwrap_or_default();
        let mut base = self.lines.join("\n").replace("${host}", host);
        base.push_str(if base.is_empty() { "" } else { "\n" });
        base.push_str(&format!("\"@signature-params\": {input}"));
        match is_signature(&self.key, self.algorithm.as_deref(), base.as_bytes(), &bytes)? {
            true => Ok(()),
            false => Err(format!("it is not that of {base:?} by `{}`", self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421 §3.2: of other lines, or with other parameters, it is none.
    #[test]
    fn a_signature_is_told_from_that_of_other_lines() {
        let signed = |lines: &[&str]| -> Signed {
            serde_json::from_value(serde_json::json!({ "key": "ed25519-a", "lines": lines })).unwrap()
        };
        let base = "\"@method\": GET\n\"@signature-params\": (\"@method\");created=1";
        let made = crate::tokens::signature_of("ed25519-a", base.as_bytes()).unwrap();
        let headers = |created: u8| {
            vec![
                ("Signature-Input".to_owned(), format!("sig1=(\"@method\");created={created}")),
                ("signature".to_owned(), format!("sig1=:{}:", BASE64_STANDARD.encode(&made))),
            ]
        };
        assert_eq!(signed(&["\"@method\": GET"]).check(&headers(1), None), Ok(()));
        assert!(signed(&["\"@method\": GET"]).check(&headers(2), None).is_err());
        assert!(signed(&["\"@method\": PUT"]).check(&headers(1), None).is_err());
        assert!(signed(&["\"@path\": /"]).check(&headers(1), None).unwrap_err().contains("covered"));
        assert!(signed(&[]).check(&[], None).is_err());
    }
}

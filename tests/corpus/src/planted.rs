//! What a case plants and nobody may read: its tokens, its secrets, and who its callers are.

use std::collections::BTreeSet;

use crate::model::Case;
use crate::seen::Response;

/// Shorter texts come about by chance.
const LEAST_LENGTH: usize = 12;

/// The beginning of API keys.
const KEY_PREFIX: &str = "edgw_";

/// The beginning of credentials of no form.
const PLANT: &str = "PLANT-";

/// The planted texts of a case, with names for them that may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Tokens, their claims and signatures, and secrets: nothing that the gateway writes has them.
    secrets: BTreeSet<(String, String)>,
    /// Claims: the log has `sub`, of callers who are believed.
    claims: BTreeSet<(String, String)>,
}

impl Planted {
    /// What `case`, which has `begun` at that time in seconds since 1970, plants.
    ///
    /// # Panics
    /// If a token can't be made; loading has checked that.
    #[must_use]
    pub fn of(case: &Case, begun: i64) -> Self {
        let mut planted = Self::default();
        for (name, token) in case.sent_tokens() {
            let text = token.write(begun).expect("a token that was checked");
            // What is said of the header is no secret.
            let parts = text.split('.').skip(1).chain([text.as_str()]);
            planted.secrets.extend(parts.map(|part| (format!("the token `{name}`"), part.to_owned())));
            planted
                .claims
                .extend(token.planted().map(|claim| (format!("a claim of the token `{name}`"), claim.to_owned())));
        }
        for (name, signature) in case.sent_signatures() {
            let text = signature.write(begun).expect("a signature that was checked");
            planted.secrets.insert((format!("the signature `{name}`"), text));
        }
        for step in &case.steps {
            let texts = step.request.headers.iter().map(|(_, value)| value).chain([&step.request.url]);
            let keys = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
            let keys = keys.filter(|word| word.starts_with(KEY_PREFIX) && word.len() > KEY_PREFIX.len() + LEAST_LENGTH);
            planted.secrets.extend(keys.map(|key| ("an API key".to_owned(), key.to_owned())));
            let texts = step.request.headers.iter().map(|(_, value)| value).chain([&step.request.url]);
            let words = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
            let stated = words.filter(|word| word.starts_with(PLANT));
            planted.secrets.extend(stated.map(|word| ("a credential".to_owned(), word.to_owned())));
        }
        let secrets = case.secrets.iter().map(|(name, secret)| (format!("the secret `{name}`"), secret.clone()));
        planted.secrets.extend(secrets);
        planted.secrets.retain(|(_, text)| text.len() >= LEAST_LENGTH);
        planted
    }

    /// What of it a client got, one line each.
    #[must_use]
    pub fn in_response(&self, response: &Response) -> Vec<String> {
        let mut text = String::from_utf8_lossy(&response.body).into_owned();
        for (name, value) in &response.headers {
            text.push_str(&format!("\n{name}: {value}"));
        }
        found(self.secrets.iter().chain(&self.claims), "the response", &text)
    }

    /// What of it is in what the gateway logged or printed, one line each; also of its claims, if the caller `is_refused`.
    #[must_use]
    pub fn in_log(&self, log: &str, is_refused: bool) -> Vec<String> {
        let claims = self.claims.iter().filter(|_| is_refused);
        found(self.secrets.iter().chain(claims), "the log", log)
    }
}

fn found<'p>(planted: impl Iterator<Item = &'p (String, String)>, place: &str, text: &str) -> Vec<String> {
    planted
        .filter(|(_, planted)| text.contains(planted.as_str()))
        .map(|(name, _)| format!("{place} has {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_found_wherever_it_comes_out() {
        let case: Case = serde_json::from_value(serde_json::json!({
            "name": "n", "cite": "c", "secrets": {"KEY": "PLANT-of-a-secret"},
            "tokens": {"t": {"key": "hs256", "claims": {"sub": "PLANT-caller"}}, "unsent": {"key": "hs256"}},
            "steps": [{"request": {"url": "http://a/?${token:t}"}, "expect": {"status": 200}}]
        }))
        .unwrap();
        let planted = Planted::of(&case, 0);
        let token = case.tokens["t"].write(0).unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let response =
            |value: &str| Response { headers: vec![("x".to_owned(), value.to_owned())], ..Response::default() };
        assert!(planted.in_response(&response("fine")).is_empty());
        for leak in [token.as_str(), signature, "a PLANT-of-a-secret", "PLANT-caller"] {
            assert!(!planted.in_response(&response(leak)).is_empty(), "{leak}");
            assert!(!planted.in_log(leak, true).is_empty(), "{leak}");
        }
        assert!(planted.in_log("PLANT-caller", false).is_empty() && !planted.in_log(signature, false).is_empty());
    }
}

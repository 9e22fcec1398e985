//! The endpoint at which an issuer is asked about its tokens (RFC 7662), and its answers.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::jwt::Issuer;
use super::key_source::Location;
use super::watch::{Answer, Known};
use crate::caller::claims::ClaimSet;
use crate::http::percent;
use crate::time::Timestamp;

/// The longest that an answer is remembered, where the configuration does not say.
pub const CACHE: Duration = Duration::from_secs(60);

/// The most bytes of an answer: what is remembered of it is bounded by that.
const MOST_BYTES: usize = 8 * 1024;

/// An endpoint for questions about tokens.
pub struct Introspection {
    /// Its identity: a digest of all that it is.
    pub id: Box<str>,
    /// The place.
    pub place: Location,
    /// The credentials of the gateway, unless they are in the form.
    pub authorization: Option<HeaderValue>,
    /// What the form has beside the token.
    pub form: Box<str>,
    /// The longest that an answer is remembered.
    pub cache: Duration,
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The form may have the secret.
        f.debug_struct("Introspection").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Introspection {
    /// The form that asks about `token` (RFC 7662 §2.1).
    #[must_use]
    pub fn question(&self, token: &str) -> Bytes {
        let mut form = String::with_capacity(self.form.len() + token.len() + 64);
        form.push_str("token=");
        percent::encode_query_value(token, &mut form);
        form.push_str("&token_type_hint=access_token");
        form.push_str(&self.form);
        form.into()
    }

    /// The meaning of the `answer` of `issuer` at `now`; `None` if it has none (RFC 7662 §2.2). It is remembered for as long as the
    /// configuration says, and never beyond the token's end.
    #[must_use]
    pub fn read(&self, issuer: &Issuer, answer: &[u8], now: Timestamp) -> Option<Known> {
        if answer.len() > MOST_BYTES {
            return None;
        }
        let Some(claims) = ClaimSet::of_answer(answer).ok()? else { return Some(Known::Answer(None)) };
        let ends = claims.expires.map(|expires| u64::try_from(expires).unwrap_or_default().saturating_mul(1_000));
        let left = ends.map(|ends| Duration::from_millis(ends.saturating_sub(now.unix_millis())));
        let life = left.map_or(self.cache, |left| left.min(self.cache));
        let caller = Arc::new(issuer.holders.caller(&issuer.name, claims));
        Some(Known::Answer(Some(Arc::new(Answer { caller, life }))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Capabilities;
    use crate::plan::{Secrets, load};

    struct Vault;

    impl Secrets for Vault {
        fn secret(&self, _: &str) -> Option<String> {
            Some("s3cret".to_owned())
        }
    }

    fn issuer(cache: &str) -> Issuer {
        let text = format!(
            r#"{{"issuers": {{"corp": {{"introspection":
                {{"endpoint": "https://id.test/i", "client": "gw", "secret": {{"secret": "S"}}, "clientAuthentication": "post"{cache}}}}}}},
                "routes": [{{"name": "r", "respond": {{}}}}]}}"#
        );
        load(&text, &Capabilities::NATIVE, &Vault).unwrap().issuers.remove(0)
    }

    /// The life of an answer in milliseconds; none if the token is not active.
    fn life(cache: &str, answer: &str) -> Option<u128> {
        let issuer = issuer(cache);
        let now = Timestamp::from_unix_millis(1_000_000_250);
        match issuer.introspection.as_deref().unwrap().read(&issuer, answer.as_bytes(), now).unwrap() {
            Known::Answer(answer) => answer.map(|answer| answer.life.as_millis()),
            other => panic!("{other:?}"),
        }
    }

    /// docs/configuration.md, Tokens that their issuer is asked about: for `cacheTtl`, and never beyond the token's `exp` (RFC 7662 §4).
    #[test]
    fn no_answer_is_remembered_beyond_the_end_of_the_token() {
        for (cache, exp, expected) in [
            ("", "", 60_000),
            ("", r#", "exp": 1000030"#, 29_750),
            ("", r#", "exp": 4000000000"#, 60_000),
            ("", r#", "exp": 1000000"#, 0),
            ("", r#", "exp": -5"#, 0),
            (r#", "cacheTtl": "5m""#, r#", "exp": 1000030"#, 29_750),
            (r#", "cacheTtl": "5m""#, "", 300_000),
        ] {
            assert_eq!(life(cache, &format!(r#"{{"active": true{exp}}}"#)), Some(expected), "{cache} {exp}");
        }
        assert_eq!(life("", r#"{"active": false, "exp": 4000000000}"#), None);
    }

    #[test]
    fn nothing_shows_the_secret() {
        let shown = format!("{:?}", issuer(""));
        assert!(shown.contains("Introspection") && !shown.contains("s3cret"), "{shown}");
    }
}

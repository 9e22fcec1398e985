//! The rules for tokens (RFC 7519 §4.1, RFC 8725 §3): pure, told the time.

use core::time::Duration;
use std::sync::Arc;

use serde_json::Value;

use super::introspection::Introspection;
use super::key_source::{KeySource, Keys};
use super::revocation::List;
use crate::caller::claims::ClaimSet;
use crate::caller::holders::Holders;
use crate::caller::refusal::Refusal;
use crate::http::certificate::Certificate;
use crate::time::Timestamp;

/// The difference of clocks that is allowed for, where the configuration states none.
pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

/// The greatest difference of clocks that can be allowed for.
pub const MOST_LEEWAY: Duration = Duration::from_secs(600);

/// The types of tokens that are taken where the configuration states none (RFC 7519 §5.1, RFC 9068 §2.1). One without a type is, too.
const USUAL_TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// An issuer of tokens.
#[derive(Debug)]
pub struct Issuer {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The `iss` of its tokens; none if it is not looked at.
    pub issuer: Option<Box<str>>,
    /// Its keys.
    pub keys: Keys,
    /// The types that its tokens may have, in small letters; empty for the usual ones.
    pub types: Box<[Box<str>]>,
    /// The difference of clocks that is allowed for.
    pub leeway: Duration,
    /// The longest life of a token.
    pub lifetime: Option<Duration>,
    /// Whom its tokens are of.
    pub holders: Arc<Holders>,
    /// The endpoint at which it is asked about tokens.
    pub introspection: Option<Box<Introspection>>,
    /// The time within which the list of revoked tokens is honoured; none if it is not looked at.
    pub revocation: Option<Duration>,
}

/// The identity of an issuer, with all that is asked of its tokens but what is asked anew each time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerId {
    name: Arc<str>,
    issuer: Option<Box<str>>,
    types: Box<[Box<str>]>,
    holders: Arc<Holders>,
    introspection: Option<Box<str>>,
    revocation: Option<Duration>,
}

impl Issuer {
    /// Its identity: tokens that were verified for an issuer with the same one need only be looked at again as
    /// [`Issuer::check_claims`] does, and by their keys.
    #[must_use]
    pub fn id(&self) -> IssuerId {
        IssuerId {
            name: Arc::clone(&self.name),
            issuer: self.issuer.clone(),
            types: self.types.clone(),
            holders: Arc::clone(&self.holders),
            introspection: self.introspection.as_deref().map(|introspection| introspection.id.clone()),
            revocation: self.revocation,
        }
    }

    /// The list of its tokens that are revoked, if that is looked at.
    #[must_use]
    pub fn revocations(&self) -> Option<List> {
        self.revocation.is_some().then(|| List::of(self.issuer.as_deref().unwrap_or(&self.name)))
    }

    /// The source of its keys, if it publishes them.
    #[must_use]
    pub fn source(&self) -> Option<&KeySource> {
        match &self.keys {
            Keys::Published(source) => Some(source),
            Keys::Stated(_) => None,
        }
    }

    /// Refuses a token by its `typ` (RFC 8725 §3.11).
    ///
    /// # Errors
    /// [`Refusal::Type`].
    pub fn check_type(&self, token_type: Option<&str>) -> Result<(), Refusal> {
        let is_taken = match token_type {
            None => self.types.is_empty(),
            Some(stated) => {
                let short = short_type(stated);
                let is = |known: &str| known.eq_ignore_ascii_case(short);
                if self.types.is_empty() {
                    USUAL_TYPES.into_iter().any(is)
                } else {
                    self.types.iter().any(|known| is(known))
                }
            }
        };
        if is_taken { Ok(()) } else { Err(Refusal::Type) }
    }

    /// Refuses claims that are not this issuer's, or not valid at `now`, or bound to something else than this `certificate`.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn check_claims(
        &self,
        claims: &ClaimSet,
        certificate: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if claims.expires.is_none() { Err(Refusal::Endless) } else { self.check_answer(claims, certificate, now) }
    }

    /// Refuses claims of an answer about a token that are not this issuer's, or not valid at `now`, or bound to something else than this
    /// `certificate`. They need have no end: that it is active, its issuer has just said.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn check_answer(
        &self,
        claims: &ClaimSet,
        certificate: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if let Some(issuer) = self.issuer.as_deref()
            && claims.text("iss") != Some(issuer)
        {
            return Err(Refusal::Issuer);
        }
        if claims.get("cnf").is_some_and(|holder| !is_held(holder, certificate)) {
            return Err(Refusal::Bound);
        }
        let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
        let leeway = millis(self.leeway);
        let expires = claims.expires.map_or(i64::MAX, |expires| expires.saturating_mul(1_000));
        // RFC 7519 §4.1.4: from that time on the token is void.
        if now >= expires.saturating_add(leeway) {
            return Err(Refusal::Expired);
        }
        if self.begins(claims).is_some_and(|begins| now < begins) {
            return Err(Refusal::NotYet);
        }
        let begun = claims.issued_at.map_or(now, |issued| issued.saturating_mul(1_000));
        if self.lifetime.is_some_and(|lifetime| expires.saturating_sub(begun) > millis(lifetime)) {
            return Err(Refusal::Lifetime);
        }
        Ok(())
    }

    /// Refuses claims that begin later in the second of `now`: RFC 7519 §2 has times with a fraction, which a [`ClaimSet`] cuts off.
    /// `exactly` reads the later of `nbf` and `iat`, in milliseconds, and is asked in that second alone.
    ///
    /// # Errors
    /// [`Refusal::NotYet`].
    pub fn check_begin(
        &self,
        claims: &ClaimSet,
        now: Timestamp,
        exactly: impl FnOnce() -> Option<i64>,
    ) -> Result<(), Refusal> {
        let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
        let is_second = self.begins(claims).is_some_and(|begins| now < begins.saturating_add(1_000));
        let begins = if is_second { exactly() } else { None };
        if begins.is_some_and(|begins| now < begins.saturating_sub(millis(self.leeway))) {
            return Err(Refusal::NotYet);
        }
        Ok(())
    }

    /// The time from which tokens with these claims are taken, in milliseconds, but for a fraction of a second.
    fn begins(&self, claims: &ClaimSet) -> Option<i64> {
        let begins = [claims.not_before, claims.issued_at].into_iter().flatten().max()?;
        Some(begins.saturating_mul(1_000).saturating_sub(millis(self.leeway)))
    }
}

/// A media type without `application/`, which RFC 7515 §4.1.9 has senders leave out.
fn short_type(stated: &str) -> &str {
    const PREFIX: &str = "application/";
    match stated.split_at_checked(PREFIX.len()) {
        Some((prefix, short)) if prefix.eq_ignore_ascii_case(PREFIX) && !short.contains('/') => short,
        _ => stated,
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Returns whether the `holder` that a token names (`cnf`) has shown this `certificate` (RFC 8705 §3.1). Any other holder has to prove to
/// have a key (RFC 7800 §3.1), which nobody has looked at.
#[must_use]
pub fn is_held(holder: &Value, certificate: Option<&Certificate>) -> bool {
    let thumbprint = match holder {
        Value::Object(members) if members.len() == 1 => members.get("x5t#S256").and_then(Value::as_str),
        _ => None,
    };
    matches!((thumbprint, certificate), (Some(thumbprint), Some(certificate)) if certificate.has_thumbprint(thumbprint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::set::KeySet;

    const NOW: i64 = 1_800_000_000;

    fn issuer() -> Issuer {
        Issuer {
            name: "corp".into(),
            issuer: Some("https://id".into()),
            keys: Keys::Stated(KeySet::default()),
            types: Box::default(),
            leeway: DEFAULT_LEEWAY,
            lifetime: None,
            holders: Arc::default(),
            introspection: None,
            revocation: None,
        }
    }

    fn check(issuer: &Issuer, exp: Option<i64>, nbf: Option<i64>, iat: Option<i64>, more: &str) -> Result<(), Refusal> {
        let members = serde_json::from_str(&format!(r#"{{"iss": "https://id"{more}}}"#)).unwrap();
        let time = |offset: Option<i64>| offset.map(|offset| NOW.saturating_add(offset));
        let claims = ClaimSet::new(time(exp), time(nbf), time(iat), members);
        issuer.check_claims(&claims, None, Timestamp::from_unix_millis(NOW as u64 * 1_000))
    }

    /// RFC 7519 §4.1.4: the current time must be before `exp`, with a small leeway. Without `exp` a stolen token is good for ever.
    #[test]
    fn a_token_ends_at_its_time() {
        let issuer = issuer();
        for (exp, verdict) in [
            (Some(1), Ok(())),
            (Some(-59), Ok(())),
            (Some(-60), Err(Refusal::Expired)),
            (Some(i64::MIN), Err(Refusal::Expired)),
            (Some(i64::MAX), Ok(())),
            (None, Err(Refusal::Endless)),
        ] {
            assert_eq!(check(&issuer, exp, None, None, ""), verdict, "{exp:?}");
        }
        let strict = Issuer { leeway: Duration::ZERO, ..issuer };
        assert_eq!(check(&strict, Some(0), None, None, ""), Err(Refusal::Expired));
        assert_eq!(check(&strict, Some(1), None, None, ""), Ok(()));
    }

    /// RFC 7519 §4.1.5: before `nbf` it is not accepted. One that says to be issued later is from a clock that is wrong.
    #[test]
    fn a_token_begins_at_its_time() {
        let issuer = issuer();
        for (offset, verdict) in
            [(60, Ok(())), (61, Err(Refusal::NotYet)), (-1, Ok(())), (i64::MAX, Err(Refusal::NotYet))]
        {
            assert_eq!(check(&issuer, Some(500), Some(offset), None, ""), verdict);
            assert_eq!(check(&issuer, Some(500), None, Some(offset), ""), verdict);
        }
    }

    #[test]
    fn a_token_may_be_too_long_lived() {
        let hour = Issuer { lifetime: Some(Duration::from_secs(3_600)), ..issuer() };
        assert_eq!(check(&hour, Some(1_800), None, Some(-1_800), ""), Ok(()));
        assert_eq!(check(&hour, Some(1_801), None, Some(-1_800), ""), Err(Refusal::Lifetime));
        assert_eq!(check(&hour, Some(3_600), None, None, ""), Ok(()));
        assert_eq!(check(&hour, Some(3_601), None, None, ""), Err(Refusal::Lifetime));
    }

    /// RFC 7519 §4.1.1, RFC 8725 §3.8: compared as it is. RFC 7800 §3: a bound token is not a bearer's.
    #[test]
    fn a_token_is_of_its_issuer_and_of_its_bearer() {
        let other = Issuer { issuer: Some("https://id/".into()), ..issuer() };
        assert_eq!(check(&other, Some(1), None, None, ""), Err(Refusal::Issuer));
        assert_eq!(check(&issuer(), Some(1), None, None, r#", "cnf": {"jkt": "x"}"#), Err(Refusal::Bound));
    }

    /// RFC 8725 §3.11, RFC 7515 §4.1.9: media types, in any case, mostly without `application/`.
    #[test]
    fn a_token_has_a_type_that_is_taken() {
        let (usual, strict) = (issuer(), Issuer { types: ["at+jwt".into()].into(), ..issuer() });
        for (stated, is_usual, is_strict) in [
            (None, true, false),
            (Some("JWT"), true, false),
            (Some("at+jwt"), true, true),
            (Some("application/AT+JWT"), true, true),
            (Some("dpop+jwt"), false, false),
            (Some("secevent+jwt"), false, false),
            (Some(""), false, false),
            (Some("application/application/at+jwt"), false, false),
        ] {
            assert_eq!(usual.check_type(stated).is_ok(), is_usual, "{stated:?}");
            assert_eq!(strict.check_type(stated).is_ok(), is_strict, "{stated:?}");
        }
    }
}

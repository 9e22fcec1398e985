//! Authorisation: a condition that callers have to meet, and the refusal of those who don't.

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::condition::{Condition, Unmet};
use crate::call::Call;
use crate::error::Reject;

/// A compiled authorisation.
#[derive(Debug)]
pub struct Authorize {
    /// Its name for logs, never for clients.
    pub rule: Box<str>,
    /// The condition.
    pub condition: Condition,
    /// What the challenges say after their scheme: the realm.
    realm: Box<str>,
    /// The scopes, as challenges name them.
    scope: Box<str>,
}

/// These `scopes`, each once, as a challenge names them (RFC 6750 §3); empty if there are none.
#[must_use]
pub fn scope_of<'s>(scopes: impl Iterator<Item = &'s Box<str>>) -> String {
    let mut known: Vec<&str> = Vec::new();
    for scope in scopes {
        if !known.contains(&&**scope) {
            known.push(scope);
        }
    }
    if known.is_empty() { String::new() } else { [", scope=\"", &known.join(" "), "\""].concat() }
}

impl Authorize {
    /// The rule that asks for `condition`, and has challenges of this `realm`.
    #[must_use]
    pub fn new(rule: Box<str>, condition: Condition, realm: &str) -> Self {
        let scope = scope_of(condition.scopes.iter()).into();
        Self { rule, condition, realm: [" realm=\"", realm, "\""].concat().into(), scope }
    }

    /// The answer to `call`, which does not meet the condition: it is told of scopes, and of nothing else. The challenge is of the `scheme` by
    /// which the caller came in, or would have to.
    #[must_use]
    pub fn refuse(&self, call: &Call, unmet: Unmet<'_>, scheme: &str) -> Reject {
        let is_known = call.caller.as_deref().is_some_and(|caller| !caller.is_anonymous());
        let (reject, error) = match unmet {
            _ if !is_known => (Reject::unauthorized(), ""),
            Unmet::Scopes(_) => (Reject::insufficient_scope(), ", error=\"insufficient_scope\""),
            _ => return Reject::forbidden(),
        };
        // The realm is a token, and scopes have no other characters than fields (RFC 6749 §3.3).
        match HeaderValue::from_str(&[scheme, &self.realm, error, &self.scope].concat()) {
            Ok(challenge) if !scheme.is_empty() => reject.with_header(WWW_AUTHENTICATE, challenge),
            _ => reject,
        }
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("only {}", self.condition.describe())
    }
}

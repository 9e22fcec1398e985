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
    /// The challenge to whoever has not proved to be anybody (RFC 6750 §3).
    challenge: HeaderValue,
    /// The challenge to whoever lacks a scope (RFC 6750 §3.1).
    insufficient: HeaderValue,
}

impl Authorize {
    /// The rule that asks for `condition`, and has challenges of this `realm`.
    #[must_use]
    pub fn new(rule: Box<str>, condition: Condition, realm: &str) -> Self {
        let challenge = |error: &str| {
            let mut text = ["Bearer realm=\"", realm, "\"", error].concat();
            for (i, scope) in condition.scopes.iter().enumerate() {
                text.push_str(if i == 0 { ", scope=\"" } else { " " });
                text.push_str(scope);
            }
            text.push_str(if condition.scopes.is_empty() { "" } else { "\"" });
            // The realm is a token, and scopes have no other characters than fields (RFC 6749 §3.3).
            HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
        };
        Self { rule, challenge: challenge(""), insufficient: challenge(", error=\"insufficient_scope\""), condition }
    }

    /// The answer to `call`, which does not meet the condition: it is told of scopes, and of nothing else.
    #[must_use]
    pub fn refuse(&self, call: &Call, unmet: Unmet<'_>) -> Reject {
        let is_known = call.caller.as_deref().is_some_and(|caller| !caller.is_anonymous());
        match unmet {
            _ if !is_known => Reject::unauthorized().with_header(WWW_AUTHENTICATE, self.challenge.clone()),
            Unmet::Scopes(_) => Reject::insufficient_scope().with_header(WWW_AUTHENTICATE, self.insufficient.clone()),
            _ => Reject::forbidden(),
        }
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("only {}", self.condition.describe())
    }
}

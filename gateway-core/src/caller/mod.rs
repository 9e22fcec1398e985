//! The caller of a request: who proved to make it, and what is known of them.

pub mod claims;
pub mod consumer;
pub mod holders;
pub mod refusal;

use core::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use self::claims::ClaimSet;
use self::consumer::Consumer;

/// Who makes a request, as a proof has shown.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The consumer that the credential belongs to; none if the configuration names none.
    pub consumer: Option<Arc<Consumer>>,
    /// The issuer that vouches for the claims, by its name in the configuration.
    pub issuer: Option<Arc<str>>,
    /// The claims of the token.
    pub claims: Option<Arc<ClaimSet>>,
    /// The groups that the token adds to those of the consumer.
    pub groups: Box<[Box<str>]>,
    /// The scopes of a credential that has no claims.
    pub scopes: Box<[Box<str>]>,
    /// The credential's identifier, which may be shown: it is no secret.
    pub credential: Option<Arc<str>>,
    /// The header fields that the upstream gets of whoever vouches for the caller.
    pub fields: Box<[(HeaderName, HeaderValue)]>,
}

impl Caller {
    /// Returns whether nobody has proved anything: the caller stated no credential, and was let in as somebody all the same.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.claims.is_none() && self.issuer.is_none() && self.credential.is_none()
    }

    /// The credential's identifier, if it belongs to a consumer: of others, the subject says who they are.
    #[must_use]
    pub fn known_by(&self) -> Option<&str> {
        self.credential.as_deref().filter(|_| self.consumer.is_some() || self.claims.is_none())
    }

    /// The subject of the token (RFC 7519 §4.1.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims.as_ref()?.text("sub")
    }

    /// The groups of the consumer, and those that the token adds.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let own = self.consumer.iter().flat_map(|consumer| &consumer.groups);
        own.chain(&self.groups).map(AsRef::as_ref)
    }

    /// Returns whether this one and `other` are consumers, and two of them.
    #[must_use]
    pub fn is_other_consumer_than(&self, other: &Self) -> bool {
        matches!((&self.consumer, &other.consumer), (Some(one), Some(other)) if one.name != other.name)
    }

    /// This caller, with what `other`, which is the same one, has proved as well: its claims and its credential count.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let vouched = if other.claims.is_some() { other } else { self };
        let both = |one: &[Box<str>], other: &[Box<str>]| one.iter().chain(other).cloned().collect();
        Self {
            consumer: self.consumer.as_ref().or(other.consumer.as_ref()).cloned(),
            issuer: vouched.issuer.clone(),
            claims: vouched.claims.clone(),
            groups: both(&self.groups, &other.groups),
            scopes: both(&self.scopes, &other.scopes),
            credential: other.credential.as_ref().or(self.credential.as_ref()).cloned(),
            fields: self.fields.iter().chain(&other.fields).cloned().collect(),
        }
    }

    /// The tier of the consumer.
    #[must_use]
    pub fn tier(&self) -> Option<&str> {
        self.consumer.as_ref()?.tier.as_deref()
    }

    /// Returns whether the credential has `scope`: in the claim `scope` (RFC 8693 §4.2), in `scp`, as some issuers call it, or by
    /// itself. Scopes are compared byte for byte (RFC 6749 §3.3).
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        let is_it = |text: &str| text.as_bytes().split(|byte| *byte == b' ').any(|one| one == scope.as_bytes());
        let states_it = |claim: &Value| match claim {
            Value::String(text) => is_it(text),
            Value::Array(list) => list.iter().any(|one| one.as_str() == Some(scope)),
            _ => false,
        };
        let claims = self.claims.as_deref();
        self.scopes.iter().any(|one| **one == *scope)
            || claims.is_some_and(|claims| ["scope", "scp"].iter().filter_map(|name| claims.get(name)).any(states_it))
    }
}

/// The caller as a log may have it: its consumer, and the issuer who vouches for it.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.consumer {
            Some(consumer) => write!(f, "the consumer `{}`", consumer.name)?,
            None => f.write_str("no consumer")?,
        }
        match &self.issuer {
            Some(issuer) => write!(f, ", by the issuer `{issuer}`"),
            None if self.is_anonymous() => f.write_str(", since no credential is stated"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_claims(text: &str) -> Caller {
        let members = serde_json::from_str(text).unwrap();
        Caller { claims: Some(Arc::new(ClaimSet::new(None, None, None, members))), ..Caller::default() }
    }

    /// RFC 8693 §4.2 has `scope` as text with spaces; a list is as common. A scope is no beginning of another (RFC 6749 §3.3).
    #[test]
    fn a_scope_is_stated_as_text_or_as_a_list() {
        for claims in
            [r#"{"scope": "a b:c"}"#, r#"{"scope": ["a", "b:c"]}"#, r#"{"scp": "b:c"}"#, r#"{"scp": ["b:c"]}"#]
        {
            assert!(with_claims(claims).has_scope("b:c"), "{claims}");
            assert!(!with_claims(claims).has_scope("b") && !with_claims(claims).has_scope("B:C"), "{claims}");
        }
        for none in
            [r#"{"scope": 1}"#, r#"{"scope": {"b:c": 1}}"#, r#"{"scopes": "b:c"}"#, r#"{"scope": ["a b:c"]}"#, "{}"]
        {
            assert!(!with_claims(none).has_scope("b:c"), "{none}");
        }
    }

    #[test]
    fn groups_are_those_of_the_consumer_and_of_the_token() {
        let consumer = Consumer { groups: Box::new(["partners".into()]), ..Consumer::default() };
        let caller =
            Caller { consumer: Some(Arc::new(consumer)), groups: Box::new(["ops".into()]), ..Caller::default() };
        assert_eq!(caller.groups().collect::<Vec<_>>(), ["partners", "ops"]);
    }
}

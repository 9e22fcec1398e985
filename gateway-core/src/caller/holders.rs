//! The holders of an issuer's tokens: the consumers among them, and the groups that a token adds.

use std::sync::Arc;

use serde_json::Value;

use super::Caller;
use super::claims::ClaimSet;
use super::consumer::Consumer;

/// What makes a caller of an issuer's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holders {
    /// The claim that names the consumer, as [`ClaimSet::at`] takes it.
    pub claim: Box<str>,
    /// The claim that adds groups.
    pub groups: Option<Box<str>>,
    /// The consumers by the values of that claim, in the order of the values.
    pub consumers: Box<[(Box<str>, Arc<Consumer>)]>,
}

impl Holders {
    /// The holder of a token of `issuer` with these claims.
    #[must_use]
    pub fn caller(&self, issuer: &Arc<str>, claims: ClaimSet) -> Caller {
        let credential = claims.value(&self.claim);
        let consumer = credential.as_deref().and_then(|value| {
            let at = self.consumers.binary_search_by(|(known, _)| (**known).cmp(value)).ok()?;
            self.consumers.get(at).map(|(_, consumer)| Arc::clone(consumer))
        });
        let groups = match self.groups.as_deref().and_then(|groups| claims.at(groups)) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(Into::into).collect(),
            Some(Value::String(only)) => [only.as_str().into()].into(),
            _ => Box::default(),
        };
        Caller {
            consumer,
            issuer: Some(Arc::clone(issuer)),
            credential: credential.as_deref().map(Into::into),
            groups,
            scopes: Box::default(),
            fields: Box::default(),
            claims: Some(Arc::new(claims)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holders() -> Holders {
        let consumer = |name: &str| Arc::new(Consumer { name: name.into(), ..Consumer::default() });
        Holders {
            claim: "/client/id".into(),
            groups: Some("roles".into()),
            consumers: Box::new([("7".into(), consumer("seven")), ("app".into(), consumer("acme"))]),
        }
    }

    /// docs/configuration.md, Consumers: the value of the issuer's `consumer` claim, a text or a number; groups are a list, or one text.
    #[test]
    fn a_token_names_its_consumer_and_its_groups() {
        for (claims, consumer, credential, groups) in [
            (r#"{"client": {"id": "app"}, "roles": ["a", 1, "b"]}"#, Some("acme"), Some("app"), &["a", "b"][..]),
            (r#"{"client": {"id": 7}, "roles": "a b"}"#, Some("seven"), Some("7"), &["a b"]),
            (r#"{"client": {"id": "App"}, "roles": {"a": 1}}"#, None, Some("App"), &[]),
            (r#"{"client": {"id": ["app"]}}"#, None, Some(r#"["app"]"#), &[]),
            (r#"{"client": {"id": null}}"#, None, None, &[]),
            (r#"{"/client/id": "app"}"#, None, None, &[]),
        ] {
            let claims = ClaimSet::new(None, None, None, serde_json::from_str(claims).unwrap());
            let caller = holders().caller(&"corp".into(), claims);
            assert_eq!(caller.consumer.as_deref().map(|consumer| &*consumer.name), consumer);
            assert_eq!(caller.credential.as_deref(), credential);
            assert_eq!(caller.groups().collect::<Vec<_>>(), groups);
        }
    }
}

//! Conditions on who makes a request.

use std::fmt;

use serde_json::Value;

use super::expression::Expression;
use super::header_edit;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::claims::ClaimSet;
use crate::config::ClaimValue;
use crate::time::Clock;

/// A condition on a caller. Every member counts; one that is empty asks for nothing.
#[derive(Debug, Default)]
pub struct Condition {
    /// The consumers of whom the caller is one.
    pub consumers: Box<[Box<str>]>,
    /// The groups of which the caller has one.
    pub groups: Box<[Box<str>]>,
    /// The tiers of which the caller has one.
    pub tiers: Box<[Box<str>]>,
    /// The claims of the caller's token.
    pub claims: Box<[Claim]>,
    /// The expression that is true.
    pub when: Option<Box<Expression>>,
    /// The scopes that the caller's credential has, all of them.
    pub scopes: Box<[Box<str>]>,
}

/// A claim, and the values of which it has one.
#[derive(Debug)]
pub struct Claim {
    /// Its name, or a JSON Pointer that begins with `/` (RFC 6901).
    pub path: Box<str>,
    /// The names that lead there.
    steps: Box<[Box<str>]>,
    /// The values; not empty.
    pub values: Box<[ClaimValue]>,
}

/// The member of a condition that a request does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet<'c> {
    /// Nobody is known to make the request.
    Caller,
    /// The caller is none of these consumers.
    Consumers(&'c [Box<str>]),
    /// The caller is in none of these groups.
    Groups(&'c [Box<str>]),
    /// The caller has none of these tiers.
    Tiers(&'c [Box<str>]),
    /// The claim of this name has none of the values.
    Claim(&'c str),
    /// This expression is not true.
    When(&'c str),
    /// One of these scopes is missing, and nothing else.
    Scopes(&'c [Box<str>]),
}

impl Condition {
    /// The first member that `call` does not meet; none if it meets them all. The scopes come last: if they are it, nothing else is
    /// missing.
    #[must_use]
    pub fn unmet(&self, call: &Call, clock: &impl Clock) -> Option<Unmet<'_>> {
        let Some(caller) = call.caller.as_deref() else { return Some(Unmet::Caller) };
        if !is_one(&self.consumers, caller.consumer.iter().map(|consumer| &*consumer.name)) {
            return Some(Unmet::Consumers(&self.consumers));
        }
        if !is_one(&self.groups, caller.groups()) {
            return Some(Unmet::Groups(&self.groups));
        }
        if !is_one(&self.tiers, caller.tier()) {
            return Some(Unmet::Tiers(&self.tiers));
        }
        if let Some(claim) = self.claims.iter().find(|claim| !claim.is_met(caller)) {
            return Some(Unmet::Claim(&claim.path));
        }
        if let Some(when) = self.when.as_deref()
            && !when.holds(call, clock.now())
        {
            return Some(Unmet::When(when.as_str()));
        }
        let has_scopes = self.scopes.iter().all(|scope| caller.has_scope(scope));
        (!has_scopes).then_some(Unmet::Scopes(&self.scopes))
    }

    /// Removes other spellings of the fields that it looks at from `call`: a server that folds names would take for the field what
    /// nobody has looked at.
    pub fn strip_aliases(&self, call: &mut Call) {
        for name in self.when.iter().flat_map(|when| when.fields()) {
            header_edit::remove_aliases(&mut call.headers, name, &[]);
        }
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.has_parameters())
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let lists = [
            ("consumer", &self.consumers, " or "),
            ("group", &self.groups, " or "),
            ("tier", &self.tiers, " or "),
            ("scope", &self.scopes, " and "),
        ];
        let lists = lists.into_iter().filter(|(_, list, _)| !list.is_empty());
        let lists = lists.map(|(word, list, between)| format!("{word} {}", list.join(between)));
        let claims = self.claims.iter().map(|claim| format!("claim {}", claim.path));
        let when = self.when.iter().map(|when| format!("where {}", when.as_str()));
        lists.chain(claims).chain(when).collect::<Vec<_>>().join(", ")
    }
}

/// Returns whether one of `wanted` is among `own`, or nothing is wanted.
fn is_one<'o>(wanted: &[Box<str>], own: impl IntoIterator<Item = &'o str>) -> bool {
    wanted.is_empty() || own.into_iter().any(|own| wanted.iter().any(|wanted| **wanted == *own))
}

impl Claim {
    /// The claim at `path`, with one of these `values`.
    #[must_use]
    pub fn new(path: &str, values: &[ClaimValue]) -> Self {
        Self { path: path.into(), steps: steps(path), values: values.into() }
    }

    fn is_met(&self, caller: &Caller) -> bool {
        match caller.claims.as_deref().and_then(|claims| find(claims, &self.steps)) {
            Some(Value::Array(items)) => items.iter().any(|item| self.is_value(item)),
            Some(value) => self.is_value(value),
            None => false,
        }
    }

    fn is_value(&self, value: &Value) -> bool {
        self.values.iter().any(|wanted| match wanted {
            ClaimValue::Text(text) => value.as_str() == Some(text),
            ClaimValue::Whole(number) => value.as_i64() == Some(*number),
            ClaimValue::Boolean(truth) => value.as_bool() == Some(*truth),
        })
    }
}

/// The names that lead to the claim at `path`: itself, or those of a JSON Pointer (RFC 6901 §4).
#[must_use]
pub fn steps(path: &str) -> Box<[Box<str>]> {
    let mut steps = vec![String::new()];
    let Some(pointer) = path.strip_prefix('/') else { return [path.into()].into() };
    let mut escaped = false;
    for character in pointer.chars() {
        let plain = match (escaped, character) {
            (false, '~') => {
                escaped = true;
                continue;
            }
            (true, '0') => '~',
            (true, '1') => '/',
            (_, '/') => {
                steps.push(String::new());
                continue;
            }
            (_, other) => other,
        };
        escaped = false;
        if let Some(last) = steps.last_mut() {
            last.push(plain);
        }
    }
    steps.into_iter().map(String::into_boxed_str).collect()
}

/// The value that these `steps` lead to in `claims`.
#[must_use]
pub fn find<'c>(claims: &'c ClaimSet, steps: &[Box<str>]) -> Option<&'c Value> {
    let (first, further) = steps.split_first()?;
    further.iter().try_fold(claims.get(first)?, |value, step| match value {
        Value::Object(members) => members.get(&**step),
        // RFC 6901 §4: an index has no leading zero.
        Value::Array(items) if **step == *"0" || !step.starts_with(['0', '+']) => {
            items.get(step.parse::<usize>().ok()?)
        }
        _ => None,
    })
}

impl fmt::Display for Unmet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, list) = match self {
            Self::Caller => return f.write_str("nobody has proved who calls"),
            Self::When(text) => return write!(f, "`{text}` is not true"),
            Self::Claim(path) => return write!(f, "the claim `{path}` has none of the values"),
            Self::Consumers(list) => ("the caller is no consumer", list),
            Self::Groups(list) => ("the caller is in no group", list),
            Self::Tiers(list) => ("the caller has no tier", list),
            Self::Scopes(list) => ("the credential has not every scope", list),
        };
        f.write_str(words)?;
        for (i, name) in list.iter().enumerate() {
            write!(f, "{}`{name}`", if i == 0 { " of " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Arc;

    use http::{HeaderMap, Method};

    use super::*;
    use crate::caller::consumer::Consumer;
    use crate::time::Timestamp;

    /// A clock that stands still.
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(43_200_000)
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, _: Duration) {}
    }

    fn call(claims: &str) -> Call {
        let consumer = Consumer {
            name: "acme".into(),
            groups: ["partners".into()].into(),
            tier: Some("gold".into()),
            ..Consumer::default()
        };
        let members = serde_json::from_str(claims).unwrap();
        let caller = Caller {
            consumer: Some(Arc::new(consumer)),
            claims: Some(Arc::new(ClaimSet::new(None, None, None, members))),
            groups: ["ops".into()].into(),
            ..Caller::default()
        };
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        call.caller = Some(Arc::new(caller));
        call
    }

    fn names(names: &[&str]) -> Box<[Box<str>]> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn claim(path: &str, values: &[ClaimValue]) -> Condition {
        Condition { claims: [Claim::new(path, values)].into(), ..Condition::default() }
    }

    /// docs/configuration.md, Who may do it: every member counts; of consumers, groups and tiers one will do.
    #[test]
    fn every_member_counts() {
        let all = |consumers: &[&str], groups: &[&str], tiers: &[&str], scopes: &[&str]| Condition {
            consumers: names(consumers),
            groups: names(groups),
            tiers: names(tiers),
            scopes: names(scopes),
            ..Condition::default()
        };
        let call = call(r#"{"scope": "a b"}"#);
        let met = [
            all(&[], &[], &[], &[]),
            all(&["other", "acme"], &["partners"], &["gold"], &["a", "b"]),
            all(&[], &["ops"], &["silver", "gold"], &["b"]),
        ];
        for condition in met {
            assert_eq!(condition.unmet(&call, &Noon), None, "{condition:?}");
        }
        let consumers = all(&["other"], &["ops"], &["gold"], &["a"]);
        assert!(matches!(consumers.unmet(&call, &Noon), Some(Unmet::Consumers(_))));
        assert!(matches!(all(&["acme"], &["op"], &[], &["c"]).unmet(&call, &Noon), Some(Unmet::Groups(_))));
        assert!(matches!(all(&["acme"], &["ops"], &["Gold"], &["c"]).unmet(&call, &Noon), Some(Unmet::Tiers(_))));
        assert!(matches!(all(&["acme"], &["ops"], &["gold"], &["a", "c"]).unmet(&call, &Noon), Some(Unmet::Scopes(_))));
    }

    #[test]
    fn nobody_meets_a_condition_without_proof() {
        let call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        assert_eq!(Condition::default().unmet(&call, &Noon), Some(Unmet::Caller));
    }

    /// RFC 7519 §4: claims are JSON; text is no number, and no beginning will do.
    #[test]
    fn a_claim_has_one_of_the_values() {
        let call = call(
            r#"{"tenant": "acme", "level": 3, "verified": true, "roles": ["a", 7], "none": null, "big": 1e3,
                "https://example.com/plan": "b2b"}"#,
        );
        let text = |text: &str| ClaimValue::Text(text.to_owned());
        for (path, values, is_met) in [
            ("tenant", vec![text("other"), text("acme")], true),
            ("tenant", vec![text("acm")], false),
            ("level", vec![ClaimValue::Whole(3)], true),
            ("level", vec![text("3")], false),
            ("verified", vec![ClaimValue::Boolean(true)], true),
            ("verified", vec![text("true"), ClaimValue::Whole(1)], false),
            ("roles", vec![text("a")], true),
            ("roles", vec![ClaimValue::Whole(7)], true),
            ("roles", vec![text("b")], false),
            ("none", vec![text("null"), ClaimValue::Boolean(false)], false),
            ("missing", vec![ClaimValue::Boolean(false), text("")], false),
            ("https://example.com/plan", vec![text("b2b")], true),
        ] {
            assert_eq!(claim(path, &values).unmet(&call, &Noon).is_none(), is_met, "{path} {values:?}");
        }
    }

    /// RFC 6901 §4, §5: `~1` is a slash, `~0` a tilde, in this order.
    #[test]
    fn a_claim_is_found_by_its_pointer() {
        let call = call(r#"{"realm_access": {"roles": ["admin"]}, "a/b": {"c~d": "x"}, "~1": "y", "": {"": "z"}}"#);
        for (path, value) in [
            ("/realm_access/roles", "admin"),
            ("/a~1b/c~0d", "x"),
            ("/~01", "y"),
            ("//", "z"),
            ("/realm_access/roles/0", "admin"),
        ] {
            assert_eq!(claim(path, &[ClaimValue::Text(value.to_owned())]).unmet(&call, &Noon), None, "{path}");
        }
        for path in [
            "/realm_access",
            "/realm_access/role",
            "realm_access/roles",
            "/realm_access/roles/1",
            "/realm_access/roles/00",
            "/realm_access/roles/+0",
            "/",
        ] {
            let condition = claim(path, &[ClaimValue::Text("admin".to_owned())]);
            assert_eq!(condition.unmet(&call, &Noon), Some(Unmet::Claim(path)), "{path}");
        }
    }

    #[test]
    fn it_is_described_by_its_members() {
        let mut condition = claim("tenant", &[ClaimValue::Whole(1)]);
        condition.groups = names(&["ops", "dev"]);
        condition.scopes = names(&["a", "b"]);
        assert_eq!(condition.describe(), "group ops or dev, scope a and b, claim tenant");
    }
}

//! The conditions on callers that a route has.

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::config::{self, ClaimValues, Entries, lazily};
use crate::policy::authorize::Authorize;
use crate::policy::condition::{Claim, Condition};
use crate::policy::expression::{Expression, Mistake};

/// The way to mend an expression, where there is no better one.
const USUAL_HELP: &str = "`claims.tenant == params.tenant` is one; the documentation has the rest under Expressions";

/// The members of a condition, wherever it stands.
pub(super) struct Members<'c> {
    pub(super) consumers: &'c Option<Vec<String>>,
    pub(super) groups: &'c Option<Vec<String>>,
    pub(super) tiers: &'c Option<Vec<String>>,
    pub(super) scopes: &'c Option<Vec<String>>,
    pub(super) claims: &'c Entries<ClaimValues>,
    pub(super) when: Option<&'c str>,
}

impl Compiler<'_> {
    /// The rule that `authorize` is; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn authorize(
        &mut self,
        at: &At<'_>,
        authorize: &config::Authorize,
        parameters: Parameters<'_>,
    ) -> Option<Authorize> {
        let config::Authorize { name, consumers, groups, tiers, scopes, claims, when } = authorize;
        let members = Members { consumers, groups, tiers, scopes, claims, when: when.as_deref() };
        let condition = self.condition(at, &members, parameters)?;
        let rule = self.rule_name(at, name.as_deref());
        let realm = self.config.name.as_deref().unwrap_or("edgeway");
        Some(Authorize::new(rule, condition, realm))
    }

    /// The condition of these `members`; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn condition(
        &mut self,
        at: &At<'_>,
        members: &Members<'_>,
        parameters: Parameters<'_>,
    ) -> Option<Condition> {
        let before = self.errors.len();
        let Members { consumers, groups, tiers, scopes, claims, when } = members;
        let lists = [("consumers", *consumers), ("groups", *groups), ("tiers", *tiers), ("scopes", *scopes)];
        if lists.iter().all(|(_, list)| list.is_none()) && claims.is_empty() && when.is_none() {
            let help = "for example `\"groups\": [\"ops\"]`, `\"scopes\": [\"orders:write\"]` or `\"claims\": {\"tenant\": \"acme\"}`";
            self.error_with(at, "this asks for nothing", help);
        }
        let [consumers, groups, tiers, scopes] = lists.map(|(member, list)| self.wanted(&at.member(member), list));
        self.check_consumers(&at.member("consumers"), &consumers);
        for (i, scope) in scopes.iter().enumerate().filter(|(_, scope)| !is_scope(scope)) {
            let message = format_args!("`{scope}` can't be a scope");
            let help =
                "a scope has no spaces, quotes and backslashes (RFC 6749 §3.3): make several of them items of the list";
            self.error_with(&at.member("scopes").index(i), message, help);
        }
        let when = when.and_then(|text| self.expression(&at.member("when"), text, parameters));
        let at = at.member("claims");
        let claims = claims.iter().map(|(path, values)| {
            self.check_claim(&at.member(path), path, values);
            Claim::new(path, values.as_slice())
        });
        let condition = Condition { claims: claims.collect(), consumers, groups, tiers, scopes, when };
        (self.errors.len() == before).then_some(condition)
    }

    /// The expression that `text` is; `None` if it is wrong.
    pub(super) fn expression(
        &mut self,
        at: &At<'_>,
        text: &str,
        parameters: Parameters<'_>,
    ) -> Option<Box<Expression>> {
        let expression = self.read_expression(at, text, Expression::compile(text, parameters), USUAL_HELP)?;
        let (country, asn) = expression.asks_geography();
        let is_known = self.asks_geography(at, country, asn);
        is_known.then(|| Box::new(expression))
    }

    /// The expression that `text` is; reports the mistake in it.
    pub(super) fn read_expression(
        &mut self,
        at: &At<'_>,
        text: &str,
        compiled: Result<Expression, Mistake>,
        usual_help: &str,
    ) -> Option<Expression> {
        match compiled {
            Ok(expression) => Some(expression),
            Err(mistake) => {
                let before = text.get(..mistake.at).unwrap_or(text);
                let message = lazily(|| format!("at character {}: {}", before.chars().count() + 1, mistake.message));
                let help = if mistake.help.is_empty() { usual_help } else { &mistake.help };
                match self.elsewhere(at).filter(|_| mistake.message.starts_with("no path parameter ")) {
                    Some(route) => self.error_with(at, message, format_args!("{route} has none: {help}")),
                    None => self.error_with(at, message, help),
                }
                None
            }
        }
    }

    /// The names in a list that is there and has to have some.
    fn wanted(&mut self, at: &At<'_>, list: &Option<Vec<String>>) -> Box<[Box<str>]> {
        let Some(list) = list else { return [].into() };
        if list.is_empty() {
            self.error_with(at, "an empty list lets nobody in", "name those who may, or leave it out to ask for none");
        }
        for (i, name) in list.iter().enumerate().filter(|(_, name)| name.is_empty()) {
            self.error_with(&at.index(i), format_args!("`{name}` is no name"), "write it as it is given to callers");
        }
        list.iter().map(|name| name.as_str().into()).collect()
    }

    fn check_claim(&mut self, at: &At<'_>, path: &str, values: &ClaimValues) {
        match path {
            "" => self.error_with(at, "a claim needs a name", "for example `tenant`, or `/realm_access/roles`"),
            "exp" | "nbf" | "iat" => {
                let help = "leave it out: `authenticate` compares it with the time";
                self.error_with(at, format_args!("`{path}` is a time, which no list of values has"), help);
            }
            _ => {}
        }
        if values.as_slice().is_empty() {
            self.error_with(at, "an empty list lets nobody in", "list the values that will do");
        }
    }
}

/// Returns whether `text` can be a scope (RFC 6749 §3.3).
fn is_scope(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

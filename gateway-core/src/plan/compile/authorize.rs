//! The conditions on callers that a route has.

use super::Compiler;
use super::at::At;
use crate::config::{self, ClaimValues, Entries};
use crate::policy::authorize::Authorize;
use crate::policy::condition::{Claim, Condition};

/// The members of a condition, wherever it stands.
pub(super) struct Members<'c> {
    pub(super) consumers: &'c Option<Vec<String>>,
    pub(super) groups: &'c Option<Vec<String>>,
    pub(super) tiers: &'c Option<Vec<String>>,
    pub(super) scopes: &'c Option<Vec<String>>,
    pub(super) claims: &'c Entries<ClaimValues>,
}

impl Compiler<'_> {
    /// The rule that `authorize` is; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn authorize(&mut self, at: &At<'_>, authorize: &config::Authorize) -> Option<Authorize> {
        let config::Authorize { name, consumers, groups, tiers, scopes, claims } = authorize;
        let condition = self.condition(at, &Members { consumers, groups, tiers, scopes, claims })?;
        let rule = self.rule_name(at, name.as_deref());
        let realm = self.config.name.as_deref().unwrap_or("edgeway");
        Some(Authorize::new(rule, condition, realm))
    }

    /// The condition of these `members`; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn condition(&mut self, at: &At<'_>, members: &Members<'_>) -> Option<Condition> {
        let before = self.errors.len();
        let Members { consumers, groups, tiers, scopes, claims } = members;
        let lists = [("consumers", *consumers), ("groups", *groups), ("tiers", *tiers), ("scopes", *scopes)];
        if lists.iter().all(|(_, list)| list.is_none()) && claims.is_empty() {
            let help = "for example `\"groups\": [\"ops\"]`, `\"scopes\": [\"orders:write\"]` or `\"claims\": {\"tenant\": \"acme\"}`";
            self.error_with(at, "this asks for nothing", help);
        }
        let [consumers, groups, tiers, scopes] = lists.map(|(member, list)| self.wanted(&at.member(member), list));
        for (i, scope) in scopes.iter().enumerate().filter(|(_, scope)| !is_scope(scope)) {
            let message = format_args!("`{scope}` can't be a scope");
            let help =
                "a scope has no spaces, quotes and backslashes (RFC 6749 §3.3): make several of them items of the list";
            self.error_with(&at.member("scopes").index(i), message, help);
        }
        let at = at.member("claims");
        let claims = claims.iter().map(|(path, values)| {
            self.check_claim(&at.member(path), path, values);
            Claim::new(path, values.as_slice())
        });
        let condition = Condition { claims: claims.collect(), consumers, groups, tiers, scopes };
        (self.errors.len() == before).then_some(condition)
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

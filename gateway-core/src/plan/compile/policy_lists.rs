//! The lists of policies that apply to a route, and the policies that they name.

use super::Compiler;
use super::at::At;
use super::routes::{Group, RouteContext};
use crate::config::{self, PolicyUse};

#[derive(Clone, Copy)]
pub(super) struct PolicyList<'c> {
    pub(super) owner: Owner<'c>,
    pub(super) uses: &'c [PolicyUse],
}

#[derive(Clone, Copy)]
pub(super) enum Owner<'c> {
    Defaults,
    Api(usize, &'c str),
    /// A version of the API with this index.
    Version(usize, &'c str),
    Route,
}

impl<'c> Compiler<'c> {
    pub(super) fn find_policy(&mut self, at: &At<'_>, name: &str) -> Option<&'c config::Policy> {
        let config = self.config;
        match self.policy_names.find(name).and_then(|i| config.policies.0.get(i).map(|(_, policy)| (i, policy))) {
            Some((i, policy)) => {
                if let Some(used) = self.used_policies.get_mut(i) {
                    *used = true;
                }
                Some(policy)
            }
            None => {
                self.unknown(at, "policy", name, config.policies.iter().map(|(n, _)| n));
                None
            }
        }
    }

    /// The policy lists that apply to `route`, outermost first, each with its place and its owner's name. Those of the versions that one is made
    /// from go before its own.
    pub(super) fn policy_lists(&self, group: Group<'c>, route: &'c config::Route) -> Vec<PolicyList<'c>> {
        let mut lists = vec![PolicyList { owner: Owner::Defaults, uses: &self.config.defaults.policies }];
        if let Some((i, api)) = group.api {
            lists.push(PolicyList { owner: Owner::Api(i, &api.name), uses: &api.policies });
            let version = group.version.and_then(|index| self.versions.get(index));
            for (name, version) in version.into_iter().flat_map(|version| version.chain.iter().rev()) {
                lists.push(PolicyList { owner: Owner::Version(i, name), uses: &version.policies });
            }
        }
        lists.push(PolicyList { owner: Owner::Route, uses: &route.policies });
        lists
    }

    /// Returns whether a route asks who calls: the innermost `authenticate` counts.
    pub(super) fn asks_who_calls(&self, context: &RouteContext<'_, 'c>) -> bool {
        let lists = self.policy_lists(context.group, context.route);
        let policies = lists.iter().flat_map(|list| list.uses).filter_map(|policy| match policy {
            PolicyUse::Inline(policy) => Some(&**policy),
            PolicyUse::Named(name) => {
                self.policy_names.find(name).and_then(|i| self.config.policies.0.get(i)).map(|(_, policy)| policy)
            }
        });
        let asked = policies.filter_map(|policy| policy.authenticate.as_ref()).last();
        asked.is_some_and(|asked| !matches!(asked, config::Authenticate::Public(false)))
    }

    pub(super) fn check_unused_policies(&mut self, at: &At<'_>) {
        let config = self.config;
        for (i, (name, policy)) in config.policies.iter().enumerate() {
            self.plain_name(&at.member(name), name);
            if self.used_policies.get(i).copied().unwrap_or_default() {
                continue;
            }
            self.check_policy(&at.member(name), name, policy);
        }
    }
}

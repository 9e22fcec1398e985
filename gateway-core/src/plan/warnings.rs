//! What can be served, but hardly is as its author meant it.
//!
//! Apart from the compiler, so that the platforms that only load a configuration do without it.

use std::collections::BTreeSet;

use crate::config::{self, Config, ConfigError, Diagnostic, Entries, JsonPath, Policy, PolicyUse, Route, Severity};

/// What is odd about the text of a `gateway.json`, in its order; nothing where its form is wrong.
#[must_use]
pub fn warnings(text: &str) -> Vec<Diagnostic> {
    let Ok(config) = config::read(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut uses = Uses::default();
    let root = JsonPath::root();
    uses.policies(&root.member("defaults").member("policies"), &config.defaults.policies, &mut found);
    for (i, api) in config.apis.iter().enumerate() {
        let at = root.member("apis").index(i);
        uses.upstreams.extend(api.upstream.as_deref());
        uses.policies(&at.member("policies"), &api.policies, &mut found);
        uses.routes(&at.member("routes"), &api.routes, &mut found);
    }
    uses.routes(&root.member("routes"), &config.routes, &mut found);
    check_sections(&config, &uses, &mut found);
    let mut diagnostics = config::explain(text, found);
    for diagnostic in &mut diagnostics {
        diagnostic.severity = Severity::Warning;
    }
    diagnostics
}

/// Returns whether a route of the text of a `gateway.json` takes WebSockets without saying so; false where its form is wrong.
///
/// A platform that can't pass them on answers their handshakes with 501, which the author may not have thought of.
#[must_use]
pub fn takes_web_sockets_unsaid(text: &str) -> bool {
    let Ok(config) = config::read(text) else { return false };
    let is_proxied = |route: &Route| route.redirect.is_none() && route.respond.is_none() && route.key_value.is_none();
    let mut routes = config.apis.iter().flat_map(|api| &api.routes).chain(&config.routes);
    routes.any(|route| is_proxied(route) && route.web_socket.is_none())
}

/// The names that are referred to.
#[derive(Default)]
struct Uses<'c> {
    upstreams: BTreeSet<&'c str>,
    policies: BTreeSet<&'c str>,
}

impl<'c> Uses<'c> {
    fn routes(&mut self, at: &JsonPath, routes: &'c [Route], found: &mut Vec<ConfigError>) {
        for (i, route) in routes.iter().enumerate() {
            self.upstreams.extend(route.upstream.as_deref());
            self.upstreams.extend(route.split.iter().map(|target| target.upstream.as_str()));
            self.policies(&at.index(i).member("policies"), &route.policies, found);
        }
    }

    fn policies(&mut self, at: &JsonPath, uses: &'c [PolicyUse], found: &mut Vec<ConfigError>) {
        for (i, policy) in uses.iter().enumerate() {
            match policy {
                PolicyUse::Named(name) => drop(self.policies.insert(name)),
                PolicyUse::Inline(policy) => found.extend(idle(at.index(i), policy)),
            }
        }
    }
}

fn check_sections(config: &Config, uses: &Uses<'_>, found: &mut Vec<ConfigError>) {
    let policies = JsonPath::root().member("policies");
    found.extend(config.policies.iter().filter_map(|(name, policy)| idle(policies.member(name), policy)));
    unused("upstreams", "nothing is sent to", &config.upstreams, &uses.upstreams, found);
    unused("policies", "nothing uses", &config.policies, &uses.policies, found);
}

/// Warns of the entries of `section` that are not among `used`.
fn unused<T>(section: &str, words: &str, entries: &Entries<T>, used: &BTreeSet<&str>, found: &mut Vec<ConfigError>) {
    for (name, _) in entries.iter().filter(|(name, _)| !used.contains(name)) {
        let path = JsonPath::root().member(section).member(name);
        found.push(
            ConfigError::new(path, format!("{words} `{name}`")).with_help("remove it, or name it where it belongs"),
        );
    }
}

/// Warns of a policy that does nothing.
fn idle(path: JsonPath, policy: &Policy) -> Option<ConfigError> {
    let Policy { cors, rate_limit, concurrency, request, response } = policy;
    let edits = request.as_ref().is_some_and(|edits| *edits != Default::default())
        || response.as_ref().is_some_and(|edits| *edits != Default::default());
    (cors.is_none() && rate_limit.is_none() && concurrency.is_none() && !edits).then(|| {
        ConfigError::new(path, "the policy does nothing")
            .with_help("give it `cors`, `rateLimit`, `concurrency`, `request` or `response`, or remove it")
    })
}

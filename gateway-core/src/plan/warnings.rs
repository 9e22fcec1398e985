//! Warnings about configurations that can be served, but hardly as their authors meant them.
//!
//! Apart from the compiler, so that platforms that only load a configuration do without it.

mod caches;
mod content;
mod deadlines;
mod exposure;
mod faults;
mod forms;
mod identity;
mod limits;
mod matching;
mod methods;
mod own_listener;
mod schema;
mod upstreams;
mod versions;

use std::collections::BTreeSet;

use super::compile::dead_matches;
use super::unbelieved;
use crate::config::{
    self, Authenticate, Config, ConfigError, Diagnostic, Entries, JsonPath, Policy, PolicyUse, Proof, Reading,
    RequestEdits, ResponseEdits, Route, Variable,
};
use crate::policy::maintenance::parse_time;
use crate::time::Timestamp;

/// Returns the warnings about the text of a `gateway.json` at `now`, in its order; none if its form is wrong. Nothing is
/// said of what depends on variables.
#[must_use]
pub fn warnings(text: &str, now: Timestamp) -> Vec<Diagnostic> {
    let Some((config, reading)) = read(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut uses = Uses { now, upstreams: BTreeSet::new(), policies: BTreeSet::new() };
    let root = JsonPath::root();
    uses.policies(&root.member("defaults").member("policies"), &config.defaults.policies, &mut found);
    for (i, api) in config.apis.iter().enumerate() {
        let at = root.member("apis").index(i);
        uses.upstreams.extend(api.upstream.as_deref());
        uses.policies(&at.member("policies"), &api.policies, &mut found);
        for (name, version) in api.versions.iter().flat_map(|versions| versions.list.iter()) {
            uses.upstreams.extend(version.upstream.as_deref());
            let at = at.member("versions").member("list").member(name).member("policies");
            uses.policies(&at, &version.policies, &mut found);
        }
        uses.routes(&at.member("routes"), &api.routes, &mut found);
    }
    uses.upstreams.extend(config.issuers.iter().filter_map(|(_, issuer)| issuer.upstream.as_deref()));
    uses.upstreams.extend(config.upstreams.iter().filter_map(|(_, upstream)| upstream.discover.as_ref()?.asked()));
    let asked = config.issuers.iter().filter_map(|(_, issuer)| issuer.introspection.as_deref()?.upstream.as_deref());
    uses.upstreams.extend(asked);
    let grants = config
        .upstreams
        .iter()
        .filter_map(|(_, upstream)| upstream.credentials.as_ref()?.client_credentials.as_ref()?.upstream.as_deref());
    uses.upstreams.extend(grants);
    uses.routes(&root.member("routes"), &config.routes, &mut found);
    for (name, policy) in config.policies.iter() {
        uses.upstreams.extend(steered(policy).chain(deciders(policy)));
        odd(&root.member("policies").member(name), policy, now, &mut found);
    }
    let mut empty = Vec::new();
    match &reading {
        Some(reading) => found.retain(|warning| !reading.is_damaged(&warning.path)),
        // With unknown variables, parts to compare with are missing.
        None => {
            dead_matches(&config, &mut found);
            deadlines::warnings(&config, &mut found);
            matching::warnings(&config, &mut found);
            identity::unasked(&config, &mut found);
            caches::idle(&config, &mut found);
            methods::warnings(&config, &mut found);
            upstreams::warnings(&config, &mut found);
            versions::warnings(&config, now, &mut found);
            empty = versions::empty_lists(&config);
        }
    }
    exposure::warnings(&config, &mut found);
    identity::warnings(&config, &mut found);
    identity::cleartext(&config, &mut found);
    forms::warnings(&config, now, &mut found);
    unbelieved::warnings(text, !config.network.trusted_proxies.is_empty(), &mut found);
    let are_uses_known =
        reading.as_ref().is_none_or(|reading| USERS.iter().all(|section| reading.is_section_intact(section)));
    check_sections(&config, are_uses_known.then_some(&uses), &mut found);
    // The text of a list that is not there is that of the route.
    let is_list = |warning: &Diagnostic| warning.found.as_deref().is_some_and(|found| found.starts_with('['));
    let empty = placed(text, empty).into_iter().filter(is_list);
    let mut found = placed(text, found);
    found.extend(empty);
    found.sort_by_key(|warning| warning.position);
    found
}

/// Returns the warnings about the text of a `gateway.json` that hold where the native server serves it.
#[must_use]
pub fn native_warnings(text: &str) -> Vec<Diagnostic> {
    let Some((config, reading)) = read(text) else { return Vec::new() };
    let mut found = Vec::new();
    let reading_is_whole = reading.is_none();
    if reading.is_none_or(|reading| reading.is_section_intact("server")) {
        own_listener::warnings(&config, &mut found);
        caches::too_large(&config, &mut found);
        if config.server.cache_file.is_some() && config.responses.redis.is_some() {
            let at = JsonPath::root().member("server").member("cacheFile");
            let warning =
                ConfigError::new(at, "stored responses are in the Redis of `responses`, and none in this file");
            found.push(warning.with_help("remove it, or `responses.redis`"));
        }
        if reading_is_whole {
            identity::unlistened(&config, &mut found);
            identity::inside(&config, &mut found);
        }
    }
    placed(text, found)
}

/// Gives warnings their places in `text`.
fn placed(text: &str, found: Vec<ConfigError>) -> Vec<Diagnostic> {
    config::explain(text, found).into_iter().map(Diagnostic::into_warning).collect()
}

/// Returns whether a route of a `gateway.json` takes WebSockets without saying so; false if the text's form is wrong.
///
/// A platform without WebSockets answers their handshakes with 501, which the author may not have thought of.
#[must_use]
pub fn takes_web_sockets_unsaid(text: &str) -> bool {
    let Some((config, _)) = read(text) else { return false };
    let is_proxied = |route: &Route| {
        route.redirect.is_none()
            && route.respond.is_none()
            && route.key_value.is_none()
            && route.aggregate.is_none()
            && route.batch.is_none()
    };
    let mut routes = config.apis.iter().flat_map(|api| &api.routes).chain(&config.routes);
    routes.any(|route| is_proxied(route) && route.web_socket.is_none())
}

/// The sections that use upstreams and policies by name.
const USERS: [&str; 3] = ["defaults", "apis", "routes"];

/// The most unknown names that are compared with those that nothing uses.
const MOST_SLIPS: usize = 20;

/// Reads `text` without the values of its variables; also returns what lacks them. `None` if its form is wrong.
fn read(text: &str) -> Option<(Config, Option<Box<Reading<'_>>>)> {
    match config::read_with(text, &|_| Variable::Unknown) {
        Ok(config) => Some((config, None)),
        Err(mut reading) if reading.diagnostics.is_empty() => Some((reading.config.take()?, Some(reading))),
        Err(_) => None,
    }
}

/// The names in use.
struct Uses<'c> {
    now: Timestamp,
    upstreams: BTreeSet<&'c str>,
    policies: BTreeSet<&'c str>,
}

impl<'c> Uses<'c> {
    fn routes(&mut self, at: &JsonPath, routes: &'c [Route], found: &mut Vec<ConfigError>) {
        for (i, route) in routes.iter().enumerate() {
            self.upstreams.extend(route.upstream.as_deref());
            self.upstreams.extend(route.split.iter().map(|target| target.upstream.as_str()));
            self.upstreams.extend(route.fallback.iter().filter_map(|next| next.upstream.as_deref()));
            self.upstreams.extend(route.mirror.iter().map(|mirror| mirror.upstream.as_str()));
            let calls = route.aggregate.iter().flat_map(|aggregate| aggregate.calls.iter());
            self.upstreams.extend(calls.map(|(_, call)| call.upstream.as_str()));
            self.policies(&at.index(i).member("policies"), &route.policies, found);
            for (j, target) in route.split.iter().enumerate() {
                self.policies(&at.index(i).member("split").index(j).member("policies"), &target.policies, found);
            }
        }
    }

    fn policies(&mut self, at: &JsonPath, uses: &'c [PolicyUse], found: &mut Vec<ConfigError>) {
        for (i, policy) in uses.iter().enumerate() {
            match policy {
                PolicyUse::Named(name) => drop(self.policies.insert(name)),
                PolicyUse::Inline(policy) => {
                    self.upstreams.extend(steered(policy).chain(deciders(policy)));
                    odd(&at.index(i), policy, self.now, found);
                }
            }
        }
    }
}

/// The upstreams that `policy` steers to.
fn steered(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.steer.iter().flatten().map(|way| way.upstream.as_str())
}

/// The upstreams that `policy` asks who may call.
fn deciders(policy: &Policy) -> Vec<&str> {
    let mut found = Vec::new();
    let mut proofs: Vec<&Proof> = match &policy.authenticate {
        Some(Authenticate::By(proof)) => vec![proof],
        Some(Authenticate::Public(_)) | None => Vec::new(),
    };
    while let Some(proof) = proofs.pop() {
        found.extend(proof.external.as_ref().map(|external| external.upstream.as_str()));
        proofs.extend(proof.any.iter().chain(&proof.all).flatten());
    }
    found
}

fn check_sections(config: &Config, uses: Option<&Uses<'_>>, found: &mut Vec<ConfigError>) {
    if config.server.access_log.is_some() && config.access_log.format.is_some() {
        let path = JsonPath::root().member("server").member("accessLog");
        let error = ConfigError::new(path, "this has no effect: `accessLog.format` decides");
        found.push(error.with_help("remove one of them"));
    }
    let Some(uses) = uses else { return };
    unused("upstreams", "nothing is sent to", &config.upstreams, &uses.upstreams, found);
    unused("policies", "nothing uses", &config.policies, &uses.policies, found);
}

/// Warns of the entries of `section` that are not among `used`.
fn unused<T>(section: &str, words: &str, entries: &Entries<T>, used: &BTreeSet<&str>, found: &mut Vec<ConfigError>) {
    // A name that a mistake is answered with is in use, but for a slip of the pen.
    let names = || entries.iter().map(|(name, _)| name);
    let unknown = used.iter().filter(|name| entries.find(name).is_none()).take(MOST_SLIPS);
    let meant: Vec<&str> = unknown.filter_map(|name| config::suggest(name, names())).collect();
    for name in names().filter(|name| !used.contains(name) && !meant.contains(name)) {
        let path = JsonPath::root().member(section).member(name);
        found.push(
            ConfigError::new(path, format!("{words} `{name}`")).with_help("remove it, or name it where it belongs"),
        );
    }
}

/// Warns of a policy that has no effect, or none any more.
fn odd(path: &JsonPath, policy: &Policy, now: Timestamp, found: &mut Vec<ConfigError>) {
    found.extend(idle(path, policy));
    forms::security(path, policy, found);
    content::warnings(path, policy, found);
    limits::warnings(path, policy, found);
    caches::warnings(path, policy, found);
    faults::warnings(path, policy, found);
    if let Some(cors) = &policy.cors
        && let Some(any) = cors.headers.iter().position(|name| name == "*")
        && !cors.headers.iter().any(|name| name.eq_ignore_ascii_case("authorization"))
    {
        let path = path.member("cors").member("headers").index(any);
        let error = ConfigError::new(path, "`*` does not cover `authorization` (Fetch standard)");
        found.push(error.with_help("list `authorization` beside it if scripts send it; else list what they do send"));
    }
    if let Some(until) = policy.maintenance.as_ref().and_then(|maintenance| maintenance.until.as_deref())
        && parse_time(until).is_some_and(|until| until <= now)
    {
        let path = path.member("maintenance").member("until");
        found.push(ConfigError::new(path, "this time is over").with_help("remove it, or plan the next"));
    }
}

fn idle(path: &JsonPath, policy: &Policy) -> Option<ConfigError> {
    let mut policy = policy.clone();
    policy.request.take_if(|edits| *edits == RequestEdits::default());
    policy.response.take_if(|edits| *edits == ResponseEdits::default());
    (policy == Policy::default()).then(|| {
        ConfigError::new(path.clone(), "the policy does nothing").with_help("give it something to do, or remove it")
    })
}

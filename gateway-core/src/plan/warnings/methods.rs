//! Warnings about what is for methods that a route never takes, and about idempotency keys that strangers share.

use super::identity::{policy, routes};
use crate::config::{
    Authenticate, Config, ConfigError, CounterKey, JsonPath, Match, Matches, Policy, PolicyUse, Route, Step,
    ValueMatch, ValueTest,
};
use crate::http::method_override::is_override;
use crate::plan::compile::alternatives;

/// The methods whose requests have idempotency keys where nothing is said.
const KEYED: [&str; 2] = ["POST", "PATCH"];

/// Warns of what the routes of `config` have for methods that they never take.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    for (at, of_api, route) in routes(config) {
        if !config.network.method_override.pass {
            overridden(&at, route, found);
        }
        let uses = config.defaults.policies.iter().chain(of_api).chain(&route.policies);
        let all: Vec<&Policy> = uses.filter_map(|one| policy(&config.policies, one)).collect();
        let taken = taken(route);
        // One of `defaults` or an API is for the other routes.
        if let Some(at) = own(config, &at, route, "etag", |policy| policy.etag.is_some())
            && all.iter().rev().find_map(|policy| policy.etag.as_ref()).is_some_and(|etag| etag.enabled != Some(false))
            && !takes(&taken, "GET")
            && !takes(&taken, "HEAD")
        {
            let message = format!("no response gets a tag: `{}` takes neither GET nor HEAD", route.name);
            found.push(ConfigError::new(at, message).with_help("let it take GET, or remove this"));
        }
        idempotency(config, (&at, route), (&all, &taken), found);
        for (index, one) in route.policies.iter().enumerate() {
            if let PolicyUse::Inline(policy) = one {
                mapped(&at.member("policies").index(index), route, (policy, &taken), found);
            }
        }
        for (index, target) in route.split.iter().enumerate() {
            for (number, one) in target.policies.iter().enumerate() {
                if let PolicyUse::Inline(policy) = one {
                    let at = at.member("split").index(index).member("policies").index(number);
                    mapped(&at, route, (policy, &taken), found);
                }
            }
        }
    }
}

/// The methods that `route` takes; none if it takes every one.
fn taken(route: &Route) -> Option<Vec<&str>> {
    if route.batch.is_some() {
        return Some(vec!["POST"]);
    }
    let all = alternatives(&route.matches);
    if all.iter().any(|one| one.methods.is_empty()) {
        return route.key_value.as_ref().map(|_| vec!["GET", "HEAD"]);
    }
    Some(all.iter().flat_map(|one| one.methods.iter().map(String::as_str)).collect())
}

/// Returns whether `method` is among those that are `taken`; `GET` takes `HEAD` along.
fn takes(taken: &Option<Vec<&str>>, method: &str) -> bool {
    taken.as_ref().is_none_or(|taken| taken.contains(&method) || method == "HEAD" && taken.contains(&"GET"))
}

/// The place of the `member` among the policies of the `route` at `at` itself, if one of them `has` it.
fn own(config: &Config, at: &JsonPath, route: &Route, member: &str, has: fn(&Policy) -> bool) -> Option<JsonPath> {
    let index = route.policies.iter().rposition(|one| policy(&config.policies, one).is_some_and(has))?;
    let at = at.member("policies").index(index);
    Some(match route.policies.get(index)? {
        PolicyUse::Inline(_) => at.member(member),
        PolicyUse::Named(_) => at,
    })
}

/// Warns of keys that no request of the route at this place has, and of those that callers share who have nothing to do with each other.
fn idempotency(
    config: &Config,
    (at, route): (&JsonPath, &Route),
    (all, taken): (&[&Policy], &Option<Vec<&str>>),
    found: &mut Vec<ConfigError>,
) {
    let Some(rule) = all.iter().rev().find_map(|policy| policy.idempotency.as_ref()) else { return };
    let Some(at) = own(config, at, route, "idempotency", |policy| policy.idempotency.is_some()) else { return };
    if rule.enabled == Some(false) {
        return;
    }
    let methods: Vec<&str> = match &rule.methods {
        Some(stated) => stated.iter().map(String::as_str).collect(),
        None => KEYED.to_vec(),
    };
    if !methods.iter().any(|method| takes(taken, method)) {
        let message = format!("no request has a key: `{}` takes none of {}", route.name, methods.join(", "));
        let help = "let it take one of them, name others in `methods`, or remove this";
        found.push(ConfigError::new(at, message).with_help(help));
        return;
    }
    let is_known = all.iter().rev().find_map(|policy| policy.authenticate.as_ref());
    if matches!(is_known, Some(Authenticate::By(proof)) if proof.anonymous.is_none()) {
        return;
    }
    let (kind, name) = match &rule.scope {
        Some(CounterKey::Header(name)) => ("header", name),
        Some(CounterKey::Query(name)) => ("query parameter", name),
        Some(CounterKey::Cookie(name)) => ("cookie", name),
        _ => return,
    };
    let has_it = |one: &Match| {
        let conditions = match kind {
            "header" => &one.headers,
            "cookie" => &one.cookies,
            _ => &one.query,
        };
        let is_it = |own: &str| own == name || kind == "header" && own.eq_ignore_ascii_case(name);
        let asks = |test: &ValueMatch| !matches!(test, ValueMatch::Test(ValueTest::Present(false)));
        conditions.iter().any(|(own, test)| is_it(own) && asks(test))
    };
    if !alternatives(&route.matches).iter().all(has_it) {
        let message = format!(
            "callers without the {kind} `{name}` have their keys in common: nobody proves who calls `{}`, and one gets the answer to another's request",
            route.name
        );
        let help = format!(
            "ask for the {kind} in the `match` of the route, or leave `scope` out: then callers are told apart by `Authorization` and `Cookie`, or by their address"
        );
        // A policy that is named has its members elsewhere.
        let at = if matches!(at.steps().last(), Some(Step::Member(_))) { at.member("scope") } else { at };
        found.push(ConfigError::new(at, message).with_help(help));
    }
}

/// Warns of methods that the `policy` at `at` has others put in the place of, and that its route never takes.
fn mapped(at: &JsonPath, route: &Route, (policy, taken): (&Policy, &Option<Vec<&str>>), found: &mut Vec<ConfigError>) {
    for (method, _) in policy.request.iter().flat_map(|edits| edits.method.iter()) {
        if method != "*" && !takes(taken, method) {
            let message = format!("`{}` never takes {method}", route.name);
            let at = at.member("request").member("method").member(method);
            found.push(ConfigError::new(at, message).with_help("let it take that method, or remove this"));
        }
    }
}

/// Warns of conditions of the `route` at `at` on fields that are gone before a route is looked for.
fn overridden(at: &JsonPath, route: &Route, found: &mut Vec<ConfigError>) {
    let are_several = matches!(route.matches, Matches::Any(_));
    for (index, one) in alternatives(&route.matches).iter().enumerate() {
        for (name, _) in one.headers.iter().filter(|(name, _)| is_override(&name.to_ascii_lowercase())) {
            let at = at.member("match");
            let at = if are_several { at.index(index) } else { at };
            let message = format!("no request has `{name}` here: it is removed before a route is looked for");
            let help = "match by `methods`, for which `network.methodOverride` takes the field; or write `\"pass\": true` there, which leaves it";
            found.push(ConfigError::new(at.member("headers").member(name), message).with_help(help));
        }
    }
}

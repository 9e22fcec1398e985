//! Warnings about caches that store nothing, or parts of them that have no effect.

use super::identity::{policy, routes};
use crate::config::{Authenticate, ByteSize, Cache, Config, ConfigError, JsonPath, Policy, PolicyUse, Route};
use crate::plan::compile::alternatives;
use crate::policy::expression::Expression;

/// The memory of stored responses where nothing is said of it. See `docs/platforms.md`.
const USUAL_MEMORY: u64 = 64 << 20;

/// The largest content that this `memory` stores: a quarter, of which a sixteenth is left to others, less
/// the room for its head.
const fn largest_content(memory: u64) -> u64 {
    let share = memory / 4;
    share - share / 16 - if share / 8 < 16 << 10 { share / 8 } else { 16 << 10 }
}

/// Warns of what the cache of the `policy` at `at` says in vain.
pub(super) fn warnings(at: &JsonPath, policy: &Policy, found: &mut Vec<ConfigError>) {
    let Some(cache) = policy.cache.as_ref().filter(|cache| cache.enabled != Some(false)) else { return };
    let at = at.member("cache");
    if let (Some(default), Some(max)) = (cache.default_ttl, cache.max_ttl)
        && default > max
    {
        let message = format!("no response is fresh for longer than the `{max}` of `maxTtl`");
        found.push(ConfigError::new(at.member("defaultTtl"), message).with_help("make it less, or `maxTtl` more"));
    }
    if let Some(bypass) = &cache.bypass
        && Expression::compile(bypass, None).is_ok_and(|expression| expression.is_constant())
    {
        let message = "this condition is the same for all requests: it looks at none of their parts";
        let help =
            "write `{\"enabled\": false}` for no cache, or a condition such as `request.headers['x-preview'] == '1'`";
        found.push(ConfigError::new(at.member("bypass"), message).with_help(help));
    }
}

/// Warns of caches of `config` whose routes have nothing for them.
pub(super) fn idle(config: &Config, found: &mut Vec<ConfigError>) {
    for (at, of_api, route) in routes(config) {
        let uses = config.defaults.policies.iter().chain(of_api).chain(&route.policies);
        let all: Vec<&Policy> = uses.filter_map(|one| policy(&config.policies, one)).collect();
        let Some(cache) = all.iter().rev().find_map(|policy| policy.cache.as_ref()) else { continue };
        if cache.enabled == Some(false) {
            continue;
        }
        if !goes_to_upstreams(route) {
            // One of `defaults` or an API is for the other routes.
            found.extend(own(config, &at, route).map(|at| {
                let message =
                    format!("nothing is stored: the gateway answers `{}` itself, without an upstream", route.name);
                ConfigError::new(at, message).with_help("remove it")
            }));
            continue;
        }
        if !takes_reads(route) {
            found.extend(own(config, &at, route).map(|at| {
                let message = format!("nothing is served from it: `{}` takes neither GET nor HEAD", route.name);
                ConfigError::new(at, message).with_help("let it take GET, or remove this")
            }));
            continue;
        }
        let asked = all.iter().rev().find_map(|policy| policy.authenticate.as_ref());
        if matches!(asked, Some(Authenticate::By(_))) && is_for_nobody(cache) {
            let message = format!(
                "of the answers of `{}`, none is stored that does not itself say `public`, `s-maxage` or `must-revalidate`: its callers prove who they are (RFC 9111 §3.5)",
                route.name
            );
            let help = "keep those of each caller apart by `\"key\": {\"caller\": true}`; `\"key\": {\"caller\": false}` says that it is meant so";
            found.push(ConfigError::new(own(config, &at, route).unwrap_or(at), message).with_help(help));
        }
    }
}

/// Returns whether what is for one caller alone can't be stored, and nothing says that this is meant.
const fn is_for_nobody(cache: &Cache) -> bool {
    cache.key.caller.is_none()
}

/// Returns whether `route` takes requests that a cache answers.
fn takes_reads(route: &Route) -> bool {
    let is_read = |method: &String| matches!(method.as_str(), "GET" | "HEAD");
    alternatives(&route.matches).iter().any(|one| one.methods.is_empty() || one.methods.iter().any(is_read))
}

/// Returns whether upstreams answer `route`.
const fn goes_to_upstreams(route: &Route) -> bool {
    route.redirect.is_none()
        && route.respond.is_none()
        && route.key_value.is_none()
        && route.aggregate.is_none()
        && route.batch.is_none()
}

/// The place of the cache among the policies of the `route` at `at` itself, if it has one there.
fn own(config: &Config, at: &JsonPath, route: &Route) -> Option<JsonPath> {
    let has_one = |one: &PolicyUse| policy(&config.policies, one).is_some_and(|policy| policy.cache.is_some());
    let index = route.policies.iter().rposition(has_one)?;
    let at = at.member("policies").index(index);
    Some(match route.policies.get(index)? {
        PolicyUse::Inline(_) => at.member("cache"),
        PolicyUse::Named(_) => at,
    })
}

/// Warns of contents that are never stored, since the memory of the native server that is to hold them is too small.
pub(super) fn too_large(config: &Config, found: &mut Vec<ConfigError>) {
    if config.responses.redis.is_some() || config.server.cache_file.is_some() {
        return;
    }
    let largest = largest_content(config.server.cache_memory.map_or(USUAL_MEMORY, |size| size.0));
    super::identity::each_policy(config, |at, policy| {
        let most = policy.cache.as_ref().filter(|cache| cache.enabled != Some(false)).and_then(|cache| cache.max_bytes);
        if most.is_some_and(|most| most.0 > largest) {
            let message = format!(
                "no content above `{}` is stored natively: it has a quarter of `server.cacheMemory`, less its head",
                ByteSize(largest)
            );
            let help = "write no more than that, or give the gateway more memory there";
            found.push(ConfigError::new(at.member("cache").member("maxBytes"), message).with_help(help));
        }
    });
}

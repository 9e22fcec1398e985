//! Warnings about parts of rate limits that have no effect.

use crate::config::{ConfigError, Cost, CounterKey, JsonPath, Policy, RateLimit};

/// Warns of what the rate limit of the `policy` at `at` says in vain.
pub(super) fn warnings(at: &JsonPath, policy: &Policy, found: &mut Vec<ConfigError>) {
    let Some(limit) = &policy.rate_limit else { return };
    let at = at.member("rateLimit");
    let mut warn = |at: JsonPath, message: String, help: &str| {
        found.push(ConfigError::new(at, message).with_help(help));
    };
    if let Some(Cost::Stated(cost)) = &limit.cost
        && let Some(max) = cost.max
        && max > largest(limit)
    {
        let most = largest(limit);
        let units = if most == 1 { "unit" } else { "units" };
        let message = format!("no request takes more than the {most} {units} that may come at once");
        warn(at.member("cost").member("max"), message, "write fewer, or leave it out");
    }
    if let Some(CounterKey::All(keys)) = &limit.key {
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|before| before == key) {
                let at = at.member("key").member("all").index(index);
                warn(at, "this key is in the list already".to_owned(), "remove it, or write another");
            }
        }
    }
    if limit.shadow {
        if limit.legacy_headers {
            let message = "clients are told nothing of a limit in the shadow".to_owned();
            warn(at.member("legacyHeaders"), message, "leave it out until `shadow` goes");
        }
        if limit.fail.is_some() {
            let message = "a limit in the shadow refuses nothing, whether its counter is reached or not".to_owned();
            warn(at.member("fail"), message, "leave it out until `shadow` goes");
        }
    }
    if limit.key.is_none() && !limit.tiers.is_empty() {
        let message = "consumers have a quota by their tier, and are counted by the address that they come from";
        let help = "add `\"key\": \"consumer\"`, or `\"key\": \"clientAddress\"` if that is meant";
        warn(at.member("tiers"), message.to_owned(), help);
    }
}

/// The most units that may come at once.
fn largest(limit: &RateLimit) -> u32 {
    let of_tiers = limit.tiers.iter().map(|(_, tier)| tier.burst.unwrap_or(tier.limit));
    of_tiers.fold(limit.burst.unwrap_or(limit.limit), u32::max)
}

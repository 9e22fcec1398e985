//! Rate limits and caches as data, with the names of the configuration.

use std::time::Duration;

use gateway_core::config::FailMode;
use gateway_core::policy::allowance::Allowance;
use gateway_core::policy::cache::Cache;
use gateway_core::policy::cost::{Cost, Source};
use gateway_core::policy::counter_key::KeySource;
use gateway_core::policy::rate_limit::RateLimit;
use serde_json::{Map, Value, json};

/// A rate limit of a route whose path has these `parameters`.
pub(super) fn rate_limit(limit: &RateLimit, parameters: &[&str]) -> Value {
    let mut members = terms(&limit.allowance);
    let tiers = limit.tiers.iter().map(|(tier, allowance)| {
        let mut members = terms(allowance);
        members.insert("tier".to_owned(), json!(tier));
        Value::Object(members)
    });
    let more = [
        ("kind", json!("rateLimit")),
        ("name", json!(&*limit.name)),
        ("timeZone", json!(limit.time_zone)),
        ("key", key(&limit.key, parameters)),
        ("cost", cost(&limit.cost)),
        ("throttleSeconds", json!(limit.throttle.map(|throttle| throttle.as_secs_f64()))),
        ("tiers", tiers.collect()),
        ("shadow", json!(limit.shadow)),
        ("legacyHeaders", json!(limit.legacy)),
        ("fail", json!(fail(limit.fail))),
        (
            "lease",
            json!(limit.lease.map(|lease| json!({"units": lease.units, "holdSeconds": lease.hold.as_secs_f64()}))),
        ),
        ("store", json!(limit.store.name())),
        ("bound", json!(limit.bound())),
    ];
    members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(members)
}

/// The requests that a limit admits, of all or of one tier.
fn terms(allowance: &Allowance) -> Map<String, Value> {
    let members = [
        ("limit", json!(allowance.quota.limit)),
        ("windowSeconds", json!(allowance.quota.window.as_secs_f64())),
        ("period", json!(allowance.counting.period())),
        ("burst", json!(allowance.quota.burst)),
        ("algorithm", json!(allowance.counting.algorithm())),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The key of a counter, as a configuration has it.
pub(super) fn key(key: &KeySource, parameters: &[&str]) -> Value {
    match key {
        KeySource::Address(32, 64) => json!("clientAddress"),
        KeySource::Address(ipv4, ipv6) => json!({"address": {"ipv4": ipv4, "ipv6": ipv6}}),
        KeySource::Header(name) => json!({"header": name.as_str()}),
        KeySource::Cookie(name) => json!({"cookie": name}),
        KeySource::Query(name) => json!({"query": name}),
        KeySource::Parameter(index) => json!({"param": parameters.get(*index)}),
        KeySource::Consumer => json!("consumer"),
        KeySource::Credential => json!("credential"),
        KeySource::Claim(name) => json!({"claim": name}),
        KeySource::Route => json!("route"),
        KeySource::Expression(expression) => json!({"expression": expression.as_str()}),
        KeySource::All(keys) => json!({"all": keys.iter().map(|one| self::key(one, parameters)).collect::<Vec<_>>()}),
        KeySource::Everyone => json!("everyone"),
    }
}

/// The decision while a counter can't be reached, as a configuration has it.
pub(super) const fn fail(mode: FailMode) -> &'static str {
    match mode {
        FailMode::Closed => "closed",
        FailMode::Open => "open",
    }
}

/// A cost, as a configuration has it.
fn cost(cost: &Cost) -> Value {
    let (place, name) = match cost.source() {
        Source::Fixed => return json!(cost.usual()),
        Source::Header(name) => ("header", name.as_str()),
        Source::Query(name) => ("query", &**name),
        Source::Expression(expression) => ("expression", expression.as_str()),
        Source::Response(name) => ("responseHeader", name.as_str()),
        Source::Content(pointer) => ("responseJson", pointer.as_str()),
    };
    json!({place: name, "default": cost.usual(), "max": cost.max()})
}

/// A cache.
pub(super) fn cached(cache: &Cache) -> Value {
    let rules = &cache.rules;
    let seconds = |time: Option<Duration>| time.as_ref().map(Duration::as_secs_f64);
    let statuses: Map<String, Value> =
        rules.status_ttls.iter().map(|(statuses, ttl)| (statuses.to_string(), json!(ttl.as_secs_f64()))).collect();
    json!({
        "kind": "cache",
        "ttlSeconds": seconds(rules.forced_ttl),
        "defaultTtlSeconds": seconds(rules.default_ttl),
        "maxTtlSeconds": seconds(rules.max_ttl),
        "staleWhileRevalidateSeconds": seconds(rules.stale_while_revalidate),
        "staleIfErrorSeconds": seconds(rules.stale_if_error),
        "statuses": statuses,
        "methods": cache.methods(),
        "key": cache_key(cache),
        "bypass": cache.bypass.as_ref().map(|when| when.as_str()),
        "maxBytes": rules.most_bytes,
        "collapseSeconds": cache.wait.as_secs_f64(),
        "targets": rules.targeted.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        "setCookies": rules.cookies,
        "byCaller": cache.is_by_caller(),
    })
}

/// The parts of requests that tell stored responses apart, beside the method and the URL.
pub(super) fn cache_key(cache: &Cache) -> Value {
    let key = cache.key_parts();
    json!({
        "query": key.query,
        "ignoreQuery": key.ignored,
        "headers": key.headers,
        "cookies": key.cookies,
        "ignoreCookies": key.ignores_cookies,
        "claims": key.claims,
        "caller": key.caller,
    })
}

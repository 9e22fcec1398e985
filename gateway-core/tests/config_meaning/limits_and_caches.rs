//! What is warned of in rate limits and caches: parts that have no effect.

use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;

use super::{NOW, said, words};

/// The warnings about a route to an upstream with these `policies`, that speak of its policies or itself.
fn about(policies: &str) -> Vec<(String, String)> {
    of(&format!(r#""upstream": "u", "policies": [{policies}]"#))
}

fn of(route: &str) -> Vec<(String, String)> {
    let text = format!(
        r#"{{"issuers": {{"corp": {{"keys": [{{"jwk": {{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}}}]}}}},
        "consumers": {{"acme": {{"tier": "gold"}}}}, "upstreams": {{"u": {{"url": "http://u.test"}}}},
        "policies": {{"cached": {{"cache": {{}}}}, "in": {{"authenticate": {{"jwt": {{"audiences": ["a"]}}}}}}}},
        "routes": [{{"name": "r", "match": {{"path": "/r"}}, {route}}}]}}"#
    );
    assert_eq!(said(&text), []);
    let found = plan::warnings(&text, NOW);
    let here = words(&found).into_iter().filter(|(path, _)| path.starts_with("routes"));
    here.map(|(path, message)| (path.to_owned(), message.to_owned())).collect()
}

/// The places of the warnings.
fn places(policies: &str) -> Vec<String> {
    about(policies).into_iter().map(|(path, _)| path).collect()
}

/// docs/configuration.md, Rate limits: what a limit says and what has an effect.
#[test]
fn warns_of_parts_of_a_limit_that_have_no_effect() {
    let limit = |members: &str| places(&format!(r#"{{"rateLimit": {{"limit": 10, "window": "1m"{members}}}}}"#));
    assert_eq!(limit(r#", "cost": {"header": "x-cost", "max": 11}"#), ["routes[0].policies[0].rateLimit.cost.max"]);
    assert_eq!(limit(r#", "cost": {"header": "x-cost", "max": 10}"#), [""; 0]);
    assert_eq!(limit(r#", "burst": 20, "cost": {"header": "x-cost", "max": 20}"#), [""; 0]);
    assert_eq!(
        limit(r#", "key": {"all": ["route", "clientAddress", "route"]}"#),
        ["routes[0].policies[0].rateLimit.key.all[2]"]
    );
    assert_eq!(limit(r#", "key": {"all": ["route", "clientAddress"]}"#), [""; 0]);
    assert_eq!(
        limit(r#", "shadow": true, "legacyHeaders": true, "fail": "open""#),
        ["routes[0].policies[0].rateLimit.legacyHeaders", "routes[0].policies[0].rateLimit.fail"]
    );
    assert_eq!(limit(r#", "legacyHeaders": true, "fail": "open""#), [""; 0]);
    let tiers = |key: &str| {
        places(&format!(
            r#""in", {{"rateLimit": {{"limit": 10, "window": "1m"{key}, "tiers": {{"gold": {{"limit": 99, "window": "1m"}}}}}}}}"#
        ))
    };
    assert_eq!(tiers(""), ["routes[0].policies[1].rateLimit.tiers"]);
    assert_eq!((tiers(r#", "key": "consumer""#), tiers(r#", "key": "clientAddress""#)), (Vec::new(), Vec::new()));
}

/// docs/configuration.md, Cache: what a cache says and what has an effect.
#[test]
fn warns_of_parts_of_a_cache_that_have_no_effect() {
    let cache = |members: &str| places(&format!(r#"{{"cache": {{{members}}}}}"#));
    assert_eq!(cache(r#""defaultTtl": "1h", "maxTtl": "1m""#), ["routes[0].policies[0].cache.defaultTtl"]);
    assert_eq!(cache(r#""defaultTtl": "1m", "maxTtl": "1m""#), [""; 0]);
    for constant in ["true", "false", "1 == 1"] {
        assert_eq!(cache(&format!(r#""bypass": "{constant}""#)), ["routes[0].policies[0].cache.bypass"]);
    }
    assert_eq!(cache(r#""bypass": "request.headers['x-preview'] == '1'""#), [""; 0]);
}

/// docs/configuration.md, Cache: responses of upstreams are stored, and those to callers apart or if they say so (RFC 9111 §3.5).
#[test]
fn warns_of_a_cache_that_stores_nothing() {
    let message = "nothing is stored: the gateway answers `r` itself, without an upstream";
    let found = of(r#""respond": {}, "policies": ["in", {"cache": {}}]"#);
    assert_eq!(found, [("routes[0].policies[1].cache".to_owned(), message.to_owned())]);
    let found = of(r#""redirect": {"location": "/a"}, "policies": ["cached"]"#);
    assert_eq!(found, [("routes[0].policies[0]".to_owned(), message.to_owned())]);
    assert_eq!(of(r#""respond": {}, "policies": [{"cache": {"enabled": false}}]"#), []);

    let posted = |methods: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/r", "methods": [{methods}]}},
            "upstream": "u", "policies": [{{"cache": {{}}}}]}}]}}"#
        );
        words(&plan::warnings(&text, NOW)).len()
    };
    assert_eq!([posted(r#""POST""#), posted(r#""POST", "HEAD""#), posted("")], [1, 0, 0]);

    let found = about(r#""in", {"cache": {"ttl": "1m"}}"#);
    assert_eq!(found[0].0, "routes[0].policies[1].cache");
    assert!(found[0].1.starts_with("of the answers of `r`, none is stored"), "{found:?}");
    for quiet in [
        r#""in", {"cache": {"key": {"caller": true}}}"#,
        r#""in", {"cache": {"key": {"caller": false}}}"#,
        r#""cached""#,
    ] {
        assert_eq!(about(quiet), [], "{quiet}");
    }
}

/// docs/platforms.md, The native server: one content takes a quarter of the memory at the most.
#[test]
fn warns_of_contents_that_the_memory_is_too_small_for() {
    let with = |server: &str, size: &str| {
        let text = format!(
            r#"{{{server} "upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/r"}},
            "upstream": "u", "policies": [{{"cache": {{"maxBytes": "{size}"}}}}]}}]}}"#
        );
        assert_eq!(said(&text), []);
        plan::native_warnings(&text).iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    let message =
        "no content above `15344KiB` is stored natively: it has a quarter of `server.cacheMemory`, less its head";
    assert_eq!(with("", "16MiB"), [message]);
    assert_eq!(with("", "15344KiB"), [""; 0]);
    assert_eq!(with(r#""server": {"cacheFile": {"path": "c"}},"#, "64MiB"), [""; 0]);
    assert_eq!(with(r#""server": {"cacheMemory": "1GiB"},"#, "64MiB"), [""; 0]);
    assert_eq!(with(r#""responses": {"redis": "redis://r.test"},"#, "64MiB"), [""; 0]);
}

/// A source of which nothing is known but the names.
struct Unknown;

impl Secrets for Unknown {
    fn secret(&self, _: &str) -> Option<String> {
        Some("redis://secret-not-set-here".to_owned())
    }

    fn is_made_up(&self, _: &str) -> bool {
        true
    }
}

/// docs/command-line.md, check: secrets are not needed.
#[test]
fn a_redis_that_is_not_known_may_have_authorities() {
    let text = |redis: &str| {
        format!(
            r#"{{"counters": {{"redis": {redis}, "authorities": "ca.pem"}}, "routes": [{{"name": "r", "match": {{"path": "/r"}}, "respond": {{}}}}]}}"#
        )
    };
    let refused = |redis: &str| plan::load(&text(redis), &Capabilities::NATIVE, &Unknown).err().map(|said| said.len());
    assert_eq!((refused(r#"{"secret": "REDIS"}"#), refused(r#""redis://r.test""#)), (None, Some(1)));
}

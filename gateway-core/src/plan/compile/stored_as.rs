//! The names under which routes store what their upstreams answer.

use core::hash::Hasher as _;

use super::Compiler;
use crate::config;
use crate::fingerprint::Fingerprint;
use crate::http::digits::write_hex;
use crate::plan::Proxy;

impl Compiler<'_> {
    /// The part of stored responses of the route called `name`, for a `fingerprint` of its policies: once it asks others, or for something else, it
    /// finds nothing of what was answered before.
    #[inline(never)]
    pub(super) fn stored_as(&self, name: &str, fingerprint: Fingerprint, proxy: &Proxy) -> Box<str> {
        let mut fingerprint = fingerprint.with(&(name, &proxy.path));
        for target in proxy.targets.iter().chain(proxy.spares()) {
            if let Some((_, config::Upstream { url, urls, targets, cloudflare, spin, responses, .. })) =
                self.config.upstreams.0.get(target.upstream)
            {
                fingerprint = fingerprint.with(&(url, urls, cloudflare, spin, responses));
                // Weights may change, too.
                targets.iter().for_each(|target| {
                    fingerprint = fingerprint.with(&(&target.url, &target.host, &target.headers));
                });
            }
            // A share may change from day to day, and what was answered is no worse for it.
            let is_asked = target.weight > 0 || target.is_steered;
            fingerprint = fingerprint.with(&(&target.host, &target.edits, is_asked));
        }
        let mut digits = [0; 16];
        write_hex(fingerprint.finish(), &mut digits);
        // Each hit has it copied and hashed, so that it is short: no two routes have the same 12 digits.
        digits.get(..12).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::capabilities::Capabilities;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;

    fn configuration() -> Value {
        json!({
            "upstreams": {
                "a": { "url": "http://a:1" },
                "b": { "url": "http://b:1" }
            },
            "policies": {
                "edits": { "request": { "headers": { "set": { "x-tenant": "1" } }, "query": { "remove": ["debug"] } } },
                "cached": { "cache": { "ttl": "1m", "collapse": "1s", "key": { "ignoreQuery": ["utm_*"] } } }
            },
            "routes": [{
                "name": "r",
                "match": { "prefix": "/r" },
                "split": [
                    { "upstream": "a", "weight": 9 },
                    { "upstream": "b", "weight": 1, "policies": [{ "response": { "headers": { "remove": ["x-b"] } } }] }
                ],
                "rewrite": { "prefix": "/x" },
                "policies": ["edits", "cached", { "response": { "headers": { "remove": ["server"] } } }]
            }]
        })
    }

    fn stored_as(configuration: &Value) -> String {
        let plan = load(&configuration.to_string(), &Capabilities::NATIVE, &NoSecrets).unwrap();
        plan.routes[0].stored_as.to_string()
    }

    fn changed(place: &str, value: &Value) -> String {
        let mut configuration = configuration();
        match configuration.pointer_mut(place) {
            Some(known) => *known = value.clone(),
            None => {
                let (within, member) = place.rsplit_once('/').unwrap();
                configuration.pointer_mut(within).unwrap()[member] = value.clone();
            }
        }
        stored_as(&configuration)
    }

    /// docs/configuration.md, Cache: what is stored is not found once a route asks others, or for something else, or has other rules.
    #[test]
    fn a_route_that_asks_otherwise_has_another_store() {
        let known = stored_as(&configuration());
        assert_eq!(known.len(), 12);
        let mut all = vec![known.clone()];
        for (place, value) in [
            ("/routes/0/name", json!("s")),
            ("/upstreams/a/url", json!("http://a:2")),
            ("/upstreams/b/url", json!("http://b:1/v2")),
            ("/upstreams/a/host", json!("preserve")),
            ("/upstreams/a/responses", json!({ "location": false })),
            ("/routes/0/rewrite/prefix", json!("/y")),
            ("/routes/0/rewrite/host", json!("h")),
            ("/routes/0/split/1/weight", json!(0)),
            ("/routes/0/split/1/policies", json!([])),
            ("/policies/edits/request/headers/set", json!({ "x-tenant": "2" })),
            ("/policies/edits/request/query/remove", json!(["trace"])),
            ("/policies/cached/cache/ttl", json!("2m")),
            ("/policies/cached/cache/statuses", json!({ "404": "1s" })),
            ("/policies/cached/cache/key", json!({ "ignoreQuery": ["utm_*", "ref"] })),
            ("/policies/cached/cache/methods", json!(["GET"])),
            ("/policies/cached/cache/bypass", json!("request.method == 'HEAD'")),
            ("/policies/cached/cache/targets", json!([])),
            ("/policies/cached/cache/setCookies", json!(true)),
            ("/policies/cached/cache/ignoreCookies", json!(true)),
        ] {
            let other = changed(place, &value);
            assert!(!all.contains(&other), "{place}");
            all.push(other);
        }
    }

    /// A change that makes no other answers loses none.
    #[test]
    fn other_changes_keep_what_is_stored() {
        let known = stored_as(&configuration());
        for (place, value) in [
            ("/name", json!("other")),
            ("/upstreams/a/timeouts", json!({ "connect": "3s" })),
            ("/upstreams/c", json!({ "url": "http://c" })),
            ("/routes/0/split/1/weight", json!(5)),
            ("/routes/0/policies/2", json!({ "response": { "headers": { "remove": ["via"] } } })),
            ("/routes/0/accessLog", json!(false)),
            ("/policies/edits/rateLimit", json!({ "limit": 5, "window": "1s" })),
            ("/policies/cached/cache/collapse", json!("2s")),
            ("/policies/cached/cache/maxBytes", json!("2MiB")),
            ("/policies/cached/cache/staleIfError", json!("1h")),
            ("/policies/cached/cache/staleWhileRevalidate", json!("1h")),
        ] {
            assert_eq!(changed(place, &value), known, "{place}");
        }
    }

    /// Gateways with one configuration share what they store, whatever they run on.
    #[test]
    fn the_name_is_the_same_everywhere() {
        assert_eq!(stored_as(&configuration()), "b50409453b06");
    }
}

//! The rules for members that stand together.

use serde_json::{Value, json};

/// The actions of a route.
const ACTIONS: [&str; 7] = ["upstream", "split", "redirect", "respond", "keyValue", "aggregate", "batch"];
/// The actions that call no upstream.
const ANSWERS: [&str; 5] = ["redirect", "respond", "keyValue", "aggregate", "batch"];

/// Adds the rules for the members of the definition called `name` to its `schema`.
pub(super) fn add(name: &str, schema: &mut Value) {
    let rules = match name {
        // A file that another includes may have any of these alone, and a file that includes others may leave all to them.
        "" => vec![any(&["routes", "apis", "include", "upstreams", "policies", "consumers"])],
        "Admin" => vec![any(&["token"])],
        "Api" => vec![
            // A document of OpenAPI may answer in place of upstreams.
            json!({ "if": { "not": any(&["upstream", "openapi"]) }, "then": { "properties": { "routes": { "items": any(&ACTIONS) } } } }),
        ],
        "Route" => {
            let mut choices: Vec<Value> = ACTIONS.iter().map(|action| present(action)).collect();
            choices.push(none(&ACTIONS));
            let for_upstreams = ["rewrite", "webSocket", "fallback", "mirror"]
                .iter()
                .map(|member| if_then(present(member), none(&ANSWERS)));
            let two = json!({ "required": ["split"], "properties": { "split": { "minItems": 2, "maxItems": 2 } } });
            let rollout = if_then(present("rollout"), two);
            [json!({ "oneOf": choices }), rollout].into_iter().chain(for_upstreams).collect()
        }
        "Fallback" => {
            let kinds = ["upstream", "stale", "respond"];
            let of_upstreams = ["methods", "maxBytes"].map(|member| if_then(present(member), present("upstream")));
            [json!({ "oneOf": kinds.map(present) })].into_iter().chain(of_upstreams).collect()
        }
        "Hedge" => vec![json!({ "oneOf": [present("after"), present("percentile")] })],
        "Fault" => {
            let by_header = json!({ "required": ["byHeader"], "properties": { "byHeader": { "const": true } } });
            let stated = ["delay", "status", "grpcStatus"];
            let most = json!({ "anyOf": [present("delay"), by_header] });
            vec![
                json!({ "anyOf": [any(&stated), by_header] }),
                if_then(by_header.clone(), none(&stated)),
                if_then(present("mostDelay"), most),
            ]
        }
        "Match" | "Rewrite" => vec![not_both("path", "prefix")],
        "Respond" => vec![not_both("body", "json")],
        "Upstream" => {
            let is_there = |member: &&str| schema["properties"].get(*member).is_some();
            let places: Vec<&str> =
                ["url", "urls", "targets", "discover", "cloudflare", "spin"].into_iter().filter(is_there).collect();
            vec![not_both("url", "urls"), not_both("url", "targets"), not_both("urls", "targets"), any(&places)]
        }
        "Discover" => {
            let sources = ["dns", "consul", "kubernetes", "eureka", "list", "registry"];
            vec![json!({ "oneOf": sources.map(present) })]
        }
        "DnsSource" => vec![not_both("server", "upstream"), if_then(present("path"), present("upstream"))],
        "Issuer" => {
            let discovers = json!({ "required": ["discovery"], "properties": { "discovery": { "const": true } } });
            let of_keys = ["keys", "jwks", "origins", "upstream", "algorithms", "types", "revocation"];
            let asked = json!({ "allOf": [present("introspection"), none(&of_keys), { "not": discovers }] });
            vec![
                json!({ "oneOf": [present("keys"), present("jwks"), discovers, asked] }),
                if_then(present("keys"), none(&["origins", "upstream"])),
                if_then(present("jwks"), none(&["origins"])),
                json!({ "anyOf": [present("keys"), present("issuer"), present("introspection")] }),
            ]
        }
        "Countries" | "Asns" => vec![any(&["allow", "deny"])],
        "Clients" => vec![any(&["allow", "deny", "countries", "asns"])],
        "Authorize" | "Condition" => {
            vec![json!({ "anyOf": [any(&["consumers", "groups", "tiers", "scopes", "when"]), has_members("claims")] })]
        }
        "Proof" => {
            let members = schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
            let each: Vec<Value> =
                members.filter(|member| *member != "anonymous").map(|proof| present(proof)).collect();
            vec![json!({ "oneOf": each })]
        }
        "Credential" => {
            let kinds = schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
            let each: Vec<Value> = kinds.map(|kind| present(kind)).collect();
            vec![json!({ "oneOf": each })]
        }
        "Cache" => {
            let with_get = json!({ "contains": { "enum": ["GET"] } });
            let methods = json!({ "properties": { "methods": with_get } });
            vec![if_then(present("ttl"), none(&["defaultTtl", "maxTtl"])), if_then(present("methods"), methods)]
        }
        "BodyEdits" | "ResponseBodyEdits" => vec![any(&["json", "text", "to"])],
        "CacheKey" => vec![not_both("query", "ignoreQuery")],
        "Validate" => vec![any(&["contentTypes", "json"])],
        "UpstreamCredentials" => {
            let members = ["bearer", "basic", "header", "clientCredentials", "sigv4", "signature"];
            vec![json!({ "oneOf": members.map(present) })]
        }
        "KeyCredential" => vec![json!({ "oneOf": [present("sha256"), present("hmac")] })],
        "Maintenance" => vec![any(&["from", "until", "flag"]), if_then(present("fail"), present("flag"))],
        "Redirect" if schema["properties"].get("prefix").is_some() => {
            vec![not_both("location", "prefix"), any(&["location", "prefix"])]
        }
        "StatedCost" => {
            let places = ["header", "query", "expression", "responseHeader", "responseJson"];
            vec![json!({ "oneOf": places.map(present) })]
        }
        "RateLimit" => {
            let is =
                |member: &str, of: Value| json!({ "required": [member], "properties": { member: { "enum": of } } });
            let calendar = is("window", json!(["hour", "day", "week", "month"]));
            let windows = is("algorithm", json!(["slidingWindow", "fixedWindow"]));
            let fixed = json!({ "properties": { "algorithm": { "enum": ["fixedWindow", null] } } });
            let has_variable = json!({ "properties": { "window": { "pattern": super::rules::VARIABLE } } });
            vec![
                if_then(windows, none(&["burst", "throttle"])),
                if_then(calendar.clone(), json!({ "allOf": [fixed, none(&["burst", "throttle"])] })),
                if_then(present("binding"), none(&["burst", "cost", "throttle", "lease"])),
                if_then(present("binding"), json!({ "properties": { "tiers": { "maxProperties": 0 } } })),
                if_then(present("lease"), none(&["throttle"])),
                if_then(
                    present("lease"),
                    json!({ "properties": { "cost": { "not": { "type": "object", "anyOf": [present("responseHeader"), present("responseJson")] } } } }),
                ),
                if_then(present("timeZone"), json!({ "anyOf": [calendar, has_variable, has_members("tiers")] })),
            ]
        }
        _ => return,
    };
    if name.is_empty()
        && let Some(items) = schema.pointer_mut("/properties/routes/items").and_then(Value::as_object_mut)
        && let Value::Object(action) = any(&ACTIONS)
    {
        items.extend(action);
    }
    if let Value::Object(members) = schema {
        members.insert("allOf".to_owned(), rules.into());
    }
}

/// The schema of objects that have `member`. Neither `null` nor an empty list counts.
fn present(member: &str) -> Value {
    let value = json!({ "not": { "enum": [null, []] } });
    json!({ "required": [member], "properties": { member: value } })
}

/// The schema of objects in which the object `member` has members itself.
fn has_members(member: &str) -> Value {
    json!({ "required": [member], "properties": { member: { "minProperties": 1 } } })
}

/// The schema of objects that have one of `members`.
fn any(members: &[&str]) -> Value {
    let choices: Vec<Value> = members.iter().map(|member| present(member)).collect();
    json!({ "anyOf": choices })
}

/// The schema of objects that have none of `members`.
fn none(members: &[&str]) -> Value {
    json!({ "not": any(members) })
}

fn not_both(one: &str, other: &str) -> Value {
    json!({ "not": { "allOf": [present(one), present(other)] } })
}

fn if_then(condition: Value, consequence: Value) -> Value {
    json!({ "if": condition, "then": consequence })
}

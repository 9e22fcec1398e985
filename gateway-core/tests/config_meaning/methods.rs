//! Warnings about what is for methods that a route never takes, and about idempotency keys that strangers share.

use gateway_core::plan;

use super::{NOW, said};

/// Place and message of the warnings about a configuration with this route and `network`, which is served.
fn warned(network: &str, route: &str) -> Vec<(String, String)> {
    let text = format!(
        r#"{{"network": {network}, "upstreams": {{"u": {{"url": "http://u.test"}}}},
        "policies": {{"once": {{"idempotency": {{}}}}, "posts": {{"request": {{"method": {{"PUT": "POST"}}}}}}}},
        "issuers": {{"i": {{"issuer": "https://i.test", "jwks": "https://i.test/keys"}}}}, "consumers": {{"guest": {{}}}},
        "routes": [{{"name": "used", "match": {{"path": "/used"}}, "upstream": "u", "policies": ["once", "posts"]}}, {route}]}}"#
    );
    assert_eq!(said(&text), [], "{text}");
    plan::warnings(&text, NOW).into_iter().map(|warning| (warning.path, warning.message)).collect()
}

fn route(matches: &str, policies: &str) -> String {
    format!(r#"{{"name": "r", "match": {matches}, "upstream": "u", "policies": [{policies}]}}"#)
}

fn one(at: &str, message: &str) -> Vec<(String, String)> {
    vec![(format!("routes[1].{at}"), message.to_owned())]
}

/// docs/configuration.md: `check` warns of what has no effect.
#[test]
fn warns_of_keys_and_tags_of_methods_that_a_route_never_takes() {
    let reads = r#"{"path": "/r", "methods": ["GET", "DELETE"]}"#;
    let none = "no request has a key: `r` takes none of POST, PATCH";
    assert_eq!(warned("{}", &route(reads, r#"{"idempotency": {}}"#)), one("policies[0].idempotency", none));
    assert_eq!(warned("{}", &route(reads, r#""once""#)), one("policies[0]", none));
    for fine in [r#"{"idempotency": {"methods": ["DELETE"]}}"#, r#"{"idempotency": {"enabled": false}}"#] {
        assert_eq!(warned("{}", &route(reads, fine)), [], "{fine}");
    }
    let writes = r#"[{"path": "/r", "methods": ["POST"]}, {"path": "/s", "methods": ["PUT"]}]"#;
    assert_eq!(warned("{}", &route(writes, r#""once""#)), []);
    let untagged = "no response gets a tag: `r` takes neither GET nor HEAD";
    assert_eq!(warned("{}", &route(writes, r#"{"etag": {}}"#)), one("policies[0].etag", untagged));
    for matches in [r#"{"path": "/r"}"#, r#"{"path": "/r", "methods": ["HEAD"]}"#, reads] {
        assert_eq!(warned("{}", &route(matches, r#"{"etag": {}}"#)), [], "{matches}");
    }
    // A batch takes POST, and a value in the store GET, where nothing else is said.
    let batch = r#"{"name": "r", "match": {"path": "/r"}, "batch": {}, "policies": ["once", {"etag": {}}]}"#;
    assert_eq!(warned("{}", batch), one("policies[1].etag", untagged));
    let value = r#"{"name": "r", "match": {"path": "/r"}, "keyValue": {"key": "a"}, "policies": ["once"]}"#;
    assert_eq!(warned("{}", value), one("policies[0]", none));
}

#[test]
fn warns_of_methods_that_become_others_and_never_come() {
    let reads = r#"{"path": "/r", "methods": ["GET", "PATCH"]}"#;
    let mapped = |list: &str| route(reads, &format!(r#"{{"request": {{"method": {list}}}}}"#));
    assert_eq!(
        warned("{}", &mapped(r#"{"PATCH": "POST", "PUT": "POST", "*": "GET"}"#)),
        one("policies[0].request.method.PUT", "`r` never takes PUT")
    );
    // One that is named may be for other routes, and GET takes HEAD along.
    assert_eq!(warned("{}", &route(reads, r#""posts""#)), []);
    assert_eq!(warned("{}", &mapped(r#"{"HEAD": "GET"}"#)), []);
    let split = format!(
        r#"{{"name": "r", "match": {reads}, "split": [{{"upstream": "u", "weight": 1, "policies": [{{"request": {{"method": {{"PUT": "POST"}}}}}}]}}]}}"#
    );
    assert_eq!(warned("{}", &split), one("split[0].policies[0].request.method.PUT", "`r` never takes PUT"));
}

/// docs/configuration.md, Another method by a field.
#[test]
fn warns_of_conditions_on_fields_that_are_removed_before() {
    let matches = r#"[{"path": "/s"}, {"path": "/r", "headers": {"X-HTTP-Method-Override": "PUT"}}]"#;
    let gone = "no request has `X-HTTP-Method-Override` here: it is removed before a route is looked for";
    let at = "match[1].headers.X-HTTP-Method-Override";
    for network in ["{}", r#"{"methodOverride": {"methods": ["PUT"]}}"#] {
        assert_eq!(warned(network, &route(matches, "")), one(at, gone), "{network}");
    }
    assert_eq!(warned(r#"{"methodOverride": {"pass": true}}"#, &route(matches, "")), []);
}

/// docs/configuration.md, Idempotency keys: `scope`.
#[test]
fn warns_of_keys_that_strangers_have_in_common() {
    let scoped = |matches: &str, more: &str| {
        route(matches, &format!(r#"{{"idempotency": {{"scope": {{"header": "x-tenant"}}}}}}{more}"#))
    };
    let any = r#"{"path": "/r"}"#;
    let shared = "callers without the header `x-tenant` have their keys in common: nobody proves who calls `r`, and one gets the answer to another's request";
    assert_eq!(warned("{}", &scoped(any, "")), one("policies[0].idempotency.scope", shared));
    // Who is known is told from others in any case.
    for (anonymous, are_shared) in [(r#", "anonymous": "guest""#, true), ("", false)] {
        let asking = format!(r#", {{"authenticate": {{"jwt": {{"audiences": ["a"]}}{anonymous}}}}}"#);
        let found = warned("{}", &scoped(any, &asking));
        assert_eq!(found.iter().any(|(_, message)| message == shared), are_shared, "{found:?}");
    }
    for matches in [
        r#"{"path": "/r", "headers": {"X-Tenant": {"present": true}}}"#,
        r#"[{"path": "/r", "headers": {"x-tenant": "a"}}, {"path": "/s", "headers": {"x-tenant": {"prefix": "b"}}}]"#,
    ] {
        assert_eq!(warned("{}", &scoped(matches, "")), [], "{matches}");
    }
    let absent = r#"{"path": "/r", "headers": {"x-tenant": {"present": false}}}"#;
    assert_eq!(warned("{}", &scoped(absent, "")).len(), 1);
    let alone = route(any, r#"{"idempotency": {}}, {"etag": {}}"#);
    assert_eq!(warned("{}", &alone), []);
}

//! Warnings about what surprises: a listener that all can reach, an upstream that is the gateway, a route that takes too much.

use gateway_core::config::Diagnostic;
use gateway_core::plan;

use super::{NOW, said, words};

fn warned(text: &str) -> Vec<Diagnostic> {
    assert_eq!(said(text), [], "{text}");
    plan::warnings(text, NOW)
}

/// docs/configuration.md, Admin: the listener asks for no token.
#[test]
fn warns_of_admin_endpoints_that_anybody_reaches() {
    let with = |admin: &str| {
        warned(&format!(
            r#"{{"server": {{"admin": "{admin}"}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
        ))
    };
    for (admin, whom) in [
        ("0.0.0.0:9901", "every network of the machine"),
        ("[::]:9901", "every network of the machine"),
        ("203.0.113.7:9901", "the Internet"),
        ("[2001:db8::1]:9901", "the Internet"),
        ("[::ffff:203.0.113.7]:9901", "the Internet"),
    ] {
        let message = format!("`{admin}` opens the admin endpoints to {whom}, without a token");
        assert_eq!(words(&with(admin)), [("server.admin", &*message)]);
    }
    // This machine, RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291; and a name, which may be any of them.
    for admin in [
        "9901",
        "127.0.0.1:9901",
        "[::1]:9901",
        "10.0.0.5:9901",
        "192.168.1.1:9901",
        "172.31.0.1:9901",
        "100.64.0.1:9901",
        "169.254.1.1:9901",
        "[fd00::1]:9901",
        "[fe80::1]:9901",
        "admin.internal:9901",
        "localhost:9901",
    ] {
        assert_eq!(with(admin), [], "{admin}");
    }
}

/// docs/configuration.md, Upstreams: one that is the gateway's own listener gets its requests back.
#[test]
fn warns_of_an_upstream_that_is_the_gateways_own_listener() {
    let with = |listen: &str, url: &str| {
        let text = format!(
            r#"{{"server": {{{listen}}}, "upstreams": {{"u": {{"url": "{url}"}}, "v": {{"urls": ["http://v.test", "{url}"]}}}},
            "routes": [{{"name": "a", "match": {{"path": "/a"}}, "upstream": "u"}}, {{"name": "b", "match": {{"path": "/b"}}, "upstream": "v"}}]}}"#
        );
        assert_eq!(warned(&text), [], "it tells nothing of other platforms");
        let found = plan::native_warnings(&text);
        let message = "the gateway itself listens there: requests come back to it until 508 ends it";
        match &*words(&found) {
            [] => false,
            both => {
                assert_eq!(both, [("upstreams.u.url", message), ("upstreams.v.urls[1]", message)]);
                true
            }
        }
    };
    for (listen, url) in [
        ("", "http://localhost:8080"),
        ("", "http://127.0.0.1:8080/v1"),
        (r#""listen": "0.0.0.0:9000""#, "http://127.0.0.1:9000"),
        (r#""listen": "0.0.0.0:9000""#, "http://127.0.0.2:9000"),
        (r#""listen": "0.0.0.0:9000""#, "http://0.0.0.0:9000"),
        (r#""listen": "[::]:9000""#, "http://[::1]:9000"),
        (r#""listen": "[::]:9000""#, "http://localhost:9000"),
        (r#""listen": "localhost:9000""#, "http://127.0.0.1:9000"),
        (r#""listen": "gateway.internal:9000""#, "http://Gateway.internal:9000"),
        (r#""listen": ["127.0.0.1:1", {"address": "127.0.0.1:80"}]"#, "http://localhost"),
        (r#""listen": "127.0.0.1:443""#, "https://localhost"),
    ] {
        assert!(with(listen, url), "{listen} {url}");
    }
    for (listen, url) in [
        ("", "http://localhost:8081"),
        ("", "http://127.0.0.2:8080"),
        ("", "http://[::1]:8080"),
        ("", "http://users.internal:8080"),
        ("", "http://10.0.0.5:8080"),
        (r#""listen": "127.0.0.1:9000""#, "http://localhost:8080"),
        (r#""listen": "127.0.0.1:0""#, "http://localhost:8080"),
        (r#""listen": "unix:/run/edgeway.sock""#, "http://localhost:8080"),
        (r#""listen": "0.0.0.0:9000""#, "http://users.internal:9000"),
    ] {
        assert!(!with(listen, url), "{listen} {url}");
    }
    // A listener that a variable states is not known.
    let text = r#"{"server": {"listen": "${L}"}, "upstreams": {"u": {"url": "http://localhost:8080"}}, "routes": [{"name": "r", "upstream": "u"}]}"#;
    assert_eq!(plan::native_warnings(text), []);
    assert_eq!(plan::native_warnings(&text.replace("${L}", "127.0.0.1:8080")).len(), 1);
}

/// docs/configuration.md, Responses that gateways share: they are in Redis in place of the platform's own store, the file included.
#[test]
fn warns_of_a_file_of_responses_that_are_elsewhere() {
    let with = |members: &str| {
        let text = format!(r#"{{{members}, "routes": [{{"name": "r", "match": {{"path": "/r"}}, "respond": {{}}}}]}}"#);
        assert_eq!(warned(&text), []);
        plan::native_warnings(&text).iter().map(|warning| warning.path.to_string()).collect::<Vec<_>>()
    };
    let (file, redis) = (r#""server": {"cacheFile": {"path": "c"}}"#, r#""responses": {"redis": "redis://r.test"}"#);
    assert_eq!(with(&format!("{file}, {redis}")), ["server.cacheFile"]);
    assert_eq!((with(file), with(redis)), (Vec::new(), Vec::new()));
}

/// docs/configuration.md, Routes: without a `match` a route takes all.
#[test]
fn warns_of_a_route_without_a_match_that_answers_for_the_rest() {
    let message = "the route has no `match`, and answers every request that no other takes";
    let with = |route: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "a", "match": {{"path": "/a"}}, "upstream": "u"}}, {{"name": "r", {route}}}]}}"#
        );
        let found = warned(&text);
        assert!(found.iter().all(|warning| warning.path == "routes[1]" && warning.message == message), "{found:?}");
        found.len()
    };
    for route in [
        r#""respond": {}"#,
        r#""respond": {"status": 204}"#,
        r#""match": {}, "redirect": {"location": "/a"}"#,
        r#""keyValue": {"key": "k"}"#,
    ] {
        assert_eq!(with(route), 1, "{route}");
    }
    for route in [
        r#""upstream": "u""#,
        r#""respond": {"status": 404}"#,
        r#""match": {"prefix": "/"}, "respond": {}"#,
        r#""match": {"methods": ["GET"]}, "respond": {}"#,
    ] {
        assert_eq!(with(route), 0, "{route}");
    }
    assert_eq!(warned(r#"{"routes": [{"name": "r", "respond": {}}]}"#), [], "it stands alone");
    let api = r#"{"apis": [{"name": "a", "prefix": "/a", "routes": [{"name": "r", "respond": {}}OTHER]}]}"#;
    assert_eq!(warned(&api.replace("OTHER", "")), [], "it stands alone in its API");
    let two = api.replace("OTHER", r#", {"name": "s", "match": {"path": "/s"}, "respond": {}}"#);
    assert_eq!(words(&warned(&two)), [("apis[0].routes[0]", message)]);
}

/// docs/configuration.md, APIs: the prefix goes before the path of each route.
#[test]
fn warns_of_a_path_that_repeats_the_prefix_of_its_api() {
    let with = |prefix: &str, matches: &str| {
        warned(&format!(
            r#"{{"apis": [{{"name": "a", "prefix": "{prefix}", "routes": [{{"name": "r", "match": {matches}, "respond": {{}}}}]}}]}}"#
        ))
    };
    for (matches, at, message, help) in [
        (
            r#"{"path": "/v1/users"}"#,
            "match.path",
            "`/v1/users` repeats the API's prefix, and so takes `/v1/v1/users`",
            "write `/users`: ",
        ),
        (r#"{"path": "/v1"}"#, "match.path", "`/v1` repeats the API's prefix, and so takes `/v1/v1`", "write `/`: "),
        (
            r#"[{"path": "/a"}, {"prefix": "/v1/b"}]"#,
            "match[1].prefix",
            "`/v1/b` repeats the API's prefix, and so takes `/v1/v1/b`",
            "write `/b`: ",
        ),
        (
            r#"{"prefix": "/v1"}"#,
            "match.prefix",
            "`/v1` repeats the API's prefix, and so takes `/v1/v1`",
            "leave it out: ",
        ),
        (
            r#"{"path": {"regex": "^/v1/[a-z]+"}}"#,
            "match.path.regex",
            "`^/v1/[a-z]+` repeats the API's prefix, and so takes `/v1/v1/[a-z]+`",
            "write `/[a-z]+`: ",
        ),
    ] {
        let found = with("/v1/", matches);
        assert_eq!(words(&found), [(&*format!("apis[0].routes[0].{at}"), message)], "{matches}");
        assert!(found[0].help.as_ref().unwrap().starts_with(help), "{:?}", found[0].help);
        assert_eq!(found[0].other.as_ref().unwrap().path, "apis[0].prefix");
    }
    for (prefix, matches) in
        [("/v1", r#"{"path": "/v1x"}"#), ("/", r#"{"path": "/v1"}"#), ("/v1", r#"{"path": "/users/v1"}"#)]
    {
        assert_eq!(with(prefix, matches), [], "{prefix} {matches}");
    }
}

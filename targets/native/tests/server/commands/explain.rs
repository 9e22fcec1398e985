//! `explain` and `routes`: what becomes of a request, and why.

use serde_json::json;

use super::{ROUTES, SOCKETS, edgeway, report, said, text};
use crate::support::Folder;

#[test]
fn explain_says_why_a_method_is_not_taken() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    for method in ["FOO", "TRACE"] {
        let said = said(&folder, &["explain", method, "/all"]);
        assert!(said.contains(&format!("all     the gateway takes no {method}\n")), "{said}");
        assert!(said.contains(&format!("`/all` is not `/x/{{id}}`; {method} is not among PUT\n")), "{said}");
    }
}

#[test]
fn explain_names_the_route_that_answers_a_preflight() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    let preflight = |path| {
        said(
            &folder,
            &[
                "explain",
                "OPTIONS",
                path,
                "-H",
                "Origin: https://a.example",
                "-H",
                "Access-Control-Request-Method: PUT",
            ],
        )
    };
    let said = preflight("/x/5");
    assert!(said.contains("route  put /x/{id} at routes[0]\n       id = 5\n"), "{said}");
    assert!(said.contains("  preflight  answered from the route's cross-origin rules\n"), "{said}");
    // The method that counts is the one that it announces.
    assert!(said.contains("  all     `/x/5` is not `/all`\n"), "{said}");
    // A preflight has none of the fields that the request will have.
    assert!(said.contains("  header  `/x/5` is not `/all`\n"), "{said}");
}

#[test]
fn explain_says_what_answers_a_plain_options() {
    let folder = Folder::new();
    folder.write("gateway.json", ROUTES);
    let said = said(&folder, &["explain", "OPTIONS", "/x/5"]);
    assert!(said.contains("  options  answered with the methods that are taken here\n"), "{said}");
    assert!(said.contains("response  204 by the gateway\n"), "{said}");
}

#[test]
fn routes_and_explain_tell_of_sockets() {
    let folder = Folder::new();
    folder.write("gateway.json", &SOCKETS.replace("WITHIN", r#", "webSocket": {"idle": "90s", "life": "0s"}"#));
    let routes = said(&folder, &["routes"]);
    assert_eq!(routes.matches("WebSockets").count(), 2, "{routes}");
    assert!(routes.contains("no WebSockets\n") && routes.contains("WebSockets idle 90s, life any\n"), "{routes}");
    let handshake = [
        "-H",
        "Upgrade: websocket",
        "-H",
        "Connection: Upgrade",
        "-H",
        "Sec-WebSocket-Version: 13",
        "-H",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let explain = |path| said(&folder, &[&["explain", "GET", path], &handshake[..]].concat());
    assert!(explain("/a").contains("webSocket  the upstream is asked to open one"), "{}", explain("/a"));
    assert!(explain("/b").contains("501 websocket_not_implemented"), "{}", explain("/b"));
}

/// docs/command-line.md: lines are made for the terminal's width; a table has a heading.
#[test]
fn the_table_of_routes_has_a_heading_and_fits() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [
            {"name": "limited", "match": {"prefix": "/limited", "headers": {"x-tenant": {"oneOf": ["one", "two"]}}},
             "upstream": "a", "rewrite": {"path": "/echo"}, "webSocket": false, "timeouts": {"total": "1m"},
             "policies": [{"rateLimit": {"limit": 5, "window": "10s"}}, {"concurrency": {"limit": 3}},
                          {"request": {"headers": {"remove": ["x-a"]}}}]}]}"#,
    );
    let table = said(&folder, &["routes"]);
    let first = table.lines().next().unwrap();
    let heading: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(heading, ["method", "path", "action", "route"], "{table}");
    for part in ["limit limited 5 per 10s", "at once limited 3", "path becomes /echo", "no WebSockets"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    // What stands beside a route has a heading, too.
    folder.write(
        "gateway.json",
        r#"{"routes": [{"name": "few", "match": {"path": "/"}, "respond": {}, "policies": [{"rateLimit": {"limit": 5, "window": "10s"}}]}]}"#,
    );
    let table = said(&folder, &["routes"]);
    let mut lines = table.lines();
    let (heading, few) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(heading.find("conditions, policies").unwrap(), few.find("limit few").unwrap(), "{table}");
}

const SPLIT: &str = r#"{"upstreams": {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}, "off": {"url": "http://c.test"}},
    "routes": [{"name": "both", "match": {"path": "/a", "methods": ["GET"]}, "policies": [{"rateLimit": {"limit": 9, "window": "1m"}}],
        "split": [{"upstream": "a", "weight": 1}, {"upstream": "b", "weight": 3}, {"upstream": "off", "weight": 0}]},
      {"name": "any", "match": {"path": "/a"}, "upstream": "a"},
      {"name": "secure", "match": {"scheme": "https", "prefix": "/"}, "upstream": "a"},
      {"name": "inside", "match": {"prefix": "/", "clientAddress": ["10.0.0.0/8"]}, "upstream": "a"}]}"#;

/// A choice by chance is shown as one, and can be made.
#[test]
fn explain_shows_a_split_and_follows_the_one_that_is_asked_for() {
    let folder = Folder::new();
    folder.write("gateway.json", SPLIT);
    for _ in 0..8 {
        let largest = said(&folder, &["explain", "GET", "/a"]);
        assert!(largest.contains("  a    25 %\n  b    75 %  shown here\n  off  0 %\n"), "{largest}");
        assert!(largest.contains("upstream  b http://b.test\n"), "{largest}");
        let other = said(&folder, &["explain", "GET", "/a", "--upstream", "a"]);
        assert!(other.contains("upstream  a http://a.test\n"), "{other}");
    }
    let output = edgeway(&folder, &["explain", "GET", "/a", "--upstream", "off"]);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("the route sends nothing to `off`: it chooses among `a`, `b`"),
        "{}",
        text(&output.stderr)
    );
    assert!(!edgeway(&folder, &["explain", "POST", "/a", "--upstream", "a"]).status.success());
}

/// What is done for one upstream of a split alone is shown where the route's own is.
#[test]
fn routes_and_explain_show_the_edits_for_one_upstream_of_a_split() {
    let folder = Folder::new();
    let target = r#"{"upstream": "b", "weight": 3, "policies": [{"request": {"headers": {"set": {"x-b": "1"}}, "query": {"set": {"v": "2"}}},
        "response": {"headers": {"set": {"x-from": "b"}}}}]}"#;
    folder.write("gateway.json", &SPLIT.replace(r#"{"upstream": "b", "weight": 3}"#, target));
    let followed = said(&folder, &["explain", "GET", "/a"]);
    assert!(followed.contains("  b    75 %  shown here  1 header edit, 1 query edit, 1 response edit\n"), "{followed}");
    assert!(followed.contains("edit headers   1 edit, for `b` alone\n"), "{followed}");
    assert!(followed.contains("edit query     nothing is `v=2`, for `b` alone\n"), "{followed}");
    assert!(followed.contains("edit response  1 edit, for `b` alone\n"), "{followed}");
    assert!(!said(&folder, &["explain", "GET", "/a", "--upstream", "a"]).contains("alone"), "the other has none");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("b: 1 header edit, b: 1 query edit, b: 1 response edit"), "{routes}");
}

/// What `explain` can't know, it says that it assumes; and it names the rule by which a route ranks lower.
#[test]
fn explain_says_what_it_assumes_and_why_a_route_ranks_lower() {
    let folder = Folder::new();
    folder.write("gateway.json", SPLIT);
    let plain = said(&folder, &["explain", "GET", "/a"]);
    assert!(plain.contains("(assumed: nothing was counted before)\n"), "{plain}");
    assert!(plain.contains("any     it ranks lower: it lists no methods\n"), "{plain}");
    assert!(plain.contains("inside  the client's address is 127.0.0.1\n"), "{plain}");
    assert!(plain.contains("secure  the scheme is `http`\n"), "{plain}");
    let secure = said(&folder, &["explain", "GET", "https://localhost/a"]);
    assert!(secure.contains("both    it ranks lower: it is for any scheme\n"), "{secure}");
    let inside = said(&folder, &["explain", "GET", "/b", "--client", "10.1.2.3"]);
    assert!(inside.contains("route  inside"), "{inside}");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("scheme = `https`") && routes.contains("client in `10.0.0.0/8`"), "{routes}");
}

/// docs/command-line.md, `explain`: a reason tells what is easily overlooked, and what a header field is.
#[test]
fn reasons_tell_of_the_final_slash_the_case_and_what_was_sent() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"routes": [
            {"name": "items", "match": {"path": "/v1/items"}, "respond": {}},
            {"name": "upper", "match": {"path": "/Files/{Id}/Raw"}, "respond": {}},
            {"name": "one", "match": {"path": "/h", "headers": {"x-tenant": "one"}}, "respond": {}},
            {"name": "key", "match": {"path": "/k", "headers": {"x-api-key": {"prefix": "live-"}}}, "respond": {}},
            {"name": "auth", "match": {"path": "/a", "headers": {"authorization": "Basic abc"}}, "respond": {}},
            {"name": "crumb", "match": {"path": "/c", "cookies": {"beta": "yes"}}, "respond": {}},
            {"name": "page", "match": {"path": "/q", "query": {"page": {"oneOf": ["1", "2"]}}}, "respond": {}},
            {"name": "signed", "match": {"path": "/s", "query": {"access_token": "t"}}, "respond": {}}]}"#,
    );
    for (url, header, reason) in [
        ("/v1/items/", "x: y", "`/v1/items/` is not `/v1/items`: the final slash counts\n"),
        ("/V1/Items", "x: y", "`/V1/Items` is not `/v1/items`: the case of letters counts\n"),
        ("/V1/items/", "x: y", "`/V1/items/` is not `/v1/items`: the final slash and the case of letters count\n"),
        ("/files/aB/raw", "x: y", "`/files/aB/raw` is not `/Files/{Id}/Raw`: the case of letters counts\n"),
        ("/k", "x-api-key: sent-Now1", "it asks for header `x-api-key` = `live-…`, not for what was sent\n"),
        ("/a", "Authorization: sent-Now1", "it asks for header `authorization` = `Basic abc`, not for what was sent\n"),
        ("/c", "Cookie: beta=sent-Now1", "it asks for cookie `beta` = `yes`, not for what was sent\n"),
        ("/c", "Cookie: alpha=yes", "it asks for cookie `beta` = `yes`, and there is none\n"),
        ("/q?page=%33", "x: y", "it asks for query parameter `page` = `1` or `2`, not `3`\n"),
        ("/q", "x: y", "it asks for query parameter `page` = `1` or `2`, and there is none\n"),
        ("/s?access_token=sent-Now1", "x: y", "query parameter `access_token` = `t`, not for what was sent\n"),
        ("/v1/orders", "x: y", "`/v1/orders` is not `/v1/items`\n"),
        ("/h", "x-tenant: two", "it asks for header `x-tenant` = `one`, not `two`\n"),
        ("/h", "x: y", "it asks for header `x-tenant` = `one`, and there is none\n"),
    ] {
        let said = said(&folder, &["explain", "GET", url, "-H", header]);
        assert!(said.contains(reason), "{said}");
        let reasons = said.split("\nnot\n").nth(1).unwrap().split("\nresponse").next().unwrap();
        assert!(!reasons.contains("sent-Now1"), "{said}");
    }
    // Of many routes, those that are nearly it come first.
    let many: Vec<String> =
        (0..30).map(|n| format!(r#"{{"name": "r{n}", "match": {{"path": "/p{n}"}}, "respond": {{}}}}"#)).collect();
    folder.write("gateway.json", &format!(r#"{{"routes": [{}]}}"#, many.join(", ")));
    let said = said(&folder, &["explain", "GET", "/P29/"]);
    assert!(said.contains("\nnot\n  r29  `/P29/` is not `/p29`: the final slash and the case"), "{said}");
}

/// The table is of what happens: edits of requests stand where an upstream is sent them.
#[test]
fn the_table_of_routes_leaves_out_edits_without_effect() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"u": {"url": "http://u.test"}},
            "defaults": {"policies": [{"request": {"headers": {"remove": ["x-a"]}}}]},
            "routes": [{"name": "moved", "match": {"path": "/m"}, "redirect": {"location": "/"}},
                       {"name": "sent", "match": {"path": "/s"}, "upstream": "u"}]}"#,
    );
    let table = said(&folder, &["routes"]);
    let line = |name| table.lines().find(|line| line.contains(name)).unwrap();
    assert!(!line("moved").contains("edit") && line("sent").contains("1 header edit"), "{table}");
    let listed = report(&edgeway(&folder, &["routes", "--json"]));
    let of = |name| listed.as_array().unwrap().iter().find(|route| route["name"] == name).unwrap()["policies"].clone();
    assert_eq!(of("moved"), serde_json::json!([]));
    assert_eq!(of("sent"), serde_json::json!([{"kind": "requestHeaders", "edits": 1}]));
    assert!(!said(&folder, &["explain", "GET", "/m"]).contains("edit headers"));
    assert!(said(&folder, &["explain", "GET", "/s"]).contains("edit headers"));
}

/// docs/command-line.md: the deadlines and the largest content that hold, wherever they are stated.
#[test]
fn routes_and_explain_tell_of_the_limits_that_hold() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"limits": {"bodyBytes": "3MiB"}, "defaults": {"timeouts": {"total": "40s"}},
            "upstreams": {"u": {"url": "http://u.test", "timeouts": {"connect": "250ms"}}, "v": {"url": "http://v.test"}},
            "routes": [
                {"name": "own", "match": {"path": "/own"}, "upstream": "u", "bodyBytes": "2MB", "timeouts": {"firstByte": "0s"}},
                {"name": "usual", "match": {"path": "/usual"}, "upstream": "v"},
                {"name": "both", "match": {"path": "/both"}, "split": [{"upstream": "u", "weight": 1}, {"upstream": "v", "weight": 0}]},
                {"name": "fixed", "match": {"path": "/fixed"}, "respond": {}}]}"#,
    );
    let explain = |path| said(&folder, &["explain", "GET", path]);
    for (path, limits) in [
        ("/own", "\nlimits  bodyBytes 2MB, connect 250ms, firstByte none, total 40s, idle 5m\n"),
        ("/usual", "\nlimits  bodyBytes 3MiB, connect 5s, firstByte 30s, total 40s, idle 5m\n"),
        ("/fixed", "\nlimits  bodyBytes 3MiB\n"),
    ] {
        assert!(explain(path).contains(limits), "{}", explain(path));
    }
    let own = report(&edgeway(&folder, &["explain", "GET", "/own", "--json"]));
    assert_eq!(own["route"]["bodyBytes"], 2_000_000);
    let timeouts = serde_json::json!({"connectSeconds": 0.25, "firstByteSeconds": null, "totalSeconds": 40.0, "idleSeconds": 300.0});
    assert_eq!(own["upstream"]["timeouts"], timeouts);

    let table = said(&folder, &["routes"]);
    let line = |name| table.lines().find(|line| line.contains(name)).unwrap().trim_end();
    assert!(line("/own").ends_with("own    bodyBytes 2MB, connect 250ms, firstByte none"), "{table}");
    assert!(line("/usual").ends_with("usual") && line("/fixed").ends_with("fixed"), "{table}");
    assert!(line("/both").ends_with("both   u: connect 250ms"), "{table}");
    let listed = report(&edgeway(&folder, &["routes", "--json"]));
    let of = |name| listed.as_array().unwrap().iter().find(|route| route["name"] == name).unwrap();
    assert_eq!((&of("own")["bodyBytes"], &of("fixed")["bodyBytes"]), (&2_000_000.into(), &(3 << 20).into()));
    assert_eq!(of("own")["action"]["upstreams"][0]["timeouts"], timeouts);
}

/// docs/command-line.md: a route with several hosts is one route, wherever routes are counted.
#[test]
fn a_route_with_several_hosts_is_one() {
    let folder = Folder::new();
    let several: Vec<String> = (0..13)
        .map(|n| {
            format!(
                r#"{{"name": "r{n}", "match": {{"path": "/{n}", "hosts": ["a.test", "b.test"]}}, "respond": {{}}}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"server": {{"listen": "127.0.0.1:0"}}, "routes": [{}]}}"#, several.join(", "));
    folder.write("gateway.json", &text);
    assert!(said(&folder, &["check"]).contains(": 13 routes, "));
    let explain = said(&folder, &["explain", "GET", "http://a.test/0"]);
    assert_eq!(explain.lines().filter(|line| line.contains(" is not `/")).count(), 12, "{explain}");
    assert!(!explain.contains("more, which"), "{explain}");
    let explain = said(&folder, &["explain", "GET", "/none"]);
    assert!(explain.contains("\n  and 1 more, which `--json` has\n"), "{explain}");
    let program = crate::support::Program::run(&["serve", "gateway.json"], &folder.0);
    assert!(program.messages().contains("serving 13 routes"), "{}", program.messages());
}

/// docs/command-line.md, `explain`: what a key, a content and a place rest on is said.
#[test]
fn explain_says_what_it_assumes_of_keys_content_and_places() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{
            "network": {"trustedProxies": ["10.0.0.1"], "geo": {"country": "x-country"}},
            "routes": [
                {"name": "keys", "match": {"path": "/k"}, "respond": {}, "policies": [{"authenticate": {"apiKey": {}}}]},
                {"name": "json", "match": {"path": "/j"}, "respond": {}, "policies": [{"validate": {"json": {}}}]},
                {"name": "here", "match": {"path": "/c"}, "respond": {}, "policies": [{"clients": {"countries": {"allow": ["DE"]}}}]}]}"#,
    );
    let key = said(&folder, &["explain", "GET", "/k", "-H", "X-API-Key: edgeway_abc"]);
    assert!(key.contains("the key-value store has no such key (assumed: no store is asked for keys)\n"), "{key}");
    let json = said(&folder, &["explain", "POST", "/j"]);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = "there is no content to look at (assumed: the request has no content: `--body` would state it)";
    assert!(words(&json).contains(message), "{json}");
    let unknown = words(&said(&folder, &["explain", "GET", "/c"]));
    assert!(unknown.contains("country is not known (`XX`), which is not allowed (assumed: nobody says"), "{unknown}");
    let stated = said(&folder, &["explain", "GET", "/c", "--country", "de", "--asn", "64500"]);
    assert!(stated.contains("admits it\n"), "{stated}");
    let by_proxy =
        ["explain", "GET", "/c", "--client", "10.0.0.1", "-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Country: FR"];
    assert!(said(&folder, &by_proxy).contains("the client is in `FR`, which is not allowed"));
    for wrong in [["--country", "Germany"], ["--asn", "ASx"]] {
        assert!(!edgeway(&folder, &[&["explain", "GET", "/c"][..], &wrong].concat()).status.success(), "{wrong:?}");
    }
}

/// docs/command-line.md, `explain`: with the content, what looks at it can be explained.
#[test]
fn explain_checks_the_content_that_it_is_given() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"upstreams": {"u": {"url": "http://u.test"}}, "routes": [
            {"name": "hooks", "match": {"path": "/h"}, "upstream": "u", "policies": [{"authenticate": {"webhook": {"scheme": "github", "secrets": [{"secret": "HOOK"}]}}}]},
            {"name": "json", "match": {"path": "/j"}, "upstream": "u", "policies": [{"validate": {"json": {"depth": 1}}}]},
            {"name": "small", "match": {"path": "/s"}, "upstream": "u", "bodyBytes": "5B"}]}"#,
    );
    folder.write("hello.txt", "Hello, World!");
    std::fs::create_dir(folder.0.join("secrets")).unwrap();
    folder.write("secrets/HOOK", "It's a Secret to Everybody");
    let explain = |path: &str, arguments: &[&str]| {
        let told = said(&folder, &[&["explain", "POST", path, "--secrets", "secrets"], arguments].concat());
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // GitHub's documentation, Validating webhook deliveries: the values to test with.
    let signature = "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for body in ["Hello, World!", "@hello.txt"] {
        let good = explain("/h", &["-H", signature, "--body", body]);
        assert!(good.contains("response 200") && !good.contains("no content"), "{good}");
    }
    let wrong = explain("/h", &["-H", signature, "--body", "Hello, World?"]);
    assert!(wrong.contains("none of the signatures is of this content, by any of the secrets"), "{wrong}");
    assert!(wrong.contains("401") && !wrong.contains("no content"), "{wrong}");
    assert!(explain("/h", &["-H", signature]).contains("the request has no content: `--body` would state it"));
    let json = |body: &str| explain("/j", &["-H", "Content-Type: application/json", "--body", body]);
    assert!(json(r#"{"a": 1}"#).contains("response 200"), "{}", json(r#"{"a": 1}"#));
    assert!(json(r#"{"a": {}}"#).contains("response 4"), "{}", json(r#"{"a": {}}"#));
    assert!(explain("/s", &["--body", "12345"]).contains("response 200"));
    assert!(explain("/s", &["--body", "123456"]).contains("413"));
    assert!(explain("/s", &["-H", "Transfer-Encoding: chunked", "--body", "12345"]).contains("response 200"));
    let missing = edgeway(&folder, &["explain", "POST", "/s", "--body", "@nowhere.txt"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("`nowhere.txt` can't be read"), "{}", text(&missing.stderr));
}

/// docs/configuration.md, Webhooks, Signatures of requests, Certificates of clients: `explain` has no content and verifies no certificate,
/// and says so where it matters.
#[test]
fn explain_says_what_it_assumes_of_signed_content_and_certificates() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{
            "network": {"trustedProxies": ["127.0.0.0/8"], "trustedIdentity": ["client-cert"]},
            "routes": [
                {"name": "hooks", "match": {"path": "/h"}, "respond": {}, "policies": [{"authenticate": {"webhook": {"scheme": "github", "secrets": [{"secret": "HOOK"}]}}}]},
                {"name": "mutual", "match": {"path": "/m"}, "respond": {}, "policies": [{"authenticate": {"certificate": {}}}]}]}"#,
    );
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let signature = format!("X-Hub-Signature-256: sha256={}", "a".repeat(64));
    let hook = words(&said(&folder, &["explain", "POST", "/h", "-H", &signature]));
    let message = "none of the signatures is of this content, by any of the secrets (assumed: the request has no content: `--body` would state it)";
    assert!(hook.contains(message), "{hook}");
    // RFC 9440 Appendix A, Figure 2.
    let certificate = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=";
    let certificate = format!("Client-Cert: :{certificate}:");
    let shown = words(&said(&folder, &["explain", "GET", "/m", "--client", "127.0.0.1", "-H", &certificate]));
    assert!(shown.contains("a certificate is shown (assumed: the listener has verified it"), "{shown}");
}

/// docs/configuration.md, Another upstream for some: which conditions were looked at, and which of them is met.
#[test]
fn explain_tells_the_conditions_for_other_upstreams() {
    let config = |ways: &str| {
        format!(
            r#"{{"consumers": {{"guest": {{}}, "vip": {{"tier": "gold"}}}},
            "upstreams": {{"own": {{"url": "http://10.0.0.1"}}, "large": {{"url": "http://10.0.0.2"}}, "next": {{"url": "http://10.0.0.3"}}}},
            "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "own", "policies": [
              {{"authenticate": {{"certificate": {{}}, "anonymous": "guest"}}, "steer": [{ways}]}}]}}]}}"#
        )
    };
    let gold = r#"{"when": {"tiers": ["gold"]}, "upstream": "large"}"#;
    let guest = r#"{"when": {"consumers": ["guest"]}, "upstream": "next"}"#;
    let folder = Folder::new();
    folder.write("gateway.json", &config(gold));
    let none = said(&folder, &["explain", "GET", "/"]);
    assert!(none.contains("the caller meets no condition: tier gold to large\n"), "{none}");

    folder.write("gateway.json", &config(&[gold, guest, gold].join(", ")));
    let met = said(&folder, &["explain", "GET", "/"]);
    assert!(met.contains("to `next`, for the caller meets its condition: consumer guest\n"), "{met}");
    let json = report(&edgeway(&folder, &["explain", "GET", "/", "--json"]));
    let steps = json["steps"].as_array().unwrap();
    let steer = steps.iter().find(|step| step["step"] == "steer").unwrap();
    assert_eq!(steer["upstream"], "next");
    let ways = steer["ways"].as_array().unwrap();
    assert_eq!(ways.len(), 2, "the first that is met ends it");
    assert_eq!((&ways[0]["tiers"][0], &ways[1]["consumers"][0]), (&"gold".into(), &"guest".into()));
}

/// docs/configuration.md, A service of your own, Keys that an issuer publishes, Signed requests: `explain` asks nobody, says so, and says
/// nothing of calls that it does not make.
#[test]
fn explain_says_what_it_takes_services_and_issuers_to_say() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("secrets")).unwrap();
    folder.write("secrets/SHARED", &"k".repeat(32));
    folder.write(
        "gateway.json",
        r#"{
            "issuers": {"corp": {"issuer": "https://id.example.com", "jwks": "https://id.example.com/jwks"}},
            "upstreams": {
                "opa": {"url": "http://127.0.0.1:8181"},
                "signed": {"url": "http://127.0.0.1:7101/base", "credentials": {"signature": {"keyId": "gw", "algorithm": "hmac-sha256", "key": {"secret": "SHARED"}}}}},
            "routes": [
                {"name": "opa", "match": {"path": "/opa"}, "respond": {}, "policies": [{"authenticate": {"external": {"upstream": "opa", "path": "/v1/data/a", "protocol": "opa"}}}]},
                {"name": "jwt", "match": {"path": "/jwt"}, "respond": {}, "policies": [{"authenticate": {"jwt": {}}}]},
                {"name": "signed", "match": {"path": "/signed"}, "upstream": "signed"}]}"#,
    );
    let arguments = |rest: &[&str]| [&["explain"], rest, &["--secrets", "secrets"]].concat().join(" ");
    let told = |rest: &[&str]| {
        let line = arguments(rest);
        let told = said(&folder, &line.split(' ').collect::<Vec<_>>());
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let opa = told(&["GET", "/opa"]);
    assert!(opa.contains("the service `opa` lets the request in (assumed: no service is asked)"), "{opa}");
    assert!(opa.contains("response 200"), "{opa}");
    // {"alg":"ES256"}, {"iss":"https://id.example.com"}.
    let token = format!("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.{}", "A".repeat(86));
    let field = format!("Authorization:Bearer {token}");
    let known = said(&folder, &["explain", "GET", "/jwt", "-H", &field, "--secrets", "secrets"]);
    assert!(known.contains("the issuer's keys can't be read (assumed: no issuer is asked)"), "{known}");
    assert!(!known.contains("destination_unavailable"), "{known}");
    let nobody = told(&["GET", "/jwt"]);
    assert!(nobody.contains("authenticate refused: none: nothing is stated that it asks for"), "{nobody}");
    let json: serde_json::Value = serde_json::from_str(&told(&["GET", "/jwt", "--json"])).unwrap();
    let steps = json["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["step"] == "authenticate" && step["auth"] == "none"), "{json}");
    let signed = told(&["GET", "/signed?a=1"]);
    let parameters = r#"the request is signed: ("@method" "@target-uri");created="#;
    assert!(signed.contains(parameters) && signed.contains(r#"keyid="gw""#), "{signed}");
    let signed = told(&["POST", "/signed", "--body", "x"]);
    assert!(
        signed.contains(r#"("@method" "@target-uri" "content-digest")"#) && signed.contains("sha-256=:"),
        "{signed}"
    );
}

/// docs/configuration.md, Policies, `accuracy`: `explain` shows the store and its bound for each limit.
#[test]
fn explain_says_how_exactly_a_limit_counts() {
    let folder = Folder::new();
    let limits = |top: &str| {
        format!(
            r#"{{{top} "routes": [{{"name": "few", "match": {{"path": "/"}}, "respond": {{}}, "policies": [
                {{"rateLimit": {{"name": "plain", "limit": 5, "window": "10s"}}}},
                {{"rateLimit": {{"name": "leased", "limit": 5, "window": "10s", "lease": {{"units": 5}}}}}}]}}]}}"#
        )
    };
    let redis = r#""counters": {"redis": "redis://localhost"},"#;
    for (top, store, plain, leased) in [
        ("", "memory", "exact in one process, and each", "each gateway counts for itself"),
        (redis, "Redis", "exact for all gateways that share it", "`window + hold`"),
    ] {
        folder.write("gateway.json", &limits(top));
        let said = said(&folder, &["explain", "GET", "/"]);
        // Long lines are wrapped.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for (name, bound) in [("`plain` admits", plain), ("`leased` admits", leased)] {
            let line = said.split_once(name).map_or("", |(_, rest)| rest);
            let told = line.split_once(&format!("({store}: ")).and_then(|(_, rest)| rest.split_once(')'));
            assert!(told.is_some_and(|(told, _)| told.contains(bound)), "{name}: {said}");
        }
    }
}

const LIMITED: &str = r#"{
    "issuers": {"corp": {"keys": [{"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}]}},
    "consumers": {"acme": {"tier": "gold", "credentials": [{"apiKey": {"id": "a", "sha256": "DIGEST"}}]}},
    "upstreams": {"u": {"url": "http://u.test"}},
    "routes": [
      {"name": "limited", "match": {"path": "/limited/{tenant}"}, "upstream": "u", "policies": [
        {"authenticate": {"apiKey": {}}},
        {"rateLimit": {"name": "tiered", "limit": 10, "window": "day", "timeZone": "+01:00", "key": "consumer", "cost": 3, "fail": "open",
                       "tiers": {"gold": {"limit": 100, "window": "1m"}}}},
        {"rateLimit": {"name": "new", "limit": 5, "window": "10s", "key": {"all": ["clientAddress", {"param": "tenant"}]}, "shadow": true}},
        {"rateLimit": {"name": "slow", "limit": 2, "window": "1s", "burst": 1, "throttle": "2s", "key": {"header": "x-a"},
                       "cost": {"responseHeader": "x-cost", "max": 9}}}]},
      {"name": "cached", "match": {"path": "/cached"}, "upstream": "u", "policies": [
        {"cache": {"ttl": "5m", "statuses": {"404": "10s"}, "staleIfError": "1h", "collapse": "0s", "bypass": "request.headers['x-preview'] == '1'",
                   "key": {"ignoreQuery": ["utm_*"], "headers": ["accept-language"]}}}]},
      {"name": "plain", "match": {"path": "/plain"}, "upstream": "u", "policies": [{"cache": {}}]}]}"#;

/// A folder with `LIMITED`, and the key of its consumer.
fn limited() -> (Folder, String) {
    let folder = Folder::new();
    let made = edgeway(&folder, &["key", "new", "--consumer", "acme", "--json"]);
    let made = report(&made);
    let digest = made["digest"].as_str().unwrap();
    folder.write("gateway.json", &LIMITED.replace("DIGEST", digest));
    (folder, format!("x-api-key: {}", made["key"].as_str().unwrap()))
}

/// Without the breaks of long lines.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// docs/command-line.md, routes: what a limit counts, by what, and all that it has beside; what a cache keeps, and what tells responses apart.
#[test]
fn routes_tell_of_all_that_a_limit_and_a_cache_have() {
    let (folder, _) = limited();
    let table = flat(&said(&folder, &["routes"]));
    for words in [
        "limit tiered 10 per day by consumer (in +01:00; cost 3; tier gold 100 per 1m; admits if the counter fails)",
        "limit new 5 per 10s by client address and param tenant (shadow)",
        "limit slow 2 per 1s, burst 1 by header x-a (cost by response header x-cost, else 1, at most 9; waits up to 2s)",
        "cache for 5m (404 for 10s; stale 1h on errors; key: URL, query without utm_*, header accept-language, x-preview; not if \
         request.headers['x-preview'] == '1'; nobody waits for another's answer)",
        "cache as stated",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let list: serde_json::Value = serde_json::from_str(&said(&folder, &["routes", "--json"])).unwrap();
    let route =
        |name: &str| list.as_array().unwrap().iter().find(|route| route["name"] == name).unwrap()["policies"].clone();
    let limits = route("limited");
    let (tiered, new, slow) = (&limits[1], &limits[2], &limits[3]);
    assert_eq!(
        (&tiered["timeZone"], &tiered["key"], &tiered["cost"], &tiered["fail"]),
        (&json!("+01:00"), &json!("consumer"), &json!(3), &json!("open"))
    );
    assert_eq!((&tiered["tiers"][0]["tier"], &tiered["tiers"][0]["limit"]), (&json!("gold"), &json!(100)));
    assert_eq!(new["key"], json!({"all": ["clientAddress", {"param": "tenant"}]}));
    assert_eq!(
        (&slow["throttleSeconds"], &slow["legacyHeaders"], &slow["fail"]),
        (&json!(2.0), &json!(false), &json!("closed"))
    );
    assert_eq!(slow["cost"], json!({"responseHeader": "x-cost", "default": 1, "max": 9}));
    let cache = &route("cached")[0];
    assert_eq!((&cache["statuses"], &cache["collapseSeconds"]), (&json!({"404": 10.0}), &json!(0.0)));
    assert_eq!(cache["bypass"], "request.headers['x-preview'] == '1'");
    assert_eq!(cache["key"]["ignoreQuery"], json!(["utm_*"]));
    assert_eq!(cache["key"]["headers"], json!(["accept-language", "x-preview"]));
}

/// docs/command-line.md, explain: the terms by which a limit counts the request, and what is left of them as the client is told it.
#[test]
fn explain_tells_by_which_terms_a_limit_counts() {
    let (folder, key) = limited();
    let explain = |more: &[&str]| flat(&said(&folder, &[&["explain", "GET", "/limited/7", "-H", &key], more].concat()));
    let told = explain(&[]);
    for words in [
        "GET http://localhost/limited/7 on the native server",
        "`tiered` admits it, 97 left of 100 per 1m in +01:00 by consumer, in cell",
        "; the terms are those of the tier `gold`; it takes 3 units",
        "`new` admits it, 4 left of 5 per 10s by client address and param tenant, in cell",
        "; it is in the shadow, and refuses nothing (assumed: nothing was counted before)",
        "`slow` admits it, 0 left of 2 per 1s, burst 1 by header x-a, in cell",
        "; it takes 1 unit; the response may state another number in `x-cost`",
        "\"slow\";r=0;t=1",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = explain(&["--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let step = told["steps"].as_array().unwrap().iter().find(|step| step["name"] == "tiered").unwrap();
    assert_eq!((&step["tier"], &step["units"], &step["remaining"]), (&json!("gold"), &json!(3), &json!(97)));
    assert_eq!((&told["target"], &step["policy"]["key"]), (&json!("native"), &json!("consumer")));
    let there = explain(&["--target", "cloudflare"]);
    assert!(there.contains("on Cloudflare Workers") && there.contains("(Durable Object: exact)"), "{there}");
}

/// docs/command-line.md, explain: what the cache would do with the answer, what tells it from others, and that nothing is stored before.
#[test]
fn explain_tells_what_the_cache_would_store() {
    let (folder, _) = limited();
    let explain = |rest: &[&str]| flat(&said(&folder, &[&["explain", "GET"], rest].concat()));
    let assumed = "(assumed: nothing is stored, and the upstream says 200 without a field)";
    let key = "key: URL, query without utm_*, header accept-language, x-preview";
    let told = explain(&["/cached"]);
    assert!(told.contains(&format!("nothing is stored for it; the answer would be for 5m; {key} {assumed}")), "{told}");
    let told = explain(&["/cached", "-H", "cookie: a=b"]);
    assert!(
        told.contains("nor would the answer be, unless it says for how long it is fresh: there are cookies"),
        "{told}"
    );
    let told = explain(&["/cached", "-H", "x-preview: 1"]);
    assert!(told.contains("passed by: `request.headers['x-preview'] == '1'` is true"), "{told}");
    let told = explain(&["/plain"]);
    assert!(
        told.contains(
            "nor would the answer be, unless it says for how long it is fresh (`no-freshness`); key: URL (assumed"
        ),
        "{told}"
    );
    let json: serde_json::Value = serde_json::from_str(&explain(&["/cached", "--json"])).unwrap();
    let step = json["steps"].as_array().unwrap().iter().find(|step| step["step"] == "cache").unwrap();
    assert_eq!((&step["stored"], &step["ttlSeconds"], &step["done"]), (&json!(true), &json!(300.0), &json!("miss")));
    assert_eq!(step["policy"]["key"]["ignoreQuery"], json!(["utm_*"]));
}

//! What is said of configurations that are well-formed and yet wrong.

mod effective;
mod identity;
mod limits_and_caches;
mod logins;
mod methods;
mod secrets;
mod surprises;
mod warnings;
mod web_sockets;

use gateway_core::config::{Diagnostic, Variable};
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;
use gateway_core::time::Timestamp;

/// One secret, and no other.
struct Vault(&'static str, &'static str);

impl Secrets for Vault {
    fn secret(&self, name: &str) -> Option<String> {
        (name == self.0).then(|| self.1.to_owned())
    }
}

/// 2026-12-02T02:00:00Z
const NOW: Timestamp = Timestamp::from_unix_millis(1_796_176_800_000);

/// What the native server says of `text`.
fn said(text: &str) -> Vec<Diagnostic> {
    said_on(&Capabilities::NATIVE, text, &Vault("", ""))
}

fn said_on(platform: &Capabilities, text: &str, secrets: &Vault) -> Vec<Diagnostic> {
    plan::load(text, platform, secrets).err().unwrap_or_default()
}

/// Paths and messages alone.
fn words(said: &[Diagnostic]) -> Vec<(&str, &str)> {
    said.iter().map(|d| (&*d.path, &*d.message)).collect()
}

/// Everything that any output shows of `diagnostic`.
fn shown(diagnostic: &Diagnostic, text: &str) -> String {
    let json = serde_json::to_string(diagnostic).unwrap_or_default();
    format!("{diagnostic:?}{json}{}{}", diagnostic.line("f"), diagnostic.render("f", Some(text), false))
}

#[test]
fn only_references_to_what_was_left_out_are_not_mistakes() {
    // `x` is a header whose condition can't be read, and by chance also the text of another mistake.
    let text = r#"{"routes": [
        {"name": "a", "match": {"path": "/a"}, "respond": {}, "policies": [{"request": {"headers": {"set": {"b c": "x"}}}}]},
        {"name": "b", "match": {"path": "/b", "headers": {"x": true}}, "respond": {}}]}"#;
    let found = said(text);
    let paths: Vec<_> = found.iter().map(|d| &*d.path).collect();
    assert_eq!(paths, ["routes[0].policies[0].request.headers.set[\"b c\"]", "routes[1].match.headers.x"]);

    // Upstreams and policies are two namespaces.
    let text = r#"{"upstreams": {"u": 5}, "policies": {"p": 5}, "defaults": {"policies": ["p", "u"]}, "routes": [
        {"name": "a", "match": {"path": "/a"}, "upstream": "u"},
        {"name": "b", "match": {"path": "/b"}, "upstream": "p"},
        {"name": "c", "match": {"path": "/c"}, "split": [{"upstream": "u", "weight": 1}, {"upstream": "p", "weight": 1}]}],
        "apis": [{"name": "d", "prefix": "/d", "upstream": "u", "routes": [{"name": "e"}]}]}"#;
    let found = said(text);
    let paths: Vec<_> = found.iter().map(|d| &*d.path).collect();
    assert_eq!(
        paths,
        ["upstreams.u", "policies.p", "defaults.policies[1]", "routes[1].upstream", "routes[2].split[1].upstream"]
    );

    // What can't be read as a whole holds every name.
    let text = r#"{"upstreams": [], "routes": [{"name": "a", "match": {"path": "/a"}, "upstream": "u"}]}"#;
    assert_eq!(words(&said(text)), [("upstreams", "expected an object, found a list")]);
}

#[test]
fn an_address_to_listen_on_has_host_and_port() {
    let with = |listen: &str| {
        format!(
            r#"{{"server": {{"listen": "{listen}"}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
        )
    };
    for listen in ["127.0.0.1:8080", "0.0.0.0:0", "[::]:80", "localhost:8080", "gateway.internal:65535"] {
        assert_eq!(said(&with(listen)), [], "{listen}");
    }
    for listen in [
        "",
        "8080",
        ":8080",
        "not an address",
        "127.0.0.1",
        "0.0.0.0:99999",
        "127.0.0.1:",
        "1.2.3:80",
        "::1:80",
        "[::1]80",
        "http://127.0.0.1:80",
    ] {
        let said = said(&with(listen));
        assert_eq!(said.len(), 1, "{listen}: {said:?}");
        assert_eq!(said[0].path, "server.listen");
        assert!(said[0].help.as_deref().unwrap().starts_with("write `127.0.0.1:"), "{:?}", said[0].help);
    }
}

#[test]
fn limits_that_let_nothing_in_are_refused() {
    let text = r#"{"limits": {"headers": 0, "headerBytes": "0B", "urlBytes": "0B", "bodyBytes": "0B"},
        "routes": [{"name": "r", "match": {"path": "/"}, "respond": {}}]}"#;
    let said = said(text);
    let paths: Vec<_> = said.iter().map(|d| (&*d.path, d.help.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        paths,
        [
            ("limits.headers", "at least 1; without it, 100 hold"),
            ("limits.headerBytes", "leave it out for `32KiB`"),
            ("limits.urlBytes", "leave it out for `8KiB`"),
        ]
    );
}

#[test]
fn a_deadline_that_another_always_forestalls_is_refused() {
    let text = r#"{"upstreams": {"u": {"url": "http://u.test", "timeouts": {"firstByte": "3s", "total": "2s"}}},
        "defaults": {"timeouts": {"connect": "3s", "total": "2s"}}, "routes": [
        {"name": "a", "match": {"path": "/a"}, "upstream": "u", "timeouts": {"firstByte": "2s", "total": "2s", "connect": "1s"}},
        {"name": "b", "match": {"path": "/b"}, "upstream": "u", "timeouts": {"firstByte": "9s", "total": "0s"}},
        {"name": "c", "match": {"path": "/c"}, "upstream": "u", "timeouts": {"firstByte": "0s", "total": "9s"}},
        {"name": "d", "match": {"path": "/d"}, "upstream": "u", "timeouts": {"total": "1s"}}]}"#;
    let said = said(text);
    let paths: Vec<_> = said.iter().map(|d| &*d.path).collect();
    assert_eq!(paths, ["upstreams.u.timeouts.firstByte", "defaults.timeouts.connect"]);
    assert_eq!(said[0].message, "`total` is over before `firstByte`");
}

#[test]
fn every_mistake_of_a_url_is_reported() {
    let text = r#"{"upstreams": {"a": {"url": "http://x:99999/p?q=1"}, "b": {"url": "ftp://u:p@:0?q"}},
        "routes": [{"name": "r", "match": {"path": "/"}, "respond": {}}]}"#;
    assert_eq!(
        words(&said(text)),
        [
            ("upstreams.a.url", "`http://x:99999/p?q=1` has an impossible port"),
            ("upstreams.a.url", "`http://x:99999/p?q=1` has a query"),
            ("upstreams.b.url", "`:0?q` is not an `http` or `https` URL"),
            ("upstreams.b.url", "the URL contains credentials"),
            ("upstreams.b.url", "`:0?q` has port 0"),
            ("upstreams.b.url", "`:0?q` has a query"),
        ]
    );
}

#[test]
fn conflicts_come_with_mistakes_elsewhere() {
    // Of the form, in another route, in the API of one, and in a route itself: what it lost may be what told it apart.
    let text = r#"{"apis": [
        {"name": "whole", "prefix": "/a", "routes": [{"name": "r", "match": {"path": "/x"}, "respond": {}}, {"nam": 1}]},
        {"name": "torn", "prefix": "/a", "host": ["h"], "routes": [{"name": "r", "match": {"path": "/x"}, "respond": {}}]}],
        "routes": [5,
        {"name": "one", "match": {"path": "/a/x"}, "respond": {}},
        {"name": "two", "match": {"path": "/a/x"}, "methods": ["PUT"], "respond": {}},
        {"name": "three", "match": {"path": "/t"}, "upstream": "none"},
        {"name": "four", "match": {"path": "/t"}, "respond": {}}]}"#;
    let found = said(text);
    let conflicts: Vec<_> =
        words(&found).into_iter().filter(|(_, message)| message.contains("rank the same")).collect();
    assert_eq!(conflicts.len(), 2, "{found:?}");
    assert_eq!(conflicts[0].0, "routes[1]");
    assert!(conflicts[0].1.starts_with("`whole/r` and `one` rank the same"), "{}", conflicts[0].1);
    assert_eq!(conflicts[1].0, "routes[4]");
    assert!(conflicts[1].1.starts_with("`three` and `four` rank the same"), "{}", conflicts[1].1);
}

#[test]
fn a_conflict_of_a_route_with_another_mistake_has_its_place() {
    let text = r#"{"routes": [
        {"name": "one", "match": {"path": "/x"}, "respond": {}},
        {"name": "two", "match": {"path": "/x"}, "upstream": "none"}]}"#;
    let found = said(text);
    let paths: Vec<_> = found.iter().map(|d| &*d.path).collect();
    assert_eq!(paths, ["routes[1]", "routes[1].upstream"]);
    assert!(found[0].message.starts_with("`one` and `two` rank the same"), "{}", found[0].message);
}

/// docs/configuration.md, Admin endpoints: a listener of their own.
#[test]
fn the_admin_endpoints_need_a_port_of_their_own() {
    let same = |listen: &str, admin: &str| {
        let route = r#"{"name": "r", "respond": {}}"#;
        said(&format!(r#"{{"server": {{"listen": "{listen}", "admin": "{admin}"}}, "routes": [{route}]}}"#)).len()
    };
    assert_eq!(same("127.0.0.1:9901", "9901"), 1);
    assert_eq!(same("0.0.0.0:9901", "127.0.0.1:9901"), 1);
    assert_eq!([same("127.0.0.1:9901", "9902"), same("127.0.0.1:0", "127.0.0.1:0")], [0, 0]);
}

/// docs/configuration.md, Variables: what depends on a variable that is not known is not checked, and all else is.
#[test]
fn what_depends_on_unknown_variables_is_left_out() {
    struct Later;
    impl Secrets for Later {
        fn secret(&self, _: &str) -> Option<String> {
            None
        }

        fn variable(&self, _: &str) -> Variable {
            Variable::Unknown
        }
    }
    let load = |text: &str| plan::load(text, &Capabilities::NATIVE, &Later).map(|_| ());
    let text = r#"{"upstreams": {"a": {"url": "${A}"}, "b": {"url": "http://b", "timeouts": {"total": "${T}"}}},
        "routes": [{"name": "${N}", "match": {"path": "${P}"}, "upstream": "${U}"},
        {"name": "s", "match": {"prefix": "/", "hosts": ["${H}"]}, "upstream": "a"},
        {"name": "t", "match": {"prefix": "/"}, "upstream": "b"}], "limits": {"bodyBytes": "${L:-1MiB}"}}"#;
    assert_eq!(load(text), Err(Vec::new()));
    assert_eq!(plan::warnings(text, NOW), []);
    let wrong = text.replace("/\"}, \"upstream\": \"b\"", "x\"}, \"upstream\": \"c\"").replace("1MiB", "1 MiB");
    let said: Vec<String> = load(&wrong).unwrap_err().into_iter().map(|mistake| mistake.path).collect();
    assert_eq!(said, ["routes[2].match.prefix", "routes[2].upstream", "limits.bodyBytes"]);
    let unused = text.replace("\"${U}\"", "\"a\"").replace("\"upstream\": \"b\"", "\"respond\": {}");
    assert_eq!(plan::warnings(&unused, NOW), [], "the first route may be sent anywhere");
    let unused = r#"{"upstreams": {"a": {"url": "${A}"}}, "routes": [{"name": "t", "respond": {}}]}"#;
    assert_eq!(plan::warnings(unused, NOW).len(), 1);
}

#[test]
fn two_routes_of_one_rank_are_shown_both() {
    let text = r#"{"routes": [
        {"name": "one", "match": {"path": "/x"}, "respond": {}},
        {"name": "two", "match": {"path": "/x"}, "respond": {}}]}"#;
    let found = said(text);
    assert_eq!(found.len(), 1, "{found:?}");
    let shown = found[0].render("f", Some(text), false);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[1], "  ┌ f:2:9  routes[0]", "{shown}");
    assert_eq!(lines[3], "  │         ^", "{shown}");
    assert_eq!(lines[4], "  ┌ f:3:9  routes[1]", "{shown}");
    assert_eq!(lines[6], "  │         ^", "{shown}");
    let json = serde_json::to_value(&found[0]).unwrap_or_default();
    assert_eq!(
        json["other"],
        serde_json::json!({"path": "routes[0]", "line": 2, "column": 9, "endLine": 2, "endColumn": 64})
    );
}

/// docs/platforms.md, the table: the hosts of Workers and Spin write header names themselves.
#[test]
fn the_case_of_header_names_is_refused_where_the_host_writes_them() {
    let with = |case: &str| {
        format!(
            r#"{{"server": {{"headerCase": "{case}"}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
        )
    };
    for platform in [Capabilities::CLOUDFLARE, Capabilities::SPIN] {
        let said = said_on(&platform, &with("title"), &Vault("", ""));
        let message = format!("on {}, the host writes the names of header fields", platform.name);
        assert_eq!(words(&said), [("server.headerCase", &*message)]);
        assert_eq!(said_on(&platform, &with("lower"), &Vault("", "")), []);
    }
    assert_eq!(said(&with("title")), []);
}

/// docs/adr/0004: one run tells every mistake, wherever another is.
#[test]
fn no_mistake_of_a_value_hides_another() {
    let text = r#"{"limits": {"headers": 0, "headerBytes": "0B", "urlBytes": "1MiB"}, "counters": {"timeout": "1ms"},
        "name": "a b", "network": {"trustedProxies": ["x"]}, "upstreams": {"u": {"url": "http://u"}}, "routes": [
        {"name": "proxy", "match": {"path": "/proxy"}, "split": [{"upstream": "u", "weight": 0}],
            "rewrite": {"path": "x"}, "webSocket": {"idle": "2s", "life": "1s"}},
        {"name": "prefix", "match": {"path": "/prefix"}, "upstream": "u", "rewrite": {"prefix": "/"},
            "webSocket": {"idle": "2s", "life": "1s"}},
        {"name": "value", "match": {"path": "/value"}, "keyValue": {"key": "{nope}", "contentType": "x", "ttl": "1s", "valueBytes": "1GiB"}},
        {"name": "fixed", "match": {"path": "/fixed"}, "respond": {"body": "{nope}", "headers": {"a b": "1", "x-request-id": "1"}}},
        {"name": "both", "match": {"path": "/both"}, "respond": {"body": "a", "json": 1, "headers": {"a b": "1"}}}]}"#;
    let said = said(text);
    let found: Vec<&str> = said.iter().map(|mistake| &*mistake.path).collect();
    for path in [
        "limits.headers",
        "limits.headerBytes",
        "limits.urlBytes",
        "counters.timeout",
        "name",
        "network.trustedProxies[0]",
        "routes[0].split",
        "routes[0].rewrite.path",
        "routes[0].webSocket.idle",
        "routes[1].rewrite.prefix",
        "routes[1].webSocket.idle",
        "routes[2].keyValue.key",
        "routes[2].keyValue.contentType",
        "routes[2].keyValue.ttl",
        "routes[2].keyValue.valueBytes",
        "routes[3].respond.body",
        "routes[3].respond.headers[\"a b\"]",
        "routes[3].respond.headers.x-request-id",
        "routes[4].respond.json",
        "routes[4].respond.headers[\"a b\"]",
    ] {
        assert!(found.contains(&path), "{path}: {found:#?}");
    }
    assert_eq!(found.len(), 20, "{found:#?}");
}

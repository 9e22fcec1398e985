//! What is said of configurations that are well-formed and yet wrong.

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
fn a_secret_that_was_pasted_for_its_name_is_not_repeated() {
    let text = r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "policies": [
        {"response": {"headers": {"set": {"x-a": {"secret": "hunter2-Very-Secret"}}}}}]}],
        "counters": {"redis": {"secret": "hunter2-Very-Secret"}}}"#;
    let said = said(text);
    assert_eq!(said.len(), 2, "{said:?}");
    for diagnostic in said {
        assert!(!shown(&diagnostic, text).contains("hunter2"), "{}", shown(&diagnostic, text));
    }
}

/// A configuration whose counters are in the Redis at `url`, written out or in a secret.
fn redis(url: &str, is_secret: bool) -> String {
    let value = if is_secret { r#"{"secret": "REDIS"}"#.to_owned() } else { format!("{url:?}") };
    format!(
        r#"{{"counters": {{"redis": {value}}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
    )
}

#[test]
fn the_url_of_a_redis_is_one() {
    for url in
        ["redis://h", "redis://h:1", "redis://10.0.0.1:6379/3", "redis://[::1]:6379/", "redis://h/0?protocol=resp3"]
    {
        assert_eq!(said(&redis(url, false)), [], "{url}");
        assert_eq!(said_on(&Capabilities::SPIN, &redis(url, false), &Vault("", "")), [], "{url}");
    }
    for (url, message) in [
        ("http://h", "not a Redis URL"),
        ("redis:h", "not a Redis URL"),
        ("redis://", "the URL has no host"),
        ("redis://:6379", "the URL has no host"),
        ("redis:///0", "the URL has no host"),
        ("redis://a b", "the URL has an impossible host"),
        ("redis://[::1", "the URL has an impossible host"),
        ("redis://[::1]6379", "the URL has an impossible host"),
        ("redis://0.0.0.0", "the URL's host stands for every address"),
        ("redis://[::]:1", "the URL's host stands for every address"),
        ("redis://h:", "the URL has an impossible port"),
        ("redis://h:0", "the URL has an impossible port"),
        ("redis://h:65536", "the URL has an impossible port"),
        ("redis://h:x", "the URL has an impossible port"),
        ("redis://h/x", "the URL's path is not a database's number"),
        ("rediss://h", "the native server can't reach a Redis over TLS"),
        ("rediss://", "the URL has no host"),
    ] {
        assert_eq!(words(&said(&redis(url, false))), [("counters.redis", message)], "{url}");
    }
    assert_eq!(said_on(&Capabilities::SPIN, &redis("rediss://h", false), &Vault("", "")), []);
}

#[test]
fn the_password_of_a_redis_belongs_in_a_secret() {
    for url in ["redis://user:hunter2@h:1", "redis://:hunter2@h", "redis://hunter2@h", "rediss://u:hunter2@h"] {
        let text = redis(url, false);
        let said = said(&text);
        assert_eq!(words(&said), [("counters.redis", "the URL contains credentials")], "{url}");
        assert!(said[0].help.as_deref().unwrap().contains("secret"), "{:?}", said[0].help);
        assert!(!shown(&said[0], &text).contains("hunter2"), "{}", shown(&said[0], &text));
    }
    let text = redis("", true);
    let right = Vault("REDIS", "redis://user:hunter2@h:1");
    assert_eq!(said_on(&Capabilities::NATIVE, &text, &right), []);
    for wrong in
        ["hunter2", "http://u:hunter2@h", "redis://u:hunter2@h:x", "redis://u:hunter2@", "rediss://u:hunter2@h"]
    {
        let said = said_on(&Capabilities::NATIVE, &text, &Vault("REDIS", wrong));
        assert_eq!(said.len(), 1, "{wrong}");
        assert!(!shown(&said[0], &text).contains("hunter2"), "{}", shown(&said[0], &text));
    }
}

#[test]
fn credentials_in_a_url_are_not_shown() {
    let text = r#"{"upstreams": {"a": {"url": "http://user:hunter2@c.test"}, "b": "http://u:hunter2@d.test"},
        "limits": {"bodyBytes": "https://u:hunter2@e"}}"#;
    let said = said(text);
    assert_eq!(said.len(), 3, "{said:?}");
    for diagnostic in said {
        assert!(!shown(&diagnostic, text).contains("hunter2"), "{}", shown(&diagnostic, text));
    }
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
        assert!(said[0].help.as_deref().unwrap().contains("`127.0.0.1:8080`"), "{:?}", said[0].help);
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

/// 2026-12-02T02:00:00Z
const NOW: Timestamp = Timestamp::from_unix_millis(1_796_176_800_000);

/// docs/configuration.md, Maintenance: `check` warns of a time that is over.
#[test]
fn warns_of_maintenance_that_is_over() {
    let over = |until: &str| {
        let policy = format!(r#"{{"maintenance": {{"until": "{until}"}}}}"#);
        let text = format!(
            r#"{{"policies": {{"p": {policy}}}, "routes": [{{"name": "r", "policies": ["p", {policy}], "respond": {{}}}}]}}"#
        );
        assert_eq!(said(&text), []);
        words(&plan::warnings(&text, NOW)).len()
    };
    assert_eq!([over("2026-12-02T02:00:00Z"), over("2026-12-02T02:00:01Z")], [2, 0]);
}

/// docs/configuration.md, What every request gets: what claims to know the client is read from trusted proxies alone.
#[test]
fn warns_of_what_no_client_is_believed() {
    let config = |network: &str| {
        format!(
            r#"{{"network": {network}, "upstreams": {{"a": {{"url": "http://a"}}}}, "routes": [
                {{"name": "m", "match": {{"path": "/m", "headers": {{"x-forwarded-for": "10.1.1.1", "x-a": "1"}}}}, "respond": {{}}}},
                {{"name": "k", "match": {{"path": "/k"}}, "respond": {{}},
                    "policies": [{{"rateLimit": {{"limit": 1, "window": "1s", "key": {{"header": "X-Real-IP"}}}}}}]}},
                {{"name": "e", "match": {{"path": "/e"}}, "upstream": "a", "policies": [{{"request": {{"headers": {{
                    "rename": {{"cf-connecting-ip": "x-b", "x-c": "x-real-ip"}},
                    "set": {{"x-d": "{{header.x-forwarded-for}}", "x-e": "{{header.true-client-ip}} {{header.x-f}}"}}}}}}}}]}}
            ]}}"#
        )
    };
    let removed = |name: &str| format!("`{name}` is removed from every request, since no proxy is trusted");
    let text = config("{}");
    assert_eq!(said(&text), []);
    let warnings = plan::warnings(&text, NOW);
    let expected = [
        ("routes[0].match.headers.x-forwarded-for", removed("x-forwarded-for")),
        ("routes[1].policies[0].rateLimit.key.header", removed("x-real-ip")),
        ("routes[2].policies[0].request.headers.rename.cf-connecting-ip", removed("cf-connecting-ip")),
        ("routes[2].policies[0].request.headers.set.x-e", removed("true-client-ip")),
    ];
    let expected: Vec<_> = expected.iter().map(|(path, message)| (*path, &**message)).collect();
    assert_eq!(words(&warnings), expected);
    assert!(warnings[0].help.as_ref().unwrap().contains("`network.trustedProxies`; then match by `clientAddress`"));
    let text = config(r#"{"trustedProxies": ["10.0.0.0/8"]}"#);
    assert_eq!(
        words(&plan::warnings(&text, NOW)),
        [("routes[0].match.headers.x-forwarded-for", "a client can write the beginning of `x-forwarded-for`")]
    );
}

#[test]
fn warns_of_what_has_no_effect() {
    let text = r#"{"upstreams": {"a": {"url": "http://a"}, "b": {"url": "http://b"}, "c": {"url": "http://c"}, "d": {"url": "http://d"}},
        "policies": {"idle": {"request": {}}, "unused": {"rateLimit": {"limit": 1, "window": "1s"}}, "used": {"cors": {"origins": ["*"]}}},
        "defaults": {"policies": ["idle", {}]},
        "apis": [{"name": "x", "upstream": "a", "routes": [{"name": "r", "match": {"path": "/x"}, "policies": ["used"]}]}],
        "routes": [{"name": "r", "match": {"path": "/r"}, "upstream": "b"},
            {"name": "s", "match": {"path": "/s"}, "split": [{"upstream": "c", "weight": 1}]}]}"#;
    assert_eq!(said(text), []);
    let warnings = plan::warnings(text, NOW);
    assert_eq!(
        words(&warnings),
        [
            ("upstreams.d", "nothing is sent to `d`"),
            ("policies.idle", "the policy does nothing"),
            ("policies.unused", "nothing uses `unused`"),
            ("defaults.policies[1]", "the policy does nothing"),
        ]
    );
    assert!(warnings[0].render("f", Some(text), false).starts_with("warning: nothing is sent to `d`\n"));
    assert!(serde_json::to_string(&warnings[0]).unwrap().starts_with(r#"{"severity":"warning","path":"#));
    assert_eq!(plan::warnings("{", NOW), []);
    assert_eq!(plan::warnings(include_str!("../../gateway.json"), NOW), []);
}

#[test]
fn web_sockets_are_refused_where_the_platform_has_none() {
    let with = |member: &str| {
        format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [
            {{"name": "r", "match": {{"path": "/"}}, "upstream": "u"{member}}}]}}"#
        )
    };
    let on = |platform: &Capabilities, member: &str| -> Vec<(String, String)> {
        let said = said_on(platform, &with(member), &Vault("", ""));
        said.into_iter().map(|diagnostic| (diagnostic.path, diagnostic.message)).collect()
    };
    let all = [Capabilities::NATIVE, Capabilities::CLOUDFLARE, Capabilities::SPIN];
    for platform in &all {
        for member in ["", r#", "webSocket": false"#, r#", "webSocket": null"#] {
            assert_eq!(on(platform, member), [], "{}: {member}", platform.name);
        }
    }
    let refused = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    for member in [r#", "webSocket": true"#, r#", "webSocket": {}"#, r#", "webSocket": {"idle": "1s"}"#] {
        assert_eq!(on(&Capabilities::NATIVE, member), [], "{member}");
        let because = refused("routes[0].webSocket", "on Spin, no WebSockets are passed on");
        assert_eq!(on(&Capabilities::SPIN, member), [because], "{member}");
    }
    // Workers hand them on without a say in how long they stand.
    let words = "on Cloudflare Workers, the runtime decides how long a WebSocket stands";
    assert_eq!(
        on(&Capabilities::CLOUDFLARE, r#", "webSocket": {"idle": "1s", "life": "0s"}"#),
        [refused("routes[0].webSocket.idle", words), refused("routes[0].webSocket.life", words)]
    );
    assert_eq!(on(&Capabilities::CLOUDFLARE, r#", "webSocket": true"#), []);
    assert_eq!(
        on(&Capabilities::NATIVE, r#", "webSocket": {"idle": "2s", "life": "1s"}"#),
        [refused("routes[0].webSocket.idle", "`life` is over before `idle`")]
    );
    assert_eq!(on(&Capabilities::NATIVE, r#", "webSocket": {"idle": "2s", "life": "0s"}"#), []);
    assert!(plan::takes_web_sockets_unsaid(&with("")));
    assert!(!plan::takes_web_sockets_unsaid(&with(r#", "webSocket": false"#)));
    assert!(!plan::takes_web_sockets_unsaid("{"));
}

#[test]
fn only_a_route_to_an_upstream_takes_web_sockets() {
    let text = r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "webSocket": true}]}"#;
    assert_eq!(words(&said(text)), [("routes[0].webSocket", "only a route to an upstream can take WebSockets")]);
    assert!(!plan::takes_web_sockets_unsaid(text));
}

/// Without limits stated, those of the documentation hold; `0s` is without limit.
#[test]
fn web_sockets_have_limits() {
    let limits = |member: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [
            {{"name": "r", "match": {{"path": "/"}}, "upstream": "u"{member}}}]}}"#
        );
        let plan = plan::load(&text, &Capabilities::NATIVE, &Vault("", "")).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        proxy.web_socket.map(|limits| [limits.idle, limits.life].map(|limit| limit.map(|limit| limit.as_secs())))
    };
    for member in ["", r#", "webSocket": true"#, r#", "webSocket": {}"#] {
        assert_eq!(limits(member), Some([Some(600), Some(86_400)]), "{member}");
    }
    assert_eq!(limits(r#", "webSocket": false"#), None);
    assert_eq!(limits(r#", "webSocket": {"idle": "0s"}"#), Some([None, Some(86_400)]));
    assert_eq!(limits(r#", "webSocket": {"idle": "5s", "life": "1m"}"#), Some([Some(5), Some(60)]));
}

/// docs/configuration.md, WebSockets: a place must not come free under a live socket.
#[test]
fn no_socket_has_a_place_where_none_can_be_ended() {
    let load = |member: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}},
            "upstream": "u", "timeouts": {{"total": "1h"}}, "policies": [{{"concurrency": {{"limit": 1}}}}]{member}}}]}}"#
        );
        plan::load(&text, &Capabilities::CLOUDFLARE, &Vault("", ""))
    };
    for member in ["", r#", "webSocket": false"#] {
        let plan = load(member).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        assert_eq!(proxy.web_socket, None, "{member}");
    }
    for member in [r#", "webSocket": true"#, r#", "webSocket": {}"#] {
        let message = "on Cloudflare Workers, a WebSocket could outlive its place under a limit on concurrency";
        assert_eq!(words(&load(member).unwrap_err()), [("routes[0].webSocket", message)], "{member}");
    }
}

/// docs/configuration.md, WebSockets: a place must not come free under a live socket.
#[test]
fn a_socket_with_a_place_ends_before_its_lease() {
    let with = |member: &str| {
        format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}},
            "upstream": "u", "timeouts": {{"total": "1h"}}, "policies": [{{"concurrency": {{"limit": 1}}}}]{member}}}]}}"#
        )
    };
    let life = |member: &str| {
        let plan = plan::load(&with(member), &Capabilities::NATIVE, &Vault("", "")).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        proxy.web_socket.and_then(|limits| limits.life).map(|life| life.as_secs())
    };
    assert_eq!(life(""), Some(3_600));
    assert_eq!(life(r#", "webSocket": {"life": "5m"}"#), Some(300));
    assert_eq!(life(r#", "webSocket": false"#), None);
    for life in ["2h", "0s"] {
        let said = said(&with(&format!(r#", "webSocket": {{"idle": "1m", "life": "{life}"}}"#)));
        let message = "with a limit on concurrency, no socket stands longer than the `total` deadline";
        assert_eq!(words(&said), [("routes[0].webSocket.life", message)], "{life}");
    }
}

/// docs/configuration.md, Access log: `accessLog.format` counts before `server.accessLog`.
#[test]
fn warns_of_a_format_of_the_log_that_does_not_count() {
    let both = r#"{"server": {"accessLog": "off"}, "accessLog": {"format": "json"}}"#;
    let warnings = plan::warnings(both, NOW);
    assert_eq!(words(&warnings), [("server.accessLog", "this has no effect: `accessLog.format` decides")]);
    assert_eq!(plan::warnings(r#"{"server": {"accessLog": "off"}, "accessLog": {"query": true}}"#, NOW), []);
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
    assert_eq!(json["other"], serde_json::json!({"path": "routes[0]", "line": 2, "column": 9}));
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

/// Warnings about these routes, in an API with this prefix if there is one.
fn warned(prefix: Option<&str>, routes: &str) -> Vec<(String, String, Option<String>)> {
    let text = match prefix {
        Some(prefix) => format!(r#"{{"apis": [{{"name": "a", "prefix": "{prefix}", "routes": [{routes}]}}]}}"#),
        None => format!(r#"{{"routes": [{routes}]}}"#),
    };
    assert_eq!(said(&text), [], "{text}");
    let warnings = plan::warnings(&text, NOW).into_iter();
    warnings.map(|warning| (warning.path, warning.message, warning.other.map(|other| other.path))).collect()
}

/// docs/configuration.md, What it matches: each member of a list is ranked by itself.
#[test]
fn warns_of_a_member_of_a_list_that_no_request_gets_to() {
    let route = |matches: &str| format!(r#"{{"name": "r", "match": {matches}, "respond": {{}}}}"#);
    let dead = |at: &str, by: &str| {
        let message = "no request gets to this match: others take all of them".to_owned();
        vec![(at.to_owned(), message, Some(by.to_owned()))]
    };
    for (matches, at, by) in [
        (r#"[{"path": "/a"}, {"path": "/a"}]"#, 1, 0),
        (r#"[{"path": "/a", "methods": ["GET"]}, {"path": "/a", "methods": ["GET", "POST"]}]"#, 0, 1),
        (r#"[{"path": "/a", "headers": {"x": {"present": true}}}, {"path": "/a", "headers": {"x": "1"}}]"#, 1, 0),
    ] {
        assert_eq!(
            warned(None, &route(matches)),
            dead(&format!("routes[0].match[{at}]"), &format!("routes[0].match[{by}]")),
            "{matches}"
        );
    }
    // A more specific member outranks other routes, so it is of use beside one that takes its requests, too.
    for matches in [
        r#"[{"path": "/a/b"}, {"prefix": "/a"}]"#,
        r#"[{"path": "/a"}, {"path": "/b"}]"#,
        r#"[{"path": "/a", "methods": ["GET"]}, {"path": "/a"}]"#,
        r#"[{"path": "/a", "headers": {"x": "1"}}, {"path": "/a", "headers": {"y": "1"}}]"#,
        r#"{"path": "/a"}"#,
    ] {
        assert_eq!(warned(None, &route(matches)), [], "{matches}");
    }
    // Another route may take all.
    let other = r#"{"name": "o", "match": {"path": "/a", "methods": ["GET", "POST"]}, "respond": {}}"#;
    let both = format!("{other}, {}", route(r#"[{"path": "/a", "methods": ["PUT"]}, {"path": "/b"}]"#));
    assert_eq!(warned(None, &both), []);
}

/// docs/configuration.md, Regular expressions: they are matched behind the API's prefix.
#[test]
fn warns_of_an_alternative_that_asks_for_the_beginning_behind_a_prefix() {
    let route =
        |regex: &str| format!(r#"{{"name": "r", "match": {{"path": {{"regex": "{regex}"}}}}, "respond": {{}}}}"#);
    let warning = "what follows `^` is never matched: the API's prefix goes before it";
    for regex in ["^/a|^/b", "/a|^/b", "(?:^/a|/b)"] {
        assert_eq!(
            warned(Some("/v1"), &route(regex)),
            [("apis[0].routes[0].match.path.regex".to_owned(), warning.to_owned(), None)],
            "{regex}"
        );
        assert_eq!(warned(Some("/"), &route(regex)), [], "{regex}");
    }
    for regex in ["^/a|/b", "/a|/b$", "/[^/]+|/x", r"/\\^a|/b", r"/[\\]^]"] {
        assert_eq!(warned(Some("/v1"), &route(regex)), [], "{regex}");
    }
}

//! Secrets, which no message repeats.

use gateway_core::plan;
use gateway_core::ports::Capabilities;

use super::{Vault, said, said_on, shown, words};

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
    for url in [
        "redis://h",
        "rediss://h",
        "redis://h:1",
        "redis://10.0.0.1:6379/3",
        "redis://[::1]:6379/",
        "redis://h/0?protocol=resp3",
    ] {
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
        ("rediss://", "the URL has no host"),
    ] {
        assert_eq!(words(&said(&redis(url, false))), [("counters.redis", message)], "{url}");
    }
}

/// docs/configuration.md, Redis: what is stated beside the URL, and docs/platforms.md: where it can be.
#[test]
fn a_redis_may_have_authorities_and_be_a_cluster() {
    for store in ["counters", "responses"] {
        let stated = |members: &str| {
            format!(
                r#"{{"{store}": {{{members}}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
            )
        };
        let at = |member: &str| format!("{store}.{member}");
        for right in [
            r#""redis": "redis://h", "cluster": true"#,
            r#""redis": "redis://h/0", "cluster": true, "timeout": "10ms""#,
            r#""redis": "rediss://h", "cluster": true, "authorities": "ca.pem""#,
            r#""timeout": "30s", "cluster": false"#,
        ] {
            assert_eq!(said(&stated(right)), [], "{right}");
        }
        for (wrong, member, message) in [
            (r#""authorities": "ca.pem""#, "authorities", "there is no Redis that this is for"),
            (r#""cluster": true"#, "cluster", "there is no Redis that this is for"),
            (r#""redis": "redis://h", "authorities": "ca.pem""#, "authorities", "the Redis is one without TLS"),
            (r#""redis": "rediss://h", "authorities": """#, "authorities", "this names no file"),
            (r#""redis": "redis://h/1", "cluster": true"#, "redis", "a cluster has no numbered databases"),
            (r#""redis": "http://h""#, "redis", "not a Redis URL"),
            (r#""timeout": "31s""#, "timeout", "the deadline is too short or too long"),
        ] {
            assert_eq!(words(&said(&stated(wrong))), [(&*at(member), message)], "{wrong}");
        }
        let on = |capabilities: &Capabilities, members: &str| {
            let said = said_on(capabilities, &stated(members), &Vault("", ""));
            said.iter().map(|error| error.path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(on(&Capabilities::SPIN, r#""redis": "rediss://h""#), [""; 0]);
        let both = r#""redis": "rediss://h", "authorities": "ca.pem", "cluster": true"#;
        assert_eq!(on(&Capabilities::SPIN, both), [at("authorities"), at("cluster")]);
        assert_eq!(on(&Capabilities::CLOUDFLARE, both), [at("redis")]);
    }
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
        ["hunter2", "http://u:hunter2@h", "redis://u:hunter2@h:x", "redis://u:hunter2@", "rediss://u:hunter2@h:x"]
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

/// A source whose secrets are known where the gateway runs alone.
struct Elsewhere;

impl plan::Secrets for Elsewhere {
    fn secret(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn is_made_up(&self, _: &str) -> bool {
        true
    }
}

/// docs/configuration.md, Issuers: what is wrong with a key whatever its secret is, is found where that is not known.
#[test]
fn a_key_that_no_secret_would_make_right_is_found_without_the_secret() {
    let about = |key: &str| {
        let text = format!(
            r#"{{"issuers": {{"corp": {{"algorithms": ["HS256"], "keys": [{key}]}}, "own": {{"keys": [{key}]}}}},
            "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": [{{"authenticate": {{"jwt": {{"issuers": ["own"]}}}}}}]}}]}}"#
        );
        let found = plan::load(&text, &Capabilities::NATIVE, &Elsewhere).err().unwrap_or_default();
        found.into_iter().map(|mistake| (mistake.path, mistake.message)).collect::<Vec<_>>()
    };
    let is = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let secret = r#"{"secret": {"secret": "KEY"}}"#;
    let unsaid = "nothing says which algorithm the secret is for";
    assert_eq!(about(secret), [is("issuers.own.keys[0].secret", unsaid)]);
    assert_eq!(about(r#"{"algorithm": "HS256", "secret": {"secret": "KEY"}}"#), []);
}

//! What the log and the commands tell of rules for callers (docs/configuration.md, Who may do it).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::commands::said;
use super::support::{Folder, Program, Wire, ok_upstream};

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// A good token with these claims besides.
fn token(claims: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg": "EdDSA"}"#);
    let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"exp": 4000000000, {claims}}}"#));
    let signed = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// A folder with a gateway in front of `upstream`, whose callers have to be known and meet `rule`.
fn folder(upstream: std::net::SocketAddr, rule: &str) -> Folder {
    let folder = Folder::new();
    let x = BASE64_URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
    folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "issuers": {{ "corp": {{ "keys": [{{ "jwk": {{ "kty": "OKP", "crv": "Ed25519", "x": "{x}" }} }}] }} }},
              "upstreams": {{ "up": {{ "url": "http://{upstream}" }} }},
              "policies": {{ "known": {{ "authenticate": {{ "jwt": {{}} }} }}, "ruled": {{ {rule} }} }},
              "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up", "policies": ["known", "ruled"] }}]
            }}"#
        ),
    );
    folder
}

/// The refusal names the rule in the log, and not to the client.
#[test]
fn the_log_names_the_rule_that_refuses_and_the_client_is_not_told() {
    let upstream = ok_upstream();
    let folder = folder(upstream.address, r#""authorize": {"claims": {"tenant": "acme"}, "scopes": ["write"]}"#);
    let program = Program::serve(&folder.0.join("gateway.json"));
    let mut wire = Wire::connect(program.address);
    let mut ask = |path: &str, claims: &str| {
        let token = token(claims);
        let answer = wire.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"));
        answer.unwrap()
    };
    let (code, body) = ask("/tenant", r#""tenant": "beta", "scope": "write""#);
    assert_eq!(code, 403);
    for inner in ["policies", "ruled", "tenant", "acme", "beta"] {
        assert!(!body.contains(inner), "{body}");
    }
    assert_eq!(ask("/scope", r#""tenant": "acme""#).0, 403);
    assert_eq!(ask("/good", r#""tenant": "acme", "scope": "write""#).0, 200);
    let logged = |path: &str| {
        let line = program.logged(path);
        (line["error"].clone(), line["rule"].clone())
    };
    assert_eq!(logged("/tenant"), ("forbidden".into(), "policies.ruled.authorize".into()));
    assert_eq!(logged("/scope"), ("insufficient_scope".into(), "policies.ruled.authorize".into()));
    assert_eq!(logged("/good"), (serde_json::Value::Null, serde_json::Value::Null));
}

/// docs/command-line.md, `explain`: the rule, and the member of it that is not met.
#[test]
fn explain_says_which_rule_refuses_and_which_member_of_it() {
    let rule = r#""authorize": {"name": "writers", "claims": {"tenant": "acme"}, "scopes": ["read", "write"]}"#;
    let folder = folder("127.0.0.1:9".parse().unwrap(), rule);
    let explain = |claims: &str| {
        let field = format!("Authorization: Bearer {}", token(claims));
        said(&folder, &["explain", "GET", "/a", "-H", &field])
    };
    let refused = explain(r#""tenant": "beta""#);
    assert!(refused.contains("`writers` refuses it: the claim `tenant` has none of the values\n"), "{refused}");
    let refused = explain(r#""tenant": "acme", "scope": "read""#);
    assert!(
        refused.contains("`writers` refuses it: the credential has not every scope of `read`, `write`\n"),
        "{refused}"
    );
    let admitted = explain(r#""tenant": "acme", "scope": "read write""#);
    assert!(admitted.contains("`writers` admits it\n"), "{admitted}");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("only scope read and write, claim tenant"), "{routes}");
}

/// docs/configuration.md, Access log: `because` has the part of an expression that is not met, `explain` its values as well.
#[test]
fn why_an_expression_is_not_met_is_in_the_log_without_values_and_in_explain_with_them() {
    let rule = r#""authorize": {"name": "own", "when": "claims.tenant == 'acme' && claims.level > 2"}"#;
    let upstream = ok_upstream();
    let folder = folder(upstream.address, rule);
    let field = |claims: &str| format!("Authorization: Bearer {}", token(claims));
    let explained = said(&folder, &["explain", "GET", "/a", "-H", &field(r#""tenant": "beta""#)]);
    let words = "`own` refuses it: `claims.tenant == 'acme'` is false: `claims.tenant` is 'beta'\n";
    assert!(explained.contains(words), "{explained}");
    let explained = said(&folder, &["explain", "GET", "/a", "-H", &field(r#""tenant": "acme""#)]);
    assert!(explained.contains("`own` refuses it: `claims.level` is not there\n"), "{explained}");

    let program = Program::serve(&folder.0.join("gateway.json"));
    for (path, claims, because) in [
        ("/beta", r#""tenant": "beta""#, "`claims.tenant == 'acme'` is false"),
        ("/none", r#""tenant": "acme""#, "`claims.level` is not there"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", field(claims));
        assert_eq!(Wire::connect(program.address).ask(&request).unwrap().0, 403);
        let line = program.logged(path);
        assert_eq!((&line["rule"], &line["because"]), (&"own".into(), &because.into()));
    }
}

/// docs/configuration.md, Another upstream for some: `explain` follows the caller, and `routes` says who goes where.
#[test]
fn explain_follows_a_caller_who_is_steered() {
    let rule = r#""steer": [{"when": {"claims": {"plan": "b2b"}}, "upstream": "large"}]"#;
    let folder = folder("127.0.0.1:9".parse().unwrap(), rule);
    let file = folder.0.join("gateway.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(r#""upstreams": {"#, r#""upstreams": { "large": { "url": "http://large.test" }, "#);
    std::fs::write(&file, text).unwrap();
    let explain = |claims: &str, more: &[&str]| {
        let field = format!("Authorization: Bearer {}", token(claims));
        said(&folder, &[&["explain", "GET", "/a", "-H", &field], more].concat())
    };
    let steered = explain(r#""plan": "b2b""#, &[]);
    assert!(steered.contains("to `large`, for the caller meets its condition: claim plan\n"), "{steered}");
    assert!(steered.contains("http://large.test"), "{steered}");
    let other = explain(r#""plan": "free""#, &[]);
    assert!(other.contains("the caller meets no condition: claim plan to large\n"), "{other}");
    assert!(!other.contains("large.test") && other.contains("http://127.0.0.1:9"), "{other}");
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("→ up ") && routes.contains("claim plan to large"), "{routes}");
    let clean = said(&folder, &["check"]);
    assert!(!clean.contains("nothing is sent to"), "{clean}");
}

/// docs/configuration.md, Which clients: the log names the rule, `explain` the reason.
#[test]
fn explain_says_why_a_client_is_not_let_in() {
    let rule = r#""clients": {"allow": ["10.0.0.0/8"], "deny": ["10.9.0.0/16"]}"#;
    let folder = folder("127.0.0.1:9".parse().unwrap(), rule);
    let explain = |client: &str| said(&folder, &["explain", "GET", "/a", "--client", client]);
    let denied = explain("10.9.1.1");
    let words = "`policies.ruled.clients` refuses it: the client is in `10.9.0.0/16`, which is denied\n";
    assert!(denied.contains(words), "{denied}");
    assert!(explain("192.0.2.1").contains("refuses it: the client is in no network that is allowed\n"));
    assert!(explain("10.1.1.1").contains("`policies.ruled.clients` admits it\n"));
    let routes = said(&folder, &["routes"]);
    assert!(routes.contains("only clients in 10.0.0.0/8, none in 10.9.0.0/16"), "{routes}");
}

//! Logins that are not meant as they are written (docs/configuration.md, Pages behind a login).

use gateway_core::config::Diagnostic;
use gateway_core::plan;
use gateway_core::ports::Capabilities;

use super::{NOW, Vault, said_on, words};

fn warned(text: &str) -> Vec<Diagnostic> {
    let key = Vault("K", "0123456789abcdef0123456789abcdef");
    assert_eq!(said_on(&Capabilities::NATIVE, text, &key), [], "{text}");
    plan::warnings(text, NOW)
}

/// A configuration with these members of its own, of its login and of its only route's policy.
fn with(own: &str, login: &str, rule: &str) -> String {
    format!(
        r#"{{{own}"issuers": {{"corp": {{"issuer": "https://id.example.com", "discovery": true, "groups": "/realm/roles"}}}},
        "policies": {{"in": {{"authenticate": {{"login": {{"client": {{"id": "gw"}}, "keys": [{{"secret": "K"}}], "life": "1h"{login}}}}}}}}},
        "routes": [{{"name": "r", "respond": {{}}, "policies": ["in"{rule}]}}]}}"#
    )
}

const PROXY: &str = r#""network": {"trustedProxies": ["10.0.0.1"]}, "#;

#[test]
fn warns_of_a_rule_on_a_claim_that_no_session_keeps() {
    let of = |login: &str, claim: &str| {
        warned(&with(PROXY, login, &format!(r#", {{"authorize": {{"claims": {{"{claim}": "a"}}}}}}"#)))
    };
    let message = "nobody who logs in is let in: the session does not keep the claim `roles`";
    for claim in ["roles", "/roles/0"] {
        assert_eq!(words(&of(r#", "claims": ["email"]"#, claim)), [("routes[0]", message)]);
    }
    for (login, claim) in [
        (r#", "claims": ["roles"]"#, "roles"),
        (r#", "claims": ["roles"]"#, "/roles/0"),
        ("", "sub"),
        ("", "sid"),
        ("", "/realm/roles"),
        ("", "realm"),
    ] {
        assert_eq!(of(login, claim), [], "{login} {claim}");
    }
}

#[test]
fn warns_of_a_logout_that_is_noted_nowhere() {
    let of = |login: &str| warned(&with(PROXY, login, ""));
    let message = "a copy of a cookie is good after `/out`, too: nothing is noted elsewhere";
    let found = of(r#", "logout": "/out""#);
    assert_eq!(words(&found), [("policies.in.authenticate.login.logout", message)]);
    assert_eq!(of(r#", "logout": "/out", "backChannelLogout": "/ended""#), []);
}

/// The usual listener of the native server is one without TLS. Other platforms have their own.
#[test]
fn warns_of_a_login_that_the_usual_listener_lets_nobody_use() {
    let message = "nobody logs in but at `localhost`: no listener has TLS, and no proxy is trusted to say that it has";
    let text = with("", "", "");
    assert_eq!(warned(&text), []);
    let found = plan::native_warnings(&text);
    assert_eq!(words(&found), [("policies.in.authenticate.login", message)]);
    let tls = r#""server": {"tls": {"certificate": "a.pem", "key": "a.key"}}, "#;
    for own in [PROXY, tls] {
        assert_eq!(plan::native_warnings(&with(own, "", "")), [], "{own}");
    }
    assert_eq!(plan::native_warnings(&with("", r#", "insecure": true"#, "")), []);
    let listening = with(r#""server": {"listen": "0.0.0.0:80"}, "#, "", "");
    assert_eq!(words(&warned(&listening)), [("policies.in.authenticate.login", message)]);
    assert_eq!(plan::native_warnings(&listening), []);
}

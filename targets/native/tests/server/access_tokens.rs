//! Tokens for upstreams that nobody gives (docs/configuration.md, Credentials for upstreams).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::support::{Folder, Program, Wire, ok_upstream, upstream, wait_until};

/// The log has the status and the code (RFC 6749 §5.2), standard error a line when it begins and one when it ends; and nothing has the
/// secret, though the server repeats it.
#[test]
fn why_there_is_no_token_is_told_to_the_operator_without_a_secret() {
    let is_well = Arc::new(AtomicBool::new(false));
    let server = {
        let is_well = Arc::clone(&is_well);
        upstream(move |wire, _| {
            while let Some(head) = wire.head() {
                let form = wire.body(&head);
                assert!(
                    head.starts_with("POST /token ") && form.ends_with(b"client_secret=hunter2-and-more"),
                    "{head}"
                );
                let (status, content) = if is_well.load(Ordering::SeqCst) {
                    ("200 OK", r#"{"access_token": "abc", "token_type": "Bearer"}"#)
                } else {
                    (
                        "401 Unauthorized",
                        r#"{"error": "invalid_client", "error_description": "no client has hunter2-and-more"}"#,
                    )
                };
                wire.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}", content.len()));
            }
        })
    };
    let (folder, up) = (Folder::new(), ok_upstream());
    folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "accessLog": {{ "format": "json" }},
              "upstreams": {{ "up": {{ "url": "http://{}", "credentials": {{ "clientCredentials": {{ "tokenUrl": "http://{}/token",
                "client": "gateway", "secret": {{ "secret": "CLIENT_SECRET" }}, "clientAuthentication": "post" }} }} }} }},
              "routes": [{{ "name": "r", "match": {{ "prefix": "/" }}, "upstream": "up" }}]
            }}"#,
            up.address, server.address
        ),
    );
    let arguments = ["serve", "gateway.json", "--threads", "1"];
    let program = Program::run_with(&arguments, &folder.0, &[("CLIENT_SECRET", "hunter2-and-more")]);
    let ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        Wire::connect(program.address).ask(&request).unwrap()
    };
    let (status, problem) = ask("/first");
    assert!(
        status == 503 && problem.contains("credentials_unavailable") && !problem.contains("invalid_client"),
        "{problem}"
    );
    let logged = program.logged("/first");
    assert_eq!(
        (&logged["error"], &logged["upstreamAuth"]),
        (&"credentials_unavailable".into(), &"401 invalid_client".into())
    );
    // Nobody asks again at once: the reason is the same.
    assert_eq!(ask("/second").0, 503);
    assert_eq!(program.logged("/second")["upstreamAuth"], "401 invalid_client");
    program.wait_for_message("the token for the upstream `up` fails: 401 invalid_client");
    is_well.store(true, Ordering::SeqCst);
    wait_until("the server gives a token", || ask("/again").0 == 200);
    program.wait_for_message("the token for the upstream `up` works again");
    assert_eq!(ask("/last").0, 200);
    assert_eq!(program.logged("/last")["upstreamAuth"], serde_json::Value::Null);
    let messages = program.messages();
    assert_eq!(messages.matches("the token for the upstream").count(), 2, "{messages}");
    assert!(!messages.contains("hunter2") && !messages.contains("no client has"), "{messages}");
}

/// docs/configuration.md, Tokens that their issuer is asked about, Keys that an issuer publishes: the log says why an issuer can't be asked, and
/// standard error when that begins. An answer of whatever status is no failed connection.
#[test]
fn why_an_issuer_can_not_be_asked_is_told_to_the_operator() {
    let issuer = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let _ = wire.body(&head);
            let (status, content) = match head.split(' ').nth(1) {
                Some("/introspect") => ("401 Unauthorized", r#"{"error": "invalid_client"}"#),
                Some("/.well-known/openid-configuration") => {
                    ("200 OK", r#"{"issuer": "http://elsewhere.test", "jwks_uri": "http://elsewhere.test/jwks"}"#)
                }
                _ => ("404 Not Found", ""),
            };
            wire.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{content}", content.len()));
        }
    });
    let (folder, up) = (Folder::new(), ok_upstream());
    folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "accessLog": {{ "format": "json" }},
              "issuers": {{
                "asked": {{ "introspection": {{ "endpoint": "http://{at}/introspect", "client": "gateway", "secret": {{ "secret": "CLIENT_SECRET" }} }} }},
                "other": {{ "issuer": "http://{at}", "discovery": true }},
                "lost": {{ "issuer": "http://lost.test", "jwks": "http://{at}/nowhere" }} }},
              "policies": {{
                "asked": {{ "authenticate": {{ "introspect": {{}} }} }},
                "other": {{ "authenticate": {{ "jwt": {{ "issuers": ["other"] }} }} }},
                "lost": {{ "authenticate": {{ "jwt": {{ "issuers": ["lost"] }} }} }} }},
              "upstreams": {{ "up": {{ "url": "http://{}" }} }},
              "routes": [
                {{ "name": "asked", "match": {{ "path": "/asked" }}, "upstream": "up", "policies": ["asked"] }},
                {{ "name": "other", "match": {{ "path": "/other" }}, "upstream": "up", "policies": ["other"] }},
                {{ "name": "lost", "match": {{ "path": "/lost" }}, "upstream": "up", "policies": ["lost"] }}]
            }}"#,
            up.address,
            at = issuer.address,
        ),
    );
    let arguments = ["serve", "gateway.json", "--threads", "1"];
    let program = Program::run_with(&arguments, &folder.0, &[("CLIENT_SECRET", "hunter2-and-more")]);
    let own = format!("http://{}", issuer.address);
    for (path, iss, cause) in [
        ("/asked", &*own, "client_refused"),
        ("/other", &own, "issuer_mismatch"),
        ("/lost", "http://lost.test", "answer_status"),
    ] {
        // A token that can be read.
        let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"{iss}","exp":4102444800}}"#));
        let token = format!("eyJhbGciOiJFUzI1NiJ9.{claims}.{}", "A".repeat(86));
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        let (status, _) = Wire::connect(program.address).ask(&request).unwrap();
        let logged = program.logged(path);
        assert_eq!((status, &logged["cause"]), (503, &cause.into()), "{path}");
    }
    program.wait_for_message(
        "introspection at the issuer `asked` fails: its status is 401, and its error `invalid_client`",
    );
    program.wait_for_message("reading the keys of the issuer `other` fails: ");
    program.wait_for_message("reading the keys of the issuer `lost` fails: its status is 404");
    assert!(!program.messages().contains("hunter2"), "{}", program.messages());
}

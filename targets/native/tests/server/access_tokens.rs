//! Tokens for upstreams that nobody gives (docs/configuration.md, Credentials for upstreams).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

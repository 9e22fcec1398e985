//! Services that decide about requests, in the log and on standard error (docs/configuration.md, A service of your own).

use super::support::{Folder, Program, Wire, ok_upstream, upstream};

/// A service that gives no answer to go by: the log says why, and standard error says when that begins and ends.
#[test]
fn operators_are_told_why_a_service_decides_nothing() {
    let up = ok_upstream();
    let service = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let (status, fields) = match head.split(' ').nth(1).unwrap() {
                "/status" => ("500 Oops", String::new()),
                "/consumers" => ("200 OK", "X-Consumer: a\r\nX-Consumer: b\r\n".to_owned()),
                "/no" => ("403 No", String::new()),
                "/fields" => ("401 No", format!("Location: {}\r\n", "/".repeat(16 * 1024))),
                _ => ("200 OK", String::new()),
            };
            wire.send(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 2\r\n\r\n{{}}"));
        }
    });
    let folder = Folder::new();
    let route = |path: &str, upstream: &str, further: &str| {
        format!(
            r#"{{ "name": "{path}", "match": {{ "path": "/{path}" }}, "upstream": "up", "policies": [
                {{ "authenticate": {{ "external": {{ "upstream": "{upstream}", "path": "/{path}"{further} }} }} }}] }}"#
        )
    };
    let routes = [
        route("status", "sso", ""),
        route("consumers", "sso", r#", "consumer": "x-consumer""#),
        route("fields", "sso", ""),
        route("good", "sso", ""),
        route("no", "sso", ""),
        route("gone", "lost", ""),
    ];
    let file = folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "consumers": {{ "a": {{}} }},
              "upstreams": {{
                "up": {{ "url": "http://{}" }},
                "sso": {{ "url": "http://{}" }},
                "lost": {{ "url": "http://127.0.0.1:9" }} }},
              "routes": [{}]
            }}"#,
            up.address,
            service.address,
            routes.join(",")
        ),
    );
    let program = Program::serve(&file);
    let ask = |path: &str| {
        let answer = Wire::connect(program.address).ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        (answer.0, program.logged(path))
    };
    for (path, cause) in [
        ("/status", "answer_status"),
        ("/consumers", "answer_malformed"),
        ("/fields", "answer_too_large"),
        ("/gone", "connection_refused"),
    ] {
        let (status, line) = ask(path);
        assert_eq!((status, &line["auth"]), (503, &"decision_unavailable".into()), "{path}");
        assert_eq!(line["cause"], cause, "{path}");
        let service = if path == "/gone" { "lost" } else { "sso" };
        assert_eq!(line["because"], format!("the service `{service}` gives no answer to go by"), "{path}");
    }
    program.wait_for_message("asking the service `sso` fails: ");
    program.wait_for_message("asking the service `lost` fails: connection_refused");
    let (status, line) = ask("/no");
    assert_eq!((status, &line["auth"], &line["rule"]), (403, &"denied".into(), &"external".into()));
    assert_eq!((&line["because"], line.get("cause")), (&"the service `sso` refuses the request".into(), None));
    let (status, line) = ask("/good");
    assert_eq!((status, line.get("rule")), (200, None));
    program.wait_for_message("asking the service `sso` works again");
}

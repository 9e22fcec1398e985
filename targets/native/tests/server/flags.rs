//! Flags, set while the program runs (docs/configuration.md, Flags).

use std::net::SocketAddr;

use super::support::{Folder, Program, Wire, field, get, start, status};

const CONFIG: &str = r#"{
  "server": { "listen": "127.0.0.1:0", "admin": "0", "accessLog": "off", "keyValueFile": "flags.redb" },
  "policies": {
    "users": { "maintenance": { "flag": "maintenance/users" } },
    "odd": { "maintenance": { "flag": "two words" } }
  },
  "routes": [
    { "name": "users", "match": { "path": "/" }, "respond": { "body": "ok" }, "policies": ["users"] },
    { "name": "odd", "match": { "path": "/odd" }, "respond": {}, "policies": ["odd"] }
  ]
}"#;

/// Makes a request of an endpoint with these fields; the head and the content of the answer.
fn ask(admin: SocketAddr, request: &str, fields: &str) -> (String, serde_json::Value) {
    let mut wire = Wire::connect(admin);
    wire.send(format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n"));
    let head = wire.head().unwrap();
    let body = wire.body(&head);
    (head, serde_json::from_slice(&body).unwrap_or_default())
}

fn admin_of(program: &Program) -> SocketAddr {
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let (_, rest) = messages.split_once("admin endpoints on http://").unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// Until it is unset, the flag holds: at once in all threads, and after a restart.
#[test]
fn a_flag_is_set_and_removed_while_the_program_runs() {
    let folder = Folder::new();
    let file = folder.write("gateway.json", CONFIG);
    let program = Program::run(&["serve", "gateway.json", "--threads", "3"], &folder.0);
    let admin = admin_of(&program);
    let everywhere = |program: &Program, expected: u16| {
        for _ in 0..20 {
            assert_eq!(get(program.address).0, expected);
        }
    };
    everywhere(&program, 200);

    let (head, content) = ask(admin, "PUT /flags/maintenance/users", "");
    assert_eq!(status(&head), 200);
    assert_eq!(content, serde_json::json!({ "name": "maintenance/users", "set": true }));
    everywhere(&program, 503);
    let mut client = Wire::connect(program.address);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(field(&client.head().unwrap(), "retry-after").as_deref(), Some("60"));

    drop(program);
    let program = Program::serve(&file);
    let admin = admin_of(&program);
    everywhere(&program, 503);
    let (head, content) = ask(admin, "DELETE /flags/maintenance/users", "");
    assert_eq!(status(&head), 200);
    assert_eq!(content, serde_json::json!({ "name": "maintenance/users", "set": false }));
    everywhere(&program, 200);
}

#[test]
fn flags_are_told_with_their_state() {
    let gateway = start(&CONFIG.replace(r#", "keyValueFile": "flags.redb""#, ""));
    let admin = gateway.admin_address().unwrap();
    assert_eq!(status(&ask(admin, "PUT /flags/two%20words", "Content-Length: 0\r\n").0), 200);
    let (_, told) = ask(admin, "GET /flags", "");
    let expected = serde_json::json!({ "flags": [
        { "name": "maintenance/users", "set": false }, { "name": "two words", "set": true }
    ]});
    assert_eq!(told, expected);
    assert_eq!(ask(admin, "GET /flags/two%20words", "").1["set"], true);
}

/// A page in a browser on the same machine can connect, too, and by a name of its own even as the same origin. Its browser
/// states where the page is from with every PUT and DELETE (Fetch §3.1).
#[test]
fn a_web_page_can_not_set_a_flag() {
    let gateway = start(&CONFIG.replace(r#", "keyValueFile": "flags.redb""#, ""));
    let admin = gateway.admin_address().unwrap();
    for fields in
        ["Origin: http://evil.test\r\n", "Origin: null\r\n", "Origin: http://a\r\n", "Sec-Fetch-Site: same-origin\r\n"]
    {
        for method in ["PUT", "DELETE"] {
            let (head, content) = ask(admin, &format!("{method} /flags/maintenance/users"), fields);
            assert_eq!((status(&head), &content["code"]), (403, &"cross_site".into()), "{fields}");
        }
    }
    // A page's preflight learns nothing that would let the page go on (Fetch §4.8).
    let preflight = "Origin: http://evil.test\r\nAccess-Control-Request-Method: PUT\r\n";
    let (head, _) = ask(admin, "OPTIONS /flags/maintenance/users", preflight);
    assert_eq!((status(&head), field(&head, "access-control-allow-origin")), (204, None));
    assert_eq!(ask(admin, "GET /flags/maintenance/users", "").1["set"], false);
}

/// docs/configuration.md, Admin: a place of an upstream that is the listener itself would show it to every client.
#[test]
fn what_has_come_through_the_gateway_is_told_nothing() {
    let gateway = start(&CONFIG.replace(r#", "keyValueFile": "flags.redb""#, ""));
    let admin = gateway.admin_address().unwrap();
    for mark in ["Via: 1.1 edgeway\r\n", "Via: 1.1 other, 2.0 edgeway\r\n", "CDN-Loop: edgeway\r\n"] {
        for request in ["GET /flags", "GET /upstreams", "GET /metrics", "OPTIONS /flags", "PUT /flags/two%20words"] {
            let (head, content) = ask(admin, request, mark);
            assert_eq!((status(&head), &content["code"]), (403, &"not_from_here".into()), "{request} {mark}");
        }
    }
    // Another proxy may read.
    assert_eq!(status(&ask(admin, "GET /flags", "Via: 1.1 other\r\n").0), 200);
}

/// On a listener for a network, whoever can connect can read; a change takes the token.
#[test]
fn another_machine_can_not_set_a_flag() {
    // Another address of this machine is as good as another machine, where it has one.
    let Ok(socket) = std::net::UdpSocket::bind("0.0.0.0:0") else { return };
    if socket.connect("192.0.2.1:9").is_err() {
        return;
    }
    let address = socket.local_addr().unwrap().ip();
    let config = CONFIG
        .replace(r#", "keyValueFile": "flags.redb""#, "")
        .replace(r#""admin": "0""#, &format!(r#""admin": "{}""#, SocketAddr::new(address, 0)));
    let gateway = start(&config);
    let admin = gateway.admin_address().unwrap();
    let (head, content) = ask(admin, "PUT /flags/maintenance/users", "");
    assert_eq!((status(&head), &content["code"]), (403, &"not_from_here".into()));
    assert_eq!(ask(admin, "GET /flags/maintenance/users", "").1["set"], false);
}

#[test]
fn content_is_refused_and_what_is_no_flag_is_not_found() {
    let gateway = start(&CONFIG.replace(r#", "keyValueFile": "flags.redb""#, ""));
    let admin = gateway.admin_address().unwrap();
    let code = |request: &str, fields: &str| {
        let (head, content) = ask(admin, request, fields);
        (status(&head), content["code"].as_str().unwrap_or_default().to_owned())
    };
    let put = "PUT /flags/maintenance/users";
    assert_eq!(code(put, "Content-Length: 3\r\n\r\noff"), (413, "body_too_large".to_owned()));
    let chunked = "Transfer-Encoding: chunked\r\n\r\n3\r\noff\r\n0\r\n";
    assert_eq!(code(put, chunked), (413, "body_too_large".to_owned()));
    assert_eq!(code("PUT /flags/other", ""), (404, "flag_not_found".to_owned()));
    assert_eq!(code("GET /flags/maintenance", ""), (404, "flag_not_found".to_owned()));
    assert_eq!(code("PUT /flags", ""), (405, "method_not_allowed".to_owned()));
    assert_eq!(code("POST /flags/maintenance/users", ""), (405, "method_not_allowed".to_owned()));
}

//! `edgeway demo`

use crate::support::{Folder, Program, Wire};

#[test]
fn the_demo_answers() {
    let folder = Folder::new();
    // Its own configuration, on a free port; its upstream may find 9000 taken.
    let bundled = include_str!("../../src/demo/sample.json");
    let config = bundled.replacen('{', r#"{ "server": { "listen": "127.0.0.1:0" },"#, 1);
    folder.write("gateway.json", &config);
    let program = Program::run(&["demo"], &folder.0);
    let mut wire = Wire::connect(program.address);
    let (status, body) = wire.ask("GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((status, body.contains("Ada Lovelace")), (200, true));
    let (status, body) = wire.ask("GET /orders?user=2 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!((status, body.contains(r#""user":2"#), body.contains(r#""user":3"#)), (200, true, false));
    let (status, body) = wire.ask("POST /echo/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    assert_eq!(status, 200);
    for part in [r#""body":"hi""#, r#""method":"POST""#, r#""path":"/echo/x""#, r#""query":"y=1""#] {
        assert!(body.contains(part), "{body}");
    }
    let messages = program.messages();
    assert!(messages.contains("curl") && messages.contains("/users/{id}"), "{messages}");
}

/// The lines to try are for the routes that there are, and do what they show.
#[test]
fn the_demo_shows_requests_for_its_own_file() {
    let folder = Folder::new();
    folder.write(
        "mine.json",
        r#"{"server": {"listen": "127.0.0.1:0"}, "routes": [
            {"name": "hidden", "match": {"path": "/h", "headers": {"x-a": "1"}}, "respond": {}},
            {"name": "hello", "match": {"path": "/hello/{name}", "hosts": ["*.example.com"]}, "respond": {"body": "hi"}},
            {"name": "put", "match": {"prefix": "/put%20me", "methods": ["PUT"]}, "redirect": {"location": "/x"}},
            {"name": "rare", "match": {"path": "/rare/{*rest}"}, "respond": {},
             "policies": [{"rateLimit": {"limit": 1, "window": "1m", "burst": 1}}]}]}"#,
    );
    let program = Program::run(&["demo", "mine.json"], &folder.0);
    program.wait_for_message("Ctrl-C ends it");
    let messages = program.messages();
    let url = format!("http://{}", program.address);
    let tries: Vec<&str> = messages.lines().map(str::trim).filter(|line| line.contains("curl")).collect();
    assert_eq!(
        tries,
        [
            format!("curl -i -H 'Host: a.example.com' {url}/hello/name"),
            format!("curl -i -X PUT -d 'some text' {url}/put%20me"),
            format!("curl -si '{url}/rare/rest#[1-2]' | grep -o 'HTTP/.*'"),
        ]
    );
}

/// The end of a terminal sends SIGHUP to what runs in it: a demo left behind would hold its ports.
#[cfg(unix)]
#[test]
fn the_demo_ends_with_its_terminal() {
    let folder = Folder::new();
    folder.write(
        "gateway.json",
        r#"{"server": {"listen": "127.0.0.1:0"},
            "routes": [{"name": "a", "match": {"path": "/"}, "respond": {}}]}"#,
    );
    let mut program = Program::run(&["demo"], &folder.0);
    program.signal("HUP");
    assert!(program.ended());
}

//! `edgeway demo`

use crate::support::{Folder, Program, Wire};

#[test]
fn the_demo_answers() {
    let folder = Folder::new();
    // Its own configuration, on a free port; its upstream may find 9000 taken.
    let bundled = include_str!("../../../../gateway.json");
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

//! Uploads, slow ones and such as stop: each wait has a deadline of its own.

use std::io::Read as _;
use std::time::Duration;

use edgeway::server::{Options, Server};
use serde_json::Value;

use crate::support::{Wire, config, field, load, status, upstream};

/// `firstByte` is shorter than the upload takes, and than the client may stall.
const TIMEOUTS: &str = r#"{ "firstByte": "700ms" }"#;

fn gateway(upstream: std::net::SocketAddr, timeouts: &str) -> Server {
    let (plan, settings) = load(&config(upstream, timeouts, r#"{ "admin": "127.0.0.1:0" }"#));
    let options = Options { stall_timeout: Duration::from_millis(1500), ..Options::default() };
    Server::start(plan, settings, &options).unwrap()
}

/// The upstream's calls that were sent, and those of them that failed.
fn calls(server: &Server) -> Value {
    let mut wire = Wire::connect(server.admin_address().unwrap());
    let (status, body) = wire.ask("GET /upstreams HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["upstreams"][0]["endpoints"][0]["calls"].clone()
}

/// docs/configuration.md, Timeouts: `firstByte` runs from the end of the request's content.
#[test]
fn a_slow_upload_may_last_longer_than_the_first_byte() {
    let up = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let server = gateway(up.address, TIMEOUTS);
    for framing in ["Content-Length: 20", "Transfer-Encoding: chunked"] {
        let mut wire = Wire::connect(server.address());
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(100));
            wire.send(if framing.starts_with('C') { "x" } else { "1\r\nx\r\n" });
        }
        if framing.starts_with('T') {
            wire.send("0\r\n\r\n");
        }
        assert_eq!(wire.response(), Some((200, "ok".to_owned())), "{framing}");
    }
}

/// The upstream has all of the content then, and it is the upstream that is waited for.
#[test]
fn an_upstream_that_says_nothing_after_an_upload_is_late() {
    let up = upstream(|wire, _| {
        let _ = wire.stream.read_to_end(&mut Vec::new());
    });
    let server = gateway(up.address, TIMEOUTS);
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    std::thread::sleep(Duration::from_millis(1000));
    wire.send("lo");
    assert_eq!(wire.response().unwrap().0, 504);
    assert_eq!(calls(&server), serde_json::json!({ "sent": 1, "failed": 1 }));
}

/// RFC 9110 §15.5.9. The upstream is not to blame, and never sees a whole body.
#[test]
fn a_client_that_stalls_is_told_so() {
    let up = upstream(|wire, _| {
        let _ = wire.stream.read_to_end(&mut Vec::new());
    });
    let server = gateway(up.address, TIMEOUTS);
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    let head = wire.head().unwrap();
    assert_eq!(status(&head), 408, "{head}");
    assert_eq!(field(&head, "connection").as_deref(), Some("close"), "{head}");
    assert!(String::from_utf8(wire.body(&head)).unwrap().contains("request_timeout"));
    assert!(wire.is_closed());
    assert_eq!(calls(&server), serde_json::json!({ "sent": 1, "failed": 0 }));
}

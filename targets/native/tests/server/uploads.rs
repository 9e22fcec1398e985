//! Uploads, slow ones and such as stop: each wait has a deadline of its own.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use edgeway::server::{Options, Server};
use serde_json::Value;

use crate::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame, next_frame};
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

/// The length of an upload.
const LENGTH: usize = 400_000;

/// An upstream that speaks HTTP/2 in the clear, with a window of `window` for each stream, which it opens again for what it has taken
/// if it `takes` more.
fn h2c_upstream(window: u32, takes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut wire = Wire::new(listener.accept().unwrap().0);
        wire.stream.read_exact(&mut [0; PREFACE.len()]).unwrap();
        wire.send(frame(SETTINGS, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat()));
        let mut taken = 0;
        // What comes is read to the end of the connection.
        while let Some(come) = next_frame(&mut wire) {
            if come.kind == DATA && takes && !come.content.is_empty() {
                let more = u32::try_from(come.content.len()).unwrap().to_be_bytes();
                let updates = [frame(WINDOW_UPDATE, 0, 0, &more), frame(WINDOW_UPDATE, 0, come.stream, &more)];
                wire.send(updates.concat());
                taken += come.content.len();
            }
            if come.kind == DATA && taken == LENGTH {
                // `:status: 200` (RFC 7541 appendix A).
                wire.send(frame(HEADERS, END_HEADERS | END_STREAM, come.stream, &[0x88]));
            }
        }
    });
    address
}

const IDLE: &str = r#"{ "firstByte": "1h", "idle": "700ms" }, "protocol": "h2c""#;

/// docs/configuration.md, Timeouts: `idle` is the longest that the upstream may be waited for to take more of the request's content, over
/// HTTP/2 as well, where it says by its window how much it takes (RFC 9113 §5.2).
#[test]
fn an_upstream_that_takes_no_more_of_an_upload_over_http2_is_late() {
    for window in [0, 16_384] {
        let server = gateway(h2c_upstream(window, false), IDLE);
        let mut wire = Wire::connect(server.address());
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n");
        wire.send("x".repeat(LENGTH));
        assert_eq!(wire.response().unwrap().0, 504, "{window}");
        assert_eq!(calls(&server), serde_json::json!({ "sent": 1, "failed": 1 }));
    }
}

/// A slow client does not count.
#[test]
fn a_client_may_pause_for_longer_than_its_upstream_over_http2() {
    let server = gateway(h2c_upstream(16_384, true), IDLE);
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n");
    for _ in 0..2 {
        wire.send("x".repeat(LENGTH / 2));
        std::thread::sleep(Duration::from_millis(1_200));
    }
    assert_eq!(wire.response().unwrap().0, 200);
}

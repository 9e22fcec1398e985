//! Requests that are answered before the gateway has all of their content.
//!
//! RFC 9112 §9.6: a server that closes a connection says so, and reads on for a while, since a client that writes first would lose
//! the answer otherwise. RFC 9113 §8.1: a stream of HTTP/2 is reset without an error behind a complete response.

use std::io::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use edgeway::server::Server;
use h2::Reason;
use http::Request;

use crate::support::{Wire, field, ok_upstream, start, status};

/// Requests that no upstream has to answer, each with its status.
const EARLY: [(&str, u16); 7] = [
    ("POST /nowhere", 404),
    ("DELETE /own", 405),
    ("OPTIONS /own", 204),
    ("POST /own", 200),
    ("POST /moved", 308),
    ("POST /limited", 429),
    ("POST /small", 413),
];

fn gateway(upstream: SocketAddr) -> Server {
    let server = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "limits": {{ "bodyBytes": "8GiB" }},
          "upstreams": {{ "up": {{ "url": "http://{upstream}" }} }},
          "routes": [
            {{ "name": "own", "match": {{ "path": "/own", "methods": ["GET", "POST"] }}, "respond": {{ "body": "own" }} }},
            {{ "name": "moved", "match": {{ "path": "/moved" }}, "redirect": {{ "location": "/own" }} }},
            {{ "name": "limited", "match": {{ "path": "/limited" }}, "respond": {{ "body": "own" }},
               "policies": [{{ "rateLimit": {{ "limit": 1, "window": "1h", "key": "everyone" }} }}] }},
            {{ "name": "small", "match": {{ "path": "/small" }}, "upstream": "up", "bodyBytes": "10B" }},
            {{ "name": "up", "match": {{ "path": "/up" }}, "upstream": "up" }}
          ]
        }}"#
    ));
    assert_eq!(Wire::connect(server.address()).ask("GET /limited HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0, 200);
    server
}

/// The connection goes on behind content that costs less than another connection.
#[test]
fn a_little_content_is_read_and_thrown_away() {
    let up = ok_upstream();
    let server = gateway(up.address);
    for (line, expected) in EARLY {
        let mut wire = Wire::connect(server.address());
        for _ in 0..3 {
            wire.send(format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"));
            let head = wire.head().unwrap();
            wire.body(&head);
            assert_eq!(status(&head), expected, "{line}");
            assert_eq!(field(&head, "connection"), None, "{line}");
            // It writes only now.
            wire.send(vec![b'x'; 20_000]);
        }
        assert_eq!(
            wire.ask("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
            Some((200, "ok".to_owned()))
        );
    }
}

/// Behind more it says that it ends, and a client that writes all of it first sees the answer.
#[test]
fn much_content_ends_the_connection_but_not_before_its_answer() {
    let up = ok_upstream();
    let server = gateway(up.address);
    for (line, expected) in EARLY {
        for framing in ["Content-Length: 20000000", "Transfer-Encoding: chunked"] {
            let mut wire = Wire::connect(server.address());
            wire.send(format!("{line} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
            let chunked = framing.starts_with('T');
            for _ in 0..20 {
                let stream = wire.stream.get_mut();
                if chunked {
                    stream.write_all(b"f4240\r\n").unwrap();
                }
                stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
                if chunked {
                    stream.write_all(b"\r\n").unwrap();
                }
            }
            if chunked {
                wire.stream.get_mut().write_all(b"0\r\n\r\n").unwrap();
            }
            let head = wire.head().unwrap();
            wire.body(&head);
            assert_eq!(status(&head), expected, "{line}, {framing}");
            assert_eq!(field(&head, "connection").as_deref(), Some("close"), "{line}, {framing}");
            assert!(wire.is_closed(), "{line}, {framing}");
        }
    }
}

/// RFC 9110 §10.1.1: it is not asked for its content, and sends none.
#[test]
fn a_client_that_waits_to_be_asked_is_answered() {
    let up = ok_upstream();
    let server = gateway(up.address);
    let mut wire = Wire::connect(server.address());
    wire.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let head = wire.head().unwrap();
    wire.body(&head);
    assert_eq!((status(&head), field(&head, "connection").as_deref()), (404, Some("close")));
    assert!(wire.is_closed());
}

/// RFC 9110 §10.1.1: it need not wait, and does not lose the answer by it.
#[test]
fn a_client_that_does_not_wait_to_be_asked_is_answered() {
    let up = ok_upstream();
    let server = gateway(up.address);
    for _ in 0..20 {
        let mut wire = Wire::connect(server.address());
        wire.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
        wire.stream.get_mut().write_all(&vec![b'x'; 2_000_000]).unwrap();
        let head = wire.head().expect("an answer");
        wire.body(&head);
        assert_eq!((status(&head), field(&head, "connection").as_deref()), (404, Some("close")));
        assert!(wire.is_closed());
    }
}

/// RFC 9110 §10.1.1: no other expectation is defined, and HTTP/1.0 has none.
#[test]
fn only_one_expectation_makes_a_client_wait() {
    let up = ok_upstream();
    let server = gateway(up.address);
    for expectation in ["foo", "100-continued", ""] {
        let mut wire = Wire::connect(server.address());
        for _ in 0..2 {
            wire.send(format!(
                "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: {expectation}\r\n\r\nhello"
            ));
            let head = wire.head().expect("an answer");
            wire.body(&head);
            assert_eq!((status(&head), field(&head, "connection")), (404, None), "{expectation:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_reset_without_an_error() {
    let up = ok_upstream();
    let server = gateway(up.address);
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    // More than the window of the connection, which the streams give back.
    for _ in 0..10 {
        for (line, expected) in EARLY {
            let (method, path) = line.split_once(' ').unwrap();
            let request = Request::builder().method(method).uri(format!("http://localhost{path}")).body(()).unwrap();
            let (response, mut upload) = client.send_request(request, false).unwrap();
            // The answer may be there already, and the stream over.
            let _ = upload.send_data(Bytes::from(vec![b'x'; 60_000]), false);
            let response = response.await.unwrap();
            assert_eq!(response.status(), expected, "{line}");
            let mut body = response.into_body();
            while let Some(data) = body.data().await {
                let data = data.unwrap();
                body.flow_control().release_capacity(data.len()).unwrap();
            }
            let reason = std::future::poll_fn(|cx| upload.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::NO_ERROR, "{line}");
        }
    }
}

//! Settings of upstreams that only the native server has (docs/configuration.md, Upstreams and Timeouts).

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use crate::support::{Wire, gateway_with, start, status, upstream};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A gateway in front of the upstream at `port`, with these further `members`.
fn gateway(port: u16, members: &str) -> edgeway::server::Server {
    start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "http://127.0.0.1:{port}", {members} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ))
}

/// An upstream that speaks HTTP/2 in the clear and sends `first` of each response, and the rest only if it `goes_on`.
async fn h2c_upstream(goes_on: bool) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut held = Vec::new();
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    assert_eq!(request.uri().scheme_str(), Some("http"));
                    let mut body = answer.send_response(http::Response::new(()), false).unwrap();
                    body.send_data(Bytes::from("ok"), goes_on).unwrap();
                    held.push(body);
                }
            });
        }
    });
    (port, connections)
}

/// RFC 9113 §3.3: HTTP/2 with prior knowledge, over one connection for several requests.
#[tokio::test]
async fn an_upstream_is_spoken_to_over_http2_in_the_clear() {
    let (port, connections) = h2c_upstream(true).await;
    let server = gateway(port, r#""protocol": "h2c""#);
    let address = server.address();
    let answers = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::connect(address);
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
        [GET, post, GET].map(|request| wire.ask(request).unwrap())
    });
    assert_eq!(answers.await.unwrap(), [(); 3].map(|()| (200, "ok".to_owned())));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// An upstream that falls silent in the middle of its content is given up, over HTTP/1.1 and HTTP/2.
#[tokio::test]
async fn content_that_stops_coming_is_cut_off() {
    let silent = upstream(|wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        }
    });
    let (h2c_port, _) = h2c_upstream(false).await;
    for (port, members) in [(silent.address.port(), ""), (h2c_port, r#""protocol": "h2c","#)] {
        let server = gateway(port, &format!(r#"{members} "timeouts": {{ "idle": "1s" }}"#));
        let address = server.address();
        let received = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            wire.send(GET);
            let mut received = String::new();
            let _ = wire.stream.read_to_string(&mut received);
            received
        });
        let received = received.await.unwrap();
        assert!(received.starts_with("HTTP/1.1 200") && received.ends_with("2\r\nok\r\n"), "{received}");
    }
}

/// An upstream that takes no more of the request is given up; a client's pause is not the upstream's.
#[test]
fn an_upload_that_is_not_taken_is_given_up() {
    let deaf = upstream(|wire, _| {
        wire.head();
        std::thread::park_timeout(Duration::from_secs(60));
    });
    let server = gateway_with(deaf.address, r#"{ "firstByte": "1h", "idle": "1s" }"#, "{}");
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    let mut client = wire.stream.get_ref().try_clone().unwrap();
    std::thread::spawn(move || {
        let piece = vec![b'x'; 1_000_000];
        for _ in 0..100 {
            if std::io::Write::write_all(&mut client, &piece).is_err() {
                break;
            }
        }
    });
    assert_eq!(status(&wire.head().unwrap()), 504);
}

/// A pause of the client's is no pause of the upstream's.
#[test]
fn a_client_that_pauses_is_not_the_upstreams_fault() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        let body = wire.body(&head);
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
        wire.send(body);
    });
    let server = gateway_with(upstream.address, r#"{ "idle": "200ms" }"#, "{}");
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhe");
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(wire.ask("y!"), Some((200, "hey!".to_owned())));
}

/// A connection that is too old, or that none is to be kept, gets no second request.
#[test]
fn connections_are_kept_no_longer_than_they_may_be() {
    for (keep, expected) in
        [("{}", 1), (r#"{ "age": "1ms" }"#, 2), (r#"{ "idle": "0s" }"#, 2), (r#"{ "age": "0s" }"#, 1)]
    {
        let upstream = crate::support::ok_upstream();
        let server = gateway(upstream.address.port(), &format!(r#""connections": {keep}"#));
        let mut wire = Wire::connect(server.address());
        for _ in 0..2 {
            assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
            std::thread::sleep(Duration::from_millis(500));
        }
        assert_eq!(upstream.connections.load(Ordering::SeqCst), expected, "{keep}");
    }
}

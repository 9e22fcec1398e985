//! Trailers: the end of a message, after which its connection goes on (RFC 9112 §7.1.2, §9.3).

use std::sync::atomic::Ordering;

use crate::support::{Wire, field, gateway, status, upstream};

/// Trailers that pass, that do not pass, and none (RFC 9110 §6.5.1).
const TRAILERS: [&str; 5] = ["", "X-A: 1\r\n", "Content-Length: 3\r\n", "Set-Cookie: a=b\r\n", "Host: b\r\nX-A: 1\r\n"];

#[test]
fn an_upstreams_connection_is_used_again_behind_trailers() {
    for trailers in TRAILERS {
        let upstream = upstream(move |wire, _| {
            while wire.head().is_some() {
                let body = "2\r\nok\r\n0\r\n";
                wire.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}{trailers}\r\n"));
            }
        });
        let gateway = gateway(upstream.address);
        let mut client = Wire::connect(gateway.address());
        for _ in 0..10 {
            let answer = client.ask("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
            assert_eq!(answer, Some((200, "ok".to_owned())), "{trailers:?}");
        }
        assert_eq!(upstream.connections.load(Ordering::SeqCst), 1, "{trailers:?}");
    }
}

#[test]
fn a_clients_connection_goes_on_behind_trailers() {
    for trailers in TRAILERS {
        let upstream = upstream(|wire, _| {
            while let Some(head) = wire.head() {
                wire.body(&head);
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        let gateway = gateway(upstream.address);
        let mut client = Wire::connect(gateway.address());
        for _ in 0..3 {
            let body = "1\r\nx\r\n0\r\n";
            client
                .send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{trailers}\r\n"));
            let head = client.head().expect("an answer");
            client.body(&head);
            assert_eq!((status(&head), field(&head, "connection")), (200, None), "{trailers:?}");
        }
    }
}

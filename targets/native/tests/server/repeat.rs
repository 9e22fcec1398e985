//! Requests that meet a connection which the upstream is closing (RFC 9110 §9.2.2, RFC 9112 §9.3.1).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use crate::support::{Folder, Program, Upstream, Wire, gateway, gateway_with, start, status, upstream};
use crate::tls::{acceptor, certificate};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The method and body of each request that reached an upstream.
type Requests = Arc<Mutex<Vec<String>>>;

/// An upstream that answers the first request of each connection, and does `second` with its second request before it
/// closes the connection: so does an upstream whose time for idle connections is over, without `Connection: close`.
fn closing(second: impl Fn(&mut Wire) + Send + Sync + 'static) -> (Upstream, Requests) {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let upstream = upstream(move |wire, _| {
        for round in 0..2 {
            let Some(head) = wire.head() else { return };
            let body = String::from_utf8(wire.body(&head)).unwrap();
            seen.lock().unwrap().push(format!("{} {body}", head.split(' ').next().unwrap()));
            if round == 0 {
                wire.send(OK);
            } else {
                second(wire);
            }
        }
    });
    (upstream, requests)
}

/// An idempotent request is sent once more, and gets the answer to that.
#[test]
fn an_idempotent_request_is_repeated() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        let (upstream, requests) = closing(|_| {});
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
        wire.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = wire.head().unwrap();
        assert_eq!(status(&head), 200, "{method}");
        let method = format!("{method} ");
        assert_eq!(*requests.lock().unwrap(), ["GET ", method.as_str(), method.as_str()]);
    }
}

/// RFC 9110 §9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests".
#[test]
fn another_request_is_never_repeated() {
    for method in ["POST", "PATCH"] {
        for (framing, body) in [("Content-Length: 0", ""), ("Content-Length: 2", "hi")] {
            let (upstream, requests) = closing(|_| {});
            let gateway = gateway(upstream.address);
            let mut wire = Wire::connect(gateway.address());
            assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
            let answer = wire.ask(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}"));
            assert_eq!(answer.unwrap().0, 502, "{method} {framing}");
            assert_eq!(*requests.lock().unwrap(), ["GET ".to_owned(), format!("{method} {body}")]);
        }
    }
}

/// Of a body that comes only once, something may have been lost with the connection.
#[test]
fn a_request_with_a_streamed_body_is_not_repeated() {
    let (upstream, requests) = closing(|_| {});
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    assert_eq!(wire.ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").unwrap().0, 502);
    assert_eq!(*requests.lock().unwrap(), ["GET ", "PUT hi"]);
}

/// An upstream that began to answer has the request: closing then is a failure of the upstream, and no idle connection's end.
#[test]
fn a_request_whose_response_began_is_not_repeated() {
    let (upstream, requests) = closing(|wire| wire.send("HTTP/1.1 200 OK\r\nContent-"));
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    assert_eq!(wire.ask(GET).unwrap().0, 502);
    assert_eq!(requests.lock().unwrap().len(), 2);
}

/// RFC 9110 §9.2.2: "A client SHOULD NOT automatically retry a failed automatic retry."
#[test]
fn a_request_is_repeated_once() {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let upstream = upstream(move |wire, number| {
        while let Some(head) = wire.head() {
            seen.lock().unwrap().push(head);
            if seen.lock().unwrap().len() > 1 {
                return;
            }
            wire.send(OK);
        }
        assert_ne!(number, 2, "a third connection");
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    assert_eq!(wire.ask(GET).unwrap().0, 502);
    assert_eq!(requests.lock().unwrap().len(), 3);
}

/// docs/configuration.md, Retries: it is one of the attempts, for the methods of `retry`, within its budget, and the log has it.
#[test]
fn a_repeated_request_is_an_attempt() {
    for (retry, answers) in [
        (r#"{ "attempts": 1, "on": ["timeout"], "statuses": [] }"#, true),
        (r#"{ "attempts": 0 }"#, false),
        (r#"{ "methods": ["PUT"] }"#, false),
    ] {
        let (upstream, requests) = closing(|_| {});
        let folder = Folder::new();
        let config = format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "accessLog": {{ "format": "json" }},
              "upstreams": {{ "up": {{ "url": "http://{}", "retry": {retry} }} }},
              "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
            }}"#,
            upstream.address
        );
        let program = Program::serve(&folder.write("gateway.json", &config));
        let mut wire = Wire::connect(program.address);
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
        let expected = if answers { (200, 3, Some(2)) } else { (502, 2, None) };
        let status = wire.ask("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0;
        let attempts = program.logged("/again").get("attempts").and_then(serde_json::Value::as_u64);
        assert_eq!((status, requests.lock().unwrap().len(), attempts), expected, "{retry}");
    }
}

/// docs/configuration.md, Retries: `attempts` are all that there are, whoever makes them.
#[test]
fn a_repeat_leaves_fewer_attempts() {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            seen.lock().unwrap().push(head);
            if seen.lock().unwrap().len() > 1 {
                return;
            }
            wire.send(OK);
        }
    });
    let server = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "http://{}", "retry": {{ "attempts": 2 }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        upstream.address
    ));
    let mut wire = Wire::connect(server.address());
    assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    assert_eq!(wire.ask(GET).unwrap().0, 502);
    assert_eq!(requests.lock().unwrap().len(), 1 + 1 + 2);
}

/// A connection that was never used before has no idle time that could be over.
#[test]
fn a_request_on_a_new_connection_is_not_repeated() {
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    let upstream = upstream(move |wire, _| seen.lock().unwrap().extend(wire.head()));
    let gateway = gateway(upstream.address);
    assert_eq!(Wire::connect(gateway.address()).ask(GET).unwrap().0, 502);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

/// The deadline of a request that is repeated counts from its first attempt: one timed by the ticker, one by a timer.
#[test]
fn a_repeated_request_has_no_more_time() {
    for (within, part) in [("2s", 1_200), ("500ms", 300)] {
        let part = Duration::from_millis(part);
        let late = upstream(move |wire, number| {
            for round in 0.. {
                if wire.head().is_none() {
                    return;
                }
                // Two waits of a little more than half the deadline.
                if number > 0 || round > 0 {
                    std::thread::sleep(part);
                }
                if number == 0 && round > 0 {
                    return;
                }
                wire.send(OK);
            }
        });
        let gateway = gateway_with(late.address, &format!(r#"{{ "firstByte": "{within}" }}"#), "{}");
        let mut wire = Wire::connect(gateway.address());
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
        assert_eq!(wire.ask(GET).unwrap().0, 504, "{within}");
    }
}

/// The connection is closed in the moment after each response: whether a request meets it open or closed, it is answered.
#[test]
fn an_upstream_that_closes_after_every_response() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send(OK);
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    for _ in 0..300 {
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    }
}

/// How an upstream ends the second request of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    /// The connection ends with it.
    Closed,
    /// It goes away, and has not looked at the request (RFC 9113 §6.8).
    GoneAway,
    /// The stream is refused (RFC 9113 §8.7).
    Refused,
    /// The upstream fails.
    Failed,
}

/// An upstream that speaks HTTP/2 over TLS, answers the first request of each connection and ends the second by `ending`;
/// the methods that reached it.
async fn h2_upstream(folder: &Folder, ending: Ending) -> (u16, Arc<Mutex<Vec<String>>>) {
    let (acceptor, listener) = (acceptor(folder), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let methods = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&methods);
    tokio::spawn(async move {
        loop {
            let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut number = 0;
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    seen.lock().unwrap().push(request.method().to_string());
                    number += 1;
                    match ending {
                        _ if number == 1 => {
                            let mut body = answer.send_response(http::Response::new(()), false).unwrap();
                            body.send_data(Bytes::from("ok"), true).unwrap();
                        }
                        Ending::Closed => return,
                        Ending::GoneAway => connection.abrupt_shutdown(h2::Reason::NO_ERROR),
                        Ending::Refused => answer.send_reset(h2::Reason::REFUSED_STREAM),
                        Ending::Failed => answer.send_reset(h2::Reason::INTERNAL_ERROR),
                    }
                }
            });
        }
    });
    (port, methods)
}

/// The same for an upstream that speaks HTTP/2; a stream that it fails is its answer, and stays one.
#[tokio::test]
async fn a_request_over_http2_is_repeated_if_it_may_be() {
    for (ending, method, expected) in [
        (Ending::Closed, "GET", &["GET", "GET", "GET"][..]),
        (Ending::GoneAway, "GET", &["GET", "GET", "GET"]),
        (Ending::Refused, "PUT", &["GET", "PUT", "PUT"]),
        (Ending::Failed, "GET", &["GET", "GET"]),
        (Ending::Closed, "POST", &["GET", "POST"]),
        // RFC 9113 §8.7: what has not been processed may be sent again, whatever its method. Of an upstream that goes away this is what is past its
        // last stream, and this one is not.
        (Ending::Refused, "POST", &["GET", "POST", "POST"]),
        (Ending::GoneAway, "POST", &["GET", "POST"]),
    ] {
        let folder = Folder::new();
        certificate(&folder);
        let (port, methods) = h2_upstream(&folder, ending).await;
        let server = start(&format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
              "upstreams": {{ "up": {{ "url": "https://localhost:{port}",
                  "tls": {{ "authorities": "{}/cert.pem" }} }} }},
              "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
            }}"#,
            folder.0.display()
        ));
        let address = server.address();
        let asking = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
            wire.ask(&format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).unwrap().0
        });
        let repeated = if expected.len() == 3 { 200 } else { 502 };
        assert_eq!(asking.await.unwrap(), repeated, "{ending:?} {method}");
        assert_eq!(*methods.lock().unwrap(), expected, "{ending:?} {method}");
    }
}

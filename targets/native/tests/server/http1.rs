//! HTTP/1.1 towards clients: what is ambiguous is refused, and a refusal ends the connection.

use crate::support::{Wire, field, gateway, gateway_with, ok_upstream, status, upstream};

/// Sends `request` on a new connection to a gateway with an upstream that counts what it gets; returns the status, and
/// asserts that nothing reached the upstream and that the connection was closed.
#[track_caller]
fn refused(request: &str) -> u16 {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send(request);
    let head = wire.head().expect("a response");
    if field(&head, "content-length").is_some() {
        wire.body(&head);
    }
    assert!(wire.is_closed(), "the connection goes on after {request:?}");
    assert_eq!(upstream.connections.load(std::sync::atomic::Ordering::SeqCst), 0, "{request:?} reached the upstream");
    status(&head)
}

/// RFC 9112 §6.3: a message with both is an attempt to smuggle, and the connection must be closed.
#[test]
fn content_length_and_transfer_encoding() {
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(
        refused(&format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"
        )),
        400
    );
    assert_eq!(
        refused(&format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncontent-length: 6\r\n\r\n{smuggled}"
        )),
        400
    );
}

/// Such a refusal is a problem of the catalogue like any other, with the identifier of its request.
#[test]
fn a_refusal_of_the_framing_is_a_problem() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    for (framing, code) in [
        ("Content-Length: 6\r\nTransfer-Encoding: chunked", "bad_request_framing"),
        ("Transfer-Encoding: gzip, chunked", "unknown_transfer_coding"),
    ] {
        let mut wire = Wire::connect(gateway.address());
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n{framing}\r\n\r\n"));
        let head = wire.head().unwrap();
        assert_eq!(field(&head, "content-type").as_deref(), Some("application/problem+json"));
        assert_eq!(field(&head, "x-request-id").as_deref(), Some("mine"));
        let problem = String::from_utf8(wire.body(&head)).unwrap();
        assert!(problem.contains(&format!(r#""code":"{code}""#)), "{problem}");
    }
}

/// RFC 9112 §6.3: differing or invalid lengths.
#[test]
fn bad_lengths() {
    for lengths in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: -1",
        "Content-Length: 1a",
        "Content-Length: 0x1",
        "Content-Length: 1, 2",
        "Content-Length: 99999999999999999999999",
    ] {
        assert_eq!(refused(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\nx")), 400, "{lengths}");
    }
}

/// RFC 9112 §6.1 and §6.3: `chunked` has to be the last coding, a coding that isn't understood is 501, and HTTP/1.0 has none.
#[test]
fn transfer_codings() {
    let with = |version: &str, coding: &str| {
        refused(&format!("POST / HTTP/{version}\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"))
    };
    assert_eq!(with("1.1", "gzip"), 400);
    assert_eq!(with("1.1", "chunked, gzip"), 400);
    assert_eq!(with("1.1", "xchunked"), 400);
    assert_eq!(with("1.1", "gzip, chunked"), 501);
    assert_eq!(with("1.1", "chunked, chunked"), 501);
    assert_eq!(with("1.1", "chunked\r\nTransfer-Encoding: chunked"), 501);
    assert_eq!(with("1.0", "chunked"), 400);
}

/// RFC 9112 §5.1 and §5.2, RFC 9110 §5.5: whitespace before the colon, folded lines, control characters.
#[test]
fn malformed_fields() {
    for field in ["X : 1", "X: 1\r\n folded", " X: 1", "X\u{b}: 1", "X: a\0b", "X: a\rb", ": 1", "X"] {
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")), 400, "{field:?}");
    }
}

/// RFC 9112 §3: request lines.
#[test]
fn malformed_request_lines() {
    for line in [
        "GET  / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET / HTTP/1.2.3",
        "G@T / HTTP/1.1",
        "GET / http/1.1",
        "GET /\t HTTP/1.1",
    ] {
        assert_eq!(refused(&format!("{line}\r\nHost: a\r\n\r\n")), 400, "{line:?}");
    }
}

/// RFC 9112 §3.2: exactly one Host.
#[test]
fn hosts() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host: a b\r\n"] {
        let answer = Wire::connect(gateway.address()).ask(&format!("GET / HTTP/1.1\r\n{hosts}\r\n"));
        assert_eq!(answer.unwrap().0, 400, "{hosts:?}");
    }
    // HTTP/1.0 did not have the field.
    assert_eq!(Wire::connect(gateway.address()).ask("GET / HTTP/1.0\r\n\r\n"), Some((200, "ok".to_owned())));
}

/// RFC 9110 §7.4 and §15.5.20: what is asked for has to be of HTTP.
#[test]
fn targets_of_other_schemes() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    let ask = |target: &str| {
        Wire::connect(gateway.address()).ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap().0
    };
    assert_eq!(ask("ftp://a/x"), 421);
    assert_eq!(ask("http://a/x"), 200);
    assert_eq!(ask("HTTPS://a/x"), 200);
}

/// RFC 9110 §4.1, RFC 6585 §5: bounds on the head hold before it has come whole.
#[test]
fn heads_without_end() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n");
    for n in 0..4_000 {
        wire.send(format!("X-{n}: {}\r\n", "x".repeat(50)));
    }
    assert_eq!(wire.head().map(|head| status(&head)), Some(431));

    let mut wire = Wire::connect(gateway.address());
    wire.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(60_000)));
    assert_eq!(wire.head().map(|head| status(&head)), Some(414));
}

/// A chunked body with a bad chunk ends the exchange, and is never ended cleanly towards the upstream.
#[test]
fn malformed_chunks() {
    for chunk in ["zz\r\n", "5\r\nhello!!", "-1\r\n", "ffffffffffffffffff\r\n", "5;\nhello\r\n0\r\n\r\n"] {
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = std::sync::Arc::clone(&ended);
        let upstream = upstream(move |wire, _| {
            let _ = wire.head();
            let mut rest = Vec::new();
            let _ = std::io::Read::read_to_end(&mut wire.stream, &mut rest);
            seen.store(rest.ends_with(b"0\r\n\r\n"), std::sync::atomic::Ordering::SeqCst);
        });
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"));
        if let Some(head) = wire.head() {
            assert!(status(&head) >= 400, "{chunk:?}: {head}");
            let body = String::from_utf8(wire.body(&head)).unwrap();
            assert!(!body.contains("Content-Length"), "{chunk:?}: it is the chunk that is wrong: {body}");
        }
        assert!(!ended.load(std::sync::atomic::Ordering::SeqCst), "{chunk:?}");
    }
}

/// RFC 9112 §9.6: behind a bad chunk nobody knows where the next request begins, which the answer says.
#[test]
fn the_answer_to_a_malformed_chunk_ends_the_connection() {
    for chunk in ["-1\r\n", "1\r\nxZZ", "1\r\nx\r\n0\r\nfoo\r\n\r\n"] {
        let upstream = upstream(|wire, _| {
            let _ = std::io::Read::read_to_end(&mut wire.stream, &mut Vec::new());
        });
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"));
        let head = wire.head().expect("an answer");
        wire.body(&head);
        assert_eq!((status(&head), field(&head, "connection").as_deref()), (400, Some("close")), "{chunk:?}");
        assert!(wire.is_closed(), "{chunk:?}");
    }
}

/// RFC 9112 §9.3: requests on one connection are answered one after another, in their order.
#[test]
fn pipelined_requests() {
    let upstream = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()));
        }
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send((0..20).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect::<String>());
    for n in 0..20 {
        assert_eq!(wire.response(), Some((200, format!("/{n}"))));
    }
}

/// RFC 9110 §9.3.2: the answer to HEAD has the length of the one to GET, and no content.
#[test]
fn head() {
    let upstream = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            let body = if head.starts_with("HEAD") { "" } else { "hello" };
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{body}"));
        }
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(field(&wire.head().unwrap(), "content-length").as_deref(), Some("5"));
    assert_eq!(wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some((200, "hello".to_owned())));
}

/// docs/configuration.md, Listeners: names in title case, for clients that look at the case (RFC 9110 §5.1: they should not).
#[test]
fn header_names_are_in_title_case_where_a_setting_says_so() {
    let head = |server: &str, request: &str| {
        let upstream = ok_upstream();
        let gateway = gateway_with(upstream.address, "{}", server);
        let mut wire = Wire::connect(gateway.address());
        wire.send(request);
        wire.head().unwrap()
    };
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let title = head(r#"{ "headerCase": "title" }"#, request);
    for name in ["Content-Length", "X-Request-Id", "Date"] {
        assert!(title.contains(&format!("\n{name}: ")), "{title}");
    }
    let lower = head("{}", request);
    for name in ["content-length", "x-request-id", "date"] {
        assert!(lower.contains(&format!("\n{name}: ")), "{lower}");
    }
    // The gateway's own answers, too.
    let refused = head(r#"{ "headerCase": "title" }"#, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(refused.contains("\nContent-Type: application/problem+json"), "{refused}");
}

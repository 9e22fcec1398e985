//! What happens between a client and an upstream.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edgeway::server::{Options, Server};

use crate::support::{Wire, field, gateway, gateway_with, get, ok_upstream, status, upstream, wait_until};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn connections_to_the_upstream_are_used_again() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    for _ in 0..50 {
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

/// An upstream that answers before it has the body leaves a connection that is still busy with it: nobody waits for that.
#[test]
fn a_client_that_stalls_in_its_body_holds_up_nobody() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        if head.starts_with("POST") {
            wire.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
            let _ = wire.stream.read_to_end(&mut Vec::new());
        } else {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let config = crate::support::config(upstream.address, "{}", "{}");
    let (plan, settings) = crate::support::load(&config);
    // One worker, so that the next request finds the connection of the stalled one.
    let options = edgeway::server::Options { threads: std::num::NonZero::new(1), ..Default::default() };
    let gateway = edgeway::server::Server::start(plan, settings, &options).unwrap();
    let mut stalled = Wire::connect(gateway.address());
    stalled.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx");
    assert_eq!(stalled.response(), Some((401, "no".to_owned())));
    assert_eq!(get(gateway.address()), (200, "ok".to_owned()));
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 2);
}

/// RFC 9112 §9.3.1: an upstream may close an idle connection whenever it likes.
#[test]
fn a_connection_that_went_stale_is_replaced() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    for _ in 0..20 {
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
        // The end of the connection may come a moment after the response.
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_upstream_that_is_not_there() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = gateway(address);
    assert_eq!(get(gateway.address()).0, 502);
}

#[test]
fn an_upstream_that_speaks_something_else() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("SSH-2.0-OpenSSH_9.2\r\n");
    });
    assert_eq!(get(gateway(upstream.address).address()).0, 502);
}

/// RFC 9110 §2.5: a server answers as the version that it speaks itself; §7.6.3: `Via` says the one that came in.
#[test]
fn an_upstream_of_an_old_version_makes_no_old_server() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send(GET);
    let head = wire.head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(field(&head, "via").as_deref(), Some("1.0 edgeway"));
    assert_eq!(wire.body(&head), b"ok");
}

/// RFC 9110 §15: there is no status above 599.
#[test]
fn an_upstream_with_a_status_that_does_not_exist() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 999 Blocked\r\nContent-Length: 2\r\n\r\nno");
    });
    assert_eq!(get(gateway(upstream.address).address()).0, 502);
}

#[test]
fn an_upstream_that_closes_without_an_answer() {
    let upstream = upstream(|wire, _| {
        wire.head();
    });
    assert_eq!(get(gateway(upstream.address).address()).0, 502);
}

/// RFC 9110 §15.6.5, for a deadline with a timer of its own and for one that the ticker sees to.
#[test]
fn no_head_in_time() {
    for within in ["100ms", "2s"] {
        let closed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closed);
        let upstream = upstream(move |wire, _| {
            wire.head();
            seen.store(wire.is_closed(), Ordering::SeqCst);
        });
        let gateway = gateway_with(upstream.address, &format!(r#"{{ "firstByte": "{within}" }}"#), "{}");
        assert_eq!(get(gateway.address()).0, 504);
        wait_until("the end of the upstream's connection", || closed.load(Ordering::SeqCst));
    }
}

/// RFC 9112 §8: a body that is cut off must not look complete.
#[test]
fn a_body_that_takes_too_long() {
    for (within, framing) in [
        ("200ms", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ("2s", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ("2s", "Content-Length: 10\r\n\r\nhello"),
    ] {
        let upstream = upstream(move |wire, _| {
            wire.head();
            wire.send(format!("HTTP/1.1 200 OK\r\n{framing}"));
            wire.is_closed();
        });
        let gateway = gateway_with(upstream.address, &format!(r#"{{ "total": "{within}" }}"#), "{}");
        let mut wire = Wire::connect(gateway.address());
        wire.send(GET);
        assert_eq!(status(&wire.head().unwrap()), 200);
        let mut body = Vec::new();
        let _ = wire.stream.read_to_end(&mut body);
        assert!(!body.ends_with(b"0\r\n\r\n") && body.len() < 11, "{body:?}");
    }
}

#[test]
fn a_body_that_the_upstream_cuts_off() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send(GET);
    assert_eq!(status(&wire.head().unwrap()), 200);
    let mut body = Vec::new();
    let _ = wire.stream.read_to_end(&mut body);
    assert_eq!(body, b"5\r\nhello\r\n");
}

/// A client that leaves takes its exchange with the upstream along, before the head has come and after.
#[test]
fn a_client_that_leaves() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"] {
        let (asked, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (saw, seen) = (Arc::clone(&asked), Arc::clone(&closed));
        let upstream = upstream(move |wire, _| {
            wire.head();
            wire.send(head);
            saw.store(true, Ordering::SeqCst);
            seen.store(wire.is_closed(), Ordering::SeqCst);
        });
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send(GET);
        wait_until("a request at the upstream", || asked.load(Ordering::SeqCst));
        if !head.is_empty() {
            wire.head();
        }
        drop(wire);
        wait_until("the end of the upstream's connection", || closed.load(Ordering::SeqCst));
    }
}

/// A client that leaves in the middle of its body does not end it.
#[test]
fn a_client_that_leaves_in_its_body() {
    let ended = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&ended);
    let upstream = upstream(move |wire, _| {
        wire.head();
        let mut body = Vec::new();
        let _ = wire.stream.read_to_end(&mut body);
        *seen.lock().unwrap() = Some(body);
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    wait_until("a request at the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    drop(wire);
    wait_until("the end of the upstream's connection", || ended.lock().unwrap().is_some());
    assert!(!ended.lock().unwrap().as_ref().unwrap().ends_with(b"0\r\n\r\n"));
}

/// RFC 9110 §10.1.1: the client is asked for its body once an upstream is there to get it, and not when none is.
#[test]
fn a_client_that_waits_to_be_asked_for_its_body() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        assert_eq!(field(&head, "expect"), None);
        let body = String::from_utf8(wire.body(&head)).unwrap();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{body}"));
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send(post);
    assert_eq!(status(&wire.head().unwrap()), 100);
    wire.send("hello");
    assert_eq!(wire.response(), Some((200, "hello".to_owned())));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = self::gateway(nobody);
    let mut wire = Wire::connect(gateway.address());
    wire.send(post);
    assert_eq!(status(&wire.head().unwrap()), 502);
}

/// RFC 9110 §6.5: trailers pass both ways.
#[test]
fn trailers() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        assert_eq!(wire.body(&head), b"hello");
        let trailers = wire.head().unwrap();
        let sum = trailers.trim().split_once(": ").unwrap().1.to_owned();
        wire.send("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
        wire.send(format!("X-Sum: {sum}\r\n\r\n"));
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send("5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n");
    let head = wire.head().unwrap();
    assert_eq!((status(&head), wire.body(&head)), (200, b"ok".to_vec()));
    assert_eq!(wire.head().unwrap().to_lowercase(), "x-sum: 42\n");
}

/// RFC 9110 §6.5.1: what only the gateway may state does not reach the upstream as a trailer, announced or not.
#[test]
fn trailers_that_do_not_pass() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            wire.stream.read_exact(&mut byte).unwrap();
            rest.extend(byte);
        }
        let seen = head.to_lowercase() + &String::from_utf8(rest).unwrap().to_lowercase();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len()));
    });
    let gateway = gateway(upstream.address);
    for (announced, passes) in [("X-Consumer-Id, X_Claim_Sub, Authorization", false), ("X-Sum, x-consumer-id", true)] {
        let mut wire = Wire::connect(gateway.address());
        wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: {announced}\r\n"));
        wire.send(
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Consumer-Id: admin\r\nX_Claim_Sub: admin\r\n",
        );
        wire.send("Authorization: admin\r\nX-Forwarded-For: admin\r\nX-Sum: 42\r\n\r\n");
        let (status, seen) = wire.response().unwrap();
        assert_eq!((status, seen.contains("x-sum: 42\r\n")), (200, passes), "{seen}");
        assert!(!seen.contains("admin") && !seen.contains("consumer-id") && !seen.contains("claim"), "{seen}");
        assert!(seen.ends_with("\r\n\r\n"), "{seen}");
    }
}

/// A response begins to reach the client before it has ended, and so does a request the upstream.
#[test]
fn bodies_are_not_held_back() {
    let upstream = upstream(|wire, _| {
        wire.head();
        let mut first = [0; 10];
        wire.stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"5\r\nhello\r\n");
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        let mut rest = [0; 5];
        wire.stream.read_exact(&mut rest).unwrap();
        wire.send("0\r\n\r\n");
    });
    let gateway = gateway(upstream.address);
    let mut wire = Wire::connect(gateway.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert_eq!(status(&wire.head().unwrap()), 200);
    let mut first = [0; 10];
    wire.stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"5\r\nhello\r\n");
    wire.send("0\r\n\r\n");
    let mut rest = [0; 5];
    wire.stream.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"0\r\n\r\n");
}

/// The limit in `limits.bodyBytes` holds for a body whose length isn't stated, too.
#[test]
fn a_body_above_its_limit() {
    let upstream = upstream(|wire, _| {
        wire.head();
        let _ = wire.stream.read_to_end(&mut Vec::new());
    });
    let config = crate::support::config(upstream.address, "{}", "{}").replace("8GiB", "10B");
    let gateway = crate::support::start(&config);
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n".to_owned(),
    ] {
        let mut wire = Wire::connect(gateway.address());
        wire.send(&request);
        assert_eq!(status(&wire.head().unwrap()), 413, "{request:?}");
    }
}

/// The acceptance of the rate limit: of 400 at once, exactly 100.
#[test]
fn a_rate_limit_admits_exactly_its_number() {
    let upstream = ok_upstream();
    let config = crate::support::config(upstream.address, "{}", "{}").replace(
        r#""upstream": "up" }"#,
        r#""upstream": "up", "policies": [{ "rateLimit": { "limit": 100, "window": "1h", "burst": 100 } }] }"#,
    );
    let gateway = crate::support::start(&config);
    let (address, admitted, refused) = (gateway.address(), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut wire = Wire::connect(address);
                for _ in 0..20 {
                    match wire.ask(GET).unwrap().0 {
                        200 => admitted.fetch_add(1, Ordering::SeqCst),
                        429 => refused.fetch_add(1, Ordering::SeqCst),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    assert_eq!((admitted.into_inner(), refused.into_inner()), (100, 300));
}

/// docs/configuration.md, Upstreams: the endpoints are called in turn; a reload goes on where they were.
#[test]
fn endpoints_are_called_in_turn_also_after_a_reload() {
    let answer = |name: &'static str| {
        upstream(move |wire, _| {
            while wire.head().is_some() {
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}"));
            }
        })
    };
    let (a, b) = (answer("a"), answer("b"));
    let config = |first: std::net::SocketAddr, second: std::net::SocketAddr| {
        format!(
            r#"{{"server": {{"listen": "127.0.0.1:0", "accessLog": "off"}},
                "upstreams": {{"u": {{"urls": ["http://{first}", "http://{second}"]}}}},
                "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#
        )
    };
    let (plan, settings) = crate::support::load(&config(a.address, b.address));
    let options = Options { threads: std::num::NonZero::new(1), ..Options::default() };
    let gateway = Server::start(plan, settings, &options).unwrap();
    let ask = |times: usize| -> String {
        let mut wire = Wire::connect(gateway.address());
        (0..times).map(|_| wire.ask(GET).unwrap().1).collect()
    };
    assert_eq!(ask(5), "ababa");
    let (plan, settings) = crate::support::load(&config(b.address, a.address));
    gateway.reload(plan, settings).unwrap();
    // Five turns have passed: the sixth is the second endpoint's, which is now `a`.
    assert_eq!(ask(4), "abab");
}

//! Limits on concurrency: places are taken for as long as answers last, whoever ends them.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::redis::redis;
use crate::support::{Wire, config, field, start, status, upstream, wait_until};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn limited(upstream: SocketAddr, counters: &str) -> String {
    config(upstream, r#"{ "total": "60s" }"#, "{}")
        .replace(
            r#""upstream": "up" }"#,
            r#""upstream": "up", "policies": [{ "concurrency": { "limit": 2, "key": "everyone" } }] }"#,
        )
        .replacen('{', &format!(r#"{{ "counters": {counters},"#), 1)
}

/// docs/configuration.md, Policies: a place is taken until the answer has ended, or its client has left.
fn places_last_as_long_as_answers(counters: &str) {
    let go = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&go);
    let upstream = upstream(move |wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
            wait_until("the test to go on", || gate.load(Ordering::SeqCst));
            wire.send("ok");
        }
    });
    let gateway = start(&limited(upstream.address, counters));
    let open = || {
        let mut wire = Wire::connect(gateway.address());
        wire.send(REQUEST);
        let head = wire.head().unwrap();
        (wire, head)
    };
    let (first, head) = open();
    assert_eq!(status(&head), 200);
    let (mut second, second_head) = open();
    assert_eq!(status(&second_head), 200);

    let (mut third, head) = open();
    assert_eq!((status(&head), field(&head, "retry-after").as_deref()), (429, Some("1")));
    let problem = String::from_utf8(third.body(&head)).unwrap();
    assert!(problem.contains(r#""code":"concurrency_limited""#), "{problem}");

    drop(first);
    let fourth = RefCell::new(None);
    wait_until("the place of the client that left", || {
        let (wire, head) = open();
        status(&head) == 200 && fourth.replace(Some((wire, head))).is_none()
    });
    assert_eq!(status(&open().1), 429);

    go.store(true, Ordering::SeqCst);
    assert_eq!(second.body(&second_head), b"okok");
    let (mut fourth, head) = fourth.into_inner().unwrap();
    assert_eq!(fourth.body(&head), b"okok");
    wait_until("both places", || {
        let answers = [open(), open()];
        answers.iter().all(|(_, head)| status(head) == 200)
    });
}

#[test]
fn places_in_memory_last_as_long_as_answers() {
    places_last_as_long_as_answers("{}");
}

#[test]
fn places_in_redis_last_as_long_as_answers() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    places_last_as_long_as_answers(&format!(r#"{{ "redis": "redis://127.0.0.1:{port}" }}"#));
}

//! Limits on concurrency: places are taken for as long as answers last, whoever ends them.

use std::cell::RefCell;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::redis::redis;
use crate::support::{Folder, Program, Wire, config, field, start, status, upstream, wait_until};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn limited(upstream: SocketAddr, counters: &str) -> String {
    limited_to(2, "60s", upstream, counters)
}

fn limited_to(limit: usize, total: &str, upstream: SocketAddr, counters: &str) -> String {
    config(upstream, &format!(r#"{{ "total": "{total}" }}"#), "{}")
        .replace(
            r#""upstream": "up" }"#,
            &format!(
                r#""upstream": "up", "policies": [{{ "concurrency": {{ "limit": {limit}, "key": "everyone" }} }}] }}"#
            ),
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

/// docs/configuration.md, Policies: however answers end, at most `limit` last at once, and no place is lost.
fn ten_places_are_ten(counters: &str) {
    const CLIENTS: usize = 40;
    const TURNS: usize = 6;
    // An answer goes on only once its client has counted it: else it could be over by then.
    let counted: Arc<[AtomicBool]> = (0..CLIENTS * TURNS).map(|_| AtomicBool::new(false)).collect();
    let gates = Arc::clone(&counted);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
            let number = head.split(['/', ' ']).filter_map(|part| part.parse::<usize>().ok()).next();
            if let Some(number) = number {
                wait_until("a client that has counted", || gates[number].load(Ordering::SeqCst));
            }
            if head.starts_with("GET /reset") {
                return;
            }
            wire.send("ok");
        }
    });
    let gateway = start(&limited_to(10, "60s", upstream.address, counters));
    let (lasting, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, lasting, most, counted) = (&gateway, &lasting, &most, &counted);
            scope.spawn(move || {
                let mut turn = 0;
                while turn < TURNS {
                    let path = ["/whole", "/reset", "/left"][(client + turn) % 3];
                    let number = client * TURNS + turn;
                    let mut wire = Wire::connect(gateway.address());
                    wire.send(format!("GET {path}/{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
                    if wire.head().is_none_or(|head| status(&head) != 200) {
                        continue;
                    }
                    turn += 1;
                    most.fetch_max(lasting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(30));
                    lasting.fetch_sub(1, Ordering::SeqCst);
                    counted[number].store(true, Ordering::SeqCst);
                    if path != "/left" {
                        let _ = wire.stream.read_exact(&mut [0; 4]);
                    }
                }
            });
        }
    });
    let most = most.into_inner();
    assert!((1..=10).contains(&most), "{most} at once");
    wait_until("all ten places", || {
        let all: Vec<_> = (0..10)
            .map(|_| {
                let mut wire = Wire::connect(gateway.address());
                wire.send(REQUEST);
                let head = wire.head();
                (wire, head)
            })
            .collect();
        all.iter().all(|(_, head)| head.as_ref().is_some_and(|head| status(head) == 200))
    });
}

#[test]
fn ten_places_in_memory_are_ten() {
    ten_places_are_ten("{}");
}

#[test]
fn ten_places_in_redis_are_ten() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    ten_places_are_ten(&format!(r#"{{ "redis": "redis://127.0.0.1:{port}" }}"#));
}

/// docs/configuration.md, Policies: the places of a gateway that is gone come back when their leases are over: ten seconds
/// after the `total` deadline.
#[test]
fn the_places_of_a_gateway_that_is_killed_come_back() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let upstream = upstream(|wire, _| {
        let _ = wire.head();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
        let _ = wire.head();
    });
    let folder = Folder::new();
    let config = limited_to(1, "1s", upstream.address, &format!(r#"{{ "redis": "redis://127.0.0.1:{port}" }}"#));
    let file = folder.write("gateway.json", &config);
    let (killed, other) = (Program::serve(&file), Program::serve(&file));
    let ask = |program: &Program| {
        let mut wire = Wire::connect(program.address);
        wire.send(REQUEST);
        let head = wire.head().unwrap();
        (wire, status(&head))
    };
    let (_holder, held) = ask(&killed);
    assert_eq!((held, ask(&other).1), (200, 429));
    killed.signal("KILL");
    assert_eq!(ask(&other).1, 429, "nobody gave the place back");
    wait_until("the end of the lease", || ask(&other).1 == 200);
}

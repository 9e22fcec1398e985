//! Bounds of the connections to upstreams (docs/configuration.md, Upstreams: `connections`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use edgeway::server::Server;

use crate::support::{
    Folder, Program, Upstream, Wire, field, gated_upstream, ok_upstream, start, status, upstream, wait_until,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn config(urls: &[String], connections: &str) -> String {
    format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "urls": {urls:?}, "connections": {connections}, "timeouts": {{ "connect": "300ms" }},
              "health": {{ "passive": {{ "failures": 1 }} }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    )
}

fn gateway(upstream: &Upstream, connections: &str) -> Server {
    start(&config(&[format!("http://{}", upstream.address)], connections))
}

/// The upstream answers only once the gate is open: a request too many gets 503 after its time, and the first ones their answers.
#[test]
fn a_request_too_many_waits_and_is_refused() {
    let (upstream, gate) = gated_upstream();
    let gateway = gateway(&upstream, r#"{ "max": 2 }"#);
    let mut first: Vec<_> = (0..2).map(|_| Wire::connect(gateway.address())).collect();
    first.iter_mut().for_each(|wire| wire.send(GET));
    wait_until("two calls", || upstream.connections.load(Ordering::SeqCst) == 2);
    let (mut third, begun) = (Wire::connect(gateway.address()), Instant::now());
    third.send(GET);
    let head = third.head().unwrap();
    assert_eq!(
        (status(&head), field(&head, "proxy-status").unwrap().contains("connection_limit_reached")),
        (503, true)
    );
    assert!(begun.elapsed() >= Duration::from_millis(300));
    // Nothing is held against the place, and whoever waits has what becomes free.
    let mut fourth = Wire::connect(gateway.address());
    fourth.send(GET);
    std::thread::sleep(Duration::from_millis(100));
    gate.store(true, Ordering::SeqCst);
    for wire in first.iter_mut().chain([&mut fourth]) {
        assert_eq!(wire.response(), Some((200, "ok".to_owned())));
    }
    // The fourth has one of those, or another in its place if it is of another thread.
    assert!(upstream.connections.load(Ordering::SeqCst) <= 3);
}

/// docs/configuration.md: `maxWaiting`, and another place, which has room.
#[test]
fn what_may_not_wait_is_refused_or_goes_elsewhere() {
    let (busy, gate) = gated_upstream();
    let well = ok_upstream();
    let gateway = start(&config(
        &[format!("http://{}", busy.address), format!("http://{}", well.address)],
        r#"{ "max": 1, "maxWaiting": 0 }"#,
    ));
    // The places take turns.
    let mut held = Vec::new();
    while busy.connections.load(Ordering::SeqCst) == 0 {
        let mut wire = Wire::connect(gateway.address());
        wire.send(GET);
        held.push(wire);
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..6 {
        let begun = Instant::now();
        assert_eq!(Wire::connect(gateway.address()).ask(GET), Some((200, "ok".to_owned())));
        assert!(begun.elapsed() < Duration::from_millis(250), "it waits");
    }
    assert_eq!(busy.connections.load(Ordering::SeqCst), 1);
    gate.store(true, Ordering::SeqCst);
}

/// Many requests over few connections, on two threads: none fails, and there are never more connections than there may be.
#[test]
fn threads_share_a_bound() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, highest) = (Arc::clone(&open), Arc::clone(&most));
    let upstream = upstream(move |wire, _| {
        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        while wire.head().is_some() {
            std::thread::sleep(Duration::from_millis(2));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        now.fetch_sub(1, Ordering::SeqCst);
    });
    let folder = Folder::new();
    let text = config(&[format!("http://{}", upstream.address)], r#"{ "max": 3 }"#).replace("300ms", "10s");
    folder.write("gateway.json", &text);
    let program = Program::run(&["serve", "gateway.json", "--threads", "2"], &folder.0);
    let address = program.address;
    let asking: Vec<_> = (0..16)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..4 {
                    let mut wire = Wire::connect(address);
                    for _ in 0..5 {
                        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
                    }
                }
            })
        })
        .collect();
    asking.into_iter().for_each(|thread| thread.join().unwrap());
    // The upstream counts a connection that the gateway has ended until it notices.
    let most = most.load(Ordering::SeqCst);
    assert!((1..=5).contains(&most), "{most} connections");
}

/// docs/configuration.md: `maxRequests` and `maxIdle`.
#[test]
fn a_connection_has_so_many_requests_and_so_many_are_kept() {
    let upstream = ok_upstream();
    let gateway_of_three = gateway(&upstream, r#"{ "maxRequests": 3 }"#);
    let mut wire = Wire::connect(gateway_of_three.address());
    for _ in 0..9 {
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 3);

    let (upstream, gate) = gated_upstream();
    // One thread: each keeps its own.
    let folder = Folder::new();
    folder.write("gateway.json", &config(&[format!("http://{}", upstream.address)], r#"{ "maxIdle": 1 }"#));
    let gateway_of_one = Program::run(&["serve", "gateway.json", "--threads", "1"], &folder.0);
    let ask_all = |gate: &AtomicBool| {
        let before = upstream.connections.load(Ordering::SeqCst);
        let mut wires: Vec<_> = (0..3).map(|_| Wire::connect(gateway_of_one.address)).collect();
        wires.iter_mut().for_each(|wire| wire.send(GET));
        std::thread::sleep(Duration::from_millis(200));
        gate.store(true, Ordering::SeqCst);
        wires.iter_mut().for_each(|wire| assert_eq!(wire.response(), Some((200, "ok".to_owned()))));
        gate.store(false, Ordering::SeqCst);
        upstream.connections.load(Ordering::SeqCst) - before
    };
    assert_eq!(ask_all(&gate), 3);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(ask_all(&gate), 2);
    gate.store(true, Ordering::SeqCst);
}

/// docs/configuration.md: requests wait for a connection in turn. Each of many busy clients has its share, and the connections last.
#[test]
fn clients_have_equal_shares_of_few_connections() {
    let upstream = upstream(|wire, _| {
        while wire.head().is_some() {
            std::thread::sleep(Duration::from_millis(50));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    for threads in ["1", "2"] {
        let before = upstream.connections.load(Ordering::SeqCst);
        let folder = Folder::new();
        let text = config(&[format!("http://{}", upstream.address)], r#"{ "max": 5 }"#).replace("300ms", "5s");
        folder.write("gateway.json", &text);
        let program = Program::run(&["serve", "gateway.json", "--threads", threads], &folder.0);
        let address = program.address;
        let until = Instant::now() + Duration::from_secs(4);
        let asking: Vec<_> = (0..20)
            .map(|_| {
                std::thread::spawn(move || {
                    let mut wire = Wire::connect(address);
                    let mut answers = 0_u32;
                    while Instant::now() < until {
                        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        let shares: Vec<u32> = asking.into_iter().map(|thread| thread.join().unwrap()).collect();
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        assert!(*least > 0 && most <= &(2 * least), "{threads} threads: {shares:?}");
        // Connections end for requests of another thread alone.
        let opened = upstream.connections.load(Ordering::SeqCst) - before;
        let enough = if threads == "1" { 5 } else { 60 };
        assert!(opened <= enough, "{threads} threads: {opened} connections");
    }
}

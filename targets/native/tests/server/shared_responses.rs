//! Stored responses in a Redis that several gateways share (docs/configuration.md, Responses that gateways share).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use edgeway::server::Server;

use crate::redis::redis;
use crate::support::{Folder, Program, Upstream, Wire, config, field, start, status, upstream, wait_until};

fn shared(upstream: SocketAddr, port: u16, server: &str) -> String {
    config(upstream, "{}", server)
        .replace(r#""upstream": "up" }"#, r#""upstream": "up", "policies": [{ "cache": { "maxBytes": "8MiB" } }] }"#)
        .replacen('{', &format!(r#"{{ "responses": {{ "redis": "redis://127.0.0.1:{port}" }},"#), 1)
}

/// An upstream whose answers have the number of the request in front, and so many more bytes as `?bytes=` says.
fn counting(pause: Duration) -> (Upstream, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            let number = counter.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(pause);
            let bytes = head.split(['?', ' ']).find_map(|part| part.strip_prefix("bytes=")).unwrap_or("0");
            let body = format!("{number};{}", "x".repeat(bytes.parse().unwrap()));
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nCache-Tag: all\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    (upstream, asked)
}

fn ask(address: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut wire = Wire::connect(address);
    wire.send(format!("{request} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    let head = wire.head().unwrap();
    assert_eq!(status(&head), 200, "{head}");
    let body = wire.body(&head);
    (head, body)
}

fn is_hit(head: &str) -> bool {
    field(head, "cache-status").is_some_and(|told| told.starts_with("edgeway; hit"))
}

fn get(gateway: &Server, path: &str) -> (String, Vec<u8>) {
    ask(gateway.address(), &format!("GET {path}"))
}

/// Asks until the response is a hit: it is stored after the client has its end.
fn until_hit(gateway: &Server, path: &str) -> Vec<u8> {
    let begun = Instant::now();
    loop {
        let (head, body) = get(gateway, path);
        if is_hit(&head) {
            return body;
        }
        assert!(begun.elapsed() < crate::support::PATIENCE, "{head}");
    }
}

/// What one gateway stores is a hit at the other, and what one removes is gone at the other, whatever the size.
#[test]
fn what_one_gateway_stores_another_one_serves() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let (upstream, asked) = counting(Duration::ZERO);
    let text = shared(upstream.address, port, "{}");
    let gateways = [start(&text), start(&text)];
    for path in ["/small", "/middle?bytes=20000", "/large?bytes=3000000"] {
        get(&gateways[0], path);
        let stored = until_hit(&gateways[0], path);
        let before = asked.load(Ordering::SeqCst);
        let (head, body) = get(&gateways[1], path);
        assert!(is_hit(&head) && body == stored, "{path}: {head}");
        assert_eq!(asked.load(Ordering::SeqCst), before);
        ask(gateways[1].address(), &format!("PUT {path}"));
        assert!(!is_hit(&get(&gateways[0], path).0), "{path}");
    }
}

/// Requests that come together at two gateways become one.
#[test]
fn requests_that_come_together_are_one_for_all_gateways() {
    let Some((_redis, port)) = redis() else { return };
    let (upstream, asked) = counting(Duration::from_millis(500));
    let text = shared(upstream.address, port, "{}");
    let gateways = [start(&text), start(&text)];
    std::thread::scope(|scope| {
        for n in 0..32 {
            let gateway = &gateways[n % 2];
            scope.spawn(move || assert_eq!(get(gateway, "/together?bytes=20000").1[..2], *b"0;"));
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// docs/configuration.md, Purges: a purge at one gateway counts everywhere within 10 s.
#[test]
fn a_purge_at_one_gateway_reaches_the_other() {
    let Some((_redis, port)) = redis() else { return };
    let (upstream, _) = counting(Duration::ZERO);
    let text = shared(upstream.address, port, r#"{ "admin": "127.0.0.1:0" }"#);
    let gateways = [start(&text), start(&text)];
    // Each is asked for at one gateway alone after the purge: what that stores then is the others', too.
    let paths = ["/one", "/two", "/three"];
    let stored = paths.map(|path| until_hit(&gateways[0], path));
    // The other one knows of no purges by now.
    assert_eq!(paths.map(|path| until_hit(&gateways[1], path)), stored);
    std::thread::sleep(Duration::from_millis(5));
    let mut wire = Wire::connect(gateways[0].admin_address().unwrap());
    let content = r#"{"tags": ["all"]}"#;
    wire.send(format!(
        "PUT /purges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    ));
    assert_eq!(status(&wire.head().unwrap()), 200);
    assert_ne!(get(&gateways[0], paths[0]).1, stored[0], "at once where it was asked for");
    let third = start(&text);
    assert_ne!(get(&third, paths[2]).1, stored[2], "one that begins later knows of it");
    wait_until("the purge at the other", || get(&gateways[1], paths[1]).1 != stored[1]);
}

/// A Redis that is away, or says nothing, costs no answer, and the log names it.
#[test]
fn without_its_redis_requests_go_to_the_upstream() {
    let Some((redis, port)) = redis() else { return };
    let (upstream, _) = counting(Duration::ZERO);
    let gateway = start(&shared(upstream.address, port, "{}"));
    until_hit(&gateway, "/away");
    drop(redis);
    for _ in 0..3 {
        assert!(!is_hit(&get(&gateway, "/away").0));
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (port, failure) in [(silent.local_addr().unwrap().port(), "slow"), (closed, "unreachable")] {
        let folder = Folder::new();
        let text = shared(upstream.address, port, "{}")
            .replace(r#""accessLog": "off""#, r#""accessLog": "json""#)
            .replacen(r#""responses": {"#, r#""responses": { "timeout": "300ms","#, 1);
        let gateway = Program::serve(&folder.write("gateway.json", &text));
        ask(gateway.address, "GET /logged");
        assert_eq!(gateway.logged("/logged")["store"], serde_json::json!({"name": "Redis", "failure": failure}));
    }
}

/// All keys have the prefix and an expiry: nothing stays for ever.
#[test]
fn what_is_stored_expires() {
    let Some((_redis, port)) = redis() else { return };
    let (upstream, _) = counting(Duration::ZERO);
    let gateway = start(&shared(upstream.address, port, "{}"));
    until_hit(&gateway, "/expires?bytes=20000");
    let asked = |arguments: &[&str]| {
        let port = port.to_string();
        let output = std::process::Command::new("redis-cli").args(["-p", &port]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let keys = asked(&["KEYS", "*"]);
    let keys: Vec<&str> = keys.lines().collect();
    assert!(keys.iter().filter(|key| key.starts_with("edgeway:cache:")).count() >= 2, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("edgeway:"), "{key}");
        let left: i64 = asked(&["PTTL", key]).trim().parse().unwrap();
        // One that ends in this moment is none (-2).
        assert!(left > 0 || left == -2, "{key}: {left}");
    }
}

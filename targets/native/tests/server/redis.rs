//! Counters that several gateways share.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Folder, Program, Wire, config, ok_upstream, start, wait_until};

pub(crate) struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis on a free port, where the system has one.
pub(crate) fn redis() -> Option<(Redis, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let redis = Redis(child);
    wait_until("a Redis", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some((redis, port))
}

fn limited(upstream: std::net::SocketAddr, port: u16, fail: &str) -> String {
    config(upstream, "{}", "{}")
        .replace(
            r#""upstream": "up" }"#,
            &format!(
                r#""upstream": "up", "policies": [{{ "rateLimit": {{ "limit": 100, "window": "1h", "key": "everyone", "fail": "{fail}" }} }}] }}"#
            ),
        )
        .replacen('{', &format!(r#"{{ "counters": {{ "redis": "redis://127.0.0.1:{port}" }},"#), 1)
}

/// Two gateways together admit exactly the limit.
#[test]
fn two_gateways_share_a_limit() {
    let Some((redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let upstream = ok_upstream();
    let text = limited(upstream.address, port, "closed");
    let gateways = [start(&text), start(&text)];
    let (admitted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for n in 0..20 {
            let (address, admitted, refused) = (gateways[n % 2].address(), &admitted, &refused);
            scope.spawn(move || {
                let mut wire = Wire::connect(address);
                for _ in 0..20 {
                    let (status, text) = wire.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
                    match status {
                        200 => admitted.fetch_add(1, Ordering::SeqCst),
                        429 => refused.fetch_add(1, Ordering::SeqCst),
                        _ => panic!("{status} {text}"),
                    };
                }
            });
        }
    });
    assert_eq!((admitted.into_inner(), refused.into_inner()), (100, 300));

    // Without its Redis, a limit that fails closed refuses.
    drop(redis);
    let answer = Wire::connect(gateways[0].address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.unwrap().0, 503);
}

/// docs/configuration.md, Policies, `rateLimit`: of several limits, those after the one that refuses a request lose nothing by it.
#[test]
fn several_limits_in_one_round_trip() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let upstream = ok_upstream();
    let limits = r#"{ "rateLimit": { "name": "once", "limit": 1, "window": "1d", "key": "everyone" } },
        { "rateLimit": { "name": "many", "limit": 99, "window": "1d", "key": "everyone", "algorithm": "fixedWindow" } },
        { "rateLimit": { "name": "more", "limit": 99, "window": "1d", "key": "everyone", "algorithm": "slidingWindow" } }"#;
    let text = limited(upstream.address, port, "closed");
    let alone = r#"{ "rateLimit": { "limit": 100, "window": "1h", "key": "everyone", "fail": "closed" } }"#;
    let refusing = start(&text.replace(alone, limits));
    let (_, others) = limits.split_once("},\n").unwrap();
    let others = start(&text.replace(alone, others));
    let ask = |address| {
        let mut wire = Wire::connect(address);
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = wire.head().unwrap();
        (crate::support::status(&head), head)
    };
    let (status, text) = ask(refusing.address());
    assert!(status == 200 && text.contains("\"many\";r=98;") && text.contains("\"more\";r=98;"), "{text}");
    for _ in 0..5 {
        let (status, text) = ask(refusing.address());
        assert!(status == 429 && text.contains("\"once\";r=0;") && !text.contains("many"), "{text}");
    }
    // What was taken is given back after the answer; each of these takes one itself.
    let asked = AtomicUsize::new(0);
    wait_until("what was taken to be back", || {
        let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let (_, text) = ask(others.address());
        text.contains(&format!("\"many\";r={};", 98 - asked)) && text.contains(&format!("\"more\";r={};", 98 - asked))
    });
}

/// docs/configuration.md, Redis: a connection that was closed while nobody needed it costs no request.
#[test]
fn a_connection_that_was_closed_is_opened_again() {
    let Some((_redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let upstream = ok_upstream();
    let gateway = start(&limited(upstream.address, port, "closed"));
    for _ in 0..3 {
        assert_eq!(crate::support::get(gateway.address()), (200, "ok".to_owned()));
        let mut own = TcpStream::connect(("127.0.0.1", port)).unwrap();
        own.write_all(b"CLIENT KILL TYPE normal SKIPME yes\r\n").unwrap();
        let mut reply = [0; 64];
        let length = own.read(&mut reply).unwrap();
        assert!(reply[..length].starts_with(b":1\r\n"), "{:?}", String::from_utf8_lossy(&reply[..length]));
    }
}

/// docs/configuration.md, Redis: one that hangs has `fail` decide once `counters.timeout` is over, and counts again when it goes on.
#[test]
fn a_redis_that_is_frozen_and_goes_on() {
    let Some((redis, port)) = redis() else {
        eprintln!("skipped: no redis-server on the PATH");
        return;
    };
    let upstream = ok_upstream();
    let text = |fail| {
        limited(upstream.address, port, fail).replacen(r#""counters": { "#, r#""counters": { "timeout": "300ms", "#, 1)
    };
    let (closed, open) = (start(&text("closed")), start(&text("open")));
    let ask = |gateway: &edgeway::server::Server| {
        Wire::connect(gateway.address()).ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0
    };
    assert_eq!((ask(&closed), ask(&open)), (200, 200));
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &redis.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    };
    signal("-STOP");
    assert_eq!((ask(&closed), ask(&open)), (503, 200));
    signal("-CONT");
    wait_until("the Redis again", || ask(&closed) == 200);
    assert_eq!(ask(&open), 200);
}

/// A gateway starts without its Redis, and a limit that fails open admits.
#[test]
fn a_redis_that_is_not_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let upstream = ok_upstream();
    let gateway = start(&limited(upstream.address, port, "open"));
    assert_eq!(crate::support::get(gateway.address()), (200, "ok".to_owned()));
}

/// A Redis that takes connections and never answers holds up no request for ever, however many wait for it.
#[test]
fn a_redis_that_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = ok_upstream();
    let gateway = start(&limited(upstream.address, silent.local_addr().unwrap().port(), "open"));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(crate::support::get(gateway.address()), (200, "ok".to_owned())));
        }
    });
}

/// docs/configuration.md, Access log: the line names the store that did not answer, and why.
#[test]
fn the_log_names_a_redis_that_did_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (port, failure) in [(silent.local_addr().unwrap().port(), "slow"), (closed, "unreachable")] {
        let upstream = ok_upstream();
        let folder = Folder::new();
        let config = limited(upstream.address, port, "open").replace(r#""accessLog": "off""#, r#""accessLog": "json""#);
        let gateway = Program::serve(&folder.write("gateway.json", &config));
        assert_eq!(Wire::connect(gateway.address).ask("GET /logged HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().0, 200);
        assert_eq!(gateway.logged("/logged")["store"], serde_json::json!({"name": "Redis", "failure": failure}));
    }
}

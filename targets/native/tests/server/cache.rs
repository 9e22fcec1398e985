//! The cache over real sockets: requests that come together, leaders that die, purges, and the bound of its memory.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edgeway::server::Server;

use crate::metrics::{sample, wait_for};
use crate::support::{Folder, Program, Upstream, Wire, config, field, start, status, upstream, wait_until};

const CLIENTS: usize = 64;

fn cached(upstream: SocketAddr, cache: &str, server: &str) -> String {
    config(upstream, "{}", server)
        .replace(r#""upstream": "up" }"#, &format!(r#""upstream": "up", "policies": [{{ "cache": {cache} }}] }}"#))
}

/// An upstream that does as `answer` says with each request, which is given its number, and the numbers of requests.
fn counting(answer: impl Fn(&mut Wire, &str, usize) -> bool + Send + Sync + 'static) -> (Upstream, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if !answer(wire, &head, number) {
                return;
            }
        }
    });
    (upstream, asked)
}

fn get(gateway: &Server, path: &str) -> (u16, String, Vec<u8>) {
    let mut wire = Wire::connect(gateway.address());
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let head = wire.head().unwrap();
    let body = wire.body(&head);
    (status(&head), head, body)
}

/// All of them ask for the same at once; returns the statuses and contents.
fn together(gateway: &Server, path: &str) -> Vec<(u16, Vec<u8>)> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let (status, _, body) = get(gateway, path);
                    (status, body)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// docs/configuration.md, Cache: requests that come together become one.
#[test]
fn requests_that_come_together_are_one_to_the_upstream() {
    let (upstream, asked) = counting(|wire, _, _| {
        // The others come meanwhile.
        std::thread::sleep(Duration::from_millis(300));
        wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nok");
        std::thread::sleep(Duration::from_millis(100));
        wire.send("ok");
        true
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    let answers = together(&gateway, "/together");
    assert!(answers.iter().all(|answer| *answer == (200, b"okok".to_vec())), "{answers:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// docs/configuration.md, Cache: if the one that asks fails, the next one asks, and not all of them.
#[test]
fn a_request_that_fails_has_one_other_ask() {
    let (upstream, asked) = counting(|wire, _, number| {
        std::thread::sleep(Duration::from_millis(300));
        if number == 0 {
            // Broken off within the content.
            wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nok");
            return false;
        }
        wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nokok");
        true
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    let answers = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = Wire::connect(gateway.address());
                    wire.send("GET /dies HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                    let mut answer = Vec::new();
                    // The one that is broken off has an end of its own kind.
                    let _ = wire.stream.read_to_end(&mut answer);
                    answer
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let whole = answers.iter().filter(|answer| answer.ends_with(b"okok")).count();
    assert_eq!((whole, asked.load(Ordering::SeqCst)), (CLIENTS - 1, 2));
}

/// docs/configuration.md, Cache: a client that leaves while it is the one that is waited for.
#[test]
fn a_client_that_leaves_has_one_other_ask() {
    let (upstream, asked) = counting(|wire, _, _| {
        std::thread::sleep(Duration::from_millis(400));
        wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nokok");
        true
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    let mut first = Wire::connect(gateway.address());
    first.send("GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("the first to be asked for", || asked.load(Ordering::SeqCst) == 1);
    let answers = std::thread::scope(|scope| {
        let others = scope.spawn(|| together(&gateway, "/leaves"));
        std::thread::sleep(Duration::from_millis(100));
        drop(first);
        others.join().unwrap()
    });
    assert!(answers.iter().all(|answer| *answer == (200, b"okok".to_vec())), "{answers:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// docs/configuration.md, Cache: what is not stored has nobody wait.
#[test]
fn what_is_not_stored_has_nobody_wait_for_it_twice() {
    let (upstream, asked) = counting(|wire, _, _| {
        std::thread::sleep(Duration::from_millis(100));
        wire.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\nokok");
        true
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    let answers = together(&gateway, "/each");
    assert!(answers.iter().all(|answer| *answer == (200, b"okok".to_vec())), "{answers:?}");
    assert_eq!(asked.load(Ordering::SeqCst), CLIENTS);
}

/// docs/configuration.md, Cache: requests that are waited for in vain have nobody stand in line. Each of these waits for one other at most, where
/// one after another would take them far beyond `collapse`.
#[test]
fn what_varies_or_is_too_long_has_nobody_stand_in_line() {
    const MOST: usize = 8;
    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counter = Arc::clone(&at_once);
    let (upstream, asked) = counting(move |wire, head, _| {
        let (now, most) = &*counter;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        now.fetch_sub(1, Ordering::SeqCst);
        if head.starts_with("GET /vary ") {
            wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: X-Number\r\nContent-Length: 2\r\n\r\nok");
        } else {
            wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
            wire.send(format!("400\r\n{}\r\n0\r\n\r\n", "x".repeat(1024)));
        }
        true
    });
    let gateway = start(&cached(upstream.address, r#"{ "collapse": "60s", "maxBytes": "1000B" }"#, "{}"));
    for path in ["/vary", "/long"] {
        let before = asked.load(Ordering::SeqCst);
        at_once.1.store(0, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for number in 0..MOST {
                let gateway = &gateway;
                scope.spawn(move || {
                    let mut wire = Wire::connect(gateway.address());
                    wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Number: {number}\r\n\r\n"));
                    let head = wire.head().unwrap();
                    assert_eq!(status(&head), 200);
                    wire.body(&head);
                });
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst) - before, MOST, "{path}");
        assert!(at_once.1.load(Ordering::SeqCst) > MOST / 2, "{path}: they stood in line");
    }
}

/// docs/configuration.md, Cache: a client that does not read on holds nobody else up.
#[test]
fn a_client_that_stands_holds_nobody_up() {
    let (upstream, asked) = counting(|wire, _, _| {
        let body = "x".repeat(12 << 20);
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        true
    });
    let text =
        cached(upstream.address, r#"{ "collapse": "60s", "maxBytes": "16MiB" }"#, r#"{ "cacheMemory": "256MiB" }"#);
    let gateway = start(&text);
    let mut standing = Wire::connect(gateway.address());
    standing.send("GET /stands HTTP/1.1\r\nHost: a\r\n\r\n");
    let first = standing.head().unwrap();
    let (code, head, body) = get(&gateway, "/stands");
    assert_eq!((code, body.len()), (200, 12 << 20));
    assert_eq!(field(&head, "cache-status").as_deref(), Some("edgeway; fwd=uri-miss; stored; collapsed"));
    assert!(field(&get(&gateway, "/stands").1, "cache-status").unwrap().starts_with("edgeway; hit"));
    // Its content is the older one, and is not stored over the other.
    assert_eq!(standing.body(&first).len(), 12 << 20);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// docs/configuration.md, Cache: who wants another response than the stored one has nobody else wait for it.
#[test]
fn a_request_with_directives_of_its_own_has_nobody_wait() {
    let (go, wait) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let (upstream, asked) = counting(move |wire, _, number| {
        if number == 1 {
            wait.lock().unwrap().recv().unwrap();
        }
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nVary: X-None\r\nContent-Length: 1\r\n\r\n{number}"
        ));
        true
    });
    let gateway = start(&cached(upstream.address, r#"{ "collapse": "60s" }"#, "{}"));
    assert_eq!(get(&gateway, "/own").2, b"0");
    let mut reload = Wire::connect(gateway.address());
    reload.send("GET /own HTTP/1.1\r\nHost: a\r\nCache-Control: min-fresh=3600\r\n\r\n");
    wait_until("the reload to be asked for", || asked.load(Ordering::SeqCst) == 2);
    let mut other = Wire::connect(gateway.address());
    other.send("GET /own HTTP/1.1\r\nHost: a\r\nCache-Control: min-fresh=3600\r\n\r\n");
    let head = other.head().unwrap();
    assert_eq!(other.body(&head), b"2", "it waits for the other one");
    go.send(()).unwrap();
    let head = reload.head().unwrap();
    assert_eq!(reload.body(&head), b"1");
}

/// RFC 9112 §8: what ends with its connection may have been cut off, which a shared store does not give to everybody for its whole lifetime.
#[test]
fn content_that_ends_with_the_connection_is_not_stored() {
    let (upstream, asked) = counting(|wire, head, _| {
        let (version, coding) = match head.split(' ').nth(1) {
            Some("/old") => ("HTTP/1.0", ""),
            _ => ("HTTP/1.1", "Connection: close\r\n"),
        };
        wire.send(format!("{version} 200 OK\r\nCache-Control: max-age=60\r\n{coding}\r\nhalf"));
        false
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    for path in ["/closed", "/old", "/closed", "/old"] {
        let (code, head, body) = get(&gateway, path);
        assert_eq!((code, &*body), (200, &b"half"[..]));
        assert_eq!(field(&head, "cache-status").as_deref(), Some("edgeway; fwd=uri-miss; detail=unframed"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

/// docs/configuration.md, Admin: purges by URL, beginning, tag, and of all.
#[test]
fn what_is_purged_is_asked_for_again() {
    let (upstream, asked) = counting(|wire, head, number| {
        let tag = head.split(['=', ' ']).find(|part| part.starts_with("tag-")).unwrap_or("none").to_owned();
        let body = number.to_string();
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"{number}\"\r\nCache-Tag: all, {tag}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        true
    });
    let gateway = start(&cached(upstream.address, "{}", r#"{ "admin": "127.0.0.1:0" }"#));
    let purge = |content: &str| {
        let mut wire = Wire::connect(gateway.admin_address().unwrap());
        wire.send(format!(
            "PUT /purges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}",
            content.len()
        ));
        status(&wire.head().unwrap())
    };
    let paths = ["/a/1?t=tag-x", "/a/2?t=tag-y", "/b/1?t=tag-x"];
    let fresh = || {
        let before = asked.load(Ordering::SeqCst);
        let asked_for = paths.map(|path| {
            let before = asked.load(Ordering::SeqCst);
            assert_eq!(get(&gateway, path).0, 200);
            asked.load(Ordering::SeqCst) > before
        });
        assert!(asked.load(Ordering::SeqCst) >= before);
        asked_for
    };
    assert_eq!(fresh(), [true; 3]);
    assert_eq!(fresh(), [false; 3]);
    // A purge is of what was asked for by its millisecond.
    let settle = || std::thread::sleep(Duration::from_millis(5));
    settle();
    assert_eq!(purge(r#"{"urls": ["http://a/a/1?t=tag-x"]}"#), 200);
    settle();
    assert_eq!(fresh(), [true, false, false]);
    settle();
    assert_eq!(purge(r#"{"prefixes": ["http://a/a/"]}"#), 200);
    settle();
    assert_eq!(fresh(), [true, true, false]);
    settle();
    assert_eq!(purge(r#"{"tags": ["tag-x"]}"#), 200);
    settle();
    assert_eq!(fresh(), [true, false, true]);
    settle();
    assert_eq!(purge(r#"{"all": true}"#), 200);
    settle();
    assert_eq!(fresh(), [true; 3]);
    assert_eq!(fresh(), [false; 3]);
    assert_eq!(purge(r#"{"urls": ["/a/1"]}"#), 400);
    assert_eq!(purge("{}"), 400);
}

/// docs/configuration.md, Cache: the memory is bounded, and what does not fit goes.
#[test]
fn memory_is_bounded() {
    const OBJECTS: usize = 200;
    let (upstream, asked) = counting(|wire, _, _| {
        let body = "x".repeat(64 << 10);
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        true
    });
    let gateway = start(&cached(upstream.address, "{}", r#"{ "cacheMemory": "1MiB" }"#));
    for object in 0..OBJECTS {
        assert_eq!(get(&gateway, &format!("/object/{object}")).0, 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), OBJECTS);
    // At most 16 of them fit.
    for object in 0..OBJECTS {
        assert_eq!(get(&gateway, &format!("/object/{object}")).0, 200);
    }
    let again = asked.load(Ordering::SeqCst) - OBJECTS;
    assert!((OBJECTS - 16..=OBJECTS).contains(&again), "{again}");
}

/// docs/configuration.md, Cache: the bound is of what is really held, and not only of what stored responses say.
#[cfg(target_os = "linux")]
#[test]
fn stored_responses_hold_no_buffers() {
    const OBJECTS: usize = 4_000;
    let (upstream, _) = counting(|wire, _, _| {
        let (long, body) = ("x".repeat(200), "y".repeat(300));
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nX-Long: {long}\r\nContent-Length: 300\r\n\r\n{body}"
        ));
        true
    });
    let folder = Folder::new();
    let text = cached(upstream.address, "{}", r#"{ "cacheMemory": "4MiB" }"#);
    let program = Program::serve(&folder.write("gateway.json", &text));
    let mut wire = Wire::connect(program.address);
    let mut ask = |object: usize| {
        wire.send(format!("GET /object/{object} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = wire.head().unwrap();
        assert_eq!(status(&head), 200);
        wire.body(&head);
    };
    (0..50).for_each(&mut ask);
    let before = program.resident();
    (50..OBJECTS).for_each(&mut ask);
    // In KiB: thrice what it may take, where a buffer for each would take ten times as much.
    let grown = program.resident().saturating_sub(before);
    assert!(grown < 12 << 10, "{grown} KiB");
}

/// RFC 9211 §2: what the cache did is told.
#[test]
fn answers_tell_what_the_cache_did() {
    let (upstream, _) = counting(|wire, _, _| {
        wire.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok");
        true
    });
    let gateway = start(&cached(upstream.address, "{}", "{}"));
    let told = || field(&get(&gateway, "/told").1, "cache-status");
    assert_eq!(told().as_deref(), Some("edgeway; fwd=uri-miss; stored"));
    assert!(told().unwrap().starts_with("edgeway; hit; ttl="));
}

/// docs/configuration.md, Metrics: requests by what the cache did, and the memory that stored responses take.
#[test]
fn metrics_count_what_the_cache_did() {
    let (upstream, _) = counting(|wire, head, _| {
        let life = if head.starts_with("GET /stored ") { "max-age=60" } else { "no-store" };
        wire.send(format!("HTTP/1.1 200 OK\r\nCache-Control: {life}\r\nContent-Length: 2\r\n\r\nok"));
        true
    });
    let text = cached(upstream.address, "{}", r#"{ "admin": "127.0.0.1:0" }"#);
    let gateway = start(&text);
    for path in ["/stored", "/stored", "/stored", "/other", "/other"] {
        assert_eq!(get(&gateway, path).0, 200);
    }
    let admin = gateway.admin_address().unwrap();
    let counted = |outcome: &str| format!(r#"edgeway_cache_requests_total{{route="all",outcome="{outcome}"}}"#);
    wait_for(admin, &counted("hit"), 2.0);
    wait_for(admin, &counted("miss"), 3.0);
    wait_for(admin, "edgeway_cache_resources", 1.0);
    assert!((1.0..10_000.0).contains(&sample(admin, "edgeway_cache_memory_bytes").unwrap()));
    wait_for(admin, r#"edgeway_store_errors_total{store="responses"}"#, 0.0);
}

/// docs/configuration.md, Cache: the requests by which the gateway asks again behind answers are in the metrics of upstreams, and one that fails has a line
/// of its own.
#[test]
fn what_is_asked_for_again_behind_an_answer_is_told() {
    let (up, asked) = counting(|wire, _, number| {
        wire.send(match number {
            0 | 2 => "HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-while-revalidate=600\r\nETag: \"a\"\r\nContent-Length: 2\r\n\r\nok",
            1 => "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=0, stale-while-revalidate=600\r\nETag: \"a\"\r\n\r\n",
            _ => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        });
        number < 4
    });
    let folder = Folder::new();
    let text = cached(up.address, "{}", r#"{ "admin": "127.0.0.1:0" }"#);
    folder.write("gateway.json", &text.replacen('{', r#"{ "accessLog": { "format": "json" },"#, 1));
    let program = Program::run(&["serve", "gateway.json", "--threads", "1"], &folder.0);
    program.wait_for_message("admin endpoints on http://");
    let messages = program.messages();
    let after = |part: &str| -> SocketAddr {
        messages.split_once(part).unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (address, admin) = (after(" on http://"), after("admin endpoints on http://"));
    for number in 0..4 {
        let answered = Wire::connect(address).ask("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(answered.0, 200, "{answered:?}");
        wait_until("the request behind the answer", || asked.load(Ordering::SeqCst) > number);
        // It counts once it is over.
        let done = |class: &str, count: f64| {
            let name = format!(r#"http_client_request_duration_seconds_count{{upstream="up",status_class="{class}"}}"#);
            wait_for(admin, &name, count);
        };
        match number {
            0 => done("2xx", 1.0),
            1 => done("3xx", 1.0),
            2 => done("2xx", 2.0),
            _ => done("5xx", 1.0),
        }
    }
    let background = || program.log().into_iter().filter(|line| line["background"] == true).collect::<Vec<_>>();
    wait_until("the line of the one that has failed", || !background().is_empty());
    let lines = background();
    let [line] = &*lines else { panic!("{lines:?}") };
    assert_eq!((&line["status"], &line["path"], &line["upstream"]), (&503.into(), &"/again".into(), &"up".into()));
    assert!(line.get("client").is_none(), "{line}");
}

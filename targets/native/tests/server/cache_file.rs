//! Stored responses in a file: what outlives a restart, and what does not.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use edgeway::server::{Options, Server};

use crate::support::{Folder, Program, Upstream, Wire, config, field, load, start, status, upstream};

/// A gateway that caches in `file`, with the least memory that there is.
fn cached(upstream: SocketAddr, file: &Path, size: &str) -> String {
    let server = format!(
        r#"{{ "admin": "127.0.0.1:0", "cacheMemory": "1MiB", "cacheFile": {{ "path": "{}", "size": "{size}" }} }}"#,
        file.display()
    );
    config(upstream, "{}", &server)
        .replace(r#""upstream": "up" }"#, r#""upstream": "up", "policies": [{ "cache": { "maxBytes": "8MiB" } }] }"#)
}

/// An upstream whose answers have the number of the request in front, the tags of the query, and so many more bytes as `?bytes=` says.
fn counting() -> (Upstream, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            wire.body(&head);
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if head.starts_with("PUT") {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            let text = |name: &str| {
                head.split(['?', '&', ' ']).find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned()
            };
            let rest = "x".repeat(text("bytes=").parse().unwrap_or_default());
            let body = format!("{number};{rest}");
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nCache-Tag: {}\r\nContent-Length: {}\r\n\r\n{body}",
                text("tag="),
                body.len()
            ));
        }
    });
    (upstream, asked)
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn is_hit(&self) -> bool {
        field(&self.head, "cache-status").is_some_and(|told| told.starts_with("edgeway; hit"))
    }
}

fn ask(gateway: &Server, request: &str) -> Answer {
    let mut wire = Wire::connect(gateway.address());
    wire.send(format!("{request} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    let head = wire.head().unwrap();
    let body = if request.starts_with("HEAD") { Vec::new() } else { wire.body(&head) };
    assert!(matches!(status(&head), 200 | 206), "{head}");
    Answer { head, body }
}

fn purge(gateway: &Server, content: &str) -> u16 {
    purge_at(gateway.admin_address().unwrap(), content)
}

fn purge_at(admin: SocketAddr, content: &str) -> u16 {
    // A purge is of what was asked for by its millisecond.
    std::thread::sleep(std::time::Duration::from_millis(5));
    let mut wire = Wire::connect(admin);
    wire.send(format!(
        "PUT /purges HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    ));
    status(&wire.head().unwrap())
}

/// docs/configuration.md, Cache: what has no room in memory is in the file.
#[test]
fn what_has_no_room_in_memory_is_in_the_file() {
    const OBJECTS: usize = 100;
    let (upstream, asked) = counting();
    let folder = Folder::new();
    let gateway = start(&cached(upstream.address, &folder.0.join("cache.redb"), "64MiB"));
    let path = |n: usize| format!("GET /{n}?bytes=65536");
    let bodies: Vec<Vec<u8>> = (0..OBJECTS).map(|n| ask(&gateway, &path(n)).body).collect();
    assert_eq!(asked.load(Ordering::SeqCst), OBJECTS);
    // At most 16 of them fit into memory.
    for (n, body) in bodies.iter().enumerate() {
        let answer = ask(&gateway, &path(n));
        assert!(answer.is_hit() && answer.body == *body, "{n}: {}", answer.head);
    }
    assert_eq!(asked.load(Ordering::SeqCst), OBJECTS);
    drop(gateway);
}

/// docs/configuration.md, Cache: stored responses outlive a restart, whatever their size, whole and in parts (RFC 9110 §14.2).
#[test]
fn stored_responses_outlive_a_restart() {
    let (upstream, asked) = counting();
    let folder = Folder::new();
    let text = cached(upstream.address, &folder.0.join("cache.redb"), "64MiB");
    let paths = ["/none", "/small?bytes=10", "/middle?bytes=20000", "/large?bytes=5000000"];
    let bodies = {
        let gateway = start(&text);
        let bodies = paths.map(|path| ask(&gateway, &format!("GET {path}")).body);
        gateway.shutdown();
        bodies
    };
    let gateway = start(&text);
    for _ in 0..2 {
        for (path, body) in paths.iter().zip(&bodies) {
            let answer = ask(&gateway, &format!("GET {path}"));
            assert!(answer.is_hit() && answer.body == *body, "{path}: {}", answer.head);
            let part = ask(&gateway, &format!("GET {path} HTTP/1.1\r\nRange: bytes=1-\r\nX-Rest:"));
            assert!(part.is_hit() && status(&part.head) == 206 && part.body == body[1..], "{path}: {}", part.head);
            assert!(ask(&gateway, &format!("HEAD {path}")).is_hit());
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), paths.len());
}

/// docs/configuration.md, Purges and Cache: what was purged or ended stays so after a restart, and what was not is there.
#[test]
fn what_was_purged_or_ended_does_not_come_back() {
    let (upstream, asked) = counting();
    let folder = Folder::new();
    let text = cached(upstream.address, &folder.0.join("cache.redb"), "64MiB");
    let paths = ["/a?tag=one", "/b?tag=two", "/c?tag=two&bytes=100000", "/d", "/e"];
    let gateway = start(&text);
    paths.iter().for_each(|path| drop(ask(&gateway, &format!("GET {path}"))));
    gateway.shutdown();
    // After a restart they are in the file alone.
    let gateway = start(&text);
    assert_eq!(purge(&gateway, r#"{"tags": ["two"]}"#), 200);
    ask(&gateway, "PUT /d");
    gateway.shutdown();
    let gateway = start(&text);
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(paths.map(|path| ask(&gateway, &format!("GET {path}")).is_hit()), [true, false, false, false, true]);
    assert_eq!(asked.load(Ordering::SeqCst) - before, 3);
    // What was asked for since is good.
    assert_eq!(paths.map(|path| ask(&gateway, &format!("GET {path}")).is_hit()), [true; 5]);
}

/// docs/configuration.md, Purges: a purge that was answered holds, even if the process is killed at once.
#[test]
fn a_purge_outlives_a_process_that_is_killed() {
    let (upstream, _) = counting();
    let folder = Folder::new();
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = cached(upstream.address, Path::new("cache.redb"), "64MiB");
    let config =
        folder.write("gateway.json", &text.replacen(r#""admin": "127.0.0.1:0""#, &format!(r#""admin": "{admin}""#), 1));
    let get = |gateway: &Program| {
        let mut wire = Wire::connect(gateway.address);
        wire.send("GET /killed?bytes=20000 HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = wire.head().unwrap();
        wire.body(&head);
        field(&head, "cache-status").unwrap()
    };
    let mut gateway = Program::serve(&config);
    get(&gateway);
    gateway.signal("TERM");
    assert!(gateway.ended());
    let gateway = Program::serve(&config);
    assert!(get(&gateway).contains("hit"), "it has outlived the restart");
    assert_eq!(purge_at(admin, r#"{"all": true}"#), 200);
    // Killed.
    drop(gateway);
    let gateway = Program::serve(&config);
    assert!(get(&gateway).contains("fwd"));
}

/// docs/platforms.md, The cache: a file that can't be used is refused at the start, and stays as it is.
#[test]
fn a_file_that_cannot_be_used_is_refused() {
    let (upstream, _) = counting();
    let folder = Folder::new();
    let file = folder.0.join("cache.redb");
    let text = cached(upstream.address, &file, "64MiB");
    let refusal = || {
        let (plan, settings) = load(&text);
        let refused = Server::start(plan, settings, &Options::default());
        refused.err().map(|error| error.to_string()).unwrap()
    };
    // Another program's.
    std::fs::write(&file, "not a database ".repeat(1_000)).unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(refusal().contains("cache.redb` can't be used"), "{}", refusal());
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::fs::remove_file(&file).unwrap();
    // The file of a key-value store.
    let values = config(upstream.address, "{}", &format!(r#"{{ "keyValueFile": "{}" }}"#, file.display()));
    start(&values).shutdown();
    assert!(refusal().contains("something else"), "{}", refusal());
    start(&values).shutdown();
    std::fs::remove_file(&file).unwrap();
    // One that is open already.
    let gateway = start(&text);
    assert!(refusal().contains("can't be used"), "{}", refusal());
    gateway.shutdown();
    // One that was damaged, or cut off.
    let gateway = start(&text);
    ask(&gateway, "GET /damaged?bytes=100000");
    gateway.shutdown();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    assert!(refusal().contains("can't be used"), "{}", refusal());
    let mut damaged = std::fs::OpenOptions::new().read(true).write(true).open(&file).unwrap();
    damaged.write_all(&whole).unwrap();
    damaged.seek(SeekFrom::Start(64)).unwrap();
    damaged.write_all(&[0xff; 256]).unwrap();
    drop(damaged);
    assert!(refusal().contains("can't be used"), "{}", refusal());
    // Whole again.
    std::fs::write(&file, &whole).unwrap();
    let gateway = start(&text);
    assert!(ask(&gateway, "GET /damaged?bytes=100000").is_hit());
}

/// docs/configuration.md, Cache: no more is stored than the size says, and the file is not much longer.
#[test]
fn the_file_is_bounded() {
    let (upstream, asked) = counting();
    let folder = Folder::new();
    let file = folder.0.join("cache.redb");
    let text = cached(upstream.address, &file, "8MiB");
    let gateway = start(&text);
    // Fewer bytes than may wait to be written.
    for n in 0..250 {
        ask(&gateway, &format!("GET /{n}?bytes=100000"));
    }
    gateway.shutdown();
    let length = std::fs::metadata(&file).unwrap().len();
    assert!(length < 32 << 20, "{length}");
    // The latest are there.
    let gateway = start(&text);
    let before = asked.load(Ordering::SeqCst);
    assert!((240..250).all(|n| ask(&gateway, &format!("GET /{n}?bytes=100000")).is_hit()));
    assert_eq!(asked.load(Ordering::SeqCst), before);
    assert!(!ask(&gateway, "GET /0?bytes=100000").is_hit());
}

/// Clients that ask for the same by hundreds while it is removed and stored again are answered what was stored last, or later.
#[test]
fn nobody_sees_what_was_before_a_removal() {
    let (upstream, asked) = counting();
    let folder = Folder::new();
    let gateway = start(&cached(upstream.address, &folder.0.join("cache.redb"), "64MiB"));
    for n in 0..60 {
        ask(&gateway, "GET /changing?bytes=30000");
        // Out of memory, so that looks go to the file.
        for other in 0..12 {
            ask(&gateway, &format!("GET /other/{other}?bytes=200000"));
        }
        ask(&gateway, "PUT /changing?bytes=30000");
        let removed = asked.load(Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let body = ask(&gateway, "GET /changing?bytes=30000").body;
                    let number: usize = String::from_utf8_lossy(&body).split(';').next().unwrap().parse().unwrap();
                    assert!(number >= removed, "{n}: {number} is older than {removed}");
                });
            }
        });
    }
    assert!(gateway.health().all(|(_, health)| !health.is_failing()));
}

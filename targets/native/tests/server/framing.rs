//! Request bodies whose framing never comes to an end, and others who must not wait for them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use edgeway::server::{Options, Server};

use crate::support::{PATIENCE, Wire, config, get, load, ok_upstream, upstream};

/// Framing that may go on and on: what is repeated, behind what.
const ENDLESS: [(&str, &str, u8); 5] = [
    ("a size", "", b'0'),
    ("whitespace after a size", "5 ", b' '),
    ("an extension", "5;x=", b'y'),
    ("a trailer", "0\r\nX: ", b'y'),
    ("a size after content", "5\r\nhello\r\n", b'0'),
];

/// Sends a body that begins with `start` and goes on with `byte`, until the gateway takes no more. Returns false if it takes
/// all of 64 MiB.
fn attack(server: &Server, start: &str, byte: u8) -> bool {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{start}");
    stream.write_all(head.as_bytes()).unwrap();
    let piece = [byte; 64 * 1024];
    let ended = |error: std::io::Error| !matches!(error.kind(), std::io::ErrorKind::WouldBlock);
    (0..1024).any(|_| stream.write_all(&piece).is_err_and(ended))
}

/// RFC 9112 §7.1.1: a recipient limits the framing that it takes; RFC 9112 §8: what is incomplete is never passed on as whole.
#[test]
fn framing_without_end_ends_its_connection() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let ends = Arc::clone(&ended);
    let upstream = upstream(move |wire, _| {
        wire.head();
        let mut rest = Vec::new();
        let _ = wire.stream.read_to_end(&mut rest);
        ends.lock().unwrap().push(rest.ends_with(b"0\r\n\r\n"));
    });
    let (plan, settings) = load(&config(upstream.address, "{}", "{}"));
    let server = Server::start(plan, settings, &Options::default()).unwrap();
    for (what, start, byte) in ENDLESS {
        assert!(attack(&server, start, byte), "{what}");
        assert!(!ended.lock().unwrap().contains(&true), "{what}");
    }
}

/// The same where the upstream has answered already, and goes on to read.
#[test]
fn framing_without_end_ends_its_connection_behind_an_answer() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let _ = std::io::copy(&mut wire.stream, &mut std::io::sink());
    });
    let (plan, settings) = load(&config(upstream.address, "{}", "{}"));
    let server = Server::start(plan, settings, &Options::default()).unwrap();
    for (what, start, byte) in ENDLESS {
        assert!(attack(&server, start, byte), "{what}");
    }
}

/// Small chunks are content, however much of the framing they need.
#[test]
fn content_in_small_chunks_passes() {
    let up = ok_upstream();
    let (plan, settings) = load(&config(up.address, "{}", "{}"));
    let server = Server::start(plan, settings, &Options::default()).unwrap();
    let mut wire = Wire::connect(server.address());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send("0000000001;some=extension\r\nx\r\n".repeat(500));
    wire.send("00000001\r\nx\r\n".repeat(100_000));
    assert_eq!(wire.ask("0\r\n\r\n"), Some((200, "ok".to_owned())));
}

/// All share one thread, which has to give everybody a turn.
#[test]
fn others_are_served_meanwhile() {
    let up = upstream(|wire, _| {
        while let Some(head) = wire.head()
            && head.starts_with("GET")
        {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let (plan, settings) = load(&config(up.address, "{}", "{}"));
    let options = Options { threads: NonZero::new(1), ..Options::default() };
    let server = Server::start(plan, settings, &options).unwrap();
    let (done, server) = (&AtomicBool::new(false), &server);
    std::thread::scope(|scope| {
        for (_, start, byte) in ENDLESS {
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    attack(server, start, byte);
                }
            });
        }
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let begun = std::time::Instant::now();
                assert_eq!(get(server.address()), (200, "ok".to_owned()));
                begun.elapsed()
            })
            .collect();
        done.store(true, Ordering::SeqCst);
        times.sort();
        println!("a bystander waits for {:?}, at most {:?}", times[25], times[49]);
    });
}

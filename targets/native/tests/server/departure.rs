//! Clients that leave in the middle of an exchange, whatever they have sent before.
//!
//! RFC 9112 §9.5: a client may close its connection at any time. docs/platforms.md, Native: that ends its exchange, with the
//! upstream's connection and its place (docs/configuration.md, `concurrency`).

use std::cell::RefCell;
use std::io::BufRead as _;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use edgeway::server::Server;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;

use crate::support::{Folder, Upstream, Wire, config, gated_upstream, start, upstream, wait_until};
use crate::tls::{certificate, connect};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A request that the upstream does not answer, and what stands behind it.
fn get(behind: &str) -> String {
    format!("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n{behind}")
}

/// The same with a body of five bytes.
fn post(content: &str) -> String {
    format!("POST /hang HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{content}")
}

/// An upstream that never answers `/hang`.
struct Hanging {
    upstream: Upstream,
    /// Requests to `/hang` that have come.
    begun: Arc<AtomicUsize>,
    /// Those whose connection the gateway has closed.
    ended: Arc<AtomicUsize>,
}

fn hanging() -> Hanging {
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    let upstream = upstream(move |wire, _| {
        while let Some(head) = wire.head() {
            if head.contains(" /hang ") {
                begins.fetch_add(1, Ordering::SeqCst);
                let _ = std::io::copy(&mut wire.stream, &mut std::io::sink());
                ends.fetch_add(1, Ordering::SeqCst);
                return;
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    Hanging { upstream, begun, ended }
}

/// A gateway with room for one request at a time.
fn gateway(up: &Hanging, server: &str) -> Server {
    let config = config(up.upstream.address, r#"{ "firstByte": "60s", "total": "60s" }"#, server);
    start(&config.replace(
        r#""upstream": "up" }"#,
        r#""upstream": "up", "policies": [{ "concurrency": { "limit": 1, "key": "everyone" } }] }"#,
    ))
}

/// A client whose `request` is the upstream's `number`. It may come before the place of the one before is free again, and is
/// repeated then.
fn begin(gateway: &Server, up: &Hanging, number: usize, request: &str) -> Wire {
    let client = RefCell::new(None);
    wait_until("a request at the upstream", || {
        let mut wire = client.take().unwrap_or_else(|| {
            let mut wire = Wire::connect(gateway.address());
            wire.stream.get_ref().set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            wire.send(request);
            wire
        });
        let is_refused = wire.stream.fill_buf().is_ok_and(|answer| !answer.is_empty());
        if !is_refused {
            client.replace(Some(wire));
        }
        !is_refused && up.begun.load(Ordering::SeqCst) == number
    });
    client.into_inner().unwrap()
}

#[test]
fn a_client_that_leaves_is_missed_whatever_it_has_sent_before() {
    let up = hanging();
    let gateway = gateway(&up, "{}");
    let mut number = 0;
    for (name, request) in [
        ("nothing", get("")),
        ("a stray byte", get("G")),
        ("a request", get(GET)),
        ("a body and a stray byte", post("hello!")),
        ("a part of a body", post("hel")),
    ] {
        for resets in [false, true] {
            let what = format!("{name}, {}", if resets { "RST" } else { "FIN" });
            number += 1;
            let client = begin(&gateway, &up, number, &request);
            assert_eq!(Wire::connect(gateway.address()).ask(GET).unwrap().0, 429, "{what}: the place is taken");
            if resets {
                SockRef::from(client.stream.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(client);
            wait_until(&format!("the end of the upstream connection: {what}"), || {
                up.ended.load(Ordering::SeqCst) == number
            });
            wait_until(&format!("a free place: {what}"), || {
                Wire::connect(gateway.address()).ask(GET).unwrap().0 == 200
            });
        }
    }
}

/// The client closes the socket below TLS, with or without its leave (RFC 8446 §6.1).
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_over_tls_is_missed_too() {
    let folder = Folder::new();
    let certificate = certificate(&folder);
    let up = hanging();
    let files =
        format!(r#"{{ "tls": {{ "certificate": "{0}/cert.pem", "key": "{0}/key.pem" }} }}"#, folder.0.display());
    let gateway = gateway(&up, &files);
    for (index, (says_so, resets)) in [(false, false), (true, false), (false, true)].into_iter().enumerate() {
        let what = format!("says so: {says_so}, resets: {resets}");
        let mut client = connect(&gateway, &certificate, &["http/1.1"]).await;
        client.write_all(get("G").as_bytes()).await.unwrap();
        wait_until(&what, || up.begun.load(Ordering::SeqCst) == index + 1);
        if says_so {
            client.shutdown().await.unwrap();
        }
        if resets {
            SockRef::from(client.get_ref().0).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(client);
        wait_until(&what, || up.ended.load(Ordering::SeqCst) == index + 1);
    }
}

/// The client does not read: what the gateway has to send stays.
#[test]
fn a_client_that_leaves_an_answer_unread_is_missed_too() {
    let ended = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&ended);
    let up = upstream(move |wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\n\r\n");
        while std::io::Write::write_all(wire.stream.get_mut(), &[b'x'; 65536]).is_ok() {}
        ends.store(true, Ordering::SeqCst);
    });
    let gateway = start(&config(up.address, "{}", "{}"));
    let mut client = Wire::connect(gateway.address());
    client.send(get("G"));
    client.head().unwrap();
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    wait_until("the end of the upstream connection", || ended.load(Ordering::SeqCst));
}

/// RFC 9112 §9.3.2: a client may send its next request before the answer.
#[test]
fn a_client_that_stays_is_answered_whatever_it_has_sent_before() {
    let (up, go) = gated_upstream();
    let gateway = start(&config(up.address, "{}", "{}"));
    let mut clients = Vec::new();
    for (request, answers) in [(get(""), 1), (get(GET), 2), (post("hello"), 1), (post("hello") + GET, 2)] {
        let mut client = Wire::connect(gateway.address());
        client.send(request);
        clients.push((client, answers));
    }
    // Longer than a departure takes to be noticed.
    std::thread::sleep(Duration::from_secs(3));
    go.store(true, Ordering::SeqCst);
    for (client, answers) in &mut clients {
        for _ in 0..*answers {
            assert_eq!(client.response(), Some((200, "ok".to_owned())));
        }
    }
}

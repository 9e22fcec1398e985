//! Upstreams that break the rules of HTTP, or use them against the gateway.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Semaphore};

use crate::support::{Folder, Wire, field, gateway, gateway_with, ok_upstream, start, status, upstream};
use crate::tls::{acceptor, acceptor_of, certificate};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const NTLM: &str = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRMTVNTUAAB\r\n\r\n";

/// A gateway in front of an upstream over TLS at `port` of this machine, with the certificate in `folder`.
fn tls_gateway(folder: &Folder, port: u16, timeouts: &str) -> edgeway::server::Server {
    start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{port}", "timeouts": {timeouts},
              "tls": {{ "authorities": "{}/cert.pem" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        folder.0.display()
    ))
}

/// An upstream that speaks HTTP/2 over TLS and has `serve` answer each stream, told the number of its connection.
async fn h2_upstream<S, F>(folder: &Folder, streams: u32, serve: S) -> (u16, Arc<AtomicUsize>)
where
    S: Fn(usize, http::Request<h2::RecvStream>, h2::server::SendResponse<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let (acceptor, listener) = (acceptor(folder), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let (connections, serve) = (Arc::new(AtomicUsize::new(0)), Arc::new(serve));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let Ok(stream) = acceptor.accept(listener.accept().await.unwrap().0).await else { continue };
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            tokio::spawn(async move {
                let mut connection =
                    h2::server::Builder::new().max_concurrent_streams(streams).handshake(stream).await.unwrap();
                while let Some(Ok((request, answer))) = connection.accept().await {
                    let serve = Arc::clone(&serve);
                    tokio::spawn(async move { serve(number, request, answer).await });
                }
            });
        }
    });
    (port, connections)
}

/// Answers a stream with 200 and `ok`.
fn answer_ok(mut answer: h2::server::SendResponse<Bytes>) {
    let mut body = answer.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from("ok"), true).unwrap();
}

/// The status and body of the answer to `request` on a connection of its own.
async fn ask(address: std::net::SocketAddr, request: &'static str) -> (u16, String) {
    tokio::task::spawn_blocking(move || Wire::connect(address).ask(request).unwrap()).await.unwrap()
}

/// An upstream that takes everybody on a connection for the one who logged in there. A login is an `Authorization`, or the answer
/// to a challenge.
fn login_upstream() -> crate::support::Upstream {
    upstream(|wire, _| {
        let (mut user, mut challenged) = (false, false);
        while let Some(head) = wire.head() {
            user |= challenged || field(&head, "authorization").is_some();
            if user {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalice");
            } else if head.starts_with("GET /login ") {
                challenged = true;
                wire.send(
                    "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"a\", Negotiate\r\nContent-Length: 0\r\n\r\n",
                );
            } else {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nnobody");
            }
        }
    })
}

/// RFC 4559 §6: "a proxy … MUST NOT share" a connection that was authenticated.
#[test]
fn a_connection_with_a_login_serves_nobody_else() {
    for login in [NTLM, &NTLM.replace("NTLM", "nEgotiate"), "GET /login HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let upstream = login_upstream();
        let gateway = gateway(upstream.address);
        let (mut alice, mut bob) = (Wire::connect(gateway.address()), Wire::connect(gateway.address()));
        // A connection that stands already is used for the login as well.
        assert_eq!(bob.ask(GET), Some((200, "nobody".to_owned())));
        alice.ask(login).unwrap();
        for _ in 0..3 {
            assert_eq!(bob.ask(GET), Some((200, "nobody".to_owned())), "{login}");
        }
    }
}

/// The same where the upstream would rather have HTTP/2: the login has a connection of its own.
#[tokio::test]
async fn a_login_is_never_made_on_a_shared_connection() {
    let folder = Folder::new();
    certificate(&folder);
    let (acceptor, listener) =
        (acceptor_of(&folder, &["h2", "http/1.1"]), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            tokio::spawn(async move {
                if !is_h2 {
                    use tokio::io::{AsyncReadExt, AsyncWriteExt};
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalice").await;
                    return;
                }
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, answer))) = connection.accept().await {
                    assert!(!request.headers().contains_key("authorization"));
                    answer_ok(answer);
                }
            });
        }
    });
    let server = tls_gateway(&folder, port, "{}");
    for (request, expected) in [(GET, "ok"), (NTLM, "alice"), (GET, "ok")] {
        assert_eq!(ask(server.address(), request).await, (200, expected.to_owned()));
    }
}

/// RFC 4559 §6: of a shared connection on which somebody was challenged, no more use is made.
#[tokio::test]
async fn a_shared_connection_with_a_challenge_serves_nobody_else() {
    let folder = Folder::new();
    certificate(&folder);
    let (port, connections) = h2_upstream(&folder, 100, |number, _, mut answer| async move {
        if number > 0 {
            return answer_ok(answer);
        }
        let challenge = http::Response::builder().status(401).header("www-authenticate", "Negotiate").body(()).unwrap();
        answer.send_response(challenge, true).unwrap();
    })
    .await;
    let server = tls_gateway(&folder, port, "{}");
    assert_eq!(ask(server.address(), GET).await.0, 401);
    assert_eq!(ask(server.address(), GET).await.0, 200);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// RFC 9112 §6.3: a 204 has no content; what follows is no response to the next request.
#[test]
fn content_of_a_204_is_no_answer_to_the_next_request() {
    const SMUGGLED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad";
    for head in [format!("Content-Length: {}", SMUGGLED.len()), "Transfer-Encoding: chunked".to_owned()] {
        let upstream = upstream(move |wire, number| {
            while wire.head().is_some() {
                if number > 0 {
                    wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    continue;
                }
                wire.send(format!("HTTP/1.1 204 No Content\r\n{head}\r\n\r\n"));
                // The gateway may have used the connection again by the time that this comes.
                std::thread::sleep(Duration::from_millis(100));
                wire.send(SMUGGLED);
            }
        });
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send(GET);
        assert_eq!(status(&wire.head().unwrap()), 204);
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    }
}

/// How an upstream ends a stream.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    /// It resets the stream with NO_ERROR after a part of the content.
    Cut,
    /// The same, of content whose length it has stated.
    CutOfKnown,
    /// It ends the stream and then resets it, since it does not want the rest of the request (RFC 9113 §8.1).
    Whole,
}

/// RFC 9113 §8.1: a response is whole once END_STREAM has come, and never because of a RST_STREAM.
#[tokio::test]
async fn a_stream_that_is_reset_without_an_error_is_not_whole() {
    for ending in [Ending::Cut, Ending::CutOfKnown, Ending::Whole] {
        let folder = Folder::new();
        certificate(&folder);
        // One permit for each client that has seen the first part.
        let seen = Arc::new(Semaphore::new(0));
        let is_seen = Arc::clone(&seen);
        let (port, _) = h2_upstream(&folder, 100, move |_, _, mut answer| {
            let is_seen = Arc::clone(&is_seen);
            async move {
                let mut response = http::Response::new(());
                if ending == Ending::CutOfKnown {
                    response.headers_mut().insert("content-length", 10.into());
                }
                let mut body = answer.send_response(response, false).unwrap();
                body.send_data(Bytes::from("hello"), ending == Ending::Whole).unwrap();
                is_seen.acquire().await.unwrap().forget();
                body.send_reset(h2::Reason::NO_ERROR);
            }
        })
        .await;
        let server = tls_gateway(&folder, port, "{}");
        let address = server.address();
        // Over HTTP/1.1: without a last chunk the content is not whole (RFC 9112 §8).
        let sees = Arc::clone(&seen);
        let received = tokio::task::spawn_blocking(move || {
            let mut wire = Wire::connect(address);
            wire.send(
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
            );
            let mut received = Vec::new();
            while !received.ends_with(b"hello") {
                received.push(wire.stream.by_ref().bytes().next().unwrap().unwrap());
            }
            sees.add_permits(1);
            let _ = wire.stream.read_to_end(&mut received);
            String::from_utf8(received).unwrap()
        });
        let received = received.await.unwrap();
        assert_eq!(received.ends_with("0\r\n\r\n"), ending == Ending::Whole, "{received}");
        // Over HTTP/2 the client's stream is reset.
        let tcp = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(tcp).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://localhost/").body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut whole = true;
        while let Some(data) = body.data().await {
            whole &= data.is_ok();
            if !whole {
                break;
            }
            seen.add_permits(1);
        }
        assert_eq!(whole, ending == Ending::Whole);
    }
}

/// An upstream that sends `first`, and then `more` for as long as anybody takes it, and counts the bytes.
fn flood(first: &'static str, more: &'static str) -> (crate::support::Upstream, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let upstream = upstream(move |wire, _| {
        if wire.head().is_none() {
            return;
        }
        wire.send(first);
        let more = more.repeat(64 * 1024 / more.len());
        while wire.stream.get_mut().write_all(more.as_bytes()).is_ok() {
            counter.fetch_add(more.len(), Ordering::SeqCst);
        }
    });
    (upstream, sent)
}

/// RFC 9112 §7.1 lets a chunk's size have any number of leading zeros, RFC 9110 §15.2 lets any number of interim responses come. An
/// upstream that never gets to the point is given up, long before its deadline.
#[test]
fn an_upstream_that_talks_without_an_end_is_given_up() {
    for (first, more) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", " "),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx:", "x"),
        ("", "HTTP/1.1 102 Processing\r\n\r\n"),
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nx:", "x"),
    ] {
        let (upstream, sent) = flood(first, more);
        let gateway = gateway_with(upstream.address, r#"{ "firstByte": "1h", "total": "1h" }"#, "{}");
        let mut wire = Wire::connect(gateway.address());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = wire.stream.read_to_string(&mut answer);
        if first.starts_with("HTTP/1.1 200 OK\r\nTransfer") {
            // The content breaks off, perhaps before the head is on its way.
            assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
        } else {
            assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        }
        // What the two sockets between hold comes on top.
        assert!(sent.load(Ordering::SeqCst) < 32 * 1024 * 1024, "{sent:?} bytes of {more}");
    }
}

/// Nobody waits for one who talks without a pause: with one thread, others are answered all the while.
#[test]
fn an_upstream_that_talks_without_a_pause_keeps_nobody_waiting() {
    let (flooding, _) = flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n");
    let quiet = ok_upstream();
    let (plan, settings) = crate::support::load(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "flood": {{ "url": "http://{}" }}, "quiet": {{ "url": "http://{}" }} }},
          "routes": [
            {{ "name": "flood", "match": {{ "path": "/flood" }}, "upstream": "flood" }},
            {{ "name": "quiet", "match": {{ "path": "/" }}, "upstream": "quiet" }}
          ]
        }}"#,
        flooding.address, quiet.address
    ));
    let options = edgeway::server::Options { threads: std::num::NonZero::new(1), ..Default::default() };
    let gateway = edgeway::server::Server::start(plan, settings, &options).unwrap();
    let address = gateway.address();
    std::thread::spawn(move || {
        let mut wire = Wire::connect(address);
        wire.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
        let _ = std::io::copy(&mut wire.stream, &mut std::io::sink());
    });
    let mut wire = Wire::connect(address);
    for _ in 0..100 {
        assert_eq!(wire.ask(GET), Some((200, "ok".to_owned())));
    }
}

/// Uploads 2 MiB in pieces, and looks whether the 413 comes that the upstream answers at once.
fn assert_refusal_is_heard(address: SocketAddr) {
    let mut wire = Wire::connect(address);
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n");
    let piece = vec![b'x'; 16 * 1024];
    for _ in 0..128 {
        if wire.stream.get_mut().write_all(&piece).is_err() {
            break;
        }
    }
    let head = wire.head().unwrap();
    assert_eq!(status(&head), 413, "{head}");
}

/// RFC 9112 §9.5: "a client … SHOULD monitor the connection for an error response while sending". The upstream has closed before
/// all of the request is there; its answer is there first.
#[test]
fn an_answer_before_the_end_of_the_request_is_heard() {
    let upstream = upstream(|wire, _| {
        if wire.head().is_some() {
            wire.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
        }
    });
    let gateway = gateway(upstream.address);
    for _ in 0..200 {
        assert_refusal_is_heard(gateway.address());
    }
}

/// The same over HTTP/2, where the upstream resets what it does not want (RFC 9113 §8.1).
#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_heard_over_http2() {
    let folder = Folder::new();
    certificate(&folder);
    let (port, _) = h2_upstream(&folder, 100, |_, _, mut answer| async move {
        let refusal = http::Response::builder().status(413).body(()).unwrap();
        let mut body = answer.send_response(refusal, false).unwrap();
        // The library resets the stream once this is sent, since the rest of the request is not read.
        body.send_data(Bytes::from("big"), true).unwrap();
    })
    .await;
    let server = tls_gateway(&folder, port, "{}");
    let address = server.address();
    let heard = tokio::task::spawn_blocking(move || {
        for _ in 0..50 {
            assert_refusal_is_heard(address);
        }
    });
    heard.await.unwrap();
}

/// RFC 9113 §5.1.2: an upstream that takes few streams at once gets more connections, and no request waits for another.
#[tokio::test]
async fn an_upstream_that_takes_few_streams_gets_more_connections() {
    let folder = Folder::new();
    certificate(&folder);
    let all = Arc::new(Barrier::new(30));
    let (port, connections) = h2_upstream(&folder, 5, move |_, request, answer| {
        let all = Arc::clone(&all);
        async move {
            if request.uri().path() != "/alone" {
                all.wait().await;
            }
            answer_ok(answer);
        }
    })
    .await;
    let server = tls_gateway(&folder, port, r#"{ "firstByte": "10s" }"#);
    assert_eq!(ask(server.address(), "GET /alone HTTP/1.1\r\nHost: a\r\n\r\n").await.0, 200);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..30 {
        asking.spawn(ask(server.address(), GET));
    }
    while let Some(answered) = asking.join_next().await {
        assert_eq!(answered.unwrap().0, 200);
    }
    // Each thread has a pool of its own, and opens up to four at once.
    let connections = connections.load(Ordering::SeqCst);
    assert!((6..=16).contains(&connections), "{connections} connections");
}

/// RFC 9113 §9.1: a connection of which nothing is heard until a deadline passes gets no more requests.
#[tokio::test]
async fn a_connection_that_falls_silent_is_left() {
    let folder = Folder::new();
    certificate(&folder);
    let (acceptor, listener) = (acceptor(&folder), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let (_, answer) = connection.accept().await.unwrap().unwrap();
                answer_ok(answer);
                // It sends what it has, and then neither reads nor writes.
                let _ = tokio::time::timeout(Duration::from_millis(200), connection.accept()).await;
                if number == 0 {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    let server = tls_gateway(&folder, port, r#"{ "firstByte": "500ms" }"#);
    let address = server.address();
    let statuses = tokio::task::spawn_blocking(move || {
        // One connection of one client: always the same thread, and so the same pool.
        let mut wire = Wire::connect(address);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(wire.ask(GET).unwrap().0);
            std::thread::sleep(Duration::from_millis(400));
        }
        statuses
    });
    assert_eq!(statuses.await.unwrap(), [200, 504, 200]);
}

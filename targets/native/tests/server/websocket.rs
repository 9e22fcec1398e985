//! WebSockets through the gateway (RFC 6455, RFC 8441).

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use edgeway::server::Server;
use gateway_core::http::websocket::accept;
use gateway_core::http::websocket_frames::close;
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::support::{Folder, Program, Upstream, Wire, field, start, status, upstream, wait_until};
use crate::tls::{acceptor_of, certificate, connect};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED_HELLO: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

/// A gateway to `upstream` whose route has these other members.
fn gateway(upstream: SocketAddr, server: &str, route: &str) -> Server {
    start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" {server} }},
          "upstreams": {{ "up": {{ "url": "http://{upstream}" }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" {route} }} ]
        }}"#
    ))
}

/// A handshake with these lines among its fields.
fn handshake(fields: &str) -> String {
    format!(
        "GET /chat?a=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// The 101 that answers `head`.
fn switching(head: &str) -> String {
    let key = HeaderValue::try_from(field(head, "sec-websocket-key").unwrap()).unwrap();
    let accept = accept(&key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    )
}

/// An upstream that sends back what comes over each socket.
fn echo() -> Upstream {
    upstream(|wire, _| {
        let Some(head) = wire.head() else { return };
        wire.send(switching(&head) + "\r\n");
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = wire.stream.read(&mut bytes) {
            wire.send(&bytes[..count]);
        }
    })
}

fn read(wire: &mut Wire, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    wire.stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// RFC 6455 §4.1, §4.2.2: the handshake goes through with its fields, and bytes pass both ways, those included that came
/// right behind the handshake or with the answer.
#[test]
fn a_socket_opens_and_passes_bytes_both_ways() {
    let up = upstream(|wire, _| {
        let head = wire.head().unwrap();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", KEY),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat, superchat"),
            ("x-tenant", "7"),
            ("x-forwarded-host", "server.example.com"),
        ] {
            assert_eq!(field(&head, name).as_deref(), Some(value), "{name}");
        }
        assert!(head.starts_with("GET /chat?a=1 HTTP/1.1\n") && field(&head, "x-secret").is_none(), "{head}");
        let mut answer = (switching(&head) + "Sec-WebSocket-Protocol: chat\r\nX-Inside: 1\r\n\r\n").into_bytes();
        answer.extend_from_slice(HELLO);
        wire.send(answer);
        let early = read(wire, MASKED_HELLO.len());
        assert_eq!(early, MASKED_HELLO);
        wire.send(HELLO);
        wire.stream.read_to_end(&mut Vec::new()).unwrap();
    });
    let edits = r#", "policies": [{ "request": { "headers": { "set": { "x-tenant": "7" }, "remove": ["x-secret"] } },
        "response": { "headers": { "remove": ["x-inside"], "set": { "x-edge": "1" } } } }]"#;
    let gateway = gateway(up.address, "", edits);
    let mut client = Wire::connect(gateway.address());
    let mut request = handshake("Sec-WebSocket-Protocol: chat, superchat\r\nX-Secret: 1\r\n").into_bytes();
    request.extend_from_slice(MASKED_HELLO);
    client.send(request);
    let head = client.head().unwrap();
    assert_eq!(status(&head), 101);
    for (name, value) in [
        ("upgrade", Some("websocket")),
        ("connection", Some("Upgrade")),
        ("sec-websocket-accept", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ("sec-websocket-protocol", Some("chat")),
        ("x-edge", Some("1")),
        ("x-inside", None),
        ("content-length", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(field(&head, name).as_deref(), value, "{name}");
    }
    assert!(field(&head, "x-request-id").is_some());
    assert_eq!(read(&mut client, 2 * HELLO.len()), [HELLO, HELLO].concat());
}

/// Each upstream is called where it is, though another has several endpoints.
#[test]
fn a_socket_goes_to_the_upstream_of_its_route() {
    let (wrong, right) = (upstream(|_, _| {}), echo());
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "many": {{ "urls": ["http://{0}", "http://127.0.0.1:9"] }}, "up": {{ "url": "http://{1}" }} }},
          "routes": [ {{ "name": "many", "match": {{ "prefix": "/many" }}, "upstream": "many" }},
            {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        wrong.address, right.address
    ));
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    assert_eq!(wrong.connections.load(Ordering::SeqCst), 0);
}

/// RFC 6455 §4.1: any other status is an ordinary response.
#[test]
fn an_upstream_can_decline_and_the_connection_goes_on() {
    let up = upstream(|wire, number| {
        let head = wire.head().unwrap();
        if number == 0 {
            wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        } else {
            wire.send(switching(&head) + "\r\n");
            wire.send(HELLO);
        }
    });
    let gateway = gateway(up.address, "", "");
    let mut client = Wire::connect(gateway.address());
    assert_eq!(client.ask(&handshake("")), Some((403, "no".to_owned())));
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    assert_eq!(read(&mut client, HELLO.len()), HELLO);
}

/// RFC 6455 §4.1: no tunnel opens by a 101 that does not answer the key, nor by one to another protocol.
#[test]
fn a_101_that_does_not_fit_opens_nothing() {
    let wrong = "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    for fields in [
        String::new(),
        "Upgrade: websocket\r\nConnection: Upgrade\r\n".to_owned(),
        format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{wrong}"),
        format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{right}{right}"),
        format!("Upgrade: h2c\r\nConnection: Upgrade\r\n{right}"),
        format!("Connection: Upgrade\r\n{right}"),
        format!("Upgrade: websocket\r\n{right}"),
    ] {
        let smuggled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&smuggled);
        let up = upstream(move |wire, _| {
            wire.head();
            wire.send(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n"));
            seen.store(wire.stream.read(&mut [0; 64]).is_ok_and(|count| count > 0), Ordering::SeqCst);
        });
        let gateway = gateway(up.address, "", "");
        let mut client = Wire::connect(gateway.address());
        client.send(handshake(""));
        let head = client.head().unwrap();
        let body = client.body(&head);
        assert_eq!(status(&head), 502);
        assert!(String::from_utf8(body).unwrap().contains("upstream_protocol_error"));
        assert!(field(&head, "sec-websocket-accept").is_none() && field(&head, "upgrade").is_none(), "{head}");
        assert!(!smuggled.load(Ordering::SeqCst));
    }
}

/// RFC 9110 §7.8: an upgrade that is not understood is ignored; a 101 that nobody asked for is an error.
#[test]
fn other_protocols_are_never_switched_to() {
    let up = upstream(|wire, _| {
        let head = wire.head().unwrap();
        assert!(field(&head, "upgrade").is_none() && field(&head, "http2-settings").is_none(), "{head}");
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
        assert_eq!(wire.stream.read(&mut [0; 64]).unwrap_or(0), 0);
    });
    let gateway = gateway(up.address, "", "");
    let mut client = Wire::connect(gateway.address());
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(status(&client.head().unwrap()), 502);
}

/// RFC 6455 §4.2.1, §4.4; RFC 9110 §15.5.22.
#[test]
fn a_malformed_handshake_reaches_no_upstream() {
    let up = upstream(|wire, _| {
        wire.head();
    });
    let gateway = gateway(up.address, "", "");
    let without = |line: &str| handshake("").replace(line, "");
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    for (request, expected) in [
        (without("keep-alive, Upgrade"), 400),
        (without(&key), 400),
        (handshake(&key), 400),
        (handshake("Content-Length: 3\r\n") + "abc", 400),
        (handshake("").replace("GET", "POST"), 400),
        (without("Sec-WebSocket-Version: 13\r\n"), 426),
        (handshake("").replace(": 13", ": 8"), 426),
    ] {
        let mut client = Wire::connect(gateway.address());
        client.send(&request);
        let head = client.head().unwrap();
        assert_eq!(status(&head), expected, "{request}");
        let version = if expected == 426 { Some("13") } else { None };
        assert_eq!(field(&head, "sec-websocket-version").as_deref(), version, "{request}");
    }
    assert_eq!(up.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn a_route_can_refuse_sockets() {
    let up = echo();
    let gateway = gateway(up.address, "", r#", "webSocket": false"#);
    let (status, body) = Wire::connect(gateway.address()).ask(&handshake("")).unwrap();
    assert_eq!(status, 501);
    assert!(body.contains("websocket_not_implemented"), "{body}");
    assert_eq!(up.connections.load(Ordering::SeqCst), 0);
}

/// RFC 6455 §7.4.1: 1001 says that an endpoint goes away.
#[test]
fn a_shutdown_takes_leave_of_sockets_instead_of_waiting_for_them() {
    let (told, tells) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let up = upstream(move |wire, _| {
        let head = wire.head().unwrap();
        wire.send(switching(&head) + "\r\n");
        let mut frame = read(wire, 8);
        // RFC 6455 §5.3: what goes to a server is masked.
        frame[6] ^= frame[2];
        frame[7] ^= frame[3];
        told.lock().unwrap().send([frame[0], frame[1], frame[6], frame[7]]).unwrap();
        wire.send(close(1001, None));
    });
    let gateway = gateway(up.address, r#", "drain": "15s""#, "");
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    let begun = Instant::now();
    let shutdown = std::thread::spawn(move || gateway.shutdown());
    assert_eq!(read(&mut client, 4), close(1001, None));
    client.send(close(1001, Some([1, 2, 3, 4])));
    assert!(client.is_closed());
    assert_eq!(tells.recv().unwrap(), [0x88, 0x82, 0x03, 0xe9]);
    assert_eq!(shutdown.join().unwrap().cut_off, 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn sockets_whose_sides_hang_do_not_hold_up_a_shutdown() {
    let up = upstream(|wire, _| {
        let head = wire.head().unwrap();
        wire.send(switching(&head) + "\r\n");
        // The beginning of a frame, and then nothing ever.
        wire.send([0x82, 0x7f, 0, 0]);
        std::thread::park();
    });
    let gateway = gateway(up.address, r#", "drain": "15s""#, "");
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    assert_eq!(read(&mut client, 4), [0x82, 0x7f, 0, 0]);
    let begun = Instant::now();
    assert_eq!(gateway.shutdown().cut_off, 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_client_that_leaves_takes_its_upstream_connection_along() {
    let left = Arc::new(AtomicBool::new(false));
    let (noted, answers) = (Arc::clone(&left), Arc::new(AtomicBool::new(true)));
    let answering = Arc::clone(&answers);
    let up = upstream(move |wire, _| {
        // None where the client has left before the gateway sent anything.
        if let Some(head) = wire.head() {
            if answering.load(Ordering::SeqCst) {
                wire.send(switching(&head) + "\r\n");
            }
            let _ = wire.stream.read(&mut [0; 16]);
        }
        noted.store(true, Ordering::SeqCst);
    });
    let gateway = gateway(up.address, "", "");
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    drop(client);
    wait_until("the upstream's end", || left.load(Ordering::SeqCst));

    // In the middle of the handshake.
    left.store(false, Ordering::SeqCst);
    answers.store(false, Ordering::SeqCst);
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    wait_until("the handshake", || up.connections.load(Ordering::SeqCst) == 2);
    drop(client);
    wait_until("the upstream's end", || left.load(Ordering::SeqCst));
}

/// RFC 8441 §4, §5: an extended CONNECT is a handshake without key, answered by a 2xx; the upstream sees one of HTTP/1.1.
#[test]
fn a_socket_opens_over_http2() {
    let up = echo();
    let gateway = gateway(up.address, "", "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let ask = |protocol: &'static str| {
            let mut request = http::Request::builder().method("CONNECT").uri("http://server.example.com/chat?a=1");
            request = request.header("sec-websocket-version", "13").header("origin", "http://a.test");
            let mut request = request.body(()).unwrap();
            request.extensions_mut().insert(h2::ext::Protocol::from_static(protocol));
            request
        };
        // RFC 8441 §3: the server says that it takes it, before a client may ask.
        client = client.ready().await.unwrap();
        let (other, _) = client.send_request(ask("connect-udp"), false).unwrap();
        assert_eq!(other.await.unwrap().status(), 501);
        assert!(client.is_extended_connect_protocol_enabled());
        let (response, mut send) = client.ready().await.unwrap().send_request(ask("websocket"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        for name in ["sec-websocket-accept", "upgrade", "connection"] {
            assert!(!response.headers().contains_key(name), "{name}");
        }
        let mut body = response.into_body();
        for _ in 0..3 {
            send.send_data(bytes::Bytes::from_static(MASKED_HELLO), false).unwrap();
            let mut seen = Vec::new();
            while seen.len() < MASKED_HELLO.len() {
                let data = body.data().await.unwrap().unwrap();
                body.flow_control().release_capacity(data.len()).unwrap();
                seen.extend_from_slice(&data);
            }
            assert_eq!(seen, MASKED_HELLO);
        }
        // RFC 8441 §5: the end of the stream is that of the connection.
        send.send_data(bytes::Bytes::new(), true).unwrap();
        while let Some(data) = body.data().await {
            assert!(data.unwrap().is_empty());
        }
        connection.abort();
    });
    drop(runtime);
    assert_eq!(gateway.shutdown().cut_off, 0);
}

/// An extended CONNECT for a WebSocket (RFC 8441 §5).
fn extended_connect(path: &str) -> http::Request<()> {
    let mut request = http::Request::builder().method("CONNECT").uri(format!("http://server.example.com{path}"));
    request = request
        .header("sec-websocket-version", "13")
        .header("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let mut request = request.body(()).unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    request
}

/// A client of HTTP/2 that may send an extended CONNECT.
async fn h2_client(address: SocketAddr) -> h2::client::SendRequest<bytes::Bytes> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    // RFC 8441 §3: the server says so in its first settings, which are there with its first answer.
    let plain = http::Request::builder().uri("http://server.example.com/missing").body(()).unwrap();
    client.send_request(plain, true).unwrap().0.await.unwrap();
    client
}

/// RFC 8441 §5, RFC 9110 §9.3.6: any 2xx would say that the socket is open, so an extended CONNECT is answered by one only if
/// it is.
#[tokio::test(flavor = "multi_thread")]
async fn no_success_but_an_open_socket_answers_an_extended_connect() {
    let up = upstream(|wire, _| {
        while let Some(head) = wire.head() {
            wire.send(match head.split(' ').nth(1).unwrap() {
                "/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned(),
                "/endless" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n".to_owned(),
                "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
                "/nothing" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                "/denied" => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(),
                _ => switching(&head) + "\r\n",
            });
        }
    });
    let folder = Folder::new();
    folder.write("ADMIN_TOKEN", "0123456789abcdef0123456789abcdef\n");
    let file = folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "admin": {{ "path": "/.edgeway", "token": {{ "secret": "ADMIN_TOKEN" }} }},
              "upstreams": {{ "up": {{ "url": "http://{}" }} }},
              "routes": [
                {{ "name": "up", "match": {{ "path": "/{{name}}" }}, "upstream": "up" }},
                {{ "name": "own", "match": {{ "path": "/own" }}, "respond": {{ "body": "own" }} }},
                {{ "name": "moved", "match": {{ "path": "/moved" }}, "redirect": {{ "location": "/own" }} }}
              ]
            }}"#,
            up.address
        ),
    );
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let program = Program::run(&["serve", "--secrets", &path(&folder.0), &path(&file)], &folder.0);
    let mut client = h2_client(program.address).await;
    for (path, expected, code) in [
        ("/chunked", 502, "upstream_protocol_error"),
        ("/endless", 502, "upstream_protocol_error"),
        ("/length", 502, "upstream_protocol_error"),
        ("/nothing", 502, "upstream_protocol_error"),
        ("/own", 501, "websocket_not_implemented"),
        ("/.edgeway/live", 501, "websocket_not_implemented"),
        ("/denied", 403, ""),
        ("/moved", 308, ""),
    ] {
        let (response, _send) = client.send_request(extended_connect(path), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
        let proxy_status = response.headers().get("proxy-status").map(|value| value.to_str().unwrap().to_owned());
        let expected_status = (expected == 502).then(|| "edgeway; error=http_protocol_error".to_owned());
        assert_eq!(proxy_status, expected_status, "{path}");
        let mut body = response.into_body();
        let mut content = Vec::new();
        while let Some(data) = body.data().await {
            content.extend_from_slice(&data.unwrap());
        }
        let content = String::from_utf8(content).unwrap();
        assert!(content.contains(code), "{path}: {content}");
        let line = program.logged(path);
        assert_eq!(line["status"], expected, "{line}");
        let error = if code.is_empty() { None } else { Some(code) };
        assert_eq!(line.get("error").and_then(|error| error.as_str()), error, "{line}");
        assert!(line.get("cut").is_none(), "nobody has left: {line}");
    }

    // RFC 8441 §5: an open socket, and the log says what its client was sent.
    let (response, mut send) = client.send_request(extended_connect("/open"), false).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    send.send_data(bytes::Bytes::new(), true).unwrap();
    assert_eq!(program.logged("/open")["status"], 200);

    // RFC 6455 §4.1: over HTTP/1.1 any status but 101 is an ordinary answer.
    for (path, expected) in [("/chunked", "ok"), ("/length", "ok"), ("/own", "own")] {
        let request = handshake("").replace("/chat?a=1", path);
        let answer = Wire::connect(program.address).ask(&request);
        assert_eq!(answer, Some((200, expected.to_owned())), "{path}");
    }
}

/// A frame as large as RFC 6455 §5.2 allows passes like any other.
#[test]
fn a_huge_frame_passes() {
    const LENGTH: usize = 8 << 20;
    let up = echo();
    let gateway = gateway(up.address, "", "");
    let mut client = Wire::connect(gateway.address());
    client.send(handshake(""));
    assert_eq!(status(&client.head().unwrap()), 101);
    let mut head = vec![0x82, 0xff];
    head.extend((LENGTH as u64).to_be_bytes());
    head.extend([0; 4]);
    let mut sender = client.stream.get_ref().try_clone().unwrap();
    let sent = head.clone();
    let sending = std::thread::spawn(move || {
        sender.write_all(&sent).unwrap();
        for number in 0..LENGTH / 8 {
            sender.write_all(&(number as u64).to_be_bytes()).unwrap();
        }
    });
    assert_eq!(read(&mut client, head.len()), head);
    for number in 0..LENGTH / 8 {
        assert_eq!(read(&mut client, 8), (number as u64).to_be_bytes());
    }
    sending.join().unwrap();
}

/// RFC 6455 §4.1, §11.1.2: `wss` on both sides, though the upstream would rather speak HTTP/2.
#[tokio::test]
async fn a_socket_opens_over_tls_on_both_sides() {
    let folder = Folder::new();
    let certificate = certificate(&folder);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor_of(&folder, &["h2", "http/1.1"]);
    let upstream = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let head = head_of(&mut stream).await;
        assert_eq!(field(&head, "x-forwarded-proto").as_deref(), Some("https"));
        stream.write_all((switching(&head) + "\r\n").as_bytes()).await.unwrap();
        let mut bytes = [0; MASKED_HELLO.len()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, MASKED_HELLO);
        stream.write_all(HELLO).await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 0, "the end passes on, too");
    });
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off",
            "tls": {{ "certificate": "{0}/cert.pem", "key": "{0}/key.pem" }} }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{port}", "tls": {{ "authorities": "{0}/cert.pem" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        folder.0.display()
    ));
    let mut client = connect(&gateway, &certificate, &["http/1.1"]).await;
    client.write_all(handshake("").as_bytes()).await.unwrap();
    assert_eq!(status(&head_of(&mut client).await), 101);
    client.write_all(MASKED_HELLO).await.unwrap();
    let mut bytes = [0; HELLO.len()];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, HELLO);
    client.shutdown().await.unwrap();
    upstream.await.unwrap();
}

/// The next head, byte by byte.
async fn head_of(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().replace("\r\n", "\n")
}

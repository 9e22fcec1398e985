//! The most connections of clients at once (docs/configuration.md, The most connections).

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use edgeway::server::Server;

use crate::frames::{END_HEADERS, END_STREAM, GET, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, next_frame};
use crate::support::{Folder, Program, Wire, config, gated_upstream, gateway_with, get, ok_upstream, wait_until};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A gateway in front of `upstream` that takes so many connections.
fn gateway(upstream: SocketAddr, connections: usize) -> Server {
    gateway_with(upstream, "{}", &format!(r#"{{ "connections": {connections}, "admin": "0" }}"#))
}

/// The value of a metric.
fn metric(gateway: &Server, series: &str) -> f64 {
    let mut wire = Wire::connect(gateway.admin_address().unwrap());
    let (_, text) = wire.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

fn waited(gateway: &Server) -> f64 {
    metric(gateway, r#"edgeway_connections_over_limit_total{kind="connection"}"#)
}

#[test]
fn a_connection_too_many_waits_until_another_ends() {
    let (upstream, gate) = gated_upstream();
    let gateway = gateway(upstream.address, 2);
    let mut first: Vec<_> = (0..2).map(|_| Wire::connect(gateway.address())).collect();
    for wire in &mut first {
        wire.send(REQUEST.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    }
    wait_until("two calls of the upstream", || upstream.connections.load(Ordering::SeqCst) == 2);

    let mut third = Wire::connect(gateway.address());
    third.send(REQUEST);
    wait_until("a wait", || waited(&gateway) >= 1.0);
    assert_eq!(metric(&gateway, "http_server_open_connections"), 2.0);
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 2, "nobody looks at the third yet");

    gate.store(true, Ordering::SeqCst);
    for wire in &mut first {
        assert_eq!(wire.response(), Some((200, "ok".to_owned())));
    }
    assert_eq!(third.response(), Some((200, "ok".to_owned())));
}

/// RFC 9112 §9.5: a server may close a connection that is idle at any time.
#[test]
fn connections_without_a_request_make_room() {
    let upstream = ok_upstream();
    let gateway = gateway(upstream.address, 3);
    let mut idle: Vec<_> = (0..3).map(|_| Wire::connect(gateway.address())).collect();
    for wire in idle.iter_mut().take(2) {
        assert_eq!(wire.ask(REQUEST), Some((200, "ok".to_owned())));
    }
    // They would stay for more than a minute.
    for _ in 0..3 {
        assert_eq!(get(gateway.address()), (200, "ok".to_owned()));
    }
    assert!(idle.iter_mut().any(Wire::is_closed));
}

/// RFC 9113 §8.7: a stream that is refused with REFUSED_STREAM was not processed, and may be sent again.
#[test]
fn a_stream_too_many_is_refused() {
    const REFUSED: [u8; 4] = 7_u32.to_be_bytes();
    let (upstream, gate) = gated_upstream();
    let gateway = gateway(upstream.address, 2);
    let mut client = Wire::connect(gateway.address());
    client.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    let ask = |stream: u32| frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
    for stream in [1, 3, 5] {
        client.send(ask(stream));
    }
    let (stream, code) = loop {
        let frame = next_frame(&mut client).unwrap();
        assert_ne!(frame.kind, HEADERS, "no answer is due");
        if frame.kind == RST_STREAM {
            break (frame.stream, frame.content);
        }
    };
    assert_eq!((stream, code.as_slice()), (5, REFUSED.as_slice()));
    assert_eq!(metric(&gateway, r#"edgeway_connections_over_limit_total{kind="stream"}"#), 1.0);

    gate.store(true, Ordering::SeqCst);
    let answered = |client: &mut Wire| loop {
        let frame = next_frame(client).unwrap();
        assert_ne!(frame.kind, RST_STREAM);
        if frame.kind == HEADERS {
            return frame.stream;
        }
    };
    let mut streams = [answered(&mut client), answered(&mut client)];
    streams.sort_unstable();
    assert_eq!(streams, [1, 3]);
    client.send(ask(7));
    assert_eq!(answered(&mut client), 7, "their places are free again");
}

/// The operator hears of it, once.
#[test]
fn standard_error_says_that_there_is_no_room() {
    let (upstream, gate) = gated_upstream();
    let folder = Folder::new();
    let program =
        Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", r#"{ "connections": 1 }"#)));
    let mut first = Wire::connect(program.address);
    first.send(REQUEST);
    wait_until("a call of the upstream", || upstream.connections.load(Ordering::SeqCst) == 1);
    let mut second = Wire::connect(program.address);
    second.send(REQUEST);
    program.wait_for_message("the room for clients fails: all 1 connections are open (`server.connections`)");
    gate.store(true, Ordering::SeqCst);
    assert_eq!(second.response(), Some((200, "ok".to_owned())));
    drop((first, second));
    // Those that find room at once show that there is enough.
    wait_until("the end of it", || {
        get(program.address);
        program.messages().contains("the room for clients is enough again; it was missed ")
    });
}

//! Frames of HTTP/2 that bring nothing, without an end (RFC 9113 §10.5), and others that only look so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;

use crate::frames::{
    DATA, END_HEADERS, END_STREAM, GET, HEADERS, POST, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, next_frame,
};
use crate::support::{PATIENCE, Wire, config, gated_upstream, gateway, get, start, upstream, wait_until};

const PRIORITY: u8 = 2;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const UNKNOWN: u8 = 0xbe;

/// The bytes after which a flood has had no end.
const MOST: usize = 16 << 20;

/// Sends `first` and then `more`, by its number, for as long as the other side takes it. Returns the bytes.
fn flood(mut stream: TcpStream, first: &[u8], more: impl Fn(u32) -> Vec<u8>) -> usize {
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // Whoever does not take the answers is held up by them.
    let mut answers = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut std::io::sink());
    });
    let (mut sent, mut number) = (0, 0);
    let mut send = |piece: &[u8]| {
        let taken = stream.write_all(piece);
        let held_up = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!taken.as_ref().is_err_and(held_up), "it neither goes on nor ends");
        taken.is_ok()
    };
    let mut goes_on = send(first);
    while goes_on && sent < MOST {
        let mut piece = Vec::new();
        while piece.len() < 16 * 1024 {
            piece.extend(more(number));
            number += 1;
        }
        sent += piece.len();
        goes_on = send(&piece);
    }
    let _ = stream.shutdown(Shutdown::Both);
    reading.join().unwrap();
    sent
}

/// CVE-2019-9512, -9513, -9515, -9518, CVE-2023-44487, CVE-2024-27316: each ends its connection.
#[test]
fn a_client_that_sends_frames_without_an_end_is_thrown_out() {
    let upstream = upstream(|wire, _| while wire.head().is_some() {});
    let gateway = gateway(upstream.address);
    let begun = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let post = [&begun[..], &frame(HEADERS, END_HEADERS, 1, POST)].concat();
    let unended = [&begun[..], &frame(HEADERS, 0, 1, POST)].concat();
    let reset = |number: u32| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, GET), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    type More<'m> = &'m dyn Fn(u32) -> Vec<u8>;
    let attacks: [(&str, &[u8], More<'_>); 11] = [
        ("PING", &begun, &|_| frame(PING, 0, 0, &[0; 8])),
        ("an answer to a PING", &begun, &|_| frame(PING, 1, 0, &[0; 8])),
        ("SETTINGS", &begun, &|_| frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", &begun, &|_| frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 9])),
        ("WINDOW_UPDATE", &begun, &|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("an unknown frame", &begun, &|_| frame(UNKNOWN, 0, 0, &[0; 100])),
        ("empty DATA", &post, &|_| frame(DATA, 0, 1, &[])),
        ("empty CONTINUATION", &unended, &|_| frame(CONTINUATION, 0, 1, &[])),
        ("CONTINUATION with a little", &unended, &|_| frame(CONTINUATION, 0, 1, b"\x10\x01x\x01y")),
        ("CONTINUATION with much", &unended, &|_| frame(CONTINUATION, 0, 1, &b"\x10\x01x\x01y".repeat(3_000))),
        ("requests that are taken back", &begun, &reset),
    ];
    for (what, first, more) in attacks {
        let sent = flood(TcpStream::connect(gateway.address()).unwrap(), first, more);
        assert!(sent < MOST, "{what}: {sent} bytes were taken");
    }
}

/// RFC 9110 §15.2, RFC 9113 §10.5: an upstream that never gets to the point is given up, long before its deadline.
#[test]
fn an_upstream_that_sends_frames_without_an_end_is_given_up() {
    // `:status: 103` (RFC 7541 §6.2.2).
    const EARLY: &[u8] = b"\x08\x03103";
    for (what, more) in [
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("interim responses", frame(HEADERS, END_HEADERS, 1, EARLY)),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flooding = std::thread::spawn(move || {
            let mut wire = Wire::new(listener.accept().unwrap().0);
            let mut preface = [0; PREFACE.len()];
            wire.stream.read_exact(&mut preface).unwrap();
            wire.send(frame(SETTINGS, 0, 0, &[]));
            while next_frame(&mut wire).unwrap().kind != HEADERS {}
            // Another connection is not accepted: who tries again waits in vain.
            flood(wire.stream.into_inner(), &[], |_| more.clone())
        });
        let timeouts = r#"{ "firstByte": "1h", "total": "1h" }, "protocol": "h2c""#;
        let gateway = start(&config(address, timeouts, "{}"));
        assert_eq!(get(gateway.address()).0, 502, "{what}");
        let sent = flooding.join().unwrap();
        assert!(sent < MOST, "{what}: {sent} bytes were taken");
    }
}

/// A client says by two WINDOW_UPDATEs for each piece that it takes more (RFC 9113 §6.9), and may look by a PING how far away the
/// gateway is: more in all than would do without a body.
#[test]
fn a_client_may_take_a_body_in_small_pieces() {
    const PIECE: u32 = 500;
    const PIECES: usize = 12_000;
    let length = PIECE as usize * PIECES;
    let upstream = upstream(move |wire, _| {
        wire.head();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        wire.send(vec![b'x'; length]);
        wire.head();
    });
    let gateway = gateway(upstream.address);
    let mut client = Wire::connect(gateway.address());
    let window = [&[0, 4][..], &PIECE.to_be_bytes()].concat();
    client.send([PREFACE, &frame(SETTINGS, 0, 0, &window)].concat());
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, GET));
    let mut taken = 0;
    while taken < length {
        let piece = next_frame(&mut client).expect("the connection goes on");
        if piece.kind == DATA && !piece.content.is_empty() {
            taken += piece.content.len();
            let more = u32::try_from(piece.content.len()).unwrap().to_be_bytes();
            let ping = frame(PING, 0, 0, &[0; 8]);
            client.send([frame(WINDOW_UPDATE, 0, 1, &more), frame(WINDOW_UPDATE, 0, 0, &more), ping].concat());
        }
    }
}

/// RFC 9113 §6.1: content may be padded, even by nothing, against those who look at lengths.
#[test]
fn content_passes_however_it_is_padded() {
    const LENGTH: usize = 2_000_000;
    for padding in [0, 9, 255] {
        let upstream = upstream(|wire, _| {
            let head = wire.head().unwrap();
            let length = wire.body(&head).len().to_string();
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{length}", length.len()));
            wire.head();
        });
        let gateway = gateway(upstream.address);
        let mut client = Wire::connect(gateway.address());
        client.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
        client.send(frame(HEADERS, END_HEADERS, 1, POST));
        send_padded(&mut client, LENGTH, padding);
        let answer = loop {
            let answer = next_frame(&mut client).expect("the connection goes on");
            assert_ne!(answer.kind, RST_STREAM, "padded by {padding}");
            if answer.kind == DATA {
                break answer.content;
            }
        };
        assert_eq!(String::from_utf8(answer).unwrap(), LENGTH.to_string(), "padded by {padding}");
    }
}

/// Sends `length` bytes on the first stream, each piece padded by `padding` bytes, as fast as the windows allow (RFC 9113 §6.9). An
/// initial window that SETTINGS name is not taken note of, nor acknowledged.
fn send_padded(wire: &mut Wire, length: usize, padding: u8) {
    const PADDED: u8 = 8;
    const PIECE: usize = 8_000;
    let (mut connection, mut stream) = (65_535, 65_535);
    let content = [&[padding][..], &[b'x'; PIECE], &vec![0; padding.into()]].concat();
    for left in (0..length).step_by(PIECE).rev() {
        while content.len() > connection.min(stream) {
            let more = next_frame(wire).expect("the connection goes on");
            assert_ne!(more.kind, RST_STREAM, "padded by {padding}");
            if let (WINDOW_UPDATE, Ok(by)) = (more.kind, more.content.try_into()) {
                *if more.stream == 0 { &mut connection } else { &mut stream } += u32::from_be_bytes(by) as usize;
            }
        }
        connection -= content.len();
        stream -= content.len();
        wire.send(frame(DATA, PADDED | if left == 0 { END_STREAM } else { 0 }, 1, &content));
    }
}

/// RFC 9113 §6.10: a head may go on in CONTINUATION, and a browser sends many requests at once.
#[test]
fn many_long_heads_may_come_at_once() {
    const COUNT: u32 = 60;
    let (upstream, gate) = gated_upstream();
    let gateway = gateway(upstream.address);
    let mut client = Wire::connect(gateway.address());
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    // A literal field that is never indexed (RFC 7541 §6.2.3), of 28,000 bytes.
    let field = [&b"\x10\x01x\x7f\xe1\xd9\x01"[..], &[b'v'; 28_000]].concat();
    let head = [GET, &field[..]].concat();
    let (first, rest) = head.split_at(16_384);
    for number in 0..COUNT {
        bytes.extend(frame(HEADERS, END_STREAM, 2 * number + 1, first));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 2 * number + 1, rest));
    }
    client.send(bytes);
    // An answer is progress.
    wait_until("all requests", || upstream.connections.load(Ordering::SeqCst) == COUNT as usize);
    gate.store(true, Ordering::SeqCst);
    let mut answered = 0;
    while answered < COUNT {
        let answer = next_frame(&mut client).expect("the connection goes on");
        assert_ne!(answer.kind, RST_STREAM);
        answered += u32::from(answer.kind == HEADERS);
    }
}

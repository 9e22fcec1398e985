//! Frames of HTTP/2 that bring nothing, without an end (RFC 9113 §10.5), and others that only look so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::frames::{
    DATA, END_HEADERS, END_STREAM, GET, HEADERS, POST, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, next_frame,
};
use crate::support::{PATIENCE, Wire, config, gateway, get, start, upstream};

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
    let attacks: [(&str, &[u8], More<'_>); 9] = [
        ("PING", &begun, &|_| frame(PING, 0, 0, &[0; 8])),
        ("an answer to a PING", &begun, &|_| frame(PING, 1, 0, &[0; 8])),
        ("SETTINGS", &begun, &|_| frame(SETTINGS, 0, 0, &[])),
        ("PRIORITY", &begun, &|_| frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 9])),
        ("WINDOW_UPDATE", &begun, &|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("an unknown frame", &begun, &|_| frame(UNKNOWN, 0, 0, &[0; 100])),
        ("empty DATA", &post, &|_| frame(DATA, 0, 1, &[])),
        ("empty CONTINUATION", &unended, &|_| frame(CONTINUATION, 0, 1, &[])),
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

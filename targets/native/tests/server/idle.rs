//! Connections that nothing is open on, whatever their clients have sent or keep to themselves: they make room for others
//! (docs/configuration.md, The most connections), and do not hold up the end (docs/platforms.md, Native).

use std::time::Duration;

use edgeway::server::Server;
use edgeway::server::activity::HEAD_TIMEOUT;

use crate::frames::{DATA, END_HEADERS, END_STREAM, GET, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame, next_frame};
use crate::support::{Wire, gateway_with, ok_upstream, start, upstream};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const GOAWAY: u8 = 7;

/// Much less than any of the connections may stay without need.
const SOON: Duration = Duration::from_millis(HEAD_TIMEOUT / 2);

fn settings() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A connection that has sent `bytes`.
fn sent(gateway: &Server, bytes: &[u8]) -> Wire {
    let mut wire = Wire::connect(gateway.address());
    wire.send(bytes);
    wire
}

type Client = fn(&Server) -> Wire;

/// The ways to have nothing open.
const CLIENTS: [(&str, Client); 8] = [
    ("nothing was sent", |gateway| sent(gateway, b"")),
    ("a part of a head", |gateway| sent(gateway, b"GET / HT")),
    ("a part of a second head", |gateway| {
        let mut wire = Wire::connect(gateway.address());
        assert_eq!(wire.ask(REQUEST).unwrap().0, 200);
        wire.send("GET / HT");
        wire
    }),
    ("a part of the preface", |gateway| sent(gateway, b"PRI * HT")),
    ("the preface", |gateway| sent(gateway, PREFACE)),
    ("SETTINGS", |gateway| sent(gateway, &settings())),
    ("a part of a head in HTTP/2", |gateway| sent(gateway, &[settings(), frame(HEADERS, END_STREAM, 1, GET)].concat())),
    // No PING is answered.
    ("an answered request of HTTP/2", |gateway| {
        let mut wire = sent(gateway, &[settings(), frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)].concat());
        while next_frame(&mut wire).unwrap().kind != HEADERS {}
        wire
    }),
];

#[test]
fn whoever_waits_for_room_gets_that_of_connections_with_nothing_open() {
    const MOST: usize = 3;
    let upstream = ok_upstream();
    for (what, client) in CLIENTS {
        let gateway = gateway_with(upstream.address, "{}", &format!(r#"{{ "connections": {MOST} }}"#));
        let kept: Vec<_> = (0..MOST).map(|_| client(&gateway)).collect();
        let mut bystander = Wire::connect(gateway.address());
        bystander.stream.get_ref().set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(bystander.ask(REQUEST), Some((200, "ok".to_owned())), "{what}");
        drop(kept);
    }
}

#[test]
fn a_connection_with_nothing_open_does_not_hold_up_the_end() {
    let upstream = ok_upstream();
    for (what, client) in CLIENTS {
        let drain = SOON.as_millis();
        let gateway = gateway_with(upstream.address, "{}", &format!(r#"{{ "drain": "{drain}ms" }}"#));
        let kept = client(&gateway);
        // All that was sent is read, as far as it will be.
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(gateway.shutdown().cut_off, 0, "{what}");
        drop(kept);
    }
}

/// The handshake of TLS counts as nothing open, too.
#[test]
fn a_handshake_that_does_not_come_does_not_hold_up_the_end() {
    let folder = crate::support::Folder::new();
    let _certificate = crate::tls::certificate(&folder);
    let gateway = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off", "drain": "{1}ms",
            "tls": {{ "certificate": "{0}/cert.pem", "key": "{0}/key.pem" }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "respond": {{ "body": "ok" }} }} ]
        }}"#,
        folder.0.display(),
        SOON.as_millis()
    ));
    // The start of a record (RFC 8446 §5.1).
    let kept = sent(&gateway, &[22, 3, 1, 0, 200, 1]);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(gateway.shutdown().cut_off, 0);
    drop(kept);
}

/// RFC 9113 §5.2, §6.8: what the client has no window for yet is open, and is finished after GOAWAY.
#[test]
fn the_rest_of_a_response_waits_for_the_window_of_its_client() {
    let upstream = upstream(|wire, _| {
        while wire.head().is_some() {
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "x".repeat(100)));
        }
    });
    let gateway = gateway_with(upstream.address, "{}", r#"{ "drain": "20s" }"#);
    // SETTINGS_INITIAL_WINDOW_SIZE: one byte.
    let begun = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1])].concat();
    let mut client = sent(&gateway, &[begun, frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)].concat());
    let next = |client: &mut Wire, kind| loop {
        let frame = next_frame(client).unwrap();
        if frame.kind == kind {
            return frame.content;
        }
    };
    assert_eq!(next(&mut client, DATA), b"x");
    let draining = std::thread::spawn(move || gateway.shutdown());
    next(&mut client, GOAWAY);
    // Longer than a connection stays on which nothing is open.
    std::thread::sleep(Duration::from_millis(1_500));
    client.send(frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 99]));
    assert_eq!(next(&mut client, DATA).len(), 99);
    assert_eq!(draining.join().unwrap().cut_off, 0);
}

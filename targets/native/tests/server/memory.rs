//! Large bodies pass in flat memory.

use std::io::{Read, Write};

use crate::frames::{END_HEADERS, END_STREAM, GET, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, frame};
use crate::support::{Folder, Program, Wire, config, status, upstream};

/// 1 GiB with the optimised program, less with one that takes long.
const BYTES: usize = if cfg!(debug_assertions) { 256 << 20 } else { 1 << 30 };

/// How much more memory it may take than before, in KiB.
const ALLOWANCE: u64 = 64 << 10;

static CHUNK: [u8; 64 << 10] = [7; 64 << 10];

#[cfg(target_os = "linux")]
#[test]
fn a_large_body_each_way() {
    let upstream = upstream(|wire, _| {
        let head = wire.head().unwrap();
        if head.starts_with("POST") {
            let mut left = BYTES;
            let mut buffer = vec![0; CHUNK.len()];
            while left > 0 {
                left -= wire.stream.read(&mut buffer).unwrap();
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        } else {
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n"));
            for _ in 0..BYTES / CHUNK.len() {
                wire.stream.get_mut().write_all(&CHUNK).unwrap();
            }
        }
    });
    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", "{}")));
    let idle = program.resident();

    let mut wire = Wire::connect(program.address);
    wire.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES}\r\n\r\n"));
    let mut most = idle;
    for n in 0..BYTES / CHUNK.len() {
        wire.stream.get_mut().write_all(&CHUNK).unwrap();
        if n % 256 == 0 {
            most = most.max(program.resident());
        }
    }
    assert_eq!(wire.response(), Some((200, "ok".to_owned())));

    let mut wire = Wire::connect(program.address);
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(status(&wire.head().unwrap()), 200);
    let (mut left, mut next, mut buffer) = (BYTES, BYTES, vec![0; CHUNK.len()]);
    while left > 0 {
        let count = wire.stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the body was cut off");
        left -= count;
        if left <= next {
            // A reader that is slower than the writer: what it does not take must not pile up.
            next = left.saturating_sub(BYTES / 64);
            std::thread::sleep(std::time::Duration::from_millis(5));
            most = most.max(program.resident());
        }
    }
    println!("{BYTES} bytes each way: {} KiB above idle ({idle} KiB)", most - idle);
    assert!(most - idle < ALLOWANCE, "{} KiB above idle", most - idle);
}

/// RFC 9113 §10.5: a client may ask for much, give all the window that there is, and take nothing.
#[cfg(target_os = "linux")]
#[test]
fn what_clients_do_not_take_is_not_held() {
    const LARGEST: u32 = (1 << 31) - 1;
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n");
        while wire.stream.get_mut().write_all(&CHUNK).is_ok() {}
    });
    let folder = Folder::new();
    let program = Program::serve(&folder.write("gateway.json", &config(upstream.address, "{}", "{}")));

    let idle = program.resident();
    let mut client = Wire::connect(program.address);
    let window = [&[0, 4][..], &LARGEST.to_be_bytes()].concat();
    client.send([PREFACE, &frame(SETTINGS, 0, 0, &window)].concat());
    client.send(frame(WINDOW_UPDATE, 0, 0, &(LARGEST - 65_535).to_be_bytes()));
    for stream in 0..100 {
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 2 * stream + 1, GET));
    }
    let held = settled(&program) - idle;
    println!("100 bodies over one connection of HTTP/2: {held} KiB");
    assert!(held < 16 << 10, "{held} KiB");
    drop(client);

    let idle = settled(&program);
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let mut client = Wire::connect(program.address);
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client
        })
        .collect();
    let held = settled(&program).saturating_sub(idle);
    println!("50 connections of HTTP/1.1: {held} KiB above what was kept");
    assert!(held < 50 * 512, "{held} KiB");
    drop(clients);
}

/// The memory once it stays the same for a second.
#[cfg(target_os = "linux")]
fn settled(program: &Program) -> u64 {
    let (mut last, mut same) = (program.resident(), 0);
    while same < 10 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = program.resident();
        same = if now.abs_diff(last) < 256 { same + 1 } else { 0 };
        last = now;
    }
    last
}

//! The program `edgeway-spin-host` with a `spin.toml`, as a process of its own: what it logs, and how much memory it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use common::program::Program;
use common::{proxy_to, read_head, status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_wrong_configuration_is_explained_in_the_log_only() {
    let program = Program::start(r#"{"routes": [{"name": "r", "mtach": {}}], "limits": {"headers": "many"}}"#);
    let mut client = TcpStream::connect(program.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 500);
    for field in ["content-type: application/problem+json\r\n", "cache-control: no-store\r\n", "x-request-id: "] {
        assert!(answer.contains(field), "{field}: {answer}");
    }
    assert!(!answer.contains("mtach") && !answer.contains("gateway.json"), "{answer}");
    // RFC 9110 §9.3.2; and the client's own identifier is in the answer, as in any other.
    let mut client = TcpStream::connect(program.address).await.unwrap();
    client
        .write_all(b"HEAD / HTTP/1.1\r\nhost: a.test\r\nx-request-id: mine\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 500);
    assert!(answer.contains("x-request-id: mine\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let log = program.log();
    assert!(log.contains("mtach") && log.contains("limits.headers"), "every mistake: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_goes_each_way_in_flat_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let straight = proxy_to(listener.local_addr().unwrap());
    let watched = straight.replace(
        r#""upstream": "u""#,
        r#""upstream": "u", "timeouts": {"total": "1h"}, "policies": [{"concurrency": {"limit": 1, "key": "everyone"}}]"#,
    );
    // Straight through the host, and through the component, which counts what it can't know beforehand and watches for the end.
    for (configuration, chunked) in [(&straight, false), (&watched, true)] {
        let program = Program::start(configuration);
        exchange(&program, &listener, MEBIBYTE, chunked).await;
        program.forget_peak();
        let idle = program.memory("VmRSS");
        exchange(&program, &listener, 1024 * MEBIBYTE, chunked).await;
        let peak = program.memory("VmHWM");
        eprintln!("chunked: {chunked}; idle {} MiB, peak {} MiB", idle / MEBIBYTE, peak / MEBIBYTE);
        assert!(peak - idle < 64 * MEBIBYTE, "idle {idle}, peak {peak}");
    }
}

/// Sends `size` bytes through the program to the upstream and the same number back, at the same time.
async fn exchange(program: &Program, listener: &TcpListener, size: usize, chunked: bool) {
    let mut client = TcpStream::connect(program.address).await.unwrap();
    let framing = if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {size}") };
    let head = format!("POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n{framing}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{framing}\r\n\r\n");
    upstream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status(&read_head(&mut client).await), 200);
    let (mut from_client, mut to_client) = client.split();
    let (mut from_upstream, mut to_upstream) = upstream.split();
    let (_, received, _, returned) = tokio::join!(
        send(&mut to_client, size, chunked),
        receive(&mut from_upstream, size, chunked),
        send(&mut to_upstream, size, chunked),
        receive(&mut from_client, size, chunked),
    );
    assert_eq!((received, returned), (size, size));
}

async fn send(stream: &mut (impl tokio::io::AsyncWrite + Unpin), size: usize, chunked: bool) {
    let piece = vec![b'x'; MEBIBYTE];
    for _ in 0..size / MEBIBYTE {
        if chunked {
            stream.write_all(format!("{MEBIBYTE:x}\r\n").as_bytes()).await.unwrap();
        }
        stream.write_all(&piece).await.unwrap();
        if chunked {
            stream.write_all(b"\r\n").await.unwrap();
        }
    }
    if chunked {
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
}

/// Counts the bytes of the content (all of which are `x`) until it is complete.
async fn receive(stream: &mut (impl tokio::io::AsyncRead + Unpin), size: usize, chunked: bool) -> usize {
    let mut buffer = vec![0; MEBIBYTE];
    let mut last = [0; 5];
    let mut count = 0;
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        count += buffer[..read].iter().filter(|byte| **byte == b'x').count();
        for byte in &buffer[read.saturating_sub(5)..read] {
            last.rotate_left(1);
            last[4] = *byte;
        }
        let complete = if chunked { &last == b"0\r\n\r\n" } else { count == size };
        if complete || read == 0 {
            return count;
        }
    }
}

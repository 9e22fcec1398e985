//! The program `edgeway-spin-host` with a `spin.toml`, as a process of its own: what it logs, and how much memory it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{proxy_to, read_head, status, write};
use edgeway_spin_host::component;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const MEBIBYTE: usize = 1024 * 1024;

struct Program {
    address: SocketAddr,
    process: Child,
    output: BufReader<ChildStdout>,
    directory: TempDir,
}

impl Program {
    fn start(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), configuration);
        std::fs::write(directory.path().join("edgeway.wasm"), component::gateway().unwrap()).unwrap();
        std::fs::write(directory.path().join("spin.toml"), manifest()).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_edgeway-spin-host"))
            .arg("--from")
            .arg(directory.path().join("spin.toml"))
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("serving http://").unwrap().parse().unwrap();
        Self { address, process, output, directory }
    }

    /// The next line of the access log.
    fn line(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// A line of `/proc/…/status`, in bytes.
    fn memory(&self, line: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let value = status.lines().find_map(|other| other.strip_prefix(line)).unwrap();
        value.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Makes the peak of the resident memory start from now.
    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The project's own `spin.toml`, with the component beside it.
fn manifest() -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml")).unwrap();
    text.replace("target/wasm32-wasip2/release/edgeway_spin.wasm", "edgeway.wasm")
}

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

/// docs/configuration.md, Access log: each exchange has one line; of a body that the host moves it has the stated length, and
/// says that nobody counted.
#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_has_a_line_for_each_exchange() {
    let upstream = common::Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let mut program = Program::start(&upstream.configuration());
    for (target, status, bytes, stated) in [("/a", 200, 5, true), ("/%00", 400, 0, false)] {
        let mut client = TcpStream::connect(program.address).await.unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(common::status(&answer), status);
        let line = program.line();
        assert_eq!((&line["path"], &line["status"]), (&target.into(), &status.into()));
        assert_eq!(line.get("stated").is_some(), stated, "{line}");
        if stated {
            assert_eq!(line["bytes"], bytes);
        } else {
            let content = answer.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(line["bytes"], content.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_goes_each_way_in_flat_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = proxy_to(listener.local_addr().unwrap());
    // Straight through the host, and through the component, which counts what it can't know beforehand.
    for chunked in [false, true] {
        let program = Program::start(&upstream);
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

//! The access log of the component, on its standard output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use common::program::Program;
use common::read_head;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

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

const HEAD: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";

/// A configuration whose routes send requests to `upstream`: under `/watched` somebody waits for the end of the answer, under
/// `/deadline` it has an end, and under `/direct` the gateway answers by itself.
fn configuration(upstream: &TcpListener) -> String {
    let address = upstream.local_addr().unwrap();
    let limit = r#""policies": [{"concurrency": {"limit": 100, "key": "everyone"}}]"#;
    format!(
        r#"{{"upstreams": {{"u": {{"url": "http://{address}"}}}}, "routes": [
            {{"name": "watched", "match": {{"path": "/watched"}}, "upstream": "u", "timeouts": {{"total": "1h"}}, {limit}}},
            {{"name": "deadline", "match": {{"path": "/deadline"}}, "upstream": "u", "timeouts": {{"total": "1s"}}}},
            {{"name": "direct", "match": {{"path": "/direct"}}, "respond": {{"body": "here"}}, {limit}}},
            {{"name": "plain", "match": {{"path": "/plain"}}, "upstream": "u"}}]}}"#
    )
}

/// Both ends of an exchange whose answer begins with `head`.
async fn open(program: &Program, upstream: &TcpListener, path: &str, head: &str) -> (TcpStream, TcpStream) {
    let mut client = ask(program, path).await;
    let (mut upstream, _) = upstream.accept().await.unwrap();
    read_head(&mut upstream).await;
    upstream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(common::status(&read_head(&mut client).await), 200);
    (client, upstream)
}

async fn ask(program: &Program, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(program.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client
}

/// Sends a chunk of so many bytes through, which are all on their way once this has ended.
async fn send(client: &mut TcpStream, upstream: &mut TcpStream, length: usize) {
    let chunk = format!("{length:x}\r\n{}\r\n", "x".repeat(length));
    let mut count = 0;
    let mut buffer = vec![0; 65536];
    upstream.write_all(chunk.as_bytes()).await.unwrap();
    while count < length {
        let read = client.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the answer ended after {count} bytes");
        count += buffer[..read].iter().filter(|byte| **byte == b'x').count();
    }
}

fn of(line: &Value) -> [&Value; 5] {
    ["path", "bytes", "stated", "complete", "cut"].map(|member| &line[member])
}

/// docs/configuration.md, Access log: `bytes` where they are counted, and the side that cut a body off.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_counts_a_watched_answer_and_says_who_cut_it_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut program = Program::start(&configuration(&listener));

    // More than is moved at once.
    let (mut client, mut upstream) = open(&program, &listener, "/watched", HEAD).await;
    send(&mut client, &mut upstream, 200_000).await;
    upstream.write_all(b"0\r\n\r\n").await.unwrap();
    client.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(of(&program.line()), [&json!("/watched"), &json!(200_000), &Value::Null, &Value::Null, &Value::Null]);

    let reset = |stream: TcpStream| stream.set_zero_linger().unwrap();
    // The upstream closes the connection in the middle, and resets it.
    for is_reset in [false, true] {
        let (mut client, mut upstream) = open(&program, &listener, "/watched", HEAD).await;
        send(&mut client, &mut upstream, 100_000).await;
        if is_reset {
            reset(upstream)
        } else {
            drop(upstream)
        }
        let _ = client.read_to_end(&mut Vec::new()).await;
        let line = program.line();
        assert_eq!(of(&line), [&json!("/watched"), &json!(100_000), &Value::Null, &json!(false), &json!("upstream")]);
    }

    // The client leaves, while the upstream is silent and while it is not.
    for is_silent in [true, false] {
        let (mut client, mut upstream) = open(&program, &listener, "/watched", HEAD).await;
        send(&mut client, &mut upstream, 100_000).await;
        drop(client);
        while !is_silent && upstream.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
        let line = program.line();
        let [path, bytes, rest @ ..] = of(&line);
        assert_eq!((path, rest), (&json!("/watched"), [&Value::Null, &json!(false), &json!("client")]));
        assert!(bytes.as_u64().unwrap() >= 100_000 && (bytes == 100_000 || !is_silent), "{line}");
    }

    // What is stated does not come.
    let stated = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhello";
    let (mut client, upstream) = open(&program, &listener, "/watched", stated).await;
    drop(upstream);
    let _ = client.read_to_end(&mut Vec::new()).await;
    assert_eq!(of(&program.line()), [&json!("/watched"), &json!(5), &Value::Null, &json!(false), &json!("upstream")]);

    // An answer of the gateway's own.
    ask(&program, "/direct").await.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(of(&program.line()), [&json!("/direct"), &json!(4), &Value::Null, &Value::Null, &Value::Null]);
}

/// docs/platforms.md, Spin: a body with `timeouts.total` goes through the component, so that it is counted, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_that_the_deadline_cut_an_answer_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut program = Program::start(&configuration(&listener));
    let (mut client, mut upstream) = open(&program, &listener, "/deadline", HEAD).await;
    upstream.write_all(b"5\r\nhello\r\n").await.unwrap();
    let _ = client.read_to_end(&mut Vec::new()).await;
    assert_eq!(of(&program.line()), [&json!("/deadline"), &json!(5), &Value::Null, &json!(false), &json!("deadline")]);
}

/// docs/configuration.md, Access log: where nobody counted, `bytes` is what the head states, and the line comes with the head.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_what_the_head_states_of_an_answer_that_the_host_moves() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut program = Program::start(&configuration(&listener));
    let stated = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhello";
    for (head, bytes) in [(stated, json!(10)), (HEAD, Value::Null)] {
        let (mut client, upstream) = open(&program, &listener, "/plain", head).await;
        // There is a line before there is an end, and none says that it was cut off.
        assert_eq!(of(&program.line()), [&json!("/plain"), &bytes, &json!(true), &Value::Null, &Value::Null]);
        drop(upstream);
        let _ = client.read_to_end(&mut Vec::new()).await;
    }
}

//! The access log (docs/configuration.md, Access log).

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::support::{Folder, Program, Wire, field, ok_upstream, status, upstream};

fn logging(upstream: std::net::SocketAddr) -> (Folder, Program) {
    let folder = Folder::new();
    let file = folder.write(
        "gateway.json",
        &format!(
            r#"{{
              "server": {{ "listen": "127.0.0.1:0" }},
              "limits": {{ "bodyBytes": "1KiB" }},
              "network": {{ "trustedProxies": ["127.0.0.1"] }},
              "upstreams": {{ "up": {{ "url": "http://{upstream}" }} }},
              "routes": [
                {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }},
                {{ "name": "local", "match": {{ "path": "/local" }}, "respond": {{}} }}
              ]
            }}"#
        ),
    );
    let program = Program::serve(&file);
    (folder, program)
}

/// `received` are the bytes of content that were read, however they are framed; of a request without content it is not told.
#[test]
fn the_bytes_of_a_request_are_logged_as_they_were_read() {
    let upstream = ok_upstream();
    let (_folder, program) = logging(upstream.address);
    let mut client = Wire::connect(program.address);
    client.ask("POST /stated HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    client
        .ask(
            "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        )
        .unwrap();
    client.ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(program.logged("/stated")["received"], 5);
    assert_eq!(program.logged("/chunked")["received"], 7);
    assert_eq!(program.logged("/none").get("received"), None);
    // Nobody read it.
    let declined = "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n";
    assert_eq!(Wire::connect(program.address).ask(declined).unwrap().0, 413);
    assert_eq!(program.logged("/large")["received"], 0);
}

/// A client that leaves in the middle: what had come by then.
#[test]
fn of_a_body_that_is_cut_off_the_part_that_came_is_logged() {
    let (told, arrived) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let upstream = upstream(move |wire, _| {
        let _ = wire.head();
        let mut content = [0; 3];
        std::io::Read::read_exact(&mut wire.stream, &mut content).unwrap();
        told.lock().unwrap().send(()).unwrap();
        let _ = std::io::Read::read(&mut wire.stream, &mut content);
    });
    let (_folder, program) = logging(upstream.address);
    let mut client = Wire::connect(program.address);
    client.send("POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
    arrived.recv().unwrap();
    drop(client);
    assert_eq!(program.logged("/cut")["received"], 3);
}

/// Exchanges that share a connection are counted apart.
#[tokio::test]
async fn exchanges_over_http2_are_counted_each() {
    let upstream = ok_upstream();
    let (_folder, program) = logging(upstream.address);
    let stream = tokio::net::TcpStream::connect(program.address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let asking = (1..=4_usize).map(|size| {
        let mut sender = sender.clone();
        async move {
            let content = Full::new(Bytes::from(vec![b'a'; size * 100]));
            let request = Request::post(format!("http://a.test/{size}")).body(content).unwrap();
            sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
        }
    });
    futures_util::future::join_all(asking).await;
    for size in 1..=4_u64 {
        assert_eq!(program.logged(&format!("/{size}"))["received"], size * 100);
    }
}

/// docs/configuration.md, Access log: scheme and host, as the client, are those that a trusted proxy states (RFC 7239 §5.3, §5.4).
#[test]
fn scheme_and_host_are_those_that_the_client_asked_for() {
    let upstream = ok_upstream();
    let (_folder, program) = logging(upstream.address);
    let mut client = Wire::connect(program.address);
    for (path, fields, (scheme, host, address)) in [
        ("/own", "", ("http", "inner.test", "127.0.0.1")),
        (
            "/proxied",
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n",
            ("https", "shop.test", "192.0.2.1"),
        ),
        ("/forwarded", "Forwarded: for=192.0.2.1;proto=https;host=shop.test\r\n", ("https", "shop.test", "192.0.2.1")),
        ("/behind-another", "X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n", ("http", "inner.test", "198.51.100.1")),
    ] {
        client.ask(&format!("GET {path} HTTP/1.1\r\nHost: inner.test\r\n{fields}\r\n")).unwrap();
        let line = program.logged(path);
        assert_eq!(
            (&line["scheme"], &line["host"], &line["client"]),
            (&scheme.into(), &host.into(), &address.into()),
            "{path}"
        );
    }
}

/// A response whose body is malformed from the start has a head all the same, which says that the upstream was there; what is missing
/// is told as a cut (RFC 9112 §8).
#[test]
fn a_body_that_fails_at_once_is_cut_off_behind_its_head() {
    let upstream = upstream(|wire, _| {
        wire.head();
        wire.send("HTTP/1.1 200 OK\r\nX-Up: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        wire.head();
    });
    let (_folder, program) = logging(upstream.address);
    for number in 0..5 {
        let mut client = Wire::connect(program.address);
        client.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.head().expect("the head");
        assert_eq!((status(&head), field(&head, "x-up").as_deref()), (200, Some("1")));
        assert!(client.is_closed(), "without an end");
        let line = program.logged(&format!("/{number}"));
        assert_eq!(
            (&line["status"], &line["cut"], &line["complete"]),
            (&200.into(), &"upstream".into(), &false.into())
        );
    }
}

/// docs/configuration.md, Content of requests: the log says which bound content exceeds, and nothing of what it holds.
#[test]
fn the_bound_that_content_exceeds_is_logged() {
    let folder = Folder::new();
    let file = folder.write(
        "gateway.json",
        r#"{
          "server": { "listen": "127.0.0.1:0" },
          "routes": [{ "name": "r", "match": { "prefix": "/" }, "respond": {}, "policies": [
            { "validate": { "json": { "depth": 2, "items": 2 }, "xml": { "elements": 1 } } }] }]
        }"#,
    );
    let program = Program::serve(&file);
    for (path, kind, content, because) in [
        ("/depth", "application/json", r#"[[["PLANT"]]]"#, "the content is nested too deeply"),
        ("/items", "application/json", "[1,2,3]", "an array in the content has too many items"),
        ("/elements", "text/xml", "<a><b/></a>", "the content has too many elements"),
        ("/type", "text/plain", "PLANT", "content of this type is not taken here"),
    ] {
        let length = content.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{content}"
        );
        Wire::connect(program.address).ask(&request).unwrap();
        let line = program.logged(path);
        assert_eq!((&line["rule"], &line["because"]), (&"validate".into(), &because.into()), "{path}");
        assert!(!line.to_string().contains("PLANT"));
    }
}

/// `idempotency`, `etag`, `methodOverride` and `upstreamMethod`: in the lines of those requests alone that have them.
#[test]
fn what_few_requests_have_is_logged_with_them() {
    let upstream = ok_upstream();
    let folder = Folder::new();
    let file = folder.write(
        "gateway.json",
        &format!(
            r#"{{"server": {{ "listen": "127.0.0.1:0" }}, "network": {{ "methodOverride": {{ "methods": ["PUT"] }} }},
              "upstreams": {{ "up": {{ "url": "http://{}" }} }},
              "routes": [{{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up", "policies": [
                {{ "idempotency": {{}}, "etag": {{}}, "request": {{ "method": {{ "PUT": "POST" }} }} }}] }}]}}"#,
            upstream.address
        ),
    );
    let program = Program::serve(&file);
    let mut client = Wire::connect(program.address);
    let mut told = |method: &str, path: &str, field: &str| {
        client.ask(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{field}Content-Length: 0\r\n\r\n")).unwrap();
        let line = program.logged(path);
        let of = |member: &str| line[member].as_str().unwrap_or("-").to_owned();
        ["idempotency", "etag", "methodOverride", "upstreamMethod"].map(of)
    };
    let key = "Idempotency-Key: a\r\n";
    assert_eq!(told("POST", "/first", key), ["first", "-", "-", "-"]);
    assert_eq!(told("POST", "/other", key), ["reused", "-", "-", "-"]);
    assert_eq!(told("POST", "/none", ""), ["-"; 4]);
    assert_eq!(told("GET", "/tagged", ""), ["-", "made", "-", "-"]);
    assert_eq!(told("GET", "/met", "If-None-Match: *\r\n"), ["-", "matched", "-", "-"]);
    assert_eq!(told("PUT", "/mapped", ""), ["-", "-", "-", "POST"]);
    assert_eq!(told("POST", "/overridden", "X-HTTP-Method-Override: PUT\r\n"), ["-", "-", "PUT", "POST"]);
}

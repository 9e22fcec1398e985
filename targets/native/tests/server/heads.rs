//! Heads that are large.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::{Folder, Upstream, Wire, config, field, gateway, ok_upstream, start, status, upstream};

/// Answers with `count` fields of `size` bytes each beside the usual ones.
fn upstream_with_fields(count: usize, size: usize) -> Upstream {
    upstream(move |wire, _| {
        while wire.head().is_some() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
            for n in 0..count {
                wire.send(format!("X-{n}: {}\r\n", "x".repeat(size)));
            }
            wire.send("\r\nok");
        }
    })
}

/// RFC 9209 §2.3.19: what is too large is told from what is no HTTP.
#[test]
fn a_response_with_too_many_fields() {
    for (count, expected) in [(95, 200), (110, 502)] {
        let upstream = upstream_with_fields(count, 1);
        let gateway = gateway(upstream.address);
        let mut wire = Wire::connect(gateway.address());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = wire.head().unwrap();
        assert_eq!(status(&head), expected, "{count}");
        let error = (expected == 502).then(|| "edgeway; error=http_response_header_section_size".to_owned());
        assert_eq!(field(&head, "proxy-status"), error);
    }
}

/// What passes over HTTP/1.1 passes over HTTP/2 too.
#[test]
fn a_large_response_from_an_upstream_over_http2() {
    let (folder, origin) = (Folder::new(), upstream_with_fields(90, 500));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = folder.write("cert.pem", &made.cert.pem());
    let key = folder.write("key.pem", &made.signing_key.serialize_pem());
    let files = format!(r#"{{ "tls": {{ "certificate": "{}", "key": "{}" }} }}"#, certificate.display(), key.display());
    let second = start(&config(origin.address, "{}", &files));
    let first = start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "https://localhost:{}", "tls": {{ "authorities": "{}" }} }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#,
        second.address().port(),
        certificate.display(),
    ));
    let mut wire = Wire::connect(first.address());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = wire.head().unwrap();
    assert_eq!((status(&head), field(&head, "x-89").map(|value| value.len())), (200, Some(500)));
}

/// The answer over HTTP/2 to a request with `count` fields of `size` bytes each.
async fn ask_h2(address: SocketAddr, count: usize, size: usize) -> hyper::Result<Response<Incoming>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::get("http://localhost/");
    for n in 0..count {
        request = request.header(format!("x-{n:03}"), "x".repeat(size));
    }
    sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await
}

/// RFC 9113 §6.5.2 counts 32 bytes more for each field than the configuration does: what that allows is served all the same,
/// and what is a little larger gets the gateway's own answer.
#[tokio::test]
async fn request_heads_over_http2() {
    let upstream = ok_upstream();
    let limited = |limits: &str| {
        let text = config(upstream.address, "{}", "{}");
        start(&text.replace(r#""bodyBytes": "8GiB""#, limits))
    };
    let server = limited(r#""headers": 1000, "headerBytes": "64KiB", "urlBytes": "1KiB""#);
    assert_eq!(ask_h2(server.address(), 990, 55).await.unwrap().status(), 200);

    let server = limited(r#""headers": 100, "headerBytes": "32KiB""#);
    let response = ask_h2(server.address(), 90, 500).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (431, &"application/problem+json".parse().unwrap())
    );
    let problem = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&problem).contains("headers_too_large"));
}

/// RFC 9113 §10.5.1: far too much is refused by the library, which says 431 without content or ends the connection; others
/// are served on.
#[tokio::test]
async fn a_request_head_far_too_large_over_http2() {
    let upstream = ok_upstream();
    let server = gateway(upstream.address);
    for size in [900, 9_000] {
        if let Ok(response) = ask_h2(server.address(), 100, size).await {
            assert_eq!(response.status().as_u16(), 431);
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
    }
    assert_eq!(ask_h2(server.address(), 1, 1).await.unwrap().status(), 200);
}

//! What clients and upstreams see of a proxied exchange.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::time::Duration;

use common::{Gateway, Upstream, proxy_to, read_head, status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[tokio::test(flavor = "multi_thread")]
async fn the_client_s_address_is_not_the_one_that_it_claims() {
    let mut upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(&upstream.configuration()).await;
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\nspin-client-addr: 192.0.2.1:1\r\nspin-full-url: http://b.test/\r\n\
                   spin-path-info: /x\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&gateway.exchange(request).await), 200);
    let head = upstream.head().await;
    assert!(head.contains("x-forwarded-for: 127.0.0.1\r\n"), "{head}");
    assert!(!head.contains("192.0.2.1") && !head.contains("spin-"), "{head}");
}

/// RFC 9110 §7.6.1: fields of one connection are not forwarded; and a component that sets one of them gets an error.
#[tokio::test(flavor = "multi_thread")]
async fn fields_of_the_client_s_connection_stay_there() {
    let mut upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(&upstream.configuration()).await;
    let request = "POST /a HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nkeep-alive: timeout=5\r\n\
                   proxy-authorization: basic x\r\nproxy-connection: close\r\nupgrade: websocket\r\nte: gzip\r\n\
                   transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    assert_eq!(status(&gateway.exchange(request).await), 200);
    let head = upstream.head().await;
    for field in ["keep-alive:", "proxy-", "upgrade:", "te: gzip", "connection:"] {
        assert!(!head.contains(field), "{field} in {head}");
    }
    assert!(head.starts_with("post /a http/1.1\r\n"), "{head}");
    assert_eq!(head.matches("\r\nhost: ").count(), 1, "{head}");
    assert!(head.contains(&format!("\r\nhost: {}\r\n", upstream.address)), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_a_response_arrive() {
    let answer =
        "HTTP/1.1 200 OK\r\ntrailer: x-check\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-check: 1\r\n\r\n";
    let upstream = Upstream::answering(answer).await;
    let straight = upstream.configuration();
    let watched = with_timeouts(&straight, r#""total": "1h""#);
    // Straight through the host, and through the component.
    for configuration in [straight, watched] {
        let gateway = Gateway::start(&configuration).await;
        let request = "GET / HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\nconnection: te, close\r\n\r\n";
        let answer = gateway.exchange(request).await;
        assert!(answer.ends_with("0\r\nx-check: 1\r\n\r\n"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_a_request_arrive() {
    // Straight through the host, and through the component.
    for limit in ["4GiB", "100B"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::start(&proxy_to(listener.local_addr().unwrap()).replace("4GiB", limit)).await;
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        let request = "POST / HTTP/1.1\r\nhost: a.test\r\ntrailer: x-check\r\ntransfer-encoding: chunked\r\n\r\n\
                       2\r\nhi\r\n0\r\nx-check: 1\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut upstream, _) = listener.accept().await.unwrap();
        read_head(&mut upstream).await;
        let mut content = String::new();
        while !content.ends_with("\r\n\r\n") {
            let mut byte = [0];
            upstream.read_exact(&mut byte).await.unwrap();
            content.push(char::from(byte[0]));
        }
        assert!(content.ends_with("0\r\nx-check: 1\r\n\r\n"), "{content}");
    }
}

/// RFC 9112 §8: an incomplete message must not look complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_breaks_off_does_not_end_cleanly() {
    let broken = [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
    ];
    for answer in broken {
        let upstream = Upstream::answering(answer).await;
        // With a total deadline the body goes through the component, without one it does not.
        for timeouts in ["", r#", "timeouts": {"total": "30s"}"#] {
            let configuration =
                upstream.configuration().replace(r#""upstream": "u""#, &format!(r#""upstream": "u"{timeouts}"#));
            let gateway = Gateway::start(&configuration).await;
            let answer = gateway.get("/").await;
            assert_eq!(status(&answer), 200);
            let complete = answer.ends_with("\r\n0\r\n\r\n") || answer.contains("content-length: 5\r\n");
            assert!(!complete, "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_off_does_not_end_cleanly() {
    for (limit, framing) in
        [("4GiB", "transfer-encoding: chunked"), ("100B", "transfer-encoding: chunked"), ("4GiB", "content-length: 10")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let configuration = proxy_to(listener.local_addr().unwrap()).replace("4GiB", limit);
        let gateway = Gateway::start(&configuration).await;
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        let start = if framing.starts_with("transfer") { "5\r\nhello\r\n" } else { "hello" };
        client
            .write_all(format!("POST / HTTP/1.1\r\nhost: a.test\r\n{framing}\r\n\r\n{start}").as_bytes())
            .await
            .unwrap();
        let (mut upstream, _) = listener.accept().await.unwrap();
        read_head(&mut upstream).await;
        let mut content = vec![0; start.len()];
        upstream.read_exact(&mut content).await.unwrap();
        assert_eq!(content, start.as_bytes());
        drop(client);
        let mut rest = Vec::new();
        let _ = upstream.read_to_end(&mut rest).await;
        assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{framing}: {rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_the_upstream_s_response_along() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(&proxy_to(listener.local_addr().unwrap())).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    assert_eq!(status(&read_head(&mut client).await), 200);
    drop(client);
    // Ends only because the gateway closes the connection: an upstream without end would keep it open.
    while upstream.write_all(b"1\r\na\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// RFC 9110 §15.5.14.
#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_above_the_limit_gets_413() {
    // An upstream that never answers by itself: the status is the gateway's.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(&proxy_to(listener.local_addr().unwrap()).replace("4GiB", "8B")).await;
    let request = "POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n";
    assert_eq!(status(&gateway.exchange(request).await), 413);
    let request = "POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ncontent-length: 9\r\n\r\n123456789";
    assert_eq!(status(&gateway.exchange(request).await), 413);
}

fn with_timeouts(configuration: &str, timeouts: &str) -> String {
    configuration.replace(r#""upstream": "u""#, &format!(r#""upstream": "u", "timeouts": {{{timeouts}}}"#))
}

/// RFC 9209 §2.3: each way to fail has its error type.
#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_status_and_error_type() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = proxy_to(silent.local_addr().unwrap());
    let nobody = proxy_to(TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    let unresolvable = nobody.replace("http://127.0.0.1", "http://nobody.invalid");
    let unlisted = nobody.replace("http://127.0.0.1", "http://unlisted.invalid");
    let garbage = Upstream::answering("SSH-2.0-OpenSSH\r\n\r\n").await;
    let cases = [
        (nobody, 502, "connection_refused"),
        (unresolvable, 502, "dns_error"),
        (unlisted, 502, "destination_ip_prohibited"),
        (with_timeouts(&silent, r#""firstByte": "100ms""#), 504, "connection_read_timeout"),
        (with_timeouts(&silent, r#""total": "100ms""#), 504, "http_response_timeout"),
        (garbage.configuration(), 502, "http_protocol_error"),
    ];
    for (configuration, expected, error) in cases {
        let mut options = edgeway_spin_host::ServeOptions::default();
        options.allowed_outbound_hosts.push("http://nobody.invalid:*".to_owned());
        let gateway = Gateway::start_with(&configuration, options).await;
        let answer = gateway.get("/").await;
        assert_eq!(status(&answer), expected, "{error}: {answer}");
        assert!(answer.contains(&format!("error={error}")), "{error}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_takes_too_long_breaks_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let configuration = with_timeouts(&proxy_to(listener.local_addr().unwrap()), r#""total": "300ms""#);
    let gateway = Gateway::start(&configuration).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n").await.unwrap();
    let (mut upstream, _) = listener.accept().await.unwrap();
    read_head(&mut upstream).await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("hello") && !answer.contains("0\r\n\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_gets_the_length_and_no_content() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n").await;
    let gateway = Gateway::start(&upstream.configuration()).await;
    let answer = gateway.exchange("HEAD / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

/// Framing is for each connection: a request has content if it had some, whatever its method.
#[tokio::test(flavor = "multi_thread")]
async fn content_is_what_the_client_sent() {
    let cases = [
        ("GET / HTTP/1.1\r\n", "", None),
        ("DELETE / HTTP/1.1\r\n", "", None),
        (
            "DELETE / HTTP/1.1\r\ntransfer-encoding: chunked\r\n",
            "2\r\nhi\r\n0\r\n\r\n",
            Some("transfer-encoding: chunked"),
        ),
        ("DELETE / HTTP/1.1\r\ncontent-length: 2\r\n", "hi", Some("content-length: 2")),
        ("POST / HTTP/1.1\r\ncontent-length: 0\r\n", "", None),
        ("POST / HTTP/1.1\r\n", "", None),
    ];
    for (head, content, framing) in cases {
        let mut upstream = Upstream::answering(OK).await;
        let gateway = Gateway::start(&upstream.configuration()).await;
        assert_eq!(
            status(&gateway.exchange(&format!("{head}host: a.test\r\nconnection: close\r\n\r\n{content}")).await),
            200
        );
        let received = upstream.head().await;
        let framed = received.contains("transfer-encoding:") || received.contains("\r\ncontent-length: 2\r\n");
        assert_eq!(framed, framing.is_some(), "{head}{received}");
        assert!(framing.is_none_or(|framing| received.contains(framing)), "{head}{received}");
    }
}

/// RFC 9112 §6.3: a length beside a coding might be an attempt at smuggling. Spin's server keeps it where it comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_length_beside_a_coding_is_refused() {
    let mut upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(&upstream.configuration()).await;
    for length in ["0", "2", "3"] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ncontent-length: {length}\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        );
        let answer = gateway.exchange(&request).await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(answer.contains("bad_request_framing"), "{answer}");
    }
    // A length after the coding does not reach the component.
    let request = "POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                   content-length: 3\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    assert_eq!(status(&gateway.exchange(request).await), 200);
    let head = upstream.head().await;
    assert!(!head.contains("content-length") && head.contains("transfer-encoding: chunked"), "{head}");
}

/// docs/platforms.md, Spin: what its server does by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_one_clear_host_is_not_answered() {
    let upstream = Upstream::answering(OK).await;
    let gateway = Gateway::start(&upstream.configuration()).await;
    let end = "connection: close\r\n\r\n";
    for start in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost:\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n",
        "GET http://b.test/ HTTP/1.1\r\nhost: a.test\r\n",
        "GET / HTTP/1.1\r\nhost: a.spin.internal\r\n",
        "CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\n",
    ] {
        assert_eq!(gateway.exchange(&format!("{start}{end}")).await, "", "{start}");
    }
    let health = gateway.get("/.well-known/spin/health").await;
    assert!(status(&health) == 200 && !health.contains("x-request-id"), "{health}");
}

/// docs/configuration.md, Upstreams: on Spin an upstream can be a component of the same application.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_an_upstream() {
    let users =
        r#"{"routes": [{"name": "user", "match": {"path": "/v1/users/{id}"}, "respond": {"body": "user {path.id}"}}]}"#;
    let users = Gateway::start(users).await;
    let configuration = r#"{
        "upstreams": {"users": {"url": "http://nobody.invalid:1/v1", "spin": {"component": "users"}},
                      "others": {"spin": {"component": "others"}}},
        "routes": [{"name": "users", "match": {"prefix": "/users"}, "upstream": "users"},
                   {"name": "others", "match": {"prefix": "/others"}, "upstream": "others"}]}"#;
    let mut options = edgeway_spin_host::ServeOptions::default();
    options.components.insert("users".to_owned(), users.address());
    // Without leave there is no way, as to any destination.
    let refused = Gateway::start_with(configuration, options.clone()).await.get("/users/7").await;
    assert!(status(&refused) == 502 && refused.contains("error=destination_ip_prohibited"), "{refused}");
    options.allowed_outbound_hosts.push("http://*.spin.internal".to_owned());
    let gateway = Gateway::start_with(configuration, options).await;
    let answer = gateway.get("/users/7").await;
    assert!(status(&answer) == 200 && answer.ends_with("user 7"), "{answer}");
    let absent = gateway.get("/others").await;
    assert!(
        status(&absent) == 502 && absent.contains("error=destination_ip_prohibited"),
        "not in the application: {absent}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_until_they_are_deleted() {
    let gateway = Gateway::start(
        r#"{"routes": [{"name": "kv", "match": {"path": "/kv/{key}", "methods": ["GET", "PUT", "DELETE"]},
            "keyValue": {"key": "{path.key}", "ttl": "60s"}}]}"#,
    )
    .await;
    let request = |method: &str, body: &str| {
        format!(
            "{method} /kv/a HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(status(&gateway.get("/kv/a").await), 404);
    assert_eq!(status(&gateway.exchange(&request("PUT", "value")).await), 204);
    assert!(gateway.get("/kv/a").await.ends_with("\r\n\r\nvalue"));
    assert_eq!(status(&gateway.exchange(&request("DELETE", "")).await), 204);
    assert_eq!(status(&gateway.get("/kv/a").await), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_variables() {
    let mut upstream = Upstream::answering(OK).await;
    let configuration = upstream.configuration().replace(
        r#""upstream": "u""#,
        r#""upstream": "u", "policies": [{"request": {"headers": {"set": {"x-key": {"secret": "API_KEY"}}}}}]"#,
    );
    let mut options = edgeway_spin_host::ServeOptions::default();
    options.variables.insert("api_key".to_owned(), "s3cret".to_owned());
    let gateway = Gateway::start_with(&configuration, options).await;
    assert_eq!(status(&gateway.get("/").await), 200);
    assert!(upstream.head().await.contains("x-key: s3cret\r\n"));
    // A secret that is not there is a mistake in the configuration.
    assert_eq!(status(&Gateway::start(&configuration).await.get("/").await), 500);
}

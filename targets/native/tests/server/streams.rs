//! Upstreams that speak HTTP/2 and take few streams on a connection (docs/configuration.md, Upstreams; RFC 9113 §5.1.2, §6.8).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Notify};

use edgeway::server::Server;

use crate::support::{Wire, start};

/// The gateway in front of an upstream on `port` that speaks HTTP/2 in the clear.
fn gateway(port: u16) -> Server {
    start(&format!(
        r#"{{
          "server": {{ "listen": "127.0.0.1:0", "accessLog": "off" }},
          "upstreams": {{ "up": {{ "url": "http://127.0.0.1:{port}", "protocol": "h2c" }} }},
          "routes": [ {{ "name": "all", "match": {{ "prefix": "/" }}, "upstream": "up" }} ]
        }}"#
    ))
}

fn answer_ok(mut answer: h2::server::SendResponse<Bytes>) {
    let mut body = answer.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from("ok"), true).unwrap();
}

async fn ask(address: std::net::SocketAddr, path: &'static str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    tokio::task::spawn_blocking(move || Wire::connect(address).ask(&request).unwrap()).await.unwrap()
}

/// Fifty requests at once, where a connection takes ten: the upstream answers none before it has all of them, so that none may wait for another's end.
#[tokio::test]
async fn more_requests_than_a_connection_takes_get_further_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, together) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(50)));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let stream = listener.accept().await.unwrap().0;
            counted.fetch_add(1, Ordering::SeqCst);
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                let mut connection = builder.max_concurrent_streams(10).handshake(stream).await.unwrap();
                while let Some(Ok((_, answer))) = connection.accept().await {
                    let together = Arc::clone(&together);
                    tokio::spawn(async move {
                        together.wait().await;
                        answer_ok(answer);
                    });
                }
            });
        }
    });
    let server = gateway(port);
    let asked: Vec<_> = (0..50).map(|_| tokio::spawn(ask(server.address(), "/"))).collect();
    for answer in asked {
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await.expect("one waits for another");
        assert_eq!(answer.unwrap(), (200, "ok".to_owned()));
    }
    let opened = connections.load(Ordering::SeqCst);
    assert!((5..=10).contains(&opened), "{opened} connections");
}

/// RFC 9113 §6.8: an upstream that goes away ends what it has begun, and what comes later goes over another connection.
#[tokio::test]
async fn an_upstream_that_goes_away_is_left_once_it_has_ended_what_it_had() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (begun, ends) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, may_end) = (Arc::clone(&begun), Arc::clone(&ends));
    tokio::spawn(async move {
        loop {
            let stream = listener.accept().await.unwrap().0;
            let (begun, ends) = (Arc::clone(&begun), Arc::clone(&ends));
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, answer))) = connection.accept().await {
                    if request.uri().path() != "/slow" {
                        answer_ok(answer);
                        continue;
                    }
                    connection.graceful_shutdown();
                    begun.notify_one();
                    let ends = Arc::clone(&ends);
                    tokio::spawn(async move {
                        ends.notified().await;
                        answer_ok(answer);
                    });
                }
            });
        }
    });
    let server = gateway(port);
    let slow = tokio::spawn(ask(server.address(), "/slow"));
    has_begun.notified().await;
    for _ in 0..20 {
        assert_eq!(ask(server.address(), "/").await, (200, "ok".to_owned()));
    }
    may_end.notify_one();
    assert_eq!(slow.await.unwrap(), (200, "ok".to_owned()));
}

//! Flags on Spin: the requests of an instance that need one wait for one read of it, though none may wake another.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::time::Duration;

use common::{Gateway, status};
use edgeway_spin_host::{Reuse, ServeOptions};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const CONFIG: &str = r#"{"routes": [
    {"name": "plain", "match": {"path": "/"}, "respond": {}},
    {"name": "flag", "match": {"path": "/flag"}, "respond": {}, "policies": [{"maintenance": {"flag": "f", "fail": "closed"}}]}]}"#;

const REQUESTS: usize = 50;

/// A gateway whose instances know no flag yet.
async fn cold(key_value_delay: Duration) -> Gateway {
    let reuse = Reuse { requests: 1_000, concurrent: 1_000, idle: Duration::from_secs(600) };
    let gateway = Gateway::start_with(CONFIG, ServeOptions { key_value_delay, reuse, ..ServeOptions::default() }).await;
    // The first instance has begun.
    assert_eq!(status(&gateway.get("/").await), 200);
    gateway
}

/// The statuses of the answers to [`REQUESTS`] that wait at once. They come one after another, since the host begins an instance
/// for each that none takes at once.
async fn statuses(gateway: &Gateway) -> Vec<u16> {
    let ask = |n: usize| async move {
        tokio::time::sleep(Duration::from_millis(5) * n as u32).await;
        status(&gateway.get("/flag").await)
    };
    join_all((0..REQUESTS).map(ask)).await
}

/// Asserts that no more than `reads` were made for each instance, of which there are fewer than half as many as requests.
fn assert_reads(gateway: &Gateway, reads: usize) {
    let (made, instances) = (gateway.key_value_reads(), gateway.instances());
    assert!(made <= reads * instances, "{made} reads in {instances} instances");
    assert!(instances * 2 < REQUESTS, "{instances} instances");
}

/// docs/configuration.md, Flags: one request reads, and the others wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn requests_at_a_cold_start_read_a_flag_once() {
    let gateway = cold(Duration::from_millis(300)).await;
    assert_eq!(statuses(&gateway).await, [200; REQUESTS]);
    assert_reads(&gateway, 1);
}

/// docs/configuration.md, Flags: a store that does not answer within 2 s has failed, for all that wait; `fail` decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers_fails_for_all_that_wait() {
    let gateway = cold(Duration::from_secs(3_600)).await;
    assert_eq!(statuses(&gateway).await, [503; REQUESTS]);
    assert_reads(&gateway, 2);
}

/// docs/configuration.md, Flags: where the client of the request that reads leaves, the others have their answers all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_whose_client_leaves_takes_nobody_along() {
    let gateway = cold(Duration::from_millis(700)).await;
    let mut leaving = TcpStream::connect(gateway.address()).await.unwrap();
    leaving.write_all(b"GET /flag HTTP/1.1\r\nhost: gateway.test\r\n\r\n").await.unwrap();
    while gateway.key_value_reads() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let others = statuses(&gateway);
    let leave = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(leaving);
    };
    assert_eq!(tokio::join!(others, leave).0, [200; REQUESTS]);
    assert_reads(&gateway, 2);
}

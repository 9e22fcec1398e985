//! The cache on Spin: one request to the upstream for many that come together, though each may have an instance of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Gateway, Redis, read_head, status};
use edgeway_spin_host::{Reuse, ServeOptions};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

const CLIENTS: usize = 64;

/// An upstream that holds its answers back until it may give them, and a gateway in front whose requests have an instance each.
struct Cached {
    gateway: Gateway,
    upstream: SocketAddr,
    calls: Arc<AtomicUsize>,
    may_answer: watch::Sender<bool>,
}

impl Cached {
    async fn start(answer: String, collapse: &str) -> Self {
        Self::start_with(answer, collapse, "").await
    }

    /// The same with these members in front.
    async fn start_with(answer: String, collapse: &str, members: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let (may_answer, may) = watch::channel(false);
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (answer, mut may, counted) = (answer.clone(), may.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    read_head(&mut stream).await;
                    counted.fetch_add(1, Ordering::SeqCst);
                    may.wait_for(|may| *may).await.unwrap();
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        let gateway = gateway(upstream, collapse, members).await;
        Self { gateway, upstream, calls, may_answer }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn until_called(&self, times: usize) {
        while self.calls() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A gateway in front of `upstream`, with these members in front of its configuration.
async fn gateway(upstream: SocketAddr, collapse: &str, members: &str) -> Gateway {
    let reuse = Reuse { requests: 1, concurrent: 1, idle: Duration::from_secs(1) };
    let configuration = format!(
        r#"{{{members} "upstreams": {{"u": {{"url": "http://{upstream}"}}}}, "admin": {{"path": "/.edgeway", "token": {{"secret": "T"}}}},
            "routes": [{{"name": "all", "match": {{"prefix": "/"}}, "upstream": "u",
                "policies": [{{"cache": {{"collapse": "{collapse}"}}}}]}}]}}"#
    );
    let variables = [("t".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())].into();
    Gateway::start_with(&configuration, ServeOptions { reuse, variables, ..ServeOptions::default() }).await
}

fn answer(cache_control: &str, content: &str) -> String {
    let length = content.len();
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncache-control: {cache_control}\r\ncontent-length: {length}\r\n\r\n{content}"
    )
}

/// docs/configuration.md, Cache: requests that come together become one to the upstream. docs/platforms.md, Spin: in all instances.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_are_one_request_to_the_upstream() {
    // One that stands beside its head, and one that has a value of its own.
    for content in ["small".to_owned(), "large ".repeat(10_000)] {
        let cached = Cached::start(answer("max-age=60", &content), "30s").await;
        let asking = join_all((0..CLIENTS).map(|_| cached.gateway.get("/a")));
        let answering = async {
            cached.until_called(1).await;
            // The others come, and wait.
            tokio::time::sleep(Duration::from_millis(500)).await;
            cached.may_answer.send(true).unwrap();
        };
        let (answers, ()) = tokio::join!(asking, answering);
        assert!(answers.iter().all(|answer| status(answer) == 200 && answer.ends_with(&content)), "{answers:?}");
        assert_eq!(cached.calls(), 1);
        assert!(cached.gateway.instances() > CLIENTS / 2, "{} instances", cached.gateway.instances());
    }
}

/// docs/configuration.md, Cache: what is not stored is waited for by nobody, once that is known.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stored_is_asked_for_by_all_at_once() {
    let cached = Cached::start(answer("no-store", "x"), "30s").await;
    let asking = join_all((0..8).map(|_| cached.gateway.get("/a")));
    let answering = async {
        cached.until_called(1).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(cached.calls(), 1);
        cached.may_answer.send(true).unwrap();
    };
    let (answers, ()) = tokio::join!(asking, answering);
    assert!(answers.iter().all(|answer| status(answer) == 200), "{answers:?}");
    assert_eq!(cached.calls(), 8);
}

/// docs/platforms.md, Spin: the instance that asks may end in the middle of that. Another asks in its place once `collapse` is over.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_leader_that_dies_another_takes_over() {
    let cached = Cached::start(answer("max-age=60", "x"), "3s").await;
    let leader = async {
        let answer = cached.gateway.get("/a").await;
        assert_ne!(status(&answer), 200, "{answer}");
    };
    let killing = async {
        cached.until_called(1).await;
        cached.gateway.kill_instances();
    };
    tokio::join!(leader, killing);
    // They come in time to wait beyond the end of the one that is gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asking = join_all((0..CLIENTS).map(|_| cached.gateway.get("/a")));
    let answering = async {
        cached.until_called(2).await;
        cached.may_answer.send(true).unwrap();
    };
    let (answers, ()) = tokio::join!(asking, answering);
    assert!(answers.iter().all(|answer| status(answer) == 200), "{answers:?}");
    assert_eq!(cached.calls(), 2);
}

/// docs/configuration.md, Cache: an answer whose content breaks off, or is longer than `maxBytes`, is not stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_or_is_too_long_is_not_stored() {
    let broken = answer("max-age=60", "0123456789").replace("content-length: 10", "content-length: 11");
    for answer in [broken, answer("max-age=60", &"x".repeat(2 << 20))] {
        let cached = Cached::start(answer, "5s").await;
        cached.may_answer.send(true).unwrap();
        for n in 1..=3 {
            cached.gateway.get("/a").await;
            assert_eq!(cached.calls(), n);
        }
    }
}

/// docs/platforms.md, Spin: responses that are of no use any more are removed, some at a time.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_removed() {
    let cached = Cached::start(answer("max-age=1", &"large ".repeat(2_000)), "5s").await;
    cached.may_answer.send(true).unwrap();
    for n in 0..50 {
        cached.gateway.get(&format!("/{n}")).await;
    }
    let keys = || cached.gateway.key_value_keys().iter().filter(|key| key.starts_with("cache:")).count();
    assert_eq!(keys(), 100, "a head and a content for each");
    // One request in 64, by chance, has some of them removed; once nothing is left, nothing can come.
    let mut requests = 0;
    while keys() > 0 {
        requests += 1;
        assert!(requests < 10_000, "{} are left", keys());
        cached.gateway.get("/.edgeway/live").await;
    }
    let rows: i64 = cached.gateway.database().query_row("SELECT count(*) FROM cached", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

/// docs/configuration.md, Purges: another instance goes by a purge; those that begin after it, at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_counts_for_instances_that_begin_after_it() {
    let cached = Cached::start(answer("max-age=60", "x"), "5s").await;
    cached.may_answer.send(true).unwrap();
    for _ in 0..3 {
        cached.gateway.get("/a").await;
    }
    assert_eq!(cached.calls(), 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let purged = purge_all(&cached.gateway).await;
    assert_eq!(status(&purged), 200, "{purged}");
    for _ in 0..3 {
        cached.gateway.get("/a").await;
    }
    assert_eq!(cached.calls(), 2);
}

/// docs/configuration.md, Responses that gateways share: in a Redis, all instances of all gateways have the same, and nothing is in Spin's own store.
#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_responses_in_a_redis() {
    let Some(redis) = Redis::start().await else { return };
    let members = format!(r#""responses": {{"redis": "{}"}},"#, redis.url());
    for (path, content) in [("/small", "small".to_owned()), ("/large", "large ".repeat(10_000))] {
        let one = Cached::start_with(answer("max-age=60", &content), "30s", &members).await;
        let other = gateway(one.upstream, "30s", &members).await;
        one.may_answer.send(true).unwrap();
        // Those that come together are one request of both.
        let all = (0..16).map(|n| if n % 2 == 0 { one.gateway.get(path) } else { other.get(path) });
        let answers = join_all(all).await;
        assert!(answers.iter().all(|answer| status(answer) == 200 && answer.ends_with(&content)), "{answers:?}");
        assert_eq!(one.calls(), 1);
        assert!(one.gateway.key_value_keys().is_empty() && other.key_value_keys().is_empty());
        // A purge at one of them counts for the instances of the other that begin after it.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(status(&purge_all(&one.gateway).await), 200);
        other.get(path).await;
        assert_eq!(one.calls(), 2);
        one.gateway.get(path).await;
        assert_eq!(one.calls(), 2);
    }
}

/// docs/configuration.md, Responses that gateways share: a Redis that is away costs no answer.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_redis_requests_go_to_the_upstream() {
    let Some(redis) = Redis::start().await else { return };
    let members = format!(r#""responses": {{"redis": "{}"}},"#, redis.url());
    let cached = Cached::start_with(answer("max-age=60", "x"), "5s", &members).await;
    cached.may_answer.send(true).unwrap();
    cached.gateway.get("/a").await;
    cached.gateway.get("/a").await;
    assert_eq!(cached.calls(), 1);
    drop(redis);
    for n in 2..4 {
        let answer = cached.gateway.get("/a").await;
        assert!(status(&answer) == 200 && cached.calls() == n, "{answer}");
    }
}

async fn purge_all(gateway: &Gateway) -> String {
    let content = r#"{"all": true}"#;
    let head = "PUT /.edgeway/purges HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\
                authorization: Bearer 0123456789abcdef0123456789abcdef";
    gateway.exchange(&format!("{head}\r\ncontent-length: {}\r\n\r\n{content}", content.len())).await
}

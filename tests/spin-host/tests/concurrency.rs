//! Limits on concurrency on Spin: a place is taken until its answer has ended, however that comes about, and no longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::store::Store;
use common::{Gateway, read_head, status};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PLACES: usize = 10;

/// Far more than anything here takes: a test that waits in vain is to fail, not to hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// An upstream that the tests play themselves, and a gateway that admits [`PLACES`] requests to it at once.
struct Limited {
    gateway: Arc<Gateway>,
    upstream: TcpListener,
}

impl Limited {
    async fn start(store: &Store, total: &str) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::start(&format!(
            r#"{{"counters": {{{}}}, "upstreams": {{"u": {{"url": "http://{}"}}}},
                "routes": [{{"name": "limited", "match": {{"prefix": "/"}}, "upstream": "u",
                    "timeouts": {{"total": "{total}", "firstByte": "0s"}},
                    "policies": [{{"concurrency": {{"limit": {PLACES}, "key": "everyone"}}}}]}}]}}"#,
            store.counters(),
            upstream.local_addr().unwrap(),
        ))
        .await;
        Self { gateway: Arc::new(gateway), upstream }
    }

    /// An exchange whose answer has begun, or none if the request was refused.
    async fn open(&self) -> Option<Exchange> {
        let mut client = ask(&self.gateway, "/").await;
        tokio::select! {
            accepted = self.upstream.accept() => {
                let (mut upstream, _) = accepted.unwrap();
                read_head(&mut upstream).await;
                upstream.write_all(HEAD.as_bytes()).await.unwrap();
                assert_eq!(status(&read_head(&mut client).await), 200);
                Some(Exchange { client, upstream })
            }
            refusal = read_head(&mut client) => {
                assert_eq!(status(&refusal), 429, "{refusal}");
                None
            }
        }
    }

    /// An exchange, as soon as there is a place.
    async fn open_once_free(&self) -> Exchange {
        let opening = async {
            loop {
                if let Some(exchange) = self.open().await {
                    break exchange;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, opening).await.expect("no place comes back")
    }

    /// As many exchanges as there are places, all of which are free or come free.
    async fn fill(&self) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        while exchanges.len() < PLACES {
            exchanges.push(self.open_once_free().await);
        }
        exchanges
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";

async fn ask(gateway: &Gateway, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client
}

/// Both ends of an exchange whose answer has begun.
struct Exchange {
    client: TcpStream,
    upstream: TcpStream,
}

/// How an exchange ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Complete,
    UpstreamCloses,
    UpstreamResets,
    ClientLeaves,
    ClientResets,
    /// The upstream has nothing more to say when the client leaves.
    ClientLeavesSilence,
}

impl End {
    const ALL: [Self; 6] = [
        Self::Complete,
        Self::UpstreamCloses,
        Self::UpstreamResets,
        Self::ClientLeaves,
        Self::ClientResets,
        Self::ClientLeavesSilence,
    ];
}

impl Exchange {
    /// Sends `pieces` of content through, and then ends in this way. What is left of the upstream has to be kept: its end would
    /// be another way to end the exchange.
    async fn end(mut self, pieces: usize, end: End) -> Option<TcpStream> {
        for _ in 0..pieces {
            self.upstream.write_all(piece().as_bytes()).await.unwrap();
            let mut received = vec![0; piece().len()];
            self.client.read_exact(&mut received).await.unwrap();
        }
        match end {
            End::Complete => {
                self.upstream.write_all(b"0\r\n\r\n").await.unwrap();
                let mut rest = String::new();
                self.client.read_to_string(&mut rest).await.unwrap();
                assert_eq!(rest, "0\r\n\r\n");
            }
            End::UpstreamCloses => drop(self.upstream),
            End::UpstreamResets => reset(self.upstream),
            End::ClientLeaves | End::ClientResets => {
                if let End::ClientResets = end {
                    reset(self.client)
                } else {
                    drop(self.client)
                }
                // Ends only because the gateway closes the connection.
                while self.upstream.write_all(piece().as_bytes()).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
            End::ClientLeavesSilence => {
                drop(self.client);
                return Some(self.upstream);
            }
        }
        None
    }
}

/// A chunk of 4 KiB.
fn piece() -> String {
    format!("1000\r\n{}\r\n", "x".repeat(4096))
}

/// Closes `stream` by a reset.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// docs/configuration.md, Policies (concurrency): at most `limit` requests in flight, from their admission to the end of their
/// answers; an answer ends when it is complete, when its upstream breaks off and when its client leaves.
#[tokio::test(flavor = "multi_thread")]
async fn ten_places_are_held_by_ten_streams_and_come_back_however_these_end() {
    for store in Store::all().await {
        let limited = Limited::start(&store, "1h").await;
        let mut exchanges = limited.fill().await;
        let mut silent = Vec::new();
        for (pieces, end) in End::ALL.into_iter().cycle().take(2 * End::ALL.len()).enumerate() {
            assert!(limited.open().await.is_none(), "an eleventh before {end:?}, {store:?}");
            silent.extend(exchanges.remove(0).end(pieces * pieces, end).await);
            exchanges.push(limited.open_once_free().await);
            assert!(limited.open().await.is_none(), "an eleventh after {end:?}, {store:?}");
        }
        // All at once.
        let ends = End::ALL.into_iter().cycle();
        silent.extend(
            join_all(exchanges.into_iter().zip(ends).map(|(exchange, end)| exchange.end(1, end)))
                .await
                .into_iter()
                .flatten(),
        );
        let _exchanges = limited.fill().await;
        assert!(limited.open().await.is_none(), "an eleventh at the end, {store:?}");
    }
}

/// The same under a crowd: what the upstream has under way is never more than the limit, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_streams_of_different_length_never_exceeds_the_limit() {
    const CLIENTS: usize = 48;
    for store in Store::all().await {
        let limited = Limited::start(&store, "1h").await;
        let crowd = Arc::new(Crowd::default());
        let clients = (0..CLIENTS).map(|client| {
            let (gateway, crowd) = (Arc::clone(&limited.gateway), Arc::clone(&crowd));
            tokio::spawn(async move { crowd.visit(&gateway, client).await })
        });
        let clients = timeout(2 * PATIENCE, join_all(clients));
        let upstream = async {
            loop {
                let (stream, _) = limited.upstream.accept().await.unwrap();
                let crowd = Arc::clone(&crowd);
                tokio::spawn(async move { crowd.serve(stream).await });
            }
        };
        let refused: usize = tokio::select! {
            visits = clients => visits.expect("a place is lost").into_iter().map(Result::unwrap).sum(),
            () = upstream => 0,
        };
        assert!(refused > 0, "{CLIENTS} at once, and nobody was refused");
        let most = crowd.most.load(Ordering::SeqCst);
        assert!(most <= PLACES, "{most} under way at once, {store:?}");
        let _exchanges = limited.fill().await;
        assert!(limited.open().await.is_none(), "an eleventh at the end, {store:?}");
    }
}

/// The exchanges under way: each counts from its arrival at the upstream until just before somebody ends it.
#[derive(Default)]
struct Crowd {
    active: AtomicUsize,
    most: AtomicUsize,
}

impl Crowd {
    fn leave(&self) {
        self.active.fetch_sub(1, Ordering::SeqCst);
    }

    /// The visit of a client, which has a length and an end of its own; returns how often it was refused before.
    async fn visit(&self, gateway: &Gateway, client: usize) -> usize {
        let end = End::ALL[client % End::ALL.len()];
        let pieces = client * 7 % 40;
        for refused in 0.. {
            let mut stream = ask(gateway, &format!("/{client}/{pieces}")).await;
            let head = read_head(&mut stream).await;
            if status(&head) == 429 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            assert_eq!(status(&head), 200, "{head}");
            for _ in 0..pieces {
                let mut received = vec![0; piece().len()];
                let whole = stream.read_exact(&mut received).await;
                // What breaks off may take along what was still on its way.
                assert!(
                    whole.is_ok() || matches!(end, End::UpstreamCloses | End::UpstreamResets),
                    "{end:?}: {whole:?}"
                );
            }
            match end {
                End::ClientLeaves | End::ClientLeavesSilence => self.leave(),
                End::ClientResets => {
                    self.leave();
                    reset(stream);
                }
                End::Complete | End::UpstreamCloses | End::UpstreamResets => {
                    // A reset is an end as well.
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            }
            return refused;
        }
        0
    }

    /// The upstream's part of a visit.
    async fn serve(&self, mut stream: TcpStream) {
        let head = read_head(&mut stream).await;
        let active = self.active.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(active, Ordering::SeqCst);
        let mut numbers = head.split([' ', '/']).filter_map(|part| part.parse::<usize>().ok());
        let (client, pieces) = (numbers.next().unwrap(), numbers.next().unwrap());
        let end = End::ALL[client % End::ALL.len()];
        stream.write_all(HEAD.as_bytes()).await.unwrap();
        for _ in 0..pieces {
            stream.write_all(piece().as_bytes()).await.unwrap();
        }
        match end {
            End::Complete => {
                self.leave();
                stream.write_all(b"0\r\n\r\n").await.unwrap();
            }
            End::UpstreamCloses => self.leave(),
            End::UpstreamResets => {
                self.leave();
                reset(stream);
            }
            End::ClientLeaves | End::ClientResets => {
                while stream.write_all(piece().as_bytes()).await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
            End::ClientLeavesSilence => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    }
}

/// docs/adr/0007: a lease lasts as long as the `total` deadline and ten seconds, and a place that was lost comes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn places_of_an_instance_that_was_killed_come_back_when_their_leases_expire() {
    for store in Store::all().await {
        let limited = Limited::start(&store, "1h").await;
        let exchanges = limited.fill().await;
        limited.gateway.kill_instances();
        for Exchange { mut client, .. } in exchanges {
            // What an instance that died was sending ends.
            let _ = timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("the instance lives");
        }
        assert!(limited.open().await.is_none(), "{store:?}");
        let left = store.leases(&limited.gateway).await;
        assert_eq!(left.len(), PLACES);
        assert!(left.iter().all(|left| (3_000_000..=3_610_000).contains(left)), "{left:?}");
        // Time passes in the store: not enough, and then enough.
        store.pass(&limited.gateway, Duration::from_secs(3_000)).await;
        assert!(limited.open().await.is_none(), "{store:?}");
        store.pass(&limited.gateway, Duration::from_secs(610)).await;
        let _exchanges = limited.fill().await;
        assert!(limited.open().await.is_none(), "{store:?}");
    }
}

/// docs/configuration.md, `timeouts.total`: an answer ends at its deadline, also one that nobody reads and one that nobody sends.
#[tokio::test(flavor = "multi_thread")]
async fn places_come_back_at_the_deadline_of_an_answer_that_stands_still() {
    for store in Store::all().await {
        let limited = Limited::start(&store, "2s").await;
        let mut stuck = Vec::new();
        for _ in 0..PLACES {
            let Some(mut exchange) = limited.open().await else { break };
            if stuck.len() % 2 == 0 {
                // More than all buffers on the way take, and a client that does not read.
                let flood = tokio::spawn(async move {
                    while exchange.upstream.write_all(piece().as_bytes()).await.is_ok() {}
                    exchange
                });
                stuck.push(flood);
            } else {
                stuck.push(tokio::spawn(async move { exchange }));
            }
        }
        assert!(!stuck.is_empty());
        let _exchanges = limited.fill().await;
        stuck.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// docs/configuration.md, Policies (concurrency): an answer of the gateway's own is in flight until its client has it, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_keeps_its_place() {
    // More than the buffers on the way take.
    let body = "x".repeat(16 << 20);
    let gateway = Gateway::start(&format!(
        r#"{{"routes": [{{"name": "limited", "match": {{"path": "/"}}, "respond": {{"body": "{body}"}},
            "policies": [{{"concurrency": {{"limit": 1, "key": "everyone"}}}}]}}]}}"#
    ))
    .await;
    let mut client = ask(&gateway, "/").await;
    assert_eq!(status(&read_head(&mut client).await), 200);
    // Each of these takes its time, in which a place that was given back would have come free.
    for _ in 0..20 {
        assert_eq!(status(&gateway.get("/").await), 429);
    }
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.len(), body.len());
    let free = async { while status(&gateway.get("/").await) != 200 {} };
    timeout(PATIENCE, free).await.expect("no place comes back");
}

/// docs/configuration.md, `counters.timeout` and `fail`: a store that does not answer has failed once the timeout is over, and
/// `fail` decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers_delays_a_request_until_its_timeout_and_no_longer() {
    // It is there to accept and be silent.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let silence = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
                    let _ = sender.send(());
                }
            });
        }
    });
    let limits = [r#""rateLimit": {"window": "1m", "#, r#""concurrency": {"#];
    for (limit, (fail, expected)) in
        limits.iter().flat_map(|limit| [("closed", 503), ("open", 200)].map(|way| (limit, way)))
    {
        let start = async |timeout: &str| {
            Gateway::start(&format!(
                r#"{{"counters": {{"redis": "redis://{address}", "timeout": "{timeout}"}},
                    "routes": [{{"name": "limited", "match": {{"path": "/limited"}}, "respond": {{"body": "ok"}},
                        "policies": [{{{limit}"limit": 5, "key": "everyone", "fail": "{fail}"}}}}]}}]}}"#
            ))
            .await
        };
        let (patient, hasty) = (start("30s").await, start("100ms").await);
        let waiting = tokio::spawn(async move { patient.get("/limited").await });
        timeout(PATIENCE, asked.recv()).await.expect("the store is not asked").unwrap();
        // Many at once wait for no longer than one: none waits for another.
        let answers = timeout(PATIENCE, join_all((0..20).map(|_| hasty.get("/limited")))).await.expect("no answer");
        for answer in answers {
            assert_eq!(status(&answer), expected, "{limit} {fail}: {answer}");
        }
        assert!(!waiting.is_finished(), "it did not wait for its store");
        waiting.abort();
    }
    silence.abort();
}

//! Requests with idempotency keys that come at the same time, or whose client leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edgeway_corpus::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{serve, text};
use crate::client::send;
use crate::runtimes::{Gateway, Host};
use crate::wire::{Framing, Reader};

/// The requests that come at the same time.
const REQUESTS: usize = 24;

/// The time that the upstream takes.
const WORK: Duration = Duration::from_millis(400);

/// An upstream that answers each request with its number, on a connection of its own, once it has worked.
struct Upstream {
    requests: AtomicUsize,
    came: Notify,
}

impl Upstream {
    async fn before(host: &Host) -> Result<(Arc<Self>, Gateway), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
        let address = listener.local_addr().map_err(text)?;
        let upstream = Arc::new(Self { requests: AtomicUsize::new(0), came: Notify::new() });
        tokio::spawn(Arc::clone(&upstream).serve(listener));
        let config = format!(
            // On a busy machine the last of so many calls takes a store seconds.
            r#"{{"counters": {{"timeout": "30s"}}, "upstreams": {{"a": {{"url": "http://{address}"}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "upstream": "a", "policies": [{{"idempotency": {{"wait": "15s"}}}}]}}]}}"#
        );
        Ok((upstream, serve(host, config).await?))
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let upstream = Arc::clone(&self);
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut reader = Reader::new(read);
                if let Ok(Some(head)) = reader.request().await {
                    let _ = reader.each(head.framing(Framing::Length(0)), |_| {}).await;
                    let number = upstream.requests.fetch_add(1, Ordering::SeqCst) + 1;
                    upstream.came.notify_one();
                    tokio::time::sleep(WORK).await;
                    let answer =
                        format!("HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: 1\r\n\r\n{number}");
                    let _ = write.write_all(answer.as_bytes()).await;
                }
            });
        }
    }

    fn is_asked_once(&self) -> Result<(), String> {
        match self.requests.load(Ordering::SeqCst) {
            1 => Ok(()),
            number => Err(format!("the upstream got {number} requests")),
        }
    }
}

async fn order(gateway: &Gateway) -> Result<Response, String> {
    let request = serde_json::json!({
        "method": "POST", "url": "http://gw.test/", "headers": [["idempotency-key", "\"one\""]], "body": "order"
    });
    send(gateway, &serde_json::from_value(request).map_err(text)?).await.map_err(text)
}

fn is_the_answer(answer: &Response) -> Result<bool, String> {
    if answer.status != 201 || &*answer.body != b"1" {
        return Err(format!("answered with {} and {:?}", answer.status, answer.body));
    }
    Ok(answer.headers.iter().any(|(name, value)| name == "idempotent-replayed" && value == "true"))
}

/// One goes to the upstream, and all others get its answer.
pub(super) async fn at_the_same_time(host: &Host) -> Result<(), String> {
    let (upstream, gateway) = Upstream::before(host).await?;
    let gateway = Arc::new(gateway);
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let gateway = Arc::clone(&gateway);
        requests.spawn(async move { order(&gateway).await });
    }
    let mut replayed = 0;
    while let Some(answer) = requests.join_next().await {
        replayed += usize::from(is_the_answer(&answer.map_err(text)??)?);
    }
    upstream.is_asked_once()?;
    if replayed == REQUESTS - 1 { Ok(()) } else { Err(format!("{replayed} answers were given again")) }
}

/// The request goes on, and its answer is there for the next try.
pub(super) async fn without_its_client(host: &Host) -> Result<(), String> {
    let (upstream, gateway) = Upstream::before(host).await?;
    let mut client = TcpStream::connect(gateway.address).await.map_err(text)?;
    let request = b"POST / HTTP/1.1\r\nHost: gw.test\r\nIdempotency-Key: \"one\"\r\nContent-Length: 5\r\n\r\norder";
    client.write_all(request).await.map_err(text)?;
    upstream.came.notified().await;
    // A reset: some take an end for a client that still reads.
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).map_err(text)?;
    drop(client);
    if !is_the_answer(&order(&gateway).await?)? {
        return Err("the request was made again".to_owned());
    }
    upstream.is_asked_once()
}

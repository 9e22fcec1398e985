//! The idle connections to one upstream, and the exchange over one of them.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use gateway_core::body::Body;
use gateway_core::plan::Upstream;
use gateway_core::ports::{Deadlines, IoError, IoErrorKind, Scheme};
use http::header::HOST;
use http::uri::Authority;
use http::{Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;

use super::connect::connect;
use super::deadline::{Due, Point, Watch};
use super::lease::{Connection, Lease};
use super::tls::{TlsError, client_config, read};
use crate::clock::{Tick, Ticker, Watched};
use crate::stream::{Outgoing, Stream, StreamError};

/// How long a connection may be idle before it is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How many idle connections a pool keeps.
const MAX_IDLE: usize = 256;

/// An upstream that closes idle connections has hardly done so within this time: a request on a connection that was used
/// more recently is not kept for being sent again.
const FRESH_MILLIS: Tick = 500;

/// What makes two upstreams use the same connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolKey {
    scheme: Scheme,
    host: String,
    port: u16,
    authorities: Option<(String, Vec<u8>)>,
}

/// The connections to one upstream.
#[derive(Debug)]
pub struct Pool {
    key: PoolKey,
    tls: Option<Arc<ClientConfig>>,
    ticker: Arc<Ticker>,
    idle: Mutex<Vec<Idle>>,
    h2: Mutex<Option<http2::SendRequest<Outgoing>>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Tick,
}

impl PoolKey {
    /// The key of `upstream`.
    ///
    /// # Errors
    /// When the file of its authorities can't be read.
    pub fn of(upstream: &Upstream) -> Result<Self, TlsError> {
        let pem = |path: &String| Ok((path.clone(), read(path)?));
        Ok(Self {
            scheme: upstream.scheme,
            host: upstream.host.clone(),
            port: upstream.port,
            authorities: upstream.authorities.as_ref().map(pem).transpose()?,
        })
    }
}

impl Pool {
    /// A pool without connections.
    ///
    /// # Errors
    /// When the authorities can't be used.
    pub fn new(key: PoolKey, ticker: Arc<Ticker>) -> Result<Arc<Self>, TlsError> {
        let tls = match key.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                Some(client_config(key.authorities.as_ref().map(|(path, pem)| (path.as_str(), pem.as_slice())))?)
            }
        };
        let pool = Arc::new(Self { key, tls, ticker, idle: Mutex::default(), h2: Mutex::default() });
        let watched: Arc<dyn Watched> = Arc::<Self>::clone(&pool);
        pool.ticker.watch(Arc::downgrade(&watched));
        Ok(pool)
    }

    /// Which upstreams it is for.
    pub fn key(&self) -> &PoolKey {
        &self.key
    }

    /// Sends `request`, whose URI is in origin form, and returns the response once its head has arrived.
    ///
    /// # Errors
    /// As [`Fetch::fetch`](gateway_core::ports::Fetch::fetch).
    pub async fn fetch(
        self: &Arc<Self>,
        mut request: Request<Body<Stream>>,
        deadlines: &Deadlines,
    ) -> Result<Response<Body<Stream>>, IoError> {
        *request.version_mut() = Version::HTTP_11;
        let due = Due::new(deadlines, &self.ticker, self.tls.is_some());
        // The functions below take it from here when they send it, and put it back if nothing of it was sent: handed from
        // one to the next, it would be copied at each step, and have a place of its own in each one's state.
        let mut request = Some(request.map(Outgoing));
        let mut exchange = pin!(self.exchange(&mut request, deadlines.connect, &due));
        let Some(instant) = due.head.and_then(Point::exact) else { return exchange.await };
        let mut timer = pin!(tokio::time::sleep_until(instant));
        poll_fn(|cx| match exchange.as_mut().poll(cx) {
            Poll::Pending => timer.as_mut().poll(cx).map(|()| Err(IoError::new(due.head_error))),
            ready => ready,
        })
        .await
    }

    async fn exchange(
        self: &Arc<Self>,
        request: &mut Option<Request<Outgoing>>,
        connect_within: Option<Duration>,
        due: &Due,
    ) -> Result<Response<Body<Stream>>, IoError> {
        let shared = if self.tls.is_some() { lock(&self.h2).clone() } else { None };
        if let Some(sender) = shared {
            let answer = self.send_h2(sender, request, due).await;
            if answer.is_ok() || request.is_none() {
                return answer;
            }
        } else if let Some((connection, idle_for)) = self.take().await {
            let copy = if idle_for > FRESH_MILLIS { request.as_ref().and_then(copy_if_repeatable) } else { None };
            match self.send(connection, request, due).await {
                Err(_) if request.is_some() => {}
                // RFC 9110 §9.2.2, RFC 9112 §9.3.1: the upstream closed an idle connection just when it was used again.
                Err(error) if error.kind == IoErrorKind::Closed && copy.is_some() => *request = copy,
                answer => return answer,
            }
        }
        self.send_on_new(request, connect_within, due).await
    }

    async fn send_on_new(
        self: &Arc<Self>,
        request: &mut Option<Request<Outgoing>>,
        connect_within: Option<Duration>,
        due: &Due,
    ) -> Result<Response<Body<Stream>>, IoError> {
        // On the heap: it is rare, and would make every exchange's future larger.
        match Box::pin(self.open(connect_within, due)).await? {
            Opened::H1(connection) => self.send(connection, request, due).await,
            Opened::H2(sender) => self.send_h2(sender, request, due).await,
        }
    }

    async fn send(
        self: &Arc<Self>,
        mut connection: Connection,
        request: &mut Option<Request<Outgoing>>,
        due: &Due,
    ) -> Result<Response<Body<Stream>>, IoError> {
        let Some(message) = request.take() else { return Err(IoError::before_send(IoErrorKind::Other)) };
        connection.watch.set(due.head.and_then(Point::coarse));
        match connection.sender.try_send_request(message).await {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let lease = Lease::new(Some((connection, Arc::clone(self))), due);
                Ok(Response::from_parts(head, body(incoming, lease)))
            }
            Err(_) if connection.watch.overdue() => Err(IoError::new(due.head_error)),
            Err(mut failed) => {
                *request = failed.take_message();
                Err(classify(failed.error(), request.is_some()))
            }
        }
    }

    async fn send_h2(
        &self,
        mut sender: http2::SendRequest<Outgoing>,
        request: &mut Option<Request<Outgoing>>,
        due: &Due,
    ) -> Result<Response<Body<Stream>>, IoError> {
        let Some(mut message) = request.take() else { return Err(IoError::before_send(IoErrorKind::Other)) };
        to_h2(&mut message);
        match sender.try_send_request(message).await {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                Ok(Response::from_parts(head, body(incoming, Lease::new(None, due))))
            }
            Err(mut failed) => {
                *request = failed.take_message();
                if sender.is_closed() {
                    lock(&self.h2).take_if(|kept| kept.is_closed());
                }
                if let Some(request) = request {
                    to_h1(request);
                }
                Err(classify(failed.error(), request.is_some()))
            }
        }
    }

    /// An idle connection that still stands, and for how many milliseconds it was idle.
    async fn take(&self) -> Option<(Connection, Tick)> {
        loop {
            let Idle { mut connection, since } = lock(&self.idle).pop()?;
            let usable = connection.sender.is_ready()
                || (!connection.sender.is_closed() && connection.sender.ready().await.is_ok());
            if usable && !connection.watch.overdue() {
                return Some((connection, self.ticker.now().saturating_sub(since)));
            }
        }
    }

    /// Takes back a connection whose exchange has ended.
    pub(crate) fn put(&self, connection: Connection) {
        connection.watch.set(None);
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, since: self.ticker.now() });
        }
    }

    async fn open(self: &Arc<Self>, within: Option<Duration>, due: &Due) -> Result<Opened, IoError> {
        let connecting = connect(&self.key.host, self.key.port, self.tls.as_ref());
        let head = due.head.map(|point| match point {
            Point::Exact(instant) => instant.into_std(),
            Point::Coarse(tick) => {
                std::time::Instant::now() + Duration::from_millis(tick.saturating_sub(self.ticker.now()))
            }
        });
        let connect = within.map(|within| std::time::Instant::now() + within);
        let (limit, kind) = match (connect, head) {
            (Some(connect), Some(head)) if head < connect => (Some(head), due.head_error),
            (Some(connect), _) => (Some(connect), IoErrorKind::ConnectTimeout),
            (None, head) => (head, due.head_error),
        };
        let transport = match limit {
            None => connecting.await?,
            Some(limit) => {
                tokio::time::timeout_at(limit.into(), connecting).await.map_err(|_| IoError::before_send(kind))??
            }
        };
        let failed = |_| IoError::before_send(IoErrorKind::Connect);
        if transport.chose_h2() {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_while_idle(true)
                .handshake(TokioIo::new(transport))
                .await
                .map_err(failed)?;
            tokio::spawn(connection);
            *lock(&self.h2) = Some(sender.clone());
            return Ok(Opened::H2(sender));
        }
        let (sender, connection) = http1::handshake(TokioIo::new(transport)).await.map_err(failed)?;
        let watch = Arc::new(Watch::default());
        watch.set_task(tokio::spawn(connection).abort_handle());
        let watched: Arc<dyn Watched> = Arc::<Watch>::clone(&watch);
        self.ticker.watch(Arc::downgrade(&watched));
        Ok(Opened::H1(Connection { sender, watch }))
    }
}

enum Opened {
    H1(Connection),
    H2(http2::SendRequest<Outgoing>),
}

impl Watched for Pool {
    fn tick(&self, now: Tick) -> bool {
        let timeout = u64::try_from(IDLE_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        let mut idle = lock(&self.idle);
        idle.retain(|idle| !idle.connection.sender.is_closed() && now.saturating_sub(idle.since) < timeout);
        !idle.is_empty()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn body(incoming: Incoming, lease: Lease) -> Body<Stream> {
    if hyper::body::Body::is_end_stream(&incoming) {
        lease.give_back();
        Body::Empty
    } else {
        Body::Stream(Stream::from_upstream(incoming, lease))
    }
}

/// A copy of `request` for a second attempt, if its method is idempotent (RFC 9110 §9.2.2) and nothing of a body is lost.
fn copy_if_repeatable(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    );
    let body = match &request.body().0 {
        Body::Empty => Body::Empty,
        Body::Full(bytes) => Body::Full(bytes.clone()),
        Body::Stream(_) => return None,
    };
    if !idempotent {
        return None;
    }
    let mut copy = Request::new(Outgoing(body));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// HTTP/2 has the target's scheme and authority beside the path, and no `Host` (RFC 9113 §8.3.1).
fn to_h2(request: &mut Request<Outgoing>) {
    *request.version_mut() = Version::HTTP_2;
    let Some(host) = request.headers_mut().remove(HOST) else { return };
    let Ok(authority) = Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(host.as_bytes())) else { return };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTPS);
    parts.authority = Some(authority);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Undoes [`to_h2`], for the next connection may speak HTTP/1.1.
fn to_h1(request: &mut Request<Outgoing>) {
    *request.version_mut() = Version::HTTP_11;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(host) = parts.authority.take().and_then(|name| name.as_str().parse().ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Why an exchange failed, as hyper tells it.
fn classify(error: &hyper::Error, unsent: bool) -> IoError {
    if unsent {
        return IoError::before_send(IoErrorKind::Closed);
    }
    if let Some(body) = error.source().and_then(|source| source.downcast_ref::<StreamError>()) {
        return IoError::new(body.kind);
    }
    let kind = if error.is_parse() || error.is_parse_too_large() || error.is_parse_status() {
        IoErrorKind::Protocol
    } else {
        IoErrorKind::Closed
    };
    IoError::new(kind)
}

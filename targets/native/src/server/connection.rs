//! One client's connection.

use std::cell::RefCell;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use gateway_core::error::Reject;
use gateway_core::http::certificate::Certificate;
use gateway_core::ports::{Peer, Scheme};
use http::Request;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Order};
use super::exchange::exchange;
use super::listener::Door;
use super::operation::{Failure, Failures};
use super::outlasting::Outlasting;
use super::proxy_protocol::{self, Client};
use super::room::Place;
use super::settings::Settings;
use super::stall::StreamExecutor;
use super::tls::Name;
use super::worker::{Serving, Worker};
use crate::framing::Frames;
use crate::tapped::Tapped;
use crate::transport::Transport;

/// The preface of an HTTP/2 connection (RFC 9113 §3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The smallest buffer for reading and writing.
const MIN_BUFFER: usize = 64 * 1024;

/// The most of a response that waits in an HTTP/2 stream for the socket, before a last piece: so little that there is one. By itself
/// the window that a client gives is no bound (RFC 9113 §10.5).
const MAX_SEND_BUFFER: usize = 4 * 1024;

/// The state shared by the exchanges on one connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The worker of the thread.
    pub worker: Arc<Worker>,
    /// The activity of the connection.
    pub activity: Arc<Activity>,
    /// The client.
    pub peer: Peer,
    gate: Option<Gate>,
    _counted: Counted,
}

impl Connection {
    /// Returns whether a shutdown has begun, so that the exchange on this HTTP/1 connection is its last.
    pub(super) fn is_last(&self) -> bool {
        self.worker.shutdown.load(Ordering::Relaxed) && !self.activity.is_multiplexed()
    }

    /// Begins an exchange with `request`.
    ///
    /// # Errors
    /// The refusal to answer instead.
    pub(super) fn begin<B: http_body::Body>(&self, request: &Request<B>) -> Result<(), Box<Reject>> {
        self.activity.begin(request)?;
        match &self.gate {
            Some(Gate::Name(name)) if name.is_misdirected(request) => Err(Box::new(Reject::host_not_covered())),
            Some(Gate::Cleartext) => Err(Box::new(Reject::tls_required())),
            _ => Ok(()),
        }
    }
}

/// A check of the requests on a connection to a listener of HTTPS.
#[derive(Debug)]
enum Gate {
    /// The connection was opened for this name.
    Name(Name),
    /// The connection came about without TLS: no request is let in.
    Cleartext,
}

/// A connection among the open ones of its worker, with its place in the room for clients.
#[derive(Debug)]
struct Counted(Arc<Worker>, #[expect(dead_code, reason = "held until it is dropped")] Place);

impl Counted {
    fn new(worker: Arc<Worker>, place: Place) -> Self {
        worker.connections.fetch_add(1, Ordering::AcqRel);
        Self(worker, place)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves the requests on `stream`, which has `place` and comes from `address`, until it ends.
pub(super) async fn serve(
    worker: Arc<Worker>,
    place: Place,
    stream: Transport,
    address: Option<IpAddr>,
    door: Arc<Door>,
) {
    let counted = Counted::new(Arc::clone(&worker), place);
    let serving = worker.serving.load_full();
    let activity = Activity::new(&worker.ticker, &worker.shutdown, &worker.room, worker.stall_timeout);
    if let Transport::Tcp(stream) = &stream {
        // A response is written in one piece: waiting for more to send only costs time.
        let _ = stream.set_nodelay(true);
    }
    let crew = Arc::clone(&worker.crew);
    let failures = &crew.operations.failures;
    let opening = open(stream, address.map(|address| address.to_canonical()), &door, &serving, failures);
    let opened = tokio::select! {
        biased;
        opened = opening => opened,
        () = activity.ended() => None,
    };
    let Some(Opened { transport, first, is_h2, address, certificate, gate }) = opened else { return };
    let scheme = if matches!(transport, Transport::Tls(_)) { Scheme::Https } else { Scheme::Http };
    drop(door);
    let peer = match address {
        // Only Unix sockets have none.
        None => Peer::over_unix_socket(),
        Some(_) => Peer::new(address, scheme).with_certificate(certificate),
    };
    let connection = Arc::new(Connection { worker, activity, peer, gate, _counted: counted });
    let settings = Arc::clone(&serving.settings);
    drop(serving);
    let activity = Arc::clone(&connection.activity);
    let executor = StreamExecutor::of(&connection.worker, &connection.activity);
    let cache = RefCell::new(arc_swap::Cache::new(Arc::clone(&connection.worker.serving)));
    let service = service_fn(move |request| {
        let serving = Arc::clone(cache.borrow_mut().load());
        // hyper moves the future around: on the heap it is a pointer instead of some kilobytes. It is built in memory
        // that exists already; `Box::pin` would copy it there.
        Outlasting::new(Box::into_pin(Box::write(
            Box::new_uninit(),
            exchange(Arc::clone(&connection), serving, request),
        )))
    });
    let io = Tapped::new(transport, first.freeze(), Arc::clone(&activity));
    // A connection's errors are its client's affair; the access log reports each exchange that was cut off.
    if is_h2 {
        activity.set_multiplexed();
        let header_list = header_list(&settings);
        let io = TokioIo::new(io.with_frames(Frames::of_client(header_list as usize)));
        let served = http2::Builder::new(executor)
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .max_concurrent_streams(100)
            .max_send_buf_size(MAX_SEND_BUFFER)
            .max_header_list_size(header_list)
            // RFC 8441 §3: WebSockets.
            .enable_connect_protocol()
            .serve_connection(io, service);
        let _ = Driven::new(served, activity).await;
    } else {
        let mut builder = http1::Builder::new();
        // Not `pipeline_flush`: with it, hyper buffers without bound, and loses its answers to malformed requests.
        builder.header_read_timeout(None).half_close(false).max_buf_size(settings.max_head.max(MIN_BUFFER));
        builder.title_case_headers(settings.title_case);
        // hyper allocates no memory to parse up to 100 fields, its default.
        if settings.max_headers > 100 {
            builder.max_headers(settings.max_headers as usize + 1);
        }
        let served = builder.serve_connection(TokioIo::new(io), service).with_upgrades();
        let ended = Driven::new(served, Arc::clone(&activity)).await;
        if matches!(ended, Some(Err(error)) if error.is_parse()) {
            failures.count(Failure::MalformedHead);
        } else if activity.has_part_of_head() {
            failures.count(Failure::IncompleteHead);
        }
    }
}

/// The largest head over HTTP/2, which counts 32 bytes for each field beside its name and value; four fields stand for
/// the request line (RFC 9113 §6.5.2, §8.3.1). A head that is too large only by the gateway's limits is still read, as
/// over HTTP/1.1, and gets the gateway's answer.
fn header_list(settings: &Settings) -> u32 {
    let fields = usize::try_from(settings.max_headers).unwrap_or(usize::MAX).saturating_add(4);
    let largest = settings.max_head.max(MIN_BUFFER).saturating_add(fields.saturating_mul(32));
    u32::try_from(largest).unwrap_or(u32::MAX)
}

/// A connection whose protocol is known.
struct Opened {
    transport: Transport,
    /// Bytes that were read already.
    first: BytesMut,
    is_h2: bool,
    /// The address of the client.
    address: Option<IpAddr>,
    /// The certificate of the client, which the listener's authorities have issued.
    certificate: Option<Arc<Certificate>>,
    gate: Option<Gate>,
}

/// Reads the header of the PROXY protocol, if any, does the TLS handshake, if any, and detects the protocol; `None` if the
/// client left, or is not let in.
///
/// What fails is counted in `failures`.
async fn open(
    mut transport: Transport,
    mut address: Option<IpAddr>,
    door: &Door,
    serving: &Serving,
    failures: &Failures,
) -> Option<Opened> {
    if door.proxy_protocol {
        // Who connects to a Unix socket is on this machine, and has the right to.
        if address.is_some_and(|address| !serving.gateway.plan().proxies.contains(address)) {
            failures.count(Failure::UntrustedProxy);
            return None;
        }
        if let Client::Address(client) = proxy_protocol::read(&mut transport, failures).await? {
            address = Some(client.to_canonical());
        }
    }
    let mut gate = None;
    if let Some(tls) = &door.tls {
        let Transport::Tcp(stream) = transport else { return None };
        if begins_with_method(&stream).await? {
            failures.count(Failure::Cleartext);
            gate = Some(Gate::Cleartext);
            transport = Transport::Tcp(stream);
        } else {
            let attempt = failures.attempt(Failure::TlsHandshake);
            let stream = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await.ok()?;
            attempt.succeeded();
            let (_, session) = stream.get_ref();
            let gate = tls.name(session.server_name()).map(Gate::Name);
            let certificate = session.peer_certificates().and_then(|chain| chain.first());
            let certificate = certificate.map(|der| Arc::new(Certificate::of_der(der)));
            let transport = Transport::Tls(Box::new(stream.into()));
            let is_h2 = transport.chose_h2();
            return Some(Opened { transport, first: BytesMut::new(), is_h2, address, certificate, gate });
        }
    }
    // RFC 9113 §3.3: HTTP/2 over cleartext needs prior knowledge, and is detected by the first bytes.
    let mut first = BytesMut::with_capacity(4096);
    let mut attempt = None;
    loop {
        if transport.read_buf(&mut first).await.ok()? == 0 {
            return None;
        }
        let begun = attempt.take().unwrap_or_else(|| failures.attempt(Failure::IncompleteHead));
        let seen = first.len().min(H2_PREFACE.len());
        let is_h2 = first.get(..seen) == H2_PREFACE.get(..seen);
        if !is_h2 || seen == H2_PREFACE.len() {
            begun.succeeded();
            return Some(Opened { transport, first, is_h2, address, certificate: None, gate });
        }
        attempt = Some(begun);
    }
}

/// Returns whether a client that ought to speak TLS begins with a method (RFC 9112 §3): no record of TLS begins with a letter
/// (RFC 8446 §5.1). `None` if it left.
async fn begins_with_method(stream: &TcpStream) -> Option<bool> {
    let mut first = [0];
    (stream.peek(&mut first).await.ok()? > 0).then(|| first.iter().all(u8::is_ascii_uppercase))
}

/// The common abilities of hyper's connections of both protocols.
trait Served: Future {
    /// Finishes what is open, then closes.
    fn drain(self: Pin<&mut Self>);
}

impl<I, S, B> Served for http1::UpgradeableConnection<I, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn drain(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Served for http2::Connection<I, S, E>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn drain(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A connection that obeys the orders of its [`Activity`].
struct Driven<C> {
    served: Pin<Box<C>>,
    activity: Arc<Activity>,
    draining: bool,
}

impl<C: Served> Driven<C> {
    fn new(served: C, activity: Arc<Activity>) -> Self {
        Self { served: Box::pin(served), activity, draining: false }
    }

    /// Begins to drain, unless that could cut off a request on its way.
    fn drain(&mut self) -> bool {
        let ready = self.activity.is_multiplexed() || self.activity.in_exchange() || self.activity.lingered();
        let begins = !self.draining && ready;
        if begins {
            self.draining = true;
            self.served.as_mut().drain();
        }
        begins
    }
}

impl<C: Served> Future for Driven<C> {
    type Output = Option<C::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.activity.set_task(cx.waker());
        let order = this.activity.order();
        match order {
            Order::None => {}
            Order::Close => return Poll::Ready(None),
            Order::Drain => {
                this.drain();
            }
        }
        if let Poll::Ready(output) = this.served.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if order == Order::Drain {
            if this.drain()
                && let Poll::Ready(output) = pin!(&mut this.served).poll(cx)
            {
                return Poll::Ready(Some(output));
            }
            // hyper waits for the rest of a head, a preface, or the answer to its PING.
            if this.activity.overstays() {
                return Poll::Ready(None);
            }
        }
        Poll::Pending
    }
}

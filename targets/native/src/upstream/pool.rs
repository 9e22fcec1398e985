//! The open connections to one upstream, and the opening of more.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gateway_core::plan::{Endpoint, Keep, Upstream};
use gateway_core::ports::{Address, Connections, IoError, IoErrorKind, Scheme};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

use super::addresses::Addresses;
use super::bound::{Bound, Room};
use super::connect::{Security, connect, connect_to_socket};
use super::deadline::{Due, Point};
use super::guard::Guard;
use super::lease::Connection;
use super::line::Line;
use super::names::Names;
use super::shared::{Link, Occupied, Shared};
use super::tls::{Settings, TlsError};
use super::watch::Watch;
use crate::clock::{Tick, Ticker, Watched};
use crate::framing::Frames;
use crate::health::Health;
use crate::tapped::Tapped;
use crate::transport::Transport;

/// The longest that a connection may take, after its response has ended, to be ready for the next request, in
/// milliseconds.
const READY_TIMEOUT: Tick = 1_000;

/// The longest that a request which waits for a connection waits for one that is not.
const READY_WITHIN: Duration = Duration::from_millis(50);

/// The address of a Unix socket among addresses.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The largest head of a response over HTTP/2, in bytes.
const MAX_HEAD: u32 = 256 * 1024;

/// The most HTTP/2 connections that a pool keeps.
const MAX_SHARED: usize = 32;

/// The most connections that are opened at once to an upstream that may speak HTTP/2: the exchanges that wait meanwhile fit on
/// those, as a rule.
const MAX_OPENING: usize = 4;

/// The time of silence on a connection with exchanges after which a PING looks if the upstream is still there, and the longest
/// that the answer may take (RFC 9113 §6.7).
const PING_AFTER: Duration = Duration::from_secs(10);
const PING_WITHIN: Duration = Duration::from_secs(5);

/// The largest head of a response over HTTP/1.1, and the most that is read of a body at once.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

/// The identity of a pool: endpoints with equal keys share connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolKey {
    scheme: Scheme,
    host: String,
    port: u16,
    tls: Settings,
    h2c: bool,
    keep: Keep,
    /// Set if its name may lead to public addresses alone.
    restricted: bool,
}

/// The connections to one upstream.
#[derive(Debug)]
pub struct Pool {
    key: PoolKey,
    tls: Option<Tls>,
    ticker: Arc<Ticker>,
    addresses: Arc<Addresses>,
    idle: Mutex<Vec<Idle>>,
    h2: Mutex<Vec<Shared>>,
    /// Set once the upstream has preferred HTTP/1.1 to HTTP/2.
    speaks_h1: AtomicBool,
    /// Permits to open a connection otherwise.
    opening: Semaphore,
    /// The most connections, over all threads, if there is such a bound.
    bound: Option<Arc<Bound>>,
    /// The requests of this thread that wait for a connection.
    line: Line<Connection>,
    /// Told of a new connection that exchanges share.
    shares: Notify,
    /// The number of HTTP/1.1 connections that exchanges use.
    in_use: Arc<AtomicUsize>,
    /// A token held by the task of each connection while that is open.
    open: Arc<()>,
}

/// The TLS settings.
#[derive(Debug)]
struct Tls {
    /// The name to ask for.
    name: String,
    /// With the protocol of the upstream's choice.
    any: Arc<ClientConfig>,
    /// With HTTP/1.1, the only protocol that upgrades to a WebSocket.
    http1: Arc<ClientConfig>,
    health: Arc<Health>,
}

impl Tls {
    /// The settings of a connection: with HTTP/1.1 if it is to be `alone`, else with the protocol of the upstream's choice.
    fn security(&self, alone: bool) -> Security<'_> {
        Security { name: &self.name, config: if alone { &self.http1 } else { &self.any }, health: &self.health }
    }
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Tick,
}

impl PoolKey {
    /// The key of `endpoint` of `upstream`.
    ///
    /// # Errors
    /// When a file of its TLS settings can't be read.
    pub fn of(upstream: &Upstream, endpoint: &Endpoint) -> Result<Self, TlsError> {
        Ok(Self {
            scheme: endpoint.scheme,
            host: endpoint.host.clone(),
            port: endpoint.port,
            tls: Settings::read(&upstream.tls)?
                .with_name(endpoint.own.as_ref().and_then(|own| own.server_name.clone())),
            h2c: upstream.h2c,
            keep: upstream.keep,
            restricted: is_guarded(upstream, endpoint),
        })
    }

    /// The path of the Unix socket that it is, if it is one.
    fn socket(&self) -> Option<&str> {
        self.host.strip_prefix("unix:")
    }

    /// The most connections at once, and the most requests that wait for one, if connections are bounded.
    pub(super) fn bound(&self) -> Option<(usize, usize)> {
        Some((self.keep.most? as usize, self.keep.most_waiting as usize))
    }
}

impl PoolKey {
    /// The part that all places of `upstream` share, which are discovered.
    ///
    /// # Errors
    /// When a file of its TLS settings can't be read.
    pub(crate) fn shared(upstream: &Upstream) -> Result<Self, TlsError> {
        Ok(Self {
            scheme: Scheme::Http,
            host: String::new(),
            port: 0,
            tls: Settings::read(&upstream.tls)?,
            h2c: upstream.h2c,
            keep: upstream.keep,
            restricted: false,
        })
    }

    /// The same at `endpoint`.
    pub(crate) fn at(&self, endpoint: &Endpoint) -> Self {
        Self { scheme: endpoint.scheme, host: endpoint.host.clone(), port: endpoint.port, ..self.clone() }
    }

    /// Returns whether it is that of `endpoint`, whatever the settings.
    pub(crate) fn is_at(&self, endpoint: &Endpoint) -> bool {
        self.port == endpoint.port && self.scheme == endpoint.scheme && self.host == endpoint.host
    }

    /// Returns whether its settings are those of `other`, wherever the two are.
    pub(crate) fn shares(&self, other: &Self) -> bool {
        (&self.tls, self.h2c, self.keep, self.restricted) == (&other.tls, other.h2c, other.keep, other.restricted)
    }
}

/// Returns whether the name of `endpoint` may lead to public addresses alone. `localhost` is an address in letters (RFC 6761 §6.3).
pub(crate) fn is_guarded(upstream: &Upstream, endpoint: &Endpoint) -> bool {
    upstream.is_restricted() && endpoint.host != "localhost"
}

impl Pool {
    /// A pool without connections; `names` looks up the upstream's name, `health` is told of its handshakes, `guard` keeps it off
    /// addresses that may not be called, and `bound` is the most connections.
    ///
    /// # Errors
    /// When a certificate or key can't be used.
    pub fn new(
        key: PoolKey,
        ticker: Arc<Ticker>,
        names: Names,
        health: Arc<Health>,
        (guard, bound): (Option<Guard>, Option<Arc<Bound>>),
    ) -> Result<Arc<Self>, TlsError> {
        let tls = match key.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let any = key.tls.client_config()?;
                let mut http1 = ClientConfig::clone(&any);
                http1.alpn_protocols = vec![b"http/1.1".to_vec()];
                let name = key.tls.server_name().unwrap_or(&key.host).to_owned();
                Some(Tls { name, any, http1: Arc::new(http1), health })
            }
        };
        // A socket has one address, by which nobody is called.
        let host = if key.socket().is_some() { "0.0.0.0" } else { &key.host };
        let addresses = Arc::new(Addresses::new(host, key.port, names, guard));
        let pool = Arc::new(Self {
            key,
            tls,
            ticker,
            addresses,
            idle: Mutex::default(),
            h2: Mutex::default(),
            speaks_h1: AtomicBool::new(false),
            opening: Semaphore::new(MAX_OPENING),
            bound,
            line: Line::default(),
            shares: Notify::new(),
            in_use: Arc::default(),
            open: Arc::default(),
        });
        let watched: Arc<dyn Watched> = Arc::<Self>::clone(&pool);
        pool.ticker.watch(Arc::downgrade(&watched));
        if let Some(bound) = &pool.bound {
            bound.has(&pool);
        }
        Ok(pool)
    }

    /// The key of the endpoints that it serves.
    pub fn key(&self) -> &PoolKey {
        &self.key
    }

    /// The open connections.
    pub(crate) fn connections(&self) -> Connections {
        let multiplexed = lock(&self.h2).iter().filter(|shared| !shared.sender.is_closed()).count();
        let open = Arc::strong_count(&self.open).saturating_sub(1);
        // The exchanges on a shared connection are not counted.
        Connections { open, idle: lock(&self.idle).len().min(open.saturating_sub(multiplexed)) }
    }

    /// The known addresses of the upstream's name.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        if self.key.socket().is_some() { Vec::new() } else { self.addresses.list() }
    }

    /// Has the upstream's name looked up again soon, however recent the known addresses are.
    pub(crate) fn look_up_again(&self) {
        self.addresses.set_stale();
    }

    /// Runs `connection` to its end, which has this `room` until then.
    fn drive<C: Future<Output: Send> + Send + 'static>(&self, connection: C, room: Option<Room>) -> JoinHandle<()> {
        let open = Arc::clone(&self.open);
        tokio::spawn(async move {
            let _ = connection.await;
            drop((open, room));
        })
    }

    /// Returns whether several exchanges may share a connection.
    pub(super) fn may_multiplex(&self) -> bool {
        self.tls.is_some() || self.key.h2c
    }

    /// Returns whether the connections are bounded.
    pub(super) fn is_bounded(&self) -> bool {
        self.bound.is_some()
    }

    /// The scheme of the upstream's URL.
    pub(super) fn scheme(&self) -> Scheme {
        self.key.scheme
    }

    /// The time from which a connection that is opened now gets no more exchanges: at nine to ten tenths of the age, so that those that were opened
    /// together don't end together.
    fn old(&self) -> Tick {
        let Some(age) = self.key.keep.age.map(millis) else { return Tick::MAX };
        self.ticker.with_stops().saturating_add(age - fastrand::u64(..=age / 10))
    }

    /// The number of requests that a new connection may have.
    fn requests(&self) -> u32 {
        self.key.keep.requests.unwrap_or(u32::MAX)
    }

    /// The worker's time.
    pub(super) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Returns a place on an HTTP/2 connection to the address whose turn it is, if there is one: where the upstream takes one
    /// more exchange, or on the least busy one if there are as many connections as there may be.
    pub(super) fn shared(&self, due: &Due) -> Option<Occupied> {
        self.addresses.take_turn(|address| {
            let mut list = lock(&self.h2);
            list.retain(Shared::is_usable);
            let is_full = list.len() >= MAX_SHARED;
            let mut here = list.iter().filter(|shared| shared.link.address() == address);
            let with_room = here.find(|shared| shared.link.has_room());
            let least_busy = || list.iter().filter(|_| is_full).min_by_key(|shared| shared.link.taken());
            with_room.or_else(least_busy).map(|shared| shared.occupy(due))
        })
    }

    /// Waits until a connection may be opened that others could share. A permit says that it is being opened.
    pub(super) async fn may_open(&self) -> Option<SemaphorePermit<'_>> {
        let is_gated = || self.may_multiplex() && !self.speaks_h1.load(Ordering::Relaxed);
        if !is_gated() {
            return None;
        }
        // INVARIANT: the semaphore is never closed.
        self.opening.acquire().await.ok().filter(|_| is_gated())
    }

    /// Returns an idle connection that is ready, to the address whose turn it is.
    pub(super) fn take(&self) -> Option<Connection> {
        // Most upstreams have one address: every connection goes there.
        if self.addresses.are_several() { self.addresses.take_turn(|to| self.idle(Some(to))) } else { self.idle(None) }
    }

    /// Returns an idle connection that is ready, to the address `to` if one is given.
    ///
    /// One that is not ready is passed over: its response has ended, but the body of a slow client's request may still
    /// be on its way.
    fn idle(&self, to: Option<SocketAddr>) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        let mut place = idle.len();
        while let Some(next) = place.checked_sub(1) {
            place = next;
            let connection = &idle.get(place)?.connection;
            if connection.sender.is_closed() || connection.watch.overdue() {
                idle.remove(place);
            } else if connection.sender.is_ready() && to.is_none_or(|to| to == connection.watch.address()) {
                return Some(idle.remove(place).connection);
            }
        }
        None
    }

    /// Takes back a connection whose exchange has ended.
    pub(crate) fn put(&self, connection: Connection) {
        connection.watch.end();
        if !connection.watch.may_go_on() || connection.sender.is_closed() || connection.watch.is_single() {
            return;
        }
        let now = self.ticker.with_stops();
        if now >= connection.watch.old || self.key.keep.idle.is_zero() {
            return;
        }
        self.hand_on(connection);
    }

    /// Hands a connection without exchange to the request of this thread that has waited longest for one, or has it end for one of another thread that
    /// has waited much longer. Keeps it if there is none.
    fn hand_on(&self, connection: Connection) {
        let mut connection = connection;
        if let Some(bound) = &self.bound {
            if bound.promise(self.line.longest()) {
                return;
            }
            match self.line.hand(connection) {
                None => return,
                Some(back) => connection = back,
            }
        }
        let mut idle = lock(&self.idle);
        if idle.len() < self.key.keep.most_idle as usize {
            idle.push(Idle { connection, since: self.ticker.with_stops() });
        }
    }

    /// Takes room for a connection beside those of the pool, for which it waits `within` this time.
    pub(super) async fn room_alone(&self, within: Option<Duration>) -> Result<Option<Room>, IoError> {
        match &self.bound {
            None => Ok(None),
            Some(bound) => match bound.try_take() {
                Some(room) => Ok(Some(room)),
                None => waiting(bound, within, bound.take(), bound.make_room()).await,
            },
        }
    }

    /// Takes room for a new connection, where connections are bounded, or what serves in its place: a connection that has become idle, or unless the exchange has to be
    /// `alone`, a place on one that others share, where as many exchanges are as the upstream takes. Waits for it `within` this time.
    pub(super) async fn room(&self, alone: bool, within: Option<Duration>, due: &Due) -> Result<Found, IoError> {
        let Some(bound) = &self.bound else { return Ok(Found::Room(None)) };
        if let Some(room) = bound.try_take() {
            return Ok(Found::Room(Some(room)));
        }
        let there = || if alone { None } else { self.least_busy(due).map(Found::Shared) };
        if let Some(found) = there() {
            return Ok(found);
        }
        let is_made = bound.make_room();
        let found = async {
            let mut taking = pin!(bound.take());
            let mut turn = self.line.join(std::time::Instant::now());
            loop {
                let shares = self.shares.notified();
                if let Some(found) = there() {
                    return Some(found);
                }
                let next = async {
                    let mut connection = turn.handed().await?;
                    // Its response has ended a moment ago.
                    let is_ready = tokio::time::timeout(READY_WITHIN, connection.sender.ready()).await;
                    matches!(is_ready, Ok(Ok(()))).then_some(connection)
                };
                tokio::select! {
                    biased;
                    next = next => match next {
                        Some(connection) => return Some(Found::Idle(connection)),
                        // It has ended, or is not ready: whoever waits keeps the turn.
                        None => turn = self.line.join(turn.since()),
                    },
                    room = &mut taking => return room.map(|room| Found::Room(Some(room))),
                    () = shares => {}
                }
            }
        };
        let found = waiting(bound, within, found, is_made).await?;
        found.ok_or(IoError::before_send(IoErrorKind::ConnectionLimit))
    }

    /// Ends an idle connection, whatever thread it is of; returns whether there was one.
    pub(super) fn end_idle(&self) -> bool {
        self.unready().is_some()
    }

    /// Returns an idle connection that may not be ready yet.
    fn unready(&self) -> Option<Connection> {
        lock(&self.idle).pop().map(|idle| idle.connection)
    }

    /// A place on the shared connection with the fewest exchanges, whether or not the upstream takes one more.
    fn least_busy(&self, due: &Due) -> Option<Occupied> {
        let list = lock(&self.h2);
        let usable = list.iter().filter(|shared| shared.is_usable());
        usable.min_by_key(|shared| shared.link.taken()).map(|shared| shared.occupy(due))
    }

    /// Opens an HTTP/1.1 connection outside the pool.
    pub(super) async fn connect_alone(&self, within: Option<Duration>, due: &Due) -> Result<Transport, IoError> {
        self.connect(self.tls.as_ref().map(|tls| tls.security(true)), within, due).await.map(|(_, transport)| transport)
    }

    async fn connect(
        &self,
        tls: Option<Security<'_>>,
        within: Option<Duration>,
        due: &Due,
    ) -> Result<(SocketAddr, Transport), IoError> {
        let head = due.head.map(|point| match point {
            Point::Exact(instant) => instant.into_std(),
            Point::Coarse(tick) => {
                std::time::Instant::now() + Duration::from_millis(tick.saturating_sub(self.ticker.now()))
            }
        });
        let connected = within.map(|within| std::time::Instant::now() + within);
        let (limit, kind) = match (connected, head) {
            (Some(connected), Some(head)) if head < connected => (Some(head), due.head_error),
            (Some(connected), _) => (Some(connected), IoErrorKind::ConnectTimeout),
            (None, head) => (head, due.head_error),
        };
        let left = limit.map(|limit| limit.saturating_duration_since(std::time::Instant::now()));
        let connecting = async {
            match self.key.socket() {
                Some(path) => connect_to_socket(path).await.map(|transport| (NOWHERE, transport)),
                None => connect(&self.addresses, tls, left).await,
            }
        };
        match limit {
            None => connecting.await,
            Some(limit) => {
                tokio::time::timeout_at(limit.into(), connecting).await.map_err(|_| IoError::before_send(kind))?
            }
        }
    }

    /// Opens a connection in this `room`: with HTTP/1.1 if it is to be `alone`, else with the protocol of the upstream's choice.
    pub(super) async fn open(
        &self,
        alone: bool,
        room: Option<Room>,
        within: Option<Duration>,
        due: &Due,
    ) -> Result<Opened, IoError> {
        let tls = self.tls.as_ref().map(|tls| tls.security(alone));
        let (address, transport) = self.connect(tls, within, due).await?;
        if transport.chose_h2() || self.key.h2c {
            return self.share(alone, address, (transport, room), due).await.map(Opened::H2);
        }
        if !alone {
            self.speaks_h1.store(true, Ordering::Relaxed);
        }
        let failed = |_| IoError::before_send(IoErrorKind::Protocol);
        let watch = Arc::new(Watch::new(address, self.old(), self.requests(), Arc::clone(&self.in_use)));
        let io = TokioIo::new(Tapped::new(transport, Bytes::new(), Arc::clone(&watch)));
        let (sender, connection) =
            http1::Builder::new().max_buf_size(MAX_BUFFER).handshake(io).await.map_err(failed)?;
        watch.set_task(self.drive(connection, room).abort_handle());
        let watched: Arc<dyn Watched> = Arc::<Watch>::clone(&watch);
        self.ticker.watch(Arc::downgrade(&watched));
        Ok(Opened::H1(Connection { sender, watch }))
    }

    /// Begins HTTP/2 on a new connection, and takes the first place on it; the only one if it is to be `alone`.
    async fn share(
        &self,
        alone: bool,
        address: SocketAddr,
        (transport, room): (Transport, Option<Room>),
        due: &Due,
    ) -> Result<Occupied, IoError> {
        let failed = |kind| Err(IoError::before_send(kind));
        let link = Arc::new(Link::new(address, self.old(), self.requests()));
        let frames = Frames::of_upstream(MAX_HEAD as usize);
        let io = Tapped::new(transport, Bytes::new(), Arc::clone(&link)).with_frames(frames);
        let begun = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_WITHIN)
            // None before the upstream has said how many it takes.
            .initial_max_send_streams(0)
            .max_header_list_size(MAX_HEAD)
            .handshake(TokioIo::new(io))
            .await;
        let Ok((sender, mut connection)) = begun else { return failed(link.failure()) };
        let driven = Arc::clone(&link);
        let driving = poll_fn(move |cx| {
            driven.await_settings(cx);
            let polled = Pin::new(&mut connection).poll(cx);
            driven.set_room(connection.current_max_send_streams());
            polled
        });
        let driving = self.drive(driving, room);
        let is_settled = tokio::select! {
            () = link.settled() => true,
            _ = driving => false,
        };
        if !is_settled {
            let kind = link.failure();
            if let (IoErrorKind::TlsAlert, Some(tls)) = (kind, &self.tls) {
                tls.health.failed(1, &"the upstream has refused the gateway's certificate, or the lack of one");
            }
            return failed(kind);
        }
        self.speaks_h1.store(false, Ordering::Relaxed);
        let shared = Shared { sender, link };
        let occupied = shared.occupy(due);
        let mut list = lock(&self.h2);
        list.retain(Shared::is_usable);
        if !alone && list.len() < MAX_SHARED {
            list.push(shared);
            drop(list);
            if self.bound.is_some() {
                self.shares.notify_waiters();
            }
        }
        Ok(occupied)
    }
}

/// A new connection.
pub(super) enum Opened {
    H1(Connection),
    H2(Occupied),
}

/// Room for a new connection, where connections are bounded, or what serves in its place.
pub(super) enum Found {
    Room(Option<Room>),
    Idle(Connection),
    Shared(Occupied),
}

/// Waits for `found` in the line of `bound`, `within` this time; however many wait, if room `is_made` for it.
async fn waiting<T>(
    bound: &Bound,
    within: Option<Duration>,
    found: impl Future<Output = T>,
    is_made: bool,
) -> Result<T, IoError> {
    let full = IoError::before_send(IoErrorKind::ConnectionLimit);
    let (_waiting, may_wait) = bound.wait(is_made);
    if !may_wait && !is_made {
        return Err(full);
    }
    match within {
        None => Ok(found.await),
        Some(within) => tokio::time::timeout(within, found).await.map_err(|_| full),
    }
}

impl Watched for Pool {
    fn tick(&self, _: Tick) -> bool {
        let now = self.ticker.with_stops();
        if Arc::strong_count(&self.open) > 1 {
            self.addresses.renew();
        }
        // A connection to an address that the name no longer has gets no more requests.
        let known = self.addresses.list();
        let is_known = |to: SocketAddr| known.iter().any(|known| known.address == to);
        let timeout = millis(self.key.keep.idle);
        // Whoever waits for room has it soon, wherever connections are idle.
        let is_wanted = || self.bound.as_ref().is_some_and(|bound| bound.promise(None));
        lock(&self.h2).retain(|Shared { sender, link }| {
            let is_kept = is_known(link.address())
                && now < link.old
                && (link.taken() > 0 || !is_wanted())
                && (link.idle_for(now) < timeout || link.taken() > 0);
            !sender.is_closed() && is_kept
        });
        let mut idle = lock(&self.idle);
        idle.retain(|Idle { connection, since }| {
            let timeout = if connection.sender.is_ready() { timeout } else { READY_TIMEOUT };
            !connection.sender.is_closed()
                && now.saturating_sub(*since) < timeout
                && is_known(connection.watch.address())
                && now < connection.watch.old
                && !is_wanted()
        });
        !idle.is_empty()
    }
}

fn millis(duration: Duration) -> Tick {
    Tick::try_from(duration.as_millis()).unwrap_or(Tick::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

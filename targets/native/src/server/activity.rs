//! The activity of a client's connection; one that does too little is ended.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gateway_core::error::Reject;
use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;

use super::guard::{Heads, check};
use super::leftover;
use super::room::Room;
use super::stall::StreamWatch;
use crate::clock::{Tick, Ticker, Watched};
use crate::framing::Framing;
use crate::tapped::Tap;

/// The longest that a client may take to send the head of a request, TLS and HTTP/2 handshakes included, in
/// milliseconds.
pub const HEAD_TIMEOUT: Tick = 15_000;

/// The longest that a connection may be without a request, in milliseconds.
pub const IDLE_TIMEOUT: Tick = 75_000;

/// The longest pause in a request's body, or in the client's reading of a response, in milliseconds, unless
/// [`Options`](super::Options) say otherwise.
pub const STALL_TIMEOUT: Tick = 60_000;

/// The time that an idle connection stays open once a shutdown has begun, or while others wait for room, in milliseconds, so that a
/// request on its way is still answered.
pub const LINGER: Tick = 500;

/// The time between two looks for a client that may have left unnoticed by hyper, in milliseconds.
pub const LOOK: Tick = 1_000;

/// An order to the connection's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    None,
    /// Finish what is open, then close.
    Drain,
    /// Close.
    Close,
}

/// The activity of a client's connection. All times are ticks; 0 is never.
#[derive(Debug)]
pub struct Activity {
    ticker: Arc<Ticker>,
    shutdown: Arc<AtomicBool>,
    room: Arc<Room>,
    /// The longest that the client may stall in a body.
    stall_timeout: Tick,
    /// Set if several exchanges share the connection.
    multiplexed: AtomicBool,
    /// The number of open exchanges.
    open: AtomicU32,
    /// The number of open streams, those that are refused among them.
    streams: AtomicU32,
    /// The number of pieces of responses that wait in HTTP/2 streams, whose exchanges may be over.
    unsent: AtomicU32,
    /// The time at which the connection was asked to leave.
    asked: AtomicU64,
    /// The start of the time without an exchange.
    idle_since: AtomicU64,
    /// The start of the arrival of a request's head.
    head_since: AtomicU64,
    /// The start of the wait for more of a request's body.
    body_since: AtomicU64,
    /// Set once the wait for more of a request's body was too long.
    stalled: AtomicBool,
    /// The task that waits for the body.
    reader: Mutex<Option<Waker>>,
    /// The bytes read of the newest request body.
    received: AtomicU64,
    /// Set if the client sends the body of the newest request once it is asked for it.
    awaits_continue: AtomicBool,
    /// Set if the connection has to end with its exchange.
    closes: AtomicBool,
    /// The bytes since the last progress: in an exchange over HTTP/1.1 those of a request's body that are framing.
    framing: Framing,
    /// The time since which the client has taken nothing of a response.
    write_since: AtomicU64,
    /// Set while hyper waits for bytes from the client: then it notices by itself when the client leaves.
    awaited: AtomicBool,
    /// Set if the newest request has a body: hyper does not wait for bytes while nobody reads it.
    has_body: AtomicBool,
    /// Set while the body of the newest request is read, which may be for longer than its exchange lasts: an upstream may answer early.
    reads_body: AtomicBool,
    /// Set for the connection to look if the client has left.
    look: AtomicBool,
    /// The time at which that was set last.
    looked: AtomicU64,
    heads: Mutex<Heads>,
    order: AtomicU8,
    task: OnceLock<Mutex<Waker>>,
}

impl Activity {
    /// The activity of a connection that was just accepted, whose client may stall in a body for `stall_timeout`.
    pub fn new(ticker: &Arc<Ticker>, shutdown: &Arc<AtomicBool>, room: &Arc<Room>, stall_timeout: Tick) -> Arc<Self> {
        let activity = Arc::new(Self {
            ticker: Arc::clone(ticker),
            shutdown: Arc::clone(shutdown),
            room: Arc::clone(room),
            stall_timeout,
            multiplexed: AtomicBool::new(false),
            open: AtomicU32::new(0),
            streams: AtomicU32::new(0),
            unsent: AtomicU32::new(0),
            asked: AtomicU64::new(0),
            idle_since: AtomicU64::new(ticker.now()),
            head_since: AtomicU64::new(ticker.now()),
            body_since: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            reader: Mutex::default(),
            received: AtomicU64::new(0),
            awaits_continue: AtomicBool::new(false),
            closes: AtomicBool::new(false),
            framing: Framing::default(),
            write_since: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            has_body: AtomicBool::new(false),
            reads_body: AtomicBool::new(false),
            look: AtomicBool::new(false),
            looked: AtomicU64::new(ticker.now()),
            heads: Mutex::default(),
            order: AtomicU8::new(0),
            task: OnceLock::new(),
        });
        let watched: Arc<dyn Watched> = Arc::<Self>::clone(&activity);
        ticker.watch(Arc::downgrade(&watched));
        activity
    }

    /// Records that several exchanges share the connection.
    pub fn set_multiplexed(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
    }

    /// Returns whether several exchanges share the connection.
    pub fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// Sets the connection's task, which is woken for each order.
    pub fn set_task(&self, waker: &Waker) {
        if self.task.get().is_none() {
            let _ = self.task.set(Mutex::new(waker.clone()));
        }
    }

    /// The order to the connection's task.
    pub fn order(&self) -> Order {
        match self.order.load(Ordering::Relaxed) {
            0 => Order::None,
            1 => Order::Drain,
            _ => Order::Close,
        }
    }

    /// Returns whether an exchange is open.
    pub fn in_exchange(&self) -> bool {
        self.open.load(Ordering::Relaxed) != 0
    }

    /// Returns whether there has been no exchange for long enough to close the connection in a shutdown, or to make room.
    pub fn lingered(&self) -> bool {
        !self.in_exchange() && self.ticker.now().saturating_sub(self.idle_since.load(Ordering::Relaxed)) >= LINGER
    }

    /// Returns whether the connection has nothing open long after it was asked to leave, so that it is ended whatever its client says
    /// or keeps to itself.
    pub fn overstays(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked != 0
            && self.ticker.now().saturating_sub(asked) >= LINGER
            && self.lingered()
            && self.streams() == 0
            && self.unsent.load(Ordering::Relaxed) == 0
            && self.write_since.load(Ordering::Relaxed) == 0
    }

    /// Waits until the connection has to end, while nothing is served on it yet.
    pub async fn ended(&self) {
        poll_fn(|cx| {
            self.set_task(cx.waker());
            match self.order() {
                Order::Close => Poll::Ready(()),
                Order::Drain if self.overstays() => Poll::Ready(()),
                Order::None | Order::Drain => Poll::Pending,
            }
        })
        .await;
    }

    /// Returns whether a part of a request's head has come over HTTP/1.1, and no more.
    pub(super) fn has_part_of_head(&self) -> bool {
        !self.is_multiplexed()
            && !self.in_exchange()
            && !self.heads.lock().unwrap_or_else(PoisonError::into_inner).is_blank()
    }

    /// The number of open streams.
    pub fn streams(&self) -> u32 {
        self.streams.load(Ordering::Relaxed)
    }

    /// A piece of a response with the same content, which is known to wait until HTTP/2 has sent it or given it up. The exchange ends
    /// when the stream has taken its last piece, for which the client may have no window yet (RFC 9113 §5.2).
    pub(super) fn unsent(self: &Arc<Self>, piece: Bytes) -> Bytes {
        self.unsent.fetch_add(1, Ordering::Relaxed);
        Bytes::from_owner(Unsent { piece, activity: Arc::clone(self) })
    }

    /// Begins an exchange with `request`.
    ///
    /// # Errors
    /// The refusal to answer instead.
    pub(super) fn begin<B: http_body::Body>(&self, request: &Request<B>) -> Result<(), Box<Reject>> {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if self.is_multiplexed() {
            return Ok(());
        }
        self.has_body.store(false, Ordering::Relaxed);
        self.reads_body.store(false, Ordering::Relaxed);
        self.awaits_continue.store(false, Ordering::Relaxed);
        self.framing.progress();
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = check(request, &heads);
        heads.clear();
        checked
    }

    /// Records that a part of a body has come.
    pub(super) fn progressed(&self) {
        self.framing.progress();
    }

    /// Returns whether the connection has to end with the exchange, since the rest of its request is too much to read.
    pub(super) fn closes(&self) -> bool {
        self.closes.load(Ordering::Relaxed)
    }

    /// Takes over the rest of a request's body, which is read by nobody else. A client that is not `asked` for it may have sent it already.
    pub(super) fn leave(self: &Arc<Self>, body: Incoming, asked: bool) {
        // A stream of HTTP/2 is reset at the end of its response.
        if self.is_multiplexed() || body.is_end_stream() {
            return;
        }
        if !asked || !leftover::is_small(&body) {
            self.closes.store(true, Ordering::Relaxed);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        leftover::drain(body, asked, Arc::clone(self));
    }

    /// Ends an exchange that [began](Self::begin).
    pub fn end(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.idle_since.store(self.ticker.now(), Ordering::Relaxed);
        self.body_since.store(0, Ordering::Relaxed);
        self.stalled.store(false, Ordering::Relaxed);
    }

    /// Records that these bytes have come.
    pub fn read(&self, bytes: &[u8]) {
        if self.is_multiplexed() {
            return;
        }
        if self.is_bounded() {
            self.framing.read(bytes.len());
        }
        if !self.in_exchange() {
            self.heads.lock().unwrap_or_else(PoisonError::into_inner).keep(bytes);
            if self.head_since.load(Ordering::Relaxed) == 0 {
                self.head_since.store(self.ticker.now(), Ordering::Relaxed);
            }
        }
    }

    /// Returns whether the bytes over HTTP/1.1 are of a request's body. A head has bounds of its own.
    fn is_bounded(&self) -> bool {
        self.in_exchange() || self.reads_body.load(Ordering::Relaxed)
    }

    /// Records that the client took bytes, or was `blocked`.
    pub fn wrote(&self, blocked: bool) {
        if blocked {
            if self.write_since.load(Ordering::Relaxed) == 0 {
                self.write_since.store(self.ticker.now(), Ordering::Relaxed);
            }
        } else {
            self.write_since.store(0, Ordering::Relaxed);
        }
    }

    /// Asks the connection to leave.
    fn ask_to_leave(&self, now: Tick) {
        if self.asked.load(Ordering::Relaxed) == 0 {
            self.asked.store(now, Ordering::Relaxed);
        }
        self.give(Order::Drain);
    }

    fn give(&self, order: Order) {
        let code = order as u8;
        if self.order.fetch_max(code, Ordering::Relaxed) <= code {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.task.get()
            && let Ok(waker) = waker.lock()
        {
            waker.wake_by_ref();
        }
    }

    /// Returns whether the client could leave without hyper noticing. In an exchange hyper reads on only once it has used what it
    /// has read: behind a byte of the next request, or behind a body that nobody reads, it is blind.
    fn is_blind(&self) -> bool {
        self.in_exchange()
            && !self.is_multiplexed()
            && (!self.awaited.load(Ordering::Relaxed) || self.has_body.load(Ordering::Relaxed))
    }
}

/// A piece of a response that waits in an HTTP/2 stream.
struct Unsent {
    piece: Bytes,
    activity: Arc<Activity>,
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.activity.idle_since.fetch_max(self.activity.ticker.now(), Ordering::Relaxed);
        self.activity.unsent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open stream of a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Activity>);

impl OpenStream {
    /// One more of the streams of `activity`.
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tap for Activity {
    fn on_read(&self, bytes: &[u8]) {
        self.awaited.store(false, Ordering::Relaxed);
        self.read(bytes);
    }

    fn framing(&self) -> Option<&Framing> {
        (self.is_bounded() || self.is_multiplexed()).then_some(&self.framing)
    }

    fn on_wait(&self) {
        self.awaited.store(true, Ordering::Relaxed);
    }

    fn on_write(&self, _: &[IoSlice<'_>], outcome: &Poll<io::Result<usize>>) {
        self.wrote(outcome.is_pending());
    }

    /// TLS takes more than the socket does.
    fn on_flush(&self, is_pending: bool) {
        if is_pending || self.write_since.load(Ordering::Relaxed) != 0 {
            self.wrote(is_pending);
        }
    }

    fn looks_for_end(&self) -> bool {
        let looks = self.look.load(Ordering::Relaxed);
        if looks {
            self.look.store(false, Ordering::Relaxed);
        }
        looks
    }

    /// A client that has closed its side has left, as for hyper (`half_close`).
    fn on_end(&self) {
        if self.is_blind() {
            self.give(Order::Close);
        }
    }
}

impl Watched for Activity {
    fn tick(&self, now: Tick) -> bool {
        let since = |time: &AtomicU64| match time.load(Ordering::Relaxed) {
            0 => 0,
            begun => now.saturating_sub(begun),
        };
        let overdue = since(&self.write_since) >= self.stall_timeout
            || !self.in_exchange()
                && (since(&self.head_since) >= HEAD_TIMEOUT || since(&self.idle_since) >= IDLE_TIMEOUT);
        if self.in_exchange() && since(&self.body_since) >= self.stall_timeout {
            // The exchange fails with it, and answers.
            self.stalled.store(true, Ordering::Relaxed);
            if let Some(waker) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
        if overdue {
            self.give(Order::Close);
        } else if self.asked.load(Ordering::Relaxed) != 0
            || self.shutdown.load(Ordering::Relaxed)
            || self.room.is_full() && self.lingered()
        {
            self.ask_to_leave(now);
        }
        if now.saturating_sub(self.looked.load(Ordering::Relaxed)) >= LOOK && self.is_blind() {
            self.looked.store(now, Ordering::Relaxed);
            self.look.store(true, Ordering::Relaxed);
            self.wake();
        }
        true
    }
}

/// The wait of a request's body for its client, as the body reports it.
#[derive(Debug)]
pub enum Reading {
    /// The only request on its connection.
    Alone(Arc<Activity>),
    /// One of several requests: the bytes on the connection may belong to any of them.
    Shared(Arc<StreamWatch>),
}

impl Reading {
    /// Records that a body begins.
    pub(super) fn begin(&self, awaits_continue: bool) {
        if let Self::Alone(activity) = self {
            activity.has_body.store(true, Ordering::Relaxed);
            activity.reads_body.store(true, Ordering::Relaxed);
            activity.awaits_continue.store(awaits_continue, Ordering::Relaxed);
        }
        self.count().store(0, Ordering::Relaxed);
    }

    /// Records that the body has ended.
    pub fn end(&self) {
        if let Self::Alone(activity) = self {
            activity.reads_body.store(false, Ordering::Relaxed);
        }
    }

    /// Leaves the rest of the body to its connection. A stream of HTTP/2 is reset at the end of its response (RFC 9113 §8.1).
    pub fn leave(&self, body: Incoming) {
        if let Self::Alone(activity) = self {
            let asked =
                !activity.awaits_continue.load(Ordering::Relaxed) || activity.received.load(Ordering::Relaxed) > 0;
            activity.leave(body, asked);
        }
    }

    /// Records that the body broke off: nobody knows where the next request on its connection would begin (RFC 9112 §9.6).
    pub fn break_off(&self) {
        if let Self::Alone(activity) = self {
            activity.closes.store(true, Ordering::Relaxed);
        }
    }

    /// Records that this many bytes of the body were read.
    pub fn read(&self, bytes: usize) {
        if let Self::Alone(activity) = self {
            activity.framing.progress();
        }
        self.count().fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The bytes of the body read so far.
    pub(super) fn received(&self) -> u64 {
        self.count().load(Ordering::Relaxed)
    }

    fn count(&self) -> &AtomicU64 {
        match self {
            Self::Alone(activity) => &activity.received,
            Self::Shared(watch) => watch.received(),
        }
    }

    /// Records whether the gateway waits for more of the body.
    ///
    /// Returns true after too long a wait, for which the task is woken.
    pub fn set_waiting(&self, waiting: bool, cx: &Context<'_>) -> bool {
        let activity = match self {
            Self::Alone(activity) => activity,
            Self::Shared(watch) => return watch.set_waiting(waiting, cx),
        };
        if !waiting {
            activity.body_since.store(0, Ordering::Relaxed);
            activity.stalled.store(false, Ordering::Relaxed);
            return false;
        }
        let mut reader = activity.reader.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *reader {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if activity.body_since.load(Ordering::Relaxed) == 0 {
            activity.body_since.store(activity.ticker.now(), Ordering::Relaxed);
        }
        activity.stalled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity() -> Arc<Activity> {
        Activity::new(&Arc::default(), &Arc::default(), &Arc::default(), STALL_TIMEOUT)
    }

    fn order_at(activity: &Activity, now: Tick) -> Order {
        activity.tick(now);
        activity.order()
    }

    fn request() -> Request<String> {
        Request::new(String::new())
    }

    #[test]
    fn a_head_that_does_not_come_ends_the_connection() {
        let activity = activity();
        activity.read(b"GET / HTTP/1.1\r\n");
        assert_eq!(order_at(&activity, HEAD_TIMEOUT), Order::None);
        assert_eq!(order_at(&activity, HEAD_TIMEOUT + 1), Order::Close);
    }

    #[test]
    fn a_connection_without_requests_is_ended() {
        let activity = activity();
        assert!(activity.begin(&request()).is_ok());
        activity.end();
        assert_eq!(order_at(&activity, IDLE_TIMEOUT), Order::None);
        assert_eq!(order_at(&activity, IDLE_TIMEOUT + 1), Order::Close);
    }

    #[test]
    fn an_exchange_may_wait_for_its_upstream_but_not_for_its_client() {
        let activity = activity();
        assert!(activity.begin(&request()).is_ok());
        assert_eq!(order_at(&activity, 10 * STALL_TIMEOUT), Order::None);

        let cx = Context::from_waker(Waker::noop());
        let reading = Reading::Alone(Arc::clone(&activity));
        let waits_at = |now| {
            activity.tick(now);
            reading.set_waiting(true, &cx)
        };
        assert!(!waits_at(1));
        assert!(!waits_at(STALL_TIMEOUT));
        reading.set_waiting(false, &cx);
        assert!(!waits_at(10 * STALL_TIMEOUT));
        assert!(waits_at(STALL_TIMEOUT + 1), "it is answered, and not ended here");
        assert_eq!(activity.order(), Order::None);
    }

    #[test]
    fn a_response_that_is_not_taken_ends_the_connection() {
        let activity = activity();
        assert!(activity.begin(&request()).is_ok());
        activity.wrote(true);
        activity.wrote(false);
        assert_eq!(order_at(&activity, 10 * STALL_TIMEOUT), Order::None);
        activity.wrote(true);
        assert_eq!(order_at(&activity, STALL_TIMEOUT + 1), Order::Close);
    }

    /// An exchange whose client hyper watches costs nothing while it lasts.
    #[test]
    fn a_client_is_looked_for_only_where_hyper_is_blind() {
        let activity = activity();
        let looks_at = |now| {
            activity.tick(now);
            activity.looks_for_end()
        };
        activity.on_read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(!looks_at(10 * LOOK), "no exchange");
        assert!(activity.begin(&request()).is_ok());
        activity.on_wait();
        assert!(!looks_at(20 * LOOK), "hyper waits");
        activity.on_read(b"G");
        assert!(looks_at(20 * LOOK));
        assert!(!looks_at(21 * LOOK - 1));
        assert!(looks_at(21 * LOOK));
        activity.on_wait();
        Reading::Alone(Arc::clone(&activity)).begin(false);
        assert!(looks_at(22 * LOOK), "a body that perhaps nobody reads");
        activity.on_end();
        assert_eq!(activity.order(), Order::Close);
    }

    #[test]
    fn a_shutdown_drains_and_never_overrules_a_close() {
        let activity = activity();
        activity.shutdown.store(true, Ordering::Relaxed);
        assert_eq!(order_at(&activity, 2), Order::Drain);
        assert_eq!(order_at(&activity, IDLE_TIMEOUT + 1), Order::Close);
        assert_eq!(order_at(&activity, 2), Order::Close);
    }
}

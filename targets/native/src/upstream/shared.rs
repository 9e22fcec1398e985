//! HTTP/2 connections, each shared by several exchanges.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use gateway_core::ports::IoErrorKind;
use hyper::client::conn::http2::SendRequest;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::deadline::{Due, Point};
use super::exchange::is_alert_in;
use crate::clock::Tick;
use crate::framing::Framing;
use crate::stream::Content;
use crate::tapped::Tap;

/// A connection in the pool.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sender: SendRequest<Content>,
    pub(super) link: Arc<Link>,
}

/// A place on a connection, and the way to use it.
#[derive(Debug)]
pub(super) struct Occupied {
    pub(super) sender: SendRequest<Content>,
    pub(super) place: Place,
}

impl Shared {
    /// Returns whether exchanges may begin on it.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.link.is_retired()
    }

    /// Takes a place on it for an exchange with these deadlines.
    pub(super) fn occupy(&self, due: &Due) -> Occupied {
        let place = Place::take(&self.link, due.head.and_then(Point::exact));
        Occupied { sender: self.sender.clone(), place }
    }
}

/// The state of a shared connection.
#[derive(Debug)]
pub(super) struct Link {
    address: SocketAddr,
    /// The time from which it gets no more requests.
    pub(super) old: Tick,
    /// The number of requests that it may still have.
    left: AtomicUsize,
    /// The time since which it has no exchange, as far as it was looked at; 0 is none.
    idle_since: AtomicU64,
    /// The number of exchanges on it.
    taken: AtomicUsize,
    /// The most exchanges that the upstream takes at once (RFC 9113 §5.1.2).
    room: AtomicUsize,
    /// Set once the upstream has said so.
    settled: AtomicBool,
    on_settled: Notify,
    /// The task that learns of the upstream's settings.
    driver: Mutex<Option<Waker>>,
    /// The bytes since the last progress.
    framing: Framing,
    /// The number of reads that brought anything.
    heard: AtomicU64,
    /// Set if no exchange may begin on it any more.
    retired: AtomicBool,
    /// Set once the upstream has ended it with an alert of TLS.
    alerted: AtomicBool,
}

impl Link {
    /// The state of a connection to `address`, which is old at `old` or after so many `requests`.
    pub(super) fn new(address: SocketAddr, old: Tick, requests: u32) -> Self {
        Self {
            address,
            old,
            left: AtomicUsize::new(requests as usize),
            idle_since: AtomicU64::new(0),
            taken: AtomicUsize::new(0),
            room: AtomicUsize::new(0),
            settled: AtomicBool::new(false),
            on_settled: Notify::new(),
            driver: Mutex::default(),
            framing: Framing::default(),
            heard: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            alerted: AtomicBool::new(false),
        }
    }

    /// The address of the connection.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of exchanges on it.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Returns whether the upstream takes one more exchange.
    pub(super) fn has_room(&self) -> bool {
        self.taken() < self.room.load(Ordering::Relaxed)
    }

    /// Returns whether no exchange may begin on it any more.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Lets no exchange begin on it any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// The reason why the connection, which came about, has ended before the upstream's settings.
    pub(super) fn failure(&self) -> IoErrorKind {
        if self.alerted.load(Ordering::Relaxed) {
            // With TLS 1.3 an upstream refuses the gateway's certificate once the handshake is over here (RFC 8446 §4.4.2.4).
            IoErrorKind::TlsAlert
        } else if self.heard.load(Ordering::Relaxed) == 0 {
            IoErrorKind::Closed
        } else {
            // An upstream that speaks HTTP/1.1 alone takes the preface for a malformed request (RFC 9113 §3.4).
            IoErrorKind::Protocol
        }
    }

    /// Returns for how long there was no exchange on it whenever it was looked at, the last time being `now`.
    pub(super) fn idle_for(&self, now: Tick) -> Tick {
        if self.taken() > 0 {
            self.idle_since.store(0, Ordering::Relaxed);
            return 0;
        }
        let since = match self.idle_since.load(Ordering::Relaxed) {
            0 => now,
            since => since,
        };
        self.idle_since.store(since, Ordering::Relaxed);
        now.saturating_sub(since)
    }

    /// Has the calling task woken when bytes come before the upstream's settings are known.
    pub(super) fn await_settings(&self, cx: &Context<'_>) {
        if !self.settled.load(Ordering::Relaxed) {
            *self.driver() = Some(cx.waker().clone());
        }
    }

    /// Records the most exchanges that the upstream takes at once; 0 as long as it has not said so.
    pub(super) fn set_room(&self, room: usize) {
        self.room.store(room, Ordering::Relaxed);
        if room != 0 && !self.settled.swap(true, Ordering::Relaxed) {
            *self.driver() = None;
            self.on_settled.notify_waiters();
        }
    }

    /// Waits for the upstream's settings, the first thing that it says (RFC 9113 §3.4).
    pub(super) async fn settled(&self) {
        let notified = self.on_settled.notified();
        if !self.settled.load(Ordering::Relaxed) {
            notified.await;
        }
    }

    fn driver(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for Link {
    fn on_read(&self, _: &[u8]) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        if !self.settled.load(Ordering::Relaxed)
            && let Some(driver) = self.driver().take()
        {
            driver.wake();
        }
    }

    fn framing(&self) -> Option<&Framing> {
        Some(&self.framing)
    }

    fn on_failure(&self, error: &io::Error) {
        if is_alert_in(error) {
            self.alerted.store(true, Ordering::Relaxed);
        }
    }

    fn on_write(&self, _: &[IoSlice<'_>], _: &Poll<io::Result<usize>>) {}
}

/// The place of an exchange on a shared connection.
#[derive(Debug)]
pub(crate) struct Place {
    link: Arc<Link>,
    /// The reads up to the beginning of the exchange.
    heard: u64,
    /// The time by which the head of the response has to come, until it comes.
    due: Option<Instant>,
}

impl Place {
    /// Takes a place for an exchange whose head has to come until `due`.
    fn take(link: &Arc<Link>, due: Option<Instant>) -> Self {
        link.taken.fetch_add(1, Ordering::Relaxed);
        // The thread of the pool alone takes places.
        let left = link.left.load(Ordering::Relaxed).saturating_sub(1);
        link.left.store(left, Ordering::Relaxed);
        if left == 0 {
            link.retire();
        }
        Self { link: Arc::clone(link), heard: link.heard.load(Ordering::Relaxed), due }
    }

    /// Records that the exchange has ended or that its response has begun.
    pub(super) fn answered(&mut self) {
        self.due = None;
    }

    /// Lets no exchange begin on the connection any more.
    pub(super) fn retire(&self) {
        self.link.retire();
    }

    /// Returns whether the connection ended because the upstream sent too much without progress.
    pub(super) fn is_flooded(&self) -> bool {
        self.link.framing.is_flooded()
    }
}

impl Drop for Place {
    /// Leaves a connection that was silent until the deadline of its exchange passed: what begins on it later would wait as long.
    fn drop(&mut self) {
        self.link.taken.fetch_sub(1, Ordering::Relaxed);
        let is_overdue = self.due.is_some_and(|due| Instant::now() >= due);
        if is_overdue && self.link.heard.load(Ordering::Relaxed) == self.heard {
            self.link.retire();
        }
    }
}

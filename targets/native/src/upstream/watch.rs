//! The state of the exchange that uses an HTTP/1.1 connection.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use tokio::task::AbortHandle;

use crate::clock::{Tick, Watched};
use crate::tapped::Tap;

/// The most bytes that may come without any progress of the exchange. What hyper reads ahead of a slow client, two buffers of
/// 64 KiB, stays below; the rest is chunk sizes without an end, or one interim response after another.
const MAX_IDLE_BYTES: usize = 256 * 1024;

/// The largest head buffer that is kept for reuse.
const USUAL_HEAD: usize = 4096;

/// The exchange that uses a connection: its deadline, and the data for sending its request again.
///
/// A deadline wakes and allocates nothing: the [`Ticker`](crate::clock::Ticker) ends the connection's task, and the
/// exchange fails with it.
#[derive(Debug)]
pub(crate) struct Watch {
    address: SocketAddr,
    /// The time at which the connection was opened.
    pub(super) opened: Tick,
    /// The deadline; 0 is none.
    deadline: AtomicU64,
    overdue: AtomicBool,
    /// Set if anything has come from the upstream since the exchange began.
    answered: AtomicBool,
    /// Set if sent bytes are kept.
    keeps: AtomicBool,
    /// Set if no other exchange may follow on the connection.
    single: AtomicBool,
    /// The bytes that came since the exchange made progress.
    idle_bytes: AtomicUsize,
    kept: Mutex<Vec<u8>>,
    task: OnceLock<AbortHandle>,
}

impl Watch {
    /// The watch of a connection to `address`, opened at `opened`.
    pub(super) fn new(address: SocketAddr, opened: Tick) -> Self {
        Self {
            address,
            opened,
            deadline: AtomicU64::new(0),
            overdue: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            keeps: AtomicBool::new(false),
            single: AtomicBool::new(false),
            idle_bytes: AtomicUsize::new(0),
            kept: Mutex::default(),
            task: OnceLock::new(),
        }
    }

    /// The address of the connection.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the connection's task, which ends when overdue.
    pub(super) fn set_task(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Begins an exchange whose response head has to come until `deadline`. The sent bytes are kept if its request is
    /// `repeatable`.
    ///
    /// It keeps the bytes that go out anyway, not a copy of the request, which would cost a sixteenth of the whole
    /// exchange.
    pub(super) fn begin(&self, deadline: Option<Tick>, repeatable: bool) {
        self.set(deadline);
        self.progressed();
        self.answered.store(false, Ordering::Relaxed);
        self.keeps.store(repeatable, Ordering::Relaxed);
        if repeatable {
            let mut kept = self.lock();
            kept.clear();
            kept.shrink_to(USUAL_HEAD);
        }
    }

    /// Sets or removes the deadline.
    pub(crate) fn set(&self, deadline: Option<Tick>) {
        self.deadline.store(deadline.unwrap_or(0), Ordering::Relaxed);
    }

    /// Returns whether the deadline has passed and ended the connection.
    pub(crate) fn overdue(&self) -> bool {
        self.overdue.load(Ordering::Relaxed)
    }

    /// Records that the head has come, or a part of the content.
    pub(super) fn progressed(&self) {
        self.idle_bytes.store(0, Ordering::Relaxed);
    }

    /// Lets no other exchange follow on the connection.
    pub(super) fn set_single(&self) {
        self.single.store(true, Ordering::Relaxed);
    }

    /// Returns whether no other exchange may follow on the connection.
    pub(super) fn is_single(&self) -> bool {
        self.single.load(Ordering::Relaxed)
    }

    /// Returns the sent bytes of a repeatable request, if nothing has come from the upstream since.
    pub(super) fn unanswered(&self) -> Option<Vec<u8>> {
        let keeps = self.keeps.load(Ordering::Relaxed) && !self.answered.load(Ordering::Relaxed);
        keeps.then(|| std::mem::take(&mut *self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for Watch {
    fn on_read(&self, bytes: &[u8]) {
        self.answered.store(true, Ordering::Relaxed);
        self.idle_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
    }

    fn is_flooded(&self) -> bool {
        self.idle_bytes.load(Ordering::Relaxed) > MAX_IDLE_BYTES
    }

    /// What an upstream says before it closes is read, whatever became of the request.
    fn outlives_writing(&self) -> bool {
        true
    }

    /// Keeps the bytes that were sent; on a closed connection all of them, since hyper does not offer them again.
    fn on_write(&self, pieces: &[IoSlice<'_>], outcome: &Poll<io::Result<usize>>) {
        if !self.keeps.load(Ordering::Relaxed) {
            return;
        }
        let mut left = match outcome {
            Poll::Ready(Ok(count)) => *count,
            Poll::Ready(Err(_)) => usize::MAX,
            Poll::Pending => 0,
        };
        let mut kept = self.lock();
        for piece in pieces {
            let count = piece.len().min(left);
            kept.extend_from_slice(piece.get(..count).unwrap_or_default());
            left -= count;
        }
    }
}

impl Watched for Watch {
    fn tick(&self, now: Tick) -> bool {
        let deadline = self.deadline.load(Ordering::Relaxed);
        if deadline != 0 && now >= deadline {
            self.overdue.store(true, Ordering::Relaxed);
            if let Some(task) = self.task.get() {
                task.abort();
            }
        }
        true
    }
}

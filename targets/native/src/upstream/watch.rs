//! The state of the exchange that uses an HTTP/1.1 connection.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::pool::MAX_BUFFER;
use crate::clock::{Tick, Watched};
use crate::framing::Framing;
use crate::tapped::Tap;

/// The bytes that the exchanges with an upstream read at once, all together. Clients that take nothing hold some three such pieces of
/// each body: where there are more bodies, the pieces are smaller.
const SHARED: usize = 2 * 1024 * 1024;

/// The smallest piece: hyper's buffers are no smaller.
const SMALLEST: usize = 8 * 1024;

/// The largest head buffer that is kept for reuse.
const USUAL_HEAD: usize = 4096;

/// The exchange that uses a connection: its deadline, and the data for sending its request again.
///
/// A deadline wakes and allocates nothing: the [`Ticker`](crate::clock::Ticker) ends the connection's task, and the
/// exchange fails with it.
#[derive(Debug)]
pub(crate) struct Watch {
    address: SocketAddr,
    /// The time from which the connection gets no more requests.
    pub(super) old: Tick,
    /// The number of requests that it may still have.
    left: AtomicU32,
    /// The deadline; 0 is none.
    deadline: AtomicU64,
    overdue: AtomicBool,
    /// Set if anything has come from the upstream since the exchange began.
    answered: AtomicBool,
    /// Set if sent bytes are kept.
    keeps: AtomicBool,
    /// Set if no other exchange may follow on the connection.
    single: AtomicBool,
    /// Set once a content comes that ends with the connection.
    unframed: AtomicBool,
    /// The longest wait between two pieces of content, in milliseconds; 0 is none.
    idle: AtomicU64,
    /// The wait for a piece of the response's content.
    awaited: Wait,
    /// The wait for the upstream to take a piece of the request.
    offered: Wait,
    /// The bytes that came since the exchange made progress.
    framing: Framing,
    /// Set while an exchange uses the connection.
    in_use: AtomicBool,
    /// The connections to the upstream that exchanges use.
    all_in_use: Arc<AtomicUsize>,
    kept: Mutex<Vec<u8>>,
    task: OnceLock<AbortHandle>,
}

impl Watch {
    /// The watch of a connection to `address`, which is old at `old` or after so many `requests`. `all_in_use` counts the connections that exchanges use.
    pub(super) fn new(address: SocketAddr, old: Tick, requests: u32, all_in_use: Arc<AtomicUsize>) -> Self {
        Self {
            address,
            old,
            left: AtomicU32::new(requests),
            deadline: AtomicU64::new(0),
            overdue: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            keeps: AtomicBool::new(false),
            single: AtomicBool::new(false),
            unframed: AtomicBool::new(false),
            idle: AtomicU64::new(0),
            awaited: Wait::default(),
            offered: Wait::default(),
            framing: Framing::default(),
            in_use: AtomicBool::new(false),
            all_in_use,
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

    /// Begins an exchange whose response head has to come until `deadline`, and whose content may pause for `idle`. The sent bytes are kept if its request is
    /// `repeatable`.
    ///
    /// It keeps the bytes that go out anyway, not a copy of the request, which would cost a sixteenth of the whole
    /// exchange.
    pub(super) fn begin(&self, deadline: Option<Tick>, idle: Option<Duration>, repeatable: bool) {
        if !self.in_use.swap(true, Ordering::Relaxed) {
            self.all_in_use.fetch_add(1, Ordering::Relaxed);
        }
        self.set(deadline);
        let idle = idle.map_or(0, |idle| Tick::try_from(idle.as_millis()).unwrap_or(Tick::MAX).max(1));
        self.idle.store(idle, Ordering::Relaxed);
        self.offered.set(false);
        self.progressed();
        self.answered.store(false, Ordering::Relaxed);
        self.keeps.store(repeatable, Ordering::Relaxed);
        if repeatable {
            let mut kept = self.lock();
            kept.clear();
            kept.shrink_to(USUAL_HEAD);
        }
    }

    /// Ends the exchange.
    pub(super) fn end(&self) {
        if self.in_use.swap(false, Ordering::Relaxed) {
            self.all_in_use.fetch_sub(1, Ordering::Relaxed);
        }
        self.set(None);
    }

    /// Counts a request that has ended; returns whether there may be another one. One thread has the connection.
    pub(super) fn may_go_on(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed).saturating_sub(1);
        self.left.store(left, Ordering::Relaxed);
        left > 0
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
        self.framing.progress();
        self.awaited.set(false);
    }

    /// Returns whether the connection ended because the upstream sent too much without progress.
    pub(super) fn is_flooded(&self) -> bool {
        self.framing.is_flooded()
    }

    /// Records that more of the content is waited for.
    pub(super) fn waits(&self) {
        self.awaited.set(true);
    }

    /// Lets no other exchange follow on the connection.
    pub(super) fn set_single(&self) {
        self.single.store(true, Ordering::Relaxed);
    }

    /// Returns whether no other exchange may follow on the connection.
    pub(super) fn is_single(&self) -> bool {
        self.single.load(Ordering::Relaxed)
    }

    /// Says that the content which comes ends with the connection.
    pub(super) fn set_unframed(&self) {
        self.unframed.store(true, Ordering::Relaxed);
    }

    /// Returns whether the content which comes ends with the connection.
    pub(super) fn is_unframed(&self) -> bool {
        self.unframed.load(Ordering::Relaxed)
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

/// The most that each of so many exchanges reads at once.
fn piece(exchanges: usize) -> usize {
    let share = SHARED / exchanges.max(1);
    if share >= MAX_BUFFER {
        return usize::MAX;
    }
    // One less than a power of two, or hyper would make its buffer twice as large.
    let power = share.checked_ilog2().map_or(0, |power| 1 << power);
    power.max(SMALLEST) - 1
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

/// A wait for the other side. It is timed by the sweeps that find it under way, so that beginning and ending it are stores to
/// memory.
#[derive(Debug, Default)]
struct Wait(AtomicU64);

impl Wait {
    const NONE: Tick = 0;
    /// Under way, but not yet seen by a sweep.
    const UNSEEN: Tick = 1;

    fn set(&self, waits: bool) {
        if !waits {
            self.0.store(Self::NONE, Ordering::Relaxed);
        } else if self.0.load(Ordering::Relaxed) == Self::NONE {
            self.0.store(Self::UNSEEN, Ordering::Relaxed);
        }
    }

    /// Returns whether it has been under way for `longest` at `now`.
    fn is_over(&self, now: Tick, longest: Tick) -> bool {
        match self.0.load(Ordering::Relaxed) {
            Self::NONE => false,
            Self::UNSEEN => {
                self.0.store(now.max(Self::UNSEEN + 1), Ordering::Relaxed);
                false
            }
            since => now.saturating_sub(since) >= longest,
        }
    }
}

impl Tap for Watch {
    fn on_read(&self, bytes: &[u8]) {
        self.answered.store(true, Ordering::Relaxed);
        self.framing.read(bytes.len());
    }

    fn framing(&self) -> Option<&Framing> {
        Some(&self.framing)
    }

    fn piece(&self) -> usize {
        piece(self.all_in_use.load(Ordering::Relaxed))
    }

    /// What an upstream says before it closes is read, whatever became of the request.
    fn outlives_writing(&self) -> bool {
        true
    }

    /// Keeps the bytes that were sent; on a closed connection all of them, since hyper does not offer them again.
    fn on_write(&self, pieces: &[IoSlice<'_>], outcome: &Poll<io::Result<usize>>) {
        self.offered.set(outcome.is_pending());
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
        let idle = self.idle.load(Ordering::Relaxed);
        let is_idle = idle != 0 && (self.awaited.is_over(now, idle) | self.offered.is_over(now, idle));
        if is_idle || deadline != 0 && now >= deadline {
            self.overdue.store(true, Ordering::Relaxed);
            if let Some(task) = self.task.get() {
                task.abort();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_exchanges_read_little_at_once_and_few_read_much() {
        for few in [0, 1, 32] {
            assert_eq!(piece(few), usize::MAX);
        }
        assert_eq!(
            [33, 64, 128, 256, 2000, usize::MAX].map(|many| piece(many) + 1),
            [32 * 1024, 32 * 1024, 16 * 1024, 8 * 1024, 8 * 1024, 8 * 1024]
        );
    }
}

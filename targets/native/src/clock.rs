//! Coarse time: one sweep for all the deadlines of a worker, instead of a timer for each request.
//!
//! Setting and clearing a deadline is a store to memory. A task wakes every [`TICK`] while any connection is open, and
//! ends what is overdue; with no connection open it sleeps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How often deadlines are looked at: one is noticed at most two ticks late, and never early.
pub const TICK: Duration = Duration::from_millis(100);

/// A point in a worker's coarse time: milliseconds since the worker began, never 0.
pub type Tick = u64;

/// Something with deadlines.
pub trait Watched: Send + Sync {
    /// Ends what is overdue at `now`; false if there is nothing to watch at the moment.
    fn tick(&self, now: Tick) -> bool;
}

/// The coarse time of a worker, and everything that it watches.
pub struct Ticker {
    start: Instant,
    now: AtomicU64,
    watched: Mutex<Vec<Weak<dyn Watched>>>,
    asleep: AtomicBool,
    awake: Notify,
}

impl std::fmt::Debug for Ticker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticker").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Default for Ticker {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            now: AtomicU64::new(1),
            watched: Mutex::default(),
            asleep: AtomicBool::new(false),
            awake: Notify::new(),
        }
    }
}

impl Ticker {
    /// The time at the latest tick.
    pub fn now(&self) -> Tick {
        self.now.load(Ordering::Relaxed)
    }

    /// The tick at which `duration` has certainly passed.
    pub fn after(&self, duration: Duration) -> Tick {
        let millis = u64::try_from((duration + TICK).as_millis()).unwrap_or(u64::MAX);
        self.now().saturating_add(millis)
    }

    /// Has `watched` told of every tick until it is dropped.
    pub fn watch(&self, watched: Weak<dyn Watched>) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.advance();
            self.awake.notify_one();
        }
    }

    /// Ticks for ever; `each` runs after every tick.
    pub async fn run(self: Arc<Self>, each: impl Fn()) {
        loop {
            while self.sweep() {
                tokio::time::sleep(TICK).await;
                each();
            }
            each();
            self.asleep.store(true, Ordering::Release);
            // What came since the sweep did not see that it had to wake this task.
            if !self.sweep() {
                self.awake.notified().await;
            }
            self.asleep.store(false, Ordering::Release);
        }
    }

    /// Tells every watched thing the time; false if none of them needs to know.
    fn sweep(&self) -> bool {
        let now = self.advance();
        // What is told the time may itself watch or drop something: it isn't called under the lock.
        let mut kept = std::mem::take(&mut *self.watched.lock().unwrap_or_else(PoisonError::into_inner));
        let mut active = false;
        kept.retain(|weak| {
            let Some(watched) = weak.upgrade() else { return false };
            active |= watched.tick(now);
            true
        });
        let mut list = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        active |= !list.is_empty();
        kept.append(&mut list);
        *list = kept;
        active
    }

    fn advance(&self) -> Tick {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.now.store(now, Ordering::Relaxed);
        now
    }
}

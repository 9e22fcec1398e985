//! Coarse time: one sweep for all the deadlines of a worker, instead of a timer for each request.
//!
//! Setting and clearing a deadline is a store to memory. A task wakes every [`TICK`] while any connection is open, and
//! ends everything overdue; without connections it sleeps.
//!
//! **Invariant:** [`Ticker::now`] advances by at most [`LONGEST_STEP`] a sweep, however late the sweep comes. Time stands
//! still while the task sleeps, and a pause of the whole process counts as one step. So a pause can't expire a connection
//! that began after it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The interval of sweeps: a deadline is noticed at most three ticks late, and never early.
pub const TICK: Duration = Duration::from_millis(100);

/// The longest step of the time; a later sweep counts as this late. It is more than a tick, or each sweep's delay of
/// milliseconds would add up.
const LONGEST_STEP: Duration = TICK.saturating_mul(2);

/// A point in a worker's coarse time: the milliseconds that it has run, never 0.
pub type Tick = u64;

/// Something with deadlines.
pub trait Watched: Send + Sync {
    /// Ends everything overdue at `now`; false if there is nothing to watch at the moment.
    fn tick(&self, now: Tick) -> bool;
}

/// The coarse time of a worker, and everything that it watches.
pub struct Ticker {
    now: AtomicU64,
    /// Wall time that was not counted, because a step was capped.
    stopped: AtomicU64,
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
            now: AtomicU64::new(1),
            stopped: AtomicU64::new(0),
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

    /// [`now`](Self::now) plus the wall time that it left out. Upstreams close idle connections by wall time.
    pub fn with_stops(&self) -> Tick {
        self.now().saturating_add(self.stopped.load(Ordering::Relaxed))
    }

    /// The tick by which `duration` has certainly passed.
    pub fn after(&self, duration: Duration) -> Tick {
        self.now().saturating_add(millis(duration.saturating_add(LONGEST_STEP)))
    }

    /// Calls `watched` at every tick until it is dropped.
    pub fn watch(&self, watched: Weak<dyn Watched>) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.awake.notify_one();
        }
    }

    /// Ticks for ever; `each` runs after every tick.
    pub async fn run(self: Arc<Self>, each: impl Fn()) {
        loop {
            let mut last = Instant::now();
            while self.sweep() {
                tokio::time::sleep(TICK).await;
                each();
                let step = millis(last.elapsed());
                last += Duration::from_millis(step);
                self.advance(step);
            }
            each();
            self.asleep.store(true, Ordering::Release);
            // Connections that came since the sweep did not know that they had to wake this task.
            if !self.sweep() {
                self.awake.notified().await;
            }
            self.asleep.store(false, Ordering::Release);
        }
    }

    /// Tells every watched thing the time; false if none needs it.
    fn sweep(&self) -> bool {
        let now = self.now();
        // A watched thing may itself watch or drop something: it is called without the lock.
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

    /// Advances the time; only the ticking task calls this.
    fn advance(&self, step: u64) {
        let counted = step.min(millis(LONGEST_STEP));
        self.now.store(self.now().saturating_add(counted), Ordering::Relaxed);
        self.stopped.fetch_add(step - counted, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::activity::{Activity, HEAD_TIMEOUT, Order, STALL_TIMEOUT};

    const HOUR: Duration = Duration::from_secs(3600);

    fn running() -> Arc<Ticker> {
        let ticker = Arc::new(Ticker::default());
        tokio::spawn(Arc::clone(&ticker).run(|| ()));
        ticker
    }

    fn connection(ticker: &Arc<Ticker>) -> Arc<Activity> {
        Activity::new(ticker, &Arc::default(), &Arc::default(), STALL_TIMEOUT)
    }

    /// Lets `duration` pass with all of its sweeps, and one more.
    async fn pass(duration: Duration) {
        tokio::time::sleep(duration + 2 * TICK).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_connection_after_a_long_sleep_has_all_its_time() {
        let ticker = running();
        for _ in 0..3 {
            pass(HOUR).await;
            let connection = connection(&ticker);
            pass(Duration::from_millis(HEAD_TIMEOUT) - 10 * TICK).await;
            assert_eq!(connection.order(), Order::None);
            pass(10 * TICK).await;
            assert_eq!(connection.order(), Order::Close);
        }
    }

    /// The clients of a stopped process or machine could do nothing in that time.
    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_ran_ends_no_connection() {
        let ticker = running();
        let first = connection(&ticker);
        pass(TICK).await;
        tokio::time::advance(HOUR).await;
        let second = connection(&ticker);
        pass(TICK).await;
        assert_eq!((first.order(), second.order()), (Order::None, Order::None));
        assert!(ticker.now() < HEAD_TIMEOUT && u128::from(ticker.with_stops()) >= HOUR.as_millis());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_never_early() {
        let ticker = running();
        let _connection = connection(&ticker);
        for late in [0, 1, 50, 99, 100, 150, 1_000] {
            pass(TICK).await;
            let begun = Instant::now();
            let due = ticker.after(Duration::from_secs(2));
            tokio::time::advance(Duration::from_millis(late)).await;
            while ticker.now() < due {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(begun.elapsed() >= Duration::from_secs(2), "{late}: {:?}", begun.elapsed());
        }
    }
}

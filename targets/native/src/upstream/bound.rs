//! The most connections to a place, over all threads of the process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::{Pool, PoolKey};

/// The bound of a place. Whoever opens a connection holds a [`Room`] for it until it has ended.
///
/// Each thread has a pool of its own: idle connections of all threads end for whoever waits, so that none is in the way.
#[derive(Debug)]
pub struct Bound {
    rooms: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Those who wait, in the order in which they have begun to.
    line: Mutex<VecDeque<Waiter>>,
    most_waiting: usize,
    /// The pools of all threads.
    pools: Mutex<Vec<Weak<Pool>>>,
}

/// The room of a connection.
pub type Room = OwnedSemaphorePermit;

/// The time after which room that was promised would be there.
const PROMISE: Duration = Duration::from_millis(100);

/// The least time by which a request waits longer than those of a thread that has connections, before one of those ends for it.
const SLACK: Duration = Duration::from_millis(20);

/// Somebody who waits for room.
#[derive(Debug)]
pub(super) struct Waiting<'b> {
    bound: &'b Bound,
    number: usize,
}

/// The same, in the line.
#[derive(Debug)]
struct Waiter {
    number: usize,
    since: Instant,
    /// The time at which a connection has ended for it.
    promised: Option<Instant>,
}

impl Bound {
    /// A bound of `most` connections, for which `most_waiting` requests may wait.
    pub(super) fn new(most: usize, most_waiting: usize) -> Self {
        Self {
            rooms: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            line: Mutex::default(),
            most_waiting,
            pools: Mutex::default(),
        }
    }

    /// Takes room for a connection, if there is some and nobody waits for it.
    pub(super) fn try_take(&self) -> Option<Room> {
        Arc::clone(&self.rooms).try_acquire_owned().ok()
    }

    /// Waits for room for a connection: who has waited longest has it first.
    pub(super) async fn take(&self) -> Option<Room> {
        // INVARIANT: the semaphore is never closed.
        Arc::clone(&self.rooms).acquire_owned().await.ok()
    }

    /// Begins to wait, for room that `is_made` already or for what others leave. Returns whether no more do than may.
    pub(super) fn wait(&self, is_made: bool) -> (Waiting<'_>, bool) {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        let mut line = self.line();
        let number = line.back().map_or(0, |last| last.number.wrapping_add(1));
        line.push_back(Waiter { number, since, promised: is_made.then_some(since) });
        (Waiting { bound: self, number }, before < self.most_waiting)
    }

    /// Returns whether a connection is to end for whoever has waited longest, of those for whom none has ended yet. Where requests of its own thread
    /// wait for it, the longest of them for the time `own`, it ends for one that has waited twice as long: connections last, and no thread goes short.
    pub(super) fn promise(&self, own: Option<Duration>) -> bool {
        if self.waiting() == 0 {
            return false;
        }
        let now = Instant::now();
        let mut line = self.line();
        let is_left = |waiter: &&mut Waiter| waiter.promised.is_none_or(|at| now.duration_since(at) >= PROMISE);
        let Some(longest) = line.iter_mut().find(is_left) else { return false };
        if own.is_some_and(|own| now.duration_since(longest.since) <= own * 2 + SLACK) {
            return false;
        }
        longest.promised = Some(now);
        true
    }

    fn line(&self) -> MutexGuard<'_, VecDeque<Waiter>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the connections of `pool` are among its own.
    pub(super) fn has(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools();
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    /// Has an idle connection end, of whatever thread; returns whether there was one, whose room is free in a moment.
    pub(super) fn make_room(&self) -> bool {
        let pools: Vec<Arc<Pool>> = self.pools().iter().filter_map(Weak::upgrade).collect();
        pools.iter().any(|pool| pool.end_idle())
    }

    fn pools(&self) -> MutexGuard<'_, Vec<Weak<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut line = self.bound.line();
        if let Some(place) = line.iter().position(|waiter| waiter.number == self.number) {
            line.remove(place);
        }
        self.bound.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The bounds of all places, which the threads of the process share.
#[derive(Debug, Default)]
pub struct Bounds(Mutex<Vec<(PoolKey, Weak<Bound>)>>);

impl Bounds {
    /// The bound of the place with this key, if it has one.
    pub(crate) fn of(&self, key: &PoolKey) -> Option<Arc<Bound>> {
        let (most, most_waiting) = key.bound()?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, bound)| bound.strong_count() > 0);
        if let Some(bound) = known.iter().find(|(of, _)| of == key).and_then(|(_, bound)| bound.upgrade()) {
            return Some(bound);
        }
        let bound = Arc::new(Bound::new(most, most_waiting));
        known.push((key.clone(), Arc::downgrade(&bound)));
        Some(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_there_again_once_it_is_let_go() {
        let bound = Bound::new(1, 1);
        let room = bound.try_take();
        assert!(room.is_some() && bound.try_take().is_none());
        drop(room);
        assert!(bound.try_take().is_some());
    }

    #[test]
    fn those_who_wait_are_counted_and_bounded() {
        let bound = Bound::new(1, 1);
        let first = bound.wait(false);
        assert!(first.1 && !bound.wait(false).1);
        assert_eq!(bound.waiting(), 1);
        drop(first);
        assert_eq!(bound.waiting(), 0);
    }

    #[test]
    fn one_connection_ends_for_each_who_waits() {
        let bound = Bound::new(1, 10);
        assert!(!bound.promise(None), "nobody waits");
        let (_first, _second) = (bound.wait(false), bound.wait(true));
        // Those of a thread of its own have waited as long.
        assert!(!bound.promise(Some(Duration::from_secs(1))));
        std::thread::sleep(SLACK * 2);
        assert!(bound.promise(Some(Duration::ZERO)), "the first one has waited much longer");
        assert!(!bound.promise(None), "for both one has ended");
    }
}

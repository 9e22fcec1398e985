//! The most connections to a place, over all threads of the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::{Pool, PoolKey};

/// The bound of a place. Whoever opens a connection holds a [`Room`] for it until it has ended.
///
/// Each thread has a pool of its own: idle connections of all threads end for whoever waits, so that none is in the way.
#[derive(Debug)]
pub struct Bound {
    rooms: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    /// The pools of all threads.
    pools: Mutex<Vec<Weak<Pool>>>,
}

/// The room of a connection.
pub type Room = OwnedSemaphorePermit;

/// Somebody who waits for room.
#[derive(Debug)]
pub(super) struct Waiting<'b>(&'b Bound);

impl Bound {
    /// A bound of `most` connections, for which `most_waiting` requests may wait.
    pub(super) fn new(most: usize, most_waiting: usize) -> Self {
        Self {
            rooms: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
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

    /// Begins to wait. Returns whether no more do than may.
    pub(super) fn wait(&self) -> (Waiting<'_>, bool) {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        (Waiting(self), before < self.most_waiting)
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
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
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
        let first = bound.wait();
        assert!(first.1 && !bound.wait().1);
        assert_eq!(bound.waiting(), 1);
        drop(first);
        assert_eq!(bound.waiting(), 0);
    }
}

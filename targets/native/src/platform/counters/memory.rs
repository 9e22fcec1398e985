//! Cells in memory, spread over shards so that threads seldom wait for each other.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::policy::counter::{CounterOp, CounterVerdict, State, step};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;
use hashbrown::HashTable;

const SHARDS: usize = 64;

/// The most cells of a shard: two million in all, some 300 MB, of which a limit has a share. Beyond that, a new cell is refused, and no cell that
/// still matters is forgotten, so that names made up by clients can't reset a limit.
const MAX_CELLS: usize = 32 * 1024;

/// The number of cells that are checked for each new one, to forget those that no longer matter: more than one, so that
/// old cells go faster than new ones come.
const SWEEP: usize = 2;

/// The number of cells that are checked if there is no room for a new one.
const SWEEP_FULL: usize = 64;

/// A limit may have so many times as many cells as there is room left: by itself three quarters of all, and however many limits clients
/// fill with names that they make up, there is room for the others.
const SHARE: usize = 3;

/// The beginning of the name of a cell, which all cells of a limit have in common: its kind, and the name of the limit. What is counted by no
/// limit, such as a nonce, has the kind in common alone.
fn limit_of(cell: &str) -> &str {
    let mut colons = cell.match_indices(':').map(|(at, _)| at);
    let kind = colons.next();
    colons.next().or(kind).and_then(|end| cell.get(..end)).unwrap_or(cell)
}

/// Cells in memory.
#[derive(Debug)]
pub struct Cells {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    /// The cells, by the hash of their names that has led to this shard: it is made once.
    cells: HashTable<Named>,
    /// The number of cells of each limit.
    of_limits: HashMap<Box<str>, usize>,
    /// Every cell once, in the order of checking.
    queue: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Named {
    name: Arc<str>,
    cell: Cell,
}

#[derive(Debug)]
struct Cell {
    /// `None` only while an operation is applied.
    state: Option<State>,
    expires: Timestamp,
}

impl Default for Cells {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Cells {
    /// Applies `op` to `cell` at `now`.
    ///
    /// # Errors
    /// [`StoreFailure::Full`] if the cell is new and too many others still matter.
    pub fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, StoreFailure> {
        let hash = self.hasher.hash_one(cell);
        // The table of a shard looks at the lowest and at the highest bits.
        let place = usize::try_from((hash >> 32) % SHARDS as u64).unwrap_or_default();
        match self.shards.get(place) {
            Some(shard) => {
                let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                shard.apply(&self.hasher, (cell, hash), op, now)
            }
            None => Err(StoreFailure::Full),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().cells.len()).sum()
    }
}

impl Shard {
    /// Applies `op` to the cell with this name, whose hash by `hasher` is given.
    fn apply(
        &mut self,
        hasher: &RandomState,
        (name, hash): (&str, u64),
        op: CounterOp,
        now: Timestamp,
    ) -> Result<CounterVerdict, StoreFailure> {
        if let Some(Named { cell, .. }) = self.cells.find_mut(hash, |known| *known.name == *name) {
            let state = cell.state.take().filter(|_| cell.expires > now);
            let (after, verdict) = Cell::after(op, state, now);
            *cell = after;
            return Ok(verdict);
        }
        self.sweep(hasher, SWEEP, now);
        let limit = limit_of(name);
        // Each cell that is forgotten was paid for when it came.
        while !self.has_room_for(limit) {
            if self.sweep(hasher, SWEEP_FULL, now) == 0 {
                return Err(StoreFailure::Full);
            }
        }
        match self.of_limits.get_mut(limit) {
            Some(count) => *count += 1,
            None => drop(self.of_limits.insert(limit.into(), 1)),
        }
        let (cell, verdict) = Cell::after(op, None, now);
        let name: Arc<str> = name.into();
        let known = Named { name: Arc::clone(&name), cell };
        self.cells.insert_unique(hash, known, |known| hasher.hash_one(&*known.name));
        self.queue.push_back(name);
        Ok(verdict)
    }

    /// Returns whether `limit` may have one cell more.
    fn has_room_for(&self, limit: &str) -> bool {
        let own = self.of_limits.get(limit).copied().unwrap_or_default();
        own < MAX_CELLS.saturating_sub(self.cells.len()) * SHARE
    }

    /// Checks `count` cells, and forgets the expired ones; returns their number.
    fn sweep(&mut self, hasher: &RandomState, count: usize, now: Timestamp) -> usize {
        let before = self.cells.len();
        for _ in 0..count {
            let Some(name) = self.queue.pop_front() else { break };
            let found = self.cells.find_entry(hasher.hash_one(&*name), |known| known.name == name);
            if found.as_ref().map_or(true, |known| known.get().cell.expires <= now) {
                drop(found.map(|known| known.remove()));
                let limit = limit_of(&name);
                if let Some(count) = self.of_limits.get_mut(limit) {
                    *count -= 1;
                    if *count == 0 {
                        self.of_limits.remove(limit);
                    }
                }
            } else {
                self.queue.push_back(name);
            }
        }
        before - self.cells.len()
    }
}

impl Cell {
    /// A cell with the outcome of `op` on `state`.
    fn after(op: CounterOp, state: Option<State>, now: Timestamp) -> (Self, CounterVerdict) {
        let step = step(op, state, now);
        (Self { state: Some(step.state), expires: now.saturating_add(step.keep_for) }, step.verdict)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use gateway_core::policy::quota::Quota;

    use super::*;

    const OP: CounterOp =
        CounterOp::Gcra { quota: Quota { limit: 100, window: Duration::from_secs(60), burst: 100 }, cost: 1 };

    fn admitted(verdict: Result<CounterVerdict, StoreFailure>) -> bool {
        verdict.unwrap().quota().unwrap().admitted
    }

    #[test]
    fn threads_together_get_no_more_than_the_limit() {
        let cells = Cells::default();
        let now = Timestamp::from_unix_millis(1_000_000);
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..50).filter(|_| admitted(cells.apply("a", OP, now))).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(total, 100);
    }

    #[test]
    fn threads_together_hold_no_more_places_than_there_are() {
        let (cells, now) = (Cells::default(), Timestamp::from_unix_millis(1_000_000));
        let lease = Duration::from_secs(60);
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (cells, held, most) = (&cells, &held, &most);
                scope.spawn(move || {
                    for n in 0..200 {
                        let holder = thread * 1_000 + n;
                        let asked = cells.apply("a", CounterOp::Acquire { holder, limit: 3, lease }, now).unwrap();
                        if asked.lease().unwrap().acquired {
                            most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::yield_now();
                            held.fetch_sub(1, Ordering::SeqCst);
                            let released = cells.apply("a", CounterOp::Release { holder }, now);
                            assert_eq!(released, Ok(CounterVerdict::Released));
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
        // None was lost, and an empty cell says nothing more.
        let acquire = |holder| cells.apply("a", CounterOp::Acquire { holder, limit: 3, lease }, now).unwrap();
        assert_eq!((1..=4).filter(|holder| acquire(*holder).lease().unwrap().acquired).count(), 3);
    }

    #[test]
    fn one_of_many_threads_gets_what_happens_once() {
        let cells = Cells::default();
        let op = CounterOp::Once { keep: Duration::from_secs(10) };
        let first = |millis: u64| {
            cells.apply("a", op, Timestamp::from_unix_millis(1_000_000 + millis)).unwrap().once().unwrap()
        };
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| usize::from(first(0)))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((total, first(9_999), first(10_000)), (1, false, true));
    }

    #[test]
    fn cells_are_forgotten_once_their_quota_is_whole_again() {
        let cells = Cells::default();
        for n in 0..50_000_u64 {
            // Each cell matters for 600 ms, and one comes each millisecond.
            cells.apply(&n.to_string(), OP, Timestamp::from_unix_millis(1_000_000 + n)).unwrap();
        }
        assert!(cells.len() < 5_000, "{}", cells.len());
    }

    #[test]
    fn cells_of_one_limit_have_their_beginning_in_common() {
        for (cell, limit) in [
            ("rl:api:203.0.113.7", "rl:api"),
            ("rl:api:2001:db8::/64", "rl:api"),
            ("cc:api:*", "cc:api"),
            ("sn:0123456789abcdef", "sn"),
            ("wh:0123456789abcdef", "wh"),
            ("purges", "purges"),
        ] {
            assert_eq!(limit_of(cell), limit);
        }
    }

    /// docs/configuration.md, Rate limits: a million clients in an hour take the room of those who still matter.
    #[test]
    fn a_million_keys_in_an_hour_take_bounded_room() {
        let (cells, mut most) = (Cells::default(), 0);
        for n in 0..1_000_000_u64 {
            // Each matters for 600 ms: by one request of 100 in a minute.
            cells
                .apply(&format!("rl:api:{n}"), OP, Timestamp::from_unix_millis(1_000_000 + n * 3_600_000 / 1_000_000))
                .unwrap();
            if n % 10_000 == 0 {
                most = most.max(cells.len());
            }
        }
        assert!(most < 1_000, "{most}");
    }

    #[test]
    fn no_cell_that_matters_gives_way_to_others() {
        let (mut shard, hasher, now) = (Shard::default(), RandomState::new(), Timestamp::from_unix_millis(1_000_000));
        let apply = |shard: &mut Shard, name: &str, now| shard.apply(&hasher, (name, hasher.hash_one(name)), OP, now);
        let used_up = (0..101).map(|_| admitted(apply(&mut shard, "victim", now))).filter(|admitted| *admitted).count();
        assert_eq!(used_up, 100);
        for n in 0..MAX_CELLS + 1000 {
            let applied = apply(&mut shard, &format!("rl:big:{n}"), now);
            let expected = if n < MAX_CELLS * 3 / 4 { None } else { Some(StoreFailure::Full) };
            assert_eq!(applied.err(), expected, "{n}");
        }
        assert!(shard.cells.len() <= MAX_CELLS && shard.queue.len() == shard.cells.len());
        // However many limits are filled so, others have room.
        for n in 0..100_000 {
            let _ = apply(&mut shard, &format!("rl:big{}:{n}", n % 20), now);
        }
        for n in 0..60 {
            assert!(admitted(apply(&mut shard, &format!("rl:other:{n}"), now)));
        }
        assert!(shard.cells.len() <= MAX_CELLS);
        assert!(!admitted(apply(&mut shard, "victim", now)));
        // Each of the others matters for 600 ms.
        assert!(admitted(apply(&mut shard, "rl:big:new", Timestamp::from_unix_millis(1_000_600))));
    }
}

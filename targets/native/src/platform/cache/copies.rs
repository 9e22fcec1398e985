//! The copies of contents that are on their way to clients, within a budget of memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::time::Timestamp;

/// The time, in milliseconds, after which a client that takes nothing stands: as flights have it.
const STANDS: u64 = 500;

/// The time between two looks at all copies, in milliseconds.
const LOOK_EVERY: u64 = 100;

/// The copies that are on their way.
pub(super) struct Copies {
    /// The bytes that they take.
    taken: AtomicU64,
    /// The most of them.
    most: u64,
    all: Mutex<BTreeMap<u64, Arc<Held>>>,
    begun: AtomicU64,
    /// The time of the last look at all of them, in milliseconds.
    looked: AtomicU64,
}

/// A copy. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Copy {
    number: u64,
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    /// None, once it is given up.
    content: Mutex<Option<Vec<u8>>>,
    /// The time since which the client has something to take, in milliseconds; 0 while it waits for more.
    since: AtomicU64,
}

/// What has become of some data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It is in the copy.
    Yes,
    /// There is no room for it.
    NoRoom,
    /// The copy was given up, as its client stood.
    GivenUp,
}

impl Copies {
    /// Copies that take at most so many bytes together.
    pub(super) fn new(most: u64) -> Self {
        let (all, number) = (Mutex::default(), AtomicU64::default);
        Self { taken: number(), most, all, begun: number(), looked: number() }
    }

    /// A copy whose client has something to take since `now`.
    pub(super) fn begin(&self, now: Timestamp) -> Copy {
        let since = AtomicU64::new(now.unix_millis());
        let held = Arc::new(Held { content: Mutex::new(Some(Vec::new())), since });
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        self.all().insert(number, Arc::clone(&held));
        Copy { number, held }
    }

    /// Adds `data`, which the client gets `now`, to `copy`: of a content that is as long as is `stated`, and of at most so many bytes.
    pub(super) fn add(
        &self,
        copy: &Copy,
        data: &[u8],
        (stated, most): (Option<usize>, usize),
        now: Timestamp,
    ) -> Added {
        if self.is_half_full() {
            self.give_up_standing(now.unix_millis());
        }
        copy.held.since.store(now.unix_millis(), Ordering::Relaxed);
        let mut content = copy.held.content();
        let Some(content) = content.as_mut() else { return Added::GivenUp };
        let length = content.len() + data.len();
        if length > most || !self.grow(content, length, stated.unwrap_or(most)) {
            return Added::NoRoom;
        }
        content.extend_from_slice(data);
        Added::Yes
    }

    /// Ends `copy`. Returns its content, unless it was given up.
    pub(super) fn end(&self, copy: &Copy) -> Option<Vec<u8>> {
        self.all().remove(&copy.number);
        self.take(&copy.held)
    }

    fn take(&self, held: &Held) -> Option<Vec<u8>> {
        let content = held.content().take()?;
        self.taken.fetch_sub(content.capacity() as u64, Ordering::Relaxed);
        Some(content)
    }

    fn is_half_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most / 2
    }

    /// Gives up copies whose clients stand, those first that do so longest, until half of the room is free: else clients that take nothing
    /// would have all of it.
    fn give_up_standing(&self, now: u64) {
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(looked) >= LOOK_EVERY;
        if !is_due || self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let since = |held: &Held| Some(held.since.load(Ordering::Relaxed)).filter(|since| *since != 0);
        let stands = |held: &Held| since(held).filter(|since| now.saturating_sub(*since) >= STANDS);
        let mut standing: Vec<(u64, Arc<Held>)> =
            self.all().values().filter_map(|held| Some((stands(held)?, Arc::clone(held)))).collect();
        standing.sort_unstable_by_key(|(since, _)| *since);
        for (_, held) in standing {
            if !self.is_half_full() {
                break;
            }
            self.take(&held);
        }
    }

    /// Makes room in `content` for `length` bytes, and for more up to `most`; false if there is none.
    fn grow(&self, content: &mut Vec<u8>, length: usize, most: usize) -> bool {
        let capacity = content.capacity();
        if length <= capacity {
            return true;
        }
        let wanted = capacity.saturating_mul(2).min(most).max(length);
        let more = (wanted - capacity) as u64;
        let with = |taken: u64| taken.checked_add(more).filter(|taken| *taken <= self.most);
        if self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with).is_err() {
            return false;
        }
        content.reserve_exact(wanted - content.len());
        // The allocator may have given more.
        self.taken.fetch_add((content.capacity() - wanted) as u64, Ordering::Relaxed);
        true
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Held>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    /// Takes note that the client waits for more.
    pub(super) fn goes_on(&self) {
        self.held.since.store(0, Ordering::Relaxed);
    }
}

impl Held {
    fn content(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_000_000 + millis)
    }

    fn add(copies: &Copies, copy: &Copy, length: usize, now: u64) -> Added {
        copies.add(copy, &vec![0; length], (Some(1_000), 1_000), at(now))
    }

    /// docs/configuration.md, Cache: the copies of contents that are on their way take a quarter of the memory, as they grow.
    #[test]
    fn the_copies_under_way_are_bounded() {
        const MOST: u64 = 256 << 10;
        let copies = Copies::new(MOST);
        let all: Vec<Copy> = (0..1_000).map(|_| copies.begin(at(0))).collect();
        let mut grown = 0;
        for copy in (0..3).flat_map(|_| &all) {
            if add(&copies, copy, 100, 0) == Added::Yes {
                grown += 1;
            }
            assert!(copies.taken.load(Ordering::Relaxed) <= MOST);
        }
        assert!((1_000..3_000).contains(&grown), "{grown}");
        let sizes: usize = all.iter().map(|copy| copy.held.content().as_ref().unwrap().capacity()).sum();
        assert_eq!(copies.taken.load(Ordering::Relaxed), sizes as u64);
        let lengths: usize = all.iter().filter_map(|copy| copies.end(copy)).map(|content| content.len()).sum();
        assert_eq!((copies.taken.load(Ordering::Relaxed), lengths), (0, grown * 100));
        assert!(copies.all().is_empty());
        assert!(copies.grow(&mut Vec::new(), 1_000, 256 << 10));
    }

    /// docs/configuration.md, Cache: a client that takes nothing for half a second keeps its share only as long as there is room.
    #[test]
    fn copies_whose_clients_stand_make_room() {
        let copies = Copies::new(1_000);
        let [first, second, busy] = core::array::from_fn(|n| copies.begin(at(n as u64)));
        let grow = |copy, now| copies.add(copy, &[0; 300], (Some(300), 300), at(now));
        assert_eq!((grow(&first, 0), grow(&second, 100), grow(&busy, 100)), (Added::Yes, Added::Yes, Added::Yes));
        // It waits for the upstream.
        busy.goes_on();
        let early = copies.begin(at(400));
        assert_eq!(grow(&early, 400), Added::NoRoom, "nobody has stood for half a second");
        let late = copies.begin(at(650));
        assert_eq!(grow(&late, 650), Added::Yes);
        assert_eq!(copies.add(&first, &[0], (Some(300), 300), at(660)), Added::GivenUp);
        assert_eq!(
            (copies.end(&first), copies.end(&second), copies.end(&busy).map(|content| content.len())),
            (None, None, Some(300))
        );
        assert_eq!(copies.end(&late).map(|content| content.len()), Some(300));
        drop(copies.end(&early));
        assert_eq!(copies.taken.load(Ordering::Relaxed), 0);
    }

    /// Who stands longest goes first, and nobody if there is room.
    #[test]
    fn no_more_copies_go_than_are_in_the_way() {
        let copies = Copies::new(1_000);
        let three: [Copy; 3] = core::array::from_fn(|_| copies.begin(at(0)));
        for (copy, now) in three.iter().zip([200, 0, 100]) {
            assert_eq!(copies.add(copy, &[0; 200], (Some(200), 200), at(now)), Added::Yes);
        }
        let next = copies.begin(at(5_000));
        assert_eq!(copies.add(&next, &[0; 200], (Some(200), 200), at(5_000)), Added::Yes);
        let left = three.each_ref().map(|copy| copies.end(copy).is_some());
        assert_eq!(left, [true, false, true], "600 of 1,000 bytes were taken: one is enough");
    }
}

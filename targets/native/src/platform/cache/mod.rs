//! The stored responses, in memory that all threads share, and in a file behind it.

mod copies;
mod disk;
mod file;
mod shared;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gateway_core::cache::purges::{PurgeBook, Purges};
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::ports::{Keep, StoreFailure, StoredResponses};
use gateway_core::response_store;
use gateway_core::time::Timestamp;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use self::copies::{Added, Copies, Copy};
use self::disk::Disk;
pub use self::shared::Shared;
use super::{StoreError, Stores, now};
use crate::health::Health;

/// The usual size of a stored response, by which the tables are laid out.
const USUAL_BYTES: u64 = 8 << 10;

/// The parts of the store, each with a lock of its own. A response takes at most a part's share of the memory.
const SHARDS: usize = 4;

/// The marks of what has ended, each for a part of all resources.
const MARKS: usize = 1 << 12;

/// The stored responses. Those that are asked for least go when the memory is full.
pub struct ResponseCache {
    /// The time at which what was stored of a resource ended last: what was asked for by then is not stored any more. Resources share marks, so
    /// that there is one for each, however many change: at worst a response that is under way meanwhile is not stored. Who has the lock is the
    /// only one that changes what is stored of those resources.
    ended: Box<[Mutex<Timestamp>]>,
    hasher: RandomState,
    cache: Cache<Box<str>, Held, Weight>,
    /// The largest content of the file that is taken into memory, in bytes.
    most_taken: u64,
    most_bytes: u64,
    /// The most that the responses to requests for one resource take, in bytes.
    most_of_one: u64,
    copies: Copies,
    disk: Option<Disk>,
}

/// What is in memory.
#[derive(Clone)]
enum Held {
    /// The responses to requests for a resource.
    Responses(Arc<Resource>),
    /// A content that is in the file, under its name there.
    Content(Bytes),
}

/// The memory that an entry takes.
#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<Box<str>, Held> for Weight {
    fn weight(&self, key: &Box<str>, held: &Held) -> u64 {
        let weight = match held {
            Held::Responses(resource) => resource.weight(),
            Held::Content(bytes) => bytes.len() as u64,
        };
        weight.saturating_add(overhead(key))
    }
}

/// The tables have a key, a pointer and some words of their own for each.
const fn overhead(key: &str) -> u64 {
    key.len() as u64 + 120
}

/// The most entries that are counted: no more than takes a few milliseconds.
const MOST_COUNTED: usize = 20_000;

/// The longest content that a policy may have stored, in bytes.
const LONGEST: u64 = 64 << 20;

/// The room for the head of a response beside the longest content.
const HEAD_BYTES: u64 = 16 << 10;

impl ResponseCache {
    /// A store that takes `memory` bytes, and has the file and its size if there is one. Purges that the file knows are added to `book`.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn open(memory: u64, file: Option<(&str, u64)>, book: &PurgeBook) -> Result<Self, StoreError> {
        let disk = file.map(|(path, size)| Disk::open(path, size, book)).transpose()?;
        let items = usize::try_from(memory / USUAL_BYTES).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        let options =
            OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(memory).shards(SHARDS).build();
        let cache = match options {
            Ok(options) => Cache::with_options(options, Weight, Default::default(), Default::default()),
            Err(_) => Cache::with_weighter(items, memory, Weight),
        };
        let share = memory / SHARDS as u64;
        // A part of the memory takes nothing that leaves others no room at all.
        let most_of_one = share - share / 16;
        // Without a file, what has no room in memory has none.
        let most_bytes = if disk.is_some() { u64::MAX } else { most_of_one.saturating_sub(HEAD_BYTES.min(share / 8)) };
        let copies = Copies::new(if disk.is_some() { share.max(LONGEST) } else { share });
        let (ended, hasher) = ((0..MARKS).map(|_| Mutex::default()).collect(), RandomState::new());
        Ok(Self { ended, hasher, cache, most_taken: share / 2, most_bytes, most_of_one, copies, disk })
    }

    fn held(&self, resource: &str) -> Option<Arc<Resource>> {
        match self.cache.get(resource)? {
            Held::Responses(found) => Some(found),
            Held::Content(_) => None,
        }
    }

    /// The responses to requests for `resource`.
    pub async fn find(&self, resource: &str) -> Option<Arc<Resource>> {
        match (self.held(resource), &self.disk) {
            (None, Some(disk)) => Box::pin(self.look(disk, resource)).await,
            (found, _) => found,
        }
    }

    /// Looks into the file, and takes what is there into memory.
    async fn look(&self, disk: &Disk, resource: &str) -> Option<Arc<Resource>> {
        let looked = disk.look(resource, || self.held(resource)).await;
        let found = looked.found.as_ref()?;
        disk.if_same(resource, &looked, || self.cache.insert(resource.into(), Held::Responses(Arc::clone(found))));
        looked.found
    }

    /// The content of a stored response, or the bytes of it in `range`; none if it is gone.
    pub async fn content(&self, content: &Content, range: Option<Range<u64>>) -> Option<Bytes> {
        let (name, length) = match content {
            Content::Here(bytes) => return part(bytes, range),
            Content::There { name, length } => (name, *length),
        };
        // A resource is a URL, and has no such name.
        if let Some(Held::Content(bytes)) = self.cache.get(name) {
            return part(&bytes, range);
        }
        let is_taken = range.is_none() && length <= self.most_taken;
        let bytes = Box::pin(self.disk.as_ref()?.content(name, length, range)).await?;
        if is_taken {
            self.cache.insert(name.clone(), Held::Content(bytes.clone()));
        }
        Some(bytes)
    }

    fn mark(&self, resource: &str) -> Option<MutexGuard<'_, Timestamp>> {
        let place = usize::try_from(self.hasher.hash_one(resource) % MARKS as u64).unwrap_or_default();
        self.ended.get(place).map(|mark| mark.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores `variant`, unless what was asked for at its time has ended. Returns whether there is room for such a response.
    pub fn store(&self, resource: &str, variant: Arc<Variant>) -> bool {
        let mark = self.mark(resource);
        if mark.as_deref().is_some_and(|ended| variant.asked <= *ended) {
            return true;
        }
        let variant = Arc::new(variant.packed());
        let mut has_room = true;
        let mut in_memory = |variant: Arc<Variant>| {
            let known = match self.cache.peek(resource) {
                Some(Held::Responses(known)) => Some(known),
                _ => None,
            };
            let with = known.as_deref().unwrap_or(&Resource::default()).with(Arc::clone(&variant));
            // One that is older than what is there takes no room.
            let is_taken = with.has(&variant);
            let with = with.within(self.most_of_one.saturating_sub(overhead(resource)));
            has_room = !is_taken || with.has(&variant);
            self.cache.insert(resource.into(), Held::Responses(Arc::new(with)));
        };
        match &self.disk {
            None => in_memory(variant),
            Some(disk) => disk.store(resource, Arc::clone(&variant), || in_memory(variant)),
        }
        self.disk.is_some() || (has_room && self.cache.contains_key(resource))
    }

    /// Removes the responses to requests for `resource`, which end at `now`.
    pub fn remove(&self, resource: &str, now: Timestamp) {
        let mut mark = self.mark(resource);
        if let Some(mark) = mark.as_deref_mut() {
            *mark = now.max(*mark);
        }
        let in_memory = || drop(self.cache.remove(resource));
        match &self.disk {
            None => in_memory(),
            Some(disk) => disk.remove(resource, in_memory),
        }
    }

    /// Takes note of the purges in `book`, where responses outlive the process.
    ///
    /// # Errors
    /// [`StoreFailure::Unreachable`] when the file can't be written.
    pub async fn keep_purges(&self, book: &Arc<PurgeBook>) -> Result<(), StoreFailure> {
        match &self.disk {
            None => Ok(()),
            Some(disk) => Box::pin(disk.keep_purges(Arc::clone(book))).await,
        }
    }

    /// Writes what waits for it into the file. Nothing is written after that.
    pub fn close(&self) {
        self.disk.iter().for_each(Disk::close);
    }

    /// The longest content that finds room.
    pub const fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// The number of resources in memory, and the memory that is taken.
    pub fn size(&self) -> StoredResponses {
        StoredResponses { resources: self.cache.len(), bytes: self.cache.weight() }
    }

    /// The number of URLs in memory of which `added` ends responses that `book` has not ended yet; none where responses are in a file, too, or
    /// counting would take too long.
    pub fn count(&self, book: &PurgeBook, added: &Purges) -> Option<u64> {
        if self.disk.is_some() || self.cache.len() > MOST_COUNTED {
            return None;
        }
        let ends = |resource: &str, variant: &Variant| {
            let reach = added.reach(resource, &variant.entry, variant.asked);
            reach.is_some() && reach > book.reach(resource, &variant.entry, variant.asked)
        };
        let counted = self.cache.iter().filter(|(resource, held)| match held {
            Held::Responses(held) => held.variants.iter().any(|variant| ends(resource, variant)),
            Held::Content(_) => false,
        });
        Some(counted.count() as u64)
    }

    /// The health of looks into the file, and of writes, if there is one.
    pub fn health(&self) -> Option<[&Health; 2]> {
        self.disk.as_ref().map(Disk::health)
    }
}

/// The bytes in `range`.
fn part(bytes: &Bytes, range: Option<Range<u64>>) -> Option<Bytes> {
    let Some(range) = range else { return Some(bytes.clone()) };
    let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    bytes.get(range.clone())?;
    Some(bytes.slice(range))
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseCache").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// A response on its way to the client whose content is copied for the store. Whoever waits for it goes on when it is dropped.
#[derive(Debug)]
pub struct Keeping {
    keep: Option<Box<Keep>>,
    copy: Copy,
    stores: Arc<Stores>,
}

impl Keeping {
    /// A copy of what is yet to come.
    #[must_use]
    pub fn new(keep: Box<Keep>, stores: Arc<Stores>) -> Self {
        let now = now();
        keep.waits_for_client(now);
        Self { keep: Some(keep), copy: stores.cache.copies.begin(now), stores }
    }

    /// Takes note that the client asks for more.
    pub fn goes_on(&self) {
        self.copy.goes_on();
        self.keep.iter().for_each(|keep| keep.goes_on(now()));
    }

    /// Copies `data`, which the client gets next; false if that is too much, or its client has stood in the way of others.
    pub fn read(&mut self, data: &Bytes) -> bool {
        let Some(keep) = &self.keep else { return false };
        let (now, most) = (now(), usize::try_from(keep.most_bytes).unwrap_or(usize::MAX));
        let stated = keep.entry.length.and_then(|length| usize::try_from(length).ok());
        let added = self.stores.cache.copies.add(&self.copy, data, (stated, most), now);
        match added {
            Added::Yes => keep.waits_for_client(now),
            Added::NoRoom => keep.has_no_room(now),
            // The response of another client may be stored.
            Added::GivenUp => {}
        }
        added == Added::Yes
    }

    /// Stores the response, all of whose content has come.
    pub fn finish(mut self) {
        let Some(keep) = self.keep.as_mut() else { return };
        let Some(content) = self.stores.cache.copies.end(&self.copy) else { return };
        // What grew piece by piece has room that is not needed any more.
        let content = Bytes::from(content.into_boxed_slice());
        if self.stores.shared.is_some() {
            // The client does not wait for that. Who waits for the response does.
            tokio::spawn(self.share(content));
            return;
        }
        let variant = keep.with(Content::Here(content));
        if self.stores.cache.store(&keep.resource, Arc::new(variant)) {
            keep.is_stored();
        } else {
            keep.has_no_room(now());
        }
    }

    /// Stores the response where several gateways find it. One that can't be stored is lost, and standard error says why.
    async fn share(mut self, content: Bytes) {
        if let (Some(keep), Some(shared)) = (self.keep.as_mut(), &self.stores.shared)
            && let Some(_sent) = shared.send(content.len())
            && response_store::keep(shared, keep, content).await.is_ok()
        {
            keep.is_stored();
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.stores.cache.copies.end(&self.copy);
        if let Some(mut keep) = self.keep.take()
            && keep.flight.take().is_some()
        {
            self.stores.meetings.notify(&keep.resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use gateway_core::cache::entry::Entry;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn variant(asked: u64) -> Arc<Variant> {
        let content = Content::Here(Bytes::from(asked.to_string()));
        Arc::new(Variant { part: "".into(), asked: at(asked), until: at(u64::MAX), entry: Entry::default(), content })
    }

    fn stored(cache: &ResponseCache, resource: &str) -> Option<u64> {
        Some(cache.held(resource)?.variants.first()?.asked.unix_millis())
    }

    fn cache() -> ResponseCache {
        ResponseCache::open(1 << 20, None, &PurgeBook::default()).unwrap()
    }

    /// RFC 9111 §4.4: what was asked for before a change is not stored after it, whatever else is stored and ended meanwhile.
    #[test]
    fn what_was_asked_for_before_the_end_is_not_stored() {
        let cache = cache();
        cache.store("a", variant(10));
        assert_eq!(stored(&cache, "a"), Some(10));
        cache.remove("a", at(20));
        for n in 0..10_000 {
            cache.remove(&n.to_string(), at(5));
            cache.store(&n.to_string(), variant(15));
        }
        for (asked, found) in [(10, None), (20, None), (21, Some(21)), (19, Some(21)), (22, Some(22))] {
            cache.store("a", variant(asked));
            assert_eq!(stored(&cache, "a"), found, "{asked}");
        }
    }

    /// What is too much for one resource removes its oldest responses, and not all of them.
    #[test]
    fn one_resource_does_not_empty_itself() {
        let cache = cache();
        for number in 0..40_u64 {
            let mut one = Arc::into_inner(variant(number)).unwrap();
            one.part = number.to_string().into();
            one.content = Content::Here(vec![0; 60_000].into());
            assert!(cache.store("a", Arc::new(one)), "{number}");
        }
        assert_eq!(
            cache.held("a").unwrap().variants.iter().map(|one| &*one.part).collect::<Vec<_>>(),
            ["36", "37", "38", "39"]
        );
        let mut large = Arc::into_inner(variant(100)).unwrap();
        large.content = Content::Here(vec![0; 260_000].into());
        assert!(!cache.store("b", Arc::new(large)), "it has no room");
        assert!(cache.held("b").is_none());
    }

    /// Of two threads that store responses to requests for one resource at the same time, none loses its own.
    #[test]
    fn what_threads_store_at_once_is_all_there() {
        const THREADS: usize = 4;
        // Enough that none has to go, however the resources are spread over the parts of the store.
        let cache = ResponseCache::open(16 << 20, None, &PurgeBook::default()).unwrap();
        let round = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, round) = (&cache, &round);
                scope.spawn(move || {
                    for number in 0..500 {
                        let mut one = Arc::into_inner(variant(1)).unwrap();
                        one.part = thread.to_string().into();
                        round.wait();
                        cache.store(&number.to_string(), Arc::new(one));
                    }
                });
            }
        });
        for number in 0..500 {
            assert_eq!(cache.held(&number.to_string()).unwrap().variants.len(), THREADS);
        }
    }
}

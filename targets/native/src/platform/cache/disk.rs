//! The stored responses in a file, behind those in memory.
//!
//! No request waits for a write: changes wait for a thread of their own, and a look sees them there. If too many wait, a response is not
//! written, and what the file had of its resource is removed.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_core::cache::purges::PurgeBook;
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::ports::StoreFailure;
use tokio::sync::Semaphore;

use super::file::{Change, File};
use crate::health::Health;
use crate::platform::database::PAUSE;
use crate::platform::{StoreError, now};

/// The most bytes of responses that wait to be written.
const MOST_WAITING: usize = 32 << 20;

/// The most bytes of names that wait to be removed; of more, all that is stored is.
const MOST_NAMES: usize = 32 << 20;

/// The bytes that are counted for a change beside its name and contents.
const OVERHEAD: usize = 512;

/// The time for which responses are gathered for one write, and the bytes of them that end it.
const GATHER: Duration = Duration::from_millis(250);
const ENOUGH: usize = 4 << 20;

/// The most looks into the file at once.
const MOST_LOOKS: usize = 16;

/// The largest content that comes along with its head, in bytes. A larger one is read when it is sent.
const ALONG: u64 = 64 << 10;

/// The marks by which a look sees that something has changed meanwhile, each for a part of all resources.
const MARKS: usize = 1 << 12;

/// Responses in a file.
#[derive(Debug)]
pub(super) struct Disk {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    file: File,
    waiting: Mutex<Waiting>,
    /// Notified when there is something to write, and at the end.
    wake: Condvar,
    looks: Semaphore,
    reads: Health,
    writes: Health,
}

/// The changes that are not in the file yet.
#[derive(Debug)]
struct Waiting {
    changes: HashMap<Box<str>, Change>,
    /// Those that are being written.
    written: Arc<Batch>,
    /// Set if all that is in the file is to be removed before.
    all: bool,
    /// The bytes of responses, and of names.
    bytes: usize,
    names: usize,
    /// Set if there is something that should be written at once.
    is_urgent: bool,
    ends: bool,
    marks: Box<[u64]>,
}

#[derive(Debug, Default)]
struct Batch {
    all: bool,
    changes: HashMap<Box<str>, Change>,
}

/// What was found of a resource.
pub(super) struct Looked {
    pub(super) found: Option<Arc<Resource>>,
    /// The state of the resource when it was looked for.
    mark: u64,
}

impl Disk {
    /// Opens the file at `path`, which takes `size` bytes, and adds its purges to `book`.
    ///
    /// # Errors
    /// When it can't be used.
    pub(super) fn open(path: &str, size: u64, book: &PurgeBook) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::CacheFile { path: path.to_owned(), reason };
        let file = File::open(path, size, book, now()).map_err(|error| refused(error.to_string()))?;
        let waiting = Waiting {
            changes: HashMap::new(),
            written: Arc::default(),
            all: false,
            bytes: 0,
            names: 0,
            is_urgent: false,
            ends: false,
            marks: vec![0; MARKS].into(),
        };
        let shared = Arc::new(Shared {
            file,
            waiting: Mutex::new(waiting),
            wake: Condvar::new(),
            looks: Semaphore::new(MOST_LOOKS),
            reads: Health::default(),
            writes: Health::default(),
        });
        let of_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new().name("edgeway-cache".to_owned()).spawn(move || of_writer.run());
        let writer = Mutex::new(Some(writer.map_err(|error| refused(error.to_string()))?));
        Ok(Self { shared, writer })
    }

    /// The health of looks into the file, and of writes.
    pub(super) fn health(&self) -> [&Health; 2] {
        [&self.shared.reads, &self.shared.writes]
    }

    /// Stores `variant` once `also` is done, which others see at the same time.
    pub(super) fn store(&self, resource: &str, variant: Arc<Variant>, also: impl FnOnce()) {
        let mut waiting = self.shared.waiting();
        also();
        waiting.store(resource, variant);
        drop(waiting);
        self.shared.wake.notify_one();
    }

    /// Removes what is stored of `resource` once `also` is done, which others see at the same time.
    pub(super) fn remove(&self, resource: &str, also: impl FnOnce()) {
        let mut waiting = self.shared.waiting();
        also();
        waiting.remove(resource);
        waiting.is_urgent = true;
        drop(waiting);
        self.shared.wake.notify_one();
    }

    /// Looks for the responses to requests for `resource`, unless others `know` them by the time that there is a turn. One that can't be read
    /// counts as none.
    pub(super) async fn look(&self, resource: &str, know: impl FnOnce() -> Option<Arc<Resource>>) -> Looked {
        let shared = &self.shared;
        let Ok(turn) = shared.looks.acquire().await else { return Looked { found: None, mark: 0 } };
        if let Some(known) = know() {
            // No mark is as high: it is not taken over once more.
            return Looked { found: Some(known), mark: u64::MAX };
        }
        let (changes, mark) = {
            let mut waiting = shared.waiting();
            (waiting.of(resource), waiting.mark(resource))
        };
        let (of_look, name) = (Arc::clone(shared), resource.to_owned());
        let begun = shared.reads.begin();
        let looked = tokio::task::spawn_blocking(move || of_look.find(&name, &changes)).await;
        drop(turn);
        let found = match looked {
            Ok(outcome) => {
                begun.end(&outcome);
                outcome.ok().flatten()
            }
            Err(_) => None,
        };
        Looked { found: found.map(Arc::new), mark }
    }

    /// Calls `take` if nothing of `resource` has changed since that look.
    pub(super) fn if_same(&self, resource: &str, looked: &Looked, take: impl FnOnce()) {
        let mut waiting = self.shared.waiting();
        if waiting.mark(resource) == looked.mark {
            take();
            waiting.used(resource);
        }
    }

    /// The content of this name and length, or the bytes of it in `range`; none if it is gone or can't be read.
    pub(super) async fn content(&self, name: &str, length: u64, range: Option<Range<u64>>) -> Option<Bytes> {
        let shared = &self.shared;
        let turn = shared.looks.acquire().await.ok()?;
        let (of_read, name) = (Arc::clone(shared), name.to_owned());
        let begun = shared.reads.begin();
        let read = tokio::task::spawn_blocking(move || of_read.file.content(&name, length, range)).await.ok()?;
        drop(turn);
        begun.end(&read);
        read.ok().flatten()
    }

    /// Writes the purges of `book` down, so that they hold after a restart.
    ///
    /// # Errors
    /// [`StoreFailure::Unreachable`] when the file can't be written.
    pub(super) async fn keep_purges(&self, book: Arc<PurgeBook>) -> Result<(), StoreFailure> {
        let shared = Arc::clone(&self.shared);
        let begun = self.shared.writes.begin();
        let kept = tokio::task::spawn_blocking(move || shared.file.keep_purges(&book)).await;
        let kept = kept.map_err(|_| StoreFailure::Unreachable)?;
        begun.end(&kept);
        kept.map_err(|_| StoreFailure::Unreachable)
    }

    /// Writes what waits, and ends the thread that does.
    pub(super) fn close(&self) {
        self.shared.waiting().ends = true;
        self.shared.wake.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // One that has panicked writes nothing more.
        let _ = writer.map(JoinHandle::join);
    }

    /// The bytes that are in the file.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.shared.file.bytes().unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.close();
    }
}

impl Waiting {
    fn place(&self, resource: &str) -> usize {
        usize::try_from(self.changes.hasher().hash_one(resource)).unwrap_or_default() % MARKS
    }

    fn mark(&mut self, resource: &str) -> u64 {
        self.marks.get(self.place(resource)).copied().unwrap_or_default()
    }

    fn touch(&mut self, resource: &str) {
        let place = self.place(resource);
        if let Some(mark) = self.marks.get_mut(place) {
            *mark = mark.wrapping_add(1);
        }
    }

    fn change(&mut self, resource: &str) -> &mut Change {
        if !self.changes.contains_key(resource) {
            self.names += resource.len() + OVERHEAD;
        }
        self.changes.entry(resource.into()).or_default()
    }

    fn store(&mut self, resource: &str, variant: Arc<Variant>) {
        self.touch(resource);
        let bytes = match &variant.content {
            Content::Here(bytes) => bytes.len() + OVERHEAD,
            Content::There { .. } => OVERHEAD,
        };
        if self.bytes > 0 && self.bytes + bytes > MOST_WAITING {
            // What the file has is not the latest any more.
            self.remove(resource);
            return;
        }
        self.bytes += bytes;
        self.change(resource).added.push(variant);
    }

    fn remove(&mut self, resource: &str) {
        self.touch(resource);
        let change = self.change(resource);
        change.is_removed = true;
        change.added.clear();
        if self.names > MOST_NAMES {
            self.remove_all();
        }
    }

    fn remove_all(&mut self) {
        self.changes.clear();
        (self.bytes, self.names, self.all) = (0, 0, true);
        self.marks.iter_mut().for_each(|mark| *mark = mark.wrapping_add(1));
    }

    /// Notes that `resource` was asked for, if there is much room.
    fn used(&mut self, resource: &str) {
        if self.names < MOST_NAMES / 4 {
            self.change(resource).is_used = true;
        }
    }

    /// The changes of `resource` that are not in the file yet, in their order.
    fn of(&self, resource: &str) -> Vec<Change> {
        let removed = |all: bool| all.then(|| Change { is_removed: true, ..Change::default() });
        let of = |changes: &HashMap<Box<str>, Change>| changes.get(resource).cloned();
        let written = removed(self.written.all).into_iter().chain(of(&self.written.changes));
        written.chain(removed(self.all)).chain(of(&self.changes)).collect()
    }

    /// Takes all that waits.
    fn take(&mut self) -> Arc<Batch> {
        let batch = Batch { all: self.all, changes: core::mem::take(&mut self.changes) };
        (self.bytes, self.names, self.all, self.is_urgent) = (0, 0, false, false);
        self.written = Arc::new(batch);
        Arc::clone(&self.written)
    }

    /// What was being written has failed: the responses are lost, and what they were to replace must not come back.
    fn lose(&mut self) {
        let lost = core::mem::take(&mut self.written);
        if lost.all {
            self.all = true;
            return;
        }
        for (resource, change) in
            lost.changes.iter().filter(|(_, change)| change.is_removed || !change.added.is_empty())
        {
            self.touch(resource);
            self.change(resource).is_removed |= change.is_removed || !change.added.is_empty();
        }
        if self.names > MOST_NAMES {
            self.remove_all();
        }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.all
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the file, with the `changes` that are not there yet.
    fn find(&self, resource: &str, changes: &[Change]) -> Result<Option<Resource>, redb::Error> {
        let is_known = changes.iter().any(|change| change.is_removed);
        let in_file = if is_known { None } else { self.file.find(resource, now())? };
        let mut found = changes.iter().fold(in_file, |known, change| {
            let with = change.apply(known);
            (!with.variants.is_empty()).then_some(with)
        });
        for variant in found.iter_mut().flat_map(|found| &mut found.variants) {
            if let Content::There { name, length } = &variant.content
                && *length <= ALONG
                && let Some(bytes) = self.file.content(name, *length, None)?
            {
                let (part, entry) = (variant.part.clone(), variant.entry.clone());
                let (asked, until) = (variant.asked, variant.until);
                *variant = Arc::new(Variant { part, asked, until, entry, content: Content::Here(bytes) });
            }
        }
        Ok(found)
    }

    /// Writes what waits, until the end.
    fn run(&self) {
        loop {
            let (batch, ends) = self.gather();
            if batch.changes.is_empty() && !batch.all {
                if ends {
                    return;
                }
                continue;
            }
            let mut changes: Vec<(&str, &Change)> =
                batch.changes.iter().map(|(resource, change)| (&**resource, change)).collect();
            // In the order in which they were asked for: the first go first where there is no room for all.
            changes.sort_by_key(|(_, change)| change.added.iter().map(|variant| variant.asked).max());
            let outcome = self.file.change(batch.all, &changes, now());
            self.writes.record(&outcome);
            let mut waiting = self.waiting();
            match outcome {
                Ok(()) => waiting.written = Arc::default(),
                Err(_) if ends => return,
                Err(_) => {
                    waiting.lose();
                    let (waiting, _) = self
                        .wake
                        .wait_timeout_while(waiting, PAUSE, |waiting| !waiting.ends)
                        .unwrap_or_else(PoisonError::into_inner);
                    drop(waiting);
                }
            }
        }
    }

    /// Waits for changes, and for more of them, and takes them; true at the end.
    fn gather(&self) -> (Arc<Batch>, bool) {
        let waiting = self.waiting();
        let nothing = |waiting: &mut Waiting| waiting.is_empty() && !waiting.ends;
        let waiting = self.wake.wait_while(waiting, nothing).unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        let few = |waiting: &mut Waiting| {
            !waiting.ends && !waiting.is_urgent && waiting.bytes < ENOUGH && begun.elapsed() < GATHER
        };
        let gathered = self.wake.wait_timeout_while(waiting, GATHER, few);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let ends = waiting.ends;
        (waiting.take(), ends)
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::cache::entry::Entry;

    use super::*;

    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("edgeway-cache-{name}-{}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        fn open(&self, size: u64) -> Disk {
            Disk::open(self.0.to_str().unwrap(), size, &PurgeBook::default()).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn variant(part: &str, content: Vec<u8>, seconds: u64) -> Arc<Variant> {
        let until = now().saturating_add(Duration::from_secs(seconds));
        let content = Content::Here(content.into());
        Arc::new(Variant { part: part.into(), asked: now(), until, entry: Entry::default(), content })
    }

    async fn found(disk: &Disk, resource: &str) -> Vec<(String, u64)> {
        let found = disk.look(resource, || None).await.found;
        let variants = found.iter().flat_map(|found| &found.variants);
        variants.map(|variant| (variant.part.to_string(), variant.content.length())).collect()
    }

    /// The bound holds after each write, and what goes is what has waited for longest.
    #[tokio::test]
    async fn the_stored_bytes_are_bounded_and_the_oldest_go() {
        let place = Place::new("bounded");
        let disk = place.open(1 << 20);
        for n in 0..200 {
            disk.store(&format!("{n}"), variant("", vec![b'x'; 9_000 + n], 60), || {});
            if n % 20 == 19 {
                wait_until_written(&disk);
                assert!(disk.bytes() <= 1 << 20, "{}", disk.bytes());
            }
        }
        assert_eq!(found(&disk, "0").await, []);
        assert_eq!(found(&disk, "199").await, [(String::new(), 9_199)]);
        // One that is larger than all of it is not stored, and what was there of its resource is gone.
        disk.store("199", variant("", vec![0; 2 << 20], 60), || {});
        wait_until_written(&disk);
        assert_eq!(found(&disk, "199").await, []);
        assert_eq!(found(&disk, "198").await, [(String::new(), 9_198)]);
    }

    #[tokio::test]
    async fn what_is_over_goes_first() {
        let place = Place::new("over");
        let disk = place.open(1 << 20);
        disk.store("first", variant("", vec![0; 300_000], 60), || {});
        wait_until_written(&disk);
        disk.store("short", variant("", vec![0; 300_000], 0), || {});
        wait_until_written(&disk);
        disk.store("third", variant("", vec![0; 300_000], 60), || {});
        wait_until_written(&disk);
        disk.store("fourth", variant("", vec![0; 300_000], 60), || {});
        wait_until_written(&disk);
        assert_eq!(found(&disk, "short").await, []);
        for kept in ["first", "third", "fourth"] {
            assert_eq!(found(&disk, kept).await.len(), 1, "{kept}");
        }
    }

    /// Changes count before they are written, while they are, and afterwards.
    #[tokio::test]
    async fn a_look_sees_what_waits() {
        let place = Place::new("waits");
        let disk = place.open(16 << 20);
        for _ in 0..50 {
            disk.store("a", variant("one", vec![0; 20_000], 60), || {});
            disk.store("a", variant("two", vec![0; 10], 60), || {});
            assert_eq!(found(&disk, "a").await.len(), 2);
            disk.remove("a", || {});
            assert_eq!(found(&disk, "a").await, []);
            disk.store("a", variant("three", vec![0; 10], 60), || {});
            assert_eq!(found(&disk, "a").await, [("three".to_owned(), 10)]);
            disk.remove("a", || {});
        }
        wait_until_written(&disk);
        assert_eq!((found(&disk, "a").await, disk.bytes()), (Vec::new(), 0), "nothing is left behind");
    }

    /// A response that is confirmed is not written again, and what is replaced takes no room.
    #[tokio::test]
    async fn what_is_replaced_takes_no_room() {
        let place = Place::new("replaced");
        let disk = place.open(16 << 20);
        let mut before = None;
        for _ in 0..20 {
            disk.store("a", variant("", vec![7; 1_000_000], 60), || {});
            wait_until_written(&disk);
            let bytes = disk.bytes();
            assert_eq!(*before.get_or_insert(bytes), bytes);
        }
        for n in 0..20 {
            disk.store("a", variant("", vec![n; 1_000_000], 60), || {});
            wait_until_written(&disk);
            // The number of the content has another digit.
            assert!(disk.bytes().abs_diff(before.unwrap()) <= 4, "{}", disk.bytes());
        }
        let looked = disk.look("a", || None).await.found.unwrap();
        let Content::There { name, length } = &looked.variants[0].content else { panic!("it is large") };
        assert_eq!(disk.content(name, *length, None).await.unwrap(), vec![19; 1_000_000]);
        for range in [0..1, 65_471..65_473, 999_999..1_000_000, 5..900_000] {
            let bytes = usize::try_from(range.end - range.start).unwrap();
            assert_eq!(disk.content(name, *length, Some(range)).await.unwrap(), vec![19; bytes]);
        }
        assert_eq!(disk.content(name, *length, Some(0..1_000_001)).await, None);
        assert_eq!(disk.content(name, length + 1, None).await, None);
    }

    /// More than may wait is not written, and what it would have replaced is removed.
    #[test]
    fn what_has_no_room_to_wait_removes_what_it_would_replace() {
        let mut waiting = Waiting {
            changes: HashMap::new(),
            written: Arc::default(),
            all: false,
            bytes: 0,
            names: 0,
            is_urgent: false,
            ends: false,
            marks: vec![0; MARKS].into(),
        };
        for n in 0..40 {
            waiting.store(&format!("{n}"), variant("", vec![0; 1 << 20], 60));
        }
        assert!(waiting.bytes <= MOST_WAITING);
        assert!(waiting.changes["0"].added.len() == 1 && waiting.changes["39"].is_removed);
        for n in 0..100_000 {
            waiting.remove(&format!("{n}"));
        }
        assert!(waiting.names <= MOST_NAMES + 1_000 && waiting.all);
        let lost = waiting.take();
        assert!(lost.all && waiting.is_empty());
        waiting.lose();
        assert!(waiting.all, "it is still to be done");
    }

    fn wait_until_written(disk: &Disk) {
        let begun = Instant::now();
        loop {
            let waiting = disk.shared.waiting();
            if waiting.is_empty() && waiting.written.changes.is_empty() {
                return;
            }
            drop(waiting);
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not written");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

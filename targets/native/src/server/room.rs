//! The room for clients: the most connections at once, and the most streams of HTTP/2.
//!
//! A connection that finds no room waits, and its listener accepts no other meanwhile: those wait in the system's queue. A stream
//! that finds none is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use gateway_core::ports::Clients;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::open_files;
use crate::health::Health;

/// The most connections unless the configuration says otherwise.
const DEFAULT: usize = 10_000;

/// The open files that are no connections: the program's own, listeners, stores, the admin listener's clients.
const RESERVED_FILES: usize = 64;

/// The streams that a connection may always have as its share.
const LEAST_SHARE: usize = 8;

/// The room for clients, shared by all workers.
#[derive(Debug)]
pub struct Room {
    most: usize,
    connections: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// The connections that wait at present.
    waiting: AtomicUsize,
    /// The connections that have waited.
    waited: AtomicU64,
    /// The streams that were refused.
    refused: AtomicU64,
    /// It fails while there is too little room for connections.
    connection_health: Health,
    /// It fails while there is too little room for streams.
    stream_health: Health,
}

/// A place in the room, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Room {
    /// Room for so many connections, if a number is given, and for no more than the system's limit on open files allows.
    pub(super) fn new(connections: Option<usize>) -> Self {
        Self::of(most(connections, open_files::raised()))
    }

    fn of(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            connections: Arc::new(Semaphore::new(most)),
            streams: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            waited: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            connection_health: Health::default(),
            stream_health: Health::default(),
        }
    }

    /// Waits for a place for a connection. `None` never comes: the room is not closed.
    pub(super) async fn enter(&self) -> Option<Place> {
        if let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() {
            self.connection_health.succeeded();
            return Some(place);
        }
        self.waited.fetch_add(1, Ordering::Relaxed);
        self.connection_health
            .failed(1, &format_args!("all {} connections are open (`server.connections`)", self.most));
        let _waiting = Waiting::new(&self.waiting);
        Arc::clone(&self.connections).acquire_owned().await.ok()
    }

    /// A place for a stream of a connection that has `others` besides; `None` if there is none for it.
    ///
    /// The last quarter is for connections that have no more than their share, so that few can't take everything.
    pub(super) fn enter_stream(&self, others: usize) -> Option<Place> {
        let free = self.streams.available_permits();
        let is_scarce = free <= self.most / 4;
        let place =
            if is_scarce && others >= self.share() { None } else { Arc::clone(&self.streams).try_acquire_owned().ok() };
        if place.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let open = self.most.saturating_sub(free);
            self.stream_health
                .failed(1, &format_args!("{open} of {} streams are open (`server.connections`)", self.most));
        } else if !is_scarce {
            self.stream_health.succeeded();
        }
        place
    }

    /// The fair share of a connection in the streams.
    fn share(&self) -> usize {
        let connections = self.most.saturating_sub(self.connections.available_permits()).max(1);
        (self.most / connections).max(LEAST_SHARE)
    }

    /// Returns whether connections wait for others to end.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// The health of the room for connections.
    pub(super) fn connection_health(&self) -> &Health {
        &self.connection_health
    }

    /// The health of the room for streams.
    pub(super) fn stream_health(&self) -> &Health {
        &self.stream_health
    }

    /// The connections of clients.
    pub(crate) fn clients(&self) -> Clients {
        Clients {
            open: self.most.saturating_sub(self.connections.available_permits()),
            waited: self.waited.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::of(DEFAULT)
    }
}

/// The most connections, if `files` may be open: each may need another to an upstream.
fn most(connections: Option<usize>, files: Option<usize>) -> usize {
    let possible = files.map_or(usize::MAX, |files| files.saturating_sub(RESERVED_FILES) / 2);
    connections.unwrap_or(DEFAULT).min(possible).max(1)
}

/// A connection that waits.
struct Waiting<'r>(&'r AtomicUsize);

impl<'r> Waiting<'r> {
    fn new(count: &'r AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_leave_room_for_connections_to_upstreams() {
        assert_eq!(most(None, None), DEFAULT);
        assert_eq!(most(None, Some(1_048_576)), DEFAULT);
        assert_eq!(most(None, Some(1024)), 480);
        assert_eq!(most(Some(50_000), Some(1_048_576)), 50_000);
        assert_eq!(most(Some(50_000), Some(1024)), 480);
        assert_eq!(most(Some(10), Some(16)), 1, "it serves somebody");
    }

    #[tokio::test]
    async fn whoever_finds_no_room_waits_for_another_to_leave() {
        let room = Arc::new(Room::of(1));
        let first = room.enter().await;
        assert!(!room.is_full());
        let second = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.enter().await }
        });
        tokio::task::yield_now().await;
        assert!(room.is_full());
        assert_eq!(room.clients(), Clients { open: 1, waited: 1, refused: 0 });
        drop(first);
        assert!(second.await.unwrap().is_some());
        assert!(!room.is_full());
        assert_eq!(room.clients().open, 0);
    }

    #[test]
    fn streams_are_refused() {
        let room = Room::of(1);
        let first = room.enter_stream(0);
        assert!(first.is_some() && room.enter_stream(1).is_none());
        drop(first);
        assert!(room.enter_stream(0).is_some());
        assert_eq!(room.clients().refused, 1);
    }

    #[tokio::test]
    async fn few_connections_cannot_take_all_the_streams() {
        let room = Room::of(200);
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(room.enter().await.unwrap());
        }
        // Two connections ask for a hundred each, as many as HTTP/2 lets them.
        let mut taken = [0, 0];
        for count in &mut taken {
            for _ in 0..100 {
                if let Some(place) = room.enter_stream(*count) {
                    places.push(place);
                    *count += 1;
                }
            }
        }
        assert_eq!(taken, [100, 66], "a third of 200 is anybody's, however few are left");
        assert!(room.enter_stream(0).is_some(), "others find room");
    }

    #[test]
    fn a_lack_of_streams_is_over_once_there_are_some() {
        let room = Room::of(4);
        let mut places: Vec<_> = (0..4).map(|others| room.enter_stream(others).unwrap()).collect();
        assert!(room.enter_stream(4).is_none());
        assert!(room.stream_health().is_failing());
        assert!(!room.connection_health().is_failing(), "there is room for connections");
        places.pop();
        places.push(room.enter_stream(3).unwrap());
        assert!(room.stream_health().is_failing(), "all are open again");
        places.clear();
        places.push(room.enter_stream(0).unwrap());
        assert!(!room.stream_health().is_failing());
    }
}

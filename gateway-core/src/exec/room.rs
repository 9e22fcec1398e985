//! The room that several contents have together, while each comes in its own time.

use core::future::poll_fn;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Poll;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::body::Body;
use crate::io::IoErrorKind;
use crate::ports::Platform;
use crate::record::Record;

/// The most that contents of unknown length may come to which are read at the same time, in bytes. One is read in any case.
const MOST_OPEN: u64 = 16 << 20;

/// The room that is left.
pub(super) struct Room {
    bytes: Arc<AtomicU64>,
    /// The most that the contents of unknown length may come to which are being read, in bytes.
    open: AtomicU64,
}

/// A content that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// All of them together have more than there is room for.
    NoRoom,
    /// Its stream has failed, or it is too long by itself.
    Failed(IoErrorKind),
}

/// The turn of a content of unknown length, which may come to so many bytes.
struct Turn<'r> {
    open: &'r AtomicU64,
    bytes: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Room that a content of a batch's request has while it is edited, beside the room of all that has been answered.
pub(super) struct Held {
    room: Option<Arc<AtomicU64>>,
    bytes: u64,
}

impl Held {
    /// Room for content of `stated` length, of an exchange with this `record`; none if there is no more. Those of no batch have any.
    pub(super) fn of(record: &Record, stated: Option<u64>) -> Option<Self> {
        let mut held = Self { room: record.room.clone(), bytes: 0 };
        held.grow(stated.unwrap_or_default()).then_some(held)
    }

    /// Has room for `bytes` in all; returns whether there is.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let has_room = self.room.as_ref().is_none_or(|room| take(room, more));
        if has_room {
            self.bytes = self.bytes.max(bytes);
        }
        has_room
    }

    /// The most that it could come to, of `most` bytes at most.
    pub(super) fn most(&self, most: u64) -> u64 {
        let left = self.room.as_ref().map(|room| room.load(Ordering::Relaxed).saturating_add(self.bytes));
        left.map_or(most, |left| left.min(most))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            room.fetch_add(self.bytes, Ordering::Relaxed);
        }
    }
}

/// Takes `bytes` of `room`; returns whether there are so many.
fn take(room: &AtomicU64, bytes: u64) -> bool {
    room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes)).is_ok()
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn of(bytes: u64) -> Self {
        Self { bytes: Arc::new(AtomicU64::new(bytes)), open: AtomicU64::new(0) }
    }

    /// The bytes that are left, for whoever shares them.
    pub(super) fn shared(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// Reads all of a content, of `most` bytes at most. Those whose length is known are read at the same time, and of others as many as are no danger to
    /// the memory: none holds up all others by coming slowly.
    ///
    /// Whoever waits for a turn is not woken by the end of another one: all who share the room have to be polled together.
    ///
    /// # Errors
    /// There is no room for it, or its stream fails.
    pub(super) async fn read<P: Platform>(
        &self,
        platform: &P,
        headers: &HeaderMap,
        body: Body<P::Stream>,
        most: u64,
    ) -> Result<Bytes, Unread> {
        let failed = |kind| Unread::Failed(kind);
        let stream = match body {
            Body::Empty => return Ok(Bytes::new()),
            Body::Full(content) => {
                self.take(content.len() as u64)?;
                return Ok(content);
            }
            Body::Stream(stream) => stream,
        };
        let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if let Some(length) = stated {
            if length > most {
                return Err(failed(IoErrorKind::BodyTooLarge));
            }
            self.take(length)?;
            return platform.collect(stream, length).await.map_err(|error| failed(error.kind));
        }
        let turn = poll_fn(|_| self.turn(most).map_or(Poll::Pending, Poll::Ready)).await;
        let content = platform.collect(stream, turn.bytes).await.map_err(|error| match error.kind {
            IoErrorKind::BodyTooLarge if turn.bytes < most => Unread::NoRoom,
            kind => failed(kind),
        })?;
        self.take(content.len() as u64)?;
        Ok(content)
    }

    /// The turn of a content of unknown length, of `most` bytes at most; none if it has to wait.
    fn turn(&self, most: u64) -> Option<Turn<'_>> {
        let bytes = self.bytes.load(Ordering::Relaxed).min(most);
        let open = self.open.load(Ordering::Relaxed);
        if open > 0 && open.saturating_add(bytes) > MOST_OPEN {
            return None;
        }
        self.open.fetch_add(bytes, Ordering::Relaxed);
        Some(Turn { open: &self.open, bytes })
    }

    fn take(&self, bytes: u64) -> Result<(), Unread> {
        if take(&self.bytes, bytes) { Ok(()) } else { Err(Unread::NoRoom) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_unknown_length_are_read_together_as_far_as_memory_goes() {
        let room = Room::of(6 << 20);
        let first = room.turn(u64::MAX).unwrap();
        let second = room.turn(u64::MAX).unwrap();
        assert_eq!((first.bytes, second.bytes), (6 << 20, 6 << 20));
        assert!(room.turn(u64::MAX).is_none());
        let small = room.turn(4 << 20).unwrap();
        assert!(room.turn(1).is_none());
        drop(first);
        assert!(room.turn(6 << 20).is_some());
        drop((second, small));
        // One is read in any case.
        assert!(Room::of(1 << 30).turn(u64::MAX).is_some());
    }

    #[test]
    fn what_is_edited_has_room_until_it_is_done() {
        let room = Room::of(10);
        let record = Record { room: Some(room.shared()), ..Record::default() };
        let mut held = Held::of(&record, Some(6)).unwrap();
        assert_eq!((held.most(100), held.most(5)), (10, 5));
        assert!(Held::of(&record, Some(5)).is_none());
        assert!(held.grow(10) && !held.grow(11));
        assert_eq!(room.take(1), Err(Unread::NoRoom));
        drop(held);
        assert_eq!(room.take(10), Ok(()));
        assert!(Held::of(&Record::default(), Some(u64::MAX)).is_some());
    }
}

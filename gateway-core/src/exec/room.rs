//! The room that several contents have together, while each comes in its own time.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Poll;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::body::Body;
use crate::io::IoErrorKind;
use crate::ports::Platform;

/// The room that is left.
pub(super) struct Room {
    bytes: AtomicU64,
    /// Set while a content of unknown length is read: of those, one is read after another.
    is_reading: AtomicBool,
}

/// A content that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// All of them together have more than there is room for.
    NoRoom,
    /// Its stream has failed, or it is too long by itself.
    Failed(IoErrorKind),
}

/// The turn of a content of unknown length.
struct Turn<'r>(&'r AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Room {
    /// Room for so many bytes.
    pub(super) const fn of(bytes: u64) -> Self {
        Self { bytes: AtomicU64::new(bytes), is_reading: AtomicBool::new(false) }
    }

    /// Reads all of a content, of `most` bytes at most. Those whose length is known are read at the same time.
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
        let _turn = poll_fn(|_| match self.is_reading.swap(true, Ordering::Relaxed) {
            true => Poll::Pending,
            false => Poll::Ready(Turn(&self.is_reading)),
        })
        .await;
        let room = self.bytes.load(Ordering::Relaxed);
        let content = platform.collect(stream, room.min(most)).await.map_err(|error| match error.kind {
            IoErrorKind::BodyTooLarge if room < most => Unread::NoRoom,
            kind => failed(kind),
        })?;
        self.take(content.len() as u64)?;
        Ok(content)
    }

    fn take(&self, bytes: u64) -> Result<(), Unread> {
        let taken = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| Unread::NoRoom)
    }
}

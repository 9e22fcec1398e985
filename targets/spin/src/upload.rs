//! The deadlines of a request with content: its client takes its own time, and `firstByte` runs from the content's end.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use gateway_core::ports::{IoError, IoErrorKind};
use spin_sdk::wasip3::clocks::monotonic_clock::{self, Mark};

/// The longest that a client is waited for between two pieces of content, in nanoseconds.
const STALL: u64 = 60_000_000_000;

/// The progress of content: the side that is waited for, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Rc<Cell<(Side, Mark)>>);

/// A side of an upload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The client has to send more of the content.
    Client,
    /// The upstream has to take more of it, or has all of it and has to answer.
    Upstream,
}

impl Progress {
    /// The beginning: the client is waited for.
    pub(crate) fn new() -> Self {
        Self(Rc::new(Cell::new((Side::Client, monotonic_clock::now()))))
    }

    /// Records that `side` is waited for from now on.
    pub(crate) fn wait_for(&self, side: Side) {
        self.0.set((side, monotonic_clock::now()));
    }

    /// Runs `exchange`, but waits for the upstream no longer than `first_byte`, nor for the client than [`STALL`].
    pub(crate) async fn within<T>(
        &self,
        first_byte: Option<u64>,
        exchange: impl Future<Output = T>,
    ) -> Result<T, IoError> {
        let mut exchange = pin!(exchange);
        loop {
            let (side, since) = self.0.get();
            let (patience, kind) = match side {
                Side::Client => (Some(STALL), IoErrorKind::ClientTimeout),
                Side::Upstream => (first_byte, IoErrorKind::FirstByteTimeout),
            };
            let now = monotonic_clock::now();
            let until = patience.map_or(Mark::MAX, |patience| since.saturating_add(patience));
            if until <= now {
                return Err(IoError::new(kind));
            }
            // The side may change meanwhile: a look after so long is early enough for either.
            let look = until.min(now.saturating_add(first_byte.unwrap_or(STALL).min(STALL)));
            if let Either::Left((result, _)) = select(exchange.as_mut(), pin!(monotonic_clock::wait_until(look))).await
            {
                return Ok(result);
            }
        }
    }
}

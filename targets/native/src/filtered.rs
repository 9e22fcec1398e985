//! A content that is edited while it passes.

use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_core::ports::{BreaksOff, Filter, IoErrorKind};
use http_body::Frame;

use crate::stream::StreamError;

/// The most that is edited at once, in bytes: what comes of it can be many times as much.
const SLICE: usize = 16 * 1024;

/// The most that is edited before other requests have their turn, in bytes: about a millisecond's work.
const TURN: usize = 64 * 1024;

/// A content that is edited while it passes.
#[derive(Debug)]
pub(crate) struct Filtered {
    /// None once all has come out, or the stream has broken off.
    filter: Option<Box<Filter>>,
    /// What has come and has yet to be edited.
    rest: Bytes,
    /// The bytes that were edited in this turn.
    turn: usize,
}

impl Filtered {
    pub(crate) const fn by(filter: Box<Filter>) -> Self {
        Self { filter: Some(filter), rest: Bytes::new(), turn: 0 }
    }

    /// Has `other` edit what comes of this.
    pub(crate) fn then(&mut self, other: Box<Filter>) {
        self.filter = self.filter.take().map(|filter| filter.then(other));
    }

    /// Returns whether all of it has come out.
    pub(crate) const fn has_ended(&self) -> bool {
        self.filter.is_none()
    }

    /// The next piece, of what `source` yields: all that can be edited by now.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut source: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        loop {
            let Some(filter) = &mut self.filter else { return Poll::Ready(None) };
            if self.turn >= TURN {
                self.turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut out = Vec::new();
            let (filtered, is_over) = if self.rest.is_empty() {
                match source(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers speak of the content as it came.
                        self.rest = frame.into_data().unwrap_or_default();
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => {
                        self.filter = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                    Poll::Ready(None) => (filter.finish(&mut out), true),
                    Poll::Pending => {
                        self.turn = 0;
                        return Poll::Pending;
                    }
                }
            } else {
                let slice = self.rest.split_to(self.rest.len().min(SLICE));
                self.turn += slice.len();
                (filter.push(&slice, &mut out), false)
            };
            if filtered == Err(BreaksOff) || is_over {
                self.filter = None;
                self.rest = Bytes::new();
            }
            match filtered {
                Err(BreaksOff) => return Poll::Ready(Some(Err(StreamError::of(IoErrorKind::Content)))),
                Ok(()) if !out.is_empty() => return Poll::Ready(Some(Ok(Frame::data(out.into())))),
                Ok(()) if is_over => return Poll::Ready(None),
                Ok(()) => {}
            }
        }
    }
}

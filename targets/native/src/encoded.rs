//! The content of a response on its way into a coding.

use std::task::{Context, Poll};

use bytes::Bytes;
use edgeway_codings::Encoder;
use gateway_core::ports::{Encoding, IoErrorKind};
use http_body::Frame;

use crate::stream::StreamError;

/// The most that is encoded at once, in bytes.
const SLICE: usize = 16 * 1024;

/// The most that is encoded before other requests have their turn, in bytes: about a millisecond's work.
const TURN: usize = 64 * 1024;

/// The least that is sent at once while there is more to encode, in bytes.
const LEAST: usize = 8 * 1024;

/// The content of a response on its way into a coding.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// None before there is a coding, and once all has come out.
    encoder: Option<Encoder>,
    /// What has come and has yet to be encoded.
    rest: Bytes,
    /// The bytes that were encoded in this turn.
    turn: usize,
    /// Set if nothing had come the last time either, and others have had their turn since.
    is_idle: bool,
}

impl Encoded {
    /// A content that is in memory.
    pub(crate) fn of(content: Bytes) -> Self {
        Self { rest: content, ..Self::default() }
    }

    /// Has it encoded.
    pub(crate) fn by(&mut self, encoding: Encoding) {
        self.encoder = Some(Encoder::new(encoding));
    }

    /// Returns whether all of it has come out.
    pub(crate) const fn has_ended(&self) -> bool {
        self.encoder.is_none()
    }

    /// The next piece, of what `source` yields.
    ///
    /// What the sender has sent goes on, be it ever so little: while it sends no more, nothing is held back.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut source: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
        loop {
            if encoder.ready() >= LEAST {
                return Poll::Ready(Some(Ok(Frame::data(encoder.take()))));
            }
            if self.turn >= TURN {
                self.turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.rest.is_empty() {
                let slice = self.rest.split_to(self.rest.len().min(SLICE));
                self.turn += slice.len();
                encoder.write(&slice);
                continue;
            }
            match source(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.is_idle = false;
                    // Trailers speak of the content as it came.
                    self.rest = frame.into_data().unwrap_or_default();
                }
                Poll::Ready(Some(Err(error))) => {
                    self.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    let ended = encoder.finish();
                    let rest = encoder.take();
                    self.encoder = None;
                    return match ended {
                        Err(_) => Poll::Ready(Some(Err(StreamError::of(IoErrorKind::Other)))),
                        Ok(()) if rest.is_empty() => Poll::Ready(None),
                        Ok(()) => Poll::Ready(Some(Ok(Frame::data(rest)))),
                    };
                }
                Poll::Pending => {
                    self.turn = 0;
                    if encoder.ready() > 0 {
                        return Poll::Ready(Some(Ok(Frame::data(encoder.take()))));
                    }
                    if !encoder.is_held() {
                        return Poll::Pending;
                    }
                    if !self.is_idle {
                        // The connection to the upstream has its turn: a flush makes the content longer.
                        self.is_idle = true;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    encoder.flush();
                }
            }
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use edgeway_codings::decode;
    use gateway_core::http::content_coding::Coding;
    use gateway_core::ports::{DecodeError, Decoding};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the sender does at a poll.
    enum Does {
        Sends(&'static [u8]),
        Nothing,
        Fails,
        Ends,
    }

    use Does::{Ends, Fails, Nothing, Sends};

    /// Polls until `polls` times nothing came, or the end; returns what came, how often it was woken, and the failure.
    fn polled(encoded: &mut Encoded, script: &[Does], polls: usize) -> (Vec<u8>, usize, Option<IoErrorKind>) {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (mut all, mut script, mut left) = (Vec::new(), script.iter(), polls);
        while left > 0 {
            let source = |_: &mut Context<'_>| match script.next() {
                Some(Sends(piece)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
                Some(Fails) => Poll::Ready(Some(Err(StreamError::of(IoErrorKind::Closed)))),
                Some(Ends) => Poll::Ready(None),
                Some(Nothing) | None => Poll::Pending,
            };
            match encoded.poll(&mut Context::from_waker(&waker), source) {
                Poll::Pending => left -= 1,
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(frame))) => all.extend_from_slice(&frame.into_data().unwrap()),
                Poll::Ready(Some(Err(error))) => return (all, wakes.0.load(Ordering::Relaxed), Some(error.kind)),
            }
        }
        (all, wakes.0.load(Ordering::Relaxed), None)
    }

    fn gzip(content: &'static [u8]) -> Encoded {
        let mut encoded = Encoded::of(Bytes::from_static(content));
        encoded.by(Encoding { coding: Coding::Gzip, level: 6 });
        encoded
    }

    fn decoded(bytes: &[u8]) -> Result<Bytes, DecodeError> {
        decode(Bytes::copy_from_slice(bytes), &[Decoding::Gzip], u64::MAX)
    }

    /// docs/configuration.md, Compression: what has come goes on at once.
    #[test]
    fn what_has_come_goes_on_while_the_sender_sends_no_more() {
        let mut encoded = gzip(b"");
        let (mut all, wakes, failed) = polled(&mut encoded, &[Sends(b"data: 1\n\n")], 2);
        // The first time the others have their turn; then it is flushed.
        assert_eq!((wakes, failed), (1, None));
        assert!(all.len() > 9 && !encoded.has_ended(), "{}", all.len());
        let (rest, ..) = polled(&mut encoded, &[Sends(b"data: 2\n\n"), Ends], 1);
        all.extend_from_slice(&rest);
        assert_eq!(decoded(&all).unwrap(), "data: 1\n\ndata: 2\n\n");
        assert!(encoded.has_ended());
    }

    /// RFC 9112 §8.
    #[test]
    fn a_content_that_breaks_off_has_no_end() {
        let mut encoded = gzip(b"");
        let (all, _, failed) = polled(&mut encoded, &[Sends(b"half of it"), Nothing, Nothing, Fails], 9);
        assert_eq!(failed, Some(IoErrorKind::Closed));
        assert_eq!(decoded(&all), Err(DecodeError::Malformed));
        assert!(encoded.has_ended());
    }

    #[test]
    fn others_have_their_turn_within_a_large_content() {
        static LARGE: [u8; 10 * TURN] = [b'x'; 10 * TURN];
        let mut encoded = gzip(&LARGE);
        let (all, wakes, _) = polled(&mut encoded, &[Ends], 100);
        assert_eq!(wakes, 10);
        assert_eq!(decoded(&all).unwrap(), &LARGE[..]);
    }

    #[test]
    fn an_empty_content_is_one_in_its_coding() {
        let (all, ..) = polled(&mut gzip(b""), &[Ends], 1);
        assert_eq!(decoded(&all).unwrap(), "");
    }
}

//! A connection with a tap on its bytes.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::{Frames, Framing, Next};
use crate::transport::Transport;

/// The most bytes that are read in one go. hyper reads for as long as there are any; the thread's other connections and its
/// clock wait for it meanwhile.
const BURST: usize = 256 * 1024;

/// A listener to the bytes of a connection.
pub(crate) trait Tap {
    /// Receives the bytes of a read, at least one.
    fn on_read(&self, bytes: &[u8]);

    /// The bytes that have come without progress, where they are bounded at the moment.
    fn framing(&self) -> Option<&Framing>;

    /// The most bytes that are read at once, beside the size of the buffer.
    fn piece(&self) -> usize {
        usize::MAX
    }

    /// Learns that reading has failed.
    fn on_failure(&self, _: &io::Error) {}

    /// Returns whether reading goes on after a failure to write, so that the failure is reading's to report.
    fn outlives_writing(&self) -> bool {
        false
    }

    /// Learns that there is nothing to read at the moment.
    fn on_wait(&self) {}

    /// Receives the outcome of an attempt to send `pieces`.
    fn on_write(&self, pieces: &[IoSlice<'_>], outcome: &Poll<io::Result<usize>>);

    /// Learns whether bytes that were taken to be sent still wait.
    fn on_flush(&self, _is_pending: bool) {}

    /// Returns whether it wants to know if the other side has closed, and takes the wish back.
    fn looks_for_end(&self) -> bool {
        false
    }

    /// Learns that the other side has closed; bytes may still be unread.
    fn on_end(&self) {}
}

/// A connection as hyper sees it, with a tap.
#[derive(Debug)]
pub(crate) struct Tapped<T> {
    transport: Transport,
    /// Bytes that were read before, and are read again first.
    first: Bytes,
    /// The bytes read since the last pause.
    burst: usize,
    /// Set once writing has failed, and what is written goes nowhere.
    is_deaf: bool,
    /// The frames, over HTTP/2.
    frames: Option<Box<Frames>>,
    tap: Arc<T>,
}

impl<T> Tapped<T> {
    /// A connection that reads `first` and then the bytes of `transport`.
    pub(crate) fn new(transport: Transport, first: Bytes, tap: Arc<T>) -> Self {
        Self { transport, first, burst: 0, is_deaf: false, frames: None, tap }
    }

    /// The same over HTTP/2, whose `frames` tell progress from what is none.
    pub(crate) fn with_frames(self, frames: Frames) -> Self {
        Self { frames: Some(Box::new(frames)), ..self }
    }

    /// The connection, and the bytes still to be read again.
    pub(crate) fn into_inner(self) -> (Transport, Bytes) {
        (self.transport, self.first)
    }
}

impl<T: Tap> Tapped<T> {
    /// Tells the tap of an attempt to write `pieces`, and takes note if the other side hears nothing more.
    fn written(&mut self, pieces: &[IoSlice<'_>], polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.tap.on_write(pieces, &polled);
        if let Some(frames) = &mut self.frames
            && let Some(framing) = self.tap.framing()
            && let Poll::Ready(Ok(count)) = polled
        {
            frames.wrote(pieces, count, framing);
        }
        self.look();
        if matches!(polled, Poll::Ready(Err(_))) && self.tap.outlives_writing() {
            self.is_deaf = true;
            return Poll::Ready(Ok(length(pieces)));
        }
        polled
    }

    /// Looks for the end if the tap wants to know. hyper flushes whenever its connection is polled, and writes instead while it
    /// has something to send.
    fn look(&self) {
        if self.tap.looks_for_end() && self.transport.is_read_closed() {
            self.tap.on_end();
        }
    }
}

/// Reads at most `most` bytes.
fn poll_read_little(
    transport: &mut Transport,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
    most: usize,
) -> Poll<io::Result<()>> {
    let most = most.min(buf.remaining());
    let mut little = ReadBuf::new(buf.initialize_unfilled_to(most));
    let polled = Pin::new(transport).poll_read(cx, &mut little);
    let count = little.filled().len();
    buf.advance(count);
    polled
}

/// Gives others their turn. A plain wake would not do: tokio looks at its other sockets and timers before this task comes again.
fn yielded(cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    pin!(tokio::task::yield_now()).poll(cx).map(Ok)
}

impl<T: Tap> AsyncRead for Tapped<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.burst >= BURST {
            this.burst = 0;
            return yielded(cx);
        }
        let before = buf.filled().len();
        let polled = if this.first.is_empty() {
            match this.tap.framing().map_or(Next::Read, Framing::next) {
                Next::Read => match this.tap.piece() {
                    most if buf.remaining() > most => poll_read_little(&mut this.transport, cx, buf, most),
                    _ => Pin::new(&mut this.transport).poll_read(cx, buf),
                },
                Next::ReadLittle(most) => poll_read_little(&mut this.transport, cx, buf, most),
                Next::Yield => return yielded(cx),
                Next::Fail => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            }
        } else {
            let count = this.first.len().min(buf.remaining());
            buf.put_slice(this.first.get(..count).unwrap_or_default());
            this.first.advance(count);
            Poll::Ready(Ok(()))
        };
        if let Poll::Ready(Err(error)) = &polled {
            this.tap.on_failure(error);
        }
        match buf.filled().get(before..) {
            _ if polled.is_pending() => {
                this.burst = 0;
                this.tap.on_wait();
            }
            None | Some([]) => {}
            Some(bytes) => {
                this.burst += bytes.len();
                this.tap.on_read(bytes);
                if let Some(frames) = &mut this.frames
                    && let Some(framing) = this.tap.framing()
                {
                    frames.read(bytes, framing);
                }
            }
        }
        polled
    }
}

impl<T: Tap> AsyncWrite for Tapped<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut this.transport).poll_write(cx, buf);
        this.written(&[IoSlice::new(buf)], polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_deaf {
            return Poll::Ready(Ok(length(bufs)));
        }
        let polled = Pin::new(&mut this.transport).poll_write_vectored(cx, bufs);
        this.written(bufs, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look();
        if this.is_deaf {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut this.transport).poll_flush(cx);
        this.tap.on_flush(polled.is_pending());
        if matches!(polled, Poll::Ready(Err(_))) && this.tap.outlives_writing() {
            this.is_deaf = true;
            return Poll::Ready(Ok(()));
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}

fn length(pieces: &[IoSlice<'_>]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

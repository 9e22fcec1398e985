//! A connection with a tap on its bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::{Framing, Next};
use crate::transport::Transport;

/// A listener to the bytes of a connection.
pub(crate) trait Tap {
    /// Receives the bytes of a read, at least one.
    fn on_read(&self, bytes: &[u8]);

    /// The bytes that have come without content, where they are bounded at the moment.
    fn framing(&self) -> Option<&Framing> {
        None
    }

    /// Learns that there is nothing to read at the moment.
    fn on_wait(&self) {}

    /// Receives the outcome of an attempt to send `pieces`.
    fn on_write(&self, pieces: &[IoSlice<'_>], outcome: &Poll<io::Result<usize>>);

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
    tap: Arc<T>,
}

impl<T> Tapped<T> {
    /// A connection that reads `first` and then the bytes of `transport`.
    pub(crate) fn new(transport: Transport, first: Bytes, tap: Arc<T>) -> Self {
        Self { transport, first, tap }
    }

    /// The connection, and the bytes still to be read again.
    pub(crate) fn into_inner(self) -> (Transport, Bytes) {
        (self.transport, self.first)
    }
}

impl<T: Tap> Tapped<T> {
    /// Looks for the end if the tap wants to know. hyper flushes whenever its connection is polled, and writes instead while it
    /// has something to send.
    fn look(&self) {
        if self.tap.looks_for_end() && self.transport.is_read_closed() {
            self.tap.on_end();
        }
    }
}

/// Reads at most `most` bytes.
#[cold]
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

impl<T: Tap> AsyncRead for Tapped<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = if this.first.is_empty() {
            match this.tap.framing().map_or(Next::Read, Framing::next) {
                Next::Read => Pin::new(&mut this.transport).poll_read(cx, buf),
                Next::ReadLittle(most) => poll_read_little(&mut this.transport, cx, buf, most),
                Next::Yield => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Next::Fail => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            }
        } else {
            let count = this.first.len().min(buf.remaining());
            buf.put_slice(this.first.get(..count).unwrap_or_default());
            this.first.advance(count);
            Poll::Ready(Ok(()))
        };
        match buf.filled().get(before..) {
            _ if polled.is_pending() => this.tap.on_wait(),
            None | Some([]) => {}
            Some(bytes) => this.tap.on_read(bytes),
        }
        polled
    }
}

impl<T: Tap> AsyncWrite for Tapped<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write(cx, buf);
        this.tap.on_write(&[IoSlice::new(buf)], &polled);
        this.look();
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write_vectored(cx, bufs);
        this.tap.on_write(bufs, &polled);
        this.look();
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look();
        Pin::new(&mut this.transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}

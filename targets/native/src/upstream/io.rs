//! An HTTP/1.1 connection to an upstream as hyper sees it: it tells the [`Watch`] what is sent, and that something came.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::watch::Watch;
use crate::transport::Transport;

/// An HTTP/1.1 connection to an upstream as hyper sees it.
#[derive(Debug)]
pub(super) struct UpstreamIo {
    transport: Transport,
    watch: Arc<Watch>,
}

impl UpstreamIo {
    /// Tells `watch` what comes over `transport`.
    pub(super) fn new(transport: Transport, watch: Arc<Watch>) -> Self {
        Self { transport, watch }
    }

    /// Tells the watch what has left; all of it where the connection turned out to be closed, for nobody asks again.
    fn sends(&self, pieces: &[IoSlice<'_>], written: &Poll<io::Result<usize>>) {
        let mut left = match written {
            Poll::Ready(Ok(count)) => *count,
            Poll::Ready(Err(_)) => usize::MAX,
            Poll::Pending => 0,
        };
        for piece in pieces {
            let count = piece.len().min(left);
            self.watch.sends(piece.get(..count).unwrap_or_default());
            left -= count;
        }
    }
}

impl AsyncRead for UpstreamIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.transport).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.watch.set_answered();
        }
        polled
    }
}

impl AsyncWrite for UpstreamIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write(cx, buf);
        this.sends(&[IoSlice::new(buf)], &polled);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write_vectored(cx, bufs);
        this.sends(bufs, &polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}

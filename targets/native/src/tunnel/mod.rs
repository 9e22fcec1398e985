//! The tunnel of a WebSocket: it passes bytes between two sides until both have ended or the gateway ends it.
//!
//! Bytes pass unchanged; only the frame boundaries are tracked. So the gateway can close both sides by a Close frame of
//! its own (RFC 6455 §5.5.1), which may stand between any two frames (§5.4).

mod limits;
mod oneway;

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::limits::Limits;
use self::oneway::{Failure, Oneway};

thread_local! {
    /// A read buffer for all tunnels of a thread, so that an idle tunnel holds no memory.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// A connection, and the bytes read from it before.
#[derive(Debug)]
pub(crate) struct End<T> {
    /// The connection.
    pub(crate) io: T,
    /// The bytes read before.
    pub(crate) early: Bytes,
}

/// The reason why a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The two sides closed the tunnel by the protocol.
    Closed,
    /// The client left without a Close frame, or takes nothing any more.
    Client,
    /// The upstream left without a Close frame, or takes nothing any more.
    Upstream,
    /// Nothing passed for too long.
    Idle,
    /// The tunnel reached its longest life.
    Life,
    /// The server shuts down.
    Drain,
}

/// The end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Bytes that were sent to the client.
    pub(crate) to_client: u64,
    /// Bytes that were sent to the upstream.
    pub(crate) to_upstream: u64,
    /// The reason.
    pub(crate) reason: Reason,
}

/// The two directions between a client and an upstream.
#[derive(Debug)]
pub(crate) struct Tunnel<C, U> {
    client: C,
    upstream: U,
    /// From the client to the upstream.
    up: Oneway,
    /// From the upstream to the client.
    down: Oneway,
    limits: Arc<Limits>,
    /// The side whose stream ended first.
    first_ended: Option<Reason>,
}

impl<C, U> Tunnel<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// A tunnel before its first byte. The gateway's Close frame to the upstream has this `mask` (RFC 6455 §5.3).
    pub(crate) fn new(client: End<C>, upstream: End<U>, mask: [u8; 4], limits: Arc<Limits>) -> Self {
        Self {
            client: client.io,
            upstream: upstream.io,
            up: Oneway::new(client.early, Some(mask)),
            down: Oneway::new(upstream.early, None),
            limits,
            first_ended: None,
        }
    }

    /// Passes bytes until the tunnel has ended.
    pub(crate) async fn run(mut self) -> Ended {
        let reason = std::future::poll_fn(|cx| self.poll(cx)).await;
        Ended { to_client: self.down.sent(), to_upstream: self.up.sent(), reason }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        self.limits.set_task(cx.waker());
        if self.limits.leaving().is_some() {
            self.up.take_leave();
            self.down.take_leave();
        }
        let (up, down) = SCRATCH.with_borrow_mut(|scratch| {
            let up = self.up.poll(cx, scratch, &mut self.client, &mut self.upstream);
            (up, self.down.poll(cx, scratch, &mut self.upstream, &mut self.client))
        });
        match (up, down) {
            (Err(Failure::Source), _) | (_, Err(Failure::Sink)) => return Poll::Ready(self.because(Reason::Client)),
            (_, Err(Failure::Source)) | (Err(Failure::Sink), _) => return Poll::Ready(self.because(Reason::Upstream)),
            (Ok(up), Ok(down)) => self.limits.note(up || down, [self.up.flow(), self.down.flow()]),
        }
        // A side that has answered the gateway's Close is released, whatever the other does.
        let client_goes = self.up.has_answered() && self.down.finish();
        let upstream_goes = self.down.has_answered() && self.up.finish();
        if client_goes || upstream_goes {
            cx.waker().wake_by_ref();
        }
        if self.first_ended.is_none() && (self.up.has_ended() || self.down.has_ended()) {
            self.first_ended = Some(if self.up.has_ended() { Reason::Client } else { Reason::Upstream });
            self.limits.set_half_closed();
        }
        if self.up.is_done() && self.down.is_done() {
            return Poll::Ready(self.because(self.first_ended.unwrap_or(Reason::Closed)));
        }
        match self.limits.overdue() {
            None => Poll::Pending,
            Some(side) => Poll::Ready(self.because(side.or(self.first_ended).unwrap_or(Reason::Closed))),
        }
    }

    /// The reason for the end of the tunnel after the final cause `last`.
    fn because(&self, last: Reason) -> Reason {
        match self.limits.leaving() {
            Some(reason) => reason,
            None if self.up.is_closed() || self.down.is_closed() => Reason::Closed,
            None => last,
        }
    }
}

#[cfg(test)]
mod tests;

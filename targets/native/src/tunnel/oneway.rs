//! One direction of a tunnel: from a source to a sink.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use gateway_core::http::websocket_frames::{Frames, GOING_AWAY, close};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The number of reads after which the other direction, and other tunnels, get their turn.
const READS_AT_ONCE: usize = 16;

/// The side that broke a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The side that sends.
    Source,
    /// The side that receives.
    Sink,
}

/// One direction of a tunnel.
#[derive(Debug)]
pub(super) struct Oneway {
    /// The position in the frames of the source.
    frames: Frames,
    /// Bytes for the sink. Nothing is read while there are any.
    queue: Bytes,
    /// Bytes that the sink has taken.
    sent: u64,
    flow: Flow,
    leave: Leave,
    /// The mask of the gateway's own frame.
    mask: Option<[u8; 4]>,
    /// Set if the source has ended.
    ended: bool,
    /// Set if only the queue still goes to the sink.
    finished: bool,
    /// Set if the sink's stream was ended.
    done: bool,
}

/// The pace of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It takes everything.
    Free,
    /// It took a part just now.
    Slow,
    /// It takes nothing.
    Stuck,
}

/// The progress of the gateway's Close to the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// None is needed.
    None,
    /// It follows the current frame.
    Wanted,
    /// It is sent. Later bytes of the source are dropped (RFC 6455 §5.5.1).
    Taken,
}

/// Returns `bytes`, without their memory if they are empty.
fn unless_empty(bytes: Bytes) -> Bytes {
    if bytes.is_empty() { Bytes::new() } else { bytes }
}

impl Oneway {
    /// A direction on which `early` has already come. The gateway's own frames have this `mask`, if any.
    pub(super) fn new(early: Bytes, mask: Option<[u8; 4]>) -> Self {
        let mut frames = Frames::default();
        frames.pass(&early);
        Self {
            frames,
            queue: unless_empty(early),
            sent: 0,
            flow: Flow::Free,
            leave: Leave::None,
            mask,
            ended: false,
            finished: false,
            done: false,
        }
    }

    /// Sends a Close to the sink at the next frame boundary.
    pub(super) fn take_leave(&mut self) {
        if self.leave == Leave::None {
            self.leave = Leave::Wanted;
        }
    }

    /// Limits the sink to the bytes on their way; false if that was so already.
    pub(super) fn finish(&mut self) -> bool {
        !core::mem::replace(&mut self.finished, true)
    }

    /// Bytes that the sink has taken.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The sink's pace at the latest [`poll`](Self::poll).
    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// Returns whether the source has sent a Close frame as its last frame.
    pub(super) fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }

    /// Returns whether the source has sent a Close frame after the gateway sent its own to both sides.
    pub(super) fn has_answered(&self) -> bool {
        self.leave == Leave::Taken && self.is_closed()
    }

    /// Returns whether the source has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns whether the sink has everything, and its stream was ended.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Passes bytes on; returns true if any came or were taken.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<bool, Failure> {
        let mut moved = false;
        let before = self.sent;
        let result = self.pass(cx, scratch, source, sink, &mut moved);
        if self.flow != Flow::Free {
            self.flow = if self.sent == before { Flow::Stuck } else { Flow::Slow };
        }
        result.map(|()| moved || self.sent != before)
    }

    fn pass(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        came: &mut bool,
    ) -> Result<(), Failure> {
        for _ in 0..READS_AT_ONCE {
            if self.poll_write(cx, sink)?.is_pending() || self.done {
                return Ok(());
            }
            if self.leave == Leave::Wanted && self.frames.is_between() {
                self.say_farewell();
                continue;
            }
            if self.ended || self.finished {
                // A sink that is gone can't be closed.
                self.done = Pin::new(sink).poll_shutdown(cx).is_ready();
                return Ok(());
            }
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut *source).poll_read(cx, &mut buffer) {
                Poll::Pending => {
                    let _ = Pin::new(sink).poll_flush(cx).map_err(|_| Failure::Sink)?;
                    return Ok(());
                }
                Poll::Ready(Err(_)) => return Err(Failure::Source),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.ended = true,
                Poll::Ready(Ok(())) => {
                    *came = true;
                    self.take(cx, sink, buffer.filled())?;
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Writes the queue.
    fn poll_write(&mut self, cx: &mut Context<'_>, sink: &mut (impl AsyncWrite + Unpin)) -> Result<Poll<()>, Failure> {
        while !self.queue.is_empty() {
            let Poll::Ready(count) = self.write(cx, sink, &self.queue.clone())? else { return Ok(Poll::Pending) };
            self.queue.advance(count);
            self.queue = unless_empty(core::mem::take(&mut self.queue));
        }
        Ok(Poll::Ready(()))
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
        bytes: &[u8],
    ) -> Result<Poll<usize>, Failure> {
        let written = Pin::new(sink).poll_write(cx, bytes);
        self.flow = if written.is_pending() { Flow::Stuck } else { Flow::Free };
        match written {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(0) | Err(_)) => Err(Failure::Sink),
            Poll::Ready(Ok(count)) => {
                self.sent += count as u64;
                Ok(Poll::Ready(count))
            }
        }
    }

    /// Handles the bytes of the source: passes on all, or only the frame before the Close, or none.
    fn take(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let count = match self.leave {
            Leave::None => {
                self.frames.pass(bytes);
                bytes.len()
            }
            Leave::Wanted => self.frames.pass_frame(bytes),
            Leave::Taken => 0,
        };
        let (mut passed, dropped) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
        while !passed.is_empty() {
            match self.write(cx, sink, passed)? {
                Poll::Ready(count) => passed = passed.get(count..).unwrap_or_default(),
                Poll::Pending => {
                    self.queue = Bytes::copy_from_slice(passed);
                    break;
                }
            }
        }
        if self.leave == Leave::Wanted && self.frames.is_between() {
            self.say_farewell();
        }
        self.frames.pass(dropped);
        Ok(())
    }

    /// Puts a Close frame behind the queue, unless the source has sent one itself.
    fn say_farewell(&mut self) {
        self.leave = Leave::Taken;
        if !self.frames.is_closed() {
            let frame = close(GOING_AWAY, self.mask);
            self.queue = if self.queue.is_empty() { frame.into() } else { [&*self.queue, &frame].concat().into() };
        }
    }
}

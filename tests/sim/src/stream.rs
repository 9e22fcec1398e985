//! A body on its way, as the simulated host has it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use edgeway_codings::Encoder;
use edgeway_corpus::Content as Text;
use gateway_core::cache::resource::Content;
use gateway_core::ports::{BreaksOff, Encoding, Filter, IoError, IoErrorKind, Keep, Observer};
use gateway_core::response_store;
use gateway_core::time::Timestamp;

use crate::platform::Platform;
use crate::world::World;

/// Who sends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Upstream,
    /// A service that the gateway itself asks.
    Service,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing says.
    Complete,
    /// Before that.
    Cut,
}

/// A body on its way. Nothing but its host reads it.
#[derive(Debug)]
pub struct Stream {
    pub(crate) world: Rc<World>,
    pub(crate) sender: Sender,
    pieces: VecDeque<Bytes>,
    end: End,
    left: Option<u64>,
    pause: Option<(usize, Duration)>,
    deadline: Option<Timestamp>,
    keep: Option<(Box<Keep>, BytesMut)>,
    observer: Option<Box<Observer>>,
    filter: Option<Box<Filter>>,
    encoder: Option<Encoder>,
}

impl Stream {
    /// The body of a client's request.
    #[must_use]
    pub fn from_client(world: &Rc<World>, content: &Text, end: End) -> Self {
        Self::new(world, Sender::Client, content, end)
    }

    pub(crate) fn new(world: &Rc<World>, sender: Sender, content: &Text, end: End) -> Self {
        let mut pieces: VecDeque<Bytes> = content.pieces().into();
        if end == End::Cut {
            pieces.truncate(pieces.len() / 2);
        }
        Self::of(Rc::clone(world), sender, pieces, end)
    }

    /// The content of an answer that the gateway has in memory.
    pub(crate) fn in_memory(world: &Rc<World>, content: Bytes) -> Self {
        Self::of(Rc::clone(world), Sender::Upstream, [content].into(), End::Complete)
    }

    fn of(world: Rc<World>, sender: Sender, pieces: VecDeque<Bytes>, end: End) -> Self {
        let (left, pause, deadline, keep, observer) = (None, None, None, None, None);
        let (filter, encoder) = (None, None);
        Self { world, sender, pieces, end, left, pause, deadline, keep, observer, filter, encoder }
    }

    /// Waits for `pause` in the middle.
    pub(crate) fn pausing(mut self, pause: Option<Duration>) -> Self {
        self.pause = pause.map(|pause| (self.pieces.len() / 2, pause));
        self
    }

    /// Is cut off at `deadline`.
    pub(crate) fn until(mut self, deadline: Option<Timestamp>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Fails above `limit` bytes.
    pub(crate) fn limited(mut self, limit: u64) -> Self {
        self.left = Some(self.left.map_or(limit, |left| left.min(limit)));
        self
    }

    /// Shows `observer` what is read.
    pub(crate) fn observed(mut self, observer: Box<Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Copies what is read for the store of responses.
    pub(crate) fn kept(mut self, keep: Box<Keep>) -> Self {
        keep.waits_for_client(self.world.now());
        self.keep = Some((keep, BytesMut::new()));
        self
    }

    /// Edits what is read.
    pub(crate) fn filtered(mut self, filter: Box<Filter>) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(first) => first.then(filter),
            None => filter,
        });
        self
    }

    /// Encodes what is read.
    pub(crate) fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoder = Some(Encoder::new(encoding));
        self
    }

    /// The next piece as it goes on.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, IoError>> {
        if self.encoder.is_none() {
            return self.next_filtered().await;
        }
        loop {
            let next = self.next_filtered().await;
            let encoder = self.encoder.as_mut()?;
            match next {
                Some(Ok(piece)) => {
                    encoder.write(&piece);
                    encoder.flush();
                    if encoder.ready() > 0 {
                        return Some(Ok(encoder.take()));
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    encoder.finish().expect("memory");
                    return Some(Ok(encoder.take())).filter(|rest| !matches!(rest, Ok(rest) if rest.is_empty()));
                }
            }
        }
    }

    /// The next piece as it is edited.
    async fn next_filtered(&mut self) -> Option<Result<Bytes, IoError>> {
        loop {
            let next = self.next_plain().await;
            let Some(filter) = &mut self.filter else { return next };
            let mut out = Vec::new();
            let filtered = match &next {
                Some(Ok(piece)) => filter.push(piece, &mut out),
                Some(Err(_)) => return next,
                None => filter.finish(&mut out),
            };
            if filtered == Err(BreaksOff) {
                self.leave();
                self.pieces.clear();
                return Some(Err(IoError::new(IoErrorKind::Content)));
            }
            if next.is_none() {
                self.filter = None;
            }
            if next.is_none() || !out.is_empty() {
                return Some(Ok(out.into())).filter(|out: &Result<Bytes, _>| !matches!(out, Ok(out) if out.is_empty()));
            }
        }
    }

    /// The next piece.
    async fn next_plain(&mut self) -> Option<Result<Bytes, IoError>> {
        if let Some((keep, _)) = &self.keep {
            keep.goes_on(self.world.now());
        }
        let next = self.read_next().await;
        match &next {
            Some(Ok(piece)) => {
                if let Some(observer) = &mut self.observer {
                    observer.read(piece);
                }
                if let Some((keep, content)) = &mut self.keep {
                    content.extend_from_slice(piece);
                    keep.waits_for_client(self.world.now());
                    if content.len() as u64 > keep.most_bytes {
                        keep.has_no_room(self.world.now());
                        self.leave();
                    }
                }
            }
            Some(Err(_)) => self.leave(),
            None => {
                if let Some((keep, content)) = &mut self.keep {
                    let content = core::mem::take(content).freeze();
                    if self.world.stores_apart {
                        let platform = Platform(Rc::clone(&self.world));
                        if response_store::keep(&platform, keep, content).await.is_ok() {
                            keep.is_stored();
                        }
                    } else {
                        let variant = Arc::new(keep.with(Content::Here(content)));
                        self.world.store(&keep.resource, variant);
                        keep.is_stored();
                    }
                }
                self.leave();
            }
        }
        next
    }

    /// Has those go on who wait for the response.
    fn leave(&mut self) {
        if let Some((mut keep, _)) = self.keep.take() {
            drop(keep.flight.take());
            self.world.generations.notify(&keep.resource);
            self.world.meetings.notify(&keep.resource);
        }
    }

    async fn read_next(&mut self) -> Option<Result<Bytes, IoError>> {
        self.world.linger().await;
        if let Some((0, pause)) = self.pause.take_if(|(at, _)| *at == 0) {
            let left = self.deadline.map(|deadline| deadline.saturating_since(self.world.now()));
            if left.is_some_and(|left| left < pause) {
                self.world.sleep(left.unwrap_or_default()).await;
                return Some(Err(IoError::new(IoErrorKind::TotalTimeout)));
            }
            self.world.sleep(pause).await;
        }
        if let Some((at, _)) = &mut self.pause {
            *at -= 1;
        }
        let Some(piece) = self.pieces.pop_front() else {
            return match (self.end, self.sender) {
                (End::Complete, _) => None,
                (End::Cut, Sender::Client) => Some(Err(IoError::new(IoErrorKind::Client))),
                (End::Cut, Sender::Upstream | Sender::Service) => Some(Err(IoError::new(IoErrorKind::Closed))),
            };
        };
        if let Some(left) = &mut self.left {
            match left.checked_sub(piece.len() as u64) {
                Some(rest) => *left = rest,
                None => return Some(Err(IoError::new(IoErrorKind::BodyTooLarge))),
            }
        }
        Some(Ok(piece))
    }

    /// Everything until the end.
    pub(crate) async fn read(mut self) -> Result<Bytes, (Bytes, IoError)> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            match piece {
                Ok(piece) => whole.extend_from_slice(&piece),
                Err(error) => return Err((whole.freeze(), error)),
            }
        }
        Ok(whole.freeze())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.leave();
    }
}

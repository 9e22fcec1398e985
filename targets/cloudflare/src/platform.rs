//! The ports, in terms of effects that the glue performs.

use core::convert::Infallible;
use core::time::Duration;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::{
    Capabilities, Clock, Counters, Fetch, Handshake, Instance, IoError, IoErrorKind, KeyValue, Log, Platform, Random,
    UpstreamCall,
};
use gateway_core::time::Timestamp;
use http::Response;

use crate::exchange::{self, Completion};
use crate::{console, random, wire};

/// The Workers runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worker;

/// A body that the glue holds as a `ReadableStream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Which of the exchange's bodies: [`Handle::REQUEST`], or that of its n-th fetch.
    pub slot: u32,
    /// The most bytes that may be read from it.
    pub limit: Option<u64>,
}

impl Handle {
    /// The slot of the client's request.
    pub const REQUEST: u32 = 0;

    /// The whole body in `slot`.
    #[must_use]
    pub const fn whole(slot: u32) -> Self {
        Self { slot, limit: None }
    }
}

impl Instance for Worker {}

impl Platform for Worker {
    const CAPABILITIES: Capabilities = Capabilities::CLOUDFLARE;
}

impl Fetch for Worker {
    type Stream = Handle;
    type Socket = Infallible;

    async fn fetch(&self, call: UpstreamCall<'_, Handle>) -> Result<Response<Body<Handle>>, IoError> {
        match exchange::perform(|frame, heads| wire::write_fetch(frame, heads, call)).await? {
            Completion::Head(head) => Ok(head),
            _ => Err(IoError::new(IoErrorKind::Other)),
        }
    }

    /// INVARIANT: no plan for this platform asks for it yet.
    async fn open_socket(&self, _: UpstreamCall<'_, Handle>) -> Result<Handshake<Handle, Infallible>, IoError> {
        Err(IoError::before_send(IoErrorKind::Other))
    }

    fn limit(&self, stream: Handle, limit: u64) -> Handle {
        Handle { limit: Some(stream.limit.map_or(limit, |earlier| earlier.min(limit))), ..stream }
    }

    async fn collect(&self, stream: Handle, limit: u64) -> Result<Bytes, IoError> {
        match exchange::perform(|frame, _| wire::write_collect(frame, self.limit(stream, limit))).await? {
            Completion::Bytes(content) => Ok(content),
            _ => Err(IoError::new(IoErrorKind::Other)),
        }
    }
}

impl KeyValue for Worker {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, IoError> {
        match exchange::perform(|frame, _| wire::write_get(frame, key)).await? {
            Completion::Bytes(value) => Ok(Some(value)),
            Completion::Nothing => Ok(None),
            _ => Err(IoError::new(IoErrorKind::Store)),
        }
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), IoError> {
        exchange::perform(|frame, _| wire::write_put(frame, key, value, ttl)).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), IoError> {
        exchange::perform(|frame, _| wire::write_delete(frame, key)).await.map(drop)
    }
}

impl Counters for Worker {
    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, IoError> {
        let store = IoError::new(IoErrorKind::Store);
        match exchange::perform(|frame, _| wire::write_count(frame, cell, op.to_bytes())).await? {
            Completion::Bytes(verdict) => CounterVerdict::from_bytes(&verdict).ok_or(store),
            _ => Err(store),
        }
    }
}

impl Clock for Worker {
    fn now(&self) -> Timestamp {
        exchange::now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(exchange::now().unix_millis())
    }
}

impl Log for Worker {
    fn log(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut line = Vec::new();
        write(&mut line);
        console::log(String::from_utf8_lossy(&line).trim_end());
    }
}

impl Random for Worker {
    fn next_u64(&self) -> u64 {
        random::next()
    }
}

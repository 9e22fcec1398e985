//! The ports, as effects that the glue performs.

use core::time::Duration;

use bytes::Bytes;
use edgeway_wire::Kind;
use gateway_core::body::Body;
use gateway_core::http::content_decoding::is_zlib;
use gateway_core::jose::key::{Material, VerifyingKey};
use gateway_core::jose::signing_key::{SigningKey, SigningMaterial};
use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::policy::idempotency;
use gateway_core::ports::{
    Capabilities, Clock, Counters, DecodeError, Decoding, Encoding, Fetch, Filter, Generations, Handshake, Instance,
    IoError, IoErrorKind, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, Platform, Random, Sign,
    StoreFailure, UpstreamCall, Verify, fill_from,
};
use gateway_core::time::Timestamp;
use http::{Response, StatusCode};

use crate::exchange::{self, Completion, Heads};
use crate::wire::Command;
use crate::{console, counter_cell, filters, random, wire};

/// The Workers runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worker;

/// A body that the glue holds as a `ReadableStream`. Dropping a response's body cancels it.
#[derive(Debug)]
pub struct Handle {
    /// The body's place among those of the exchange: [`Handle::REQUEST`], or the slot of a fetch.
    slot: u32,
    /// The most bytes that may be read from it.
    limit: Option<u64>,
    /// The edits that are made of it on its way, by their number; 0 for none.
    filter: u32,
}

impl Handle {
    /// The slot of the client's request.
    pub(crate) const REQUEST: u32 = 0;

    /// The whole body in `slot`.
    pub(crate) const fn whole(slot: u32) -> Self {
        Self { slot, limit: None, filter: 0 }
    }

    /// The slot.
    pub(crate) const fn slot(&self) -> u32 {
        self.slot
    }

    /// The most bytes that may be read from it, if those are at most `most`.
    pub(crate) fn most(&self, most: u64) -> u64 {
        self.limit.map_or(most, |limit| limit.min(most))
    }

    /// Returns the slot, the limit and the number of the edits, which the glue keeps from now on.
    pub(crate) fn into_parts(mut self) -> (u32, Option<u64>, u32) {
        let filter = core::mem::take(&mut self.filter);
        (core::mem::replace(&mut self.slot, Self::REQUEST), self.limit, filter)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        filters::forget(self.filter);
        if self.slot != Self::REQUEST {
            exchange::abandon(self.slot);
        }
    }
}

impl Instance for Worker {}

/// An upstream's end of a WebSocket that the glue holds. Dropping it closes it.
#[derive(Debug)]
pub struct Socket(Handle);

impl Socket {
    /// Returns the slot of the fetch that opened it, which the glue keeps from now on.
    pub(crate) fn into_slot(self) -> u32 {
        self.0.into_parts().0
    }
}

impl Platform for Worker {
    const CAPABILITIES: Capabilities = Capabilities::CLOUDFLARE;
    const POOLED_BY_HOST: bool = true;

    fn goes_on(&self) {
        exchange::linger();
    }

    fn watch(&self) {
        exchange::watch();
    }

    /// Isolates have no memory in common.
    fn purges_in_store(&self) -> bool {
        true
    }

    /// Cron checks, in an isolate of its own.
    fn checks_in_store(&self) -> bool {
        true
    }

    fn hears_of_upstream(&self, told: &dyn core::fmt::Display) {
        console::log(&told.to_string());
    }
}

impl Fetch for Worker {
    type Stream = Handle;
    type Socket = Socket;

    async fn fetch(&self, call: &mut UpstreamCall<'_, Handle>) -> Result<Response<Body<Handle>>, IoError> {
        match exchange::perform(Kind::Fetch, |command, heads| wire::write_fetch(command, heads, call)).await? {
            Completion::Head(head) => Ok(head),
            _ => Err(IoError::new(IoErrorKind::Other)),
        }
    }

    /// The runtime makes the key of the handshake and checks the answer to it.
    async fn open_socket(&self, call: &mut UpstreamCall<'_, Handle>) -> Result<Handshake<Handle, Socket>, IoError> {
        let response = self.fetch(call).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Handshake::Declined(response));
        }
        let (head, body) = response.into_parts();
        match body {
            Body::Stream(handle) => Ok(Handshake::Opened(Response::from_parts(head, ()), Socket(handle))),
            Body::Empty | Body::Full(_) => Err(IoError::new(IoErrorKind::Protocol)),
        }
    }

    fn limit(&self, mut stream: Handle, limit: u64) -> Handle {
        stream.limit = Some(stream.limit.map_or(limit, |earlier| earlier.min(limit)));
        stream
    }

    /// The glue, which watches the exchange, shows each piece on its way.
    fn observe(&self, stream: Handle, observer: Box<Observer>) -> Handle {
        exchange::observe(stream.slot(), observer);
        stream
    }

    /// The glue shows each piece on its way, and passes on what comes of it.
    fn filter(&self, mut stream: Handle, filter: Box<Filter>) -> Handle {
        stream.filter = filters::add(stream.filter, filter);
        stream
    }

    /// The glue encodes the body of the answer; no plan for this platform has another coding than gzip, the level of which is the runtime's.
    fn encode(&self, body: Body<Handle>, _: Encoding) -> Body<Handle> {
        exchange::encode();
        body
    }

    async fn collect(&self, stream: Handle, limit: u64) -> Result<Bytes, IoError> {
        let mut stream = self.limit(stream, limit);
        let slot = stream.slot();
        let filter = filters::take(core::mem::take(&mut stream.filter));
        match exchange::perform(Kind::Collect, |command, _| wire::write_collect(command, stream)).await? {
            Completion::Bytes(content) => {
                exchange::collected(slot, &content);
                match filter {
                    Some(mut filter) => filters::whole(&mut filter, &content),
                    None => Ok(content),
                }
            }
            _ => Err(IoError::new(IoErrorKind::Other)),
        }
    }

    async fn decode(&self, content: Bytes, codings: &[Decoding], limit: u64) -> Result<Bytes, DecodeError> {
        let mut content = content;
        for coding in codings {
            // The names of Compression Standard §5.
            let name = match coding {
                Decoding::Gzip => "gzip",
                Decoding::Deflate if is_zlib(&content) => "deflate",
                Decoding::Deflate => "deflate-raw",
                Decoding::Brotli | Decoding::Zstd => return Err(DecodeError::Unknown),
            };
            let write = |command: &mut wire::Command<'_>, _: &Heads| wire::write_decode(command, name, content, limit);
            content = match exchange::perform(Kind::Decode, write).await {
                Ok(Completion::Bytes(decoded)) => decoded,
                Err(IoError { kind: IoErrorKind::BodyTooLarge, .. }) => return Err(DecodeError::TooLarge),
                _ => return Err(DecodeError::Malformed),
            };
        }
        Ok(content)
    }
}

impl KeyValue for Worker {
    fn key_value_store(&self) -> &'static str {
        "Workers KV"
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        // KV shows late what was written, and each answer must be found at once: it stands in the object of its cell.
        if let Some(cell) = idempotency::cell_of(key) {
            let kept = ask_cell(&cell, counter_cell::kept()).await?;
            return Ok(Some(kept).filter(|kept| !kept.is_empty()));
        }
        match store(exchange::perform(Kind::Get, |command, _| wire::write_key(command, key)).await)? {
            Completion::Bytes(value) => Ok(Some(value)),
            Completion::Nothing => Ok(None),
            _ => Err(StoreFailure::Unreachable),
        }
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        if let Some(cell) = idempotency::cell_of(key) {
            return ask_cell(&cell, counter_cell::keep(&value)).await.map(drop);
        }
        store(exchange::perform(Kind::Put, |command, _| wire::write_put(command, key, value, ttl)).await).map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        store(exchange::perform(Kind::Delete, |command, _| wire::write_key(command, key)).await).map(drop)
    }
}

impl Counters for Worker {
    fn counter_store(&self) -> &'static str {
        "Durable Object"
    }

    /// Each cell is an object of its own, so that none waits for another.
    fn asks_at_once(&self) -> bool {
        true
    }

    async fn ask_binding(&self, binding: &str, key: &str) -> Result<bool, StoreFailure> {
        match store(exchange::perform(Kind::Limit, |command, _| wire::write_limit(command, binding, key)).await)? {
            Completion::Bytes(verdict) => Ok(*verdict == [1]),
            _ => Err(StoreFailure::Malformed),
        }
    }

    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        let verdict = ask_cell(cell, Bytes::copy_from_slice(&op.to_bytes())).await?;
        CounterVerdict::from_bytes(&verdict).ok_or(StoreFailure::Malformed)
    }
}

/// Has the object of `cell` do `op`, and returns its answer.
async fn ask_cell(cell: &str, op: Bytes) -> Result<Bytes, StoreFailure> {
    match store(exchange::perform(Kind::Count, |command, _| wire::write_count(command, cell, op)).await)? {
        Completion::Bytes(answer) => Ok(answer),
        _ => Err(StoreFailure::Malformed),
    }
}

/// Returns the result of a binding's call; the glue has logged the reason of a failure.
fn store(outcome: Result<Completion, IoError>) -> Result<Completion, StoreFailure> {
    outcome.map_err(|_| StoreFailure::Unreachable)
}

impl Verify for Worker {
    /// HMAC stays here: the crossing costs more. The rest is faster in the runtime, which keeps the keys that it has made.
    async fn verify(&self, key: &VerifyingKey, signed: &[u8], signature: &[u8]) -> Result<bool, KeyUnusable> {
        if let Material::Secret(secret) = key.material() {
            return Ok(secret.verify(signed, signature));
        }
        let write = |command: &mut Command<'_>, _: &Heads| wire::write_verify(command, key, signed, signature);
        match exchange::perform(Kind::Verify, write).await {
            Ok(Completion::Bytes(verdict)) => Ok(*verdict == [1]),
            _ => Err(KeyUnusable),
        }
    }
}

impl Sign for Worker {
    /// As [`verify`](Verify::verify).
    async fn sign(&self, key: &SigningKey, signed: &[u8]) -> Result<Bytes, KeyUnusable> {
        let (id, pkcs8) = match key.material() {
            SigningMaterial::Secret(secret) => {
                return secret.sha256(&[signed]).map(|tag| Bytes::copy_from_slice(&tag)).ok_or(KeyUnusable);
            }
            SigningMaterial::Private(id, pkcs8) => (id, pkcs8),
        };
        let write = |command: &mut Command<'_>, _: &Heads| {
            wire::write_sign(command, key.algorithm(), (&id.to_hex(), pkcs8), signed);
        };
        match exchange::perform(Kind::Sign, write).await {
            Ok(Completion::Bytes(signature)) => Ok(signature),
            _ => Err(KeyUnusable),
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

    /// Outside of an exchange nothing can wait: there it ends at once.
    async fn sleep(&self, duration: Duration) {
        let _ = exchange::perform(Kind::Sleep, |command, _| wire::write_sleep(command, duration)).await;
    }
}

/// The meetings of all exchanges of this instance.
static MEETINGS: Generations = Generations::new();

/// An effect belongs to its own exchange, and another may never be resumed again: so waiters sleep in slices.
impl Meeting for Worker {
    fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        MEETINGS.wait(self, key, at_most)
    }

    fn notify(&self, key: &str) {
        MEETINGS.notify(key);
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

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        fill_from(bytes, random::next);
        Ok(())
    }
}

//! The ports of a dry run: they call nothing and keep nothing, since the trace has it all.

use std::convert::Infallible;
use std::future::ready;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::policy::counter::{CounterOp, CounterVerdict, step};
use gateway_core::ports::{
    Cache, Capabilities, Clock, Counters, DecodeError, Decoding, Encoding, Fetch, Filter, Handshake, Instance, IoError,
    IoErrorKind, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, Platform, Random, Sign, StoreFailure,
    UpstreamCall, Verify,
};
use gateway_core::time::Timestamp;
use http::{Method, Response};

/// A platform where every upstream answers 200 without content, every counter is untouched, every key is absent.
#[derive(Clone, Copy, Default)]
pub(super) struct DryRun {
    /// The target of a split that is taken: a point within the sum of all weights, and that sum.
    pub(super) draw: Option<(u64, u64)>,
}

impl Instance for DryRun {}

impl Platform for DryRun {
    const CAPABILITIES: Capabilities = Capabilities::NATIVE;
}

impl Fetch for DryRun {
    type Stream = Bytes;
    type Socket = Infallible;

    async fn fetch(&self, call: &mut UpstreamCall<'_, Bytes>) -> Result<Response<Body<Bytes>>, IoError> {
        // What the gateway would ask for itself has no answer to go by.
        if *call.method == Method::POST && call.upstream.internal.is_some() {
            // But for a token, of which nothing is told anyway.
            let token = br#"{"access_token":"token","token_type":"Bearer"}"#;
            return Ok(Response::new(Body::Full(Bytes::from_static(token))));
        }
        if call.upstream.internal.is_some() {
            return Err(IoError::before_send(IoErrorKind::Other));
        }
        // A service of either protocol lets the request in.
        let is_of_opa = matches!(&call.body, Body::Full(content) if content.starts_with(br#"{"input":{"#));
        Ok(Response::new(if is_of_opa { Body::Full(Bytes::from_static(br#"{"result":true}"#)) } else { Body::Empty }))
    }

    async fn open_socket(&self, call: &mut UpstreamCall<'_, Bytes>) -> Result<Handshake<Bytes, Infallible>, IoError> {
        self.fetch(call).await.map(Handshake::Declined)
    }

    fn limit(&self, stream: Bytes, _: u64) -> Bytes {
        stream
    }

    fn observe(&self, stream: Bytes, _: Box<Observer>) -> Bytes {
        stream
    }

    fn filter(&self, stream: Bytes, _: Box<Filter>) -> Bytes {
        stream
    }

    fn encode(&self, body: Body<Bytes>, _: Encoding) -> Body<Bytes> {
        body
    }

    async fn collect(&self, stream: Bytes, limit: u64) -> Result<Bytes, IoError> {
        if stream.len() as u64 > limit { Err(IoError::new(IoErrorKind::BodyTooLarge)) } else { Ok(stream) }
    }

    fn decode(
        &self,
        content: Bytes,
        codings: &[Decoding],
        limit: u64,
    ) -> impl Future<Output = Result<Bytes, DecodeError>> {
        ready(edgeway_codings::decode(content, codings, limit))
    }
}

impl KeyValue for DryRun {
    fn key_value_store(&self) -> &'static str {
        "none"
    }

    async fn get(&self, _: &str) -> Result<Option<Bytes>, StoreFailure> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<(), StoreFailure> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), StoreFailure> {
        Ok(())
    }
}

impl Counters for DryRun {
    fn counter_store(&self) -> &'static str {
        "none"
    }

    async fn ask_binding(&self, _: &str, _: &str) -> Result<bool, StoreFailure> {
        Ok(true)
    }

    async fn apply(&self, _: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        Ok(step(op, None, self.now()).verdict)
    }
}

impl Verify for DryRun {
    fn verify(
        &self,
        key: &VerifyingKey,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, KeyUnusable>> {
        ready(edgeway_verify_ring::verify(key, signed, signature))
    }
}

impl Sign for DryRun {
    fn sign(&self, key: &SigningKey, signed: &[u8]) -> impl Future<Output = Result<Bytes, KeyUnusable>> {
        ready(edgeway_verify_ring::sign(key, signed).map(Bytes::from))
    }
}

impl Clock for DryRun {
    fn now(&self) -> Timestamp {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Timestamp::from_unix_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    /// Nothing here takes time, so no deadline passes.
    fn sleep(&self, _: Duration) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// No other request is there to be waited for.
impl Cache for DryRun {}

impl Meeting for DryRun {
    fn wait(&self, _: &str, at_most: Duration) -> impl Future<Output = ()> {
        self.sleep(at_most)
    }

    fn notify(&self, _: &str) {}
}

impl Log for DryRun {
    fn log(&self, _: impl FnOnce(&mut Vec<u8>)) {}
}

impl Random for DryRun {
    fn next_u64(&self) -> u64 {
        let random = fastrand::u64(..);
        match self.draw {
            // Every other use of the number has enough of chance left.
            Some((point, total)) if total > 0 => (random / total).saturating_sub(1) * total + point,
            _ => random,
        }
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        edgeway_verify_ring::fill_secret(bytes)
    }
}

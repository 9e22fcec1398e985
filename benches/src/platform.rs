//! A platform that answers at once: what is left is the gateway's own work.

use core::convert::Infallible;
use core::future::ready;
use core::time::Duration;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::policy::counter::{CounterOp, CounterVerdict, step};
use gateway_core::ports::{
    Cache, Capabilities, Clock, Counters, DecodeError, Decoding, Encoding, Feature, FeatureSet, Fetch, Filter,
    Handshake, Instance, IoError, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, OwnCounters, Platform,
    Random, Sign, StoreFailure, UpstreamCall, Verify,
};
use gateway_core::time::Timestamp;
use http::{HeaderValue, Response, header};

/// What every upstream of [`Still`] answers with.
pub const UPSTREAM_BODY: Bytes = Bytes::from_static(br#"{"ok":true}"#);

/// A platform where time stands still and every upstream answers at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Still;

impl Instance for Still {}

impl Platform for Still {
    const CAPABILITIES: Capabilities = Capabilities {
        target: "benchmark",
        name: "the benchmark",
        features: FeatureSet::ALL.without(Feature::RedisCounters),
        counters: OwnCounters::Memory,
        further_methods: None,
        most_subrequests: None,
    };
}

impl Fetch for Still {
    type Stream = Infallible;
    type Socket = Infallible;

    async fn fetch(&self, call: &mut UpstreamCall<'_, Infallible>) -> Result<Response<Body<Infallible>>, IoError> {
        drop(call.take_request(drop));
        let mut response = Response::new(Body::Full(UPSTREAM_BODY));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ETAG, HeaderValue::from_static("\"33a64df5\""));
        headers.insert("x-powered-by", HeaderValue::from_static("bench"));
        Ok(response)
    }

    async fn open_socket(
        &self,
        call: &mut UpstreamCall<'_, Infallible>,
    ) -> Result<Handshake<Infallible, Infallible>, IoError> {
        self.fetch(call).await.map(Handshake::Declined)
    }

    fn limit(&self, stream: Infallible, _: u64) -> Infallible {
        stream
    }

    fn observe(&self, stream: Infallible, _: Box<Observer>) -> Infallible {
        stream
    }

    fn filter(&self, stream: Self::Stream, _: Box<Filter>) -> Self::Stream {
        stream
    }

    fn encode(&self, body: Body<Infallible>, _: Encoding) -> Body<Infallible> {
        body
    }

    async fn collect(&self, stream: Infallible, _: u64) -> Result<Bytes, IoError> {
        match stream {}
    }

    async fn decode(&self, _: Bytes, _: &[Decoding], _: u64) -> Result<Bytes, DecodeError> {
        Err(DecodeError::Unknown)
    }
}

impl KeyValue for Still {
    fn key_value_store(&self) -> &'static str {
        "none"
    }

    async fn get(&self, _: &str) -> Result<Option<Bytes>, StoreFailure> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<(), StoreFailure> {
        Err(StoreFailure::Unreachable)
    }

    async fn delete(&self, _: &str) -> Result<(), StoreFailure> {
        Err(StoreFailure::Unreachable)
    }
}

impl Counters for Still {
    fn counter_store(&self) -> &'static str {
        "none"
    }

    async fn apply(&self, _: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        Ok(step(op, None, self.now()).verdict)
    }
}

impl Verify for Still {
    fn verify(
        &self,
        key: &VerifyingKey,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, KeyUnusable>> {
        ready(edgeway_verify_ring::verify(key, signed, signature))
    }
}

impl Sign for Still {
    fn sign(&self, key: &SigningKey, signed: &[u8]) -> impl Future<Output = Result<Bytes, KeyUnusable>> {
        ready(edgeway_verify_ring::sign(key, signed).map(Bytes::from))
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_700_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    /// Nothing here takes time, so no deadline passes.
    fn sleep(&self, _: Duration) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

impl Cache for Still {}

impl Meeting for Still {
    fn wait(&self, _: &str, at_most: Duration) -> impl Future<Output = ()> {
        self.sleep(at_most)
    }

    fn notify(&self, _: &str) {}
}

impl Log for Still {
    fn log(&self, _: impl FnOnce(&mut Vec<u8>)) {}
}

impl Random for Still {
    fn next_u64(&self) -> u64 {
        0x9e37_79b9_7f4a_7c15
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        bytes.fill(7);
        Ok(())
    }
}

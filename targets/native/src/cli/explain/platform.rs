//! The ports of a dry run: they call nothing and keep nothing, since the trace has it all.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::plan::{Plan, RequestStep};
use gateway_core::policy::authenticate::Authenticate;
use gateway_core::policy::counter::{CounterOp, CounterVerdict, step};
use gateway_core::policy::proof::Proof;
use gateway_core::ports::{
    Cache, Capabilities, Clock, Counters, DecodeError, Decoding, Encoding, Fetch, Filter, Handshake, Instance, IoError,
    IoErrorKind, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, Platform, Random, Sign, StoreFailure,
    UpstreamCall, Verify,
};
use gateway_core::time::Timestamp;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};

/// A platform where every upstream answers 200 without content, every counter is untouched, every key is absent.
///
/// The upstream of a route answers what is stated, if something is.
#[derive(Clone, Default)]
pub(super) struct DryRun {
    /// The target of a split that is taken: a point within the sum of all weights, and that sum.
    pub(super) draw: Option<(u64, u64)>,
    /// The answer of the route's upstream.
    pub(super) answer: Option<Stated>,
    /// The services that are asked for leave: the index of the upstream, and the path.
    pub(super) services: Arc<[(usize, String)]>,
}

/// An upstream's answer, as the question states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) status: StatusCode,
    /// The media type.
    pub(crate) kind: Option<HeaderValue>,
    /// The content; none if nothing is said of it.
    pub(crate) content: Option<Bytes>,
}

impl Stated {
    /// Returns whether its status has no content, whatever is stated (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
    pub(super) fn is_without_content(&self) -> bool {
        matches!(self.status.as_u16(), 204 | 205 | 304)
    }

    fn response(&self) -> Response<Body<Bytes>> {
        // There as a whole, so that what becomes of it is seen.
        let content = self.content.clone().filter(|content| !content.is_empty() && !self.is_without_content());
        let mut response = Response::new(content.map_or(Body::Empty, Body::Full));
        *response.status_mut() = self.status;
        let kind = self.kind.clone().filter(|_| self.content.is_some() && !self.is_without_content());
        response.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
        response
    }
}

impl DryRun {
    /// A platform for `plan`, on which the route's upstream answers what is stated.
    pub(super) fn of(plan: &Plan, answer: Option<Stated>) -> Self {
        let steps = plan.routes.iter().flat_map(|route| &*route.request);
        let proofs = steps.filter_map(RequestStep::authenticate).flat_map(Authenticate::proofs);
        let services = proofs.filter_map(|proof| match proof {
            Proof::External(external) => Some((external.place.upstream, external.place.path.to_string())),
            _ => None,
        });
        Self { draw: None, answer, services: services.collect() }
    }

    /// Returns whether `call` asks a service for leave.
    fn asks_service(&self, call: &UpstreamCall<'_, Bytes>) -> bool {
        let path = call.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        self.services.iter().any(|(upstream, asked)| *upstream == call.upstream.index && asked == path)
    }
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
        if let Some(answer) = self.answer.as_ref().filter(|_| !self.asks_service(call)) {
            return Ok(answer.response());
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

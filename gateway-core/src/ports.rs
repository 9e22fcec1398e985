//! The ports: the needs that the gateway has of its machine, one small trait for each, implemented by each adapter.
//!
//! The futures carry no `Send` bound: a Worker's are not `Send`, and a native adapter's are inferred to be.
//!
//! **Invariant:** nothing else in this crate does I/O, reads a clock or draws a random number.

mod meeting;

use core::mem;
use core::num::NonZeroU64;
use core::ops::Range;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};

pub use self::meeting::{Generations, Meeting, PLACES};
pub use crate::balance::discovery::{Record, Records};
use crate::balance::fleet::Fleets;
pub use crate::balance::repeat::Repeat;
use crate::body::Body;
use crate::cache::entry::Entry;
use crate::cache::flights::{Flight, Flights};
use crate::cache::purges::{PurgeBook, Purges};
use crate::cache::resource::{Content, Resource, Variant};
pub use crate::capabilities::{Capabilities, Feature, FeatureSet, OwnCounters};
pub use crate::http::content_decoding::{DecodeError, Decoding};
pub use crate::http::peer::Peer;
pub use crate::io::{IoError, IoErrorKind, StoreFailure};
use crate::jose::key::VerifyingKey;
use crate::jose::signing_key::SigningKey;
pub use crate::known_edits::KnownEdits;
pub use crate::net::{Deadlines, Scheme, is_public};
use crate::plan::{Endpoint, Upstream};
pub use crate::policy::body_edit::lines::{BreaksOff, Filter};
use crate::policy::borrowed::Borrowed;
pub use crate::policy::compress::Encoding;
use crate::policy::counter::{CounterOp, CounterVerdict};
use crate::policy::passwords::Passwords;
pub use crate::policy::response_cost::Observer;
pub use crate::random::{NoRandom, Random, fill_from};
use crate::state::State;
pub use crate::time::Clock;
use crate::time::Timestamp;
use crate::together::together;

/// Everything an adapter provides.
pub trait Platform:
    Fetch + Cache + KeyValue + Counters + Verify + Sign + Clock + Random + Log + Instance + Meeting
{
    /// The abilities of this platform; a configuration that needs more is refused at load.
    const CAPABILITIES: Capabilities;

    /// One in so many requests, by chance, is followed by a [`sweep`](Self::sweep); `None` if stores expire by
    /// themselves.
    const SWEEP_ONE_IN: Option<NonZeroU64> = None;

    /// Set if the host pools connections to upstreams for all clients, so that the adapter can't keep one to itself. Then nothing
    /// passes that would authenticate a connection ([`connection_auth`](crate::http::connection_auth)).
    const POOLED_BY_HOST: bool = false;

    /// Removes some of the expired entries in the platform's stores.
    fn sweep(&self) -> impl Future<Output = ()> {
        core::future::ready(())
    }

    /// Does `work`, which takes milliseconds of computing, and returns its result; `None` if there is too much of it. A platform with threads has it
    /// done where it holds no other request up.
    fn compute(&self, work: Work) -> impl Future<Output = Option<bool>> {
        core::future::ready(work())
    }

    /// What is known of passwords: that of all instances together, where the platform has it, or else of this one, whose state is `own`.
    fn passwords<'s>(&'s self, own: &'s State) -> &'s Arc<Passwords> {
        own.passwords()
    }

    /// The units of rate limits that were borrowed: by all instances together, where the platform has them, or else by this one, whose state is `own`.
    fn borrowed<'s>(&'s self, own: &'s State) -> &'s Arc<Borrowed> {
        own.borrowed()
    }

    /// The requests under way for responses that others wait for: those of all instances together, where the platform has them, or else of this one,
    /// whose state is `own`.
    fn flights<'s>(&'s self, own: &'s State) -> &'s Arc<Flights> {
        own.flights()
    }

    /// The purges of stored responses: those of all instances together, where the platform has them, or else of this one, whose state is `own`.
    fn purges<'s>(&'s self, own: &'s State) -> &'s Arc<PurgeBook> {
        own.purges()
    }

    /// What is known of the places of upstreams by all instances together, where the platform has that: else each knows its own.
    fn fleets(&self) -> Option<&Arc<Fleets>> {
        None
    }

    /// Returns whether the requests of several instances for one response are one flight, since instances have no memory in common: a counter
    /// cell says who leads, and the others look for the response in the store.
    fn flights_in_store(&self) -> bool {
        false
    }

    /// Returns whether purges live in the key-value store, since instances have no memory in common: [`purges`](Self::purges) are then those
    /// that are known here.
    fn purges_in_store(&self) -> bool {
        false
    }

    /// Returns whether the places whose checks fail stand in the key-value store, since those who check have no memory in common with those who call.
    fn checks_in_store(&self) -> bool {
        false
    }

    /// Takes note of the purges in `book`, to which some were added. For platforms whose stored responses outlive them.
    ///
    /// # Errors
    /// A [`StoreFailure`]: then they may not hold after a restart.
    fn purged(&self, _book: &Arc<PurgeBook>) -> impl Future<Output = Result<(), StoreFailure>> {
        core::future::ready(Ok(()))
    }

    /// The number of URLs in memory of which `added` ends responses that `book` has not ended yet; none where that is not known.
    fn count_stored(&self, _book: &PurgeBook, _added: &Purges) -> Option<u64> {
        None
    }

    /// Hears of a purge, in words: for operators.
    fn hears_of_purge(&self, _told: &dyn core::fmt::Display) {}

    /// Hears that the source of tokens with this index was asked for one, and the `trouble` that there was: for operators.
    fn asked_for_token(&self, _source: usize, _trouble: Option<&str>) {}

    /// Hears that the source of published keys with this index was asked for them, and the trouble that there was: for operators.
    fn asked_for_keys(&self, _source: usize, _trouble: Option<&dyn core::fmt::Display>) {}

    /// Hears that the issuer with this index was asked about a token, and the trouble that there was: for operators.
    fn asked_about_token(&self, _issuer: usize, _trouble: Option<&dyn core::fmt::Display>) {}

    /// Hears that the upstream with this index was asked to decide about a request, and the trouble that there was: for operators.
    fn asked_service(&self, _upstream: usize, _trouble: Option<&dyn core::fmt::Display>) {}

    /// Hears that the source that tells where the upstream with this index is was asked, and the trouble that there was: for operators.
    fn discovered(&self, _upstream: usize, _trouble: Option<&dyn core::fmt::Display>) {}

    /// The records of this kind that the platform's name servers have of `name`, or that this `server` has. For platforms with [`Feature::NameServers`].
    ///
    /// # Errors
    /// They have none, or can't be asked: the reason in words.
    fn records(
        &self,
        _name: &str,
        _record: Record,
        _server: Option<SocketAddr>,
    ) -> impl Future<Output = Result<Records, Box<str>>> {
        core::future::ready(Err("there are no name servers".into()))
    }
    /// Hears that a place of an upstream is left out or returns, or that a breaker opens or closes, in words: for operators.
    fn hears_of_upstream(&self, _told: &dyn core::fmt::Display) {}

    /// Has the current exchange go on if its client leaves: what it does must be known, even if nobody waits for it. For platforms that would give
    /// it up at once.
    fn goes_on(&self) {}

    /// Notes that the core waits for the end of the current exchange, even if its client leaves at once. For platforms
    /// that watch exchanges only on request.
    fn watch(&self) {}
}

/// Work that takes long to compute: a question, to which there may be no answer.
pub type Work = Box<dyn FnOnce() -> Option<bool> + Send>;

/// Sends one request to one upstream.
pub trait Fetch {
    /// The host's own handle on a body in transit; the core moves it and never polls it.
    ///
    /// **Invariant:** a request's stream whose head has `Content-Length`, one number, yields that many bytes or fails:
    /// it never goes on after them, and never ends cleanly before (RFC 9112 §6.3 and §8, RFC 9113 §8.1.1). The core
    /// checks such a length against its limits and then leaves the stream alone; it wraps only streams of unknown
    /// length, with [`limit`](Self::limit).
    type Stream;

    /// The host's own handle on an upstream's end of an open tunnel; dropping it closes the tunnel.
    type Socket;

    /// Sends `call`, out of which it [takes](UpstreamCall::take_request) the request, and returns the response as soon as its head has
    /// arrived.
    ///
    /// The adapter enforces [`Deadlines`], frames the body (Transfer-Encoding, Content-Length of a [`Body::Full`]), and
    /// cancels the exchange when the returned future or body is dropped. It neither follows redirects nor decodes
    /// content.
    ///
    /// Where nothing was sent, and nothing of the content was read, it may put the content back into `call`, so that it can be sent
    /// elsewhere.
    ///
    /// # Errors
    /// An [`IoError`] whose [`IoErrorKind`] names the failed phase.
    fn fetch(
        &self,
        call: &mut UpstreamCall<'_, Self::Stream>,
    ) -> impl Future<Output = Result<Response<Body<Self::Stream>>, IoError>>;

    /// Sends `call`, which carries a WebSocket handshake (RFC 6455 §4.1), over a connection of its own.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch); a 101 that does not fit the handshake is [`IoErrorKind::Protocol`].
    fn open_socket(
        &self,
        call: &mut UpstreamCall<'_, Self::Stream>,
    ) -> impl Future<Output = Result<Handshake<Self::Stream, Self::Socket>, IoError>>;

    /// Connects to a place within `limit`, and sends nothing: on platforms with [`Feature::ConnectionChecks`].
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    fn connect(&self, _place: (&Upstream, &Endpoint), _limit: Duration) -> impl Future<Output = Result<(), IoError>> {
        core::future::ready(Err(IoError::before_send(IoErrorKind::Other)))
    }

    /// Wraps `stream` so that reading more than `limit` bytes of it fails with [`IoErrorKind::BodyTooLarge`].
    fn limit(&self, stream: Self::Stream, limit: u64) -> Self::Stream;

    /// Passes `stream`, of an upstream's response, on as it is, and shows `observer` each piece of it. The adapter tells
    /// [`Gateway::ended`](crate::gateway::Gateway::ended) once the last piece has passed.
    fn observe(&self, stream: Self::Stream, observer: Box<Observer>) -> Self::Stream;

    /// Edits `stream`, of a request or of a response, while it passes, and leaves its trailers out; with the filters that it has already, in the
    /// order in which they were given. What comes of a piece goes on at once. If the filter says so, the stream fails with
    /// [`IoErrorKind::Content`]. A limit, an observer and a copy for the store are about what has come, before any filter.
    fn filter(&self, stream: Self::Stream, filter: Box<Filter>) -> Self::Stream;

    /// Encodes `body`, of a response, while the client takes it, with no more of it in memory than a few windows of the coding. What comes of
    /// it goes on at once, if the platform has [`Feature::FlushedCodings`]. A body that breaks off ends broken off, and one that is
    /// dropped is dropped all the way up. Trailers are left out.
    fn encode(&self, body: Body<Self::Stream>, encoding: Encoding) -> Body<Self::Stream>;

    /// Reads `stream` to its end, but at most `limit` bytes.
    ///
    /// # Errors
    /// [`IoErrorKind::BodyTooLarge`] above `limit`, [`IoErrorKind::Client`] when the sender failed.
    fn collect(&self, stream: Self::Stream, limit: u64) -> impl Future<Output = Result<Bytes, IoError>>;

    /// Decodes `content`, which has these [`codings`](crate::http::content_decoding::codings), the last that was applied first. No more than
    /// `limit` bytes come of any of them, and no more memory is taken for that, but for the window of a coding.
    ///
    /// Every platform knows `gzip` and `deflate`; those that encode by [`Feature::Brotli`] or [`Feature::Zstd`] decode that, too.
    ///
    /// # Errors
    /// A [`DecodeError`].
    fn decode(
        &self,
        content: Bytes,
        codings: &[Decoding],
        limit: u64,
    ) -> impl Future<Output = Result<Bytes, DecodeError>>;
}

/// One request as it leaves for an upstream.
#[derive(Debug)]
pub struct UpstreamCall<'c, S> {
    /// The upstream, with the settings shared by all of its endpoints.
    pub upstream: &'c Upstream,
    /// The endpoint to call.
    pub endpoint: &'c Endpoint,
    /// The method.
    pub method: &'c mut Method,
    /// The target in origin form (path and query, the upstream's base path included).
    pub uri: Uri,
    /// The fields, with `Host`.
    pub headers: &'c mut HeaderMap,
    /// The content.
    pub body: Body<S>,
    /// The longest that each phase may take.
    pub deadlines: Deadlines,
    /// What may be done about a kept connection that has ended instead of an answer, within the same deadlines.
    pub repeat: Repeat<'c>,
    /// The edits of the response's head, if they are known by now. An adapter may apply them itself, answer the client,
    /// and drop the future of the whole exchange. [`KnownEdits`] lists the responses for which it must not.
    pub known_edits: Option<KnownEdits<'c>>,
}

impl<S> UpstreamCall<'_, S> {
    /// Takes the request out, with its content as `body` makes it; an empty one is left. The call itself stays where it is, because it
    /// is large and each move would copy it.
    pub fn take_request<B>(&mut self, body: impl FnOnce(Body<S>) -> B) -> Request<B> {
        let mut request = Request::new(body(mem::take(&mut self.body)));
        *request.method_mut() = mem::take(self.method);
        *request.uri_mut() = mem::take(&mut self.uri);
        *request.headers_mut() = mem::take(self.headers);
        request
    }
}

/// An upstream's answer to a WebSocket handshake.
#[derive(Debug)]
pub enum Handshake<S, K> {
    /// An ordinary response.
    Declined(Response<Body<S>>),
    /// Agreement: a 101 whose `Sec-WebSocket-Accept` fits the key (RFC 6455 §4.1), and the upstream's end of the
    /// tunnel.
    Opened(Response<()>, K),
}

/// A store of responses. Without functions of its own, it stores nothing.
///
/// It may lose any of them at any time; what it returns is what was stored, whole.
pub trait Cache: Fetch {
    /// The name of the store, for the log.
    fn cache_store(&self) -> &'static str {
        "none"
    }

    /// Notes that others wait for what the current exchange is answered: it should go on even if its client leaves. For platforms that would give
    /// it up at once.
    fn leads(&self) {}

    /// Returns the stored responses to requests for `resource`.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn stored(&self, _resource: &str) -> impl Future<Output = Result<Option<Arc<Resource>>, StoreFailure>> {
        core::future::ready(Ok(None))
    }

    /// Returns the content of a stored response, or the bytes of it in `range`; none if the store has lost it.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn stored_content(
        &self,
        _content: &Content,
        _range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Option<Body<Self::Stream>>, StoreFailure>> {
        core::future::ready(Ok(None))
    }

    /// Stores `variant` among the responses to requests for `resource`, as [`Resource::with`] has it.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn store(&self, _resource: &str, _variant: Arc<Variant>) -> impl Future<Output = Result<(), StoreFailure>> {
        core::future::ready(Ok(()))
    }

    /// Removes all responses to requests for `resource`.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn remove_stored(&self, _resource: &str) -> impl Future<Output = Result<(), StoreFailure>> {
        core::future::ready(Ok(()))
    }

    /// Takes note that responses of this `part` to requests for `resource` are not stored, so that no request waits for another one's
    /// `until` then: where [flights](Platform::flights_in_store) are those of several instances.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn unshared(
        &self,
        _resource: &str,
        _part: &str,
        _until: Timestamp,
    ) -> impl Future<Output = Result<(), StoreFailure>> {
        core::future::ready(Ok(()))
    }

    /// The longest content that it stores, in bytes.
    fn most_stored_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Returns whether the end of `stream` is told: else nobody knows whether a content that ends with its connection is whole (RFC 9112 §8).
    /// True where the platform does not say.
    fn is_framed(&self, _stream: &Self::Stream) -> bool {
        true
    }

    /// Passes `stream` on, and stores what it yields if it ends whole, as [`Keep`] says.
    fn keep(&self, stream: Self::Stream, _keep: Box<Keep>) -> Self::Stream {
        stream
    }
}

/// A response that is to be stored once its content has ended.
///
/// Whoever drops it, having stored the response or not, notifies the [`Meeting`] of its resource afterwards: others wait for it.
#[derive(Debug)]
pub struct Keep {
    /// The resource.
    pub resource: String,
    /// The part of the requests for it that the response may answer.
    pub part: Box<str>,
    /// The time at which it was asked for.
    pub asked: Timestamp,
    /// The time until which it is of use.
    pub until: Timestamp,
    /// The head.
    pub entry: Entry,
    /// The longest content that is stored, in bytes.
    pub most_bytes: u64,
    /// The flight that ends with it.
    pub flight: Option<Flight>,
}

impl Keep {
    /// Takes note that the response is stored, so that others may wait for the next one.
    pub fn is_stored(&self) {
        self.flight.iter().for_each(Flight::is_shared);
    }

    /// Takes note at `now` that there is no room for the response: for some time nobody waits for another one.
    pub fn has_no_room(&self, now: Timestamp) {
        self.flight.iter().for_each(|flight| flight.is_unshared(now));
    }

    /// Takes note at `now` that what has come is on its way to the client: one that is slow holds nobody else up. Of no use where the copy
    /// does not wait for the client.
    pub fn waits_for_client(&self, now: Timestamp) {
        self.flight.iter().for_each(|flight| flight.waits_for_client(now));
    }

    /// Takes note at `now` that the client takes more.
    pub fn goes_on(&self, now: Timestamp) {
        self.flight.iter().for_each(|flight| flight.goes_on(now));
    }

    /// The response with all of its content. The flight goes on.
    #[must_use]
    pub fn with(&mut self, content: Content) -> Variant {
        let part = mem::take(&mut self.part);
        Variant { part, asked: self.asked, until: self.until, entry: self.entry.clone(), content }
    }
}

/// A store of small values by key, eventually consistent on some platforms.
pub trait KeyValue {
    /// The name of the store, for the log.
    fn key_value_store(&self) -> &'static str;

    /// Returns the value under `key`, unless it is absent or has expired.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreFailure>>;

    /// Stores `value` under `key`, for `ttl` if one is given.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> impl Future<Output = Result<(), StoreFailure>>;

    /// Removes `key`; removing an absent key is no error.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreFailure>>;
}

/// Named cells. Operations on one cell are atomic, and follow one another.
pub trait Counters {
    /// The name of the store of the cells, for the log.
    fn counter_store(&self) -> &'static str;

    /// Applies `op` to `cell` where the cell lives: by that place's clock if it has one (a Durable Object, this
    /// process), else by the gateway's.
    ///
    /// # Errors
    /// A [`StoreFailure`]; the policy decides whether the request is then admitted or refused.
    fn apply(&self, cell: &str, op: CounterOp) -> impl Future<Output = Result<CounterVerdict, StoreFailure>>;

    /// Asks the RateLimiter binding called `binding` whether it admits a request of this `key`: on Workers alone.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn ask_binding(&self, _binding: &str, _key: &str) -> impl Future<Output = Result<bool, StoreFailure>> {
        core::future::ready(Err(StoreFailure::Unreachable))
    }

    /// Returns whether several operations take one round trip, so that they are better not done one after another.
    fn asks_at_once(&self) -> bool {
        false
    }

    /// Applies each operation to its cell, which is another one each time, and returns their outcomes in order.
    fn apply_all(
        &self,
        asked: &[(&str, CounterOp)],
    ) -> impl Future<Output = Vec<Result<CounterVerdict, StoreFailure>>> {
        together(asked.iter().map(|(cell, op)| self.apply(cell, *op)))
    }
}

/// Checks signatures.
pub trait Verify {
    /// Returns whether `signature` is that of `signed` by `key`, in the one algorithm that `key` is for. An adapter may keep what it
    /// makes of a key, by the key's [`id`](VerifyingKey::id).
    ///
    /// # Errors
    /// [`KeyUnusable`], if the platform makes no key of these numbers: a point that is not on its curve, an odd length.
    fn verify(
        &self,
        key: &VerifyingKey,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, KeyUnusable>>;
}

/// Makes signatures.
pub trait Sign {
    /// Returns the signature of `signed` by `key`, in the one algorithm that `key` is for: as JWS has it, an ECDSA one as two numbers
    /// (RFC 7518 §3.4). An adapter may keep what it makes of a private key, by its [`Thumbprint`](crate::jose::key::Thumbprint).
    ///
    /// # Errors
    /// [`KeyUnusable`], if the platform makes no key of this one.
    fn sign(&self, key: &SigningKey, signed: &[u8]) -> impl Future<Output = Result<Bytes, KeyUnusable>>;
}

/// A key that a platform can't use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUnusable;

/// The access log.
pub trait Log {
    /// Lets `write` append whole lines to the buffer of the log, and makes sure that they are written.
    fn log(&self, write: impl FnOnce(&mut Vec<u8>));
}

/// This instance of the gateway, for its admin endpoints. Most platforms have nothing to report.
pub trait Instance {
    /// Shows the state of each part of this instance, one of which is `own`.
    fn each_state(&self, own: &State, mut show: impl FnMut(&State)) {
        show(own);
    }

    /// Returns whether this instance is about to stop, so that more requests are not welcome.
    fn is_draining(&self) -> bool {
        false
    }

    /// The lines of the access log that were lost; none where the platform does not tell.
    fn lost_log_lines(&self) -> Option<u64> {
        None
    }

    /// The connections of clients; none where the platform hides them.
    fn clients(&self) -> Option<Clients> {
        None
    }

    /// What goes on beside requests; none where the platform hides it.
    fn operation(&self) -> Option<Operation> {
        None
    }

    /// The responses that are stored in memory; none where they are elsewhere.
    fn stored_responses(&self) -> Option<StoredResponses> {
        None
    }

    /// The connections to `endpoint`; none where the platform hides them.
    fn connections(&self, _upstream: &Upstream, _endpoint: &Endpoint) -> Option<Connections> {
        None
    }

    /// The known addresses of `endpoint`'s name; none where the platform hides them.
    fn addresses(&self, _upstream: &Upstream, _endpoint: &Endpoint) -> Option<Vec<Address>> {
        None
    }
}

/// The connections of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// The open connections.
    pub open: usize,
    /// The connections that had to wait for others to end, since the start.
    pub waited: u64,
    /// The streams of HTTP/2 that were refused because there were too many, since the start.
    pub refused: u64,
}

/// The responses that are stored in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredResponses {
    /// The resources that some are of.
    pub resources: usize,
    /// The memory that they take, in bytes.
    pub bytes: u64,
}

/// What goes on in a server beside requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// The connections of clients that failed before a request, since the start, by the label of their kind.
    pub failed_connections: Vec<(&'static str, u64)>,
    /// Set unless the last reload was refused.
    pub is_reloaded: bool,
    /// The time at which the present configuration was taken over, in seconds of Unix time.
    pub reloaded_at: u64,
    /// The certificates of the listeners.
    pub certificates: Vec<CertificateEnd>,
}

/// The end of a certificate's validity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateEnd {
    /// The address of the listener, as it is written.
    pub listener: String,
    /// The file of the certificate.
    pub file: String,
    /// The end, in seconds of Unix time.
    pub at: i64,
}

/// The connections to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Connections {
    /// All connections, idle ones included.
    pub open: usize,
    /// Connections without an exchange.
    pub idle: usize,
}

/// An address of an endpoint's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Address {
    /// The address, with the port.
    pub address: SocketAddr,
    /// Set while the address is skipped, because a connection to it failed.
    pub down: bool,
}

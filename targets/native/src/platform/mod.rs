//! The native platform: the ports of `gateway_core` on sockets, memory and files.

pub mod cache;
pub mod computing;
pub mod counters;
mod database;
pub mod key_value;
pub mod meetings;
mod notices;
mod redis;
pub mod secrets;

use std::collections::hash_map::RandomState;
use std::fmt::{self, Display};
use std::future::ready;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gateway_core::balance::fleet::Fleets;
use gateway_core::body::Body;
use gateway_core::cache::flights::Flights;
use gateway_core::cache::purges::{PurgeBook, Purges};
use gateway_core::cache::resource::{Content as StoredContent, Resource, Variant};
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::plan::{Endpoint, Plan, RequestStep, Upstream};
use gateway_core::policy::authenticate::Authenticate;
use gateway_core::policy::borrowed::Borrowed;
use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::policy::jwt::Issuer;
use gateway_core::policy::passwords::Passwords;
use gateway_core::policy::proof::Proof;
use gateway_core::ports::{
    Address, Cache, Capabilities, Clients, Clock, Connections, Counters, DecodeError, Decoding, Encoding, Fetch,
    Filter, Handshake, Instance, IoError, Keep, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, Operation,
    Platform, Random, Record, Records, Sign, StoreFailure, StoredResponses, UpstreamCall, Verify, Work,
};
use gateway_core::response_store;
use gateway_core::state::State;
use gateway_core::store_key::KeyUse;
use gateway_core::time::Timestamp;
use http::Response;

pub use self::notices::Notices;
use crate::clock::Ticker;
use crate::health::Health;
use crate::server::{AccessLogger, Crew, Settings, go_on};
use crate::stream::{Content, Stream};
use crate::upstream::{
    Bounds, FoundPools, Guard, Handshakes, Names, Pool, PoolKey, Socket, TlsError, fetch, is_guarded, open_socket,
    reach, records,
};

pub use self::cache::{Keeping, ResponseCache, Shared};
pub use self::computing::Computing;
pub use self::counters::CounterStore;
pub use self::key_value::KeyValueStore;
pub use self::meetings::Meetings;
use self::redis::Redis;

/// The abilities of this platform.
pub const CAPABILITIES: Capabilities = Capabilities::NATIVE;

/// The state that all workers share, and that survives a reload.
#[derive(Debug)]
pub struct Stores {
    /// The counter cells.
    pub counters: CounterStore,
    /// The stored responses.
    pub cache: ResponseCache,
    /// The stored responses that several gateways share, in place of those of this process.
    pub shared: Option<Shared>,
    /// The requests under way for responses that others wait for.
    pub flights: Arc<Flights>,
    /// What is known of the places of upstreams.
    pub fleets: Arc<Fleets>,
    /// The purges of stored responses.
    pub purges: Arc<PurgeBook>,
    /// The key-value store.
    pub key_value: KeyValueStore,
    /// The resolver of upstreams' names.
    pub names: Names,
    /// The most connections to places of upstreams.
    pub bounds: Bounds,
    /// The health of TLS to upstreams.
    pub handshakes: Handshakes,
    /// The places where requests wait for one another.
    pub meetings: Meetings,
    /// The threads that compute beside those that serve requests.
    pub computing: Arc<Computing>,
    /// The passwords that were right lately, and the clients that guess.
    pub passwords: Arc<Passwords>,
    /// The units of rate limits that were borrowed.
    pub borrowed: Arc<Borrowed>,
    /// The lines that the operator has not been told yet.
    pub notices: Notices,
}

impl Stores {
    /// Opens the stores that `settings` name.
    ///
    /// # Errors
    /// When a store can't be opened.
    pub fn open(settings: &Settings, names: Names) -> Result<Self, StoreError> {
        let key_value = KeyValueStore::open(settings.key_value_file.as_deref())?;
        let counters = CounterStore::open(settings.counters_redis.as_ref())?;
        let shared = Shared::open(settings.responses_redis.as_ref(), settings.responses_timeout)?;
        let purges = Arc::new(PurgeBook::default());
        // Nothing would be stored in it.
        let file = settings.cache_file.as_ref().filter(|_| shared.is_none());
        let file = file.map(|(path, size)| (path.as_str(), *size));
        Ok(Self {
            cache: ResponseCache::open(settings.cache_memory, file, &purges)?,
            shared,
            flights: Arc::new(flights()),
            fleets: Arc::default(),
            purges,
            counters,
            key_value,
            names,
            bounds: Bounds::default(),
            handshakes: Handshakes::default(),
            meetings: Meetings::default(),
            computing: Arc::default(),
            passwords: Arc::default(),
            borrowed: Arc::default(),
            notices: Notices::default(),
        })
    }
}

/// Flights whose keys nobody foresees.
fn flights() -> Flights {
    let hasher = RandomState::new();
    Flights::hashed_by(move |resource, part| hasher.hash_one((resource, part)))
}

/// The reason why a store can't be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The file can't be opened.
    KeyValueFile {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The file of stored responses can't be used.
    CacheFile {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The URL of a Redis is malformed: that of the member of this name.
    RedisUrl(&'static str),
    /// The file of a Redis' authorities can't be used.
    RedisAuthorities {
        /// The member.
        name: &'static str,
        /// The reason.
        error: TlsError,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyValueFile { path, reason } => {
                write!(f, "the key-value store `{path}` can't be opened: {reason}")
            }
            Self::CacheFile { path, reason } => write!(
                f,
                "the file of stored responses `{path}` can't be used: {reason}; name another one, or remove it: what it holds is asked for \
                 again"
            ),
            Self::RedisUrl(name) => write!(f, "`{name}.redis` is no `redis://` URL"),
            Self::RedisAuthorities { name, error } => write!(f, "`{name}.authorities`: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// The most that is decoded where it holds other requests up, in bytes: less than a millisecond's work.
const DECODED_IN_PLACE: u64 = 64 * 1024;

/// The platform of one plan in one worker.
#[derive(Debug)]
pub struct Native {
    pools: Box<[Arc<Pool>]>,
    /// Those of places that were discovered.
    found: FoundPools,
    ticker: Arc<Ticker>,
    /// The health of each source that tells where an upstream is, by its index.
    sources: Box<[(usize, Arc<Health>)]>,
    /// The health of each source of tokens for upstreams.
    grants: Box<[Arc<Health>]>,
    /// The health of each source of published keys.
    keys: Box<[Arc<Health>]>,
    /// The health of what each issuer says of tokens.
    introspections: Box<[Arc<Health>]>,
    /// The health of each upstream that decides about requests, by its index.
    services: Box<[(usize, Arc<Health>)]>,
    stores: Arc<Stores>,
    log: SharedLogger,
    crew: Arc<Crew>,
}

/// The access log of a thread, shared by the thread's connections and its ticker.
pub(crate) type SharedLogger = Arc<Mutex<AccessLogger>>;

impl Native {
    /// The platform for `plan`. Upstreams that were in `previous` keep their connections.
    ///
    /// # Errors
    /// When the authorities of an upstream can't be used.
    pub(crate) fn new(
        plan: &Plan,
        stores: Arc<Stores>,
        log: SharedLogger,
        ticker: &Arc<Ticker>,
        crew: Arc<Crew>,
        previous: Option<&Self>,
    ) -> Result<Self, TlsError> {
        let mut pools: Vec<Arc<Pool>> = Vec::with_capacity(plan.upstreams.len());
        let endpoints = plan
            .upstreams
            .iter()
            .flat_map(|upstream| upstream.endpoints.iter().map(move |endpoint| (upstream, endpoint)));
        for (upstream, endpoint) in endpoints {
            let key = PoolKey::of(upstream, endpoint)?;
            let known = previous.into_iter().flat_map(|native| native.pools.iter());
            let same = known.chain(&pools).find(|pool| *pool.key() == key).map(Arc::clone);
            pools.push(match same {
                Some(pool) => {
                    // Who reloads may have changed the names as well.
                    pool.look_up_again();
                    pool
                }
                None => {
                    let called = called(upstream);
                    let place = format!("TLS to {called} at {}:{}", endpoint.host, endpoint.port);
                    let health = stores.handshakes.with(&place);
                    let guard = is_guarded(upstream, endpoint).then(|| {
                        let health =
                            stores.handshakes.with(&format!("the look-up of `{}` for {called}", endpoint.host));
                        let place = upstream.internal.as_ref().map(ToString::to_string);
                        Guard::new(health, &place.unwrap_or_default())
                    });
                    let bound = stores.bounds.of(&key);
                    Pool::new(key, Arc::clone(ticker), stores.names.clone(), health, (guard, bound))?
                }
            });
        }
        let named = plan
            .upstreams
            .iter()
            .filter(|upstream| upstream.credentials.as_ref().is_some_and(|own| own.source().is_some()));
        let grants =
            named.map(|upstream| stores.handshakes.with(&format!("the token for the upstream `{}`", upstream.name)));
        let of_issuer =
            |what: &str, issuer: &Issuer| stores.handshakes.with(&format!("{what} the issuer `{}`", issuer.name));
        let publishing = plan.issuers.iter().filter(|issuer| issuer.source().is_some());
        let keys = publishing.map(|issuer| of_issuer("reading the keys of", issuer)).collect();
        let introspections = plan.issuers.iter().map(|issuer| of_issuer("introspection at", issuer)).collect();
        let mut services: Vec<(usize, Arc<Health>)> = Vec::new();
        let programs = plan.routes.iter().flat_map(|route| &*route.request).filter_map(RequestStep::authenticate);
        for proof in programs.flat_map(Authenticate::proofs) {
            if let Proof::External(external) = proof
                && !services.iter().any(|(upstream, _)| *upstream == external.place.upstream)
            {
                let health = stores.handshakes.with(&format!("asking the service `{}`", external.name));
                services.push((external.place.upstream, health));
            }
        }
        let services = services.into();
        let discovered = plan.upstreams.iter().filter(|upstream| upstream.discovery.is_some());
        let source = |upstream: &Upstream| {
            (upstream.index, stores.handshakes.with(&format!("asking where {} is", called(upstream))))
        };
        Ok(Self {
            pools: pools.into(),
            found: FoundPools::new(plan, previous.map(|previous| &previous.found))?,
            ticker: Arc::clone(ticker),
            sources: discovered.map(source).collect(),
            grants: grants.collect(),
            keys,
            introspections,
            services,
            stores,
            log,
            crew,
        })
    }

    /// The responses that several gateways share, if `key` is one of the values of the cache.
    fn shared_for(&self, key: &str) -> Option<&Shared> {
        self.stores.shared.as_ref().filter(|_| key.starts_with(KeyUse::Cache.prefix()))
    }

    /// The Redis of the counters, if `key` is that of an answer to a request with an idempotency key: it belongs beside its cell.
    fn redis_for(&self, key: &str) -> Option<&Redis> {
        match &self.stores.counters {
            CounterStore::Redis(redis) if key.starts_with(KeyUse::Answer.prefix()) => Some(redis),
            _ => None,
        }
    }

    /// The pool of this worker for `key`.
    pub(crate) fn pool(&self, key: &PoolKey) -> Option<Arc<Pool>> {
        let of_plan = self.pools.iter().find(|pool| pool.key() == key).map(Arc::clone);
        of_plan.or_else(|| self.found.pools().into_iter().find(|pool| pool.key() == key))
    }

    /// The pool of this worker for `endpoint`, if that was discovered.
    fn found(&self, upstream: &Upstream, endpoint: &Endpoint) -> Option<Arc<Pool>> {
        if endpoint.index != Endpoint::FOUND {
            return None;
        }
        self.found.of(upstream, endpoint, |key| {
            let place = format!("TLS to {} at {}:{}", called(upstream), endpoint.host, endpoint.port);
            let (health, names) = (self.stores.handshakes.with(&place), self.stores.names.clone());
            // INVARIANT: the settings could be used for another place.
            let bound = self.stores.bounds.of(&key);
            Pool::new(key, Arc::clone(&self.ticker), names, health, (None, bound)).ok()
        })
    }

    /// The key of the pools for `endpoint` of `upstream`.
    fn key(&self, upstream: &Upstream, endpoint: &Endpoint) -> Option<PoolKey> {
        match self.pools.get(endpoint.index) {
            Some(pool) => Some(pool.key().clone()),
            None => self.found(upstream, endpoint).map(|pool| pool.key().clone()),
        }
    }
}

impl Instance for Native {
    fn each_state(&self, _: &State, show: impl FnMut(&State)) {
        self.crew.each_state(show);
    }

    fn is_draining(&self) -> bool {
        self.crew.is_leaving()
    }

    fn lost_log_lines(&self) -> Option<u64> {
        Some(self.crew.lost_log_lines())
    }

    fn clients(&self) -> Option<Clients> {
        Some(self.crew.clients())
    }

    fn operation(&self) -> Option<Operation> {
        Some(self.crew.operation())
    }

    fn stored_responses(&self) -> Option<StoredResponses> {
        self.stores.shared.is_none().then(|| self.stores.cache.size())
    }

    fn connections(&self, upstream: &Upstream, endpoint: &Endpoint) -> Option<Connections> {
        self.key(upstream, endpoint).map(|key| self.crew.connections(&key))
    }

    fn addresses(&self, upstream: &Upstream, endpoint: &Endpoint) -> Option<Vec<Address>> {
        self.key(upstream, endpoint).map(|key| self.crew.addresses(&key))
    }
}

impl Platform for Native {
    const CAPABILITIES: Capabilities = CAPABILITIES;

    fn goes_on(&self) {
        go_on();
    }

    fn passwords<'s>(&'s self, _: &'s State) -> &'s Arc<Passwords> {
        &self.stores.passwords
    }

    fn borrowed<'s>(&'s self, _: &'s State) -> &'s Arc<Borrowed> {
        &self.stores.borrowed
    }

    fn fleets(&self) -> Option<&Arc<Fleets>> {
        Some(&self.stores.fleets)
    }

    fn flights<'s>(&'s self, _: &'s State) -> &'s Arc<Flights> {
        &self.stores.flights
    }

    fn purges<'s>(&'s self, _: &'s State) -> &'s Arc<PurgeBook> {
        &self.stores.purges
    }

    fn flights_in_store(&self) -> bool {
        self.stores.shared.is_some()
    }

    fn purges_in_store(&self) -> bool {
        self.stores.shared.is_some()
    }

    async fn purged(&self, book: &Arc<PurgeBook>) -> Result<(), StoreFailure> {
        self.stores.cache.keep_purges(book).await
    }

    fn count_stored(&self, book: &PurgeBook, added: &Purges) -> Option<u64> {
        if self.stores.shared.is_some() { None } else { self.stores.cache.count(book, added) }
    }

    fn hears_of_purge(&self, told: &dyn Display) {
        self.stores.notices.add(told);
    }

    fn hears_of_upstream(&self, told: &dyn Display) {
        self.stores.notices.add(told);
    }

    fn compute(&self, work: Work) -> impl Future<Output = Option<bool>> {
        self.stores.computing.compute(work)
    }

    fn asked_for_token(&self, source: usize, trouble: Option<&str>) {
        tell(self.grants.get(source), trouble.as_ref().map(|trouble| trouble as &dyn Display));
    }

    fn asked_for_keys(&self, source: usize, trouble: Option<&dyn Display>) {
        tell(self.keys.get(source), trouble);
    }

    fn asked_about_token(&self, issuer: usize, trouble: Option<&dyn Display>) {
        tell(self.introspections.get(issuer), trouble);
    }

    fn discovered(&self, upstream: usize, trouble: Option<&dyn Display>) {
        tell(self.sources.iter().find(|(known, _)| *known == upstream).map(|(_, health)| health), trouble);
    }

    fn records(
        &self,
        name: &str,
        record: Record,
        server: Option<SocketAddr>,
    ) -> impl Future<Output = Result<Records, Box<str>>> {
        records(name, record, server)
    }

    fn asked_service(&self, upstream: usize, trouble: Option<&dyn Display>) {
        tell(self.services.iter().find(|(known, _)| *known == upstream).map(|(_, health)| health), trouble);
    }
}

/// The name of `upstream` for operators; of one that is in no file, the place in it that leads there.
fn called(upstream: &Upstream) -> String {
    match &upstream.internal {
        Some(place) => format!("`{place}`"),
        None => format!("the upstream `{}`", upstream.name),
    }
}

/// Notes that something has worked, or its `trouble`.
fn tell(health: Option<&Arc<Health>>, trouble: Option<&dyn Display>) {
    match (health, trouble) {
        (Some(health), Some(trouble)) => health.failed(1, trouble),
        (Some(health), None) => health.succeeded(),
        (None, _) => {}
    }
}

impl Fetch for Native {
    type Stream = Stream;
    type Socket = Socket;

    fn connect(
        &self,
        (upstream, endpoint): (&Upstream, &Endpoint),
        limit: Duration,
    ) -> impl Future<Output = Result<(), IoError>> {
        reach(self.pools.get(endpoint.index), self.found(upstream, endpoint), limit)
    }

    // Not an `async fn`, which would copy the state of the inner future.
    fn fetch(
        &self,
        call: &mut UpstreamCall<'_, Stream>,
    ) -> impl Future<Output = Result<Response<Body<Stream>>, IoError>> {
        // INVARIANT: `new` made one pool for each endpoint of the plan; the others are made as they are called.
        fetch(self.pools.get(call.endpoint.index), self.found(call.upstream, call.endpoint), call)
    }

    fn open_socket(
        &self,
        call: &mut UpstreamCall<'_, Stream>,
    ) -> impl Future<Output = Result<Handshake<Stream, Socket>, IoError>> {
        let found = self.found(call.upstream, call.endpoint);
        open_socket(self.pools.get(call.endpoint.index), found, call.take_request(Content::new), call.deadlines)
    }

    fn limit(&self, stream: Stream, limit: u64) -> Stream {
        stream.limited(limit)
    }

    fn observe(&self, stream: Stream, observer: Box<Observer>) -> Stream {
        stream.observed(observer)
    }

    fn filter(&self, stream: Stream, filter: Box<Filter>) -> Stream {
        stream.filtered(filter)
    }

    fn encode(&self, body: Body<Stream>, encoding: Encoding) -> Body<Stream> {
        match body {
            Body::Empty => Body::Empty,
            Body::Full(content) => Body::Stream(Stream::of_content(content).encoded(encoding)),
            Body::Stream(stream) => Body::Stream(stream.encoded(encoding)),
        }
    }

    async fn collect(&self, stream: Stream, limit: u64) -> Result<Bytes, IoError> {
        stream.collect(limit).await.map_err(|error| IoError::new(error.kind))
    }

    async fn decode(&self, content: Bytes, codings: &[Decoding], limit: u64) -> Result<Bytes, DecodeError> {
        let decoded = edgeway_codings::decode(content.clone(), codings, limit.min(DECODED_IN_PLACE));
        if limit <= DECODED_IN_PLACE || decoded != Err(DecodeError::TooLarge) {
            return decoded;
        }
        let codings: Vec<Decoding> = codings.into();
        let decoded = tokio::task::spawn_blocking(move || edgeway_codings::decode(content, &codings, limit));
        decoded.await.unwrap_or(Err(DecodeError::Malformed))
    }
}

impl Cache for Native {
    fn most_stored_bytes(&self) -> u64 {
        if self.stores.shared.is_some() { u64::MAX } else { self.stores.cache.most_bytes() }
    }

    fn cache_store(&self) -> &'static str {
        self.stores.shared.as_ref().map_or("memory", KeyValue::key_value_store)
    }

    async fn stored(&self, resource: &str) -> Result<Option<Arc<Resource>>, StoreFailure> {
        match &self.stores.shared {
            None => Ok(self.stores.cache.find(resource).await),
            Some(shared) => Box::pin(response_store::find(shared, resource)).await,
        }
    }

    async fn stored_content(
        &self,
        content: &StoredContent,
        range: Option<Range<u64>>,
    ) -> Result<Option<Body<Stream>>, StoreFailure> {
        let content = match &self.stores.shared {
            None => self.stores.cache.content(content, range).await,
            Some(shared) => Box::pin(response_store::content(shared, content, range)).await?,
        };
        Ok(content.map(Body::Full))
    }

    async fn store(&self, resource: &str, variant: Arc<Variant>) -> Result<(), StoreFailure> {
        match &self.stores.shared {
            // One that finds no room is asked for again.
            None => drop(self.stores.cache.store(resource, variant)),
            Some(shared) => Box::pin(response_store::store(shared, resource, variant)).await?,
        }
        Ok(())
    }

    async fn remove_stored(&self, resource: &str) -> Result<(), StoreFailure> {
        match &self.stores.shared {
            None => self.stores.cache.remove(resource, self.now()),
            Some(shared) => Box::pin(response_store::remove(shared, resource)).await?,
        }
        Ok(())
    }

    async fn unshared(&self, resource: &str, part: &str, until: Timestamp) -> Result<(), StoreFailure> {
        match &self.stores.shared {
            None => Ok(()),
            Some(shared) => Box::pin(response_store::unshared(shared, resource, part, until)).await,
        }
    }

    fn is_framed(&self, stream: &Stream) -> bool {
        stream.is_framed()
    }

    fn keep(&self, stream: Stream, keep: Box<Keep>) -> Stream {
        stream.kept(Keeping::new(keep, Arc::clone(&self.stores)))
    }
}

impl KeyValue for Native {
    fn key_value_store(&self) -> &'static str {
        self.stores.key_value.name()
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        if let Some(redis) = self.redis_for(key) {
            return Box::pin(redis.get(key)).await;
        }
        match self.shared_for(key) {
            None => self.stores.key_value.get(key, self.now()).await,
            Some(shared) => Box::pin(shared.get(key)).await,
        }
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        if let Some(shared) = self.shared_for(key) {
            return Box::pin(shared.put(key, value, ttl)).await;
        }
        if let Some(redis) = self.redis_for(key) {
            return Box::pin(redis.put(key, &value, ttl)).await;
        }
        let now = self.now();
        self.stores.key_value.put(key, value, ttl.map(|ttl| now.saturating_add(ttl)), now).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        match self.shared_for(key) {
            None => self.stores.key_value.delete(key).await,
            Some(shared) => Box::pin(shared.delete(key)).await,
        }
    }
}

impl Counters for Native {
    fn counter_store(&self) -> &'static str {
        self.stores.counters.name()
    }

    fn asks_at_once(&self) -> bool {
        self.stores.counters.asks_at_once()
    }

    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        match self.stores.shared.as_ref().filter(|_| response_store::is_cell(cell)) {
            None => self.stores.counters.apply(cell, op, self.now()).await,
            Some(shared) => Box::pin(shared.redis.apply(cell, op, self.now())).await,
        }
    }
}

impl Verify for Native {
    fn verify(
        &self,
        key: &VerifyingKey,
        signed: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, KeyUnusable>> {
        ready(edgeway_verify_ring::verify(key, signed, signature))
    }
}

impl Sign for Native {
    fn sign(&self, key: &SigningKey, signed: &[u8]) -> impl Future<Output = Result<Bytes, KeyUnusable>> {
        ready(edgeway_verify_ring::sign(key, signed).map(Bytes::from))
    }
}

impl Clock for Native {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic(&self) -> Duration {
        monotonic()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }
}

impl Meeting for Native {
    fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        self.stores.meetings.wait(key, at_most)
    }

    fn notify(&self, key: &str) {
        self.stores.meetings.notify(key);
    }
}

impl Log for Native {
    fn log(&self, write: impl FnOnce(&mut Vec<u8>)) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).log(write);
    }
}

impl Random for Native {
    fn next_u64(&self) -> u64 {
        fastrand::u64(..)
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        edgeway_verify_ring::fill_secret(bytes)
    }
}

/// The time since the first call.
fn monotonic() -> Duration {
    static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);
    ZERO.elapsed()
}

/// The time of day.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

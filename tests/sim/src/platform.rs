//! The gateway's ports on a simulated world.

use core::num::NonZeroU64;
use core::ops::Range;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use gateway_core::body::Body;
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::jose::key::VerifyingKey;
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::policy::counter::{self, CounterOp, CounterVerdict};
use gateway_core::ports::{
    Cache, Capabilities, Clock, Counters, DecodeError, Decoding, Encoding, Feature, FeatureSet, Fetch, Filter,
    Handshake, Instance, IoError, Keep, KeyUnusable, KeyValue, Log, Meeting, NoRandom, Observer, OwnCounters, Random,
    Sign, StoreFailure, UpstreamCall, Verify, fill_from,
};
use gateway_core::response_store;
use gateway_core::time::Timestamp;
use http::Response;

use crate::stream::{Sender, Stream};
use crate::upstream;
use crate::world::World;

/// What the simulated platform can do: everything.
pub const CAPABILITIES: Capabilities = Capabilities {
    target: "simulator",
    name: "the simulator",
    // An upstream's own way on a platform is that platform's to show.
    features: FeatureSet::ALL.without(Feature::ServiceBindings).without(Feature::ServiceChaining),
    counters: OwnCounters::Sqlite,
    further_methods: None,
    most_subrequests: None,
};

/// The gateway's ports on a world.
#[derive(Clone, Debug)]
pub struct Platform(pub Rc<World>);

impl Instance for Platform {}

impl gateway_core::ports::Platform for Platform {
    const CAPABILITIES: Capabilities = CAPABILITIES;
    const SWEEP_ONE_IN: Option<NonZeroU64> = NonZeroU64::new(4);

    /// As natively or as on Workers and Spin, by the seed.
    fn purges_in_store(&self) -> bool {
        self.0.purges_in_store.get()
    }

    /// As on Workers, where a test says so.
    fn checks_in_store(&self) -> bool {
        self.0.checks_in_store.get()
    }

    /// As on Spin, or as on the others, by the seed.
    fn flights_in_store(&self) -> bool {
        self.0.flights_in_store.get()
    }

    async fn sweep(&self) {
        self.0.linger().await;
        let now = self.0.now().unix_millis();
        self.0.cells.borrow_mut().retain(|_, (_, until)| *until > now);
        self.0.values.borrow_mut().retain(|_, (_, until)| until.is_none_or(|until| until > now));
    }
}

impl Fetch for Platform {
    type Stream = Stream;
    type Socket = ();

    async fn fetch(&self, call: &mut UpstreamCall<'_, Stream>) -> Result<Response<Body<Stream>>, IoError> {
        upstream::answer(&self.0, call).await
    }

    async fn open_socket(&self, call: &mut UpstreamCall<'_, Stream>) -> Result<Handshake<Stream, ()>, IoError> {
        upstream::open(&self.0, call).await
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
        let stream = match body {
            Body::Empty => return Body::Empty,
            Body::Full(content) => Stream::in_memory(&self.0, content),
            Body::Stream(stream) => stream,
        };
        Body::Stream(stream.encoded(encoding))
    }

    async fn collect(&self, stream: Stream, limit: u64) -> Result<Bytes, IoError> {
        // INVARIANT: nothing but the cache and edits of content need the whole of a response.
        assert!(
            stream.sender != Sender::Upstream || self.0.collects_responses.get(),
            "an upstream's response was collected on an untouched route"
        );
        if stream.sender == Sender::Client {
            self.0.collected.set(self.0.collected.get() + 1);
        }
        stream.limited(limit).read().await.map_err(|(_, error)| error)
    }

    async fn decode(&self, content: Bytes, codings: &[Decoding], limit: u64) -> Result<Bytes, DecodeError> {
        self.0.linger().await;
        edgeway_codings::decode(content, codings, limit)
    }
}

impl Platform {
    async fn store_is_there(&self) -> Result<(), StoreFailure> {
        self.0.linger().await;
        if self.0.stores_hang.get() {
            core::future::pending::<()>().await;
        }
        if self.0.stores_fail.get() { Err(StoreFailure::Unreachable) } else { Ok(()) }
    }
}

impl Platform {
    /// What a store does at one go.
    fn decide(&self, cell: &str, op: CounterOp) -> CounterVerdict {
        let now = self.0.now();
        let mut cells = self.0.cells.borrow_mut();
        cells.retain(|_, (_, until)| *until > now.unix_millis());
        let state = cells.remove(cell).map(|(state, _)| state);
        let step = counter::step(op, state, now);
        cells.insert(cell.to_owned(), (step.state, now.saturating_add(step.keep_for).unix_millis()));
        step.verdict
    }
}

impl KeyValue for Platform {
    fn key_value_store(&self) -> &'static str {
        "simulated values"
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        self.0.reads.set(self.0.reads.get() + 1);
        self.store_is_there().await?;
        let now = self.0.now().unix_millis();
        let known = self.0.values.borrow().get(key).cloned();
        // The answer is under way while others write.
        self.0.linger().await;
        Ok(known.filter(|(_, until)| until.is_none_or(|until| now < until)).map(|(value, _)| value))
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        self.store_is_there().await?;
        if self.0.is_unwritable.get() {
            return Err(StoreFailure::Unreachable);
        }
        let until = ttl.map(|ttl| self.0.now().saturating_add(ttl).unix_millis());
        self.0.values.borrow_mut().insert(key.to_owned(), (value, until));
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        self.store_is_there().await?;
        self.0.values.borrow_mut().remove(key);
        Ok(())
    }
}

impl Counters for Platform {
    fn counter_store(&self) -> &'static str {
        "simulated cells"
    }

    /// As on Workers and in Redis, or as in memory, by the seed.
    fn asks_at_once(&self) -> bool {
        self.0.asks_at_once.get()
    }

    async fn apply_all(&self, asked: &[(&str, CounterOp)]) -> Vec<Result<CounterVerdict, StoreFailure>> {
        self.0.counts.set(self.0.counts.get() + 1);
        if let Err(failure) = self.store_is_there().await {
            return asked.iter().map(|_| Err(failure)).collect();
        }
        let verdicts = asked.iter().map(|(cell, op)| Ok(self.decide(cell, *op))).collect();
        self.0.linger().await;
        verdicts
    }

    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, StoreFailure> {
        self.0.counts.set(self.0.counts.get() + 1);
        self.store_is_there().await?;
        let verdict = self.decide(cell, op);
        self.0.linger().await;
        Ok(verdict)
    }
}

impl Verify for Platform {
    async fn verify(&self, key: &VerifyingKey, signed: &[u8], signature: &[u8]) -> Result<bool, KeyUnusable> {
        // On Workers it takes a while, in which other requests run.
        self.0.linger().await;
        edgeway_verify_ring::verify(key, signed, signature)
    }
}

impl Sign for Platform {
    async fn sign(&self, key: &SigningKey, signed: &[u8]) -> Result<Bytes, KeyUnusable> {
        self.0.linger().await;
        edgeway_verify_ring::sign(key, signed).map(Bytes::from)
    }
}

impl Clock for Platform {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.now().unix_millis())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        self.0.sleep(duration)
    }
}

impl Cache for Platform {
    fn cache_store(&self) -> &'static str {
        "simulated responses"
    }

    async fn stored(&self, resource: &str) -> Result<Option<Arc<Resource>>, StoreFailure> {
        if self.0.stores_apart {
            return response_store::find(self, resource).await;
        }
        self.store_is_there().await?;
        Ok(self.0.responses.borrow().get(resource).cloned())
    }

    async fn stored_content(
        &self,
        content: &Content,
        range: Option<Range<u64>>,
    ) -> Result<Option<Body<Stream>>, StoreFailure> {
        Ok(response_store::content(self, content, range).await?.map(Body::Full))
    }

    async fn store(&self, resource: &str, variant: Arc<Variant>) -> Result<(), StoreFailure> {
        if self.0.stores_apart {
            return response_store::store(self, resource, variant).await;
        }
        self.store_is_there().await?;
        self.0.store(resource, variant);
        Ok(())
    }

    async fn remove_stored(&self, resource: &str) -> Result<(), StoreFailure> {
        if self.0.stores_apart {
            return response_store::remove(self, resource).await;
        }
        self.store_is_there().await?;
        self.0.responses.borrow_mut().insert(resource.to_owned(), Arc::new(Resource::ended(self.0.now())));
        Ok(())
    }

    async fn unshared(&self, resource: &str, part: &str, until: Timestamp) -> Result<(), StoreFailure> {
        if self.0.stores_apart {
            return response_store::unshared(self, resource, part, until).await;
        }
        self.store_is_there().await?;
        let mut responses = self.0.responses.borrow_mut();
        let known = responses.get(resource).cloned().unwrap_or_default();
        responses.insert(resource.to_owned(), Arc::new(known.with_unshared(part, self.0.now(), until)));
        Ok(())
    }

    fn keep(&self, stream: Stream, keep: Box<Keep>) -> Stream {
        stream.kept(keep)
    }
}

impl Meeting for Platform {
    /// As natively or as on Workers and Spin, by the seed.
    fn wait(&self, key: &str, at_most: Duration) -> impl Future<Output = ()> {
        let world = &self.0;
        let slices = world.meets_in_slices.then(|| world.generations.wait(self, key, at_most));
        let woken = (!world.meets_in_slices).then(|| world.meetings.wait(world, key, at_most));
        async move {
            match (slices, woken) {
                (Some(wait), _) => wait.await,
                (_, Some(wait)) => wait.await,
                (None, None) => {}
            }
        }
    }

    fn notify(&self, key: &str) {
        self.0.generations.notify(key);
        self.0.meetings.notify(key);
    }
}

impl Log for Platform {
    fn log(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.0.log.borrow_mut());
    }
}

impl Random for Platform {
    fn next_u64(&self) -> u64 {
        self.0.chance.bits()
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        fill_from(bytes, || self.0.chance.bits());
        Ok(())
    }
}

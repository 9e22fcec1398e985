//! The stored responses: in Workers KV, behind the cache of the place where the glue has one.

use core::ops::Range;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_wire::Kind;
use gateway_core::body::Body;
use gateway_core::cache::flights::UNSHARED_FOR;
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::gateway::Length;
use gateway_core::ports::{
    Cache, Clock, IoError, IoErrorKind, Keep, KeyValue, Meeting as _, NoRandom, Random, StoreFailure, fill_from,
};
use gateway_core::response_store::{self, SMALL};
use gateway_core::time::Timestamp;

use crate::exchange::{self, Completion};
use crate::platform::{Handle, Worker};
use crate::{random, wire};

/// The longest value that Workers KV takes, in bytes.
const MOST_BYTES: u64 = 25 << 20;

/// The values of the stored responses.
struct Values;

impl KeyValue for Values {
    fn key_value_store(&self) -> &'static str {
        Worker.key_value_store()
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        match performed(exchange::perform(Kind::Recall, |command, _| wire::write_key(command, key)).await)? {
            Completion::Bytes(value) => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        performed(exchange::perform(Kind::Store, |command, _| wire::write_put(command, key, value, ttl)).await)
            .map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        performed(exchange::perform(Kind::Forget, |command, _| wire::write_key(command, key)).await).map(drop)
    }
}

impl Clock for Values {
    fn now(&self) -> Timestamp {
        Worker.now()
    }

    fn monotonic(&self) -> Duration {
        Worker.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        Worker.sleep(duration).await;
    }
}

impl Random for Values {
    fn next_u64(&self) -> u64 {
        random::next()
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        fill_from(bytes, random::next);
        Ok(())
    }
}

impl Cache for Worker {
    fn cache_store(&self) -> &'static str {
        self.key_value_store()
    }

    fn most_stored_bytes(&self) -> u64 {
        MOST_BYTES
    }

    fn leads(&self) {
        exchange::linger();
    }

    async fn stored(&self, resource: &str) -> Result<Option<Arc<Resource>>, StoreFailure> {
        response_store::find(&Values, resource).await
    }

    async fn stored_content(
        &self,
        content: &Content,
        range: Option<Range<u64>>,
    ) -> Result<Option<Body<Handle>>, StoreFailure> {
        let Content::There { name, length } = content else {
            return Ok(response_store::content(&Values, content, range).await?.map(Body::Full));
        };
        let range = range.unwrap_or(0..*length);
        let write = |command: &mut wire::Command<'_>, _: &exchange::Heads| {
            wire::write_content(command, name, *length, &range);
        };
        match performed(exchange::perform(Kind::Content, write).await)? {
            Completion::Head(response) => Ok(Some(response.into_body())),
            _ => Ok(None),
        }
    }

    async fn store(&self, resource: &str, variant: Arc<Variant>) -> Result<(), StoreFailure> {
        response_store::store(&Values, resource, variant).await
    }

    async fn remove_stored(&self, resource: &str) -> Result<(), StoreFailure> {
        response_store::remove(&Values, resource).await
    }

    /// The glue copies the body. What stands in the core's memory is no more than a small one.
    fn keep(&self, stream: Handle, keep: Box<Keep>) -> Handle {
        let name = response_store::content_name(&Values);
        let most = keep.most_bytes;
        let left = keep.until.saturating_since(self.now());
        let copied = exchange::perform(Kind::Keep, |command, _| {
            wire::write_keep(command, &stream, name.as_str(), (SMALL, most), left);
        });
        let mut keeping = Keeping(keep);
        exchange::beside(Box::pin(async move {
            let content = match copied.await {
                Ok(Completion::Bytes(content)) => Content::Here(content),
                Ok(Completion::Ended(ended)) => {
                    let Length::Counted(length) = ended.sent else { return };
                    Content::There { name: name.as_str().into(), length }
                }
                // The next one is as long, probably: nobody waits for it.
                Err(IoError { kind: IoErrorKind::BodyTooLarge, .. }) => return keeping.leave_unshared().await,
                // It is not whole, or the store failed: the glue has logged that.
                _ => return,
            };
            // The glue has logged a failure.
            if response_store::keep_head(&Values, &mut keeping.0, content).await.is_ok() {
                keeping.0.is_stored();
            }
        }));
        stream
    }
}

/// A response that is being copied. Whoever waits for it goes on when it is dropped.
struct Keeping(Box<Keep>);

impl Keeping {
    /// Takes note, here and for others, that the response is not stored.
    async fn leave_unshared(self) {
        let (keep, now) = (&self.0, Worker.now());
        keep.has_no_room(now);
        let until = now.saturating_add(Duration::from_millis(UNSHARED_FOR));
        // A store that fails leaves the others to find out by themselves.
        let _ = response_store::unshared(&Values, &keep.resource, &keep.part, until).await;
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if self.0.flight.take().is_some() {
            Worker.notify(&self.0.resource);
        }
    }
}

fn performed(outcome: Result<Completion, IoError>) -> Result<Completion, StoreFailure> {
    outcome.map_err(|_| StoreFailure::Unreachable)
}

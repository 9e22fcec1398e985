//! The stored responses in a Redis that several gateways share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gateway_core::plan;
use gateway_core::ports::{Clock, KeyValue, NoRandom, Random, StoreFailure};
use gateway_core::time::Timestamp;

use crate::health::Health;
use crate::platform::redis::Redis;
use crate::platform::{StoreError, now};

/// The most bytes of contents on their way there. What comes when the Redis is slower than that is not stored.
const MOST_UNDER_WAY: usize = 64 << 20;

/// Responses in a Redis.
#[derive(Debug)]
pub struct Shared {
    pub(in crate::platform) redis: Redis,
    under_way: AtomicUsize,
}

impl Shared {
    /// The responses in the Redis that is `stated`, if one is.
    ///
    /// # Errors
    /// When it is no Redis, or its authorities can't be used.
    pub fn open(stated: Option<&plan::Redis>, timeout: Duration) -> Result<Option<Self>, StoreError> {
        let redis = stated.map(|stated| Redis::new("responses", stated, timeout)).transpose()?;
        Ok(redis.map(|redis| Self { redis, under_way: AtomicUsize::new(0) }))
    }

    /// The health of its calls.
    pub fn health(&self) -> &Health {
        &self.redis.health
    }

    /// Takes a place for so many bytes, if there is room.
    pub(super) fn send(&self, bytes: usize) -> Option<Sent<'_>> {
        let before = self.under_way.fetch_add(bytes, Ordering::Relaxed);
        let sent = Sent { shared: self, bytes };
        (before == 0 || before.saturating_add(bytes) <= MOST_UNDER_WAY).then_some(sent)
    }
}

/// Bytes on their way.
pub(super) struct Sent<'s> {
    shared: &'s Shared,
    bytes: usize,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.shared.under_way.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl KeyValue for Shared {
    fn key_value_store(&self) -> &'static str {
        "Redis"
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        self.redis.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        self.redis.put(key, &value, ttl).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        self.redis.delete(key).await
    }
}

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic(&self) -> Duration {
        crate::platform::monotonic()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }
}

impl Random for Shared {
    fn next_u64(&self) -> u64 {
        fastrand::u64(..)
    }

    fn fill_secret(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        edgeway_verify_ring::fill_secret(bytes)
    }
}

//! Counter cells, in memory or in a Redis that several gateways share.

mod memory;
mod redis;

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;

use crate::health::Health;
use crate::platform::StoreError;

pub use self::memory::Cells;
pub use self::redis::Redis;

/// Counter cells.
#[derive(Debug)]
pub enum CounterStore {
    /// In this process.
    Memory(Cells),
    /// In a Redis.
    Redis(Box<Redis>),
}

impl Default for CounterStore {
    fn default() -> Self {
        Self::Memory(Cells::default())
    }
}

impl CounterStore {
    /// The cells in the Redis at `url`, or in memory without one.
    ///
    /// # Errors
    /// When the URL is not one of a Redis.
    pub fn open(url: Option<&str>) -> Result<Self, StoreError> {
        match url {
            None => Ok(Self::default()),
            // The URL may hold a password: it is not repeated.
            Some(url) => Ok(Self::Redis(Box::new(Redis::new(url).map_err(|()| StoreError::RedisUrl)?))),
        }
    }

    /// The name of the store.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Redis(_) => "Redis",
        }
    }

    /// Returns whether several operations take one round trip: those in a Redis share its connection, and none waits for the answer to another.
    #[must_use]
    pub const fn asks_at_once(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// The health of the store, unless it can't fail.
    #[must_use]
    pub const fn health(&self) -> Option<&Health> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(redis) => Some(&redis.health),
        }
    }

    /// Applies `op` to `cell` at `now`.
    ///
    /// # Errors
    /// A [`StoreFailure`]: the shared store can't answer, or the one in memory is full.
    pub async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, StoreFailure> {
        match self {
            Self::Memory(cells) => cells.apply(cell, op, now),
            Self::Redis(redis) => redis.apply(cell, op, now).await,
        }
    }
}

//! Counter cells, in memory or in a Redis that several gateways share.

mod memory;

use std::time::Duration;

use gateway_core::plan;
use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;

use crate::health::Health;
use crate::platform::StoreError;
use crate::platform::redis::Redis;

pub use self::memory::Cells;

/// The longest wait for an answer of a Redis that can be configured: the core gives up by `counters.timeout`, which a reload may change.
const LONGEST: Duration = Duration::from_secs(30);

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
    /// The cells in the Redis that is `stated`, or in memory without one.
    ///
    /// # Errors
    /// When it is no Redis, or its authorities can't be used.
    pub fn open(stated: Option<&plan::Redis>) -> Result<Self, StoreError> {
        match stated {
            None => Ok(Self::default()),
            Some(stated) => Ok(Self::Redis(Box::new(Redis::new("counters", stated, LONGEST)?))),
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
            // Boxed, so that what is in memory is not counted with room for it.
            Self::Redis(redis) => Box::pin(redis.apply(cell, op, now)).await,
        }
    }
}

//! Counter cells, in memory or in a Redis that several gateways share.

mod memory;

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::IoError;
use gateway_core::time::Timestamp;

use self::memory::Cells;

/// Counter cells.
#[derive(Debug)]
pub enum CounterStore {
    /// In this process.
    Memory(Cells),
}

impl Default for CounterStore {
    fn default() -> Self {
        Self::Memory(Cells::default())
    }
}

impl CounterStore {
    /// Applies `op` to `cell` at `now`.
    ///
    /// # Errors
    /// [`IoErrorKind::Store`](gateway_core::ports::IoErrorKind::Store) when a shared store can't answer.
    pub async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, IoError> {
        match self {
            Self::Memory(cells) => Ok(cells.apply(cell, op, now)),
        }
    }
}

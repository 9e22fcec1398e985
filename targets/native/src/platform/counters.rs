//! Counter cells.

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::{IoError, IoErrorKind};
use gateway_core::time::Timestamp;

/// Counter cells.
#[derive(Debug, Default)]
pub struct CounterStore {}

impl CounterStore {
    /// Applies `op` to `cell` at `now`.
    pub async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, IoError> {
        let _ = (cell, op, now);
        Err(IoError::new(IoErrorKind::Store))
    }
}

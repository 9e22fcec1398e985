//! Counter cells.

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::{IoError, IoErrorKind};
use gateway_core::time::Timestamp;

pub(crate) struct Cells {
    redis: Option<String>,
}

impl Cells {
    pub(crate) fn new(redis: Option<String>) -> Self {
        Self { redis }
    }

    pub(crate) async fn apply(&self, _: &str, _: CounterOp, _: Timestamp) -> Result<CounterVerdict, IoError> {
        let _ = &self.redis;
        Err(IoError::new(IoErrorKind::Store))
    }

    pub(crate) fn sweep(&self, _: Timestamp) {}
}

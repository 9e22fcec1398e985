//! Counter cells: in SQLite, or in a Redis that several gateways share.
//!
//! A decision is one statement of the store, so it is atomic and none is lost, whatever number of instances ask at once.

mod redis;
mod sqlite;

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::policy::gcra;
use gateway_core::policy::gcra_store::Terms;
use gateway_core::ports::{IoError, IoErrorKind};
use gateway_core::time::Timestamp;

/// Where the cells of this instance's gateway live.
pub(crate) enum Cells {
    Sqlite(sqlite::Database),
    Redis(redis::Server),
}

impl Cells {
    /// In the Redis at `redis`, or in SQLite if there is none.
    pub(crate) fn new(redis: Option<String>) -> Self {
        match redis {
            Some(url) => Self::Redis(redis::Server::new(url)),
            None => Self::Sqlite(sqlite::Database::default()),
        }
    }

    pub(crate) async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, IoError> {
        match op {
            CounterOp::Gcra { quota, cost } => {
                let terms = Terms::new(now, quota, cost);
                let previous = match self {
                    Self::Sqlite(database) => database.decide(cell, terms).await,
                    Self::Redis(server) => server.decide(cell, terms).await,
                };
                let previous = previous.map_err(|reason| failed(&reason))?;
                Ok(CounterVerdict::Gcra(gcra::decide(previous, now, quota, cost).1))
            }
        }
    }

    /// Removes some of the cells that have expired by `now`; Redis does that by itself.
    pub(crate) async fn sweep(&self, now: Timestamp) {
        if let Self::Sqlite(database) = self
            && let Err(reason) = database.sweep(now).await
        {
            failed(&reason);
        }
    }
}

/// The reason is for the log; it never contains the URL of a Redis, which may hold a password.
fn failed(reason: &str) -> IoError {
    eprintln!("edgeway: counters: {reason}");
    IoError::new(IoErrorKind::Store)
}

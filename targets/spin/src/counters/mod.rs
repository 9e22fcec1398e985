//! Counter cells: in SQLite, or in a Redis that several gateways share.
//!
//! An operation is one statement of the store, so it is atomic and none is lost, however many instances ask at once.

pub(crate) mod redis;
pub(crate) mod sqlite;

use gateway_core::policy::counter::{CounterOp, CounterVerdict, program, verdict};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;

/// The store of the cells of this instance's gateway.
pub(crate) enum Cells {
    Sqlite(sqlite::Database),
    Redis(redis::Server),
}

impl Cells {
    /// The cells in the Redis at `redis`, or in SQLite without one.
    pub(crate) fn new(redis: Option<String>) -> Self {
        match redis {
            Some(url) => Self::Redis(redis::Server::new(url, "counters")),
            None => Self::Sqlite(sqlite::Database::default()),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Redis(_) => "Redis",
        }
    }

    /// Returns whether several operations take one round trip: those in a Redis share its connection, and none waits for the answer to another.
    pub(crate) const fn asks_at_once(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// The Redis, if they are in one.
    pub(crate) const fn redis(&self) -> Option<&redis::Server> {
        match self {
            Self::Sqlite(_) => None,
            Self::Redis(server) => Some(server),
        }
    }

    /// Opens the connection to a Redis, so that operations at the same time do not open one each.
    pub(crate) async fn prepare(&self) {
        if let Self::Redis(server) = self {
            server.prepare().await;
        }
    }

    pub(crate) async fn apply(
        &self,
        cell: &str,
        op: CounterOp,
        now: Timestamp,
    ) -> Result<CounterVerdict, StoreFailure> {
        match self {
            Self::Redis(server) => server.apply(cell, op, now).await,
            Self::Sqlite(database) => said(op, now, database.run(cell, &program(op, now)).await),
        }
    }

    /// Removes some cells that have expired by `now`; Redis does that by itself.
    pub(crate) async fn sweep(&self, now: Timestamp) {
        if let Self::Sqlite(database) = self
            && let Err(reason) = database.sweep(now).await
        {
            failed(&reason);
        }
    }
}

/// The verdict that a `reply` means.
fn said(
    op: CounterOp,
    now: Timestamp,
    reply: Result<Vec<Option<i64>>, String>,
) -> Result<CounterVerdict, StoreFailure> {
    let reply = reply.map_err(|reason| failed(&reason))?;
    verdict(op, now, &reply).ok_or_else(|| {
        failed("a reply that means nothing");
        StoreFailure::Malformed
    })
}

/// Logs the `reason`, which never contains the URL of a Redis: it may hold a password.
fn failed(reason: &str) -> StoreFailure {
    eprintln!("edgeway: counters: {reason}");
    StoreFailure::Unreachable
}

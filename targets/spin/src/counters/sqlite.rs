//! Cells in the SQLite database called `default`.

use std::cell::RefCell;
use std::rc::Rc;

use gateway_core::policy::gcra_store::{SQL_CREATE, SQL_CREATE_INDEX, SQL_DECIDE, SQL_SWEEP, Terms};
use gateway_core::time::Timestamp;
use spin_sdk::sqlite::{Connection, RowResult, Value};

/// How often a decision is tried while the database stays locked. Each try waits for as long as the host lets it.
const TRIES: u32 = 4;

/// A connection, opened when first used.
#[derive(Default)]
pub(crate) struct Database(RefCell<Option<Rc<Connection>>>);

impl Database {
    /// Decides about one request and returns the cell's state from before.
    pub(crate) async fn decide(&self, cell: &str, terms: Terms) -> Result<Option<u64>, String> {
        let parameters = || {
            let Terms { now, cost, horizon, foreign, units_per_milli } = terms;
            let numbers = [now, cost, horizon, foreign, units_per_milli].map(Value::Integer);
            [Value::Text(cell.to_owned())].into_iter().chain(numbers)
        };
        let connection = self.open().await?;
        let mut tries = 1;
        let rows = loop {
            match query(&connection, SQL_DECIDE, parameters()).await {
                Ok(rows) => break rows,
                Err(reason) if tries < TRIES && reason.contains("no such table") => create(&connection).await?,
                Err(reason) if tries < TRIES && reason.contains("locked") => {}
                Err(reason) => {
                    self.0.take();
                    return Err(reason);
                }
            }
            tries += 1;
        };
        match rows.first().and_then(|row| row.values.first()) {
            Some(Value::Null) => Ok(None),
            Some(Value::Integer(state)) => Ok(u64::try_from(*state).ok()),
            _ => Err("a decision without a state".to_owned()),
        }
    }

    /// Removes some of the cells that have expired by `now`, if this instance has used any.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), String> {
        let Some(connection) = self.0.borrow().clone() else { return Ok(()) };
        let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
        query(&connection, SQL_SWEEP, [Value::Integer(now)]).await.map(drop)
    }

    async fn open(&self) -> Result<Rc<Connection>, String> {
        if let Some(connection) = self.0.borrow().as_ref() {
            return Ok(Rc::clone(connection));
        }
        let connection = Rc::new(Connection::open_default().await.map_err(|error| error.to_string())?);
        // The counts of the last moments before a power cut are worth no wait for the disk. A host that does not let
        // this be set keeps its own ways, which are only slower.
        let _ = query(&connection, "PRAGMA synchronous = NORMAL", []).await;
        self.0.replace(Some(Rc::clone(&connection)));
        Ok(connection)
    }
}

async fn create(connection: &Connection) -> Result<(), String> {
    // With a write-ahead log a write need not wait for the disk, nor a reader for a writer.
    let _ = query(connection, "PRAGMA journal_mode = WAL", []).await;
    query(connection, SQL_CREATE, []).await?;
    query(connection, SQL_CREATE_INDEX, []).await?;
    Ok(())
}

async fn query(
    connection: &Connection,
    statement: &str,
    parameters: impl IntoIterator<Item = Value>,
) -> Result<Vec<RowResult>, String> {
    let outcome = connection.execute(statement, parameters).await.map_err(|error| error.to_string())?;
    outcome.collect().await.map_err(|error| error.to_string())
}

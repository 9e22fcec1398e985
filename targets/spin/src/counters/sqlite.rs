//! The SQLite database called `default`, and the cells in it.

use std::cell::RefCell;
use std::iter;
use std::rc::Rc;

use gateway_core::policy::counter::{Program, SQL_SCHEMA, SQL_SWEEP};
use gateway_core::time::Timestamp;
use spin_sdk::sqlite::{Connection, RowResult, Value};

/// The number of tries of an operation while the database stays locked. The host limits the wait of each.
const TRIES: u32 = 4;

/// A connection, opened on first use.
#[derive(Default)]
pub(crate) struct Database(RefCell<Option<Rc<Connection>>>);

impl Database {
    /// Runs `program` on `cell` and returns the numbers of the row that it yields, if any.
    pub(crate) async fn run(&self, cell: &str, program: &Program) -> Result<Vec<Option<i64>>, String> {
        let parameters = || {
            let numbers = program.args.iter().copied().map(Value::Integer);
            iter::once(Value::Text(cell.to_owned())).chain(numbers)
        };
        let rows = self.execute(SQL_SCHEMA, program.sql, parameters).await?;
        let numbers = rows.first().into_iter().flat_map(|row| &row.values).map(|value| match value {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(*number)),
            _ => Err("SQLite: a reply that is no number".to_owned()),
        });
        numbers.collect()
    }

    /// Runs `statement`, for which the tables are made by `schema` if there are none yet, and returns the rows that it yields.
    pub(crate) async fn execute<I: IntoIterator<Item = Value>>(
        &self,
        schema: &[&str],
        statement: &str,
        parameters: impl Fn() -> I,
    ) -> Result<Vec<RowResult>, String> {
        let connection = self.open().await?;
        let mut tries = 1;
        loop {
            match query(&connection, statement, parameters()).await {
                Ok(rows) => return Ok(rows),
                Err(reason) if tries < TRIES && reason.contains("no such table") => create(&connection, schema).await?,
                Err(reason) if tries < TRIES && reason.contains("locked") => {}
                Err(reason) => {
                    self.0.take();
                    return Err(reason);
                }
            }
            tries += 1;
        }
    }

    /// Removes some cells that have expired by `now`, if this instance has used any.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), String> {
        let Some(connection) = self.0.borrow().clone() else { return Ok(()) };
        let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
        for statement in SQL_SWEEP {
            match query(&connection, statement, [Value::Integer(now)]).await {
                // An earlier version created the database: it lacks the tables of newer operations.
                Err(reason) if reason.contains("no such table") => create(&connection, SQL_SCHEMA).await?,
                swept => drop(swept?),
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Rc<Connection>, String> {
        if let Some(connection) = self.0.borrow().as_ref() {
            return Ok(Rc::clone(connection));
        }
        let connection = Rc::new(Connection::open_default().await.map_err(|error| error.to_string())?);
        // The counts of the last moments before a power cut are not worth waiting for the disk. A host that rejects
        // this setting is only slower.
        let _ = query(&connection, "PRAGMA synchronous = NORMAL", []).await;
        self.0.replace(Some(Rc::clone(&connection)));
        Ok(connection)
    }
}

async fn create(connection: &Connection, schema: &[&str]) -> Result<(), String> {
    // With a write-ahead log a write need not wait for the disk, nor a reader for a writer.
    let _ = query(connection, "PRAGMA journal_mode = WAL", []).await;
    for statement in schema {
        query(connection, statement, []).await?;
    }
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

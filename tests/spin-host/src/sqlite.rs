//! `spin:sqlite`: every `open` is a connection of its own to a database file, as in Spin.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

use crate::app::State;
use crate::bindings::sqlite::sqlite::{Error, Host, HostConnection, HostConnectionWithStore, RowResult, Value};

type Answer<T> = wasmtime::Result<Result<T, Error>>;
type Rows = (StreamReader<RowResult>, FutureReader<Result<(), Error>>);

/// An open connection.
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Connection(Arc<Mutex<rusqlite::Connection>>);

impl Host for State {}
impl HostConnection for State {}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<State> {
    async fn open_async(accessor: &Accessor<T, Self>, database: String) -> Answer<Resource<Connection>> {
        let Some(path) = accessor.with(|mut access| access.get().shared.database(&database)) else {
            return Ok(Err(Error::AccessDenied));
        };
        match tokio::task::spawn_blocking(move || rusqlite::Connection::open(path)).await? {
            Ok(connection) => {
                let connection = Connection(Arc::new(Mutex::new(connection)));
                Ok(Ok(accessor.with(|mut access| access.get().table.push(connection))?))
            }
            Err(error) => Ok(Err(io_error(&error))),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>)> {
        let outcome = blocking(accessor, &connection, move |connection| execute(connection, &statement, parameters));
        match outcome.await? {
            Ok((columns, rows)) => {
                let (rows, done): Rows = accessor.with(|mut access| {
                    let done = async { wasmtime::error::Ok(Ok(())) };
                    wasmtime::error::Ok((StreamReader::new(&mut access, rows)?, FutureReader::new(&mut access, done)?))
                })?;
                Ok(Ok((columns, rows, done)))
            }
            Err(error) => Ok(Err(io_error(&error))),
        }
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        blocking(accessor, &connection, |connection| connection.last_insert_rowid()).await
    }

    async fn changes_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        blocking(accessor, &connection, |connection| connection.changes()).await
    }

    async fn drop(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().table.delete(connection).map(drop))?;
        Ok(())
    }
}

async fn blocking<T: Send, U: Send + 'static>(
    accessor: &Accessor<T, HasSelf<State>>,
    connection: &Resource<Connection>,
    body: impl FnOnce(&rusqlite::Connection) -> U + Send + 'static,
) -> wasmtime::Result<U> {
    let connection = accessor.with(|mut access| access.get().table.get(connection).map(|open| Arc::clone(&open.0)))?;
    let task = move || body(&connection.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(tokio::task::spawn_blocking(task).await?)
}

fn execute(
    connection: &rusqlite::Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> rusqlite::Result<(Vec<String>, Vec<RowResult>)> {
    let mut statement = connection.prepare(statement)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let parameters = rusqlite::params_from_iter(parameters.into_iter().map(to_sql));
    let rows = statement.query_map(parameters, |row| {
        let values = (0..width).map(|column| row.get_ref(column).map(from_sql)).collect::<Result<_, _>>()?;
        Ok(RowResult { values })
    })?;
    let rows = rows.collect::<Result<_, _>>()?;
    Ok((columns, rows))
}

fn to_sql(value: Value) -> rusqlite::types::Value {
    match value {
        Value::Integer(number) => number.into(),
        Value::Real(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Blob(bytes) => bytes.into(),
        Value::Null => rusqlite::types::Value::Null,
    }
}

fn from_sql(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn io_error(error: &rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

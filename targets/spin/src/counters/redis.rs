//! A Redis that several gateways may share: cells, and stored responses.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::policy::counter::{CounterOp, CounterVerdict, Program, program};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

/// The prefix of all keys.
const PREFIX: &str = "edgeway:";

/// A connection, opened on first use and again after a failure.
pub(crate) struct Server {
    url: String,
    /// What is there, for the log.
    what: &'static str,
    connection: RefCell<Option<Rc<Connection>>>,
}

/// Drops the connection if an operation is dropped before its answer, after the deadline.
struct Doubt<'s> {
    server: &'s Server,
    is_over: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.server.connection.take();
            eprintln!("edgeway: {}: Redis: no answer in time", self.server.what);
        }
    }
}

impl Server {
    pub(crate) fn new(url: String, what: &'static str) -> Self {
        Self { url, what, connection: RefCell::new(None) }
    }

    /// Applies `op` to `cell` at `now`.
    pub(crate) async fn apply(
        &self,
        cell: &str,
        op: CounterOp,
        now: Timestamp,
    ) -> Result<CounterVerdict, StoreFailure> {
        super::said(op, now, self.run(cell, &program(op, now)).await)
    }

    /// The value under `key`.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        let reply = self.command("GET", [binary(full(key))]).await?;
        match reply.into_iter().next() {
            Some(RedisResult::Binary(value)) => Ok(Some(value.into())),
            None | Some(RedisResult::Nil) => Ok(None),
            Some(_) => Err(StoreFailure::Malformed),
        }
    }

    /// Stores `value` under `key`, for `ttl` if one is given.
    pub(crate) async fn put(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Result<(), StoreFailure> {
        let millis = ttl.map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1));
        let expiry = millis.map(|millis| [binary("PX"), RedisParameter::Int64(millis)]);
        let arguments = [binary(full(key)), binary(value)].into_iter().chain(expiry.into_iter().flatten());
        self.command("SET", arguments).await.map(drop)
    }

    /// Removes `key`.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        self.command("DEL", [binary(full(key))]).await.map(drop)
    }

    async fn command(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = RedisParameter>,
    ) -> Result<Vec<RedisResult>, StoreFailure> {
        let mut doubt = Doubt { server: self, is_over: false };
        let answer = self.execute(command, arguments).await;
        doubt.is_over = true;
        answer.map_err(|reason| {
            eprintln!("edgeway: {}: {reason}", self.what);
            StoreFailure::Unreachable
        })
    }

    /// Runs `program` on `cell` and returns the reply's numbers.
    pub(crate) async fn run(&self, cell: &str, program: &Program) -> Result<Vec<Option<i64>>, String> {
        let mut doubt = Doubt { server: self, is_over: false };
        let reply = self.ask(cell, program).await;
        doubt.is_over = true;
        reply
    }

    async fn ask(&self, cell: &str, program: &Program) -> Result<Vec<Option<i64>>, String> {
        let arguments = [binary(program.lua), RedisParameter::Int64(1), binary(full(cell))];
        let numbers = program.args.iter().copied().map(RedisParameter::Int64);
        let answer = self.execute("EVAL", arguments.into_iter().chain(numbers)).await?;
        answer.iter().map(number).collect()
    }

    async fn execute(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = RedisParameter>,
    ) -> Result<Vec<RedisResult>, String> {
        let connection = self.open().await?;
        connection.execute(command, arguments).await.map_err(|error| {
            self.connection.take();
            describe(&error)
        })
    }

    /// Opens the connection. A failure is told by whatever needs it.
    pub(crate) async fn prepare(&self) {
        let _ = self.open().await;
    }

    async fn open(&self) -> Result<Rc<Connection>, String> {
        if let Some(connection) = self.connection.borrow().as_ref() {
            return Ok(Rc::clone(connection));
        }
        let connection = Rc::new(Connection::open(&self.url).await.map_err(|error| describe(&error))?);
        self.connection.replace(Some(Rc::clone(&connection)));
        Ok(connection)
    }
}

fn full(key: &str) -> String {
    format!("{PREFIX}{key}")
}

fn binary(bytes: impl AsRef<[u8]>) -> RedisParameter {
    RedisParameter::Binary(bytes.as_ref().to_vec())
}

/// Reads a number of a reply, which may be text; an empty text is none.
fn number(value: &RedisResult) -> Result<Option<i64>, String> {
    let number = match value {
        RedisResult::Nil => return Ok(None),
        RedisResult::Int64(number) => Some(*number),
        RedisResult::Binary(text) if text.is_empty() => return Ok(None),
        RedisResult::Binary(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        RedisResult::Status(_) => None,
    };
    number.map(Some).ok_or_else(|| "Redis: a reply that is no number".to_owned())
}

/// Describes an error without the address: the host's own words for an invalid one would contain it.
fn describe(error: &Error) -> String {
    match error {
        Error::InvalidAddress => {
            "Redis: the address is invalid, or `allowed_outbound_hosts` does not list it".to_owned()
        }
        Error::TooManyConnections => "Redis: too many connections".to_owned(),
        Error::TypeError => "Redis: a value of the wrong type".to_owned(),
        Error::Other(reason) => format!("Redis: {reason}"),
    }
}

//! Cells in a Redis that several gateways may share.

use std::cell::RefCell;
use std::rc::Rc;

use gateway_core::policy::counter::Program;
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

/// The prefix of all keys.
const PREFIX: &str = "edgeway:";

/// A connection, opened on first use and again after a failure.
pub(crate) struct Server {
    url: String,
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
            eprintln!("edgeway: counters: Redis: no answer in time");
        }
    }
}

impl Server {
    pub(crate) fn new(url: String) -> Self {
        Self { url, connection: RefCell::new(None) }
    }

    /// Runs `program` on `cell` and returns the reply's numbers.
    pub(crate) async fn run(&self, cell: &str, program: &Program) -> Result<Vec<Option<i64>>, String> {
        let mut doubt = Doubt { server: self, is_over: false };
        let reply = self.ask(cell, program).await;
        doubt.is_over = true;
        reply
    }

    async fn ask(&self, cell: &str, program: &Program) -> Result<Vec<Option<i64>>, String> {
        let text = |text: &str| RedisParameter::Binary(text.as_bytes().to_vec());
        let arguments = [text(program.lua), RedisParameter::Int64(1), text(&format!("{PREFIX}{cell}"))];
        let numbers = program.args.iter().copied().map(RedisParameter::Int64);
        let connection = self.open().await?;
        let answer = connection.execute("EVAL", arguments.into_iter().chain(numbers)).await;
        let answer = answer.map_err(|error| {
            self.connection.take();
            describe(&error)
        })?;
        answer.iter().map(number).collect()
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

//! Cells in a Redis, which several gateways may share.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use gateway_core::policy::gcra_store::{REDIS_DECIDE, Terms};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use spin_sdk::wasip3::clocks::monotonic_clock;

/// What the names of all keys begin with.
const PREFIX: &str = "edgeway:";

/// How long a decision may take, the connection included, in nanoseconds.
const TIMEOUT: u64 = 5_000_000_000;

/// A connection, opened when first used and again after a failure.
pub(crate) struct Server {
    url: String,
    connection: RefCell<Option<Rc<Connection>>>,
}

impl Server {
    pub(crate) fn new(url: String) -> Self {
        Self { url, connection: RefCell::new(None) }
    }

    /// Decides about one request and returns the cell's state from before.
    pub(crate) async fn decide(&self, cell: &str, terms: Terms) -> Result<Option<u64>, String> {
        match select(pin!(self.ask(cell, terms)), pin!(monotonic_clock::wait_for(TIMEOUT))).await {
            Either::Left((decision, _)) => decision,
            Either::Right(_) => {
                self.connection.take();
                Err("Redis: no answer in time".to_owned())
            }
        }
    }

    async fn ask(&self, cell: &str, terms: Terms) -> Result<Option<u64>, String> {
        let Terms { now, cost, horizon, foreign, units_per_milli } = terms;
        let text = |text: &str| RedisParameter::Binary(text.as_bytes().to_vec());
        let arguments = [text(REDIS_DECIDE), RedisParameter::Int64(1), text(&format!("{PREFIX}{cell}"))];
        let numbers = [now, cost, horizon, foreign, units_per_milli].map(RedisParameter::Int64);
        let connection = self.open().await?;
        let answer = connection.execute("EVAL", arguments.into_iter().chain(numbers)).await;
        let answer = answer.map_err(|error| {
            self.connection.take();
            describe(&error)
        })?;
        match answer.first() {
            Some(RedisResult::Binary(state)) if state.is_empty() => Ok(None),
            Some(RedisResult::Binary(state)) => {
                let state = std::str::from_utf8(state).ok().and_then(|state| state.parse().ok());
                state.map(Some).ok_or_else(|| "a state that is no number".to_owned())
            }
            _ => Err("a decision without a state".to_owned()),
        }
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

/// The host's own words for an invalid address contain it; ours do not.
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

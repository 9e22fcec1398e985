//! Cells in a Redis that several gateways share.

use std::time::Duration;

use gateway_core::policy::counter::{CounterOp, CounterVerdict, Program, SCRIPTS, program, verdict};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, RedisResult, Script, Value, from_redis_value};
use tokio::sync::OnceCell;

use crate::health::Health;

/// The prefix of all keys.
const PREFIX: &str = "edgeway:";

/// The longest wait for a connection, and for an answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A Redis, with a connection that is opened on first use and again after a failure.
pub struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    /// The scripts of all operations, with their texts.
    scripts: Box<[(&'static str, Script)]>,
    /// The health of its calls.
    pub(super) health: Health,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    pub(super) fn new(url: &str) -> Result<Self, ()> {
        let client = Client::open(url).map_err(|_| ())?;
        let scripts = SCRIPTS.iter().map(|text| (*text, Script::new(text))).collect();
        Ok(Self { client, connection: OnceCell::new(), scripts, health: Health::default() })
    }

    pub(super) async fn apply(
        &self,
        cell: &str,
        op: CounterOp,
        now: Timestamp,
    ) -> Result<CounterVerdict, StoreFailure> {
        let begun = self.health.begin();
        let outcome = self.run(cell, program(op, now)).await;
        begun.end(&outcome);
        let reply = outcome.map_err(|error| failure(&error))?;
        verdict(op, now, &reply).ok_or(StoreFailure::Malformed)
    }

    async fn run(&self, cell: &str, program: Program) -> RedisResult<Vec<Option<i64>>> {
        let connect = || {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(TIMEOUT))
                .set_response_timeout(Some(TIMEOUT))
                .set_number_of_retries(1);
            ConnectionManager::new_with_config(self.client.clone(), config)
        };
        let mut connection = self.connection.get_or_try_init(connect).await?.clone();
        let Some((_, script)) = self.scripts.iter().find(|(text, _)| *text == program.lua) else {
            return Ok(Vec::new());
        };
        let mut call = script.key(format!("{PREFIX}{cell}"));
        for arg in program.args {
            call.arg(arg);
        }
        let reply: Vec<Value> = call.invoke_async(&mut connection).await?;
        reply.into_iter().map(number).collect()
    }
}

fn failure(error: &RedisError) -> StoreFailure {
    if error.is_timeout() { StoreFailure::Slow } else { StoreFailure::Unreachable }
}

/// Reads a number of a reply, which may be text; an empty text is none.
fn number(value: Value) -> RedisResult<Option<i64>> {
    match value {
        Value::BulkString(text) if text.is_empty() => Ok(None),
        value => Ok(Some(from_redis_value(value)?)),
    }
}

//! Cells in a Redis that several gateways share.

use std::time::Duration;

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::policy::gcra;
use gateway_core::policy::gcra_store::{REDIS_DECIDE, Terms};
use gateway_core::ports::{IoError, IoErrorKind};
use gateway_core::time::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use tokio::sync::OnceCell;

/// What the names of all keys begin with.
const PREFIX: &str = "edgeway:";

/// How long to wait for a connection, and for an answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a decision may take, waiting for others that connect included.
const DECISION_TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis; it is connected to when first used, and again after a failure.
pub struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    script: Script,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    pub(super) fn new(url: &str) -> Result<Self, ()> {
        let client = Client::open(url).map_err(|_| ())?;
        Ok(Self { client, connection: OnceCell::new(), script: Script::new(REDIS_DECIDE) })
    }

    pub(super) async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, IoError> {
        let CounterOp::Gcra { quota, cost } = op;
        let Terms { now: terms_now, cost: terms_cost, horizon, foreign, units_per_milli } =
            Terms::new(now, quota, cost);
        let asked = self.run(cell, [terms_now, terms_cost, horizon, foreign, units_per_milli]);
        let before =
            tokio::time::timeout(DECISION_TIMEOUT, asked).await.map_err(|_| IoError::new(IoErrorKind::Store))?;
        let before = before.map_err(|_| IoError::new(IoErrorKind::Store))?;
        // The script is the same rule: its verdict is what the rule says of the state that it found.
        let state = match before.as_str() {
            "" => None,
            number => Some(number.parse().map_err(|_| IoError::new(IoErrorKind::Store))?),
        };
        Ok(CounterVerdict::Gcra(gcra::decide(state, now, quota, cost).1))
    }

    async fn run(&self, cell: &str, terms: [i64; 5]) -> Result<String, redis::RedisError> {
        let connect = || {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(TIMEOUT))
                .set_response_timeout(Some(TIMEOUT))
                .set_number_of_retries(1);
            ConnectionManager::new_with_config(self.client.clone(), config)
        };
        let mut connection = self.connection.get_or_try_init(connect).await?.clone();
        let mut call = self.script.key(format!("{PREFIX}{cell}"));
        for term in terms {
            call.arg(term);
        }
        let (before, _after): (String, String) = call.invoke_async(&mut connection).await?;
        Ok(before)
    }
}

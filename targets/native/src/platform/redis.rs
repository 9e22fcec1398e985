//! A Redis that several gateways share, or a cluster of them.

use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gateway_core::plan;
use gateway_core::policy::counter::{CounterOp, CounterVerdict, Program, SCRIPTS, program, verdict};
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Script, TlsCertificates, Value,
    from_redis_value,
};
use tokio::sync::OnceCell;

use super::StoreError;
use crate::health::Health;
use crate::upstream::{TlsError, read_authorities};

/// The prefix of all keys.
const PREFIX: &str = "edgeway:";

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The further tries of a request to a node that is no longer the right one, or not there.
const TRIES: u32 = 2;

/// A Redis, with a connection that is opened on first use and again after a failure.
pub struct Redis {
    server: Server,
    /// Its host and port.
    address: Box<str>,
    /// The connection: another one once its Redis has refused the credentials, since the crate does not try again by itself then.
    connection: Mutex<Arc<OnceCell<Connection>>>,
    /// The longest wait for an answer.
    timeout: Duration,
    /// The scripts of all operations, with their texts.
    scripts: Box<[(&'static str, Script)]>,
    /// The health of its calls.
    pub(super) health: Health,
}

enum Server {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    /// The Redis that is `stated` as the member of this `name`, whose answers may take `timeout`. Nothing is sent yet.
    ///
    /// # Errors
    /// When its URL is malformed, or the file of its authorities can't be used.
    pub(super) fn new(name: &'static str, stated: &plan::Redis, timeout: Duration) -> Result<Self, StoreError> {
        // The crate takes the provider of the process, and more than one may be compiled in.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let refused = |error: TlsError| StoreError::RedisAuthorities { name, error };
        let authorities = stated.authorities.as_deref().map(read_authorities).transpose().map_err(refused)?;
        let certificates = authorities.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) });
        // The URL may hold a password: it is not repeated.
        let server = server(stated, certificates, timeout).map_err(|_| StoreError::RedisUrl(name))?;
        let scripts = SCRIPTS.iter().map(|text| (*text, Script::new(text))).collect();
        let address = address(&stated.url).into();
        Ok(Self { server, address, connection: Mutex::default(), timeout, scripts, health: Health::default() })
    }

    /// Applies `op` to `cell` at `now`.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    pub async fn apply(&self, cell: &str, op: CounterOp, now: Timestamp) -> Result<CounterVerdict, StoreFailure> {
        let reply = self.record(async {
            let reply = self.run(cell, program(op, now)).await;
            match reply {
                // Redis, or something on the way, closes connections that are idle. What counts twice at most is asked again.
                Err(error) if is_closed(&error) && !matches!(op, CounterOp::Once { .. } | CounterOp::Settle { .. }) => {
                    self.run(cell, program(op, now)).await
                }
                reply => reply,
            }
        });
        let reply = reply.await?;
        verdict(op, now, &reply).ok_or(StoreFailure::Malformed)
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        let value: Option<Vec<u8>> = self.ask(Cmd::get(full(key))).await?;
        Ok(value.map(Bytes::from))
    }

    /// Stores `value` under `key`, for `ttl` if one is given.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    pub async fn put(&self, key: &str, value: &Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        let mut set = Cmd::set(full(key), &**value);
        if let Some(ttl) = ttl {
            set.arg("PX").arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
        }
        self.ask(set).await
    }

    /// Removes `key`.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    pub async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        self.ask(Cmd::del(full(key))).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: Cmd) -> Result<T, StoreFailure> {
        self.record(async {
            let mut connection = self.connection().await?;
            match command.query_async(&mut connection).await {
                Err(error) if is_closed(&error) => command.query_async(&mut connection).await,
                reply => reply,
            }
        })
        .await
    }

    async fn record<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, StoreFailure> {
        let begun = self.health.begin();
        let outcome = call.await;
        begun.end(&outcome.as_ref().map_err(|error| Told(&self.address, error)));
        if outcome.as_ref().is_err_and(is_refused_login) {
            *self.slot() = Arc::default();
        }
        outcome.map_err(|error| failure(&error))
    }

    async fn run(&self, cell: &str, program: Program) -> RedisResult<Vec<Option<i64>>> {
        let mut connection = self.connection().await?;
        let Some((_, script)) = self.scripts.iter().find(|(text, _)| *text == program.lua) else {
            return Ok(Vec::new());
        };
        let mut call = script.key(full(cell));
        for arg in program.args {
            call.arg(arg);
        }
        let reply: Vec<Value> = call.invoke_async(&mut connection).await?;
        reply.into_iter().map(number).collect()
    }

    async fn connection(&self) -> RedisResult<Connection> {
        let slot = Arc::clone(&self.slot());
        slot.get_or_try_init(|| self.connect()).await.cloned()
    }

    fn slot(&self) -> MutexGuard<'_, Arc<OnceCell<Connection>>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> RedisResult<Connection> {
        match &self.server {
            Server::One(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(CONNECT))
                    .set_response_timeout(Some(self.timeout))
                    .set_number_of_retries(1);
                ConnectionManager::new_with_config(Client::clone(client), config).await.map(Connection::One)
            }
            Server::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        }
    }
}

fn server(stated: &plan::Redis, certificates: Option<TlsCertificates>, timeout: Duration) -> RedisResult<Server> {
    if stated.is_cluster {
        let builder = ClusterClient::builder([&*stated.url])
            .connection_timeout(CONNECT)
            .response_timeout(timeout)
            .overall_response_timeout(Some(timeout))
            .retries(TRIES);
        let builder = certificates.into_iter().fold(builder, |builder, certificates| builder.certs(certificates));
        return Ok(Server::Cluster(Box::new(builder.build()?)));
    }
    let client = match certificates {
        Some(certificates) => Client::build_with_tls(&*stated.url, certificates)?,
        None => Client::open(&*stated.url)?,
    };
    Ok(Server::One(Box::new(client)))
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

fn full(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// Returns whether the connection turns out to be closed.
fn is_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_timeout()
}

/// Returns whether Redis says `code`. A script that fails says so in the text of an error of its own (Redis 6), or in its code (7).
fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.detail().is_some_and(|text| text.contains(&format!("-{code} ")))
}

/// Returns whether Redis has refused the credentials of the connection.
fn is_refused_login(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || says(error, "NOAUTH") || says(error, "WRONGPASS")
}

fn failure(error: &RedisError) -> StoreFailure {
    match () {
        () if error.is_timeout() => StoreFailure::Slow,
        () if says(error, "OOM") => StoreFailure::Full,
        () if is_refused_login(error) || says(error, "NOPERM") => StoreFailure::Refused,
        () => StoreFailure::Unreachable,
    }
}

/// A failure of the Redis at this address, for operators.
struct Told<'r>(&'r str, &'r RedisError);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(address, error) = self;
        match failure(error) {
            StoreFailure::Full => write!(f, "Redis at {address} has no room (OOM): see its `maxmemory`"),
            StoreFailure::Refused => write!(f, "Redis at {address} refuses the credentials: {error}"),
            _ => write!(f, "Redis at {address}: {error}"),
        }
    }
}

/// The host and port of `url`, without credentials.
fn address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, address)| address)
}

/// Reads a number of a reply, which may be text; an empty text is none.
fn number(value: Value) -> RedisResult<Option<i64>> {
    match value {
        Value::BulkString(text) if text.is_empty() => Ok(None),
        value => Ok(Some(from_redis_value(value)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    /// docs/configuration.md, Redis: messages name it without its credentials.
    #[test]
    fn an_address_has_no_credentials() {
        for (url, expected) in [
            ("redis://r.test", "r.test"),
            ("rediss://u:p@r.test:6380/3", "r.test:6380"),
            ("redis://:p@[::1]:6379?x", "[::1]:6379"),
            ("redis://u:p@@r.test#f", "r.test"),
        ] {
            assert_eq!(address(url), expected, "{url}");
        }
    }
}

//! `spin:redis`: calls to a real Redis server.

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError};
use wasmtime::component::{Accessor, HasSelf, Resource};

use crate::app::State;
use crate::bindings::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// An open connection.
#[expect(unreachable_pub, reason = "the generated code re-exports it")]
pub struct Connection(MultiplexedConnection);

impl Host for State {}
impl HostConnection for State {}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<State> {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        let allowed = accessor.with(|mut access| access.get().shared.outbound.allows(&address, 6379));
        if !allowed {
            return Ok(Err(Error::InvalidAddress));
        }
        let Ok(client) = ::redis::Client::open(address) else { return Ok(Err(Error::InvalidAddress)) };
        match client.get_multiplexed_async_connection_with_config(&patient()).await {
            Ok(connection) => Ok(Ok(accessor.with(|mut access| access.get().table.push(Connection(connection)))?)),
            Err(error) => Ok(Err(other(&error))),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Answer<()> {
        ask(accessor, &connection, &Cmd::publish(channel, payload)).await
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        ask(accessor, &connection, &Cmd::get(key)).await
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        ask(accessor, &connection, &Cmd::set(key, value)).await
    }

    async fn incr(accessor: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Answer<i64> {
        ask(accessor, &connection, &Cmd::incr(key, 1)).await
    }

    async fn del(accessor: &Accessor<T, Self>, connection: Resource<Connection>, keys: Vec<String>) -> Answer<u32> {
        ask(accessor, &connection, &Cmd::del(keys)).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        ask(accessor, &connection, &Cmd::sadd(key, values)).await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Vec<String>> {
        ask(accessor, &connection, &Cmd::smembers(key)).await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        ask(accessor, &connection, &Cmd::srem(key, values)).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let mut call: Cmd = ::redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => call.arg(number),
                RedisParameter::Binary(bytes) => call.arg(bytes),
            };
        }
        Ok(ask(accessor, &connection, &call).await?.and_then(flatten))
    }

    async fn drop(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().table.delete(connection).map(drop))?;
        Ok(())
    }
}

/// Gives `command` and reads the answer.
async fn ask<T: Send, V: FromRedisValue>(
    accessor: &Accessor<T, HasSelf<State>>,
    connection: &Resource<Connection>,
    command: &Cmd,
) -> Answer<V> {
    let mut connection = accessor.with(|mut access| access.get().table.get(connection).map(|open| open.0.clone()))?;
    Ok(command.query_async(&mut connection).await.map_err(|error| other(&error)))
}

/// How long to wait is for the component to say.
fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Nested arrays become one list, as in Spin.
fn flatten(value: ::redis::Value) -> Result<Vec<RedisResult>, Error> {
    use ::redis::Value;
    Ok(vec![match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(items) => {
            let lists: Vec<Vec<RedisResult>> = items.into_iter().map(flatten).collect::<Result<_, _>>()?;
            return Ok(lists.into_iter().flatten().collect());
        }
        other => {
            let text = String::from_redis_value(other).map_err(|_| Error::TypeError)?;
            RedisResult::Status(text)
        }
    }])
}

fn other(error: &RedisError) -> Error {
    Error::Other(error.to_string())
}

//! The cron trigger: it reads the plan's flags and logs their values, without a request.
//!
//! It runs in one instance somewhere, whose requests then need not read the flags. Other instances still read them.

use bytes::Bytes;
use gateway_core::ports::StoreFailure;
use serde::Serialize;
use serde_json::{Map, Value};
use worker::js_sys::Date;
use worker::{Env, KvStore, ScheduleContext, ScheduledEvent, console_error, event};

use crate::{console, exchange, exports};

const KEY_VALUE: &str = "KEY_VALUE";

/// A line of the log.
#[derive(Serialize)]
struct Line {
    cron: String,
    /// The values by key; `null` for an unreadable one.
    flags: Map<String, Value>,
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    let Some(gateway) = exports::gateway().filter(|gateway| !gateway.plan().flags.is_empty()) else { return };
    exchange::set_now(Date::now());
    let store = env.kv(KEY_VALUE);
    let values = gateway.refresh_flags(async |key| read(&store, key).await).await;
    let mut flags = Map::new();
    for (key, value) in values {
        flags.insert(key.as_str().to_owned(), value.into());
    }
    console::log(&serde_json::to_string(&Line { cron: event.cron(), flags }).unwrap_or_default());
}

async fn read(store: &worker::Result<KvStore>, key: &str) -> Result<Option<Bytes>, StoreFailure> {
    let entry = match store {
        Ok(store) => store.get(key).bytes().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    entry.map(|entry| entry.map(Bytes::from)).map_err(|error| {
        console_error!("`{key}` can't be read: {error}");
        StoreFailure::Unreachable
    })
}

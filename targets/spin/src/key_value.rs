//! Values in Spin's key-value store, which has no expiry: each value is stored behind its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::future::join;
use gateway_core::ports::{Clock, KeyValue, StoreFailure};
use gateway_core::store_key::KeyUse;
use gateway_core::time::Timestamp;
use spin_sdk::key_value;

use crate::counters::redis::Server;
use crate::platform::Spin;

/// The store called `default`, opened on first use.
#[derive(Default)]
pub(crate) struct Store(RefCell<Option<Rc<key_value::Store>>>);

impl Store {
    async fn open(&self) -> Result<Rc<key_value::Store>, StoreFailure> {
        if let Some(store) = self.0.borrow().as_ref() {
            return Ok(Rc::clone(store));
        }
        let store = Rc::new(key_value::Store::open_default().await.map_err(|error| failed(&error))?);
        self.0.replace(Some(Rc::clone(&store)));
        Ok(store)
    }
}

impl KeyValue for Spin {
    fn key_value_store(&self) -> &'static str {
        "Spin's key-value store"
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
        if let Some(shared) = self.shared_for(key) {
            return shared.get(key).await;
        }
        let store = self.values.open().await?;
        let Some(stored) = store.get(key).await.map_err(|error| failed(&error))? else { return Ok(None) };
        // An expired value is not deleted here: another request may have replaced it by then. The next write replaces
        // it.
        Ok(unwrap(stored.into(), self.now()))
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), StoreFailure> {
        if let Some(shared) = self.shared_for(key) {
            return shared.put(key, &value, ttl).await;
        }
        let expires = ttl.map(|ttl| self.now().saturating_add(ttl));
        let store = self.values.open().await?;
        let set = store.set(key, wrap(&value, expires));
        // Both at once: neither has to wait for the other.
        let noted = async {
            if let Some(expires) = expires {
                self.expiries.note(key, expires).await;
            }
        };
        join(set, noted).await.0.map_err(|error| failed(&error))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        if let Some(shared) = self.shared_for(key) {
            return shared.delete(key).await;
        }
        let store = self.values.open().await?;
        store.delete(key).await.map_err(|error| failed(&error))
    }
}

impl Spin {
    /// The Redis that holds the value under `key`: that of the stored responses, or that of the counters for an answer to a request with an
    /// idempotency key, which belongs beside its cell.
    fn shared_for(&self, key: &str) -> Option<&Server> {
        if key.starts_with(KeyUse::Answer.prefix()) {
            return self.cells.redis();
        }
        self.shared.as_deref().filter(|_| key.starts_with(KeyUse::Cache.prefix()))
    }
}

/// The expiry in milliseconds since the Unix epoch, big-endian, zero for none; then the value.
fn wrap(value: &[u8], expires: Option<Timestamp>) -> Vec<u8> {
    let expires = expires.map_or(0, Timestamp::unix_millis);
    [&expires.to_be_bytes(), value].concat()
}

/// Returns the value in `stored` unless it has expired. Until two million years after the epoch, an expiry begins with
/// a zero byte: a value without one was written by another program, and is returned as it is.
fn unwrap(mut stored: Bytes, now: Timestamp) -> Option<Bytes> {
    if stored.first().is_some_and(|first| *first != 0) {
        return Some(stored);
    }
    let expires = stored.try_get_u64().ok()?;
    (expires == 0 || now < Timestamp::from_unix_millis(expires)).then_some(stored)
}

fn failed(error: &key_value::Error) -> StoreFailure {
    eprintln!("edgeway: key-value store: {error}");
    StoreFailure::Unreachable
}

//! The key-value store.

use bytes::Bytes;
use gateway_core::ports::IoError;
use gateway_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The key-value store.
#[derive(Debug, Default)]
pub struct KeyValueStore {
    entries: Mutex<HashMap<String, (Bytes, Option<Timestamp>)>>,
}

impl KeyValueStore {
    /// The value under `key`, unless it has expired at `now`.
    pub async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, IoError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(key) {
            Some((_, Some(expires))) if *expires <= now => {
                entries.remove(key);
                Ok(None)
            }
            Some((value, _)) => Ok(Some(value.clone())),
            None => Ok(None),
        }
    }

    /// Stores `value` until `expires`.
    pub async fn put(&self, key: &str, value: Bytes, expires: Option<Timestamp>) -> Result<(), IoError> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), (value, expires));
        Ok(())
    }

    /// Removes `key`.
    pub async fn delete(&self, key: &str) -> Result<(), IoError> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(())
    }
}

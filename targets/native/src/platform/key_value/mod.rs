//! The key-value store, in memory or in a file.

mod file;
mod memory;

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::ports::StoreFailure;
use gateway_core::time::Timestamp;

use self::file::File;
use self::memory::Memory;
use crate::health::Health;
use crate::platform::StoreError;

/// The key-value store.
#[derive(Debug)]
pub enum KeyValueStore {
    /// In this process, and gone with it.
    Memory(Memory),
    /// In a file, whose writes have this health.
    File(Arc<File>, Health),
}

impl KeyValueStore {
    /// The store in the file at `path`, or one in memory.
    ///
    /// # Errors
    /// When the file can't be opened, or is already open.
    pub fn open(path: Option<&str>) -> Result<Self, StoreError> {
        let Some(path) = path else { return Ok(Self::Memory(Memory::default())) };
        match File::open(path) {
            Ok(file) => Ok(Self::File(Arc::new(file), Health::default())),
            Err(error) => Err(StoreError::KeyValueFile { path: path.to_owned(), reason: error.to_string() }),
        }
    }

    /// The name of the store.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::File(..) => "file",
        }
    }

    /// The health of the store, unless it can't fail.
    #[must_use]
    pub const fn health(&self) -> Option<&Health> {
        match self {
            Self::Memory(_) => None,
            Self::File(_, health) => Some(health),
        }
    }

    /// Returns the value under `key`, unless it has expired at `now`.
    ///
    /// # Errors
    /// [`StoreFailure::Unreachable`] when the file can't be read.
    pub async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, StoreFailure> {
        match self {
            Self::Memory(memory) => Ok(memory.get(key, now)),
            Self::File(file, health) => {
                // Frequently read pages are in memory: another thread would take longer than the read.
                if let Ok(value) = file.get(key, now) {
                    return Ok(value);
                }
                let (file, key) = (Arc::clone(file), key.to_owned());
                blocking(health, move || file.get_again(&key, now)).await
            }
        }
    }

    /// Stores `value` under `key` until `expires`.
    ///
    /// # Errors
    /// [`StoreFailure::Full`] when there is no room, [`StoreFailure::Unreachable`] when the file can't be written.
    pub async fn put(
        &self,
        key: &str,
        value: Bytes,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        match self {
            Self::Memory(memory) => {
                if memory.put(key, value, expires, now) {
                    Ok(())
                } else {
                    Err(StoreFailure::Full)
                }
            }
            Self::File(file, health) => {
                let (file, key) = (Arc::clone(file), key.to_owned());
                blocking(health, move || file.put(&key, &value, expires, now)).await
            }
        }
    }

    /// Removes `key`.
    ///
    /// # Errors
    /// [`StoreFailure::Unreachable`] when the file can't be written.
    pub async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        match self {
            Self::Memory(memory) => {
                memory.delete(key);
                Ok(())
            }
            Self::File(file, health) => {
                let (file, key) = (Arc::clone(file), key.to_owned());
                blocking(health, move || file.delete(&key)).await
            }
        }
    }
}

fn failed<E>(_: E) -> StoreFailure {
    StoreFailure::Unreachable
}

/// Runs a task that waits for the disk on a thread where no exchange waits.
async fn blocking<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
    health: &Health,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, StoreFailure> {
    let begun = health.begin();
    let outcome = tokio::task::spawn_blocking(work).await.map_err(failed)?;
    begun.end(&outcome);
    outcome.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    async fn holds_values_until_they_expire(store: &KeyValueStore) {
        store.put("a", "1".into(), None, at(0)).await.unwrap();
        store.put("b", "2".into(), Some(at(100)), at(0)).await.unwrap();
        assert_eq!(store.get("a", at(1)).await.unwrap(), Some("1".into()));
        assert_eq!(store.get("b", at(99)).await.unwrap(), Some("2".into()));
        assert_eq!(store.get("b", at(100)).await.unwrap(), None);
        assert_eq!(store.get("c", at(1)).await.unwrap(), None);
        store.put("a", "3".into(), Some(at(500)), at(1)).await.unwrap();
        store.put("b", Bytes::new(), None, at(200)).await.unwrap();
        assert_eq!(store.get("a", at(499)).await.unwrap(), Some("3".into()));
        assert_eq!(store.get("b", at(999)).await.unwrap(), Some(Bytes::new()));
        store.put("d", "4".into(), None, at(600)).await.unwrap();
        assert_eq!(store.get("a", at(0)).await.unwrap(), None, "it was swept away by the next write");
        store.delete("b").await.unwrap();
        store.delete("b").await.unwrap();
        assert_eq!(store.get("b", at(999)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn holds_values_in_memory() {
        holds_values_until_they_expire(&KeyValueStore::open(None).unwrap()).await;
    }

    #[tokio::test]
    async fn holds_values_in_a_file_beyond_a_restart() {
        let path = std::env::temp_dir().join(format!("edgeway-key-value-{}", std::process::id()));
        let name = path.to_str().unwrap();
        let store = KeyValueStore::open(Some(name)).unwrap();
        holds_values_until_they_expire(&store).await;
        store.put("kept", "5".into(), None, at(0)).await.unwrap();
        assert!(matches!(KeyValueStore::open(Some(name)), Err(StoreError::KeyValueFile { .. })), "it is open already");
        drop(store);
        let store = KeyValueStore::open(Some(name)).unwrap();
        assert_eq!(store.get("kept", at(0)).await.unwrap(), Some("5".into()));
        std::fs::remove_file(path).unwrap();
    }
}

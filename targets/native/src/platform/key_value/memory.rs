//! Values in memory.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use gateway_core::store_key::KeyUse;
use gateway_core::time::Timestamp;

/// The most bytes of keys and values, since memory has nowhere to spill to.
const MAX_BYTES: usize = 64 << 20;

/// The bytes beyond them that are reserved for operators' entries, such as flags: clients that fill the store can't stop anybody from
/// making one.
const OPERATORS_BYTES: usize = 4 << 20;

/// The approximate size of an entry beside its key and value.
const OVERHEAD: usize = 100;

/// Values in memory.
#[derive(Debug, Default)]
pub struct Memory(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<String, Entry>,
    bytes: usize,
    /// A lower bound of all expiries; `None` if nothing expires.
    next_expiry: Option<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    expires: Option<Timestamp>,
}

impl Memory {
    pub(super) fn get(&self, key: &str, now: Timestamp) -> Option<Bytes> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_key.get(key)?;
        entry.expires.is_none_or(|expires| expires > now).then(|| entry.value.clone())
    }

    /// Stores a value; false if there is no room, and the earlier value under `key` then stays.
    pub(super) fn put(&self, key: &str, value: Bytes, expires: Option<Timestamp>, now: Timestamp) -> bool {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.sweep(now);
        let bytes = size(key, &value);
        let replaced = entries.by_key.get(key).map_or(0, |entry| size(key, &entry.value));
        let most = if KeyUse::is_operators(key) { MAX_BYTES + OPERATORS_BYTES } else { MAX_BYTES };
        if entries.bytes - replaced + bytes > most {
            return false;
        }
        entries.bytes = entries.bytes - replaced + bytes;
        entries.next_expiry = match (entries.next_expiry, expires) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        entries.by_key.insert(key.to_owned(), Entry { value, expires });
        true
    }

    pub(super) fn delete(&self, key: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Entries {
    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.by_key.remove(key) {
            self.bytes -= size(key, &entry.value);
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.next_expiry.is_none_or(|next| next > now) {
            return;
        }
        let mut bytes = self.bytes;
        self.by_key.retain(|key, entry| {
            let keep = entry.expires.is_none_or(|expires| expires > now);
            if !keep {
                bytes -= size(key, &entry.value);
            }
            keep
        });
        self.bytes = bytes;
        self.next_expiry = self.by_key.values().filter_map(|entry| entry.expires).min();
    }
}

fn size(key: &str, value: &Bytes) -> usize {
    key.len() + value.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_there_is_no_room_for() {
        let memory = Memory::default();
        let value = Bytes::from(vec![0; MAX_BYTES / 2]);
        let now = Timestamp::from_unix_millis(0);
        assert!(memory.put("a", value.clone(), Some(Timestamp::from_unix_millis(10)), now));
        assert!(memory.put("a", value.clone(), Some(Timestamp::from_unix_millis(10)), now), "it takes its own place");
        assert!(!memory.put("b", value.clone(), None, now));
        let larger = Bytes::from(vec![0; MAX_BYTES]);
        assert!(!memory.put("a", larger, None, now));
        assert_eq!(memory.get("a", now), Some(value.clone()), "what is refused replaces nothing (RFC 9110 §9.3.4)");
        assert!(memory.put("b", value, None, Timestamp::from_unix_millis(10)));
    }

    /// docs/configuration.md, Maintenance: an operator can set a flag whatever clients have stored.
    #[test]
    fn keeps_room_for_flags() {
        let (memory, now) = (Memory::default(), Timestamp::from_unix_millis(0));
        let value = Bytes::from(vec![0; MAX_BYTES - OVERHEAD - "kv:a".len()]);
        assert!(memory.put("kv:a", value, None, now));
        assert!(!memory.put("kv:b", Bytes::new(), None, now));
        assert!(memory.put("flag:dark", Bytes::from_static(b"on"), None, now));
    }
}

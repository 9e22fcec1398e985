//! Values in memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

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

/// The ends of entries that may be listed beyond one for each entry, before those that are out of date are left out.
const SPARE_ENDS: usize = 64;

/// Values in memory.
#[derive(Debug, Default)]
pub struct Memory(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<Arc<str>, Entry>,
    bytes: usize,
    /// When entries end, the next one first: so that no put looks at all of them. One that was replaced or removed stays listed until its time comes, or
    /// until there are too many of these.
    ends: BinaryHeap<Reverse<(Timestamp, Arc<str>)>>,
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
        let key: Arc<str> = key.into();
        if let Some(expires) = expires {
            entries.ends.push(Reverse((expires, Arc::clone(&key))));
        }
        entries.by_key.insert(key, Entry { value, expires });
        entries.forget_ends();
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

    /// Removes what has expired.
    fn sweep(&mut self, now: Timestamp) {
        while self.ends.peek().is_some_and(|Reverse((end, _))| *end <= now) {
            let Some(Reverse((end, key))) = self.ends.pop() else { return };
            if self.by_key.get(&key).is_some_and(|entry| entry.expires == Some(end)) {
                self.remove(&key);
            }
        }
    }

    /// Leaves out the ends of entries that are no longer there, once they are as many as the entries: each put pays for one at the most.
    fn forget_ends(&mut self) {
        if self.ends.len() > 2 * self.by_key.len() + SPARE_ENDS {
            let end = |(key, entry): (&Arc<str>, &Entry)| Some(Reverse((entry.expires?, Arc::clone(key))));
            self.ends = self.by_key.iter().filter_map(end).collect();
        }
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

    /// However often entries are replaced and removed, no more is kept of them than of those that are there.
    #[test]
    fn what_has_expired_is_gone_and_no_more_is_listed_than_there_is() {
        let (memory, at) = (Memory::default(), Timestamp::from_unix_millis);
        for round in 0..1_000 {
            assert!(memory.put("kv:same", Bytes::from_static(b"a"), Some(at(10_000 + round)), at(round)));
            assert!(memory.put(&format!("kv:{round}"), Bytes::from_static(b"a"), Some(at(round + 10)), at(round)));
        }
        let entries = memory.0.read().unwrap();
        assert_eq!(entries.by_key.len(), 11);
        assert_eq!(entries.bytes, entries.by_key.iter().map(|(key, entry)| size(key, &entry.value)).sum::<usize>());
        assert!(entries.ends.len() <= 2 * 11 + SPARE_ENDS, "{}", entries.ends.len());
        drop(entries);
        // Its present end counts, not those that it had before.
        assert!(memory.put("kv:other", Bytes::new(), None, at(10_998)));
        assert_eq!(memory.get("kv:same", at(10_998)), Some(Bytes::from_static(b"a")));
        memory.delete("kv:same");
        assert!(memory.put("kv:same", Bytes::from_static(b"b"), None, at(10_998)));
        assert!(memory.put("kv:other", Bytes::new(), None, at(20_000)));
        assert_eq!(memory.get("kv:same", at(20_000)), Some(Bytes::from_static(b"b")));
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

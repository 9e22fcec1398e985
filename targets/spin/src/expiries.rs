//! The times at which the values of the cache expire, and kept answers, in the SQLite database called `default`.
//!
//! The key-value store has no expiry, and lists its keys only all together, however many they are. So each value of the cache is noted here
//! as it is written, and what has expired is found without a look at anything else.

use std::rc::Rc;

use gateway_core::store_key::KeyUse;
use gateway_core::time::Timestamp;
use spin_sdk::sqlite::Value;

use crate::counters::sqlite::Database;

const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS cached (name TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS cached_expires ON cached (expires)",
];

const NOTE: &str = "\
INSERT INTO cached (name, expires) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET expires = excluded.expires";

/// Removes at most 200: more than the values that are written between two sweeps, on the average.
const SWEEP: &str = "\
DELETE FROM cached WHERE name IN (SELECT name FROM cached WHERE expires < ?1 ORDER BY expires LIMIT 200)
    RETURNING name";

/// The times at which the values of the cache expire; nothing where no route has a cache.
#[derive(Clone)]
pub(crate) struct Expiries(Option<Rc<Database>>);

/// Returns whether so many values like that under `key` are written that they have to be removed.
fn is_noted(key: &str) -> bool {
    [KeyUse::Cache, KeyUse::Answer].iter().any(|one| key.starts_with(one.prefix()))
}

impl Expiries {
    pub(crate) fn new(notes: bool) -> Self {
        Self(notes.then(Rc::default))
    }

    /// Notes that the value under `key` expires then, if it is one of the cache or a kept answer.
    pub(crate) async fn note(&self, key: &str, expires: Timestamp) {
        let Some(database) = self.0.as_ref().filter(|_| is_noted(key)) else { return };
        let parameters = || [Value::Text(key.to_owned()), Value::Integer(millis(expires))];
        if let Err(reason) = database.execute(&SCHEMA, NOTE, parameters).await {
            eprintln!("edgeway: a stored response is not noted, and never removed: {reason}");
        }
    }

    /// Returns the keys of some values that have expired by `now`, which are noted no longer.
    pub(crate) async fn take_expired(&self, now: Timestamp) -> Vec<String> {
        let Some(database) = &self.0 else { return Vec::new() };
        let rows = database.execute(&SCHEMA, SWEEP, || [Value::Integer(millis(now))]).await;
        let rows = rows.unwrap_or_else(|reason| {
            eprintln!("edgeway: stored responses: {reason}");
            Vec::new()
        });
        let names = rows.into_iter().flat_map(|row| row.values).filter_map(|value| match value {
            Value::Text(name) => Some(name),
            _ => None,
        });
        names.collect()
    }
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.unix_millis()).unwrap_or(i64::MAX)
}

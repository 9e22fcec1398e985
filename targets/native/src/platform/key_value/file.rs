//! Values in a file.

use bytes::Bytes;
use gateway_core::time::Timestamp;
use redb::{Database, Error, ReadableDatabase, ReadableTable, TableDefinition};

use crate::platform::database::Reopened;

/// The expiry of each value, in Unix milliseconds (0: never), and the value.
const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values");

/// The keys of expiring values, by expiry.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");

/// The most expired values that a write removes.
const SWEEP: usize = 16;

/// Values in a file.
#[derive(Debug)]
pub struct File(Reopened);

impl File {
    pub(super) fn open(path: &str) -> Result<Self, Error> {
        let database = Reopened::open(path, None)?;
        // A table exists only after the first write to it; reading it before would be an error.
        database.write(|database| {
            let write = database.begin_write()?;
            write.open_table(VALUES)?;
            write.open_table(EXPIRIES)?;
            Ok(write.commit()?)
        })?;
        Ok(Self(database))
    }

    /// Returns the value under `key`, unless it has expired at `now`. Waits for nobody.
    pub(super) fn get(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
        self.0.try_call(|database| get(database, key, now))
    }

    /// The same, once the file has been opened again where that helps.
    pub(super) fn get_again(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
        self.0.read(|database| get(database, key, now))
    }

    pub(super) fn put(&self, key: &str, value: &[u8], expires: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        self.0.write(|database| put(database, key, value, expires, now))
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.write(|database| delete(database, key))
    }
}

fn get(database: &Database, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
    let table = database.begin_read()?.open_table(VALUES)?;
    let Some(entry) = table.get(key)? else { return Ok(None) };
    let (expires, value) = entry.value();
    Ok((expires == 0 || expires > now.unix_millis()).then(|| Bytes::copy_from_slice(value)))
}

fn put(database: &Database, key: &str, value: &[u8], expires: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    let write = database.begin_write()?;
    {
        let (mut values, mut expiries) = (write.open_table(VALUES)?, write.open_table(EXPIRIES)?);
        let expires = expires.map_or(0, Timestamp::unix_millis);
        let old = values.insert(key, (expires, value))?.map(|old| old.value().0);
        if let Some(old) = old.filter(|old| *old != 0) {
            expiries.remove((old, key))?;
        }
        if expires != 0 {
            expiries.insert((expires, key), ())?;
        }
        let expired: Vec<(u64, String)> = expiries
            .range((0, "")..(now.unix_millis() + 1, ""))?
            .take(SWEEP)
            .map(|entry| entry.map(|(at, _)| (at.value().0, at.value().1.to_owned())))
            .collect::<Result<_, _>>()?;
        for (at, key) in expired {
            expiries.remove((at, key.as_str()))?;
            values.remove(key.as_str())?;
        }
    }
    write.commit()?;
    Ok(())
}

fn delete(database: &Database, key: &str) -> Result<(), Error> {
    let write = database.begin_write()?;
    {
        let (mut values, mut expiries) = (write.open_table(VALUES)?, write.open_table(EXPIRIES)?);
        let old = values.remove(key)?.map(|old| old.value().0);
        if let Some(old) = old.filter(|old| *old != 0) {
            expiries.remove((old, key))?;
        }
    }
    write.commit()?;
    Ok(())
}

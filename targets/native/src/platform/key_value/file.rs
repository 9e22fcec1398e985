//! Values in a file.

use bytes::Bytes;
use gateway_core::time::Timestamp;
use redb::{Database, Error, ReadableDatabase, ReadableTable, TableDefinition};

/// The expiry of each value, in Unix milliseconds (0: never), and the value.
const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values");

/// The keys of expiring values, by expiry.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");

/// The most expired values that a write removes.
const SWEEP: usize = 16;

/// Values in a file.
#[derive(Debug)]
pub struct File(Database);

impl File {
    pub(super) fn open(path: &str) -> Result<Self, Error> {
        let database = Database::create(path)?;
        // A table exists only after the first write to it; reading it before would be an error.
        let write = database.begin_write()?;
        write.open_table(VALUES)?;
        write.open_table(EXPIRIES)?;
        write.commit()?;
        Ok(Self(database))
    }

    pub(super) fn get(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
        let table = self.0.begin_read()?.open_table(VALUES)?;
        let Some(entry) = table.get(key)? else { return Ok(None) };
        let (expires, value) = entry.value();
        Ok((expires == 0 || expires > now.unix_millis()).then(|| Bytes::copy_from_slice(value)))
    }

    pub(super) fn put(&self, key: &str, value: &[u8], expires: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        let write = self.0.begin_write()?;
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

    pub(super) fn delete(&self, key: &str) -> Result<(), Error> {
        let write = self.0.begin_write()?;
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
}

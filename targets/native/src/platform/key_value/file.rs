//! Values in a file.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_core::time::Timestamp;
use redb::{Database, Error, ReadableDatabase, ReadableTable, TableDefinition};

/// The expiry of each value, in Unix milliseconds (0: never), and the value.
const VALUES: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("values");

/// The keys of expiring values, by expiry.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");

/// The most expired values that a write removes.
const SWEEP: usize = 16;

/// The pause after an error of the disk: until then nothing is written, and the file is not opened once more.
const PAUSE: Duration = Duration::from_secs(1);

/// Values in a file. After an error of the disk redb refuses every further call, so the file is then opened again.
#[derive(Debug)]
pub struct File {
    path: String,
    open: RwLock<Open>,
}

#[derive(Debug)]
struct Open {
    /// None where the file could not be opened again.
    database: Option<Database>,
    /// The time of the last error of the disk.
    failed: Option<Instant>,
}

impl File {
    pub(super) fn open(path: &str) -> Result<Self, Error> {
        let database = Some(open(path)?);
        Ok(Self { path: path.to_owned(), open: RwLock::new(Open { database, failed: None }) })
    }

    /// Returns the value under `key`, unless it has expired at `now`. Waits for nobody.
    pub(super) fn get(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
        // Another thread opens the file again, which can take long.
        let open = self.open.try_read().map_err(|_| Error::DatabaseClosed)?;
        get(open.database.as_ref().ok_or(Error::DatabaseClosed)?, key, now)
    }

    /// The same, once the file has been opened again where that helps.
    pub(super) fn get_again(&self, key: &str, now: Timestamp) -> Result<Option<Bytes>, Error> {
        self.call(|database| get(database, key, now))
            .or_else(|error| if is_broken(&error) { self.call(|database| get(database, key, now)) } else { Err(error) })
    }

    pub(super) fn put(&self, key: &str, value: &[u8], expires: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        self.write(|database| put(database, key, value, expires, now))
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), Error> {
        self.write(|database| delete(database, key))
    }

    /// Writes, unless a write has just failed: the file must stay open for those who read it.
    fn write(&self, run: impl Fn(&Database) -> Result<(), Error>) -> Result<(), Error> {
        if self.open.read().unwrap_or_else(PoisonError::into_inner).pauses() {
            return Err(Error::PreviousIo);
        }
        self.call(run)
    }

    /// Calls the database, and opens it again after an error of the disk.
    fn call<T>(&self, run: impl Fn(&Database) -> Result<T, Error>) -> Result<T, Error> {
        let outcome = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.database.as_ref().map_or(Err(Error::DatabaseClosed), run)
        };
        if outcome.as_ref().is_err_and(is_broken) {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            if !open.pauses() {
                open.failed = Some(Instant::now());
                // Closed first: a file can be open only once.
                open.database = None;
                open.database = Database::open(&self.path).ok();
            }
        }
        outcome
    }
}

impl Open {
    fn pauses(&self) -> bool {
        self.failed.is_some_and(|failed| failed.elapsed() < PAUSE)
    }
}

/// Returns whether the database refuses every call after `error`.
fn is_broken(error: &Error) -> bool {
    matches!(error, Error::Io(_) | Error::PreviousIo | Error::DatabaseClosed | Error::LockPoisoned(_))
}

fn open(path: &str) -> Result<Database, Error> {
    let database = Database::create(path)?;
    // A table exists only after the first write to it; reading it before would be an error.
    let write = database.begin_write()?;
    write.open_table(VALUES)?;
    write.open_table(EXPIRIES)?;
    write.commit()?;
    Ok(database)
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

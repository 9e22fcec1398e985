//! A database in a file that is opened again after an error of the disk: redb refuses every further call after one.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, Error};

/// The pause after an error of the disk: until then nothing is written, and the file is not opened once more.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// A database, and the way to open it.
#[derive(Debug)]
pub(super) struct Reopened {
    path: String,
    /// The memory for its pages, in bytes; none for as much as redb takes.
    memory: Option<usize>,
    open: RwLock<Open>,
}

#[derive(Debug)]
struct Open {
    /// None where the file could not be opened again.
    database: Option<Database>,
    /// The time of the last error of the disk.
    failed: Option<Instant>,
}

impl Reopened {
    /// Opens the file at `path`, or makes it.
    pub(super) fn open(path: &str, memory: Option<usize>) -> Result<Self, DatabaseError> {
        let database = Some(builder(memory).create(path)?);
        Ok(Self { path: path.to_owned(), memory, open: RwLock::new(Open { database, failed: None }) })
    }

    /// Calls the database, and waits for nobody.
    pub(super) fn try_call<T>(&self, run: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, Error> {
        // Another thread opens the file again, which can take long.
        let open = self.open.try_read().map_err(|_| Error::DatabaseClosed)?;
        run(open.database.as_ref().ok_or(Error::DatabaseClosed)?)
    }

    /// Reads, once the file has been opened again where that helps.
    pub(super) fn read<T>(&self, run: impl Fn(&Database) -> Result<T, Error>) -> Result<T, Error> {
        self.call(&run).or_else(|error| if is_broken(&error) { self.call(&run) } else { Err(error) })
    }

    /// Writes, unless a write has just failed: the file must stay open for those who read it.
    pub(super) fn write<T>(&self, run: impl Fn(&Database) -> Result<T, Error>) -> Result<T, Error> {
        if self.open.read().unwrap_or_else(PoisonError::into_inner).pauses() {
            return Err(Error::PreviousIo);
        }
        self.call(&run)
    }

    /// Calls the database, and opens it again after an error of the disk.
    fn call<T>(&self, run: &impl Fn(&Database) -> Result<T, Error>) -> Result<T, Error> {
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
                open.database = builder(self.memory).open(&self.path).ok();
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

fn builder(memory: Option<usize>) -> redb::Builder {
    let mut builder = Database::builder();
    if let Some(memory) = memory {
        builder.set_cache_size(memory);
    }
    builder
}

/// Returns whether the database refuses every call after `error`.
fn is_broken(error: &Error) -> bool {
    matches!(error, Error::Io(_) | Error::PreviousIo | Error::DatabaseClosed | Error::LockPoisoned(_))
}

//! The purges of stored responses, where they live in the key-value store: one value, which each instance reads again when it grows old.

use core::time::Duration;

use super::super::alone::{STORE_TIMEOUT, alone};
use super::super::exchange::Exchange;
use super::super::within::{timely, within};
use crate::cache::purges::{PurgeBook, Purged, Purges, Reach};
use crate::plan::Plan;
use crate::policy::purge_reads::{PurgeReads, READ_TIMEOUT};
use crate::policy::remembered::{Look, Reading, Turn};
use crate::ports::{Platform, StoreFailure};
use crate::record::Owed;
use crate::response_store::PURGES_CELL;
use crate::state::State;
use crate::store_key::{KeyUse, StoreKey};
use crate::time::Timestamp;

/// The name of the value among those of the cache.
const NAME: &str = "purges";

fn key() -> Option<StoreKey> {
    StoreKey::written(KeyUse::Cache, |key| {
        key.push_str(NAME);
        true
    })
}

/// Sees to it that the purges of all instances are known here, as they were 10 s ago or later. Takes at most [`READ_TIMEOUT`].
///
/// # Errors
/// They are not known: nothing that is stored may be used.
pub(super) async fn current<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P) -> Result<(), StoreFailure> {
    if !platform.purges_in_store() {
        return Ok(());
    }
    let (reads, begun) = (exchange.state.purge_reads(), platform.monotonic());
    match reads.look(begun) {
        Look::Known(value) => return known(value.is_some()),
        Look::Stale(value) => {
            exchange.record.owed.push(Owed::RefreshPurges);
            return known(value.is_some());
        }
        Look::Unread => {}
    }
    // Boxed: most requests find what was read before.
    Box::pin(read(exchange, platform, begun)).await
}

fn known(is_known: bool) -> Result<(), StoreFailure> {
    if is_known { Ok(()) } else { Err(StoreFailure::Unreachable) }
}

/// Reads the purges, or waits for another request that does, which began to wait at `begun`.
async fn read<P: Platform>(exchange: &Exchange<'_, '_>, platform: &P, begun: Duration) -> Result<(), StoreFailure> {
    let reads = exchange.state.purge_reads();
    loop {
        let now = platform.monotonic();
        let left = READ_TIMEOUT.saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return Err(StoreFailure::Slow);
        }
        match reads.turn(now) {
            Turn::Over(value) => return known(value.is_some()),
            Turn::Read(reading) => {
                let book = platform.purges(exchange.state);
                return Reader { platform, book, reads, reading }.read(left).await;
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(NAME, until_lost.min(left));
                // If the read has ended since `turn` looked, its notice may have come before the wait.
                if reads.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// Reads them again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(state: &State, platform: &P) {
    let (book, reads) = (platform.purges(state), state.purge_reads());
    let Some(reading) = reads.begin(platform.monotonic()) else { return };
    // A failure is that of the request that finds them too old.
    let _ = Reader { platform, book, reads, reading }.read(READ_TIMEOUT).await;
}

/// The request that reads while others wait. However it ends, they go on.
struct Reader<'r, P: Platform> {
    platform: &'r P,
    book: &'r PurgeBook,
    reads: &'r PurgeReads,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    async fn read(self, limit: Duration) -> Result<(), StoreFailure> {
        let Self { platform, book, reads, reading } = self;
        // What was written before now is read, so it is known as of now.
        let begun = platform.monotonic();
        let read = stored(platform, limit).await;
        if let Ok(purges) = &read {
            // Those that were asked for here meanwhile stay.
            book.merge(purges);
        }
        let is_known = reads.learn(read.is_ok(), begun, reading);
        read.map(drop).or(if is_known { Ok(()) } else { Err(StoreFailure::Unreachable) })
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.reads.leave(self.reading);
        self.platform.notify(NAME);
    }
}

/// The purges that are in the store.
async fn stored<P: Platform>(platform: &P, limit: Duration) -> Result<Purges, StoreFailure> {
    let Some(key) = key() else { return Ok(Purges::default()) };
    let value = timely(within(platform, limit, platform.get(key.as_str())).await)?;
    Ok(value.map_or_else(Purges::default, |value| {
        Purges::from_bytes(&value).unwrap_or_else(|| {
            // Another version has written it, and nobody knows what it purges.
            let mut all = Purges::default();
            all.add(Purged::All, platform.now(), Reach::Hard);
            all
        })
    }))
}

/// Adds a purge of what is stored by `at` to those in the store.
///
/// Of two purges at once none is lost.
///
/// # Errors
/// A [`StoreFailure`], of the counters or of the values: then nothing is purged.
pub(super) async fn add<P: Platform>(
    plan: &Plan,
    platform: &P,
    book: &PurgeBook,
    (purged, at, reach): (&[Purged<'_>], Timestamp, Reach),
) -> Result<(), StoreFailure> {
    alone(plan, platform, PURGES_CELL, write(platform, book, (purged, at, reach))).await
}

async fn write<P: Platform>(
    platform: &P,
    book: &PurgeBook,
    (purged, at, reach): (&[Purged<'_>], Timestamp, Reach),
) -> Result<(), StoreFailure> {
    let mut purges = stored(platform, STORE_TIMEOUT).await?;
    // A store that shows what was written late may not have them yet.
    purges.merge(&book.all());
    for purged in purged {
        purges.add(*purged, at, reach);
    }
    let Some(key) = key() else { return Ok(()) };
    let put = platform.put(key.as_str(), purges.to_bytes().into(), Some(Purges::KEPT_FOR));
    timely(within(platform, STORE_TIMEOUT, put).await)
}

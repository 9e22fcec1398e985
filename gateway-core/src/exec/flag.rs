//! Reads of flags. Without a usable value, one request reads, and the others meet until it has.

use core::time::Duration;

use bytes::Bytes;

use super::exchange::Exchange;
use super::within::{timely, within};
use crate::plan::Plan;
use crate::policy::flag::{FlagCell, LOST_AFTER, READ_TIMEOUT, Reading, Turn, is_set};
use crate::ports::{Platform, StoreFailure};
use crate::record::Record;
use crate::state::State;
use crate::store_key::StoreKey;

/// Reads a flag without a usable value, or waits until another request has read it, and returns the value to use. Takes
/// at most [`READ_TIMEOUT`] in either case.
pub(super) async fn read_first<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    flag: usize,
) -> Option<bool> {
    let (key, cell) = (exchange.plan.flags.get(flag)?, exchange.state.flag(flag)?);
    let begun = platform.monotonic();
    loop {
        let now = platform.monotonic();
        let left = READ_TIMEOUT.saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return cell.last();
        }
        match cell.turn(now) {
            Turn::Over(value) => return value,
            Turn::Read(reading) => {
                return Reader { platform, key, cell, reading }.read(left, exchange.record).await;
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(key.as_str(), until_lost.min(left));
                // If the read has ended since `turn` looked, its notice may have come before the wait.
                if cell.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// The request that reads while others wait. However it ends, one of them goes on.
struct Reader<'r, P: Platform> {
    platform: &'r P,
    key: &'r StoreKey,
    cell: &'r FlagCell,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    async fn read(self, limit: Duration, record: &mut Record) -> Option<bool> {
        let answer = within(self.platform, limit, self.platform.get(self.key.as_str())).await;
        let is_answered = answer.is_some();
        let entry =
            timely(answer).map_err(|failure| record.store_failed(self.platform.key_value_store(), failure)).ok();
        match entry {
            Some(entry) => learn(self.platform, self.key, self.cell, Some(entry)),
            None if is_answered || limit >= LOST_AFTER => learn(self.platform, self.key, self.cell, None),
            // So short a time, which others had left, says nothing of the store.
            None => self.cell.last(),
        }
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        if self.cell.leave(self.reading) {
            self.platform.notify(self.key.as_str());
        }
    }
}

/// Reads a flag again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(plan: &Plan, state: &State, platform: &P, flag: usize) {
    let (Some(key), Some(cell)) = (plan.flags.get(flag), state.flag(flag)) else { return };
    let entry = within(platform, READ_TIMEOUT, platform.get(key.as_str())).await.and_then(Result::ok);
    learn(platform, key, cell, entry);
}

/// Has `read` read every flag again, and returns under which key each is, and its value if it could be read.
pub(crate) async fn refresh_all<'p, P: Platform>(
    plan: &'p Plan,
    state: &State,
    platform: &P,
    read: impl AsyncFn(&str) -> Result<Option<Bytes>, StoreFailure>,
) -> Vec<(&'p StoreKey, Option<bool>)> {
    let mut values = Vec::with_capacity(plan.flags.len());
    for (index, key) in plan.flags.iter().enumerate() {
        let entry = read(key.as_str()).await.ok();
        values.push((key, entry.as_ref().map(is_entry_set)));
        if let Some(cell) = state.flag(index) {
            learn(platform, key, cell, entry);
        }
    }
    values
}

/// Records the entry of a flag, or that it could not be read, notifies the waiting requests, and returns the value to
/// use.
fn learn<P: Platform>(platform: &P, key: &StoreKey, cell: &FlagCell, entry: Option<Option<Bytes>>) -> Option<bool> {
    let value = cell.learn(entry.as_ref().map(is_entry_set), platform.monotonic());
    platform.notify(key.as_str());
    value
}

fn is_entry_set(entry: &Option<Bytes>) -> bool {
    entry.as_deref().is_some_and(is_set)
}

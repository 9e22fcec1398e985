//! The list of revoked tokens: what is remembered of it, and its reads, by one request for all that wait.

use std::sync::Arc;

use super::exchange::Exchange;
use super::within::{timely, within};
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::policy::remembered::{Look, Reading, Turn};
use crate::policy::revocation::{Entries, READ_TIMEOUT, Watch};
use crate::ports::{Platform, StoreFailure};
use crate::record::{Owed, Record};
use crate::store_key::StoreKey;

/// Refuses a token of the issuer with this index, verified before, if it has been revoked since. `None` if that can't be said
/// without a wait. `watch` are the token's own entries, if they were asked for.
pub(super) fn recall<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: usize,
    claims: &ClaimSet,
    watch: Option<&Arc<Watch>>,
) -> Option<Result<(), Refusal>> {
    let Some(list) = exchange.state.revocations(issuer) else { return Some(Ok(())) };
    let entries = match known(exchange, platform, list)? {
        Ok(entries) => entries,
        Err(refusal) => return Some(Err(refusal)),
    };
    if entries.revoke_since(claims.issued_at) {
        return Some(Err(Refusal::Revoked));
    }
    if !entries.is_marked() {
        return Some(Ok(()));
    }
    let revoked = match known(exchange, platform, watch?)? {
        Ok(entries) => entries.revoke_token(claims.issued_at),
        Err(refusal) => return Some(Err(refusal)),
    };
    Some(if revoked { Err(Refusal::Revoked) } else { Ok(()) })
}

/// Refuses a token of the issuer with this index if it has been revoked. Returns the token's own entries besides, if they were
/// asked for: those that are `known`, if there are any, so that what they said last holds while the store is away.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: usize,
    claims: &ClaimSet,
    known: Option<Arc<Watch>>,
) -> (Option<Arc<Watch>>, Result<(), Refusal>) {
    let (state, plan) = (exchange.state, exchange.plan);
    let Some(list) = state.revocations(issuer) else { return (None, Ok(())) };
    let entries = match current(exchange, platform, list).await {
        Ok(entries) => entries,
        Err(refusal) => return (known, Err(refusal)),
    };
    if entries.revoke_since(claims.issued_at) {
        return (known, Err(Refusal::Revoked));
    }
    if !entries.is_marked() {
        return (known, Ok(()));
    }
    let new = || {
        let name = plan.issuers.get(issuer)?.revocations()?;
        Watch::of_token(&name, claims, list.within()).map(Arc::new)
    };
    let Some(watch) = known.or_else(new) else { return (None, Ok(())) };
    let result = match current(exchange, platform, &watch).await {
        Ok(entries) if entries.revoke_token(claims.issued_at) => Err(Refusal::Revoked),
        Ok(_) => Ok(()),
        Err(refusal) => Err(refusal),
    };
    (Some(watch), result)
}

/// What is known of the entries of `watch`; `None` if they have to be read.
fn known<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    watch: &Arc<Watch>,
) -> Option<Result<Entries, Refusal>> {
    let entries = match watch.look(platform.monotonic()) {
        Look::Known(entries) => entries,
        Look::Stale(entries) => {
            exchange.record.owed.push(Owed::RefreshRevocations(Arc::clone(watch)));
            entries
        }
        Look::Unread => return None,
    };
    Some(entries.ok_or(Refusal::RevocationsUnavailable))
}

/// The entries of `watch`, read if they have to be. Takes at most [`READ_TIMEOUT`].
async fn current<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    watch: &Arc<Watch>,
) -> Result<Entries, Refusal> {
    if let Some(known) = known(exchange, platform, watch) {
        return known;
    }
    let begun = platform.monotonic();
    loop {
        let now = platform.monotonic();
        let left = READ_TIMEOUT.saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return watch.last(now).ok_or(Refusal::RevocationsUnavailable);
        }
        match watch.turn(now) {
            Turn::Over(entries) => return entries.ok_or(Refusal::RevocationsUnavailable),
            Turn::Read(reading) => {
                let reader = Reader { platform, watch, reading };
                return reader.read(Some(exchange.record)).await.ok_or(Refusal::RevocationsUnavailable);
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(meeting(watch), until_lost.min(left));
                // If the read has ended since `turn` looked, its notice may have come before the wait.
                if watch.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// The request that reads while others wait. However it ends, they go on.
struct Reader<'r, P: Platform> {
    platform: &'r P,
    watch: &'r Watch,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    async fn read(self, record: Option<&mut Record>) -> Option<Entries> {
        let Self { platform, watch, reading } = self;
        let entries = match timely(within(platform, READ_TIMEOUT, self.ask()).await) {
            Ok(entries) => entries,
            Err(failure) => {
                if let Some(record) = record {
                    record.store_failed(platform.key_value_store(), failure);
                }
                None
            }
        };
        watch.learn(entries, platform.monotonic(), reading)
    }

    /// The entries as the store has them; `None` if it has what is no entry.
    async fn ask(&self) -> Result<Option<Entries>, StoreFailure> {
        let Self { platform, watch, .. } = self;
        let first = match watch.first() {
            Some(key) => platform.get(key.as_str()).await?.is_some(),
            None => false,
        };
        let second = match watch.second(first) {
            Some(key) => platform.get(key.as_str()).await?,
            None => None,
        };
        Ok(Entries::read(first, second.as_deref()))
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.watch.leave(self.reading);
        self.platform.notify(meeting(self.watch));
    }
}

/// The key under which requests meet.
fn meeting(watch: &Watch) -> &str {
    watch.first().or(watch.second(false)).map(StoreKey::as_str).unwrap_or_default()
}

/// Reads the entries of `watch` again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(platform: &P, watch: &Watch) {
    let Some(reading) = watch.begin(platform.monotonic()) else { return };
    let _ = Reader { platform, watch, reading }.read(None).await;
}

//! What credentials are decided by, entries of the key-value store and answers of issuers: what is remembered of it, and the reads, by one
//! request for all that wait.

use std::net::IpAddr;
use std::sync::Arc;

use super::exchange::Exchange;
use super::introspect;
use super::within::{timely, within};
use crate::caller::refusal::Refusal;
use crate::policy::jwt::Issuer;
use crate::policy::remembered::{Look, Reading, Turn};
use crate::policy::tokens::Tokens;
use crate::policy::tries::ASKED;
use crate::policy::watch::{Known, Watch};
use crate::ports::{Platform, StoreFailure};
use crate::record::{Owed, Record};

/// What is known of the entries of `watch`; `None` if they have to be read.
pub(super) fn known<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    watch: &Arc<Watch>,
) -> Option<Result<Known, Refusal>> {
    let entries = match watch.look(platform.monotonic()) {
        Look::Known(entries) => entries,
        Look::Stale(entries) => {
            exchange.record.owed.push(Owed::RefreshEntries(Arc::clone(watch)));
            entries
        }
        Look::Unread => return None,
    };
    Some(entries.ok_or(watch.refusal()))
}

/// Who is asked.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    /// The key-value store.
    Store,
    /// The issuer of this token, which the `client` has stated.
    Issuer { issuer: &'a Issuer, tokens: &'a Tokens, token: &'a str, client: Option<IpAddr> },
}

/// The entries of `watch`, read if they have to be. Takes at most its [timeout](Watch::timeout).
pub(super) async fn current<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    watch: &Arc<Watch>,
    asked: Asked<'_>,
) -> Result<Known, Refusal> {
    if let Some(known) = known(exchange, platform, watch) {
        return known;
    }
    let begun = platform.monotonic();
    loop {
        let now = platform.monotonic();
        let left = watch.timeout().saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return watch.last(now).ok_or(watch.refusal());
        }
        match watch.turn(now) {
            Turn::Over(entries) => return entries.ok_or(watch.refusal()),
            Turn::Read(reading) => {
                let reader = Reader { platform, watch, reading };
                let Asked::Issuer { issuer, tokens, token, client } = asked else {
                    let read = reader.read(Some(exchange.record)).await;
                    // A read that counts no more, since the entries have changed meanwhile, is made again.
                    if read.is_some() || watch.look(platform.monotonic()) != Look::Unread {
                        return read.ok_or(watch.refusal());
                    }
                    continue;
                };
                if !tokens.asked.tries.begin(client, platform.now(), ASKED) {
                    return Err(Refusal::TooMany);
                }
                let asked = introspect::ask(exchange, platform, issuer, token, watch);
                let known = within(platform, watch.timeout(), asked).await.flatten();
                // Only a token that is not active speaks against its client.
                if !matches!(known, Some(Known::Answer(None))) {
                    tokens.asked.tries.give_back(client, ASKED);
                }
                watch.learn(known.clone(), platform.monotonic(), reading);
                // By the answer itself: it may be too short-lived to be remembered.
                return known.ok_or(watch.refusal());
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(watch.meeting(), until_lost.min(left));
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
    async fn read(self, record: Option<&mut Record>) -> Option<Known> {
        let Self { platform, watch, reading } = self;
        let entries = match timely(within(platform, watch.timeout(), self.ask()).await) {
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
    async fn ask(&self) -> Result<Option<Known>, StoreFailure> {
        let Self { platform, watch, .. } = self;
        let first = match watch.first() {
            Some(key) => platform.get(key.as_str()).await?,
            None => None,
        };
        let second = match watch.second(first.is_some()) {
            Some(key) => platform.get(key.as_str()).await?,
            None => None,
        };
        Ok(watch.read(first.as_ref(), second.as_ref()))
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.watch.leave(self.reading);
        self.platform.notify(self.watch.meeting());
    }
}

/// Reads the entries of `watch` again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(platform: &P, watch: &Watch) {
    let Some(reading) = watch.begin(platform.monotonic()) else { return };
    let _ = Reader { platform, watch, reading }.read(None).await;
}

//! The keys that issuers publish. Without usable ones, one request reads them, and the others meet until it has.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::call_out::{self, Question};
use super::exchange::Exchange;
use super::within::within;
use crate::caller::refusal::Refusal;
use crate::http::freshness;
use crate::jose::algorithm::Algorithm;
use crate::jose::published::{self, Document, read_document, read_set};
use crate::jose::set::KeySet;
use crate::plan::Plan;
use crate::policy::key_cell::{KEEP, KeyCell, Published, READ_TIMEOUT, STORE_TIMEOUT, WAIT};
use crate::policy::key_source::KeySource;
use crate::policy::remembered::{Look, Reading, Turn};
use crate::ports::Platform;
use crate::record::Owed;
use crate::state::State;
use crate::trace::Event;

/// The keys that a reader needs of the key-value store, so that it need not ask their issuer.
#[derive(Clone, Copy)]
enum Want<'w> {
    /// Any that are within their life.
    Living,
    /// Such that need not be read again soon.
    Fresh,
    /// One of this name and algorithm.
    Key(Option<&'w str>, Algorithm),
}

/// The reason for which an issuer has no keys to give.
enum Fault {
    Call(call_out::Fault),
    Published(published::Fault),
    /// The set is at an origin that the configuration does not name.
    Origin,
    Slow,
}

/// The present keys of `source`, if they are known.
pub(super) fn known<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    source: &KeySource,
) -> Option<Arc<KeySet>> {
    let known = match exchange.state.keys(source.index)?.look(platform.monotonic()) {
        Look::Known(known) => known,
        Look::Stale(known) => {
            exchange.record.owed.push(Owed::RefreshKeys(source.index));
            known
        }
        Look::Unread => None,
    };
    known.map(|keys| keys.set)
}

/// The present keys of `source`.
///
/// # Errors
/// [`Refusal::KeysUnavailable`], if there are none and the issuer can't be asked.
pub(super) async fn current<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    source: &'p KeySource,
) -> Result<Arc<KeySet>, Refusal> {
    published(exchange, platform, source).await.map(|published| published.set)
}

/// All that the issuer of `source` publishes at present.
///
/// # Errors
/// [`Refusal::KeysUnavailable`], if it is not known and the issuer can't be asked.
pub(super) async fn published<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    source: &'p KeySource,
) -> Result<Published, Refusal> {
    let cell = exchange.state.keys(source.index).ok_or(Refusal::KeysUnavailable)?;
    let known = match cell.look(platform.monotonic()) {
        Look::Known(known) => known,
        Look::Stale(known) => {
            exchange.record.owed.push(Owed::RefreshKeys(source.index));
            known
        }
        // Boxed, so that not every request has room for it.
        Look::Unread => Box::pin(read_first(exchange, platform, (source, cell), None, Want::Living)).await?,
    };
    known.ok_or(Refusal::KeysUnavailable)
}

/// Other keys of `source` than those that were `tried` on a token of `algorithm` and the unknown key `kid`: such that have that
/// key, or are from a read that began after `than`. `None` if they must not be read so soon again.
///
/// # Errors
/// [`Refusal::KeysUnavailable`], if the issuer can't be asked: the token may be a good one.
pub(super) async fn newer<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    source: &'p KeySource,
    (tried, than): (&Arc<KeySet>, Reading),
    (kid, algorithm): (Option<&str>, Algorithm),
) -> Result<Option<Arc<KeySet>>, Refusal> {
    let cell = exchange.state.keys(source.index).ok_or(Refusal::KeysUnavailable)?;
    let keys = read_first(exchange, platform, (source, cell), Some((tried, than)), Want::Key(kid, algorithm)).await;
    match keys? {
        Some(keys) if !Arc::ptr_eq(&keys.set, tried) => Ok(Some(keys.set)),
        _ if cell.has_failed() => Err(Refusal::KeysUnavailable),
        _ => Ok(None),
    }
}

/// Reads keys, or waits until another request has read them, and returns those to use. If they have to be `newer` than some that were
/// tried, there are none if they must not be read so soon again.
///
/// # Errors
/// [`Refusal::KeysUnavailable`], if that later read takes too long.
async fn read_first<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (source, cell): (&'p KeySource, &'p KeyCell),
    newer: Option<(&Arc<KeySet>, Reading)>,
    want: Want<'_>,
) -> Result<Option<Published>, Refusal> {
    let begun = platform.monotonic();
    loop {
        let now = platform.monotonic();
        let waited = now.saturating_sub(begun);
        let left = WAIT.saturating_sub(waited);
        if left.is_zero() {
            return match newer {
                None => Ok(cell.last(now)),
                // Those that there are have not the key in question.
                Some(_) => Err(Refusal::KeysUnavailable),
            };
        }
        // Another request may have read them meanwhile, even if it began before this one came.
        if let Some((tried, _)) = newer
            && let Some(keys) =
                cell.last(now).filter(|keys| !Arc::ptr_eq(&keys.set, tried) && want.may_be_in(&keys.set))
        {
            return Ok(Some(keys));
        }
        match cell.turn(newer.map(|(_, than)| than), now) {
            Turn::Over(keys) => return Ok(keys),
            Turn::Read(reading) => {
                let reader = Reader { platform, source, cell, reading };
                if newer.is_some() && !cell.admits_refetch(platform.now()) {
                    return Ok(None);
                }
                let (keys, asked) =
                    reader.read((exchange.plan, exchange.state), want, READ_TIMEOUT.saturating_sub(waited)).await;
                match asked {
                    Some(Ok(())) => exchange.record.owed.push(Owed::KeepKeys(source.index)),
                    Some(Err(fault)) => {
                        exchange.record.cause = Some(fault.cause());
                        exchange.note(|| Event::Policy {
                            policy: "authenticate",
                            verdict: format!("the issuer's keys can't be read: {fault}"),
                        });
                    }
                    // An instance may end with this request: the next one is to find newer keys.
                    None if cell.is_due(platform.monotonic()) => {
                        exchange.record.owed.push(Owed::RefreshKeys(source.index));
                    }
                    None => {}
                }
                return Ok(keys);
            }
            Turn::Wait(until_lost) => {
                let wait = platform.wait(source.id.as_str(), until_lost.min(left));
                // If the read has ended since `turn` looked, its notice may have come before the wait.
                if cell.is_being_read() {
                    wait.await;
                }
            }
        }
    }
}

/// The request that reads. However it ends, those who wait go on.
struct Reader<'r, P: Platform> {
    platform: &'r P,
    source: &'r KeySource,
    cell: &'r KeyCell,
    reading: Reading,
}

impl<P: Platform> Reader<'_, P> {
    /// Reads the keys in the key-value store, or else asks the issuer, within `limit` in all. Returns the keys to use, and whether the
    /// issuer gave them, if it was asked.
    async fn read(
        self,
        (plan, state): (&Plan, &State),
        want: Want<'_>,
        limit: Duration,
    ) -> (Option<Published>, Option<Result<(), Fault>>) {
        let Self { platform, source, cell, reading } = self;
        let begun = platform.monotonic();
        let known = cell.last(begun);
        let stored = self.stored().await.filter(|stored| known.is_none_or(|known| stored.at > known.at));
        let now = platform.now();
        let stored = match stored {
            Some(stored) if want.is_met_by(&stored, now) => return (self.recall(stored), None),
            stored => stored,
        };
        let left = limit.saturating_sub(platform.monotonic().saturating_sub(begun));
        let asked = within(platform, left, ask((plan, state, platform), source, left)).await;
        let asked = asked.unwrap_or(Err(Fault::Slow));
        platform.asked_for_keys(source.index, asked.as_ref().err().map(|fault| fault as &dyn fmt::Display));
        match asked {
            Ok(keys) => (self.learn(keys), Some(Ok(()))),
            Err(fault) => {
                // Past its life, but better than none.
                if let Some(stored) = stored {
                    self.recall(stored);
                }
                let keys = cell.fail(platform.monotonic(), reading);
                (keys, Some(Err(fault)))
            }
        }
    }

    /// The keys in the key-value store. A store that fails has none: it spares the issuer questions, and no more.
    async fn stored(&self) -> Option<Published> {
        let Self { platform, source, .. } = self;
        let entry = within(*platform, STORE_TIMEOUT, platform.get(source.id.as_str())).await?.ok()??;
        Published::of_entry(&entry, &source.algorithms, platform.now())
    }

    fn recall(&self, keys: Published) -> Option<Published> {
        let Self { platform, cell, reading, .. } = self;
        let now = (platform.now(), platform.monotonic());
        cell.recall(keys, now, platform.next_u64(), *reading)
    }

    fn learn(&self, keys: Published) -> Option<Published> {
        let Self { platform, cell, reading, .. } = self;
        let now = (platform.now(), platform.monotonic());
        cell.learn(keys, now, platform.next_u64(), *reading)
    }
}

impl<P: Platform> Drop for Reader<'_, P> {
    fn drop(&mut self) {
        self.cell.leave(self.reading);
        self.platform.notify(self.source.id.as_str());
    }
}

impl Want<'_> {
    /// Returns whether the key may be in `set`.
    fn may_be_in(self, set: &KeySet) -> bool {
        match self {
            Self::Key(kid @ Some(_), algorithm) => set.names(kid, algorithm),
            Self::Key(None, _) | Self::Living | Self::Fresh => true,
        }
    }

    fn is_met_by(self, keys: &Published, now: crate::time::Timestamp) -> bool {
        match self {
            Self::Living => keys.is_alive(now),
            Self::Fresh => keys.is_fresh(now),
            Self::Key(kid, algorithm) => keys.is_alive(now) && keys.set.names(kid, algorithm),
        }
    }
}

/// Asks the issuer for the keys of `source`, which takes at most `limit`.
async fn ask<P: Platform>(on: (&Plan, &State, &P), source: &KeySource, limit: Duration) -> Result<Published, Fault> {
    // What the issuer says is at least as new as this.
    let at = on.2.now();
    let located;
    let (place, document) = match &source.document {
        None => (&source.place, Document::default()),
        Some(document) => {
            let text = call_out::ask(on, &source.place, Question::get(), limit).await?.content;
            let read = read_document(&text, &document.issuer)?;
            located = document.locate(&read.jwks_uri).ok_or(Fault::Origin)?;
            (&located, read)
        }
    };
    let answer = call_out::ask(on, place, Question::get(), limit).await?;
    let set = read_set(&answer.content, &source.algorithms)?;
    Ok(Published::new(set, at, freshness::lifetime(&answer.headers), document))
}

/// Reads the keys of a source again, for the requests to come.
pub(crate) async fn refresh<P: Platform>(plan: &Plan, state: &State, platform: &P, source: usize) {
    let (Some(source), Some(cell)) = (plan.key_source(source), state.keys(source)) else { return };
    let Some(reading) = cell.begin(platform.monotonic()) else { return };
    let reader = Reader { platform, source, cell, reading };
    let (_, asked) = reader.read((plan, state), Want::Fresh, READ_TIMEOUT).await;
    if let Some(Ok(())) = asked {
        keep(plan, state, platform, source.index).await;
    }
}

/// Writes the keys of a source to the key-value store.
pub(crate) async fn keep<P: Platform>(plan: &Plan, state: &State, platform: &P, source: usize) {
    let (Some(source), Some(cell)) = (plan.key_source(source), state.keys(source)) else { return };
    let Some(keys) = cell.last(platform.monotonic()) else { return };
    // Without it, other instances ask the issuer, too.
    let _ = within(platform, READ_TIMEOUT, platform.put(source.id.as_str(), keys.to_entry(), Some(KEEP))).await;
}

impl From<call_out::Fault> for Fault {
    fn from(fault: call_out::Fault) -> Self {
        Self::Call(fault)
    }
}

impl From<published::Fault> for Fault {
    fn from(fault: published::Fault) -> Self {
        Self::Published(fault)
    }
}

impl Fault {
    /// The reason in the words of the log.
    fn cause(&self) -> &'static str {
        match self {
            Self::Call(fault) => fault.cause(),
            Self::Published(published::Fault::Malformed) => "answer_malformed",
            Self::Published(published::Fault::TooMany) => "too_many_keys",
            Self::Published(published::Fault::NoKey) => "no_usable_key",
            Self::Published(published::Fault::Issuer) => "issuer_mismatch",
            Self::Origin => "keys_elsewhere",
            Self::Slow => "connection_read_timeout",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(fault) => fault.fmt(f),
            Self::Published(fault) => fault.fmt(f),
            Self::Origin => f.write_str("they are at an origin that is none of the issuer's `origins`"),
            Self::Slow => f.write_str("it takes too long"),
        }
    }
}

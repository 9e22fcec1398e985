//! Flights of several instances that have no memory in common: a counter cell says whose request asks the upstream, and the others look
//! for its response in the store. Within an instance, one request does that for all.

use core::time::Duration;

use super::super::exchange::Exchange;
use super::super::within::{timely, within};
use super::{Ask, Leading};
use crate::cache::flights::{Flight, Turn};
use crate::outcome::After;
use crate::plan::Plan;
use crate::policy::cache::Cache;
use crate::policy::counter::CounterOp;
use crate::policy::once;
use crate::ports::{Platform, StoreFailure};
use crate::record::Permit;
use crate::response_store::FLIGHT_CELL;

/// The first wait between two looks into the store. Each is twice as long as the one before it.
const FIRST_SLICE: Duration = Duration::from_millis(10);

/// The longest.
const LONGEST_SLICE: Duration = Duration::from_millis(160);

/// The time between two looks at the cell, which tell that who leads has failed or is gone: they cost more than those into the store.
const CELL_EVERY: Duration = Duration::from_millis(400);

/// The part of a request in a flight of several instances.
pub(super) struct Across<'l, P: Platform> {
    platform: &'l P,
    /// The flight within this instance, while it waits for another instance's.
    leading: Option<Leading<'l, P>>,
    /// The cell, if this request leads.
    cell: Option<Permit>,
    /// The last look at the cell.
    tried: Option<Duration>,
    slice: Duration,
}

/// The end of a turn.
pub(super) enum Lead {
    /// The request asks the upstream, alone if there is no flight.
    Here(Option<Flight>),
    /// It looks into the store again.
    Look,
}

impl<'l, P: Platform> Across<'l, P> {
    pub(super) const fn new(platform: &'l P) -> Self {
        Self { platform, leading: None, cell: None, tried: None, slice: FIRST_SLICE }
    }

    /// The part of the request within its instance: that which it has, or that which it gets by `turn`.
    pub(super) fn turn(&mut self, turn: impl FnOnce() -> Turn) -> Turn {
        self.leading.take().and_then(|mut leading| leading.flight.take()).map_or_else(turn, Turn::Lead)
    }

    /// Decides for a request that leads within its instance, and has begun to wait at `begun`, whether it leads in all of them. The store
    /// may say that nobody waits, as the response `is_unshared`.
    pub(super) async fn lead(
        &mut self,
        exchange: &mut Exchange<'_, '_>,
        ask: &mut Ask,
        (cache, begun): (&Cache, Duration),
        (flight, is_unshared): (Flight, bool),
    ) -> Lead {
        let platform = self.platform;
        if !platform.flights_in_store() {
            return Lead::Here(Some(flight));
        }
        let mut leading = Leading { platform, resource: ask.resource.clone(), flight: Some(flight) };
        if let Some(flight) = leading.flight.as_ref().filter(|_| is_unshared) {
            flight.is_unshared(platform.now());
            return Lead::Here(None);
        }
        if let Some(permit) = self.cell.take() {
            // It has looked into the store since it has the cell. That is given back at the end of the exchange.
            exchange.record.permits.push(permit);
            return Lead::Here(leading.flight.take());
        }
        let now = platform.monotonic();
        let left = cache.wait.saturating_sub(now.saturating_sub(begun));
        if left.is_zero() {
            return Lead::Here(None);
        }
        if self.tried.is_none_or(|tried| now.saturating_sub(tried) >= CELL_EVERY) {
            self.tried = Some(now);
            match acquire(exchange.plan, platform, cache, (&ask.resource, &ask.part, ask.chosen_by)).await {
                Ok(None) => {}
                Ok(cell) => {
                    (self.cell, self.leading) = (cell, Some(leading));
                    // The response may have come since the last look.
                    return Lead::Look;
                }
                Err(failure) => {
                    exchange.record.store_failed(platform.counter_store(), failure);
                    return Lead::Here(leading.flight.take());
                }
            }
        }
        ask.told.collapsed = true;
        self.leading = Some(leading);
        platform.sleep(self.slice.min(left)).await;
        self.slice = self.slice.saturating_mul(2).min(LONGEST_SLICE);
        Lead::Look
    }

    /// Gives back what a request has that has found its answer.
    pub(super) fn end(self, exchange: &mut Exchange<'_, '_>) {
        exchange.after.extend(self.cell.map(After::Release));
    }
}

/// Asks for the cell of the responses of a `part` to requests for a `resource` that are `chosen_by` such values; none if another request has it.
pub(super) async fn acquire<P: Platform>(
    plan: &Plan,
    platform: &P,
    cache: &Cache,
    (resource, part, chosen_by): (&str, &str, Option<u64>),
) -> Result<Option<Permit>, StoreFailure> {
    let chosen_by = chosen_by.unwrap_or_default().to_le_bytes();
    let cell = once::cell(FLIGHT_CELL, &[resource.as_bytes(), part.as_bytes(), &chosen_by]);
    let holder = platform.next_u64();
    // Who is gone without a trace leads no longer than the others wait.
    let asked = platform.apply(&cell, CounterOp::Acquire { holder, limit: 1, lease: cache.wait });
    let verdict = timely(within(platform, plan.counter_timeout, asked).await)?;
    Ok(verdict.lease().is_some_and(|verdict| verdict.acquired).then_some(Permit { cell, holder }))
}

/// Gives a cell back.
pub(super) async fn release<P: Platform>(plan: &Plan, platform: &P, Permit { cell, holder }: Permit) {
    let asked = platform.apply(&cell, CounterOp::Release { holder });
    // Else it is free once its time is over.
    let _ = within(platform, plan.counter_timeout, asked).await;
}

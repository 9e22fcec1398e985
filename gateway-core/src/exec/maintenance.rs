//! Maintenance, and the flags that turn it on.

use bytes::Bytes;

use super::exchange::Exchange;
use super::within::within;
use crate::call::Call;
use crate::error::Reject;
use crate::outcome::After;
use crate::plan::Plan;
use crate::policy::flag::{FlagCell, Look, READ_TIMEOUT, is_set};
use crate::policy::maintenance::Maintenance;
use crate::ports::{Clock, Platform, StoreFailure};
use crate::state::State;
use crate::store_key::StoreKey;
use crate::trace::Event;

/// Refuses the request while there is maintenance, unless its client is let by.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Maintenance,
    call: &Call,
) -> Result<(), Reject> {
    let policy = "maintenance";
    if step.lets_by(call.client_address()) {
        exchange.note(|| Event::Policy { policy, verdict: "the client is let by".to_owned() });
        return Ok(());
    }
    if let Err(refused) = step.check_window(platform.now()) {
        exchange.note(|| Event::Policy { policy, verdict: "it is the planned time".to_owned() });
        return Err(refused);
    }
    let Some(flag) = &step.flag else {
        exchange.note(|| Event::Policy { policy, verdict: "it is not the planned time".to_owned() });
        return Ok(());
    };
    let set = match exchange.state.flag(flag.index).map(|cell| cell.look(platform.monotonic())) {
        Some(Look::Known(set)) => set,
        Some(Look::Stale(set)) => {
            exchange.after.push(After::RefreshFlag { flag: flag.index });
            set
        }
        // Boxed, so that not every request has room for it.
        Some(Look::Unread) => Box::pin(read(exchange.plan, exchange.state, platform, flag.index)).await,
        None => None,
    };
    exchange.note(|| {
        let is = match set {
            Some(true) => "is set",
            Some(false) => "is not set",
            None => "can't be read",
        };
        Event::Policy { policy, verdict: format!("the flag `{}` {is}", flag.name) }
    });
    step.check_flag(set)
}

/// Reads a flag again, for the requests to come.
pub(crate) async fn refresh_flag<P: Platform>(plan: &Plan, state: &State, platform: &P, flag: usize) {
    read(plan, state, platform, flag).await;
}

async fn read<P: Platform>(plan: &Plan, state: &State, platform: &P, flag: usize) -> Option<bool> {
    let (key, cell) = (plan.flags.get(flag)?, state.flag(flag)?);
    // A slow store is a failed one.
    let entry = within(platform, READ_TIMEOUT, platform.get(key.as_str())).await.and_then(Result::ok);
    learn(cell, entry, platform)
}

/// Has `read` read every flag again, and returns under which key each is, and its value if it could be read.
pub(crate) async fn refresh_flags<'p>(
    plan: &'p Plan,
    state: &State,
    clock: &impl Clock,
    read: impl AsyncFn(&str) -> Result<Option<Bytes>, StoreFailure>,
) -> Vec<(&'p StoreKey, Option<bool>)> {
    let mut values = Vec::with_capacity(plan.flags.len());
    for (index, key) in plan.flags.iter().enumerate() {
        let entry = read(key.as_str()).await.ok();
        values.push((key, entry.as_ref().map(is_entry_set)));
        if let Some(cell) = state.flag(index) {
            learn(cell, entry, clock);
        }
    }
    values
}

/// Takes note of the entry of a flag, or that it could not be read, and returns what is to be gone by.
fn learn(cell: &FlagCell, entry: Option<Option<Bytes>>, clock: &impl Clock) -> Option<bool> {
    cell.learn(entry.as_ref().map(is_entry_set), clock.monotonic())
}

fn is_entry_set(entry: &Option<Bytes>) -> bool {
    entry.as_deref().is_some_and(is_set)
}

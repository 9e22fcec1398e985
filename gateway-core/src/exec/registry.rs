//! The registry of places in the key-value store: what they say of themselves, and who hears of it.

use super::alone::{STORE_TIMEOUT, alone};
use super::discover;
use super::within::{timely, within};
use crate::balance::discovery::registry::{self, Registered, Registration};
use crate::error::Reject;
use crate::plan::Plan;
use crate::ports::{Platform, StoreFailure};
use crate::state::State;
use crate::store_key::StoreKey;

/// The places of the service of this `key` that are there.
///
/// # Errors
/// 503 if the store fails.
pub(super) async fn places<P: Platform>(platform: &P, key: &StoreKey) -> Result<Vec<Registered>, Reject> {
    let entry = timely(within(platform, STORE_TIMEOUT, platform.get(key.as_str())).await);
    let entry = entry.map_err(|_| Reject::store_unavailable())?;
    Ok(entry.map(|entry| registry::places(&entry, platform.now())).unwrap_or_default())
}

/// Has the place called `id` of a service said that it is there, or that it goes. The upstreams of this instance hear of it at once.
///
/// # Errors
/// 400 for a place that an upstream of the service can't call, or if there are too many; 503 if a store fails.
pub(super) async fn change<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    (key, id): (&StoreKey, &str),
    place: Option<&Registration>,
) -> Result<(), Reject> {
    let upstreams = || plan.registered().filter(|(_, _, of)| *of == key);
    if let Some(place) = place {
        for (_, discovery, _) in upstreams() {
            discover::endpoint(discovery, &place.seen)
                .map_err(|fault| Reject::bad_content().with_detail(String::from(fault)))?;
        }
    }
    let cell = ["reg:", key.as_str()].concat();
    let has_room = alone(plan, platform, &cell, write(platform, (key, id), place)).await;
    match has_room {
        Ok(true) => {}
        Ok(false) => return Err(Reject::bad_content().with_detail("the service has 1000 places already")),
        Err(_) => return Err(Reject::store_unavailable()),
    }
    for (upstream, ..) in upstreams() {
        discover::read_now((plan, state, platform), upstream).await;
    }
    Ok(())
}

/// Returns whether there was room for it.
async fn write<P: Platform>(
    platform: &P,
    (key, id): (&StoreKey, &str),
    place: Option<&Registration>,
) -> Result<bool, StoreFailure> {
    let before = timely(within(platform, STORE_TIMEOUT, platform.get(key.as_str())).await)?;
    let Some(after) = registry::with(before.as_deref(), id, place, platform.now()) else { return Ok(false) };
    timely(within(platform, STORE_TIMEOUT, platform.put(key.as_str(), after, None)).await)?;
    Ok(true)
}

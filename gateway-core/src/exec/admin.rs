//! The admin endpoints that need the key-value store.

use core::time::Duration;

use bytes::Bytes;
use http::Response;

use super::within::{timely, within};
use super::{registry, rollout};
use crate::balance::discovery::registry::Registration;
use crate::body::Body;
use crate::error::Reject;
use crate::plan::Plan;
use crate::policy::api_key::Entry;
use crate::policy::flag::{self, is_set};
use crate::policy::revocation::{Entries, THERE, issued_before};
use crate::ports::{IoErrorKind, Platform, StoreFailure};
use crate::report::{self, Answer, Asked, Change, Flag, Purge, Revocation, RevocationChange, flag_content};
use crate::state::State;
use crate::store_key::{KeyUse, StoreKey};

/// The stored value of a flag that is set here.
const SET: Bytes = Bytes::from_static(b"on");

/// The most bytes of the content of a request for an admin endpoint.
pub(crate) const MOST_CONTENT: u64 = 4 * 1024;

/// The longest time that an entry has an end for; one that would end later has none.
const LONGEST_KEEP: Duration = Duration::from_secs(400 * 86_400);

/// Answers a request for an admin endpoint.
pub(crate) async fn answer<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    asked: Asked<'_>,
    body: Body<P::Stream>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    match report::answer(plan, state, platform, &asked)? {
        Answer::Response(response) => Ok(response),
        Answer::Flags => {
            let mut flags = Vec::with_capacity(plan.flags.len());
            for key in &plan.flags {
                flags.push(read(platform, key).await?);
            }
            Ok(report::flags(flags, asked.is_head()))
        }
        Answer::Flag(index, change) => {
            let key = plan.flags.get(index).ok_or_else(Reject::flag_not_found)?;
            if change == Change::None {
                return Ok(report::flag(&read(platform, key).await?, asked.is_head()));
            }
            refuse_content(platform, body).await?;
            let set = change == Change::Set;
            if set {
                in_time(platform, platform.put(key.as_str(), SET, None)).await?;
            } else {
                in_time(platform, platform.delete(key.as_str())).await?;
            }
            // The change is visible here at once; other processes read the flag again when it grows old.
            let now = platform.monotonic();
            platform.each_state(state, |part| part.flag_changed(key, set, now));
            platform.notify(key.as_str());
            Ok(report::flag(&told(key, set), false))
        }
        Answer::Rollouts => {
            for (route, _) in plan.rollouts() {
                rollout::refresh(plan, state, platform, route).await;
            }
            Ok(report::rollouts(plan, state, asked.is_head()))
        }
        Answer::Rollout(route, change) => {
            match change {
                Change::None => rollout::refresh(plan, state, platform, route).await,
                Change::Set | Change::Remove => {
                    if !matches!(body, Body::Empty) && !collect(platform, body).await?.is_empty() {
                        return Err(report::rollout_content());
                    }
                    if !rollout::change(plan, state, platform, (route, change == Change::Remove)).await {
                        return Err(Reject::counter_unavailable());
                    }
                }
            }
            report::rollout(plan, state, route, asked.is_head()).ok_or_else(Reject::endpoint_not_found)
        }
        Answer::Registry => {
            let mut services: Vec<(&StoreKey, _)> = Vec::new();
            for (_, _, key) in plan.registered() {
                if !services.iter().any(|(known, _)| *known == key) {
                    services.push((key, registry::places(platform, key).await?));
                }
            }
            let services = services.into_iter().map(|(key, places)| report::Service::of(plan, key, places)).collect();
            Ok(report::services(services, asked.is_head()))
        }
        Answer::Registered(index, id, change) => {
            let (_, _, key) = plan.registered().nth(index).ok_or_else(Reject::endpoint_not_found)?;
            let on = (plan, state, platform);
            match (id, change) {
                (Some(id), Change::Set) => {
                    let said = Registration::read(&collect(platform, body).await?);
                    let said = said.map_err(|form| Reject::bad_content().with_detail(form))?;
                    registry::change(on, (key, &id), Some(&said)).await?;
                    Ok(report::place(said.registered(id, platform.now()), false))
                }
                (Some(id), Change::Remove) => {
                    refuse_content(platform, body).await?;
                    registry::change(on, (key, &id), None).await?;
                    Ok(report::done())
                }
                (id, _) => {
                    let mut places = registry::places(platform, key).await?;
                    let Some(id) = id else {
                        return Ok(report::service(&report::Service::of(plan, key, places), asked.is_head()));
                    };
                    places.retain(|place| place.id == id);
                    let place = places.pop().ok_or_else(|| {
                        Reject::endpoint_not_found().with_detail("the service has no such place, or no longer")
                    })?;
                    Ok(report::place(place, asked.is_head()))
                }
            }
        }
        Answer::Key(digest, change) => {
            let key = digest.store_key();
            let response = match change {
                Change::None => {
                    let entry = in_time(platform, platform.get(key.as_str())).await?;
                    let entry = entry.as_deref().and_then(Entry::read).ok_or_else(Reject::key_not_found)?;
                    return Ok(report::key(&entry, asked.is_head()));
                }
                Change::Set => {
                    let content = collect(platform, body).await?;
                    let entry = Entry::read(&content).ok_or_else(|| {
                        Reject::bad_content().with_detail(
                            "write `{\"consumer\": \"…\", \"id\": \"…\"}`, with `expires` in seconds since 1970",
                        )
                    })?;
                    plan.api_keys.digester.check(&entry.content().digest)?;
                    in_time(platform, platform.put(key.as_str(), entry.write(), None)).await?;
                    report::key(&entry, false)
                }
                Change::Remove => {
                    refuse_content(platform, body).await?;
                    in_time(platform, platform.delete(key.as_str())).await?;
                    report::done()
                }
            };
            platform.each_state(state, |part| part.api_keys().forget(digest));
            Ok(response)
        }
        Answer::Purge => {
            let purge = Purge::read(&collect(platform, body).await?)?;
            let ended = super::cache::purge(plan, state, platform, &purge).await?;
            Ok(report::purged(&ended))
        }
        Answer::Revocation(change) => {
            let entry = match change.change {
                Change::None => revocation(platform, &change).await?,
                Change::Set => revoke(platform, &change, body).await?,
                Change::Remove => {
                    refuse_content(platform, body).await?;
                    in_time(platform, platform.delete(change.entry.as_str())).await?;
                    change.report(false, None)
                }
            };
            if change.change != Change::None {
                platform.each_state(state, |part| part.list_changed(&change.list));
            }
            Ok(report::revocation(&entry, asked.is_head()))
        }
    }
}

async fn read<'p, P: Platform>(platform: &P, key: &'p StoreKey) -> Result<Flag<'p>, Reject> {
    let value = in_time(platform, platform.get(key.as_str())).await?;
    Ok(told(key, value.is_some_and(|value| is_set(&value))))
}

fn told(key: &StoreKey, set: bool) -> Flag<'_> {
    Flag { name: key.name(KeyUse::Flag).unwrap_or_default(), set }
}

/// Reads an entry of a list of revoked tokens.
async fn revocation<P: Platform>(platform: &P, of: &RevocationChange) -> Result<Revocation, Reject> {
    let entry = in_time(platform, platform.get(of.entry.as_str())).await?;
    let before = entry.as_deref().filter(|_| of.is_time).and_then(|entry| Entries::read(false, Some(entry)));
    Ok(of.report(entry.is_some(), before.and_then(|entries| entries.before())))
}

/// Makes an entry of a list of revoked tokens.
async fn revoke<P: Platform>(
    platform: &P,
    change: &RevocationChange,
    body: Body<P::Stream>,
) -> Result<Revocation, Reject> {
    let content = change.read(&collect(platform, body).await?)?;
    let now = platform.now();
    let before = change.is_time.then(|| content.before.unwrap_or_else(|| issued_before(now, change.leeway)));
    if before.is_some() {
        // Nobody who repeats a revocation has tokens taken again: that is for DELETE to do.
        let known = revocation(platform, change).await?;
        if known.before > before {
            return Ok(known);
        }
    }
    let keep = match content.expires {
        None => None,
        Some(expires) => {
            let left = Duration::from_secs(expires).checked_sub(Duration::from_millis(now.unix_millis()));
            let left = left.filter(|left| !left.is_zero());
            let left = left.ok_or_else(|| Reject::bad_content().with_detail("`expires` is over"))?;
            // Not every store takes such a time.
            Some(left).filter(|left| *left <= LONGEST_KEEP)
        }
    };
    // The marker first: whoever then finds the entry has been told that there are any.
    in_time(platform, platform.put(change.list.marker().as_str(), THERE, None)).await?;
    let value = before.map_or(THERE, |before| before.to_string().into());
    in_time(platform, platform.put(change.entry.as_str(), value, keep)).await?;
    Ok(change.report(true, before))
}

/// The content of a request.
async fn collect<P: Platform>(platform: &P, body: Body<P::Stream>) -> Result<Bytes, Reject> {
    let content = match body {
        Body::Empty => Bytes::new(),
        Body::Full(content) => content,
        Body::Stream(stream) => platform.collect(stream, MOST_CONTENT).await.map_err(|error| match error.kind {
            IoErrorKind::BodyTooLarge => Reject::body_too_large(),
            _ => Reject::bad_request_framing().with_detail("the body ended before its end"),
        })?,
    };
    if content.len() as u64 > MOST_CONTENT { Err(Reject::body_too_large()) } else { Ok(content) }
}

/// Refuses content of unstated length. On some platforms an absent body is an empty stream.
async fn refuse_content<P: Platform>(platform: &P, body: Body<P::Stream>) -> Result<(), Reject> {
    let is_empty = match body {
        Body::Empty => true,
        Body::Full(content) => content.is_empty(),
        Body::Stream(stream) => platform.collect(stream, 0).await.is_ok(),
    };
    if is_empty { Ok(()) } else { Err(flag_content()) }
}

/// Returns the result of the store's `call`; a slow store counts as failed.
async fn in_time<T>(
    platform: &impl Platform,
    call: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, Reject> {
    timely(within(platform, flag::STORE_TIMEOUT, call).await).map_err(|_| Reject::store_unavailable())
}

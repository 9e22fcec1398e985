//! The upstream's answer on its way into the store, or the end of what is stored.

use core::time::Duration;
use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response, StatusCode};

use super::super::exchange::Exchange;
use super::super::within::{timely, within};
use super::{Ask, Leading};
use crate::body::Body;
use crate::cache::asked::Asked;
use crate::cache::entry::Entry;
use crate::cache::flights::UNSHARED_FOR;
use crate::cache::resource::{Content, Variant};
use crate::cache::rules::{Rules, is_of_request};
use crate::cache::storing::{self, NotStored};
use crate::cache::validation::{self, HeadUpdate};
use crate::policy::cache::{Asker, Cache};
use crate::ports::{Keep, Platform};
use crate::time::Timestamp;

/// Returns whether an answer with this `status` that is not stored says that the stored response is not what the origin has any more. What a request's
/// own fields bring about says nothing of it.
pub(super) fn ends(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::PARTIAL_CONTENT && !is_of_request(status)
}

/// Returns whether the end of a content is told, as far as that is known.
pub(super) fn is_framed<P: Platform>(platform: &P, body: &Body<P::Stream>) -> bool {
    !matches!(body, Body::Stream(stream) if !platform.is_framed(stream))
}

/// Stores a response on its way to the client, if it may be.
pub(super) async fn take<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    cache: &Cache,
    ask: &mut Ask,
    (own, response): (&HeaderMap, &mut Response<Body<P::Stream>>),
    (sent, leading): (Timestamp, &mut Leading<'_, P>),
) {
    let times = (sent, platform.now());
    let rules = cache.rules_for(ask.asker);
    let (status, headers) = (response.status(), response.headers());
    if ask.asked.is_head {
        let Some(known) = &ask.known else { return };
        match validation::freshen_by_head(
            &known.entry,
            rules,
            &ask.asked,
            (&Method::HEAD, own),
            (status, headers),
            times,
        ) {
            HeadUpdate::Updated(entry) => {
                let (part, content) = (known.part.clone(), known.content.clone());
                store(
                    exchange,
                    platform,
                    ask,
                    Arc::new(Variant {
                        part,
                        // The content is as old as before: what was purged since stays so.
                        asked: known.asked,
                        until: until(&entry, rules, times.1),
                        entry: *entry,
                        content,
                    }),
                )
                .await;
            }
            HeadUpdate::Invalid if !ask.is_personal() => remove(exchange, platform, &ask.resource).await,
            HeadUpdate::Invalid => {}
            HeadUpdate::Nothing => {}
        }
        return;
    }
    let most_bytes = platform.most_stored_bytes();
    let entry = match entry((cache, most_bytes), (&ask.asked, ask.asker), own, (status, headers), times)
        .and_then(|entry| if is_framed(platform, response.body()) { Ok(entry) } else { Err(NotStored::Unframed) })
    {
        Ok(entry) => entry,
        Err(reason) => {
            ask.told.detail = Some(reason.word());
            // What lies in this request alone says nothing of the next one.
            let is_led = leading.flight.is_some() && reason != NotStored::Cookie;
            if let Some(flight) = leading.flight.as_ref().filter(|_| is_led) {
                flight.is_unshared(times.1);
            }
            if ask.known.is_some() && !ask.is_personal() && ends(status) {
                remove(exchange, platform, &ask.resource).await;
            }
            if is_led && platform.flights_in_store() {
                let until = times.1.saturating_add(Duration::from_millis(UNSHARED_FOR));
                let noted = within(
                    platform,
                    exchange.plan.responses_timeout,
                    platform.unshared(&ask.resource, &ask.part, until),
                )
                .await;
                if let Err(failure) = timely(noted) {
                    exchange.record.cache_failed(platform.cache_store(), failure);
                }
            }
            return;
        }
    };
    ask.told.stored = true;
    let until = until(&entry, rules, times.1);
    let part: Box<str> = core::mem::take(&mut ask.part).into();
    match core::mem::take(response.body_mut()) {
        Body::Stream(stream) => {
            let resource = core::mem::take(&mut leading.resource);
            let flight = leading.flight.take();
            let keep = Box::new(Keep {
                resource,
                part,
                asked: sent,
                until,
                entry,
                most_bytes: cache.rules.most_bytes.min(platform.most_stored_bytes()),
                flight,
            });
            *response.body_mut() = Body::Stream(platform.keep(stream, keep));
        }
        body => {
            let content =
                if let Body::Full(bytes) = &body { bytes::Bytes::copy_from_slice(bytes) } else { bytes::Bytes::new() };
            *response.body_mut() = body;
            let stated = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
            if stated.is_some_and(|stated: u64| stated != content.len() as u64) {
                // It was cut off.
                ask.told.stored = false;
                return;
            }
            store(
                exchange,
                platform,
                ask,
                Arc::new(Variant { part, asked: sent, until, entry, content: Content::Here(content) }),
            )
            .await;
            if let Some(flight) = leading.flight.as_ref().filter(|_| ask.told.stored) {
                flight.is_shared();
            }
        }
    }
}

/// The entry for the response to a `GET` with these fields, if it may be stored, where no content above `most_bytes` can be.
pub(super) fn entry(
    (cache, most_bytes): (&Cache, u64),
    (asked, asker): (&Asked, Asker),
    own: &HeaderMap,
    response: (StatusCode, &HeaderMap),
    times: (Timestamp, Timestamp),
) -> Result<Entry, NotStored> {
    match storing::store(cache.rules_for(asker), asked, (&Method::GET, own), response, times) {
        Ok(entry) if entry.length.is_some_and(|length| length > most_bytes) => Err(NotStored::TooLarge),
        stored => stored,
    }
}

/// The time until which `entry` is of use.
pub(super) fn until(entry: &Entry, rules: &Rules, now: Timestamp) -> Timestamp {
    now.saturating_add(entry.keep_for(now, rules))
}

/// Stores a response that was confirmed, or removes it where it may not be stored any longer.
pub(super) async fn keep_or_remove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    ask: &mut Ask,
    fresh: &Arc<Variant>,
) {
    if fresh.entry.is_for_once {
        // What is confirmed to somebody in particular is for them; the stored response stays as it is (RFC 9111 §3.5).
        if !ask.is_personal() {
            remove(exchange, platform, &ask.resource).await;
        }
    } else {
        store(exchange, platform, ask, Arc::clone(fresh)).await;
    }
}

/// Stores `variant`; a store that fails has lost it.
async fn store<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, ask: &mut Ask, variant: Arc<Variant>) {
    let stored = within(platform, exchange.plan.responses_timeout, platform.store(&ask.resource, variant)).await;
    match timely(stored) {
        Ok(()) => ask.told.stored = true,
        Err(failure) => {
            ask.told.stored = false;
            exchange.record.cache_failed(platform.cache_store(), failure);
        }
    }
}

/// Removes all that is stored of `resource`.
pub(super) async fn remove<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, resource: &str) {
    let removed = within(platform, exchange.plan.responses_timeout, platform.remove_stored(resource)).await;
    if let Err(failure) = timely(removed) {
        exchange.record.cache_failed(platform.cache_store(), failure);
    }
}

//! Stored responses that were served stale, asked for again after the answer (RFC 5861 §3).

use std::sync::Arc;

use http::{Method, StatusCode};

use super::super::exchange::Exchange;
use super::super::proxy;
use super::super::within::{timely, within};
use super::asking::without_conditions;
use super::keeping::{ends, entry, is_framed, until};
use super::{Leading, across};
use crate::body::Body;
use crate::cache::resource::{Content, Variant};
use crate::cache::validation;
use crate::http::proxy_status::error_type;
use crate::io::IoErrorKind;
use crate::meter::Meter;
use crate::outcome::Reply;
use crate::plan::{Action, Plan};
use crate::ports::Platform;
use crate::record::{Record, Revalidation};
use crate::state::State;

/// Asks for a stored response again, unless another instance does. Returns the record of that, with facts for the access log if it has failed.
pub(crate) async fn revalidate<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    one: Revalidation,
) -> Option<Record> {
    let cache = plan.routes.get(one.route).and_then(|route| route.cache.as_ref());
    let cell = match cache.filter(|cache| platform.flights_in_store() && !cache.wait.is_zero()) {
        Some(cache) => {
            match across::acquire(plan, platform, cache, (&one.resource, &one.variant.part, one.chosen_by)).await {
                Ok(None) => {
                    drop(Leading { platform, resource: one.resource, flight: Some(one.flight) });
                    return None;
                }
                cell => cell.ok().flatten(),
            }
        }
        None => None,
    };
    let mut record = Record::background(plan, platform, (one.route, &one.call));
    record.meter = state.metrics().map(|_| Meter::begin(platform.monotonic()));
    let is_failed = ask_again(plan, state, platform, one, &mut record).await.is_none();
    if let Some(cell) = cell {
        across::release(plan, platform, cell).await;
    }
    if !is_failed {
        record.facts = None;
    }
    Some(record)
}

/// Asks again; none if the upstream has failed, so that the stored response stays as it is.
async fn ask_again<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    one: Revalidation,
    record: &mut Record,
) -> Option<()> {
    let Revalidation { route, mut call, resource, asked, asker, chosen_by: _, variant, flight } = one;
    let _leading = Leading { platform, resource: resource.clone(), flight: Some(flight) };
    let route = plan.routes.get(route)?;
    let (Action::Proxy(action), Some(cache)) = (&route.action, &route.cache) else { return None };
    let own = call.headers.clone();
    cache.strip_unkeyed(&mut call.headers);
    call.headers = without_conditions(core::mem::take(&mut call.headers));
    validation::make_conditional(&variant.entry, &mut call.headers);
    let mut exchange = Exchange::new(plan, state, record, None);
    let sent = platform.now();
    let mut content = Body::Empty;
    // What is stored stays where the upstream fails: nothing else comes next.
    let asked_for = proxy::send(&mut exchange, platform, route, action, (&mut call, &mut content), false);
    let response = match Box::pin(asked_for).await {
        Ok(Reply::Http(response)) => response,
        Ok(Reply::Upgrade(..)) => return None,
        Err(reject) => {
            (record.status, record.error) = (Some(reject.status), Some(reject.code));
            return None;
        }
    };
    record.status = Some(response.status());
    let times = (sent, platform.now());
    let (head, body) = response.into_parts();
    let request = (&Method::GET, &own);
    let fresh = if head.status == StatusCode::NOT_MODIFIED {
        let entry = validation::freshen(&variant.entry, cache.rules_for(asker), &asked, request, &head.headers, times);
        entry.filter(|entry| !entry.is_for_once).map(|entry| (entry, variant.content.clone()))
    } else {
        match entry((cache, platform.most_stored_bytes()), (&asked, asker), &own, (head.status, &head.headers), times) {
            Ok(entry) if is_framed(platform, &body) => {
                let content = match body {
                    Body::Empty => bytes::Bytes::new(),
                    Body::Full(bytes) => bytes,
                    Body::Stream(stream) => match platform.collect(stream, cache.rules.most_bytes).await {
                        // What came in one piece is a part of a larger buffer.
                        Ok(bytes) => bytes::Bytes::copy_from_slice(&bytes),
                        Err(error) => {
                            record.cause = Some(match error.kind {
                                // RFC 9209 §2.3.18
                                IoErrorKind::BodyTooLarge => "http_response_body_size",
                                kind => error_type(kind),
                            });
                            return None;
                        }
                    },
                };
                Some((entry, Content::Here(content)))
            }
            // What fails may be better the next time.
            Err(_) if head.status.is_server_error() => return None,
            Err(_) if !ends(head.status) => return Some(()),
            _ => None,
        }
    };
    // Who waits for a store that fails waits for nothing: the response is lost.
    let kept = match fresh {
        Some((entry, content)) => {
            let (part, until) = (variant.part.clone(), until(&entry, cache.rules_for(asker), times.1));
            let variant = Arc::new(Variant { part, asked: sent, until, entry, content });
            timely(within(platform, plan.responses_timeout, platform.store(&resource, variant)).await)
        }
        // What is answered to somebody in particular says nothing of what others get.
        None if super::is_personal(&asked, asker) => Ok(()),
        None => timely(within(platform, plan.responses_timeout, platform.remove_stored(&resource)).await),
    };
    if let Err(failure) = kept {
        record.cache_failed(platform.cache_store(), failure);
        return None;
    }
    Some(())
}

//! The question to the upstream whose answer may be stored.

use core::time::Duration;
use std::sync::Arc;

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::super::exchange::Exchange;
use super::super::fallback::{self, Came, Way};
use super::keeping::{keep_or_remove, take, until};
use super::{Ask, Leading, answer, end_stored, ends, tell};
use crate::body::Body;
use crate::cache::choosing::may_serve_on_error;
use crate::cache::resource::Variant;
use crate::cache::storing;
use crate::cache::validation;
use crate::call::Call;
use crate::error::Reject;
use crate::outcome::Reply;
use crate::plan::{Proxy, Route};
use crate::policy::cache::{Asker, Cache};
use crate::ports::{Keep, Platform};

/// The fields by which a client makes a request conditional, or asks for a part (RFC 9110 §13.1, §14.2).
const CONDITIONS: [HeaderName; 6] = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];

/// Asks the upstream, and stores what it answers.
pub(in crate::exec) async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (cache, route, action): (&Cache, &Route, &Proxy),
    mut ask: Box<Ask>,
    (call, mut body): (&mut Call, Body<P::Stream>),
) -> Result<Reply<P>, Reject> {
    if ask.goes_past && call.method == Method::POST && !ask.resource.is_empty() {
        return post(exchange, platform, (cache, route, action), ask, (call, body)).await;
    }
    if ask.goes_past {
        let mut reply = fallback::send(exchange, platform, (route, action), (call, &mut body)).await?;
        if let Reply::Http(response) = &mut reply {
            tell(exchange, &ask.told, response.headers_mut());
        }
        return Ok(reply);
    }
    let resource = ask.resource.clone();
    let mut leading = Leading { platform, resource, flight: ask.flight.take() };
    // The client's own, as stored answers are chosen by them. The upstream's request takes the others along.
    let own = call.headers.clone();
    prepare(&mut ask, cache, call);
    let sent = platform.now();
    let mut way = Way::new((route, action));
    let mut came = way.go(exchange, platform, (&mut *call, &mut body)).await;
    if let (Came::Reply(Ok(Reply::Http(response))), Some(known)) = (&mut came, &ask.known)
        && response.status() == StatusCode::NOT_MODIFIED
    {
        let known = Arc::clone(known);
        let times = (sent, platform.now());
        let rules = cache.rules_for(ask.asker);
        let request = (&Method::GET, &own);
        if let Some(entry) = validation::freshen(&known.entry, rules, &ask.asked, request, response.headers(), times) {
            ask.told.forward_status = Some(StatusCode::NOT_MODIFIED.as_u16());
            let part = known.part.clone();
            let fresh = Arc::new(Variant {
                part,
                asked: sent,
                until: until(&entry, rules, times.1),
                entry,
                content: known.content.clone(),
            });
            keep_or_remove(exchange, platform, &mut ask, &fresh).await;
            leading.end();
            (call.method, call.headers) = (ask.method(), own.clone());
            let outcome = ask.told.outcome;
            if let Some(reply) = answer(exchange, platform, &mut ask, (call, &fresh), outcome, times.1).await {
                return Ok(reply);
            }
            call.headers = without_conditions(core::mem::take(&mut call.headers));
        } else {
            // It is about another response than the stored one (RFC 9111 §4.3.4).
            call.headers = without_conditions(own.clone());
        }
        call.method = ask.method();
        way = Way::new((route, action));
        came = way.go(exchange, platform, (&mut *call, &mut Body::Empty)).await;
    }
    if came.is_next(|reply| is_failed(reply), action)
        && let Some(known) = ask.known.clone()
        && may_serve_on_error(&cache.rules, &ask.asked, &known.entry, platform.now())
    {
        leading.end();
        ask.told.forward_status = came.status().map(|status| status.as_u16());
        ask.told.detail = Some("stale-if-error");
        (call.method, call.headers) = (ask.method(), own.clone());
        let outcome = ask.told.outcome;
        if let Some(reply) = answer(exchange, platform, &mut ask, (call, &known), outcome, platform.now()).await {
            way.stale(exchange);
            return Ok(reply);
        }
        // They were of what is stored.
        way.forget_conditions(without_conditions);
    }
    let mut reply = way.end(exchange, platform, call, came).await?;
    if let Reply::Http(response) = &mut reply {
        if exchange.stands_in() {
            ask.told.detail = Some("fallback");
            tell(exchange, &ask.told, response.headers_mut());
            return Ok(reply);
        }
        take(exchange, platform, cache, &mut ask, (&own, response), (sent, &mut leading)).await;
        tell(exchange, &ask.told, response.headers_mut());
    }
    Ok(reply)
}

/// Passes a `POST` on, and stores its answer for requests by `GET` where that says that it is one for them (RFC 9110 §9.3.3).
async fn post<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (cache, route, action): (&Cache, &Route, &Proxy),
    mut ask: Box<Ask>,
    (call, mut body): (&mut Call, Body<P::Stream>),
) -> Result<Reply<P>, Reject> {
    // The upstream's request takes the method and the fields along.
    let before = call.clone();
    cache.strip_unkeyed(&mut call.headers);
    let sent = platform.now();
    let mut reply = fallback::send(exchange, platform, (route, action), (&mut *call, &mut body)).await?;
    if let Reply::Http(response) = &mut reply {
        let times = (sent, platform.now());
        let authority = ends::authority(call);
        let target = ends::target(call, &authority);
        let (rules, head) = (cache.rules_for(ask.asker), (response.status(), response.headers()));
        if let Ok(entry) = storing::store_post(rules, &ask.asked, target, (&Method::POST, &before.headers), head, times)
            && !exchange.stands_in()
            && matches!(response.body(), Body::Stream(stream) if platform.is_framed(stream))
            && let Body::Stream(stream) = core::mem::take(response.body_mut())
        {
            // What was there before ends first: the answer comes after that.
            end_stored(exchange, platform, &before, response).await;
            exchange.has_ended_stored = true;
            let asked = platform.now().saturating_add(Duration::from_millis(1));
            let (resource, part) = (core::mem::take(&mut ask.resource), core::mem::take(&mut ask.part).into());
            let keep = Keep {
                resource,
                part,
                asked,
                until: until(&entry, rules, times.1),
                entry,
                most_bytes: cache.rules.most_bytes.min(platform.most_stored_bytes()),
                flight: None,
            };
            *response.body_mut() = Body::Stream(platform.keep(stream, Box::new(keep)));
            ask.told.stored = true;
        }
        tell(exchange, &ask.told, response.headers_mut());
    }
    Ok(reply)
}

/// Makes the request to the upstream of the client's: one whose answer can be stored.
fn prepare(ask: &mut Ask, cache: &Cache, call: &mut Call) {
    cache.strip_unkeyed(&mut call.headers);
    // Most of what is for one client is not stored, and they are told whether they have it.
    let is_for_one = ask.asker == Asker::WithCookies || (ask.asked.authorized && ask.asker != Asker::Caller);
    if let Some(known) = &ask.known {
        validation::make_conditional(&known.entry, &mut call.headers);
        call.headers.remove(RANGE);
        call.headers.remove(IF_RANGE);
    } else if !(ask.asked.has_range || ask.asked.is_head || ask.asked.directives.no_store || is_for_one) {
        // A 304 could not be stored, and the others that ask need all of it.
        call.headers.remove(IF_NONE_MATCH);
        call.headers.remove(IF_MODIFIED_SINCE);
    }
}

pub(super) fn without_conditions(mut headers: HeaderMap) -> HeaderMap {
    for name in CONDITIONS {
        headers.remove(name);
    }
    headers
}

/// Returns whether a stale response may take the place of this one (RFC 5861 §4).
fn is_failed<P: Platform>(reply: &Result<Reply<P>, Reject>) -> bool {
    let status = match reply {
        Ok(Reply::Http(response)) => response.status(),
        Ok(Reply::Upgrade(..)) => return false,
        Err(reject) => reject.status,
    };
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

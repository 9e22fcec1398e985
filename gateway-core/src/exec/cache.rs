//! Answers out of the cache, and into it (RFC 9111). What is decided is [`crate::cache`]'s.

mod across;
mod ends;
mod purge;
mod purge_book;
mod revalidation;

use core::time::Duration;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use self::across::{Across, Lead};
pub(super) use self::ends::end_stored;
pub(super) use self::purge::purge;
pub(crate) use self::purge_book::refresh as refresh_purges;
pub(crate) use self::revalidation::revalidate;
use super::exchange::Exchange;
use super::proxy::{self, Unprepared};
use super::within::{timely, within};
use crate::body::Body;
use crate::cache::answering::{self, Answer};
use crate::cache::asked::Asked;
use crate::cache::choosing::{Choice, Why, choose, may_serve_on_error};
use crate::cache::directives::RequestDirectives;
use crate::cache::entry::Entry;
use crate::cache::flights::{Flight, Flights, Key, Progress, Turn, UNSHARED_FOR};
use crate::cache::purges::Reach;
use crate::cache::resource::{Content, Found, Resource, Variant};
use crate::cache::rules::{Rules, is_of_request};
use crate::cache::status::{self, Outcome, Remaining, Told};
use crate::cache::storing::{self, NotStored};
use crate::cache::validation::{self, HeadUpdate};
use crate::call::Call;
use crate::error::Reject;
use crate::outcome::Reply;
use crate::plan::{Proxy, Route};
use crate::policy;
use crate::policy::cache::{Asker, Cache};
use crate::ports::{Keep, Platform};
use crate::record::{Owed, Revalidation};
use crate::time::Timestamp;
use crate::trace::Event;

/// `Cache-Status` (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The longest that a request waits for another one between two looks at its progress.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The fields by which a client makes a request conditional, or asks for a part (RFC 9110 §13.1, §14.2).
const CONDITIONS: [HeaderName; 6] = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];

/// The result of a look into the store.
pub(super) enum Look<P: Platform> {
    /// An answer out of it.
    Answer(Reply<P>),
    /// The upstream is asked.
    Ask(Box<Ask>),
}

/// A question to the upstream whose answer may be stored.
pub(super) struct Ask {
    resource: String,
    part: String,
    asked: Asked,
    asker: Asker,
    /// The stored response that is to be confirmed.
    known: Option<Arc<Variant>>,
    told: Told,
    /// A hash of the values by which stored responses are chosen.
    chosen_by: Option<u64>,
    /// Set if this request looks for a response alone, and stores none.
    goes_past: bool,
    /// The flight that it leads.
    flight: Option<Flight>,
}

/// Looks for a stored answer to `call`.
///
/// # Errors
/// [`Reject::not_stored`], where the client wants no other.
pub(super) async fn look<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (cache, route): (&Cache, &Route),
    (call, unprepared): (&mut Call, &mut Unprepared<'_, '_>),
    has_content: bool,
) -> Result<Look<P>, Reject> {
    let mut across = Across::new(platform);
    let asked = (call, unprepared);
    let found = look_across(exchange, platform, (cache, route, &mut across), asked, has_content).await;
    across.end(exchange);
    found
}

async fn look_across<'l, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &'l P,
    (cache, route, across): (&Cache, &Route, &mut Across<'l, P>),
    (call, unprepared): (&mut Call, &mut Unprepared<'_, '_>),
    has_content: bool,
) -> Result<Look<P>, Reject> {
    let is_bypassed = cache.bypass.is_some() && cache.is_bypassed(call, platform.now());
    let is_read = matches!(call.method, Method::GET | Method::HEAD) && !has_content;
    let is_post = call.method == Method::POST && cache.stores_post(call);
    if is_bypassed || !(is_read || is_post) {
        let outcome = if is_bypassed { Outcome::Bypass } else { Outcome::Method };
        return Ok(Look::Ask(Box::new(Ask::past(outcome))));
    }
    if is_read {
        cache.reduce(call);
    }
    let mut asked = Asked::of(&call.method, &call.headers);
    // RFC 9111 §3.5 speaks of `Authorization` alone: whoever has proved who they are in another way has the same rights.
    asked.authorized |= call.has_credentials || call.certificate.is_some() || exchange.private.is_some();
    asked.authorized |= call.caller.as_deref().is_some_and(|caller| !caller.is_anonymous());
    let resource = policy::cache::resource(call);
    let steered = call.steered.and_then(|index| exchange.plan.upstreams.get(usize::try_from(index).ok()?));
    let part = cache.part(&route.stored_as, steered.map(|upstream| upstream.name.as_str()), call);
    let mut ask = Ask {
        resource,
        part,
        asked,
        asker: cache.asker(call),
        known: None,
        told: Told::default(),
        chosen_by: None,
        goes_past: is_post,
        flight: None,
    };
    if is_post {
        ask.told.outcome = Outcome::Method;
        return Ok(Look::Ask(Box::new(ask)));
    }
    // Most requests are answered out of the store, and need no key. A look that takes its time is not repeated because any flight has ended meanwhile.
    let is_far = platform.purges_in_store();
    let mut whole = is_far.then(|| platform.flights(exchange.state).key(&ask.resource, &ask.part));
    // The time is asked for once somebody waits, or asks others.
    let mut begun = None;
    // The latest response that was there at first, and the flights that were held up.
    let (mut known, mut held_up) = (None, 0);
    loop {
        let flights = platform.flights(exchange.state);
        let ended = flights.ended(whole);
        let stored = within(platform, exchange.plan.responses_timeout, platform.stored(&ask.resource)).await;
        let stored = match timely(stored) {
            // Without the purges nobody knows what is good.
            Ok(Some(stored)) => purge_book::current(exchange, platform).await.map(|()| Some(stored)),
            other => other,
        };
        let stored = match stored {
            Ok(stored) => stored,
            Err(failure) => {
                exchange.record.cache_failed(platform.cache_store(), failure);
                ask.told.outcome = Outcome::Miss;
                ask.goes_past = true;
                return Ok(Look::Ask(Box::new(ask)));
            }
        };
        if stored.as_deref().is_some_and(Resource::varies_by_others) {
            unprepared.prepare(exchange.plan, platform, call);
        }
        let now = platform.now();
        let found = stored
            .as_deref()
            .map_or(Found::Nothing, |stored: &Resource| stored.find(&ask.part, &call.headers, &ask.asked));
        let fitting = if let Found::This(variant) = &found { Some(variant.asked) } else { None };
        let (choice, variant) = match found {
            Found::Nothing => (Outcome::UriMiss, None),
            Found::Others => (Outcome::VaryMiss, None),
            Found::This(variant) => {
                match purged(exchange, platform, (cache, &ask.resource, &ask.asked), variant, now) {
                    Some(Choice::Fresh) => {
                        if let Some(reply) =
                            answer(exchange, platform, &mut ask, (call, variant), Outcome::Hit, now).await
                        {
                            return Ok(Look::Answer(reply));
                        }
                        (Outcome::UriMiss, None)
                    }
                    Some(Choice::StaleWhileRevalidate) => {
                        ask.chosen_by = stored.as_deref().and_then(|stored| stored.chosen_by(&ask.part, &call.headers));
                        let first = whole.is_none();
                        let whole = *whole.get_or_insert_with(|| flights.key(&ask.resource, &ask.part));
                        match flights.turn(flight_key(whole, &ask), ended, now) {
                            Turn::Lead(flight) => {
                                unprepared.prepare(exchange.plan, platform, call);
                                owe_revalidation(exchange, call, &ask, variant, flight);
                            }
                            // It may have been another one's.
                            Turn::Look if first => continue,
                            _ => {}
                        }
                        if let Some(reply) =
                            answer(exchange, platform, &mut ask, (call, variant), Outcome::Hit, now).await
                        {
                            return Ok(Look::Answer(reply));
                        }
                        (Outcome::UriMiss, None)
                    }
                    Some(Choice::Revalidate(why)) => (outcome(why), Some(Arc::clone(variant))),
                    Some(Choice::Miss(why)) => (outcome(why), None),
                    None => (Outcome::UriMiss, None),
                }
            }
        };
        ask.told.outcome = choice;
        ask.known = variant;
        if ask.asked.directives.only_if_cached {
            return Err(Reject::not_stored());
        }
        if ask.asked.is_head && !cache.heeds_head() {
            (ask.known, ask.goes_past) = (None, true);
            return Ok(Look::Ask(Box::new(ask)));
        }
        // A flight may have stored what does not answer this one. Then the next is no better: nobody stands in line. Once it shows by which
        // fields responses are chosen, those with the same values are one flight.
        let chosen_by = stored.as_deref().and_then(|stored| stored.chosen_by(&ask.part, &call.headers));
        let latest = if chosen_by.is_some() { fitting } else { stored.as_deref().and_then(|it| it.latest(&ask.part)) };
        let before = core::mem::replace(&mut ask.chosen_by, chosen_by);
        if before.is_none() && chosen_by.is_some() {
            known = Some(latest);
        }
        let is_passed_by = before.is_some_and(|_| before != chosen_by) || latest > *known.get_or_insert(latest);
        if is_passed_by
            || !may_share(cache, (&ask.asked, ask.asker), &call.method)
            || would_do_for_others(exchange, platform, (cache, &ask), now)
        {
            return Ok(Look::Ask(Box::new(ask)));
        }
        let whole = *whole.get_or_insert_with(|| flights.key(&ask.resource, &ask.part));
        let key = flight_key(whole, &ask);
        match across.turn(|| flights.turn(key, ended, now)) {
            Turn::Lead(flight) => {
                let is_unshared = stored.as_deref().is_some_and(|stored| stored.is_unshared(&ask.part, now));
                let begun = *begun.get_or_insert_with(|| platform.monotonic());
                // Boxed: an answer out of the cache is given without room for it.
                let lead = Box::pin(across.lead(exchange, &mut ask, (cache, begun), (flight, is_unshared))).await;
                match lead {
                    Lead::Here(flight) => {
                        platform.leads();
                        ask.flight = flight;
                        return Ok(Look::Ask(Box::new(ask)));
                    }
                    Lead::Look => {}
                }
            }
            Turn::Alone => return Ok(Look::Ask(Box::new(ask))),
            Turn::Look => {}
            Turn::Wait => {
                let now = platform.monotonic();
                let left = cache.wait.saturating_sub(now.saturating_sub(*begun.get_or_insert(now)));
                // Several slow clients would hold it up one after another.
                if left.is_zero() || held_up > 1 {
                    return Ok(Look::Ask(Box::new(ask)));
                }
                ask.told.collapsed = true;
                if Box::pin(end_of_flight(platform, (flights, key), &ask.resource, left)).await == Progress::HeldUp {
                    held_up += 1;
                }
            }
        }
    }
}

/// The key of the flight that answers `ask`, out of that of all its resource's.
fn flight_key(whole: Key, ask: &Ask) -> Key {
    ask.chosen_by.map_or(whole, |varied| whole.chosen_by(varied))
}

/// Waits until the flight for `key` has ended or is held up, and for `left` at the most.
async fn end_of_flight<P: Platform>(
    platform: &P,
    (flights, key): (&Flights, Key),
    resource: &str,
    left: Duration,
) -> Progress {
    let end = platform.monotonic().saturating_add(left);
    loop {
        let left = end.saturating_sub(platform.monotonic());
        // It ends early if others meet at the same place.
        let wait = platform.wait(resource, left.min(LOOK_EVERY));
        // If the flight has ended since the last look, its notice may have come before the wait.
        let progress = flights.progress(key, platform.now());
        if left.is_zero() || progress != Progress::UnderWay {
            return progress;
        }
        wait.await;
    }
}

/// Returns whether the stored response would answer all but this request, by whose own directives the upstream is asked: nobody waits for that.
fn would_do_for_others<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    (cache, ask): (&Cache, &Ask),
    now: Timestamp,
) -> bool {
    let asked = Asked { directives: RequestDirectives::default(), ..ask.asked };
    let Some(known) = ask.known.as_ref().filter(|_| asked != ask.asked) else { return false };
    let choice = purged(exchange, platform, (cache, &ask.resource, &asked), known, now);
    matches!(choice, Some(Choice::Fresh | Choice::StaleWhileRevalidate))
}

/// Says what `variant` may be used for, after what was purged; nothing if that is gone.
fn purged<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    (cache, resource, asked): (&Cache, &str, &Asked),
    variant: &Variant,
    now: Timestamp,
) -> Option<Choice> {
    let entry = &variant.entry;
    let choice = choose(&cache.rules, asked, entry, now);
    Some(match platform.purges(exchange.state).reach(resource, entry, variant.asked) {
        None => choice,
        Some(Reach::Hard) => return None,
        Some(Reach::Soft) if choice == Choice::Fresh => {
            let used = entry.stale_while_revalidate.or(cache.rules.stale_while_revalidate);
            let is_used = used.is_some_and(|time| !time.is_zero()) && !entry.must_revalidate;
            if is_used { Choice::StaleWhileRevalidate } else { Choice::Revalidate(Why::Stale) }
        }
        Some(Reach::Soft) => choice,
    })
}

/// Returns whether the answer to such a request may be waited for by others.
fn may_share(cache: &Cache, (asked, asker): (&Asked, Asker), method: &Method) -> bool {
    let directives = &asked.directives;
    !cache.wait.is_zero()
        && *method == Method::GET
        && !asked.has_range
        && !asked.is_for_origin
        && !directives.no_store
        && !directives.no_cache
        && (!asked.authorized || asker == Asker::Caller)
}

const fn outcome(why: Why) -> Outcome {
    match why {
        Why::Stale | Why::NoCache => Outcome::Stale,
        Why::Request => Outcome::Request,
        Why::Partial => Outcome::Partial,
    }
}

/// Has `variant` asked for again after the answer.
fn owe_revalidation(exchange: &mut Exchange<'_, '_>, call: &Call, ask: &Ask, variant: &Arc<Variant>, flight: Flight) {
    let Some(route) = exchange.record.route else { return };
    let mut call = call.clone();
    call.method = Method::GET;
    let (resource, variant) = (ask.resource.clone(), Arc::clone(variant));
    let (asked, asker, chosen_by) = (ask.asked, ask.asker, ask.chosen_by);
    let one = Revalidation { route, call, resource, asked, asker, chosen_by, variant, flight };
    exchange.record.owed.push(Owed::Revalidate(Box::new(one)));
}

/// The answer to `call` out of `variant`, in the room of its fields; none if its content is gone.
async fn answer<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    ask: &mut Ask,
    (call, variant): (&mut Call, &Variant),
    outcome: Outcome,
    now: Timestamp,
) -> Option<Reply<P>> {
    let entry = &variant.entry;
    let answer = if ask.asked.wants_all() {
        Answer::Whole
    } else {
        answering::answer(entry, &call.method, &call.headers, Some(variant.content.length()))
    };
    let is_head = call.method == Method::HEAD;
    // The bytes of the stored content that are sent.
    let range = match answer {
        Answer::Range { first, last, offset, .. } => {
            let length = last.checked_sub(first)?.checked_add(1)?;
            Some(offset..offset.checked_add(length)?)
        }
        Answer::Whole | Answer::NotModified | Answer::Unsatisfiable { .. } => None,
    };
    let body = match (&answer, &variant.content) {
        (Answer::NotModified | Answer::Unsatisfiable { .. }, _) => Body::Empty,
        _ if is_head => Body::Empty,
        (_, Content::Here(bytes)) => Body::Full(match range {
            None => bytes.clone(),
            Some(range) => {
                let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
                // INVARIANT: `answer` was told the length.
                bytes.get(range.clone())?;
                bytes.slice(range)
            }
        }),
        (_, content @ Content::There { .. }) => {
            match timely(
                within(platform, exchange.plan.responses_timeout, platform.stored_content(content, range)).await,
            ) {
                Ok(content) => content?,
                Err(failure) => {
                    exchange.record.cache_failed(platform.cache_store(), failure);
                    return None;
                }
            }
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status(entry);
    *response.headers_mut() = answering::fields(entry, &answer, now, core::mem::take(&mut call.headers));
    let age = entry.age(now);
    ask.told.ttl = Some(match entry.lifetime.checked_sub(age) {
        Some(left) => Remaining::Fresh(left),
        None => Remaining::Stale(age.saturating_sub(entry.lifetime)),
    });
    ask.told.outcome = outcome;
    tell(exchange, &ask.told, response.headers_mut());
    Some(Reply::Http(response))
}

/// Adds what the cache did to the answer, to the log and to the trace.
fn tell(exchange: &mut Exchange<'_, '_>, told: &Told, headers: &mut HeaderMap) {
    let mut text = String::with_capacity(64);
    status::write(exchange.plan.loop_guard.item(), told, &mut text);
    exchange.record.cached(told);
    exchange.note(|| Event::Cached(*told));
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(CACHE_STATUS, value);
    }
}

impl Ask {
    fn past(outcome: Outcome) -> Self {
        Self {
            resource: String::new(),
            part: String::new(),
            asked: Asked::default(),
            asker: Asker::Anyone,
            known: None,
            told: Told { outcome, ..Told::default() },
            chosen_by: None,
            goes_past: true,
            flight: None,
        }
    }
}

/// The request that asks the upstream. However it ends, those who wait for it go on.
struct Leading<'l, P: Platform> {
    platform: &'l P,
    resource: String,
    flight: Option<Flight>,
}

impl<P: Platform> Leading<'_, P> {
    fn end(&mut self) {
        if let Some(flight) = self.flight.take() {
            drop(flight);
            self.platform.notify(&self.resource);
        }
    }
}

impl<P: Platform> Drop for Leading<'_, P> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Asks the upstream, and stores what it answers.
pub(super) async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (cache, route, action): (&Cache, &Route, &Proxy),
    mut ask: Box<Ask>,
    (call, body): (&mut Call, Body<P::Stream>),
) -> Result<Reply<P>, Reject> {
    if ask.goes_past && call.method == Method::POST && !ask.resource.is_empty() {
        return post(exchange, platform, (cache, route, action), ask, (call, body)).await;
    }
    if ask.goes_past {
        let mut reply = proxy::send(exchange, platform, route, action, (call, body), false).await?;
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
    let mut reply = proxy::send(exchange, platform, route, action, (&mut *call, body), false).await;
    if let (Ok(Reply::Http(response)), Some(known)) = (&mut reply, &ask.known)
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
        reply = proxy::send(exchange, platform, route, action, (&mut *call, Body::Empty), false).await;
    }
    if is_failed(&reply)
        && let Some(known) = ask.known.clone()
        && may_serve_on_error(&cache.rules, &ask.asked, &known.entry, platform.now())
    {
        leading.end();
        if let Ok(Reply::Http(response)) = &reply {
            ask.told.forward_status = Some(response.status().as_u16());
        }
        ask.told.detail = Some("stale-if-error");
        (call.method, call.headers) = (ask.method(), own.clone());
        let outcome = ask.told.outcome;
        if let Some(reply) = answer(exchange, platform, &mut ask, (call, &known), outcome, platform.now()).await {
            return Ok(reply);
        }
    }
    let mut reply = reply?;
    if let Reply::Http(response) = &mut reply {
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
    (call, body): (&mut Call, Body<P::Stream>),
) -> Result<Reply<P>, Reject> {
    // The upstream's request takes the method and the fields along.
    let before = call.clone();
    cache.strip_unkeyed(&mut call.headers);
    let sent = platform.now();
    let mut reply = proxy::send(exchange, platform, route, action, (&mut *call, body), false).await?;
    if let Reply::Http(response) = &mut reply {
        let times = (sent, platform.now());
        let authority = ends::authority(call);
        let target = ends::target(call, &authority);
        let (rules, head) = (cache.rules_for(ask.asker), (response.status(), response.headers()));
        if let Ok(entry) = storing::store_post(rules, &ask.asked, target, (&Method::POST, &before.headers), head, times)
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

/// Returns whether what such a request is answered may be for who asks alone, and says nothing of what others get.
fn is_personal(asked: &Asked, asker: Asker) -> bool {
    asked.authorized || asker != Asker::Anyone || asked.directives.no_store
}

impl Ask {
    fn is_personal(&self) -> bool {
        is_personal(&self.asked, self.asker)
    }

    const fn method(&self) -> Method {
        if self.asked.is_head { Method::HEAD } else { Method::GET }
    }
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

fn without_conditions(mut headers: HeaderMap) -> HeaderMap {
    for name in CONDITIONS {
        headers.remove(name);
    }
    headers
}

/// Returns whether an answer with this `status` that is not stored says that the stored response is not what the origin has any more. What a request's
/// own fields bring about says nothing of it.
fn ends(status: StatusCode) -> bool {
    !status.is_server_error() && status != StatusCode::PARTIAL_CONTENT && !is_of_request(status)
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

/// Returns whether the end of a content is told, as far as that is known.
fn is_framed<P: Platform>(platform: &P, body: &Body<P::Stream>) -> bool {
    !matches!(body, Body::Stream(stream) if !platform.is_framed(stream))
}

/// Stores a response on its way to the client, if it may be.
async fn take<P: Platform>(
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
fn entry(
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
fn until(entry: &Entry, rules: &Rules, now: Timestamp) -> Timestamp {
    now.saturating_add(entry.keep_for(now, rules))
}

/// Stores a response that was confirmed, or removes it where it may not be stored any longer.
async fn keep_or_remove<P: Platform>(
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
async fn remove<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, resource: &str) {
    let removed = within(platform, exchange.plan.responses_timeout, platform.remove_stored(resource)).await;
    if let Err(failure) = timely(removed) {
        exchange.record.cache_failed(platform.cache_store(), failure);
    }
}

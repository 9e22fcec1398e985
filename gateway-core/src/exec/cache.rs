//! Answers out of the cache, and into it (RFC 9111). What is decided is [`crate::cache`]'s.

mod across;
mod asking;
mod ends;
mod keeping;
mod purge;
mod purge_book;
mod revalidation;

use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use self::across::{Across, Lead};
pub(super) use self::asking::ask;
pub(super) use self::ends::end_stored;
pub(super) use self::purge::purge;
pub(crate) use self::purge_book::refresh as refresh_purges;
pub(crate) use self::revalidation::revalidate;
use super::exchange::Exchange;
use super::proxy::Unprepared;
use super::within::{timely, within};
use crate::body::Body;
use crate::cache::answering::{self, Answer};
use crate::cache::asked::Asked;
use crate::cache::choosing::{Choice, Why, choose};
use crate::cache::directives::RequestDirectives;
use crate::cache::flights::{Flight, Flights, Key, Progress, Turn};
use crate::cache::purges::Reach;
use crate::cache::resource::{Content, Found, Resource, Variant};
use crate::cache::status::{self, Outcome, Remaining, Told};
use crate::call::Call;
use crate::error::Reject;
use crate::outcome::Reply;
use crate::plan::Route;
use crate::policy;
use crate::policy::cache::{Asker, Cache};
use crate::ports::Platform;
use crate::record::{Owed, Revalidation};
use crate::time::Timestamp;
use crate::trace::Event;
/// `Cache-Status` (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The longest that a request waits for another one between two looks at its progress.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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
    let steered = call.steered().and_then(|index| exchange.plan.upstreams.get(index));
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

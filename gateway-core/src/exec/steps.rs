//! A route's request steps: its limits, then its edits of the request.

use std::fmt::Display;

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::authenticate::Begun;
use super::exchange::Exchange;
use super::within::{timely, within};
use super::{authenticate, body as bodies, content, fault, idempotency, limits, maintenance, openapi, version};
use crate::body::Body;
use crate::call::Call;
use crate::config::FailMode;
use crate::error::Reject;
use crate::plan::{RequestStep, Route};
use crate::policy::authorize::Authorize;
use crate::policy::clients::Clients;
use crate::policy::concurrency::Concurrency;
use crate::policy::condition::Unmet;
use crate::policy::content_type::ContentTypes;
use crate::policy::counter::CounterVerdict;
use crate::policy::steer::{self, Steer};
use crate::policy::{header_edit, query_edit};
use crate::ports::{Platform, StoreFailure};
use crate::record::Permit;
use crate::time::Clock;
use crate::trace::Event;

/// What is special about the proof of a caller.
pub(super) enum Pending {
    /// The version of the API depends on it.
    Version {
        /// The refusal of all who have no other.
        gone: Option<Box<Reject>>,
    },
    /// It has been given already, to a route that asks for the same.
    Known,
}

/// Checks the body's length, if the request `states_length`, and applies the route's request steps, in order. Returns whether all of them are done: not
/// if the caller gets another version of the API, whose route has to be found.
pub(super) async fn apply<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    route: &'p Route,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    states_length: bool,
    mut pending: Option<Box<Pending>>,
) -> Result<bool, Reject> {
    if states_length {
        check_body_length(route, &call.headers)?;
    }
    let mut steps = route.request.iter();
    while let Some(step) = steps.next() {
        match step {
            RequestStep::Maintenance(step) => maintenance::check(exchange, platform, step, call).await?,
            RequestStep::Clients(rule) => clients(exchange, rule, call)?,
            RequestStep::Csrf(step) => step.check(call).map_err(|refusal| {
                exchange.note(|| Event::Policy { policy: "csrf", verdict: format!("refused: {}", refusal.word()) });
                refusal.reject()
            })?,
            RequestStep::Authenticate(_) if matches!(pending.as_deref(), Some(Pending::Known)) => {}
            RequestStep::Authenticate(step) => {
                match authenticate::begin(exchange, platform, step, call) {
                    Begun::Ended(proved) => proved?,
                    // Boxed, once for all proofs, so that not every request has room for them.
                    Begun::Waits(progress) => {
                        let limit = route.body_limit;
                        Box::pin(authenticate::go_on(exchange, platform, step, (call, body), limit, progress)).await?;
                    }
                }
                if let Some(Pending::Version { gone }) = pending.as_deref_mut() {
                    if version::pin(exchange, route, call)? {
                        return Ok(false);
                    }
                    if let Some(gone) = gone.take() {
                        return Err(*gone);
                    }
                }
            }
            RequestStep::Authorize(rule) => {
                rule.condition.strip_aliases(call);
                authorize(exchange, platform, rule, call)?;
            }
            // Boxed, so that not every request has room for it.
            RequestStep::RateLimit(limit) => match limits::following(limit, steps.as_slice(), platform) {
                [] => {
                    let is_followed = matches!(steps.as_slice().first(), Some(RequestStep::RateLimit(_)));
                    Box::pin(limits::check(exchange, platform, (limit, &route.name, is_followed), call)).await?;
                }
                others => {
                    for _ in others {
                        steps.next();
                    }
                    Box::pin(limits::check_all(exchange, platform, (limit, others, &route.name), call)).await?;
                }
            },
            RequestStep::Concurrency(limit) => Box::pin(concurrency(exchange, platform, (limit, route), call)).await?,
            RequestStep::Steer(ways) => steer(exchange, platform, ways, call),
            RequestStep::ContentType(types) => content_type(exchange, types, call, body.is_empty()),
            RequestStep::Validate(step) => {
                let is_empty = body.is_empty();
                let checked = Box::pin(content::check(platform, step, call, body, route.body_limit)).await;
                exchange.note(|| {
                    let verdict = match &checked {
                        _ if is_empty => "there is no content to look at".to_owned(),
                        Ok(()) => "the content is taken".to_owned(),
                        Err(reject) => format!("refused: {}: {}", reject.code, reject.reason()),
                    };
                    Event::Policy { policy: "validate", verdict }
                });
                if let Err(reject) = &checked {
                    exchange.record.ruled_out("validate", &reject.reason());
                }
                checked?;
            }
            // Boxed, so that not every request has room for it.
            RequestStep::OpenApi(checks) => {
                let asked = (&mut *call, &mut *body);
                Box::pin(openapi::check(exchange, platform, checks, asked, route.body_limit)).await?;
            }
            // Boxed, so that not every request has room for it.
            RequestStep::Fault(step) => Box::pin(fault::apply(exchange, platform, (step, route), call)).await?,
            // Boxed, so that not every request has room for it.
            RequestStep::Idempotency(rule) => {
                let asked = (&mut *call, &mut *body);
                Box::pin(idempotency::read(exchange, platform, rule, asked, route.body_limit)).await?;
            }
            RequestStep::EditHeaders(edits) => {
                header_edit::apply(edits, call);
                exchange.note(|| Event::HeadersEdited { edits: edits.count(), upstream: None });
            }
            RequestStep::EditQuery(edits) => {
                let query = query_edit::apply(edits, call);
                let from = || call.query().map(str::to_owned);
                exchange.note(|| Event::QueryEdited { from: from(), to: query.clone(), upstream: None });
                call.set_query(query);
            }
            // Boxed, so that not every request has room for it.
            RequestStep::EditBody(edit) => {
                let content = (&mut *call, &mut *body);
                Box::pin(bodies::edit_request(exchange, platform, (route, edit), content)).await?;
            }
            // Done as the request leaves.
            RequestStep::Method(_) => {}
        }
    }
    Ok(true)
}

/// Refuses a body of stated length above the route's limit, before any of it is read.
fn check_body_length(route: &Route, headers: &HeaderMap) -> Result<(), Reject> {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if length.is_some_and(|length| length > route.body_limit) { Err(Reject::body_too_large()) } else { Ok(()) }
}

/// Says another media type of the content. Other spellings of the field go: a server that takes one for it would read the content otherwise.
fn content_type(exchange: &mut Exchange<'_, '_>, types: &ContentTypes, call: &mut Call, is_empty: bool) {
    if is_empty {
        return;
    }
    content::keep_one_kind(call);
    let before = call.headers.get(CONTENT_TYPE).cloned();
    types.apply(&mut call.headers);
    exchange.note(|| {
        let after = call.headers.get(CONTENT_TYPE);
        let verdict = match (&before, after) {
            (_, Some(after)) if before.as_ref() != Some(after) => format!("the content goes on as {after:?}"),
            _ => "the content keeps its media type".to_owned(),
        };
        Event::Policy { policy: "contentType", verdict }
    });
}

/// Chooses the upstream of a call by who makes it.
fn steer(exchange: &mut Exchange<'_, '_>, clock: &impl Clock, ways: &[Steer], call: &mut Call) {
    for way in ways {
        way.when.strip_aliases(call);
    }
    let met = steer::choose(ways, call, clock);
    call.steer(met.and_then(|met| Some(ways.get(met)?.upstream)));
    exchange.note(|| Event::Steered { met });
}

/// Refuses a call from a client that `rule` does not let in.
fn clients(exchange: &mut Exchange<'_, '_>, rule: &Clients, call: &Call) -> Result<(), Reject> {
    match rule.shut(call.client_address(), call.geography) {
        None => {
            verdict_of(exchange, "clients", &rule.rule, None);
            Ok(())
        }
        Some(shut) => {
            verdict_of(exchange, "clients", &rule.rule, Some(&shut));
            Err(Reject::forbidden())
        }
    }
}

/// Records the verdict of a rule: none if it admits the request, else the reason.
fn verdict_of(exchange: &mut Exchange<'_, '_>, policy: &'static str, rule: &str, refused: Option<&dyn Display>) {
    if let Some(reason) = refused {
        exchange.record.ruled_out(rule, reason);
    }
    exchange.note(|| {
        let verdict = match refused {
            None => format!("`{rule}` admits it"),
            Some(reason) => format!("`{rule}` refuses it: {reason}"),
        };
        Event::Policy { policy, verdict }
    });
}

/// Refuses a call whose caller does not meet `rule`. Which one it is, the log tells, and never the client.
fn authorize(exchange: &mut Exchange<'_, '_>, clock: &impl Clock, rule: &Authorize, call: &Call) -> Result<(), Reject> {
    match rule.condition.unmet(call, clock) {
        None => {
            verdict_of(exchange, "authorize", &rule.rule, None);
            Ok(())
        }
        Some(unmet) => {
            let told = exchange.trace.is_some() || exchange.record.facts.is_some();
            match (unmet, &rule.condition.when) {
                (Unmet::When(_), Some(when)) if told => {
                    let why = when.why_not(call, clock.now(), exchange.trace.is_some());
                    verdict_of(exchange, "authorize", &rule.rule, Some(&why));
                }
                _ => verdict_of(exchange, "authorize", &rule.rule, Some(&unmet)),
            }
            Err(rule.refuse(call, unmet, exchange.scheme))
        }
    }
}

/// Takes a place for the request, until its exchange has ended.
async fn concurrency<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (limit, route): (&Concurrency, &Route),
    call: &Call,
) -> Result<(), Reject> {
    let cell = limit.cell(call, &route.name, platform);
    let holder = platform.next_u64();
    // Recorded before the store is asked: if the client leaves meanwhile, the place is still given back.
    exchange.record.permits.push(Permit { cell: cell.clone(), holder });
    let asked = platform.apply(&cell, limit.acquire(holder, route.lease));
    let answer = within(platform, exchange.plan.counter_timeout, asked).await;
    let verdict = verdict(exchange, platform, answer, CounterVerdict::lease);
    exchange.note(|| Event::Concurrency { name: limit.name.to_string(), cell, verdict });
    match verdict {
        Some(verdict) if verdict.acquired => Ok(()),
        Some(_) => {
            exchange.record.permits.pop();
            Err(limit.refuse())
        }
        // The store may have given the place and failed to say so: it is given back anyway.
        None if limit.fail == FailMode::Open => Ok(()),
        None => Err(Reject::counter_unavailable()),
    }
}

/// Returns the verdict in the `answer` of a counter, as `read` has it; none if its store failed, which is recorded.
pub(super) fn verdict<P: Platform, V>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    answer: Option<Result<CounterVerdict, StoreFailure>>,
    read: impl FnOnce(CounterVerdict) -> Option<V>,
) -> Option<V> {
    let verdict = timely(answer).and_then(|verdict| read(verdict).ok_or(StoreFailure::Malformed));
    verdict.map_err(|failure| exchange.record.store_failed(platform.counter_store(), failure)).ok()
}

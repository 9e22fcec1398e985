//! A second attempt beside a first one that takes its time: whichever answers first is the answer, and the other is given up.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;

use http::header::HOST;
use http::{Response, StatusCode};

use super::attempts::{self, Course, Kept};
use super::exchange::Exchange;
use super::target_uri::target_uri;
use super::{time_left, upstream_credentials};
use crate::balance::endpoint::Chosen;
use crate::balance::fleet::Fleet;
use crate::balance::hedge::Hedge;
use crate::balance::vitals::UnderWay;
use crate::balance::{Cluster, Outcome, passive};
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::io::IoError;
use crate::plan::Host;
use crate::policy::method_map::is_safe;
use crate::ports::{Platform, Repeat, UpstreamCall};

/// The answer to a request, or what has become of it.
type Answer<S> = Result<Response<Body<S>>, IoError>;

/// The answer of the place that was faster.
pub(super) struct Won<'p, S> {
    pub(super) endpoint: Chosen<'p>,
    /// When that was called.
    pub(super) begun: Duration,
    pub(super) answer: Answer<S>,
}

/// A request that may go to a second place.
pub(super) struct Second {
    call: Box<Call>,
    after: Duration,
}

/// Makes a request ready to go to a second place, if it may, and if there is one.
pub(super) fn second<S>(
    exchange: &Exchange<'_, '_>,
    (call, kept): (&Call, &Kept<S>),
    (cluster, fleet): (&Cluster, Option<&Fleet>),
) -> Option<Second> {
    let hedge: &Hedge = cluster.retry.as_ref()?.hedge.as_ref()?;
    // What only shows has no time that passes.
    if !is_safe(&call.method) || !kept.is_whole() || exchange.trace.is_some() {
        return None;
    }
    Some(Second { call: Box::new(call.clone()), after: hedge.after(&fleet?.latencies)? })
}

/// Waits for the answer to the request that is `sent` to the first place, and has it go to a second one if that takes its time.
///
/// # Errors
/// When there are no credentials for the second one, and the first has failed.
pub(super) async fn race<'p, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    course: &Course<'p>,
    (kept, second): (&Kept<P::Stream>, Second),
    (endpoint, sent, begun): (Chosen<'p>, &mut UpstreamCall<'_, P::Stream>, Duration),
) -> Result<Won<'p, P::Stream>, Reject> {
    let Course { route, action, target, upstream, cluster, deadlines: stated } = *course;
    let mut first = pin!(platform.fetch(sent));
    let answer = {
        let mut sleep = pin!(platform.sleep(second.after));
        poll_fn(|context| match first.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
        })
        .await
    };
    if let Some(answer) = answer {
        return Ok(Won { endpoint, begun, answer });
    }
    let now = platform.monotonic();
    let group = exchange.state.group(upstream).ok_or_else(Reject::internal)?;
    let is_open = cluster.whole_breaker().is_some() && group.fleet.circuit(|circuit| circuit.is_open(now));
    let tried = [endpoint.place];
    let mut call = second.call;
    let tries = Some((&tried[..], &endpoint));
    let choice =
        if is_open { None } else { exchange.state.choose((upstream, cluster), Some(&call), tries, (platform, now)) };
    let other = choice.filter(|(next, _)| next.place != endpoint.place);
    let Some((elsewhere, trial)) = other else { return Ok(Won { endpoint, begun, answer: first.await }) };
    let vitals = elsewhere.vitals(&group.vitals).get(elsewhere.place);
    let mut under_way = vitals.map(|vitals| UnderWay::begin(vitals, trial));
    let place = cluster.adaptive.map(|rule| attempts::place_for(exchange, &group.fleet, rule, now));
    // What is not sent takes nothing of the budget.
    if matches!(place, Some(None)) || !group.fleet.take_attempt(true) {
        drop((place, under_way));
        return Ok(Won { endpoint, begun, answer: first.await });
    }
    if let Some(under_way) = &mut under_way {
        under_way.place(place.flatten());
    }
    exchange.record.tried_again();
    call.headers = kept.headers().clone();
    if let Host::Upstream = &target.host {
        call.headers.insert(HOST, elsewhere.authority.clone());
    }
    elsewhere.set_own(&mut call);
    let uri = target_uri(action, &elsewhere, &call)?;
    let mut body = kept.whole_body();
    let elapsed = now.saturating_sub(begun).saturating_add(exchange.spent());
    let deadlines = attempts::deadlines(stated, Some(cluster), elapsed);
    time_left::tell(upstream, &mut call.headers, deadlines.total);
    if let Some(credentials) = &upstream.credentials {
        let (to, content) = ((&mut *call, elsewhere.scheme, &uri), (&mut body, route.body_limit));
        let mut applied = Box::pin(upstream_credentials::apply(exchange, platform, credentials, to, content));
        // A token may have to be asked for first.
        let came = either(first.as_mut(), applied.as_mut()).await;
        drop(applied);
        match came {
            First::One(answer) => return Ok(Won { endpoint, begun, answer }),
            First::Other(Ok(_)) => {}
            First::Other(Err(_)) => return Ok(Won { endpoint, begun, answer: first.await }),
        }
    }
    exchange.state.sent(&elsewhere);
    let Call { method, headers, .. } = &mut *call;
    let mut sent = UpstreamCall {
        upstream,
        endpoint: &elsewhere,
        method,
        uri,
        headers,
        body,
        deadlines,
        // It is a further attempt by itself.
        repeat: Repeat::none(),
        known_edits: None,
    };
    let mut other = pin!(platform.fetch(&mut sent));
    let rule = cluster.retry.as_ref();
    let is_failure = |answer: &Answer<P::Stream>| rule.is_none_or(|retry| kept.is_failure(retry, answer));
    let (is_other, answer) = match either(first.as_mut(), other.as_mut()).await {
        First::One(answer) if is_failure(&answer) => {
            attempts::note(exchange, platform, (upstream, &endpoint), begun, status(&answer));
            let is_unsent = answer.as_ref().err().is_some_and(|error| error.retry);
            let mut answer = other.await;
            // One that was sent before may have been carried out, whatever becomes of the other.
            if let Err(error) = &mut answer {
                error.retry &= is_unsent;
            }
            (true, answer)
        }
        First::Other(answer) if is_failure(&answer) => {
            attempts::told((exchange.state, platform), (upstream, &elsewhere), (now, false), status(&answer));
            let is_unsent = answer.as_ref().err().is_some_and(|error| error.retry);
            let mut answer = first.await;
            if let Err(error) = &mut answer {
                error.retry &= is_unsent;
            }
            (false, answer)
        }
        First::One(answer) => (false, answer),
        First::Other(answer) => (true, answer),
    };
    if !is_other {
        return Ok(Won { endpoint, begun, answer });
    }
    // The first has taken so long at the least: others go elsewhere sooner.
    if let Some(vitals) = endpoint.vitals(&group.vitals).get(endpoint.place) {
        let now = platform.monotonic();
        passive::took(vitals, now, Outcome { status: Some(StatusCode::OK), took: now.saturating_sub(begun) });
    }
    exchange.record.under_way = under_way;
    Ok(Won { endpoint: elsewhere.clone(), begun: now, answer })
}

/// The output of whichever of two futures was ready first.
enum First<A, B> {
    One(A),
    Other(B),
}

/// Waits for one of two futures; the other goes on where it was.
async fn either<A: Future, B: Future>(mut one: Pin<&mut A>, mut other: Pin<&mut B>) -> First<A::Output, B::Output> {
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(First::One(output)),
        Poll::Pending => other.as_mut().poll(context).map(First::Other),
    })
    .await
}

fn status<S>(answer: &Answer<S>) -> Result<StatusCode, IoError> {
    answer.as_ref().map(Response::status).map_err(|error| *error)
}

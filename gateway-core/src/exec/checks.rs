//! Checks of the places of upstreams, by whoever has a timer.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, StatusCode, Uri, Version};

use super::upstream_credentials;
use super::within::within;
use crate::balance::Turn;
use crate::balance::active::{Active, Check, Question, Trouble};
use crate::balance::endpoint::Chosen;
use crate::balance::vitals::Vitals;
use crate::body::Body;
use crate::call::Call;
use crate::io::{IoError, IoErrorKind};
use crate::net::Deadlines;
use crate::plan::{Endpoint, Plan, Upstream};
use crate::ports::{Platform, Repeat, UpstreamCall};
use crate::state::State;
use crate::store_key::{KeyUse, StoreKey};
use crate::together::together;

/// The most bytes of an answer that are looked at.
const MOST_BYTES: u64 = 64 * 1024;

/// A check that is due.
#[derive(Debug)]
pub struct DueCheck {
    upstream: usize,
    vitals: Arc<Vitals>,
}

/// The places of `upstream` that are called, and what is known of each.
fn places<'p>(state: &State, upstream: &'p Upstream, now: Duration) -> impl Iterator<Item = (Chosen<'p>, Arc<Vitals>)> {
    let places = state.group(upstream).into_iter().flat_map(move |group| group.places(upstream, now));
    places.filter(|(endpoint, _)| !endpoint.is_disabled())
}

fn active(upstream: &Upstream) -> Option<&Active> {
    upstream.cluster.as_deref()?.active.as_deref()
}

/// The checks that are due, which have begun by that, and the time until the next one is; none where there are no checks.
pub(crate) fn due(plan: &Plan, state: &State, platform: &impl Platform) -> (Vec<DueCheck>, Option<Duration>) {
    let (mut due, mut next): (Vec<DueCheck>, Option<Duration>) = (Vec::new(), None);
    let now = platform.monotonic();
    for upstream in &plan.upstreams {
        let Some(active) = active(upstream) else { continue };
        for (_, vitals) in places(state, upstream, now) {
            let left = match active.begin(&vitals, now, platform.next_u64()) {
                Ok(()) => {
                    due.push(DueCheck { upstream: upstream.index, vitals });
                    active.every
                }
                Err(left) => left,
            };
            next = Some(next.map_or(left, |next| next.min(left)));
        }
    }
    (due, next)
}

/// Makes a check, and takes note of what has become of it.
pub(crate) async fn check<P: Platform>(plan: &Plan, state: &State, platform: &P, due: DueCheck) {
    let DueCheck { upstream, vitals } = due;
    let Some(upstream) = plan.upstreams.get(upstream) else { return };
    let Some(active) = active(upstream) else { return };
    // It may be gone meanwhile.
    let mut all = places(state, upstream, platform.monotonic());
    let Some((endpoint, _)) = all.find(|(_, known)| Arc::ptr_eq(known, &vitals)) else { return };
    let limit = active.timeout;
    let outcome = match &active.check {
        Check::Connection => {
            platform.connect((upstream, &endpoint), limit).await.map_err(|error| Trouble::Io(error.kind))
        }
        Check::Question(question) => ask((plan, state, platform), (upstream, &endpoint), question, limit).await,
    };
    let turn = active.told(&vitals, platform.monotonic(), outcome);
    let (name, url) = (&upstream.name, || endpoint.url());
    match (turn, outcome) {
        (Some(Turn::Out), Err(trouble)) => {
            platform.hears_of_upstream(&format_args!(
                "the upstream `{name}`: {} is left out, its checks fail: {trouble}",
                url()
            ));
        }
        (Some(_), _) => {
            platform.hears_of_upstream(&format_args!("the upstream `{name}`: {} is back, its checks succeed", url()))
        }
        (None, _) => {}
    }
}

/// Returns whether places of upstreams are checked.
pub(crate) fn are_checked(plan: &Plan) -> bool {
    plan.upstreams.iter().any(|upstream| active(upstream).is_some())
}

/// The places that fail their checks, as the store has them: a line for each, with the name of its upstream and its URL. The value expires when nobody
/// checks any more; where no place fails, there is none.
type Failing = Vec<u8>;

/// The time for which the value holds.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// The longest that the store is waited for.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest that a place is checked until it is decided whether it is well.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

fn key() -> Option<StoreKey> {
    StoreKey::written(KeyUse::Checks, |key| {
        key.push_str("failing");
        true
    })
}

fn line(upstream: &Upstream, endpoint: &Endpoint) -> String {
    [&*upstream.name, " ", &endpoint.url(), "\n"].concat()
}

fn is_in(failing: &[u8], line: &str) -> bool {
    failing.split_inclusive(|byte| *byte == b'\n').any(|other| other == line.as_bytes())
}

/// Reads which places fail their checks; none if the store can't tell.
async fn stored<P: Platform>(platform: &P) -> Option<Failing> {
    let value = within(platform, STORE_TIMEOUT, platform.get(key()?.as_str())).await?.ok()?;
    Some(value.map_or_else(Vec::new, |value| value.to_vec()))
}

/// Reads again which places fail their checks, for the requests to come.
pub(crate) async fn refresh<P: Platform>(plan: &Plan, state: &State, platform: &P) {
    // What was known before ends by itself.
    let Some(failing) = stored(platform).await else { return };
    take_over(plan, state, platform, &failing);
}

fn take_over(plan: &Plan, state: &State, platform: &impl Platform, failing: &[u8]) {
    let now = platform.monotonic();
    for upstream in plan.upstreams.iter().filter(|upstream| active(upstream).is_some()) {
        for (endpoint, vitals) in places(state, upstream, platform.monotonic()) {
            let is_out = is_in(failing, &line(upstream, &endpoint));
            let was_out = vitals.checked(|checked| {
                let was_out = checked.is_out();
                checked.take_over(is_out);
                was_out
            });
            if was_out && !is_out {
                vitals.arrived(now);
            }
            vitals.leave_out_until(if is_out { now.saturating_add(KEPT_FOR) } else { Duration::ZERO });
        }
    }
}

/// Checks all places, and leaves what has come of it in the store.
pub(crate) async fn check_all<P: Platform>(plan: &Plan, state: &State, platform: &P) {
    let before = stored(platform).await;
    if let Some(failing) = &before {
        take_over(plan, state, platform, failing);
    }
    let mut decisions = Vec::new();
    for upstream in &plan.upstreams {
        let Some(active) = active(upstream) else { continue };
        for (_, vitals) in places(state, upstream, platform.monotonic()) {
            let index = upstream.index;
            decisions.push(decide((plan, state, platform), active, (index, vitals)));
        }
    }
    together(decisions).await;
    let mut failing = String::new();
    for upstream in plan.upstreams.iter().filter(|upstream| active(upstream).is_some()) {
        for (endpoint, vitals) in places(state, upstream, platform.monotonic()) {
            if vitals.checked(|checked| checked.is_out()) {
                failing.push_str(&line(upstream, &endpoint));
            }
        }
    }
    let Some(key) = key() else { return };
    let failed = if !failing.is_empty() {
        let put = platform.put(key.as_str(), failing.into(), Some(KEPT_FOR));
        within(platform, STORE_TIMEOUT, put).await.is_none_or(|put| put.is_err())
    } else if before.is_none_or(|before| !before.is_empty()) {
        within(platform, STORE_TIMEOUT, platform.delete(key.as_str())).await.is_none_or(|deleted| deleted.is_err())
    } else {
        false
    };
    if failed {
        platform.hears_of_upstream(&"the places that fail their checks can't be stored");
    }
}

/// Checks a place until it is decided whether it is well.
async fn decide<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    active: &Active,
    (upstream, vitals): (usize, Arc<Vitals>),
) {
    vitals.checked(|checked| checked.take_over(checked.is_out()));
    let begun = platform.monotonic();
    loop {
        check(plan, state, platform, DueCheck { upstream, vitals: Arc::clone(&vitals) }).await;
        let is_late = platform.monotonic().saturating_sub(begun).saturating_add(active.every) > DECIDED_WITHIN;
        // The next run goes on, if it is of this instance.
        if is_late || !vitals.checked(|checked| checked.is_open()) {
            return;
        }
        platform.sleep(active.every).await;
    }
}

/// Asks a place within `limit`.
async fn ask<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    (upstream, endpoint): (&Upstream, &Endpoint),
    question: &Question,
    limit: Duration,
) -> Result<(), Trouble> {
    let mut headers = question.headers.clone();
    headers.insert(HOST, question.host.as_ref().unwrap_or(endpoint.usual_host()).clone());
    endpoint.add_own(&mut headers);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("edgeway"));
    // So that a gateway that is its own upstream notices.
    plan.loop_guard.stamp_request(&mut headers, Version::HTTP_11);
    let uri = Uri::from(question.target.clone());
    let mut call = Call::new(question.method.clone(), uri.clone(), headers);
    if let Some(credentials) = &upstream.credentials {
        let to = (endpoint.scheme, &uri, &*question.content);
        let are_there = upstream_credentials::apply_own((plan, state, platform), credentials, &mut call, to).await;
        are_there.ok_or(Trouble::Credentials)?;
    }
    let mut sent = UpstreamCall {
        upstream,
        endpoint,
        method: &mut call.method,
        uri,
        headers: &mut call.headers,
        body: if question.content.is_empty() { Body::Empty } else { Body::Full(question.content.clone()) },
        deadlines: Deadlines { connect: Some(limit), first_byte: Some(limit), total: Some(limit), idle: None },
        repeat: Repeat::of(None),
        known_edits: None,
    };
    let answered = async {
        let (head, body) = platform.fetch(&mut sent).await?.into_parts();
        // Read in any case: the connection serves the next check then.
        let content = match body {
            Body::Empty => Bytes::new(),
            Body::Full(content) => content,
            Body::Stream(stream) => match platform.collect(stream, MOST_BYTES).await {
                // A place may be asked for whatever it has.
                Err(error) if error.kind == IoErrorKind::BodyTooLarge => Bytes::new(),
                collected => collected?,
            },
        };
        Ok((head.status, content))
    };
    let answer: Result<(StatusCode, Bytes), IoError> = answered.await;
    // All connections that there may be are in use, which says nothing against the place.
    if answer.as_ref().is_err_and(|error| error.kind == IoErrorKind::ConnectionLimit) {
        return Ok(());
    }
    let (status, content) = answer.map_err(|error| Trouble::Io(error.kind))?;
    question.judge(status, &content)
}

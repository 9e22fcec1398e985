//! The attempts of a call to an upstream in several places: the choice of a place, what becomes of each, and the next one.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, RETRY_AFTER, TRAILER};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::exchange::Exchange;
use super::target_uri::target_uri;
use super::{content, time_left, upstream_credentials};
use crate::balance::adaptive::{Adaptive, Place, Sample};
use crate::balance::breaker::Admission;
use crate::balance::endpoint::Chosen;
use crate::balance::fleet::{Fleet, Probe};
use crate::balance::hedge::Hedge;
use crate::balance::retry::{Attempt, Retry, retry_after};
use crate::balance::sticky::Sticky;
use crate::balance::vitals::UnderWay;
use crate::balance::{Balance, Cluster, Outcome, Turn, passive};
use crate::body::Body;
use crate::call::Call;
use crate::config::Priority;
use crate::error::Reject;
use crate::io::{IoError, IoErrorKind};
use crate::net::{Deadlines, Scheme};
use crate::plan::{Host, Proxy, Route, Target, Upstream};
use crate::ports::{Platform, Repeat, UpstreamCall};
use crate::record::Owed;
use crate::state::{Group, State};
use crate::trace::Event;

/// A request as it was before it was sent, to be sent again.
pub(super) struct Kept<S> {
    method: Method,
    headers: HeaderMap,
    content: Content<S>,
    /// Set if it may be sent again although it may have been carried out.
    may_repeat: bool,
}

/// The content of a request that is to be sent again.
enum Content<S> {
    /// All of it is there.
    Whole(Bytes),
    /// It is on its way from the client, and nothing of it has been read.
    Unread(S),
    /// It is gone.
    Gone,
}

/// The way of a call: the route's action, and the upstream that was chosen.
pub(super) struct Course<'p> {
    pub(super) route: &'p Route,
    pub(super) action: &'p Proxy,
    pub(super) target: &'p Target,
    pub(super) upstream: &'p Upstream,
    pub(super) cluster: &'p Cluster,
    /// The longest that each phase may take, from the beginning of the first call.
    pub(super) deadlines: Deadlines,
}

/// Chooses a place for `call`, unless the upstream is not called for now.
pub(super) fn first<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (upstream, cluster): (&'p Upstream, &'p Cluster),
    (call, is_upload): (&mut Call, bool),
) -> Result<Chosen<'p>, Reject> {
    let now = platform.monotonic();
    let group = exchange.state.group(upstream).ok_or_else(Reject::internal)?;
    let mut probe = None;
    if let Some(rule) = cluster.whole_breaker() {
        let (admission, (_, opened)) = group.fleet.circuit(|circuit| (circuit.admit(rule, now), circuit.describe(now)));
        if admission == Admission::Probe {
            probe = Some(Probe::of(&group.fleet, opened));
        }
        if let Admission::Open(wait) = admission {
            exchange.record.ruled_out("breaker", &upstream.name);
            exchange
                .note(|| Event::Policy { policy: "breaker", verdict: format!("`{}` is not called", upstream.name) });
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            return Err(Reject::circuit_open().with_header(RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        }
    }
    let mut place = None;
    if let Some(rule) = cluster.adaptive {
        // One whose content is on its way, however slowly, holds no place.
        let is_there = match is_upload {
            true => group.fleet.load(|load| load.has_room(&rule, priority(exchange), now)),
            false => {
                place = place_for(exchange, &group.fleet, rule, now);
                place.is_some()
            }
        };
        if !is_there {
            exchange.record.ruled_out("load", &upstream.name);
            exchange.note(|| Event::Policy {
                policy: "load",
                verdict: format!("`{}` has as much to do as it bears", upstream.name),
            });
            return Err(Reject::overloaded().with_header(RETRY_AFTER, HeaderValue::from(1)));
        }
    }
    if let Some(retry) = &cluster.retry {
        group.fleet.budget.add(retry.budget_percent);
    }
    if cluster.active.is_some() && platform.checks_in_store() && exchange.state.check_reads().are_due(now) {
        exchange.record.owed.push(Owed::RefreshChecks);
    }
    let choice = exchange.state.choose((upstream, cluster), Some(call), None, (platform, now));
    let (chosen, trial) = choice.ok_or_else(Reject::internal)?;
    let vitals = chosen.vitals(&group.vitals).get(chosen.place);
    let mut under_way = vitals.map(|vitals| UnderWay::begin(vitals, trial));
    if let Some(under_way) = &mut under_way {
        under_way.probe(probe);
        under_way.place(place);
    }
    exchange.record.under_way = under_way;
    if let Balance::Sticky(sticky) = &cluster.balance {
        exchange.rare().place = sticky.stated(call);
        sticky.take_off(call);
    }
    Ok(chosen)
}

/// Has the client of `call` stay at `endpoint`, which has answered, unless its cookie says so.
#[cold]
#[inline(never)]
pub(super) fn stay(
    exchange: &mut Exchange<'_, '_>,
    (sticky, cluster): (&Sticky, &Cluster),
    endpoint: &Chosen<'_>,
    call: &Call,
) {
    // Where cookies count for nothing, the client's has not come as far as here.
    let route = exchange.route;
    let has_cookies = route.and_then(|route| route.cache.as_ref()).is_none_or(|cache| !cache.ignores_cookies());
    if !has_cookies || exchange.record.is_background || exchange.mirror.is_some() {
        return;
    }
    let levels = endpoint.found().map_or(&cluster.levels, |found| &found.levels);
    let member = levels.iter().flat_map(|level| &level.members).find(|member| member.endpoint == endpoint.place);
    let id = member.map(|member| member.id).filter(|id| exchange.rare().place != Some(*id));
    if let Some(cookie) = id.and_then(|id| sticky.set(id, call.client.scheme == Scheme::Https)) {
        exchange.private().cookies.push(cookie);
    }
}

/// How much the request of `exchange` matters. A copy can always be shed.
fn priority(exchange: &Exchange<'_, '_>) -> Priority {
    match exchange.route {
        _ if exchange.mirror.is_some() => Priority::Sheddable,
        Some(route) => route.priority,
        None => Priority::Default,
    }
}

/// Takes a place of `fleet` at `now`, if there is one for a request that matters as much.
pub(super) fn place_for(
    exchange: &Exchange<'_, '_>,
    fleet: &Arc<Fleet>,
    rule: Adaptive,
    now: Duration,
) -> Option<Place> {
    Place::take(fleet, rule, priority(exchange), now)
}

/// The longest content that is waited for before a request takes a place among those under way, in bytes.
const MOST_AWAITED: u64 = 64 * 1_024;

/// Has the content of `call` there, if it says that it is short and the requests under way to its upstream are limited: a client that sends it slowly holds no place,
/// and the time is the upstream's.
pub(super) async fn await_content<P: Platform>(
    platform: &P,
    cluster: &Cluster,
    (call, body): (&Call, &mut Body<P::Stream>),
) -> Result<(), Reject> {
    if cluster.adaptive.is_none() || !matches!(body, Body::Stream(_)) {
        return Ok(());
    }
    let length = call.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        // Boxed, so that not every request has room for it.
        Some(length) if length <= MOST_AWAITED => Box::pin(content::collect(platform, body, length)).await,
        _ => Ok(()),
    }
}

/// What the limit of an upstream learns from what has become of a call, whose time may be the client's doing.
fn sample(answer: Result<StatusCode, IoError>, is_upload: bool) -> Sample {
    match answer {
        Ok(StatusCode::SERVICE_UNAVAILABLE) => Sample::Overloaded,
        // The others say nothing of how long it takes to do what is asked for, and 429 may be about one client (RFC 6585 §4).
        Ok(status) if status.is_client_error() || status.is_server_error() => Sample::Nothing,
        Ok(_) => Sample::Answered,
        Err(_) if is_upload => Sample::Nothing,
        Err(IoError { kind: IoErrorKind::FirstByteTimeout | IoErrorKind::TotalTimeout, .. }) => Sample::Overloaded,
        Err(_) => Sample::Nothing,
    }
}

/// The endpoint of `upstream` for a call of the gateway's own.
pub(super) fn own<'p, P: Platform>(state: &State, platform: &P, upstream: &'p Upstream) -> Option<Chosen<'p>> {
    let Some(cluster) = &upstream.cluster else { return only(upstream) };
    let (chosen, _) = state.choose((upstream, cluster), None, None, (platform, platform.monotonic()))?;
    Some(chosen)
}

/// The endpoint of `upstream`, which has one.
pub(super) fn only(upstream: &Upstream) -> Option<Chosen<'_>> {
    upstream.endpoints.first().map(|endpoint| Chosen::of_plan(0, endpoint))
}

/// Keeps a request, so that it can be sent again, if any failure is a reason to. Of its content, what is there, or what is read for that.
///
/// An upstream whose idempotency keys the gateway looks after heeds none by itself, as far as is known: it might carry the request out twice.
pub(super) async fn keep<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    retry: &Retry,
    (call, body): (&mut Call, &mut Body<P::Stream>),
) -> Result<Option<Box<Kept<P::Stream>>>, Reject> {
    let may_repeat = retry.may_repeat(&call.method, &call.headers, exchange.heeds_keys());
    if !may_repeat && !retry.unsent {
        return Ok(None);
    }
    if may_repeat && matches!(body, Body::Stream(_)) {
        let length = call.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length <= retry.most_bytes) {
            // Boxed, so that not every request has room for it.
            Box::pin(content::collect(platform, body, retry.most_bytes)).await?;
            // It has lost its trailers (RFC 9110 §6.6.2).
            call.headers.remove(TRAILER);
        }
    }
    let content = match body {
        Body::Empty => Content::Whole(Bytes::new()),
        Body::Full(content) => Content::Whole(content.clone()),
        Body::Stream(_) => Content::Gone,
    };
    Ok(Some(Box::new(Kept { method: call.method.clone(), headers: call.headers.clone(), content, may_repeat })))
}

impl<S> Kept<S> {
    /// Takes over what a platform has `left` of the content of a call that failed: it is still all there.
    pub(super) fn take_left(&mut self, left: &mut Body<S>) {
        if matches!(self.content, Content::Gone)
            && let Body::Stream(stream) = core::mem::replace(left, Body::Empty)
        {
            self.content = Content::Unread(stream);
        }
    }

    /// Takes over content that has been read since, as for a signature.
    pub(super) fn take_read(&mut self, body: &Body<S>) {
        if let (Content::Gone, Body::Full(content)) = (&self.content, body) {
            self.content = Content::Whole(content.clone());
            self.headers.remove(TRAILER);
        }
    }

    /// Returns whether there is a reason to send it again, whose last attempt has come to `status`.
    pub(super) fn is_followed<B>(&self, retry: &Retry, answer: &Result<Response<B>, IoError>) -> bool {
        !matches!(self.content, Content::Gone) && self.reason(retry, answer).is_some()
    }

    /// The reason to send it again after this `answer`.
    fn reason<B>(&self, retry: &Retry, answer: &Result<Response<B>, IoError>) -> Option<&'static str> {
        let by_grpc = |response: &Response<B>| retry.grpc_reason(response.headers(), self.may_repeat);
        retry.reason(attempt(answer), self.may_repeat).or_else(|| answer.as_ref().ok().and_then(by_grpc))
    }

    /// Returns whether all of its content is there.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.content, Content::Whole(_))
    }

    /// The fields that it had.
    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its content, of which all [is there](Self::is_whole).
    pub(super) fn whole_body(&self) -> Body<S> {
        match &self.content {
            Content::Whole(content) if !content.is_empty() => Body::Full(content.clone()),
            _ => Body::Empty,
        }
    }

    /// Returns whether `answer` is one after which it would be sent again.
    pub(super) fn is_failure<B>(&self, retry: &Retry, answer: &Result<Response<B>, IoError>) -> bool {
        answer.is_err() || self.reason(retry, answer).is_some()
    }

    /// Gives content `back` of which nothing has been read.
    pub(super) fn give_back(self, back: &mut Body<S>) {
        if let Content::Unread(stream) = self.content {
            *back = Body::Stream(stream);
        }
    }

    fn take_body(&mut self) -> Body<S> {
        match core::mem::replace(&mut self.content, Content::Gone) {
            Content::Whole(content) => {
                let body = if content.is_empty() { Body::Empty } else { Body::Full(content.clone()) };
                self.content = Content::Whole(content);
                body
            }
            Content::Unread(stream) => Body::Stream(stream),
            Content::Gone => Body::Empty,
        }
    }
}

/// A call of the gateway's own to an endpoint, from its beginning.
pub(super) struct Own<'c, P> {
    state: &'c State,
    platform: &'c P,
    to: (&'c Upstream, Chosen<'c>),
    begun: Duration,
    _under_way: Option<UnderWay>,
}

/// Begins a call of the gateway's own to an endpoint of an upstream.
pub(super) fn begin<'c, P: Platform>(state: &'c State, platform: &'c P, to: (&'c Upstream, Chosen<'c>)) -> Own<'c, P> {
    let (upstream, endpoint) = &to;
    let group = upstream.cluster.as_ref().and_then(|_| state.group(upstream));
    let vitals = group.and_then(|group| endpoint.vitals(&group.vitals).get(endpoint.place));
    let begun = if vitals.is_some() { platform.monotonic() } else { Duration::ZERO };
    let _under_way = vitals.map(|vitals| UnderWay::begin(vitals, None));
    Own { state, platform, to, begun, _under_way }
}

impl<P: Platform> Own<'_, P> {
    /// Takes note of what has become of it.
    pub(super) fn end(self, answer: Result<StatusCode, IoError>) {
        told((self.state, self.platform), (self.to.0, &self.to.1), (self.begun, false), answer);
    }
}

/// Takes note of what has become of a call to an endpoint of an upstream that began at `begun`, perhaps with content of a client (`is_upload`). Returns what
/// follows from it, in words.
pub(super) fn told(
    (state, platform): (&State, &impl Platform),
    (upstream, endpoint): (&Upstream, &Chosen<'_>),
    (begun, is_upload): (Duration, bool),
    answer: Result<StatusCode, IoError>,
) -> Option<&'static str> {
    if answer.is_err_and(|error| !error.kind.is_of_client()) {
        state.failed(endpoint);
    }
    // Nothing is held against an upstream whose client has failed.
    if answer.is_err_and(|error| is_of_client(error, is_upload)) {
        return None;
    }
    let (cluster, group) = (upstream.cluster.as_deref()?, state.group(upstream)?);
    let now = platform.monotonic();
    let took = if is_upload { Duration::ZERO } else { now.saturating_sub(begun) };
    let outcome = Outcome { status: answer.ok(), took };
    let (vitals, index) = (endpoint.vitals(&group.vitals), endpoint.place);
    if let Some(vitals) = vitals.get(index).filter(|_| !is_upload) {
        passive::took(vitals, now, outcome);
        let hedge = cluster.retry.as_ref().and_then(|retry| retry.hedge);
        if answer.is_ok() && matches!(hedge, Some(Hedge::Percentile(_))) {
            group.fleet.latencies.count(took);
        }
    }
    let circuit = cluster.whole_breaker().and_then(|rule| {
        group.fleet.circuit(|circuit| {
            let was_closed = circuit.is_closed();
            let opens = circuit.told(rule, now, outcome);
            if opens { Some(Turn::Out) } else { (!was_closed && circuit.is_closed()).then_some(Turn::In) }
        })
    });
    let broken = cluster.breaker_of_target().and_then(|breaker| breaker.told(vitals, index, now, outcome));
    let turn = cluster.passive.as_ref().and_then(|passive| passive.told(vitals, index, now, outcome));
    let turn = broken.or(turn);
    if circuit.is_some() || turn.is_some() {
        tell(platform, (upstream, endpoint, group), (circuit, turn), now);
    }
    match (circuit, turn) {
        (Some(Turn::Out), _) => Some("the breaker opens"),
        (_, Some(Turn::Out)) => Some("the place is left out for a while"),
        _ => None,
    }
}

/// Tells operators what becomes of a breaker and of a place.
#[cold]
#[inline(never)]
pub(super) fn tell(
    platform: &impl Platform,
    (upstream, endpoint, group): (&Upstream, &Chosen<'_>, &Group),
    (circuit, turn): (Option<Turn>, Option<Turn>),
    now: Duration,
) {
    let (name, url) = (&upstream.name, endpoint.url());
    let vitals = endpoint.vitals(&group.vitals).get(endpoint.place);
    match (turn, vitals.and_then(|vitals| Some((vitals.ejected()?.1, vitals.out_for(now))))) {
        (Some(Turn::Out), Some((why, time))) => {
            let seconds = time.as_millis().div_ceil(1_000);
            platform.hears_of_upstream(&format_args!(
                "the upstream `{name}`: {url} is left out for {seconds} s, after {why}"
            ));
        }
        (Some(Turn::In), _) => {
            platform.hears_of_upstream(&format_args!("the upstream `{name}`: {url} is back, a call has succeeded"))
        }
        _ => {}
    }
    match circuit {
        Some(Turn::Out) => platform.hears_of_upstream(&format_args!("the upstream `{name}`: the breaker opens")),
        Some(Turn::In) => platform.hears_of_upstream(&format_args!("the upstream `{name}`: the breaker closes")),
        None => {}
    }
}

/// Returns whether a failure may be the client's doing: of an upload, it may have taken all of the time. Nor is a bound on connections, which is on this side,
/// the upstream's.
fn is_of_client(error: IoError, is_upload: bool) -> bool {
    error.kind.is_of_client()
        || error.kind == IoErrorKind::ConnectionLimit
        || (is_upload && error.kind == IoErrorKind::TotalTimeout)
}

/// The deadlines of an attempt of a call that began `elapsed` ago.
pub(super) fn deadlines(deadlines: Deadlines, cluster: Option<&Cluster>, elapsed: Duration) -> Deadlines {
    let per_try = cluster.and_then(|cluster| cluster.retry.as_ref()?.per_try);
    let total = deadlines.total.map(|total| total.saturating_sub(elapsed));
    Deadlines { first_byte: deadlines.first_byte.into_iter().chain(per_try).min(), total, ..deadlines }
}

/// What a platform may do by itself about a kept connection to `upstream` that has ended instead of an answer.
pub(super) fn repeat<'c>(state: &'c State, upstream: &'c Upstream) -> Repeat<'c> {
    let cluster = upstream.cluster.as_deref();
    let fleet = cluster.and_then(|_| state.group(upstream)).map(|group| &*group.fleet);
    Repeat::of(fleet)
}

/// Notes that the platform has sent a request to `endpoint` once more.
#[cold]
#[inline(never)]
pub(super) fn repeated(exchange: &mut Exchange<'_, '_>, endpoint: &Chosen<'_>) {
    // The first one got no answer; nothing is held against a place that has closed an idle connection.
    exchange.state.failed(endpoint);
    exchange.state.sent(endpoint);
    exchange.record.tried_again();
    exchange.note(|| Event::Policy { policy: "retry", verdict: "sent again: a kept connection had ended".to_owned() });
}

/// An answer, and the endpoint that has given it.
pub(super) type Given<'p, S> = (Chosen<'p>, Result<Response<Body<S>>, IoError>);

/// Sends a request again for as long as there is a reason to, that began at `begun` and of which the first attempt has come to `answer`,
/// which was made once more by the platform if it `is_repeated`.
///
/// # Errors
/// When there are no credentials for a further attempt.
pub(super) async fn again<'c, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    course: &Course<'c>,
    (call, kept): (&mut Call, &mut Kept<P::Stream>),
    (begun, is_repeated): (Duration, bool),
    (mut endpoint, mut answer): Given<'c, P::Stream>,
) -> Result<Given<'c, P::Stream>, Reject> {
    let Course { upstream, cluster, deadlines, .. } = *course;
    let (Some(retry), Some(group)) = (&cluster.retry, exchange.state.group(upstream)) else {
        return Ok((endpoint, answer));
    };
    let mut tried: Vec<usize> = vec![endpoint.place];
    let mut is_unsent = true;
    let mut attempts = u32::from(is_repeated);
    while attempts < retry.attempts {
        let attempt = attempt(&answer);
        is_unsent &= matches!(attempt, Attempt::Failed(IoError { retry: true, .. }));
        let Some(reason) = kept.reason(retry, &answer) else { break };
        if matches!(kept.content, Content::Gone) {
            break;
        }
        let now = platform.monotonic();
        if cluster.whole_breaker().is_some() && group.fleet.circuit(|circuit| circuit.is_open(now)) {
            break;
        }
        let tries = Some((&*tried, &endpoint));
        let chosen = exchange.state.choose((upstream, cluster), Some(call), tries, (platform, now));
        let Some((next, trial)) = chosen else { break };
        let is_elsewhere = !tried.contains(&next.place);
        let wait = if is_elsewhere {
            Duration::ZERO
        } else {
            let asked = answer.as_ref().ok().and_then(|response| retry_after(response.headers()));
            asked.unwrap_or_else(|| retry.wait(attempts, platform.next_u64()))
        };
        let elapsed = now.saturating_sub(begun);
        // Who is asked to wait for longer gets the answer that says so.
        let is_late = deadlines.total.is_some_and(|total| elapsed.saturating_add(wait) >= total);
        if wait > retry.longest || is_late {
            break;
        }
        // Those before it have given theirs back.
        let has_room = |rule| group.fleet.load(|load| load.has_room(&rule, priority(exchange), now));
        if !cluster.adaptive.is_none_or(has_room) {
            exchange
                .note(|| Event::Policy { policy: "retry", verdict: "not again: there is too much to do".to_owned() });
            break;
        }
        if !group.fleet.take_attempt(!(is_elsewhere && attempt.was_refused())) {
            exchange.note(|| Event::Policy { policy: "retry", verdict: "not again: the budget is used up".to_owned() });
            break;
        }
        exchange.note(|| Event::Policy { policy: "retry", verdict: format!("sent again: {reason}") });
        // Nobody reads it: its connection is let go.
        drop(core::mem::replace(&mut answer, Err(IoError::new(IoErrorKind::Other))));
        exchange.record.under_way =
            next.vitals(&group.vitals).get(next.place).map(|vitals| UnderWay::begin(vitals, trial));
        // Where nothing but a trace comes of it, nothing takes time.
        if !wait.is_zero() && exchange.trace.is_none() {
            platform.sleep(wait).await;
        }
        if let (Some(rule), Some(under_way)) = (cluster.adaptive, &mut exchange.record.under_way) {
            under_way.place(Some(Place::promised(&group.fleet, rule, platform.monotonic())));
        }
        tried.push(next.place);
        endpoint = next;
        exchange.record.tried_again();
        attempts += 1;
        let left = retry.attempts.saturating_sub(attempts);
        let (given, is_repeated) = once(exchange, platform, course, (call, kept), (&endpoint, begun, left)).await?;
        answer = given;
        attempts += u32::from(is_repeated);
    }
    // One that was sent before may have been carried out, whatever became of the last one.
    if let Err(error) = &mut answer {
        error.retry &= is_unsent;
    }
    Ok((endpoint, answer))
}

/// The state of an attempt that has come to `answer`.
fn attempt<B>(answer: &Result<Response<B>, IoError>) -> Attempt {
    answer.as_ref().map_or_else(|error| Attempt::Failed(*error), |response| Attempt::Answered(response.status()))
}

/// Sends a request that was `kept` to `endpoint`, with `left` further attempts behind this one. Returns whether the platform has made it once more, too.
async fn once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    course: &Course<'_>,
    (call, kept): (&mut Call, &mut Kept<P::Stream>),
    (endpoint, begun, left): (&Chosen<'_>, Duration, u32),
) -> Result<(Result<Response<Body<P::Stream>>, IoError>, bool), Reject> {
    let Course { route, action, target, upstream, cluster, deadlines: stated } = *course;
    (call.method, call.headers) = (kept.method.clone(), kept.headers.clone());
    if let Host::Upstream = &target.host {
        call.headers.insert(HOST, endpoint.authority.clone());
    }
    endpoint.set_own(call);
    let uri = target_uri(action, endpoint, call)?;
    let mut body = kept.take_body();
    let deadlines = deadlines(stated, Some(cluster), platform.monotonic().saturating_sub(begun));
    time_left::tell(upstream, &mut call.headers, deadlines.total);
    if let Some(credentials) = &upstream.credentials {
        let (to, content) = ((&mut *call, endpoint.scheme, &uri), (&mut body, route.body_limit));
        upstream_credentials::apply(exchange, platform, credentials, to, content).await?;
    }
    uploads(exchange, &body);
    exchange.state.sent(endpoint);
    exchange.record.sent(target.upstream, call, platform);
    exchange.note(|| Event::sent(target.upstream, endpoint, call, &uri));
    let now = platform.monotonic();
    let Call { method, headers, .. } = &mut *call;
    let repeat = repeat(exchange.state, upstream).among(left);
    let mut sent =
        UpstreamCall { upstream, endpoint, method, uri, headers, body, deadlines, repeat, known_edits: None };
    let answer = platform.fetch(&mut sent).await;
    kept.take_left(&mut sent.body);
    let is_repeated = sent.repeat.is_made();
    if is_repeated {
        repeated(exchange, endpoint);
    }
    let status = answer.as_ref().map(Response::status).map_err(|error| *error);
    match status {
        // It had what those before it have left of the time.
        Err(IoError { kind: IoErrorKind::TotalTimeout, .. }) => exchange.state.failed(endpoint),
        status => note(exchange, platform, (upstream, endpoint), now, status),
    }
    Ok((answer, is_repeated))
}

/// Notes that content of the client goes along, if `body` is on its way from it; or that the client itself has shortened the time.
pub(super) fn uploads<S>(exchange: &mut Exchange<'_, '_>, body: &Body<S>) {
    exchange.record.is_clients_time |= matches!(body, Body::Stream(_));
    if exchange.record.is_clients_time
        && let Some(under_way) = &mut exchange.record.under_way
    {
        under_way.uploads();
    }
}

/// Takes note of what has become of a call, for the trace, too.
pub(super) fn note(
    exchange: &mut Exchange<'_, '_>,
    platform: &impl Platform,
    (upstream, endpoint): (&Upstream, &Chosen<'_>),
    begun: Duration,
    answer: Result<StatusCode, IoError>,
) {
    let is_upload = exchange.record.under_way.as_ref().is_some_and(UnderWay::is_upload);
    if upstream.cluster.as_ref().is_some_and(|cluster| cluster.adaptive.is_some())
        && let Some(under_way) = &mut exchange.record.under_way
    {
        under_way.answered(platform.monotonic(), sample(answer, is_upload));
    }
    let consequence = told((exchange.state, platform), (upstream, endpoint), (begun, is_upload), answer);
    if let Some(under_way) = &mut exchange.record.under_way
        && !answer.is_err_and(|error| is_of_client(error, is_upload))
    {
        under_way.heard();
    }
    if let Some(consequence) = consequence {
        exchange.note(|| Event::Policy { policy: "health", verdict: consequence.to_owned() });
    }
}

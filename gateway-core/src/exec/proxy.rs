//! A request on its way to an upstream, and the response on its way back.

use core::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, TRAILER};
use http::{HeaderValue, Method, Response, Version};

use super::back::{failed, pass_back};
use super::exchange::Exchange;
use super::reverse::{self, Way};
use super::target_uri::target_uri;
use super::{
    attempts, body as bodies, discover, fallback, finish, hedge, limits, mirror, rollout, socket, time_left,
    upstream_credentials,
};
use crate::balance::Balance;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::http::certificate::{CLIENT_CERT, CLIENT_CERT_CHAIN};
use crate::http::forwarded::X_FORWARDED_PREFIX;
use crate::http::survey::Survey;
use crate::http::{connection_auth, content_change, hop_by_hop, trace_context, trailers};
use crate::io::IoErrorKind;
use crate::known_edits::respond;
use crate::outcome::Reply;
use crate::plan::{Host, Plan, Proxy, RequestStep, Route, Target};
use crate::policy::method_map::is_without_content;
use crate::policy::{header_edit, query_edit};
use crate::ports::{KnownEdits, Peer, Platform, Random, UpstreamCall};
use crate::trace::Event;

/// The client's side of an exchange, apart from the request itself.
pub(super) struct ClientSide<'c> {
    pub(super) peer: &'c Peer,
    pub(super) version: Version,
    pub(super) survey: Survey,
}

/// A request that has yet to get the fields of its connection, where that can wait until it goes to an upstream.
pub(super) struct Unprepared<'s, 'c>(Option<(&'s Proxy, &'s ClientSide<'c>)>);

impl<'s, 'c> Unprepared<'s, 'c> {
    /// One that has them.
    pub(super) const NONE: Self = Self(None);

    /// One that `action` sends to an upstream.
    pub(super) const fn new(action: &'s Proxy, side: &'s ClientSide<'c>) -> Self {
        Self(Some((action, side)))
    }

    /// One that has them, as another route has sent it, and that `action` sends to an upstream.
    pub(super) fn again(action: &Proxy, call: &mut Call) -> Self {
        let cut = reverse::cut_prefix(action, call);
        let stated = || call.client.prefix.as_deref().and_then(|prefix| HeaderValue::try_from(prefix).ok());
        match cut.or_else(stated) {
            Some(prefix) => drop(call.headers.insert(X_FORWARDED_PREFIX, prefix)),
            None => drop(call.headers.remove(X_FORWARDED_PREFIX)),
        }
        Self::NONE
    }

    /// Sets them, if that has not been done. Returns whether it has done so.
    pub(super) fn prepare<P: Platform>(&mut self, plan: &Plan, platform: &P, call: &mut Call) -> bool {
        let Some((action, side)) = self.0.take() else { return false };
        prepare(plan, platform, action, call, side);
        true
    }
}

/// Sets the fields of the connection. This comes before any edit, so that edits can read or replace what the gateway
/// states.
pub(super) fn prepare<P: Platform>(plan: &Plan, platform: &P, action: &Proxy, call: &mut Call, side: &ClientSide<'_>) {
    if let Some(prefix) = reverse::cut_prefix(action, call) {
        call.headers.insert(X_FORWARDED_PREFIX, prefix);
    }
    connect(plan, platform, call, side);
}

/// Sets the fields of the connection that are the same for any upstream.
pub(super) fn connect<P: Platform>(plan: &Plan, platform: &P, call: &mut Call, side: &ClientSide<'_>) {
    let ClientSide { peer, version, survey } = side;
    let host = call.host_field().cloned();
    let Call { headers, client, .. } = call;
    if survey.hop_by_hop {
        hop_by_hop::strip_request(headers);
    }
    if survey.trailer {
        trailers::announce_request(headers, &plan.identity);
    }
    // The server answers `Expect` itself: it sends 100 (Continue) when the body is first read.
    if survey.expect {
        headers.remove(EXPECT);
    }
    plan.proxies.announce(headers, peer, client, host.as_ref());
    plan.loop_guard.stamp_request(headers, *version);
    if survey.trace {
        trace_context::continue_or_start(headers, platform);
    } else {
        trace_context::start(headers, platform);
    }
}

/// Sends a request to one of the route's upstreams, as a handshake if it `opens_socket`. Of its `content`, what is left if nothing of it was sent stays there,
/// where the platform tells.
pub(super) async fn send<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    route: &Route,
    action: &Proxy,
    (call, content): (&mut Call, &mut Body<P::Stream>),
    opens_socket: bool,
) -> Result<Reply<P>, Reject> {
    if let Some(rollout) = &action.rollout
        && exchange.mirror.is_none()
        && call.steered().is_none()
    {
        // On the heap: it is rare, and its state would enlarge every other exchange's.
        let way = (&**rollout, route, action);
        return Box::pin(rollout::send(exchange, platform, way, (call, content), opens_socket)).await;
    }
    send_to(exchange, platform, (route, action, None), (call, content), opens_socket).await
}

/// The same, to the upstream that was `chosen`, if one was.
pub(super) async fn send_to<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (route, action, chosen): (&Route, &Proxy, Option<&Target>),
    (call, content): (&mut Call, &mut Body<P::Stream>),
    opens_socket: bool,
) -> Result<Reply<P>, Reject> {
    let plan = exchange.plan;
    if !action.mirrors.is_empty() && !opens_socket && !exchange.record.is_background {
        // On the heap: it is rare, and its state would enlarge every other exchange's.
        Box::pin(mirror::copy(exchange, platform, &action.mirrors, (call, content))).await?;
    }
    let target = match exchange.mirror.or(chosen) {
        Some(target) => target,
        None => choose(action, call.steered(), platform).ok_or_else(Reject::internal)?,
    };
    let upstream = plan.upstreams.get(target.upstream).ok_or_else(Reject::internal)?;
    if upstream.discovery.is_some() {
        Box::pin(discover::ready(exchange, platform, upstream)).await?;
    }
    let mut endpoint = match &upstream.cluster {
        None => attempts::only(upstream).ok_or_else(Reject::internal)?,
        Some(cluster) => {
            attempts::await_content(platform, cluster, (&*call, &mut *content)).await?;
            let is_upload = matches!(content, Body::Stream(_));
            attempts::first(exchange, platform, (upstream, cluster), (&mut *call, is_upload))?
        }
    };
    let mut body = core::mem::take(content);
    for step in &*target.request {
        match step {
            RequestStep::EditHeaders(edits) => {
                header_edit::apply(edits, call);
                let name = || Some(upstream.name.clone());
                exchange.note(|| Event::HeadersEdited { edits: edits.count(), upstream: name() });
            }
            RequestStep::EditQuery(edits) => {
                let query = query_edit::apply(edits, call);
                exchange.note(|| Event::QueryEdited {
                    from: call.query().map(str::to_owned),
                    to: query.clone(),
                    upstream: Some(upstream.name.clone()),
                });
                call.set_query(query);
            }
            // INVARIANT: the compiler refuses every other policy of a target.
            RequestStep::Maintenance(_)
            | RequestStep::Csrf(_)
            | RequestStep::Clients(_)
            | RequestStep::Authenticate(_)
            | RequestStep::Authorize(_)
            | RequestStep::RateLimit(_)
            | RequestStep::Concurrency(_)
            | RequestStep::ContentType(_)
            | RequestStep::Validate(_)
            | RequestStep::OpenApi(_)
            | RequestStep::Fault(_)
            | RequestStep::Idempotency(_)
            | RequestStep::EditBody(_)
            | RequestStep::Steer(_) => {}
            // Done below, with those of the route.
            RequestStep::Method(_) => {}
        }
    }
    let filled = if target.response.is_empty() { Vec::new() } else { finish::fill(&target.response, call) };
    let uri = target_uri(action, &endpoint, call)?;
    let host = match &target.host {
        Host::Upstream => endpoint.authority.clone(),
        // A request without a host has none to preserve.
        Host::Preserve => call.host_field().unwrap_or(&endpoint.authority).clone(),
        Host::Set(host) => host.clone(),
    };
    call.headers.insert(HOST, host);
    let is_head = call.method == Method::HEAD;
    if !target.method.is_empty() {
        exchange.note(|| {
            let verdict = match target.method.other(&call.method) {
                Some(method) => format!("{} becomes {method}", call.method),
                None => format!("{} stays as it is", call.method),
            };
            Event::Policy { policy: "method", verdict }
        });
    }
    body = match target.method.other(&call.method) {
        // Before it is signed.
        Some(method) => {
            exchange.record.mapped(method);
            ask_by(method, call, body)
        }
        None => body,
    };
    body = match body {
        // INVARIANT: a stream of stated length ends there (`Fetch::Stream`), and the length has been checked.
        Body::Stream(stream) if !call.headers.contains_key(CONTENT_LENGTH) => {
            Body::Stream(platform.limit(stream, route.body_limit))
        }
        // Content that was collected has lost its trailers (RFC 9110 §6.6.2).
        Body::Full(content) => {
            call.headers.remove(TRAILER);
            Body::Full(content)
        }
        body => body,
    };
    if opens_socket {
        socket::prepare(call);
        exchange.note(|| Event::Handshake);
    }
    if P::POOLED_BY_HOST {
        connection_auth::strip_credentials(&mut call.headers);
    }
    if upstream.client_cert {
        client_cert(call);
    }
    if route.asks_plain {
        // RFC 9110 §12.5.3: without the field any coding would do. What is looked at has to be plain.
        call.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let spent = exchange.spent();
    let stated = time_left::of(target.deadlines, &call.headers);
    // So is the time that a fault on purpose, or another upstream before this one, has used up.
    exchange.record.is_clients_time =
        stated.total != target.deadlines.total || (stated.total.is_some() && !spent.is_zero());
    let deadlines = attempts::deadlines(stated, upstream.cluster.as_deref(), spent);
    let mut kept = None;
    if let Some(retry) = upstream.cluster.as_ref().and_then(|cluster| cluster.retry.as_ref())
        && !opens_socket
    {
        kept = attempts::keep(exchange, platform, retry, (call, &mut body)).await?;
    }
    // After it was kept: another place has others.
    endpoint.set_own(call);
    // Before it is signed.
    time_left::tell(upstream, &mut call.headers, deadlines.total);
    let mut again = None;
    if let Some(credentials) = &upstream.credentials {
        let (to, signed) = ((&mut *call, endpoint.scheme, &uri), (&mut body, route.body_limit));
        let applied = upstream_credentials::apply(exchange, platform, credentials, to, signed);
        again = match Box::pin(applied).await {
            Ok(again) => again,
            Err(reject) => {
                *content = body;
                return Err(reject);
            }
        };
        if let Some(kept) = &mut kept {
            kept.take_read(&body);
        }
    }
    attempts::uploads(exchange, &body);
    exchange.state.sent(&endpoint);
    exchange.record.sent(target.upstream, call, platform);
    exchange.note(|| Event::sent(target.upstream, &endpoint, call, &uri));

    let is_timed = upstream.cluster.is_some() || again.is_some();
    let begun = if is_timed { platform.monotonic() } else { Duration::ZERO };
    if opens_socket {
        if let Some(cluster) = &upstream.cluster
            && let Balance::Sticky(sticky) = &cluster.balance
        {
            attempts::stay(exchange, (sticky, cluster), &endpoint, call);
        }
        let way = Way { upstream, endpoint: &endpoint, target, action };
        // On the heap: it is rare, and its state would enlarge every other exchange's.
        return Box::pin(socket::open(exchange, platform, (&way, call), (uri, body), &filled)).await;
    }
    let second = match (&kept, upstream.cluster.as_deref()) {
        (Some(kept), Some(cluster)) => {
            let fleet = exchange.state.group(upstream).map(|group| &*group.fleet);
            hedge::second(exchange, (call, kept), (cluster, fleet))
        }
        _ => None,
    };
    let Call { method, headers, id, .. } = &mut *call;
    // What a private answer is told depends on what it says of caches; a request of a batch is not the client's.
    let known_edits = KnownEdits::of(plan, route, exchange.filled(), &exchange.standings, id);
    // The content of an answer to another method than HEAD has to be left out here.
    let is_cut = is_head && *method != Method::HEAD;
    let known_edits = known_edits.filter(|_| exchange.private.is_none() && !exchange.record.is_part() && !is_cut);
    // What becomes of a call to one of several places is told, and of one after which something else may come; nobody is told of what no client waits for.
    let is_told = upstream.cluster.is_some() || fallback::is_watched(exchange) || exchange.record.is_background;
    let known_edits = known_edits.filter(|_| !is_told);
    // What was read of it is still all there, whatever becomes of the call.
    let read = match &body {
        Body::Full(content) if fallback::is_watched(exchange) => Some(Box::new(content.clone())),
        _ => None,
    };
    let (mut called, mut won_by) = (begun, None);
    let repeat = attempts::repeat(exchange.state, upstream);
    let is_repeated;
    let mut answer = match (second, &kept, upstream.cluster.as_deref()) {
        (Some(second), Some(kept), Some(cluster)) => {
            let mut sent = UpstreamCall {
                upstream,
                endpoint: &endpoint,
                method,
                uri,
                headers,
                body,
                deadlines,
                repeat,
                known_edits: None,
            };
            let course = attempts::Course { route, action, target, upstream, cluster, deadlines: stated };
            let first = (endpoint.clone(), &mut sent, begun);
            // On the heap: it is rare, and its state would enlarge every other exchange's.
            let won = Box::pin(hedge::race(exchange, platform, &course, (kept, second), first)).await?;
            won_by = Some((won.endpoint, won.begun));
            is_repeated = sent.repeat.is_made();
            won.answer
        }
        _ => {
            let mut sent = UpstreamCall {
                upstream,
                endpoint: &endpoint,
                method,
                uri,
                headers,
                body,
                deadlines,
                repeat,
                known_edits,
            };
            let answer = platform.fetch(&mut sent).await;
            is_repeated = sent.repeat.is_made();
            match &mut kept {
                Some(kept) => kept.take_left(&mut sent.body),
                None => fallback::take_left(content, &mut sent.body),
            }
            answer
        }
    };
    if is_repeated {
        attempts::repeated(exchange, &endpoint);
    }
    if let Some(read) = read {
        *content = Body::Full(*read);
    }
    if let Some(won_by) = won_by {
        (endpoint, called) = won_by;
        // It is of the first place.
        again = again.filter(|_| called == begun);
    }
    if let Some(again) = again
        && let Some(refused) = upstream_credentials::take_refused(&mut answer)
    {
        let way = (target, upstream, &endpoint);
        let again = (again, &mut *call);
        answer = Box::pin(upstream_credentials::send_again(exchange, platform, way, (again, begun), refused)).await;
    }
    let status = answer.as_ref().map(Response::status).map_err(|error| *error);
    attempts::note(exchange, platform, (upstream, &endpoint), called, status);
    if let (Some(mut kept), Some(cluster)) = (kept, upstream.cluster.as_deref()) {
        let course = attempts::Course { route, action, target, upstream, cluster, deadlines: stated };
        if cluster.retry.as_ref().is_some_and(|retry| kept.is_followed(retry, &answer)) {
            let given = (endpoint, answer);
            // The time of the whole is over all that has been called.
            let begun = begun.saturating_sub(spent);
            // On the heap: it is rare, and its state would enlarge every other exchange's.
            (endpoint, answer) =
                Box::pin(attempts::again(exchange, platform, &course, (call, &mut kept), (begun, is_repeated), given))
                    .await?;
        }
        kept.give_back(content);
    }
    exchange.record.answered(answer.as_ref().ok().map(Response::status), platform);
    if let Some(cluster) = &upstream.cluster
        && let Balance::Sticky(sticky) = &cluster.balance
        && answer.is_ok()
    {
        attempts::stay(exchange, (sticky, cluster), &endpoint, call);
    }
    let mut response = answer.map_err(|error| {
        // What is of the connection may have come after the request, as an alert of TLS 1.3.
        exchange.record.unsent = error.retry;
        let rejected = failed(exchange, error.kind);
        if error.kind == IoErrorKind::Content { bodies::broken(exchange, rejected) } else { rejected }
    })?;
    if route.needs.head
        && !fallback::may_follow(exchange, response.status())
        && (!exchange.taken.is_empty() || !exchange.record.owed.is_empty())
    {
        limits::settle(exchange, platform, (&mut response, is_head));
    }
    if P::POOLED_BY_HOST && !connection_auth::strip_challenges(response.status(), response.headers_mut()) {
        return Err(failed(exchange, IoErrorKind::Protocol));
    }
    let survey = pass_back(exchange, &mut response, is_head)?;
    let way = Way { upstream, endpoint: &endpoint, target, action };
    reverse::rewrite(&way, call, &mut response, survey);
    if !target.response.is_empty() {
        respond(&target.response, &filled, response.headers_mut());
        let edits = || finish::edits(&target.response);
        exchange.note(|| Event::ResponseEdited { edits: edits(), upstream: Some(upstream.name.clone()) });
    }
    Ok(Reply::Http(response))
}

/// Has an upstream asked by `method`, which is another than the client's. Returns the content that goes along: none, where it has no meaning
/// (RFC 9110 §9.3.1), and servers differ in what they make of it.
#[cold]
#[inline(never)]
fn ask_by<S>(method: &Method, call: &mut Call, body: Body<S>) -> Body<S> {
    call.method = method.clone();
    if !is_without_content(method) {
        // RFC 9110 §8.6: where content has a meaning, its absence is said.
        if body.is_empty() && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            call.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        return body;
    }
    content_change::leave_out(&mut call.headers);
    Body::Empty
}

/// Tells the upstream of the client's certificate (RFC 9440 §2.2), or that there is none.
#[cold]
#[inline(never)]
pub(super) fn client_cert(call: &mut Call) {
    match call.certificate.as_deref().and_then(|certificate| certificate.field.clone()) {
        // A chain that is there is of the same proxy.
        Some(field) => drop(call.headers.insert(CLIENT_CERT, field)),
        None => {
            call.headers.remove(CLIENT_CERT);
            call.headers.remove(CLIENT_CERT_CHAIN);
        }
    }
}

/// Chooses one of the targets: the one that the call was steered to, else by weight.
fn choose<'a>(action: &'a Proxy, steered: Option<usize>, random: &impl Random) -> Option<&'a Target> {
    if let [only] = &*action.targets {
        return Some(only);
    }
    if let Some(index) = steered
        && let Some(target) = action.targets.iter().find(|target| target.upstream == index)
    {
        return Some(target);
    }
    let mut point = random.next_u64() % action.total_weight;
    action.targets.iter().find(|target| {
        let weight = u64::from(target.weight);
        let is_here = point < weight;
        point = point.saturating_sub(weight);
        is_here
    })
}

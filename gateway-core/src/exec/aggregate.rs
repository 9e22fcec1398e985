//! Answers that are made of the answers to several calls: those that wait for no other are under way at the same time.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, FORWARDED, HOST, USER_AGENT, VIA,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};

use super::exchange::Exchange;
use super::proxy::{self, ClientSide};
use super::room::{Room, Unread};
use super::upstream_credentials::{self, Again};
use super::within::within;
use super::{access_token, attempts, content, discover, local};
use crate::balance::endpoint::Chosen;
use crate::body::Body;
use crate::call::Call;
use crate::document::Value;
use crate::error::Reject;
use crate::http::connection_auth;
use crate::http::forwarded::{X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PROTO};
use crate::http::loop_guard::CDN_LOOP;
use crate::http::proxy_status::error_type;
use crate::http::request_id::X_REQUEST_ID;
use crate::http::trace_context::{TRACEPARENT, TRACESTATE};
use crate::io::IoErrorKind;
use crate::plan::{self, Host, Target, Upstream};
use crate::policy::access_token::{TokenCell, TokenSource};
use crate::policy::aggregate::{
    Aggregate, Answer, Asked, Failure, Fault, Filled, Job, PARTIAL, Passed, Progress, REQUEST,
};
use crate::policy::body_edit::{Form, form_of};
use crate::policy::upstream_credentials::Credentials;
use crate::ports::{Deadlines, Platform, UpstreamCall};
use crate::state::State;
use crate::trace::Event;

/// The fields that every call takes over: those of the connection, as they are told to any upstream.
const OF_CONNECTION: [HeaderName; 10] = [
    FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PORT,
    X_FORWARDED_PROTO,
    VIA,
    CDN_LOOP,
    TRACEPARENT,
    TRACESTATE,
    X_REQUEST_ID,
];

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The name by which the log knows what a call is refused by.
const POLICY: &str = "aggregate";

/// A request that is ready to leave.
struct Ready<'r> {
    upstream: &'r Upstream,
    endpoint: Chosen<'r>,
    call: Call,
    uri: Uri,
    content: Option<Bytes>,
    deadlines: Deadlines,
}

/// A request under way, apart from its future.
struct UnderWay<'r> {
    call: usize,
    item: usize,
    filled: Filled,
    /// The number of times that it may be tried again.
    tries: u32,
    /// Set once the token for it has been asked for, if there has to be one.
    has_asked: bool,
    /// What it takes to send it again with another token.
    again: Option<Box<Again<'r>>>,
}

/// The time that a call has taken.
#[derive(Clone, Copy, Default)]
struct Took {
    begun: Option<Duration>,
    ended: Duration,
}

/// The calls of one answer under way.
struct Calls<'c, 'p, 't, P> {
    exchange: &'c mut Exchange<'p, 't>,
    platform: &'c P,
    action: &'p Aggregate,
    targets: &'p [Target],
    call: &'c Call,
    progress: Progress<'c>,
    /// The room that the contents of the answers have.
    room: Arc<Room>,
    took: Vec<Took>,
    /// Set once something may have reached an upstream.
    has_reached: bool,
}

/// What happens next.
enum Next {
    /// The token that the one with this index waits for has come, or there is none.
    Token(usize, Option<access_token::Fault>),
    /// The request with this index has an answer.
    Came(usize, Came),
}

/// What has come of a request.
struct Came {
    result: Result<Value, Fault>,
    /// Set unless there was no room for the content of its answer.
    has_room: bool,
    /// Set if nothing of it was sent.
    unsent: bool,
}

impl Came {
    /// A result that there was room for.
    const fn of(result: Result<Value, Fault>) -> Self {
        Self { result, has_room: true, unsent: false }
    }
}

/// Answers a request by the calls of `action`.
///
/// # Errors
/// Its content is no JSON, or a required call has failed.
pub(super) async fn serve<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    plan::Calls { aggregate: action, targets }: &'p plan::Calls,
    (call, body): (&mut Call, Body<P::Stream>),
    side: &ClientSide<'_>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    exchange.note(|| Event::Answered { by: POLICY });
    let request = match action.request {
        Some(limit) => Some(request(platform, call, body, limit).await?),
        None => None,
    };
    proxy::connect(exchange.plan, platform, call, side);
    if action.calls.iter().any(|asked| asked.undo.is_some()) {
        // What has been done has to be undone, even if nobody waits for it.
        platform.goes_on();
    }
    let call = &*call;
    let mut calls = Calls {
        exchange,
        platform,
        action,
        targets,
        call,
        progress: Progress::new(action, call, request),
        room: Arc::new(Room::of(action.most_bytes)),
        took: vec![Took::default(); action.calls.len()],
        has_reached: false,
    };
    let is_whole = calls.run().await;
    // So that the request may come again, whatever holds it to once.
    calls.exchange.record.unsent = !calls.has_reached;
    if let (Some(first), true) = (targets.first(), calls.exchange.record.upstream.is_none()) {
        // Nothing has left, for want of a value: the log has the upstream all the same.
        calls.exchange.record.upstream = Some(first.upstream);
    }
    if !is_whole {
        return Err(calls
            .undo(Reject::call_failed().with_detail("the calls were answered by more than there is room for"))
            .await);
    }
    let answer = calls.progress.answer();
    // The calls count as one exchange: with a failure, if one of them ends the request.
    let told = answer.as_ref().ok().map(|_| StatusCode::OK);
    calls.exchange.record.answered(told, platform);
    match answer {
        Ok(answer) => calls.answer(answer).await,
        Err(failure) => calls.failed(failure).await,
    }
}

/// The content of a request, as JSON; `null` if there is none.
pub(super) async fn request<P: Platform>(
    platform: &P,
    call: &mut Call,
    mut body: Body<P::Stream>,
    limit: u64,
) -> Result<Value, Reject> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    content::keep_one_kind(call);
    let form = form_of(&call.headers, &[Form::Json]);
    if !matches!(form, Ok(Some(_))) || call.headers.contains_key(CONTENT_ENCODING) {
        return Err(Reject::unsupported_content_type().with_detail("the content has to be JSON, and not compressed"));
    }
    content::collect(platform, &mut body, limit).await?;
    match &body {
        Body::Full(content) if !content.is_empty() => Value::read(content)
            .map_err(|fault| Reject::content_refused().with_detail(format!("the content is not taken: {fault}"))),
        _ => Ok(Value::Null),
    }
}

impl<'p, P: Platform> Calls<'_, 'p, '_, P> {
    /// Makes the calls, until there is an answer or no more time. Returns false if there was more content than there is room for.
    async fn run(&mut self) -> bool {
        let (platform, action, state) = (self.platform, self.action, self.exchange.state);
        let mut sleep = pin!(platform.sleep(action.timeout));
        let mut under_way = Vec::new();
        // Those that wait for a token of the gateway's own: the others go on meanwhile.
        let mut waiting = Vec::new();
        let mut to_begin = VecDeque::new();
        let mut is_whole = true;
        let begun = platform.monotonic();
        loop {
            while let Some(job) = is_whole.then(|| self.progress.next_job()).flatten() {
                to_begin.push_back(self.first(job));
            }
            if let Some(mut one) = to_begin.pop_front() {
                let Some(asked) = action.calls.get(one.call) else { continue };
                if !core::mem::replace(&mut one.has_asked, true)
                    && let Some((source, cell)) = self.unread_token(one.call)
                {
                    let known = (self.exchange.plan, state);
                    waiting.push((one, Box::pin(access_token::fetch(platform, known, source, cell))));
                    continue;
                }
                // What is signed may take a while, and a token be over by now: not for longer than there is time.
                let left = action.timeout.saturating_sub(platform.monotonic().saturating_sub(begun));
                let prepared = self.prepare((one.call, asked), &asked.sent.method, &one.filled);
                match within(platform, left, prepared).await.unwrap_or(Err(Fault::Timeout)) {
                    Ok((ready, again)) => {
                        one.again = again;
                        let texts = asked.edit.fill(self.call);
                        under_way
                            .push((one, Box::pin(call(platform, state, asked, texts, ready, Arc::clone(&self.room)))));
                    }
                    Err(fault) => self.progress.ended(one.call, one.item, Err(fault)),
                }
                continue;
            }
            // What is no longer wanted is given up, but for what changes something: that has to be known, to be undone.
            let mut index = 0;
            while let Some((one, _)) = under_way.get(index) {
                let changes = action.calls.get(one.call).is_some_and(|asked| !asked.sent.method.is_safe());
                if changes || is_whole && self.progress.is_wanted(one.call, one.item) {
                    index += 1;
                } else {
                    let (one, _) = under_way.swap_remove(index);
                    self.has_reached = true;
                    self.progress.ended(one.call, one.item, Err(Fault::Timeout));
                }
            }
            let mut index = 0;
            while let Some((one, _)) = waiting.get(index) {
                if is_whole && self.progress.is_wanted(one.call, one.item) {
                    index += 1;
                } else {
                    let (one, _) = waiting.swap_remove(index);
                    self.progress.ended(one.call, one.item, Err(Fault::Timeout));
                }
            }
            if under_way.is_empty() && waiting.is_empty() {
                return is_whole;
            }
            let next = poll_fn(|context| {
                let token = first_ready(&mut waiting, context).map(|(index, fault)| Next::Token(index, fault));
                match token
                    .or_else(|| first_ready(&mut under_way, context).map(|(index, came)| Next::Came(index, came)))
                {
                    Some(next) => Poll::Ready(Some(next)),
                    None => sleep.as_mut().poll(context).map(|()| None),
                }
            });
            let (index, came) = match next.await {
                Some(Next::Came(index, came)) => (index, came),
                Some(Next::Token(index, fault)) => {
                    to_begin.push_back(waiting.swap_remove(index).0);
                    if let Some(fault) = fault {
                        access_token::tell(self.exchange, &fault);
                    }
                    continue;
                }
                None => {
                    self.has_reached |= !under_way.is_empty();
                    self.progress.expire();
                    return is_whole;
                }
            };
            let (one, _) = under_way.swap_remove(index);
            is_whole &= came.has_room;
            self.has_reached |= !came.unsent;
            let again = self.ended(one, came.result).await;
            to_begin.extend(again.filter(|_| is_whole));
        }
    }

    /// The source of the token that requests of the call with this index need, if it has to be asked for one.
    fn unread_token(&self, call: usize) -> Option<(&'p TokenSource, &'p TokenCell)> {
        let upstream = self.exchange.plan.upstreams.get(self.targets.get(call)?.upstream)?;
        let Some(Credentials::Token(source)) = &upstream.credentials else { return None };
        let cell = self.exchange.state.token(source.index)?;
        cell.is_unread(self.platform.monotonic()).then_some((source, cell))
    }

    /// Takes note that a request is made for the first time.
    fn first(&mut self, job: Job) -> UnderWay<'p> {
        let now = self.platform.monotonic();
        if let Some(took) = self.took.get_mut(job.call) {
            took.begun.get_or_insert(now);
        }
        let tries = self.action.calls.get(job.call).map_or(1, |asked| asked.tries);
        UnderWay {
            call: job.call,
            item: job.item,
            filled: job.filled,
            tries: tries.saturating_sub(1),
            has_asked: false,
            again: None,
        }
    }

    /// Takes note of what has come of a request; returns it if it is made once more.
    async fn ended(&mut self, mut one: UnderWay<'p>, outcome: Result<Value, Fault>) -> Option<UnderWay<'p>> {
        if let Err(fault) = &outcome {
            if let (Fault::Status(StatusCode::UNAUTHORIZED), Some(again)) = (fault, one.again.take())
                && upstream_credentials::renew(self.exchange, self.platform, &again).await
            {
                return Some(one);
            }
            if fault.may_pass() && one.tries > 0 {
                one.tries = one.tries.saturating_sub(1);
                return Some(one);
            }
        }
        let now = self.platform.monotonic();
        if let Some(took) = self.took.get_mut(one.call) {
            took.ended = now;
        }
        self.progress.ended(one.call, one.item, outcome);
        None
    }

    /// Makes a request ready to leave.
    ///
    /// # Errors
    /// There are no credentials for it.
    async fn prepare(
        &mut self,
        (index, asked): (usize, &'p Asked),
        method: &Method,
        filled: &Filled,
    ) -> Result<(Ready<'p>, Option<Box<Again<'p>>>), Fault> {
        let exchange = &mut *self.exchange;
        let other = Fault::Io(IoErrorKind::Other);
        let target = self.targets.get(index).ok_or(other.clone())?;
        let upstream = exchange.plan.upstreams.get(target.upstream).ok_or(other.clone())?;
        if upstream.discovery.is_some() {
            Box::pin(discover::ready(exchange, self.platform, upstream)).await.map_err(|_| other.clone())?;
        }
        let endpoint = attempts::own(exchange.state, self.platform, upstream).ok_or(other)?;
        let mut headers = HeaderMap::with_capacity(16);
        for name in OF_CONNECTION.iter().chain(&asked.forward) {
            if !headers.contains_key(name) {
                for value in self.call.headers.get_all(name) {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        for (name, value) in [(ACCEPT, "application/json"), (USER_AGENT, "edgeway")] {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if filled.content.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &filled.headers {
            headers.insert(name.clone(), value.clone());
        }
        // What is read has to be plain (RFC 9110 §12.5.3).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let host = match &target.host {
            Host::Upstream => endpoint.authority.clone(),
            Host::Preserve => self.call.host_field().unwrap_or(&endpoint.authority).clone(),
            Host::Set(host) => host.clone(),
        };
        headers.insert(HOST, host);
        let uri = [&*endpoint.base_path, &filled.target].concat();
        let uri = Uri::from(PathAndQuery::try_from(uri).map_err(|_| Fault::Missing)?);
        let mut call = self.call.derived(method.clone(), headers);
        if P::POOLED_BY_HOST {
            connection_auth::strip_credentials(&mut call.headers);
        }
        if upstream.client_cert {
            proxy::client_cert(&mut call);
        }
        endpoint.set_own(&mut call);
        let mut again = None;
        if let Some(credentials) = &upstream.credentials {
            let mut body = filled.content.clone().map_or(Body::Empty, Body::Full);
            let to = (&mut call, endpoint.scheme, &uri);
            let limit = self.action.most_bytes;
            let applied = upstream_credentials::apply(exchange, self.platform, credentials, to, (&mut body, limit));
            again = Box::pin(applied).await.map_err(|_| Fault::Credentials)?;
        }
        exchange.state.sent(&endpoint);
        if exchange.record.upstream.is_none() {
            exchange.record.sent(target.upstream, &call, self.platform);
        }
        exchange.note(|| Event::sent(target.upstream, &endpoint, &call, &uri));
        let content = filled.content.clone();
        Ok((Ready { upstream, endpoint, call, uri, content, deadlines: target.deadlines }, again))
    }

    /// The answer, now that nothing is under way that it needs.
    async fn answer(mut self, answer: Answer) -> Result<Response<Body<P::Stream>>, Reject> {
        let action = self.action;
        let is_partial = !answer.lacks.is_empty();
        let mut partial = String::new();
        for (index, fault) in &answer.lacks {
            let Some(asked) = action.calls.get(*index) else { continue };
            self.note(asked, fault);
            let comma = if partial.is_empty() { "" } else { ", " };
            partial.extend([comma, &asked.name, ";code=", fault.code()]);
        }
        let texts = action.edit.as_ref().map(|edit| edit.fill(self.call)).unwrap_or_default();
        let content = match action.finish(answer, &texts) {
            Ok(content) => content,
            Err(trouble) => {
                self.exchange.record.ruled_out(POLICY, &trouble);
                return Err(self.undo(Reject::upstream_content()).await);
            }
        };
        let mut response = local::with_content(&self.call.method, content.into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if is_partial {
            headers.extend(HeaderValue::try_from(partial).ok().map(|partial| (PARTIAL, partial)));
            // What lacks may be there the next time.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            *response.status_mut() = action.partial_status;
        }
        self.tell_timing(response.headers_mut());
        Ok(response)
    }

    /// The answer where a required call has failed: the upstream's own, if it passes.
    async fn failed(mut self, failure: Failure) -> Result<Response<Body<P::Stream>>, Reject> {
        let Some(asked) = self.action.calls.get(failure.call) else { return Err(Reject::internal()) };
        self.note(asked, &failure.fault);
        if let Fault::Passed(passed) = failure.fault {
            if let Some(reject) = self.undo_all().await {
                return Err(reject);
            }
            let Passed { status, kind, content } = *passed;
            let mut response = local::with_content(&self.call.method, content);
            *response.status_mut() = status;
            response.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
            self.tell_timing(response.headers_mut());
            return Ok(response);
        }
        let is_of_request = failure.fault == Fault::TooMany
            && asked.each.as_ref().is_some_and(|each| each.path.root_name() == Some(REQUEST));
        let reject = match &failure.fault {
            // The client has asked for too much at once.
            _ if is_of_request => Reject::content_unfit(),
            fault if fault.is_timeout() => Reject::call_timeout(),
            _ => Reject::call_failed(),
        };
        let reject = reject.with_detail(format!("the call `{}` has failed: {}", asked.name, failure.fault));
        Err(self.undo(reject).await)
    }

    /// Undoes what has been done. Returns `reject`, unless something could not be undone.
    async fn undo(&mut self, reject: Reject) -> Reject {
        match self.undo_all().await {
            Some(other) => Reject { detail: [&*reject.detail, "; ", &*other.detail].concat().into(), ..reject },
            None => reject,
        }
    }

    /// Undoes what has been done, the last of it first. Returns an error that names what could not be undone.
    async fn undo_all(&mut self) -> Option<Reject> {
        let (platform, action, state) = (self.platform, self.action, self.exchange.state);
        let mut left = Vec::new();
        for (index, filled) in self.progress.to_undo() {
            let Some((asked, undo)) = action.calls.get(index).and_then(|asked| Some((asked, asked.undo.as_ref()?)))
            else {
                continue;
            };
            let undone = match filled {
                None => Err(Fault::Missing),
                Some(filled) => match self.prepare((index, asked), &undo.method, &filled).await {
                    Ok((ready, _)) => undone(platform, state, asked, ready, action.timeout).await,
                    Err(fault) => Err(fault),
                },
            };
            let told =
                undone.as_ref().err().map_or_else(|| "undone".to_owned(), |fault| format!("not undone: {fault}"));
            self.exchange.note(|| Event::Policy { policy: POLICY, verdict: format!("{}: {told}", asked.name) });
            if undone.is_err() {
                self.exchange.record.ruled_out(POLICY, &format_args!("{}: {told}", asked.name));
                left.push(["`", &*asked.name, "`"].concat());
            }
        }
        let detail = format!("what {} has done could not be undone", left.join(" and "));
        (!left.is_empty()).then(|| Reject::call_failed().with_detail(detail))
    }

    /// Tells the log why a call has no result.
    fn note(&mut self, asked: &Asked, fault: &Fault) {
        let why = match fault {
            Fault::Content(reason) => reason.to_string(),
            Fault::Io(kind) => {
                self.exchange.record.cause = Some(error_type(*kind));
                fault.to_string()
            }
            _ => fault.to_string(),
        };
        self.exchange.record.ruled_out(POLICY, &format_args!("{}: {why}", asked.name));
        self.exchange.note(|| Event::Policy { policy: POLICY, verdict: format!("{}: {why}", asked.name) });
    }

    /// Tells the client how long each call took (W3C Server Timing), in milliseconds.
    fn tell_timing(&self, headers: &mut HeaderMap) {
        if !self.action.tells_timing {
            return;
        }
        let mut told = String::new();
        for (asked, took) in self.action.calls.iter().zip(&self.took) {
            let Some(begun) = took.begun else { continue };
            let comma = if told.is_empty() { "" } else { ", " };
            let tenths = took.ended.saturating_sub(begun).as_micros() / 100;
            told.extend([comma, &asked.name, ";dur=", &format!("{}.{}", tenths / 10, tenths % 10)]);
        }
        headers.extend(HeaderValue::try_from(told).ok().map(|told| (SERVER_TIMING, told)));
    }
}

/// Sends a request, and reads what comes of it.
async fn call<P: Platform>(
    platform: &P,
    state: &State,
    asked: &Asked,
    texts: Box<[Option<Box<str>>]>,
    ready: Ready<'_>,
    room: Arc<Room>,
) -> Came {
    let response = match send(platform, state, ready).await {
        Ok(response) => response,
        Err((fault, unsent)) => return Came { unsent, ..Came::of(Err(fault)) },
    };
    let (head, body) = response.into_parts();
    let is_answer = asked.statuses.has(head.status);
    if !is_answer && !asked.pass.as_ref().is_some_and(|pass| pass.has(head.status)) {
        return Came::of(Err(Fault::Status(head.status)));
    }
    let content = match room.read(platform, &head.headers, body, asked.edit.most_bytes).await {
        Ok(content) => content,
        Err(Unread::NoRoom) => return Came { has_room: false, ..Came::of(too_large()) },
        Err(Unread::Failed(IoErrorKind::BodyTooLarge)) if is_answer => return Came::of(too_large()),
        Err(Unread::Failed(IoErrorKind::BodyTooLarge)) => return Came::of(Err(Fault::Status(head.status))),
        Err(Unread::Failed(kind)) => return Came::of(Err(Fault::Io(kind))),
    };
    if content.len() as u64 > asked.edit.most_bytes {
        return Came::of(if is_answer { too_large() } else { Err(Fault::Status(head.status)) });
    }
    if !is_answer {
        let kind = head.headers.get(CONTENT_TYPE).cloned();
        return Came::of(Err(Fault::Passed(Box::new(Passed { status: head.status, kind, content }))));
    }
    if content.is_empty() {
        return Came::of(Ok(Value::Null));
    }
    Came::of(match asked.edit.form(&head.headers) {
        Ok(Some(form)) => asked
            .edit
            .read(&content, (form, &head.headers), &texts)
            .map_err(|trouble| Fault::Content(trouble.to_string().into())),
        Ok(None) => Err(Fault::Content("its media type is none that is read".into())),
        Err(reason) => Err(Fault::Content(reason.into())),
    })
}

fn too_large() -> Result<Value, Fault> {
    Err(Fault::Content("it is larger than what is read".into()))
}

/// Sends a request that undoes another one; any 2xx is success.
async fn undone<P: Platform>(
    platform: &P,
    state: &State,
    asked: &Asked,
    ready: Ready<'_>,
    limit: Duration,
) -> Result<(), Fault> {
    let limit = asked.timeout.unwrap_or(limit);
    let sent = within(platform, limit, send(platform, state, ready)).await;
    let response = sent.unwrap_or(Err((Fault::Timeout, false))).map_err(|(fault, _)| fault)?;
    if response.status().is_success() { Ok(()) } else { Err(Fault::Status(response.status())) }
}

/// Sends a request.
///
/// # Errors
/// It fails, and `true` if nothing of it was sent.
async fn send<P: Platform>(
    platform: &P,
    state: &State,
    ready: Ready<'_>,
) -> Result<Response<Body<P::Stream>>, (Fault, bool)> {
    let Ready { upstream, endpoint, mut call, uri, content, deadlines } = ready;
    let mut sent = UpstreamCall {
        upstream,
        endpoint: &endpoint,
        method: &mut call.method,
        uri,
        headers: &mut call.headers,
        body: content.map_or(Body::Empty, Body::Full),
        deadlines,
        repeat: attempts::repeat(state, upstream),
        known_edits: None,
    };
    let begun = attempts::begin(state, platform, (upstream, endpoint.clone()));
    let answer = platform.fetch(&mut sent).await;
    begun.end(answer.as_ref().map(Response::status).map_err(|error| *error));
    let response = answer.map_err(|error| (Fault::Io(error.kind), error.retry))?;
    let is_one = (200..=599).contains(&response.status().as_u16());
    if is_one { Ok(response) } else { Err((Fault::Io(IoErrorKind::Protocol), false)) }
}

/// Returns the index of the first of `futures` that is ready, and its output.
fn first_ready<K, F: Future>(
    futures: &mut [(K, Pin<Box<F>>)],
    context: &mut Context<'_>,
) -> Option<(usize, F::Output)> {
    for (index, (_, future)) in futures.iter_mut().enumerate() {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Some((index, output));
        }
    }
    None
}

//! What comes next where a route's upstream fails: another upstream, a stale stored response, or a fixed one.

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::exchange::Exchange;
use super::{content, limits, local, proxy, time_left};
use crate::balance::fallback::Failure;
use crate::balance::retry::IDEMPOTENCY_KEY;
use crate::body::Body;
use crate::call::Call;
use crate::error::{CIRCUIT_OPEN, CREDENTIALS_UNAVAILABLE, NO_TARGETS, OVERLOADED, Reject};
use crate::http::proxy_status;
use crate::meter::FellBack;
use crate::outcome::Reply;
use crate::plan::{Action, Fallbacks, Next, Proxy, Route, Target};
use crate::ports::Platform;
use crate::trace::Event;

/// How far an exchange has come through what comes next.
#[derive(Default)]
pub(super) struct Progress {
    /// The time that upstreams have had which failed.
    pub(super) spent: Duration,
    /// Set if the answer is the fixed one.
    pub(super) stands_in: bool,
    /// What the client is told of it.
    pub(super) told: Option<HeaderValue>,
    /// The number of the step from which on something may come next, counted from 1; 0 where nothing does.
    from: usize,
}

/// The way of a request through its upstream and what comes next.
pub(super) struct Way<'r, P: Platform> {
    route: &'r Route,
    action: &'r Proxy,
    /// The request, if anything comes next.
    kept: Option<Box<Kept<P::Stream>>>,
}

/// A request as it was before it was sent, and what has become of it so far.
struct Kept<S> {
    call: Call,
    content: Content<S>,
    heeds_keys: bool,
    /// The methods by which it was sent.
    went_by: Vec<Method>,
    begun: Duration,
    /// The number of steps that are done.
    done: usize,
    /// Set if it has come to nobody so far.
    is_unsent: bool,
    /// Set if its last answer may still be followed by something else, so that nothing was made of it.
    is_held: bool,
    /// Set if it went to another upstream.
    is_elsewhere: bool,
    failure: Option<Failure>,
}

/// The content of a request that may go elsewhere.
enum Content<S> {
    Whole(Bytes),
    /// It is on its way from the client, and nothing of it has been read.
    Unread(S),
    Gone,
}

/// What a way has come to.
pub(super) enum Came<P: Platform> {
    /// This, and nothing comes next.
    Reply(Result<Reply<P>, Reject>),
    /// This failure, and the stored response comes next.
    Stale(Result<Reply<P>, Reject>),
}

impl<P: Platform> Came<P> {
    /// Returns whether the stored response comes next; where the action of the route does not say, by whether the reply `is_failed`.
    pub(super) fn is_next(&self, is_failed: impl Fn(&Result<Reply<P>, Reject>) -> bool, action: &Proxy) -> bool {
        match self {
            Self::Stale(_) => true,
            Self::Reply(reply) => action.fallback.is_none() && is_failed(reply),
        }
    }

    /// The status of the answer that is there, if it is one.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Reply(Ok(Reply::Http(response))) | Self::Stale(Ok(Reply::Http(response))) => Some(response.status()),
            _ => None,
        }
    }
}

/// Sends a request to the upstream of `action`, and does what comes next where that fails. Nothing is stored of it.
pub(super) async fn send<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (route, action): (&Route, &Proxy),
    (call, body): (&mut Call, &mut Body<P::Stream>),
) -> Result<Reply<P>, Reject> {
    let mut way = Way::new((route, action));
    let came = way.go(exchange, platform, (call, body)).await;
    way.end(exchange, platform, call, came).await
}

/// Returns whether something else may come in place of an answer with this `status`, so that nothing is made of it yet.
pub(super) fn may_follow(exchange: &Exchange<'_, '_>, status: StatusCode) -> bool {
    let from = exchange.rare.as_ref().and_then(|rare| rare.fallback.from.checked_sub(1));
    let Some((from, Action::Proxy(action))) = from.zip(exchange.route.map(|route| &route.action)) else { return false };
    let steps = action.fallback.iter().flat_map(|fallback| &*fallback.steps).skip(from);
    steps.into_iter().any(|step| step.on.is_met(Failure::Answered(status)))
}

/// Returns whether something else comes next where the request fails, or has come.
pub(super) fn is_watched(exchange: &Exchange<'_, '_>) -> bool {
    exchange.rare.as_ref().is_some_and(|rare| rare.fallback.from > 0)
}

/// Takes over what a platform has `left` of the content of a call that failed.
pub(super) fn take_left<S>(content: &mut Body<S>, left: &mut Body<S>) {
    if let Body::Stream(_) = left {
        *content = core::mem::take(left);
    }
}

impl<'r, P: Platform> Way<'r, P> {
    pub(super) const fn new((route, action): (&'r Route, &'r Proxy)) -> Self {
        Self { route, action, kept: None }
    }

    /// Sends the request to the upstream of the route, and does what comes next where that fails, up to the stored response.
    pub(super) async fn go(
        &mut self,
        exchange: &mut Exchange<'_, '_>,
        platform: &P,
        (call, body): (&mut Call, &mut Body<P::Stream>),
    ) -> Came<P> {
        let Some(rules) = &self.action.fallback else {
            return Came::Reply(proxy::send(exchange, platform, self.route, self.action, (call, body), false).await);
        };
        let mut kept = match Box::pin(keep(exchange, platform, rules, (call, body))).await {
            Ok(kept) => kept,
            Err(reject) => return Came::Reply(Err(reject)),
        };
        let reply = kept.send(exchange, platform, (self.route, self.action), (call, body)).await;
        self.kept = Some(kept);
        self.follow(exchange, platform, call, reply).await
    }

    /// Goes on after the stored response, if that came next and is none to be used.
    pub(super) async fn end(
        &mut self,
        exchange: &mut Exchange<'_, '_>,
        platform: &P,
        call: &mut Call,
        came: Came<P>,
    ) -> Result<Reply<P>, Reject> {
        match came {
            Came::Reply(reply) => reply,
            Came::Stale(reply) => {
                exchange.note(|| told("nothing is stored that may be used".to_owned()));
                match Box::pin(self.follow(exchange, platform, call, reply)).await {
                    Came::Reply(reply) | Came::Stale(reply) => reply,
                }
            }
        }
    }

    /// Notes that the stored response is the answer.
    pub(super) fn stale(&self, exchange: &mut Exchange<'_, '_>) {
        if self.kept.is_some() {
            exchange.note(|| told("answers with what is stored".to_owned()));
            exchange.record.under_way = None;
            tell(exchange, FellBack::Stale, None);
        }
    }

    /// Has the request go on as `without` makes its fields.
    pub(super) fn forget_conditions(&mut self, without: impl Fn(HeaderMap) -> HeaderMap) {
        if let Some(kept) = &mut self.kept {
            kept.call.headers = without(core::mem::take(&mut kept.call.headers));
        }
    }

    /// Does what comes next after `reply`, for as long as there is a reason to.
    async fn follow(
        &mut self,
        exchange: &mut Exchange<'_, '_>,
        platform: &P,
        call: &mut Call,
        mut reply: Result<Reply<P>, Reject>,
    ) -> Came<P> {
        let (Some(rules), Some(kept)) = (&self.action.fallback, &mut self.kept) else { return Came::Reply(reply) };
        while let (Some(failure), Some(step)) = (kept.failure, rules.steps.get(kept.done)) {
            kept.done += 1;
            if !step.on.is_met(failure) {
                continue;
            }
            match &step.next {
                Next::Stale => return Came::Stale(reply),
                Next::Respond(respond) => {
                    exchange.note(|| told(format!("{}: answers by itself", failure.words())));
                    let response = local::respond(exchange, respond, &kept.call);
                    // Nobody reads what has come before.
                    exchange.record.under_way = None;
                    exchange.record.unsent = kept.is_unsent;
                    exchange.rare().fallback.stands_in = true;
                    tell(exchange, FellBack::Respond, Some(failure));
                    return Came::Reply(Ok(Reply::Http(response)));
                }
                Next::Upstream { proxy, methods } => {
                    let Some(target) = proxy.targets.first() else { continue };
                    if !kept.is_unsent && !kept.may_repeat(methods, target) {
                        exchange.note(|| told("not elsewhere: the request may have been carried out".to_owned()));
                        continue;
                    }
                    let Some(mut body) = kept.take_body() else {
                        exchange.note(|| told("not elsewhere: the content is gone".to_owned()));
                        continue;
                    };
                    let spent = platform.monotonic().saturating_sub(kept.begun);
                    if time_left::of(target.deadlines, &kept.call.headers).total.is_some_and(|total| spent >= total) {
                        exchange.note(|| told("not elsewhere: the time is over".to_owned()));
                        kept.take_left(&mut body);
                        continue;
                    }
                    let plan = exchange.plan;
                    exchange.note(|| {
                        let name = plan.upstreams.get(target.upstream).map_or("?", |upstream| &*upstream.name);
                        told(format!("{}: goes to `{name}`", failure.words()))
                    });
                    // Nobody reads it: its connection is let go.
                    drop(core::mem::replace(&mut reply, Err(Reject::internal())));
                    *call = kept.call.clone();
                    exchange.rare().fallback.spent = spent;
                    exchange.record.fell_back(FellBack::Upstream);
                    kept.is_elsewhere = true;
                    reply = kept.send(exchange, platform, (self.route, proxy), (call, &mut body)).await;
                }
            }
        }
        if kept.is_elsewhere && reply.is_ok() {
            tell(exchange, FellBack::Upstream, None);
        }
        if let Ok(Reply::Http(response)) = &mut reply
            && kept.is_held
            && self.route.needs.head
        {
            let is_head = kept.call.method == Method::HEAD;
            limits::settle(exchange, platform, (response, is_head));
        }
        Came::Reply(reply)
    }
}

impl<S> Kept<S> {
    /// Sends the request to the upstream of `action`, and takes note of what has become of it.
    async fn send<P: Platform<Stream = S>>(
        &mut self,
        exchange: &mut Exchange<'_, '_>,
        platform: &P,
        (route, action): (&Route, &Proxy),
        (call, body): (&mut Call, &mut Body<S>),
    ) -> Result<Reply<P>, Reject> {
        exchange.record.under_way = None;
        exchange.record.unsent = false;
        let before = exchange.record.upstream.take();
        let rare = exchange.rare();
        rare.failed = None;
        rare.fallback.from = self.done + 1;
        // On the heap: it would be here once more, for each request.
        let reply = Box::pin(proxy::send(exchange, platform, route, action, (call, body), false)).await;
        let asked = action.targets.iter().find(|target| Some(target.upstream) == exchange.record.upstream);
        let by = asked.and_then(|target| target.method.other(&self.call.method)).unwrap_or(&self.call.method);
        self.went_by.push(by.clone());
        self.take_left(body);
        self.failure = match &reply {
            Ok(Reply::Http(response)) => Some(Failure::Answered(response.status())),
            Ok(Reply::Upgrade(..)) => None,
            Err(reject) if [CIRCUIT_OPEN.code, OVERLOADED.code].contains(&reject.code) => Some(Failure::Open),
            Err(reject)
                if [CREDENTIALS_UNAVAILABLE.code, NO_TARGETS.code].contains(&reject.code)
                    && exchange.record.upstream.is_none() =>
            {
                Some(Failure::Unsent)
            }
            Err(_) => {
                let unsent = exchange.record.unsent;
                exchange.rare().failed.and_then(|kind| Failure::of(kind, unsent))
            }
        };
        self.is_held = matches!(&reply, Ok(Reply::Http(response)) if may_follow(exchange, response.status()));
        self.is_unsent &= self.failure.map_or(exchange.record.unsent, Failure::is_unsent);
        exchange.record.unsent = self.is_unsent;
        if before.is_some() && exchange.record.upstream.is_some() {
            exchange.record.tried_again();
        }
        exchange.record.upstream = exchange.record.upstream.or(before);
        reply
    }

    /// Returns whether the request may go elsewhere although it may have been carried out: by its method, or since its key says so.
    fn may_repeat(&self, methods: &[Method], next: &Target) -> bool {
        // By what upstreams were asked, and are: it may be another method than the client's.
        let next = next.method.other(&self.call.method).unwrap_or(&self.call.method);
        let by_method = methods.contains(next) && self.went_by.iter().all(|method| methods.contains(method));
        by_method || (self.heeds_keys && self.call.headers.contains_key(IDEMPOTENCY_KEY))
    }

    /// Takes over content of which nothing has been read.
    fn take_left(&mut self, left: &mut Body<S>) {
        if let Content::Gone = self.content {
            match core::mem::take(left) {
                Body::Stream(stream) => self.content = Content::Unread(stream),
                // It was read since, as for a copy.
                Body::Full(content) => self.content = Content::Whole(content),
                Body::Empty => {}
            }
        }
    }

    /// The content to send; none if it is gone.
    fn take_body(&mut self) -> Option<Body<S>> {
        Some(match core::mem::replace(&mut self.content, Content::Gone) {
            Content::Whole(content) => {
                let body = if content.is_empty() { Body::Empty } else { Body::Full(content.clone()) };
                self.content = Content::Whole(content);
                body
            }
            Content::Unread(stream) => Body::Stream(stream),
            Content::Gone => return None,
        })
    }
}

/// Keeps a request before it is sent. Of its content, what is there, or what is read for that where it may be sent again.
async fn keep<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    rules: &Fallbacks,
    (call, body): (&mut Call, &mut Body<P::Stream>),
) -> Result<Box<Kept<P::Stream>>, Reject> {
    let heeds_keys = exchange.heeds_keys();
    let is_keyed = heeds_keys && call.headers.contains_key(IDEMPOTENCY_KEY);
    let may_repeat = |step: &crate::plan::Fallback| matches!(&step.next, Next::Upstream { methods, .. } if is_keyed || methods.contains(&call.method));
    if matches!(body, Body::Stream(_)) && rules.steps.iter().any(may_repeat) {
        let length = call.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length <= rules.most_bytes) {
            content::collect(platform, body, rules.most_bytes).await?;
            // It has lost its trailers (RFC 9110 §6.6.2).
            call.headers.remove(TRAILER);
        }
    }
    let content = match body {
        Body::Empty => Content::Whole(Bytes::new()),
        Body::Full(content) => Content::Whole(content.clone()),
        Body::Stream(_) => Content::Gone,
    };
    Ok(Box::new(Kept {
        call: call.clone(),
        content,
        heeds_keys,
        went_by: Vec::new(),
        // What it had to wait for on purpose counts.
        begun: platform.monotonic().saturating_sub(exchange.spent()),
        done: 0,
        is_unsent: true,
        is_held: false,
        is_elsewhere: false,
        failure: None,
    }))
}

/// Tells the log, the metrics and the client what the answer is, and for which `failure`.
fn tell(exchange: &mut Exchange<'_, '_>, what: FellBack, failure: Option<Failure>) {
    exchange.record.fell_back(what);
    let (error, status) = match failure {
        None => (None, None),
        Some(Failure::Answered(status)) => (None, Some(status)),
        Some(Failure::Open) => (Some("destination_unavailable"), None),
        Some(_) => (exchange.record.cause, None),
    };
    let name = exchange.plan.loop_guard.name();
    exchange.rare().fallback.told = proxy_status::fell_back(name, what.word(), error, status);
}

fn told(verdict: String) -> Event {
    Event::Policy { policy: "fallback", verdict }
}

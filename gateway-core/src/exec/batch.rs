//! Several requests in one: each is answered as if it had come by itself.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response};

use super::aggregate::request;
use super::exchange::Exchange;
use super::room::{Room, Unread};
use super::within::within;
use super::{ending, local, run};
use crate::body::Body;
use crate::call::Call;
use crate::document::Value;
use crate::error::Reject;
use crate::http::hop_by_hop;
use crate::io::IoErrorKind;
use crate::outcome::{After, Reply};
use crate::plan::Plan;
use crate::policy::batch::{Answered, Batch, Part, parts};
use crate::ports::{Peer, Platform};
use crate::problem;
use crate::record::{Ended, Length};
use crate::state::State;
use crate::trace::{self, Event, Trace};

/// All that the requests of a batch have in common.
struct Common<'c, P> {
    plan: &'c Plan,
    state: &'c State,
    platform: &'c P,
    peer: &'c Peer,
    /// The fields that the client has sent.
    outer: &'c HeaderMap,
    /// The time at which all have ended.
    end: Duration,
    /// The room that the contents have.
    room: Room,
    /// Set if a trace is kept of each.
    is_traced: bool,
}

/// What has become of a request of the batch.
struct Done {
    answer: Value,
    /// What a trace tells of it, if one is kept.
    told: Option<Event>,
    /// The work that is left.
    after: Vec<After>,
}

/// Answers a batch.
///
/// # Errors
/// Its content is no list of requests.
pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    batch: &Batch,
    (call, body): (&mut Call, Body<P::Stream>),
    peer: &Peer,
) -> Result<Response<Body<P::Stream>>, Reject> {
    exchange.note(|| Event::Answered { by: "batch" });
    if exchange.record.is_part() {
        return Err(Reject::loop_detected().with_detail("a batch can't be a request of a batch"));
    }
    if call.method != Method::POST {
        return Err(Reject::method_not_allowed(HeaderValue::from_static("POST")));
    }
    let mut outer = core::mem::take(&mut exchange.rare().sent);
    if let Some(host) = call.host_field() {
        outer.insert(HOST, host.clone());
    }
    // Those that `Connection` names, too, end here (RFC 9110 §7.6.1).
    hop_by_hop::strip_request(&mut outer);
    let document = request(platform, call, body, batch.request_bytes).await?;
    let parts = parts(document, batch.most, &exchange.plan.identity).map_err(|flaws| {
        let mut reject = Reject::content_invalid();
        reject.flaws = Some(flaws.into());
        reject
    })?;
    // Each is counted and gives back what it holds, even if nobody waits for it.
    platform.goes_on();
    let common = Common {
        plan: exchange.plan,
        state: exchange.state,
        platform,
        peer,
        outer: &outer,
        end: platform.monotonic().saturating_add(batch.timeout),
        room: Room::of(batch.most_bytes),
        is_traced: exchange.trace.is_some(),
    };
    let mut all: Vec<Option<Done>> = parts.iter().map(|_| None).collect();
    let mut waiting = parts.into_iter().enumerate();
    let mut under_way = Vec::new();
    let at_once = usize::try_from(batch.at_once).unwrap_or(usize::MAX);
    loop {
        while under_way.len() < at_once
            && let Some((index, part)) = waiting.next()
        {
            under_way.push((index, Box::pin(common.answer(part))));
        }
        if under_way.is_empty() {
            break;
        }
        let (place, done) = poll_fn(|context| {
            for (place, (_, future)) in under_way.iter_mut().enumerate() {
                if let Poll::Ready(answer) = future.as_mut().poll(context) {
                    return Poll::Ready((place, answer));
                }
            }
            Poll::Pending
        })
        .await;
        let (index, _) = under_way.swap_remove(place);
        if let Some(one) = all.get_mut(index) {
            *one = Some(done);
        }
    }
    let mut answers = Vec::with_capacity(all.len());
    for Done { answer, told, after } in all.into_iter().flatten() {
        answers.push(answer);
        exchange.after.extend(after);
        if let Some(told) = told {
            exchange.note(|| told);
        }
    }
    let mut text = String::new();
    Value::Array(answers).write(&mut text);
    let mut response = local::with_content(&call.method, text.into_bytes().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl<P: Platform> Common<'_, P> {
    /// Answers a request of the batch.
    async fn answer(&self, part: Part) -> Done {
        let Self { plan, state, platform, peer, .. } = *self;
        let request = part.request(self.outer);
        let mut record = ending::begin(plan, state, platform, &request, peer);
        record.room = Some(self.room.shared());
        let is_head = *request.method() == Method::HEAD;
        let mut traced = self.is_traced.then(|| (head_of(&request), Trace::default()));
        let left = self.left();
        let trace = traced.as_mut().map(|(_, trace)| trace);
        let outcome = within(platform, left, run(plan, state, platform, request, peer, &mut record, trace)).await;
        let (answer, mut after) = match outcome {
            Some(outcome) => (
                match outcome.reply {
                    Reply::Http(response) => Ok(response),
                    Reply::Upgrade(..) => Err(Reject::websocket_not_implemented()),
                },
                outcome.after,
            ),
            None => (Err(Reject::call_timeout()), Vec::new()),
        };
        let mut cut = None;
        let answered = match answer {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let content = self.room.read(platform, &head.headers, body, u64::MAX);
                let content = within(platform, self.left(), content).await;
                let content = content.unwrap_or(Err(Unread::Failed(IoErrorKind::TotalTimeout)));
                let answered = content.map(|content| Answered { status: head.status, headers: head.headers, content });
                answered.map_err(|unread| {
                    let (kind, reject) = unread.told();
                    cut = Some(kind);
                    reject
                })
            }
            Err(reject) => Err(reject),
        };
        let answered = answered.unwrap_or_else(|reject| {
            let id = record.request_id.clone().unwrap_or_else(|| HeaderValue::from_static(""));
            record.refused(&reject, &id);
            let (head, body) = problem::answer::<P::Stream>(reject, is_head, id).into_parts();
            let content = if let Body::Full(content) = body { content } else { Bytes::new() };
            Answered { status: head.status, headers: head.headers, content }
        });
        let ended = Ended { received: None, sent: Length::Counted(answered.content.len() as u64), cut };
        after.extend(ending::end(plan, state, platform, record, &ended));
        let told = traced.map(|(request, trace)| {
            let mut response = Response::new(answered.content.clone());
            *response.status_mut() = answered.status;
            *response.headers_mut() = answered.headers.clone();
            Event::Part(Box::new(trace::Part { request, trace, response }))
        });
        Done { answer: answered.into_value(), told, after }
    }

    fn left(&self) -> Duration {
        self.end.saturating_sub(self.platform.monotonic())
    }
}

/// A request without its content.
fn head_of<B>(request: &Request<B>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.headers_mut() = request.headers().clone();
    head
}

impl Unread {
    /// The kind of failure, and what the client is told in place of the answer.
    fn told(self) -> (IoErrorKind, Reject) {
        let long = "the answer is longer than the answers of a batch may be together";
        match self {
            Self::NoRoom => (IoErrorKind::BodyTooLarge, Reject::upstream_content().with_detail(long)),
            Self::Failed(kind @ IoErrorKind::TotalTimeout) => (kind, Reject::call_timeout()),
            Self::Failed(kind) => (kind, Reject::upstream_content()),
        }
    }
}

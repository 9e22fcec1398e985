//! Several requests in one: each is answered as if it had come by itself.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Poll;
use core::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Response};

use super::aggregate::request;
use super::exchange::Exchange;
use super::within::within;
use super::{ending, local, run};
use crate::body::Body;
use crate::call::Call;
use crate::document::Value;
use crate::error::Reject;
use crate::io::IoErrorKind;
use crate::outcome::{After, Reply};
use crate::plan::Plan;
use crate::policy::batch::{Answered, Batch, Part, parts};
use crate::ports::{Peer, Platform};
use crate::problem;
use crate::record::{Ended, Length};
use crate::state::State;
use crate::trace::Event;

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
    /// The contents that may still come, in bytes.
    room: AtomicU64,
    /// Set while a content is read: they are read one after another, so that they never take more than their room together.
    is_reading: AtomicBool,
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
    if exchange.record.is_part {
        return Err(Reject::loop_detected().with_detail("a batch can't be a request of a batch"));
    }
    if call.method != Method::POST {
        return Err(Reject::method_not_allowed(HeaderValue::from_static("POST")));
    }
    let mut outer = core::mem::take(&mut exchange.rare().sent);
    if let Some(host) = call.host_field() {
        outer.insert(HOST, host.clone());
    }
    let document = request(platform, call, body, batch.request_bytes).await?;
    let parts = parts(document, batch.most).map_err(|flaws| {
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
        room: AtomicU64::new(batch.most_bytes),
        is_reading: AtomicBool::new(false),
    };
    let mut answers: Vec<Option<Value>> = parts.iter().map(|_| None).collect();
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
        let (place, (value, after)) = poll_fn(|context| {
            for (place, (_, future)) in under_way.iter_mut().enumerate() {
                if let Poll::Ready(answer) = future.as_mut().poll(context) {
                    return Poll::Ready((place, answer));
                }
            }
            Poll::Pending
        })
        .await;
        let (index, _) = under_way.swap_remove(place);
        if let Some(answer) = answers.get_mut(index) {
            *answer = Some(value);
        }
        exchange.after.extend(after);
    }
    let mut text = String::new();
    Value::Array(answers.into_iter().map(Option::unwrap_or_default).collect()).write(&mut text);
    let mut response = local::with_content(&call.method, text.into_bytes().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl<P: Platform> Common<'_, P> {
    /// The answer to a request of the batch, and the work that is left.
    async fn answer(&self, part: Part) -> (Value, Vec<After>) {
        let Self { plan, state, platform, peer, .. } = *self;
        let request = part.request(self.outer);
        let mut record = ending::begin(plan, state, platform, &request, peer);
        record.is_part = true;
        let is_head = *request.method() == Method::HEAD;
        let left = self.left();
        let outcome = within(platform, left, run(plan, state, platform, request, peer, &mut record, None)).await;
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
                let content = self.read(body).await;
                content.map(|content| Answered { status: head.status, headers: head.headers, content }).map_err(
                    |kind| {
                        cut = Some(kind);
                        match kind {
                            IoErrorKind::BodyTooLarge => Reject::upstream_content()
                                .with_detail("the answer is longer than the answers of a batch may be together"),
                            IoErrorKind::TotalTimeout => Reject::call_timeout(),
                            _ => Reject::upstream_content(),
                        }
                    },
                )
            }
            Err(reject) => Err(reject),
        };
        let answered = answered.unwrap_or_else(|reject| {
            let id = record.request_id.clone().unwrap_or_else(|| HeaderValue::from_static(""));
            let (head, body) = problem::answer::<P::Stream>(reject, is_head, id).into_parts();
            let content = if let Body::Full(content) = body { content } else { Bytes::new() };
            Answered { status: head.status, headers: head.headers, content }
        });
        let ended = Ended { received: None, sent: Length::Counted(answered.content.len() as u64), cut };
        after.extend(ending::end(plan, state, platform, record, &ended));
        (answered.into_value(), after)
    }

    fn left(&self) -> Duration {
        self.end.saturating_sub(self.platform.monotonic())
    }

    /// All of a content, if there is room and time for it.
    async fn read(&self, body: Body<P::Stream>) -> Result<Bytes, IoErrorKind> {
        match body {
            Body::Empty => Ok(Bytes::new()),
            Body::Full(content) => self.take(content),
            Body::Stream(stream) => {
                // Whoever ends a turn is polled together with those that wait for one.
                let turn = poll_fn(|_| match self.is_reading.swap(true, Ordering::Relaxed) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                });
                within(self.platform, self.left(), turn).await.ok_or(IoErrorKind::TotalTimeout)?;
                let collected = self.platform.collect(stream, self.room.load(Ordering::Relaxed));
                let collected = within(self.platform, self.left(), collected).await;
                self.is_reading.store(false, Ordering::Relaxed);
                let content = collected.ok_or(IoErrorKind::TotalTimeout)?.map_err(|error| error.kind)?;
                self.take(content)
            }
        }
    }

    fn take(&self, content: Bytes) -> Result<Bytes, IoErrorKind> {
        let length = content.len() as u64;
        let taken = self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(length));
        taken.map(|_| content).map_err(|_| IoErrorKind::BodyTooLarge)
    }
}

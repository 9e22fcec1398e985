//! Requests with idempotency keys: the first of one key is made, and the others get its answer.

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRAILER};
use http::{HeaderValue, Response};

use super::content;
use super::exchange::Exchange;
use super::steps::verdict;
use super::within::{timely, within};
use crate::body::Body;
use crate::call::Call;
use crate::config::{FailMode, Span};
use crate::error::Reject;
use crate::io::IoErrorKind;
use crate::outcome::{After, Reply};
use crate::plan::{Action, Route};
use crate::policy::claim::{Verdict, Wish};
use crate::policy::counter::{CounterOp, CounterVerdict};
use crate::policy::idempotency::{Claimed, Idempotency, Outcome, fingerprint, pack, unpack};
use crate::ports::Platform;
use crate::record::{Claim, Owed};
use crate::trace::Event;

/// The name by which the log knows what a request is refused by.
const POLICY: &str = "idempotency";

/// The first wait for the answer to another request. Each is twice as long as the one before it.
const FIRST_SLICE: Duration = Duration::from_millis(20);

/// The longest.
const LONGEST_SLICE: Duration = Duration::from_millis(640);

/// The time that a request takes at most where nothing says how long.
const USUAL_LEASE: Duration = Duration::from_secs(5 * 60);

/// The time for what comes before and after the upstream's part.
const GRACE: Duration = Duration::from_secs(10);

/// A request with a key.
pub(super) struct Keyed<'p> {
    rule: &'p Idempotency,
    claimed: Claimed,
    print: u64,
    /// The number of the claim, once the request is the first of its key.
    holder: Option<u64>,
}

impl Keyed<'_> {
    /// Returns whether the upstream itself tells what it has carried out, so that the request may be made again.
    pub(super) fn is_repeatable(&self) -> bool {
        self.rule.repeats
    }
}

/// Reads the key of a request, and all of its content if there is one.
///
/// # Errors
/// There is no key where one is required, it is none, or the content is too long.
pub(super) async fn read<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    rule: &'p Idempotency,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<(), Reject> {
    let key = rule.key(call);
    if let Err(reject) = &key {
        let is_missing = !call.headers.contains_key(rule.header());
        exchange.record.keyed(if is_missing { Outcome::Missing } else { Outcome::Invalid });
        exchange.note(|| told(&["refused: ", reject.code].concat()));
    }
    let Some(key) = key? else {
        exchange.note(|| {
            let is_for = rule.is_for(&call.method);
            told(if is_for { "there is no key" } else { "requests by this method have no keys here" })
        });
        return Ok(());
    };
    let claimed = rule.claimed(call, key, platform);
    content::collect(platform, body, limit.min(rule.most_bytes)).await?;
    let content = if let Body::Full(content) = body { content } else { &Bytes::new() };
    let print = fingerprint(call, exchange.route.map_or("", |route| &route.name), content);
    exchange.rare().keyed = Some(Keyed { rule, claimed, print, holder: None });
    Ok(())
}

/// Claims the key of a request. Returns the answer that was given before, if there is one.
///
/// # Errors
/// The key is one of another request; or the first one has no answer yet, or none that is known.
pub(super) async fn claim<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    route: &Route,
) -> Result<Option<Box<Reply<P>>>, Box<Reject>> {
    let Some(mut keyed) = exchange.take_keyed() else { return Ok(None) };
    let (rule, cell) = (keyed.rule, keyed.claimed.cell());
    let holder = platform.next_u64();
    let lease = lease(route);
    let keep = if rule.repeats { lease } else { rule.keep.max(lease) };
    let asked = CounterOp::Claim(Wish { holder, print: keyed.print, lease, keep });
    let begun = platform.monotonic();
    let mut slice = FIRST_SLICE;
    let mut has_waited = false;
    // Others go by the claim and by the answer, even if this client leaves meanwhile.
    platform.goes_on();
    let (outcome, refused) = loop {
        let answer = within(platform, exchange.plan.counter_timeout, platform.apply(&cell, asked)).await;
        let Some(verdict) = verdict(exchange, platform, answer, CounterVerdict::claim) else {
            if rule.fail == FailMode::Open {
                // It may have been given, all the same.
                exchange.record.keyed(Outcome::Unchecked);
                owe(exchange, &keyed, holder);
                keyed.holder = Some(holder);
                exchange.rare().keyed = Some(keyed);
                return Ok(None);
            }
            let back = CounterOp::Conclude { holder, keep: Duration::ZERO };
            exchange.after.push(After::Settle(Box::new((cell.clone(), back))));
            break (Outcome::Failed, Reject::counter_unavailable());
        };
        match verdict {
            Verdict::Given => {
                exchange.note(|| told("it is the first with this key"));
                exchange.record.keyed(Outcome::First);
                owe(exchange, &keyed, holder);
                keyed.holder = Some(holder);
                exchange.rare().keyed = Some(keyed);
                return Ok(None);
            }
            Verdict::Held => {
                let left = rule.wait.saturating_sub(platform.monotonic().saturating_sub(begun));
                if left.is_zero() {
                    let reject = Reject::idempotency_key_in_use().with_header(RETRY_AFTER, HeaderValue::from(1));
                    break (Outcome::Conflict, reject);
                }
                has_waited = true;
                platform.wait(&cell, slice.min(left)).await;
                slice = slice.saturating_mul(2).min(LONGEST_SLICE);
            }
            Verdict::Other => break (Outcome::Reused, Reject::idempotency_key_reused()),
            Verdict::Lost => break (Outcome::Lost, Reject::idempotency_answer_lost()),
            Verdict::Ended => match kept(exchange, platform, &keyed).await? {
                Some(response) => {
                    exchange.record.keyed(if has_waited { Outcome::Waited } else { Outcome::Replayed });
                    exchange.note(|| told("it gets the answer to the first with this key"));
                    return Ok(Some(Box::new(Reply::Http(response))));
                }
                None => break (Outcome::Lost, Reject::idempotency_answer_lost()),
            },
        }
    };
    exchange.record.keyed(outcome);
    exchange.record.ruled_out(POLICY, &refused.reason());
    exchange.note(|| told(&["refused: ", refused.code].concat()));
    Err(Box::new(refused))
}

/// Has the claim given up if the exchange is ended from outside: a batch waits for its requests no longer than it may take.
fn owe(exchange: &mut Exchange<'_, '_>, keyed: &Keyed<'_>, holder: u64) {
    let claim = Claim { cell: keyed.claimed.cell(), holder, unknown: unknown(keyed.rule) };
    exchange.record.owed.push(Owed::Claimed(Box::new(claim)));
}

/// The answer that is kept; none if there is none.
async fn kept<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    keyed: &Keyed<'_>,
) -> Result<Option<Response<Body<P::Stream>>>, Reject> {
    let key = keyed.claimed.answer();
    let packed = timely(within(platform, exchange.plan.counter_timeout, platform.get(key.as_str())).await);
    match packed {
        Ok(packed) => Ok(packed.as_ref().and_then(|packed| unpack(keyed.print, packed))),
        Err(failure) => {
            exchange.record.store_failed(platform.key_value_store(), failure);
            exchange.record.keyed(Outcome::Failed);
            Err(Reject::store_unavailable())
        }
    }
}

/// Keeps the `answer` to the first request of its key, and tells those who wait for it.
///
/// # Errors
/// Those of `answer`; or its content did not come whole.
pub(super) async fn end<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    answer: Result<Reply<P>, Reject>,
) -> Result<Reply<P>, Reject> {
    let Some(keyed) = exchange.take_keyed() else { return answer };
    let Some(holder) = keyed.holder else { return answer };
    let rule = keyed.rule;
    let (answer, keep) = match answer {
        // It says nothing of what has become of the request.
        Ok(reply) if exchange.stands_in() => {
            exchange.note(|| told("its answer is not kept, since it is not the upstream's"));
            (Ok(reply), if exchange.record.unsent { Duration::ZERO } else { unknown(rule) })
        }
        // An answer of several calls may have done some of them, whatever its status.
        Ok(Reply::Http(response))
            if rule.keeps(response.status()) || is_of_several(exchange) && !exchange.record.unsent =>
        {
            match keep(exchange, platform, &keyed, response).await {
                Ok(response) => (Ok(Reply::Http(response)), rule.keep),
                Err(reject) => (Err(reject), unknown(rule)),
            }
        }
        Ok(reply) => {
            exchange.note(|| told("its answer is not kept, since it says that the request may be made again"));
            (Ok(reply), Duration::ZERO)
        }
        // Nothing has reached an upstream: the next one may.
        Err(reject) if exchange.record.unsent || exchange.record.upstream.is_none() => {
            exchange.note(|| told("nothing was sent: the next one with this key is made"));
            (Err(reject), Duration::ZERO)
        }
        Err(reject) => {
            exchange.note(|| told("nobody knows what has become of it"));
            (Err(reject), unknown(rule))
        }
    };
    let cell = keyed.claimed.cell();
    let ended = platform.apply(&cell, CounterOp::Conclude { holder, keep });
    let ended = timely(within(platform, exchange.plan.counter_timeout, ended).await);
    if let Err(failure) = ended {
        // Then it is told from the end of the lease on that nobody knows.
        exchange.record.store_failed(platform.counter_store(), failure);
    }
    // Only now: it may be ended from outside until then.
    exchange.record.owed.retain(|owed| !matches!(owed, Owed::Claimed(_)));
    platform.notify(&cell);
    answer
}

/// Returns whether the answer is one of several calls.
fn is_of_several(exchange: &Exchange<'_, '_>) -> bool {
    exchange.route.is_some_and(|route| matches!(route.action, Action::Aggregate(_)))
}

/// The time for which it is told that nobody knows what has become of a request.
const fn unknown(rule: &Idempotency) -> Duration {
    if rule.repeats { Duration::ZERO } else { rule.keep }
}

/// Stores a response that is short enough, and returns it.
async fn keep<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    keyed: &Keyed<'_>,
    response: Response<Body<P::Stream>>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    let (mut head, body) = response.into_parts();
    let stated = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > keyed.rule.most_bytes) && !body.is_empty() {
        exchange.note(|| told("its answer is too long to be kept"));
        return Ok(Response::from_parts(head, body));
    }
    let content = match body {
        Body::Empty => Bytes::new(),
        Body::Full(content) => content,
        Body::Stream(stream) => {
            let collected = platform.collect(stream, keyed.rule.most_bytes).await;
            let content = collected.map_err(|error| {
                let rejected = super::back::failed(exchange, error.kind);
                match error.kind {
                    IoErrorKind::BodyTooLarge => Reject::upstream_content()
                        .with_detail("the answer is longer than answers to requests with keys may be"),
                    _ => rejected,
                }
            })?;
            // Content that was collected has lost its trailers (RFC 9110 §6.6.2).
            head.headers.remove(TRAILER);
            content
        }
    };
    if !content.is_empty() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    }
    exchange.note(|| told(&format!("its answer is kept for {}", Span(keyed.rule.keep))));
    let key = keyed.claimed.answer();
    let packed = pack(keyed.print, head.status, &head.headers, &content);
    let stored = platform.put(key.as_str(), packed, Some(keyed.rule.keep));
    if let Err(failure) = timely(within(platform, exchange.plan.counter_timeout, stored).await) {
        // The client has its answer; others with the key hear that it is not known.
        exchange.record.store_failed(platform.key_value_store(), failure);
    }
    let body = if content.is_empty() { Body::Empty } else { Body::Full(content) };
    Ok(Response::from_parts(head, body))
}

/// The longest that a request takes on this route, from its claim on.
fn lease(route: &Route) -> Duration {
    let total = match &route.action {
        Action::Proxy(proxy) => {
            let totals = proxy.targets.iter().map(|target| target.deadlines.total);
            totals.collect::<Option<Vec<Duration>>>().and_then(|totals| totals.into_iter().max())
        }
        Action::Aggregate(calls) => Some(calls.aggregate.timeout),
        Action::Batch(batch) => Some(batch.timeout),
        _ => None,
    };
    total.map_or(USUAL_LEASE, |total| total.saturating_add(GRACE))
}

fn told(verdict: &str) -> Event {
    Event::Policy { policy: POLICY, verdict: verdict.to_owned() }
}

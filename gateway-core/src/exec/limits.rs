//! The rate limits of a route.

use core::time::Duration;

use http::Response;

use super::exchange::Exchange;
use super::openapi;
use super::steps::verdict;
use super::within::{timely, within};
use crate::body::Body;
use crate::call::Call;
use crate::config::FailMode;
use crate::error::Reject;
use crate::plan::RequestStep;
use crate::policy::allowance::Allowance;
use crate::policy::borrowed::{Lease, Turn};
use crate::policy::cost::Source;
use crate::policy::counter::CounterVerdict;
use crate::policy::quota::Verdict;
use crate::policy::rate_limit::{RateLimit, Standing};
use crate::policy::response_cost::Unsettled;
use crate::ports::{Counters, Observer, Platform};
use crate::record::Owed;
use crate::time::{Clock, Timestamp};
use crate::trace::Event;

/// A limit, and what a request asks of it.
struct Asked<'p> {
    limit: &'p RateLimit,
    allowance: &'p Allowance,
    cell: String,
    cost: u32,
    /// The length of the present window.
    window: Duration,
}

/// The units that a request has taken of a limit, which may turn out to be others.
pub(super) struct Taken<'p> {
    limit: &'p RateLimit,
    allowance: &'p Allowance,
    cell: String,
    units: u32,
    at: Timestamp,
}

impl Taken<'_> {
    /// Has the request take `units` in all, once the client has its answer.
    fn settle(self, exchange: &mut Exchange<'_, '_>, clock: &impl Clock, units: u32) {
        exchange.record.takes(&self.limit.name, units);
        if let Some(op) = self.allowance.settle(self.at, (self.units, units), clock) {
            exchange.record.owed.push(Owed::Settle(Box::new((self.cell, op))));
        }
    }
}

/// Gives back what a request has taken that another limit refuses.
fn give_back(exchange: &mut Exchange<'_, '_>, clock: &impl Clock) {
    for taken in core::mem::take(&mut exchange.taken) {
        taken.settle(exchange, clock, 0);
    }
}

impl<'p> Asked<'p> {
    fn new<P: Platform>(platform: &P, limit: &'p RateLimit, call: &Call, route: &str) -> Self {
        let (allowance, cell) = limit.cell(call, route, platform);
        let cost = limit.cost.of_request(call, platform, allowance.quota.burst);
        Self { limit, allowance, cell, cost, window: allowance.quota.window }
    }
}

/// The steps after that of `first` which are better asked in the same round trip: limits that follow it. A limit with a lease seldom asks at all, one with a binding asks elsewhere,
/// and one that has requests wait is the last, since they come to the next ones later.
pub(super) fn following<'p>(
    first: &RateLimit,
    steps: &'p [RequestStep],
    counters: &impl Counters,
) -> &'p [RequestStep] {
    if !counters.asks_at_once() || first.asks_alone() || first.may_wait() {
        return &[];
    }
    let mut is_over = false;
    let follows = |step: &&RequestStep| match step {
        RequestStep::RateLimit(limit) if !is_over && !limit.asks_alone() => {
            is_over = limit.may_wait();
            true
        }
        _ => false,
    };
    let count = steps.iter().take_while(follows).count();
    steps.get(..count).unwrap_or_default()
}

/// Asks `first` and the limits of the steps `others` to admit `call`, all in one round trip: to the same end as if each were asked once the ones
/// before have admitted it.
pub(super) async fn check_all<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (first, others, route): (&'p RateLimit, &'p [RequestStep], &str),
    call: &Call,
) -> Result<(), Reject> {
    let others = others.iter().filter_map(|step| match step {
        RequestStep::RateLimit(limit) => Some(&**limit),
        _ => None,
    });
    let mut all: Vec<_> =
        [first].into_iter().chain(others).map(|limit| Asked::new(platform, limit, call, route)).collect();
    let now = platform.now();
    let ops: Vec<_> = all
        .iter_mut()
        .map(|asked| {
            let (op, window) = asked.allowance.op(asked.cost, platform);
            asked.window = window;
            op
        })
        .collect();
    let questions: Vec<_> = all.iter().map(|asked| &*asked.cell).zip(ops).collect();
    let answers = within(platform, exchange.plan.counter_timeout, platform.apply_all(&questions)).await;
    drop(questions);
    let mut answers = answers.unwrap_or_default().into_iter();
    let mut refusal = None;
    for asked in all {
        // Without any answer the store was too slow.
        let answer = answers.next();
        if refusal.is_some() {
            // It would not have been asked: whatever it has taken is given back.
            if matches!(&answer, Some(Ok(CounterVerdict::Quota(verdict))) if verdict.admitted) {
                let Asked { limit, allowance, cell, cost, .. } = asked;
                exchange.taken.push(Taken { limit, allowance, cell, units: cost, at: now });
            }
            continue;
        }
        let name = &*asked.limit.name;
        let verdict = verdict(exchange, platform, answer, CounterVerdict::quota);
        match decide(exchange, platform, (asked, true), verdict) {
            Ok(wait) => wait_for(exchange, platform, name, wait).await,
            Err(reject) => refusal = Some(reject),
        }
    }
    refusal.map_or(Ok(()), |refusal| {
        give_back(exchange, platform);
        Err(refusal)
    })
}

/// Asks `limit` to admit `call`, which another one may refuse afterwards if it `is_followed`.
pub(super) async fn check<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (limit, route, is_followed): (&'p RateLimit, &str, bool),
    call: &Call,
) -> Result<(), Reject> {
    let mut asked = Asked::new(platform, limit, call, route);
    let verdict = match limit.lease {
        // Boxed: most limits have none.
        None if limit.binding.is_some() => Box::pin(ask_binding(exchange, platform, &asked)).await,
        None => ask(exchange, platform, &mut asked, None).await,
        // Boxed: most limits have none.
        Some(lease) => Box::pin(borrow(exchange, platform, &mut asked, lease)).await,
    };
    let wait =
        decide(exchange, platform, (asked, is_followed), verdict).inspect_err(|_| give_back(exchange, platform))?;
    wait_for(exchange, platform, &limit.name, wait).await;
    Ok(())
}

/// Has the request wait for its turn at the limit called `name`.
async fn wait_for<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, name: &str, wait: Duration) {
    if !wait.is_zero() {
        exchange.note(|| Event::Policy { policy: "rateLimit", verdict: format!("`{name}` has it wait {wait:?}") });
        // Boxed: most requests wait for nothing.
        Box::pin(platform.sleep(wait)).await;
    }
}

/// Asks the store for the units of the request, or for so many; none if it fails.
async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    asked: &mut Asked<'_>,
    units: Option<u32>,
) -> Option<Verdict> {
    let (op, window) = asked.allowance.op(units.unwrap_or(asked.cost), platform);
    asked.window = window;
    let answer = within(platform, exchange.plan.counter_timeout, platform.apply(&asked.cell, op)).await;
    verdict(exchange, platform, answer, CounterVerdict::quota)
}

/// Asks the binding of the limit; none if it fails.
async fn ask_binding<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, asked: &Asked<'_>) -> Option<Verdict> {
    let limit = asked.limit;
    let admits = platform.ask_binding(limit.binding.as_deref()?, &asked.cell);
    let answer = within(platform, exchange.plan.counter_timeout, admits).await;
    let verdict = timely(answer).map(|admits| limit.verdict_of_binding(admits));
    verdict.map_err(|failure| exchange.record.store_failed(limit.store.name(), failure)).ok()
}

/// Takes the units of the request out of those that were borrowed, and else asks the store: for more at once, where others are likely to follow.
async fn borrow<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    asked: &mut Asked<'_>,
    lease: Lease,
) -> Option<Verdict> {
    let borrowed = platform.borrowed(exchange.state);
    let costs = (asked.cost, asked.allowance.quota.burst);
    match borrowed.begin(&asked.cell, lease, costs, platform.monotonic()) {
        Turn::Known(verdict) => {
            // The window that the client is told of is the present one.
            asked.window = asked.allowance.op(asked.cost, platform).1;
            Some(verdict)
        }
        Turn::Ask(mut asking) => {
            let mut verdict = ask(exchange, platform, asked, Some(asking.units)).await;
            // The last units of a limit are not lost because there are too few for a batch.
            if verdict.is_some_and(|verdict| !verdict.admitted)
                && let Some(alone) = asking.for_itself()
            {
                asking = alone;
                verdict = ask(exchange, platform, asked, None).await;
            }
            borrowed.answered(&asked.cell, lease, asking, verdict)
        }
    }
}

/// Takes note of the `verdict` on the request; none if the store has failed. Returns the time for which it has to wait.
fn decide<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (asked, is_followed): (Asked<'p>, bool),
    verdict: Option<Verdict>,
) -> Result<Duration, Reject> {
    let Asked { limit, allowance, cell, cost, window } = asked;
    let shadow = limit.shadow;
    let wait = verdict.filter(|_| !shadow).map_or(Duration::ZERO, |verdict| allowance.wait(&verdict));
    let verdict = verdict.map(|verdict| allowance.told(verdict));
    exchange.record.limited(&limit.name, verdict, shadow, (cost, wait));
    if let Some(metrics) = exchange.state.metrics() {
        metrics.limited(exchange.record.route, &limit.name, verdict, shadow);
    }
    exchange.note(|| Event::RateLimit {
        name: limit.name.to_string(),
        cell: cell.clone(),
        tier: limit.tier_of(allowance).map(str::to_owned),
        units: cost,
        verdict,
        shadow,
        store: limit.store.name(),
        bound: limit.bound(),
    });
    let is_taken = verdict.is_some_and(|verdict| verdict.admitted) && limit.binding.is_none();
    if is_taken && limit.cost.is_in_response() {
        exchange.note(|| Event::Policy { policy: "rateLimit", verdict: will_settle(limit, cost) });
    }
    if is_taken && (is_followed || limit.cost.is_in_response()) {
        exchange.taken.push(Taken { limit, allowance, cell, units: cost, at: platform.now() });
    }
    match verdict {
        _ if shadow => Ok(Duration::ZERO),
        Some(verdict) => {
            let standing = Standing { limit, allowance, window, verdict };
            let refusal = (!verdict.admitted).then(|| standing.refuse());
            exchange.standings.push(standing);
            refusal.map_or(Ok(wait), Err)
        }
        None if limit.fail == FailMode::Open => Ok(Duration::ZERO),
        None => Err(Reject::counter_unavailable()),
    }
}

/// What is to come of the units that a request takes at first, for people.
#[cold]
fn will_settle(limit: &RateLimit, units: u32) -> String {
    let (name, place) = (&limit.name, if limit.cost.is_in_content() { "responseJson" } else { "responseHeader" });
    format!("`{name}` takes {units} at first, and in all what the response states by `{place}`, once the client has it")
}

/// Notes what the request costs, now that the upstream's `response` states it, or its content will: the difference to what it has taken is settled
/// once the client has its answer.
pub(super) fn settle<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (response, is_head): (&mut Response<Body<P::Stream>>, bool),
) {
    let mut unsettled = Vec::new();
    for taken in core::mem::take(&mut exchange.taken) {
        let Taken { limit, allowance, .. } = taken;
        if limit.cost.is_in_content() {
            unsettled.push(taken);
        } else if let Some(units) = limit.cost.of_response(response.headers(), allowance.quota.burst) {
            taken.settle(exchange, platform, units);
        }
    }
    let mut observer = None;
    if !unsettled.is_empty() && !is_head && !response.body().is_empty() {
        observer = observe(exchange, unsettled, response);
    }
    if !exchange.record.owed.is_empty() {
        openapi::came(exchange, response, is_head, &mut observer);
    }
    let Some(mut observer) = observer else { return };
    *response.body_mut() = match core::mem::take(response.body_mut()) {
        Body::Stream(stream) => Body::Stream(platform.observe(stream, observer)),
        body => {
            if let Body::Full(content) = &body {
                observer.read(content);
            }
            body
        }
    };
}

/// Has the content of `response` read for the units of each of `unsettled` while it passes.
#[cold]
#[inline(never)]
fn observe<S>(
    exchange: &mut Exchange<'_, '_>,
    unsettled: Vec<Taken<'_>>,
    response: &Response<Body<S>>,
) -> Option<Box<Observer>> {
    let mut observer = match Observer::of(response.status(), response.headers()) {
        Ok(observer) => Box::new(observer),
        Err(reason) => {
            exchange.record.unsettled(reason);
            let verdict = || format!("it has cost what it took at first: {reason}");
            exchange.note(|| Event::Policy { policy: "rateLimit", verdict: verdict() });
            return None;
        }
    };
    for Taken { limit, allowance, cell, units, at } in unsettled {
        if let Source::Content(pointer) = limit.cost.source() {
            let found = observer.look_for(pointer);
            let most = limit.cost.most(allowance.quota.burst);
            let name = limit.name.clone();
            let one = Unsettled { name, cell, allowance: allowance.clone(), at, units, most, found };
            exchange.record.owed.push(Owed::Unsettled(Box::new(one)));
        }
    }
    Some(observer)
}

//! Faults on purpose.

use core::time::Duration;

use super::exchange::Exchange;
use super::time_left;
use crate::call::Call;
use crate::error::Reject;
use crate::http::grpc;
use crate::plan::{Action, Route};
use crate::policy::fault::{Fault, Made};
use crate::ports::Platform;
use crate::trace::Event;

/// The places of the two kinds among [`FAULTS`](crate::meter::FAULTS).
const DELAY: usize = 0;
const ABORT: usize = 1;

/// Has the request wait, and answers it with an error, as `step` says. What it waits counts as a part of the route's `total` deadline.
///
/// # Errors
/// The error on purpose, or that of a request whose time is over.
pub(super) async fn apply<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (step, route): (&Fault, &Route),
    call: &mut Call,
) -> Result<(), Reject> {
    let made = step.made(call, platform.now(), || platform.next_u64());
    exchange.note(|| Event::Policy { policy: "fault", verdict: words(step, made.as_ref()) });
    let Some(Made { delay, abort }) = made? else { return Ok(()) };
    if !delay.is_zero() {
        let left = total(route, call).map(|total| total.saturating_sub(exchange.spent()));
        let is_late = left.is_some_and(|left| left <= delay);
        let delay = left.map_or(delay, |left| left.min(delay));
        exchange.record.faulty(DELAY, &format!("delay {} ms", delay.as_millis()));
        // Where nothing but a trace comes of it, nothing takes time.
        if exchange.trace.is_none() {
            platform.sleep(delay).await;
        }
        exchange.rare().fallback.spent += delay;
        if is_late {
            return Err(Reject::upstream_timeout());
        }
    }
    match abort.reject(grpc::is_call(&call.headers)) {
        None => Ok(()),
        Some(reject) => {
            let status = match (reject.status.is_success(), abort.grpc) {
                (true, Some(number)) => format!("gRPC status {number}"),
                _ => format!("status {}", reject.status.as_u16()),
            };
            exchange.record.faulty(ABORT, &status);
            Err(reject)
        }
    }
}

/// The time that the route gives its upstreams, or that a call of gRPC gives.
fn total(route: &Route, call: &Call) -> Option<Duration> {
    let Action::Proxy(action) = &route.action else { return None };
    action.targets.iter().filter_map(|target| time_left::of(target.deadlines, &call.headers).total).min()
}

fn words(step: &Fault, made: Result<&Option<Made>, &Reject>) -> String {
    match made {
        Err(_) => "asked for in a way that there is not".to_owned(),
        Ok(None) => format!("none for this request ({})", step.describe()),
        Ok(Some(Made { delay, abort })) => {
            let wait = if delay.is_zero() { String::new() } else { format!(", waits for {} ms", delay.as_millis()) };
            let status = abort.status.map(|status| format!(", status {}", status.as_u16())).unwrap_or_default();
            let grpc = abort.grpc.map(|status| format!(", gRPC status {status}")).unwrap_or_default();
            format!("on purpose{wait}{status}{grpc}")
        }
    }
}

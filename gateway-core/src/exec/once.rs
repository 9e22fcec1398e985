//! What may happen once, asked of the counter store.

use core::time::Duration;

use super::exchange::Exchange;
use super::steps::verdict;
use super::within::within;
use crate::caller::refusal::Refusal;
use crate::policy::counter::{CounterOp, CounterVerdict};
use crate::ports::Platform;
use crate::trace::Event;

/// Takes `cell` for `keep`, so that nobody comes with the same again.
///
/// # Errors
/// Somebody came before, or nothing tells: then nobody is let in.
pub(super) async fn take<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    cell: &str,
    keep: Duration,
) -> Result<(), Refusal> {
    let asked = platform.apply(cell, CounterOp::Once { keep });
    let answer = within(platform, exchange.plan.counter_timeout, asked).await;
    let first = verdict(exchange, platform, answer, CounterVerdict::once).ok_or(Refusal::ReplaysUnavailable)?;
    exchange.note(|| Event::Policy {
        policy: "authenticate",
        verdict: if first { "it has not been sent before" } else { "it has been sent before" }.to_owned(),
    });
    if first { Ok(()) } else { Err(Refusal::Replayed) }
}

//! The proof by the signature of a webhook, for which all of the content has to be there.

use std::sync::Arc;

use super::exchange::Exchange;
use super::{content, once};
use crate::body::Body;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::policy::webhook::Webhook;
use crate::ports::Platform;
use crate::record::Owed;
use crate::trace::Event;

/// Proves that a sender that is known has sent `call` with this `body`, which is there as a whole then, of `limit` bytes at most.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &Webhook,
    (call, body): (&Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<Arc<Caller>, Refusal> {
    let delivery = proof.stated(&call.headers, platform.now())?;
    let content = content::signed(platform, body, limit.min(proof.limit)).await?;
    let (cells, secret) = proof.check(&delivery, &content).inspect_err(|_| {
        let verdict = || "none of the signatures is of this content, by any of the secrets".to_owned();
        exchange.note(|| Event::Policy { policy: "authenticate", verdict: verdict() });
    })?;
    exchange.note(|| Event::Policy {
        policy: "authenticate",
        verdict: format!(
            "the delivery is signed as {} does, by secret {} of {}",
            proof.scheme.name,
            secret + 1,
            proof.keys.len()
        ),
    });
    // Last: what nobody has signed must not take a cell.
    if !proof.replay.is_zero() {
        for cell in cells {
            once::take(exchange, platform, &cell, proof.replay).await?;
            exchange.record.owed.push(Owed::GiveBack(cell.into()));
        }
    }
    Ok(Arc::clone(&proof.caller))
}

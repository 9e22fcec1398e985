//! The proof by an API key.

use std::borrow::Cow;
use std::sync::Arc;

use super::exchange::Exchange;
use super::watch::{Asked, current, known};
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::policy::api_key::{MOST_BYTES, is_damaged};
use crate::policy::credential;
use crate::policy::proof::ApiKeyProof;
use crate::policy::tries::ASKED;
use crate::policy::watch::{Kind, Known};
use crate::ports::Platform;
use crate::trace::Event;

/// Who has the key in `call`, if that is known without a wait.
pub(super) fn at_once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &ApiKeyProof,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    let key = match key(proof, call) {
        Ok(key) => key,
        Err(refusal) => return Some(Err(refusal)),
    };
    let keys = &exchange.plan.api_keys;
    let digest = keys.digester.digest(&key);
    if proof.takes_listed
        && let Some(found) = keys.find(&key, digest, platform.now())
    {
        return Some(found);
    }
    if !proof.takes_stored {
        return Some(Err(Refusal::KeyUnknown));
    }
    let watch = exchange.state.api_keys().find(Kind::Key, digest);
    let known = known(exchange, platform, &watch)?;
    Some(known.and_then(|known| caller(exchange, platform, &known)))
}

/// Who has the key in `call`, which the key-value store is asked for.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &ApiKeyProof,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let digest = exchange.plan.api_keys.digester.digest(&key(proof, call)?);
    let keys = exchange.state.api_keys();
    let (changes, watch) = (keys.changes(), keys.find(Kind::Key, digest));
    // Whoever has a key that was there is not held up by others at his address who try some.
    let is_tried = watch.last(platform.monotonic()).is_none();
    if is_tried && !keys.tries.begin(call.client_address(), platform.now(), ASKED) {
        return Err(Refusal::TooMany);
    }
    let known = current(exchange, platform, &watch, Asked::Store).await;
    if is_tried && !matches!(known, Ok(Known::Key(None))) {
        keys.tries.give_back(call.client_address(), ASKED);
    }
    let known = known?;
    if known != Known::Key(None) {
        keys.is_good(digest, &watch, changes);
    }
    caller(exchange, platform, &known)
}

/// The key in `call`, if it can be one.
fn key<'c>(proof: &ApiKeyProof, call: &'c Call) -> Result<Cow<'c, str>, Refusal> {
    let key = credential::find(&proof.places, call)?.ok_or(Refusal::Absent)?;
    if key.is_empty() || key.len() > MOST_BYTES || is_damaged(&key) { Err(Refusal::KeyMalformed) } else { Ok(key) }
}

/// Who has the key of which this is `known`.
fn caller<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, known: &Known) -> Result<Arc<Caller>, Refusal> {
    let Known::Key(Some(entry)) = known else {
        let verdict = || "the key-value store has no such key".to_owned();
        exchange.note(|| Event::Policy { policy: "authenticate", verdict: verdict() });
        return Err(Refusal::KeyUnknown);
    };
    entry.check(platform.now())?;
    let entry = entry.content();
    Ok(Arc::new(Caller {
        consumer: Some(exchange.plan.api_keys.consumer(&entry.consumer)),
        scopes: entry.scopes.clone(),
        credential: Some(Arc::from(&*entry.id)),
        ..Caller::default()
    }))
}

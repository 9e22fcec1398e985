//! The proof by the signature of a request (RFC 9421 §3.2).

use std::sync::Arc;

use super::exchange::Exchange;
use super::{content, once};
use crate::body::Body;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::http::content_digest;
use crate::http::message_signature::Stated;
use crate::policy::once::cell;
use crate::policy::signature::{Signature, Signer, algorithm_name};
use crate::ports::Platform;
use crate::trace::Event;

/// Proves that a consumer has signed `call`. If content is covered, all of `body` is there then, of `limit` bytes at most.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &Signature,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<Arc<Caller>, Refusal> {
    let mut refusal = Refusal::SignatureKey;
    for stated in proof.stated(call)? {
        match signed_by(exchange, platform, proof, &stated, call).await {
            Ok(signer) => {
                check_content(platform, proof, &stated, (call, body), limit).await?;
                if let Some(nonce) = stated.nonce.as_deref().filter(|_| proof.nonce) {
                    // Last: what nobody has signed must not take a cell.
                    let cell = cell("sn:", &[signer.name.as_bytes(), nonce.as_bytes()]);
                    once::take(exchange, platform, &cell, proof.keep()).await?;
                }
                Signature::strip_aliases(&stated, &mut call.headers);
                return Ok(Arc::clone(&signer.caller));
            }
            // What is said of one whose key is known tells more.
            Err(fault) if refusal == Refusal::SignatureKey => refusal = fault,
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// Whose signature `stated` is.
async fn signed_by<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    proof: &Signature,
    stated: &Stated,
    call: &Call,
) -> Result<&'p Signer, Refusal> {
    let checked = proof.check(&exchange.plan.signers, stated, call, platform.now());
    let (signer, base) = checked.inspect_err(|refusal| {
        let label = &stated.label;
        exchange.note(|| Event::Policy {
            policy: "authenticate",
            verdict: format!("the signature `{label}` is refused: {}", refusal.word()),
        });
    })?;
    match platform.verify(&signer.key, base.as_bytes(), &stated.signature).await {
        Ok(true) => {
            exchange.note(|| Event::Policy {
                policy: "authenticate",
                verdict: format!(
                    "the signature `{}` is good: {}, key {}",
                    stated.label,
                    algorithm_name(signer.key.algorithm()),
                    signer.name
                ),
            });
            Ok(signer)
        }
        Ok(false) => Err(Refusal::SignatureWrong),
        Err(_) => Err(Refusal::KeyUnusable),
    }
}

/// Checks that content has the digest that is covered (RFC 9421 §7.2.8, RFC 9530 §2); and that there is none, where it is not covered and
/// has to be.
async fn check_content<P: Platform>(
    platform: &P,
    proof: &Signature,
    stated: &Stated,
    (call, body): (&Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<(), Refusal> {
    let is_covered = stated.covers_content();
    if !is_covered && (!proof.covers_content() || body.is_empty()) {
        return Ok(());
    }
    let content = content::signed(platform, body, limit.min(proof.limit)).await?;
    match (is_covered, content_digest::fits(&call.headers, &content)) {
        (true, true) => Ok(()),
        (true, false) => Err(Refusal::Digest),
        (false, _) if content.is_empty() => Ok(()),
        (false, _) => Err(Refusal::SignatureUncovered),
    }
}

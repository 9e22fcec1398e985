//! The proof of identity that a route asks for.

use std::sync::Arc;

use super::exchange::Exchange;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::error::Reject;
use crate::jose::token::Parsed;
use crate::policy::authenticate::Authenticate;
use crate::policy::credential;
use crate::policy::jwt::Issuer;
use crate::ports::Platform;
use crate::trace::Event;

/// Finds out who makes `call`, and takes the credential out of it.
///
/// # Errors
/// The refusal of a caller who is not believed, with the challenge.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Authenticate,
    call: &mut Call,
) -> Result<(), Reject> {
    let found = credential::find(&step.places, call).and_then(|found| found.ok_or(Refusal::Absent));
    let proved = match found {
        Ok(token) => prove(exchange, platform, step, &token).await,
        Err(refusal) => Err(refusal),
    };
    match proved {
        Ok(caller) => {
            let caller = Arc::new(caller);
            exchange.record.authenticated(&caller);
            call.caller = Some(caller);
            if !step.keep {
                credential::strip(&step.places, call);
            }
            Ok(())
        }
        Err(refusal) => {
            exchange.record.unauthenticated(refusal);
            exchange.note(|| Event::Policy { policy: "authenticate", verdict: format!("refused: {}", refusal.word()) });
            Err(step.refuse(refusal))
        }
    }
}

/// Proves who holds `token`.
async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Authenticate,
    token: &str,
) -> Result<Caller, Refusal> {
    let parsed = Parsed::parse(token)?;
    let issuer = issuer(exchange, step, &parsed)?;
    issuer.check_type(parsed.token_type())?;
    let (mut said, mut refusal) = (None, Refusal::UnknownKey);
    for key in issuer.keys.candidates(parsed.kid(), parsed.algorithm()) {
        match platform.verify(key, parsed.signed(), parsed.signature()).await {
            Ok(true) => {
                let (algorithm, kid) = (key.algorithm(), key.kid().unwrap_or("without a name"));
                exchange.note(|| Event::Policy {
                    policy: "authenticate",
                    verdict: format!("the token is signed by the issuer `{}`: {algorithm}, key {kid}", issuer.name),
                });
                said = Some(parsed.said(true));
                break;
            }
            // A key that can't be used says nothing of the token: it may be a good one.
            Err(_) => refusal = Refusal::KeyUnusable,
            Ok(false) if refusal == Refusal::UnknownKey => refusal = Refusal::Signature,
            Ok(false) => {}
        }
    }
    let claims = parsed.claims(said.ok_or(refusal)?)?;
    issuer.check_claims(&claims, platform.now())?;
    step.check_audience(&claims)?;
    Ok(Caller { issuer: Some(Arc::clone(&issuer.name)), claims: Some(Arc::new(claims)) })
}

/// The issuer whose keys count for `token`: the only one of the policy, or the one whose `iss` the token claims. That claim is
/// compared again once the signature is known to be good.
fn issuer<'p>(exchange: &Exchange<'p, '_>, step: &Authenticate, token: &Parsed<'_>) -> Result<&'p Issuer, Refusal> {
    let issuers = || step.issuers.iter().filter_map(|index| exchange.plan.issuers.get(*index));
    if let [_] = &*step.issuers {
        return issuers().next().ok_or(Refusal::Issuer);
    }
    let claimed = token.claimed_issuer().ok_or(Refusal::Issuer)?;
    issuers().find(|issuer| issuer.issuer.as_deref() == Some(&claimed)).ok_or(Refusal::Issuer)
}

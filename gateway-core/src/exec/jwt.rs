//! The proof by a token.

use std::sync::Arc;

use super::exchange::Exchange;
use super::{keys, revocation};
use crate::caller::Caller;
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::http::certificate::Certificate;
use crate::jose::algorithm::Algorithm;
use crate::jose::key::Thumbprint;
use crate::jose::set::KeySet;
use crate::jose::token::{Parsed, Said};
use crate::policy::jwt::Issuer;
use crate::policy::key_cell::KeyCell;
use crate::policy::key_source::{KeySource, Keys};
use crate::policy::proof::JwtProof;
use crate::policy::tokens::{Tokens, Verified};
use crate::ports::Platform;
use crate::trace::Event;

/// The most sets that are tried on one token: the known one, the one that another request reads meanwhile, and the one that this
/// request reads.
const MOST_SETS: usize = 3;

/// The most signatures of one request that are found to be none: proofs and keys that are tried in turn, multiplied by one another, are work
/// for which nobody has shown anything.
const MOST_BAD_SIGNATURES: u8 = 8;

/// Who holds `token`, if it was verified before, by a key that is still its issuer's. Their connection has this `certificate`.
pub(super) fn remembered<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &JwtProof,
    (token, certificate): (&str, Option<&Certificate>),
) -> Option<Result<Arc<Caller>, Refusal>> {
    let (plan, state) = (exchange.plan, exchange.state);
    proof.issuers.iter().find_map(|index| {
        let (issuer, tokens) = (plan.issuers.get(*index)?, state.tokens(*index)?);
        let Verified { caller, key, watch } = tokens.find(token)?;
        let is_still_there = match &issuer.keys {
            Keys::Stated(set) => set.contains(key),
            Keys::Published(source) => keys::known(exchange, platform, source).is_some_and(|set| set.contains(key)),
        };
        if !is_still_there {
            return None;
        }
        exchange.note(|| Event::Policy {
            policy: "authenticate",
            verdict: format!("the token of the issuer `{}` was verified before", issuer.name),
        });
        let claims = caller.claims.as_deref()?;
        let checked =
            issuer.check_claims(claims, certificate, platform.now()).and_then(|()| proof.check_audience(claims));
        let checked = match checked {
            Ok(()) => revocation::recall(exchange, platform, *index, claims, watch.as_ref())?,
            refused => refused,
        };
        Some(checked.map(|()| caller))
    })
}

/// Proves who holds `token`. Their connection has this `certificate`.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &JwtProof,
    (token, certificate): (&str, Option<&Certificate>),
) -> Result<Arc<Caller>, Refusal> {
    let parsed = Parsed::parse(token)?;
    let (index, issuer) = issuer(exchange, proof, &parsed)?;
    issuer.check_type(parsed.token_type())?;
    let (claims, key) = verify(exchange, platform, (issuer, certificate), parsed).await?;
    let caller = Arc::new(issuer.holders.caller(&issuer.name, claims));
    let claims = caller.claims.as_deref().ok_or(Refusal::Malformed)?;
    let tokens = exchange.state.tokens(index);
    let clearings = tokens.map_or(0, Tokens::clearings);
    let (watch, revoked) = match issuer.revocation {
        // Boxed, so that not every token has room for it.
        Some(_) => {
            let known = tokens.and_then(|tokens| tokens.find(token)).and_then(|known| known.watch);
            Box::pin(revocation::check(exchange, platform, index, claims, known)).await
        }
        None => (None, Ok(())),
    };
    if revoked.is_ok() && issuer.revocation.is_some() {
        exchange.note(|| Event::Policy { policy: "authenticate", verdict: "the token is not revoked".to_owned() });
    }
    // One that is revoked, too: whoever sends it again is refused the sooner.
    if let Some(tokens) = tokens {
        tokens.keep(token, Verified { caller: Arc::clone(&caller), key, watch }, clearings);
    }
    // The memory is of all routes, and each has audiences of its own.
    proof.check_audience(claims).and(revoked).map(|()| Arc::clone(&caller))
}

/// The claims of a token that was given to the gateway itself, of one of these `types`, and the algorithm that it is signed by. Nothing
/// remembers it: it is no credential.
pub(super) async fn given<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    issuer: &'p Issuer,
    token: &str,
    types: &[&str],
) -> Result<(ClaimSet, Algorithm), Refusal> {
    let parsed = Parsed::parse(token)?;
    if parsed.token_type().is_some_and(|stated| !types.iter().any(|known| known.eq_ignore_ascii_case(stated))) {
        return Err(Refusal::Type);
    }
    let algorithm = parsed.algorithm();
    let (claims, _) = verify(exchange, platform, (issuer, None), parsed).await?;
    Ok((claims, algorithm))
}

/// The claims of a token of `issuer` that is good at present on a connection with this `certificate`, and the key that signed it.
async fn verify<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (issuer, certificate): (&'p Issuer, Option<&Certificate>),
    parsed: Parsed<'_>,
) -> Result<(ClaimSet, Thumbprint), Refusal> {
    let (said, key) = match &issuer.keys {
        Keys::Stated(set) => signed_by(exchange, platform, issuer, set, &parsed).await?,
        Keys::Published(source) => signed_by_published(exchange, platform, (issuer, source), &parsed).await?,
    };
    let claims = parsed.claims(said)?;
    issuer.check_claims(&claims, certificate, platform.now())?;
    // Once: later, it has begun.
    issuer.check_begin(&claims, platform.now(), || parsed.begins())?;
    Ok((claims, key))
}

/// Checks the signature of `token` by the keys that `issuer` publishes. If none of them is the one that it names, they may have
/// changed.
async fn signed_by_published<'p, P: Platform>(
    exchange: &mut Exchange<'p, '_>,
    platform: &P,
    (issuer, source): (&Issuer, &'p KeySource),
    token: &Parsed<'_>,
) -> Result<(Said, Thumbprint), Refusal> {
    let key = (token.kid(), token.algorithm());
    // What a read that begins later does not have, the issuer has not published.
    let latest = exchange.state.keys(source.index).map(KeyCell::latest).unwrap_or_default();
    let mut set = keys::current(exchange, platform, source).await?;
    for _ in 0..MOST_SETS {
        let said = signed_by(exchange, platform, issuer, &set, token).await;
        let is_settled = match said {
            Err(Refusal::UnknownKey | Refusal::Signature) => set.names(key.0, key.1),
            _ => true,
        };
        if is_settled {
            return said;
        }
        match Box::pin(keys::newer(exchange, platform, source, (&set, latest), key)).await? {
            Some(newer) => set = newer,
            None => return said,
        }
    }
    Err(Refusal::UnknownKey)
}

/// Checks the signature of `token` by the keys in `set`.
async fn signed_by<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: &Issuer,
    set: &KeySet,
    token: &Parsed<'_>,
) -> Result<(Said, Thumbprint), Refusal> {
    let mut refusal = Refusal::UnknownKey;
    for key in set.candidates(token.kid(), token.algorithm()) {
        if exchange.bad_signatures >= MOST_BAD_SIGNATURES {
            exchange.note(|| Event::Policy {
                policy: "authenticate",
                verdict: format!("no further key is tried: {MOST_BAD_SIGNATURES} have not signed the request's tokens"),
            });
            return Err(Refusal::TooManyChecks);
        }
        match platform.verify(key, token.signed(), token.signature()).await {
            Ok(true) => {
                let (algorithm, kid) = (key.algorithm(), key.kid().unwrap_or("without a name"));
                exchange.note(|| Event::Policy {
                    policy: "authenticate",
                    verdict: format!("the token is signed by the issuer `{}`: {algorithm}, key {kid}", issuer.name),
                });
                return Ok((token.said(true), key.id()));
            }
            // A key that can't be used says nothing of the token: it may be a good one.
            Err(_) => refusal = Refusal::KeyUnusable,
            Ok(false) if refusal == Refusal::UnknownKey => refusal = Refusal::Signature,
            Ok(false) => {}
        }
        exchange.bad_signatures = exchange.bad_signatures.saturating_add(1);
    }
    Err(refusal)
}

/// The issuer whose keys count for `token`: the only one of the policy, or the one whose `iss` the token claims. That claim is
/// compared again once the signature is known to be good.
fn issuer<'p>(
    exchange: &Exchange<'p, '_>,
    proof: &JwtProof,
    token: &Parsed<'_>,
) -> Result<(usize, &'p Issuer), Refusal> {
    let issuers = || proof.issuers.iter().filter_map(|index| Some((*index, exchange.plan.issuers.get(*index)?)));
    if let [_] = &*proof.issuers {
        return issuers().next().ok_or(Refusal::Issuer);
    }
    let claimed = token.claimed_issuer().ok_or(Refusal::Issuer)?;
    issuers().find(|(_, issuer)| issuer.issuer.as_deref() == Some(&claimed)).ok_or(Refusal::Issuer)
}

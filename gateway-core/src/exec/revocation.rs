//! The list of revoked tokens.

use std::sync::Arc;

use super::exchange::Exchange;
use super::watch::{Asked, current, known};
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::policy::revocation::Entries;
use crate::policy::watch::{Known, Watch};
use crate::ports::Platform;

/// Refuses a token of the issuer with this index, verified before, if it has been revoked since. `None` if that can't be said
/// without a wait. `watch` are the token's own entries, if they were asked for.
pub(super) fn recall<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: usize,
    claims: &ClaimSet,
    watch: Option<&Arc<Watch>>,
) -> Option<Result<(), Refusal>> {
    let Some(list) = exchange.state.revocations(issuer) else { return Some(Ok(())) };
    let entries = match known(exchange, platform, list)? {
        Ok(known) => entries_of(&known),
        Err(refusal) => return Some(Err(refusal)),
    };
    if entries.revoke_since(claims.issued_at) {
        return Some(Err(Refusal::Revoked));
    }
    if !entries.is_marked() {
        return Some(Ok(()));
    }
    let revoked = match known(exchange, platform, watch?)? {
        Ok(known) => entries_of(&known).revoke_token(claims.issued_at),
        Err(refusal) => return Some(Err(refusal)),
    };
    Some(if revoked { Err(Refusal::Revoked) } else { Ok(()) })
}

/// Refuses a token of the issuer with this index if it has been revoked. Returns the token's own entries besides, if they were
/// asked for: those that are `watched`, if there are any, so that what they said last holds while the store is away.
pub(super) async fn check<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: usize,
    claims: &ClaimSet,
    watched: Option<Arc<Watch>>,
) -> (Option<Arc<Watch>>, Result<(), Refusal>) {
    let (state, plan) = (exchange.state, exchange.plan);
    let Some(list) = state.revocations(issuer) else { return (None, Ok(())) };
    let entries = match current(exchange, platform, list, Asked::Store).await {
        Ok(known) => entries_of(&known),
        Err(refusal) => return (watched, Err(refusal)),
    };
    if entries.revoke_since(claims.issued_at) {
        return (watched, Err(Refusal::Revoked));
    }
    if !entries.is_marked() {
        return (watched, Ok(()));
    }
    let new = || {
        let issuer = plan.issuers.get(issuer)?;
        issuer.revocations()?.watch_token(claims, issuer.revocation?).map(Arc::new)
    };
    let Some(watch) = watched.or_else(new) else { return (None, Ok(())) };
    let result = match current(exchange, platform, &watch, Asked::Store).await {
        Ok(known) if entries_of(&known).revoke_token(claims.issued_at) => Err(Refusal::Revoked),
        Ok(_) => Ok(()),
        Err(refusal) => Err(refusal),
    };
    (Some(watch), result)
}

/// The entries of a list, or of a token.
const fn entries_of(known: &Known) -> Entries {
    match known {
        Known::Revoked(entries) => *entries,
        // INVARIANT: no such watch is asked for them.
        Known::Key(_) | Known::Answer(_) => Entries::NONE,
    }
}

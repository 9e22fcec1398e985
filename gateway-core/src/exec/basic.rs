//! The proof by a name and a password (RFC 7617).

use std::sync::Arc;

use super::exchange::Exchange;
use super::watch::{Asked, current, known};
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::plan::Plan;
use crate::policy::basic::{BasicProof, Stated, User};
use crate::policy::watch::{Kind, Known};
use crate::ports::Platform;

/// Who has the name and the password in `call`, if that is known without a wait.
pub(super) fn at_once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &BasicProof,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    let stated = match proof.stated(call) {
        Ok(stated) => stated,
        Err(refusal) => return Some(Err(refusal)),
    };
    let user = exchange.plan.users.find(stated.name());
    let digest = stated.digest(user.map(|user| &*user.hash));
    let known = known(exchange, platform, &exchange.state.passwords().find(Kind::Password, digest))?;
    Some(known.and_then(|known| caller(user, &known)))
}

/// Who has the name and the password in `call`, which are compared with what is known.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &BasicProof,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let stated = proof.stated(call)?;
    let user = exchange.plan.users.find(stated.name());
    let digest = stated.digest(user.map(|user| &*user.hash));
    let passwords = exchange.state.passwords();
    let (changes, watch) = (passwords.changes(), passwords.find(Kind::Password, digest));
    let asked = Asked::User { user, stated: &stated, client: call.client_address() };
    let known = current(exchange, platform, &watch, asked).await?;
    if known == Known::Password(true) {
        passwords.is_good(digest, &watch, changes);
    }
    caller(user, &known)
}

/// Returns whether `stated` is the password of `user`; `None` where nothing can tell. A password of nobody takes as long as another.
pub(super) async fn compare<P: Platform>(
    plan: &Plan,
    platform: &P,
    user: Option<&User>,
    stated: &Stated,
) -> Option<bool> {
    let hash = Arc::clone(user.map(|user| &user.hash).or_else(|| plan.users.decoy())?);
    let password: Box<[u8]> = stated.password().into();
    let is_right = platform.compute(Box::new(move || hash.is_of(&password).ok())).await?;
    Some(is_right && user.is_some())
}

/// Who has the name and the password of which this is `known`.
fn caller(user: Option<&User>, known: &Known) -> Result<Arc<Caller>, Refusal> {
    match (user, known) {
        (Some(user), Known::Password(true)) => Ok(Arc::clone(&user.caller)),
        _ => Err(Refusal::PasswordWrong),
    }
}

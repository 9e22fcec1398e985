//! The proof by a name and a password (RFC 7617).

use core::time::Duration;
use std::sync::Arc;

use super::exchange::Exchange;
use super::within::within;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::policy::basic::{BasicProof, Stated, User};
use crate::policy::password::PasswordHash;
use crate::policy::passwords::{Client, Comparison, Turn};
use crate::ports::{Meeting, Platform, Work};

/// The longest that a request waits for its password to be compared. Others of its client may be before it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The time after which a request that waits for another one looks again, since nobody may tell it: that one's client may have left.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Who has the name and the password in `call`, if that is known without a wait.
pub(super) fn at_once<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    proof: &BasicProof,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    let stated = match proof.stated(call) {
        Ok(stated) => stated,
        Err(refusal) => return Some(Err(refusal)),
    };
    let user = exchange.plan.users.find(stated.name())?;
    let passwords = platform.passwords(exchange.state);
    let is_shown = passwords.is_shown(stated.digest(Some(&user.hash)), Client::of(call.client_address()));
    is_shown.then(|| Ok(Arc::clone(&user.caller)))
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
    let outcome = settle(exchange, platform, (&stated, user), call).await;
    // Of a name that nobody has, the log says nothing: people state their password for it.
    if let (Err(_), Some(user)) = (&outcome, user) {
        exchange.record.named(&user.caller);
    }
    outcome
}

/// The same, of what is `stated` for the name of this `user`, or of nobody.
async fn settle<P: Platform>(
    exchange: &Exchange<'_, '_>,
    platform: &P,
    (stated, user): (&Stated, Option<&User>),
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let digest = stated.digest(user.map(|user| &*user.hash));
    let client = Client::of(call.client_address());
    let (passwords, meeting) = (platform.passwords(exchange.state), client.meeting());
    let begun = platform.monotonic();
    let is_right = loop {
        let left = TIMEOUT.saturating_sub(platform.monotonic().saturating_sub(begun));
        match passwords.begin(digest, client, platform.now()) {
            Turn::Right => break true,
            Turn::TooMany => return Err(Refusal::TooMany),
            Turn::Wait if left.is_zero() => return Err(Refusal::PasswordUnavailable),
            Turn::Wait => {
                let wait = platform.wait(&meeting, left.min(LOOK_AGAIN));
                // Where it has ended since, its notice may have come before the wait.
                if passwords.is_busy(client) {
                    wait.await;
                }
            }
            Turn::Compare(comparison) => {
                let _notice = Notice { platform, meeting: &meeting };
                // A password of nobody takes as long as another.
                let hash = user.map_or_else(|| exchange.plan.users.decoy(stated.name()), |user| Some(&user.hash));
                let hash = Arc::clone(hash.ok_or(Refusal::PasswordUnavailable)?);
                let work = compare(comparison, hash, stated.password().into(), user.is_some());
                let outcome = within(platform, left, platform.compute(work)).await.flatten();
                break outcome.ok_or(Refusal::PasswordUnavailable)?;
            }
        }
    };
    let right = user.filter(|_| is_right);
    right.map(|User { caller, .. }| Arc::clone(caller)).ok_or(Refusal::PasswordWrong)
}

/// The work of comparing `password` with `hash`, that of nobody unless it `is_somebodys`.
fn compare(comparison: Comparison, hash: Arc<PasswordHash>, password: Box<[u8]>, is_somebodys: bool) -> Work {
    Box::new(move || {
        let is_right = hash.is_of(&password).ok()? && is_somebodys;
        comparison.settle(is_right);
        Some(is_right)
    })
}

/// The request for whose comparison others of its client wait. However it ends, they go on.
struct Notice<'n, M: Meeting> {
    platform: &'n M,
    meeting: &'n str,
}

impl<M: Meeting> Drop for Notice<'_, M> {
    fn drop(&mut self) {
        self.platform.notify(self.meeting);
    }
}

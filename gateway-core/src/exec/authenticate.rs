//! The proofs of identity that a route asks for, run in their order: a loop over a flat program, at once as far as that goes.

use std::sync::Arc;

use http::header::AUTHORIZATION;

use super::exchange::Exchange;
use super::{api_key, basic, external, introspect, jwt, login, signature, webhook};
use crate::body::Body;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::{Failure, Refusal};
use crate::error::Reject;
use crate::policy::authenticate::{Authenticate, End, Progress, Shown};
use crate::policy::credential;
use crate::policy::login::Login;
use crate::policy::proof::Proof;
use crate::ports::Platform;
use crate::time::Clock;
use crate::trace::Event;

/// The proofs so far.
pub(super) enum Begun {
    /// They have ended.
    Ended(Result<(), Reject>),
    /// One of them takes a wait: [`go_on`].
    Waits(Progress),
}

/// Finds out who makes `call`, and takes the credentials out of it, as far as that goes at once: by what is remembered or stated here.
/// Out of the way of every other exchange, and without a wait.
pub(super) fn begin<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Authenticate,
    call: &mut Call,
) -> Begun {
    let mut progress = Progress::default();
    while let Some(check) = progress.check(step) {
        let Some(outcome) = at_once(exchange, platform, &check.proof, call) else { return Begun::Waits(progress) };
        if let Some(end) = progress.take(check, outcome) {
            exchange.scheme = check.proof.scheme();
            return ended(exchange, (step, progress), call, end);
        }
    }
    let end = progress.refused();
    ended(exchange, (step, progress), call, end)
}

/// Proofs that have ended, unless a login follows.
fn ended(
    exchange: &mut Exchange<'_, '_>,
    (step, progress): (&Authenticate, Progress),
    call: &mut Call,
    end: End,
) -> Begun {
    match &end {
        End::Refused(_, refusal) if login(step, *refusal, call).is_some() => Begun::Waits(progress.closed()),
        _ => Begun::Ended(conclude(exchange, step, call, end)),
    }
}

/// The login that follows a refusal, if one does: who may be nobody is not asked.
#[cold]
#[inline(never)]
fn login<'s>(step: &'s Authenticate, refusal: Refusal, call: &Call) -> Option<&'s Arc<Login>> {
    step.login(refusal, call).filter(|_| refusal != Refusal::Absent || step.nobody(call).is_none())
}

/// Goes on with proofs that have begun. A proof that reads `body` leaves it there as a whole, of `limit` bytes at most.
///
/// # Errors
/// The refusal of a caller who is not believed, with the challenges.
pub(super) async fn go_on<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Authenticate,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
    mut progress: Progress,
) -> Result<(), Reject> {
    // What the first of them needs is not at hand, as has been found out already.
    let mut waits = true;
    while let Some(check) = progress.check(step) {
        let known = if waits { None } else { at_once(exchange, platform, &check.proof, call) };
        waits = false;
        let outcome = match known {
            Some(outcome) => outcome,
            None => slowly(exchange, platform, &check.proof, (call, body), limit).await,
        };
        if let Some(end) = progress.take(check, outcome) {
            exchange.scheme = check.proof.scheme();
            return finish(exchange, platform, step, call, end).await;
        }
    }
    finish(exchange, platform, step, call, progress.refused()).await
}

/// Draws the consequences of how the proofs have ended, a login among them.
async fn finish<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    step: &Authenticate,
    call: &mut Call,
    end: End,
) -> Result<(), Reject> {
    if let End::Refused(check, refusal) = &end
        && let Some(login) = login(step, *refusal, call)
    {
        if !login.is_secure(call) {
            return conclude(exchange, step, call, End::Refused(*check, Refusal::LoginInsecure));
        }
        exchange.record.unauthenticated(*refusal);
        return Err(login::begin(exchange, platform, login, call).await);
    }
    conclude(exchange, step, call, end)
}

/// The outcome of `proof`, if it takes no wait.
fn at_once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &Proof,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    match proof {
        Proof::Jwt(jwt) => match credential::find(&jwt.places, call) {
            Ok(Some(token)) => jwt::remembered(exchange, platform, jwt, (&token, call.certificate.as_deref())),
            Ok(None) => Some(Err(Refusal::Absent)),
            Err(refusal) => Some(Err(refusal)),
        },
        Proof::External(_) => None,
        Proof::Introspect(proof) => introspect::at_once(exchange, platform, proof, call),
        Proof::ApiKey(key) => api_key::at_once(exchange, platform, key, call),
        Proof::Basic(proof) => basic::at_once(exchange, platform, proof, call),
        Proof::Webhook(webhook) => webhook.stated(&call.headers, platform.now()).err().map(Err),
        Proof::Certificate => Some(certificate(exchange, platform, call)),
        Proof::Login(login) => login::at_once(exchange, platform, login, call),
        Proof::Signature(signature) => signature.stated(call).err().map(Err),
    }
}

/// The outcome of `proof`, which takes a wait.
async fn slowly<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &Proof,
    (call, body): (&mut Call, &mut Body<P::Stream>),
    limit: u64,
) -> Result<Arc<Caller>, Refusal> {
    match proof {
        Proof::Jwt(jwt) => {
            let token = credential::find(&jwt.places, call)?.ok_or(Refusal::Absent)?;
            jwt::prove(exchange, platform, jwt, (&token, call.certificate.as_deref())).await
        }
        Proof::External(proof) => Box::pin(external::prove(exchange, platform, proof, call)).await,
        Proof::Introspect(proof) => Box::pin(introspect::prove(exchange, platform, proof, call)).await,
        Proof::ApiKey(key) => Box::pin(api_key::prove(exchange, platform, key, call)).await,
        Proof::Basic(proof) => Box::pin(basic::prove(exchange, platform, proof, call)).await,
        Proof::Webhook(webhook) => Box::pin(webhook::prove(exchange, platform, webhook, (call, body), limit)).await,
        Proof::Certificate => certificate(exchange, platform, call),
        Proof::Login(login) => Box::pin(login::prove(exchange, platform, login, call)).await,
        Proof::Signature(signature) => {
            Box::pin(signature::prove(exchange, platform, signature, (call, body), limit)).await
        }
    }
}

/// Who has shown the certificate of `call`, which somebody else has verified.
#[inline(never)]
fn certificate(exchange: &mut Exchange<'_, '_>, clock: &impl Clock, call: &Call) -> Result<Arc<Caller>, Refusal> {
    let certificate = call.certificate.as_deref().ok_or(Refusal::Certificate)?;
    exchange.note(|| Event::Policy { policy: "authenticate", verdict: "a certificate is shown".to_owned() });
    exchange.plan.certificates.caller(certificate, clock.now()).map(Arc::new)
}

/// Draws the consequences for `call` of how the proofs have ended.
fn conclude(exchange: &mut Exchange<'_, '_>, step: &Authenticate, call: &mut Call, end: End) -> Result<(), Reject> {
    let policy = "authenticate";
    let end = match (end, step.anonymous.is_some()) {
        (End::Refused(check, refusal), true) if refusal.failure() == Failure::Absent => {
            exchange.scheme = step.proofs().next().map_or("", Proof::scheme);
            let nobody = step.nobody(call);
            nobody.map_or(End::Refused(check, refusal), |nobody| End::Known(Arc::clone(nobody), Shown::default()))
        }
        (end, _) => end,
    };
    match end {
        End::Known(caller, shown) => {
            exchange.note(|| Event::Policy { policy, verdict: format!("the caller is {caller}") });
            exchange.record.authenticated(&caller);
            if exchange.route.is_some_and(|route| route.version.is_some())
                && let (Some(metrics), Some(meter)) = (exchange.state.metrics(), &mut exchange.record.meter)
            {
                meter.consumer =
                    caller.consumer.as_ref().map_or(0, |consumer| metrics.versions.consumer(&consumer.name));
            }
            if step.takes_queries && step.proofs().any(|proof| credential::is_in_query(proof.places(), call)) {
                exchange.private();
            }
            credential::strip(&step.stripped, call);
            for kept in step.proofs().filter(|proof| proof.keeps()) {
                kept.strip_aliases(call);
            }
            // Several checks, or nobody: what was not believed does not go on, whoever was let in by something else.
            if step.checks.len() > 1 {
                for place in step.unproved(shown) {
                    credential::strip(core::slice::from_ref(place), call);
                }
            }
            for (name, value) in &caller.fields {
                call.headers.append(name, value.clone());
            }
            call.caller = Some(caller);
            if let Some(private) = &mut exchange.private
                && let Some(token) = private.forwarded.take()
                && step.proofs().enumerate().any(|(index, proof)| shown.has(index) && proof.forwards())
            {
                call.headers.insert(AUTHORIZATION, token);
            }
            Ok(())
        }
        End::Refused(check, refusal) => {
            exchange.record.unauthenticated(refusal);
            if let Some(Proof::External(service)) = step.proofs().nth(usize::from(check)) {
                let words = if refusal == Refusal::Denied { "refuses the request" } else { "gives no answer to go by" };
                exchange.record.ruled_out("external", &format_args!("the service `{}` {words}", service.name));
            }
            exchange.note(|| Event::Policy { policy, verdict: format!("refused: {}", refusal.word()) });
            let denied = exchange.private.as_mut().and_then(|private| private.denied.take());
            Err(step.refuse(check, refusal, denied))
        }
    }
}

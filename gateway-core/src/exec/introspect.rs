//! The proof by a token that its issuer is asked about (RFC 7662).

use core::fmt::Display;
use std::borrow::Cow;
use std::sync::Arc;

use super::call_out::{self, Question};
use super::exchange::Exchange;
use super::watch::{Asked, current, known};
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::plan::Plan;
use crate::policy::api_key::{Digester, KeyDigest};
use crate::policy::credential;
use crate::policy::jwt::Issuer;
use crate::policy::proof::IntrospectProof;
use crate::policy::tokens::Tokens;
use crate::policy::watch::{Kind, Known, Watch};
use crate::ports::Platform;
use crate::trace::Event;

/// The most bytes of a token, as of one that is verified here.
const MOST_BYTES: usize = 8 * 1024;

/// Who holds the token in `call`, if that is known without a wait.
pub(super) fn at_once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &IntrospectProof,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    let digest = match token(proof, call) {
        Ok(token) => digest(&token),
        Err(refusal) => return Some(Err(refusal)),
    };
    let Some((issuer, tokens)) = issuer(exchange, proof) else { return Some(Err(Refusal::Issuer)) };
    let known = known(exchange, platform, &tokens.asked.find(Kind::Answer, digest))?;
    Some(known.and_then(|known| caller(platform, (issuer, proof), &known, call)))
}

/// Who holds the token in `call`, which its issuer is asked about.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &IntrospectProof,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let token = token(proof, call)?;
    let digest = digest(&token);
    let (issuer, tokens) = issuer(exchange, proof).ok_or(Refusal::Issuer)?;
    let (changes, watch) = (tokens.asked.changes(), tokens.asked.find(Kind::Answer, digest));
    let asked = Asked::Issuer { issuer, tokens, token: &token, client: call.client_address() };
    let known = current(exchange, platform, &watch, asked).await?;
    if matches!(known, Known::Answer(Some(_))) {
        tokens.asked.is_good(digest, &watch, changes);
    }
    caller(platform, (issuer, proof), &known, call)
}

/// Asks `issuer` about `token`. `None` if it gives no answer.
pub(super) async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    issuer: &Issuer,
    token: &str,
    watch: &Watch,
) -> Option<Known> {
    let introspection = issuer.introspection.as_deref()?;
    let form = introspection.question(token);
    let question = Question::form(introspection.authorization.as_ref(), &form);
    let (plan, state): (&Plan, _) = (exchange.plan, exchange.state);
    let index = plan.issuers.iter().position(|other| core::ptr::eq(other, issuer)).unwrap_or(usize::MAX);
    let answer = call_out::ask((plan, state, platform), &introspection.place, question, watch.timeout()).await;
    let fault = match answer {
        Ok(answer) => match introspection.read(issuer, &answer.content, platform.now()) {
            Some(known) => {
                platform.asked_about_token(index, None);
                return Some(known);
            }
            None => None,
        },
        Err(fault) => Some(fault),
    };
    exchange.record.cause = Some(fault.as_ref().map_or("answer_malformed", call_out::Fault::cause));
    let trouble: &dyn Display = match &fault {
        Some(fault) => fault,
        None => &"what it answers says nothing of a token",
    };
    platform.asked_about_token(index, Some(trouble));
    exchange.note(|| {
        let verdict = format!("the issuer can't be asked about the token: {trouble}");
        Event::Policy { policy: "authenticate", verdict }
    });
    None
}

fn issuer<'p>(exchange: &Exchange<'p, '_>, proof: &IntrospectProof) -> Option<(&'p Issuer, &'p Tokens)> {
    Some((exchange.plan.issuers.get(proof.issuer)?, exchange.state.tokens(proof.issuer)?))
}

/// The token in `call`, if it can be one (RFC 6750 §2.1).
fn token<'c>(proof: &IntrospectProof, call: &'c Call) -> Result<Cow<'c, str>, Refusal> {
    let token = credential::find(&proof.places, call)?.ok_or(Refusal::Absent)?;
    if token.len() > MOST_BYTES {
        return Err(Refusal::TooLarge);
    }
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::Malformed);
    }
    Ok(token)
}

fn digest(token: &str) -> KeyDigest {
    Digester::default().digest(token)
}

/// Who holds the token of which this is `known`. What depends on the time and the route is looked at each time.
fn caller<P: Platform>(
    platform: &P,
    (issuer, proof): (&Issuer, &IntrospectProof),
    known: &Known,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let Known::Answer(Some(answer)) = known else { return Err(Refusal::Inactive) };
    let claims = answer.caller.claims.as_deref().ok_or(Refusal::Inactive)?;
    issuer.check_answer(claims, call.certificate.as_deref(), platform.now())?;
    proof.check_audience(claims)?;
    Ok(Arc::clone(&answer.caller))
}

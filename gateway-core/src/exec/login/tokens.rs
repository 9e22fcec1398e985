//! The tokens of a session: from the token endpoint, at first and again.

use core::time::Duration;

use bytes::Bytes;

use super::super::call_out::{self, Fault, Question};
use super::super::exchange::Exchange;
use super::super::within::within;
use super::super::{jwt, revocation};
use super::{document, issuer, source};
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::http::proxy_status::error_type;
use crate::io::IoErrorKind;
use crate::jose::algorithm::Algorithm;
use crate::jose::published::Document;
use crate::policy::counter::{CounterOp, CounterVerdict};
use crate::policy::login::Login;
use crate::policy::login::answer::{self, Answer};
use crate::policy::login::attempt::parameter;
use crate::policy::login::renewed::{GRACE, WAIT};
use crate::policy::login::session::{Session, Standing};
use crate::ports::Platform;
use crate::trace::Event;

/// The longest that a browser waits for the provider.
const LIMIT: Duration = Duration::from_secs(10);

/// The types of ID tokens: most have none (OpenID Connect Core 1.0 §2).
const TYPES: [&str; 1] = ["JWT"];

/// Asks the token endpoint.
///
/// # Errors
/// It gives no tokens, or can't be asked.
pub(super) async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    document: &Document,
    question: &[(&str, &str)],
) -> Result<Answer, Fault> {
    let other = || Fault::Io(IoErrorKind::Other);
    let source = source(exchange, login).map_err(|_| other())?;
    let located = document.token_endpoint.as_deref().and_then(|url| source.document.as_ref()?.locate(url));
    let place = located.ok_or_else(other)?;
    let mut form = String::new();
    for (name, value) in question {
        parameter(&mut form, name, value);
    }
    form.push_str(&login.form);
    // Without the separator before the first.
    let form = Bytes::from(form).split_off(1);
    let question = Question::form(login.authorization.as_ref(), &form);
    let asked = call_out::ask((exchange.plan, exchange.state, platform), &place, question, LIMIT);
    let (fault, cause, said) = match within(platform, LIMIT, asked).await {
        Some(Ok(answer)) => match Answer::read(&answer.content) {
            Some(answer) => return Ok(answer),
            None => (other(), "answer_malformed", "the answer has no token of the type `Bearer`".to_owned()),
        },
        Some(Err(fault)) => {
            let said = fault.to_string();
            let cause = fault.cause();
            (fault, cause, said)
        }
        None => (other(), error_type(IoErrorKind::TotalTimeout), "it takes too long".to_owned()),
    };
    exchange.record.cause = Some(cause);
    exchange.note(|| refused(&said));
    Err(fault)
}

fn refused(fault: &str) -> Event {
    Event::Policy { policy: "authenticate", verdict: ["the provider gives no tokens: ", fault].concat() }
}

/// The claims of an ID token, whose signature and times are good, and its algorithm.
///
/// # Errors
/// It is none, or the keys are not known.
pub(super) async fn identity<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    token: &str,
) -> Result<(ClaimSet, Algorithm), Refusal> {
    let issuer = issuer(exchange, login)?;
    let given = jwt::given(exchange, platform, issuer, token, &TYPES).await.map_err(|refusal| match refusal {
        Refusal::KeysUnavailable | Refusal::KeyUnusable => refusal,
        _ => {
            exchange.note(|| refused(refusal.word()));
            Refusal::LoginToken
        }
    })?;
    revocation::check(exchange, platform, login.issuer, &given.0, None).await.1.map(|()| given)
}

/// Asks for new tokens for `session`, unless another request does. Returns whether there are any.
///
/// # Errors
/// The session is over, or the old tokens are and the provider can't be asked.
pub(super) async fn renew<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    session: &mut Session,
    standing: Standing,
) -> Result<bool, Refusal> {
    let Some(refresh) = session.refresh.clone() else { return Ok(false) };
    let state = exchange.state;
    let cell = cell(login, session);
    let find = || state.renewed().find(&cell, platform.monotonic());
    if let Some(renewed) = find() {
        *session = renewed;
        return Ok(true);
    }
    if !is_first(exchange, platform, &cell).await.unwrap_or(standing.is_late) {
        let renewed = if standing.is_late { wait(platform, &cell, find).await } else { None };
        return match renewed {
            Some(renewed) => {
                *session = renewed;
                Ok(true)
            }
            // Nobody is sent the token that has ended.
            None if standing.is_late && login.forward.is_some() => Err(Refusal::KeysUnavailable),
            None => Ok(false),
        };
    }
    let done = Done { platform, cell: &cell };
    let asked = asked_again(exchange, platform, login, session, &refresh).await;
    if asked.is_ok() {
        let now = platform.monotonic();
        platform.each_state(state, |part| part.renewed().keep(cell.clone(), session, now));
    }
    drop(done);
    let Err(failure) = asked else { return Ok(true) };
    match failure {
        // Until then, the old ones serve.
        _ if !standing.is_late => Ok(false),
        Refusal::LoginCode | Refusal::LoginToken | Refusal::Revoked => Err(Refusal::SessionEnded),
        // Nobody is sent the token that has ended.
        _ if login.forward.is_none() => Ok(false),
        _ => Err(Refusal::KeysUnavailable),
    }
}

/// The request that asks. However it ends, those who wait go on.
struct Done<'d, P: Platform> {
    platform: &'d P,
    cell: &'d str,
}

impl<P: Platform> Drop for Done<'_, P> {
    fn drop(&mut self) {
        self.platform.notify(self.cell);
    }
}

/// Waits until another request of this instance has new tokens, if one asks.
async fn wait<P: Platform>(platform: &P, cell: &str, find: impl Fn() -> Option<Session>) -> Option<Session> {
    let begun = platform.monotonic();
    loop {
        let left = WAIT.saturating_sub(platform.monotonic().saturating_sub(begun));
        let wait = platform.wait(cell, left);
        // If they came before the wait, so did the notice.
        let found = find();
        if found.is_some() || left.is_zero() {
            return found;
        }
        wait.await;
    }
}

async fn asked_again<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    session: &mut Session,
    refresh: &str,
) -> Result<(), Refusal> {
    let document = document(exchange, platform, login).await?;
    let question = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let answer = ask(exchange, platform, login, &document, &question).await.map_err(|fault| match fault {
        // RFC 6749 §5.2: of all errors, this one alone is about the token.
        Fault::Refused(_, code) if *code == *"invalid_grant" => Refusal::LoginCode,
        _ => Refusal::KeysUnavailable,
    })?;
    let claims = match answer.id_token.as_deref() {
        None => None,
        Some(token) => {
            let (claims, algorithm) = identity(exchange, platform, login, token).await?;
            // OpenID Connect Core 1.0 §12.2: of the same person, and of the same login if it says of which.
            let is_same = claims.get("sub") == session.claims.get("sub")
                && claims.get("nonce").is_none_or(|nonce| *nonce == *session.id);
            if !is_same || !answer::is_for(login, &claims, None, &answer.access, algorithm) {
                return Err(Refusal::LoginToken);
            }
            Some(claims)
        }
    };
    session.renew(login, answer, claims.as_ref(), platform.now());
    Ok(())
}

/// What tells the present tokens of `session` from those before and after.
fn cell(login: &Login, session: &Session) -> String {
    ["login:", &*login.id, ":", &*session.id, ":", &*session.due.to_string()].concat()
}

/// Returns whether this request is the first to ask for what follows the tokens that `cell` is of; `None` if the store of the counters
/// can't say.
async fn is_first<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, cell: &str) -> Option<bool> {
    let op = CounterOp::Acquire { holder: platform.next_u64(), limit: 1, lease: GRACE };
    let answer = within(platform, exchange.plan.counter_timeout, platform.apply(cell, op)).await?;
    match answer.map(CounterVerdict::lease) {
        Ok(verdict) => verdict.map(|verdict| verdict.acquired),
        Err(failure) => {
            exchange.record.store_failed(platform.counter_store(), failure);
            None
        }
    }
}

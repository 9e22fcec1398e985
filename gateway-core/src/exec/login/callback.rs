//! The way back from the provider: the code that the browser brings is changed for tokens (OpenID Connect Core 1.0 §3.1.2.5).

use std::borrow::Cow;

use http::{HeaderValue, StatusCode};

use super::super::call_out::Fault;
use super::super::exchange::Exchange;
use super::super::once;
use super::{document, issuer, keep, tokens};
use crate::call::Call;
use crate::caller::refusal::Refusal;
use crate::http::{percent, query};
use crate::policy::login::attempt::LIFE;
use crate::policy::login::session::Session;
use crate::policy::login::{Login, answer, own_base};
use crate::policy::tries::ASKED;
use crate::ports::Platform;

/// Ends an attempt to log in. Returns where the browser goes.
///
/// # Errors
/// The login does not succeed.
pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Result<HeaderValue, Refusal> {
    let state = parameter(call, "state")?.ok_or(Refusal::LoginUnknown)?;
    let (attempt, cookie) = login.attempt(call, &state, platform.now()).ok_or(Refusal::LoginUnknown)?;
    // However it ends: an attempt is for one answer (RFC 9700 §4.2.4). Whoever keeps the cookie has no other.
    login.end_cookie(&cookie, &mut exchange.private().cookies);
    let cell = ["login:state:", &*login.id, ":", &*state].concat();
    once::take(exchange, platform, &cell, LIFE).await.map_err(|refusal| match refusal {
        Refusal::Replayed => Refusal::LoginUnknown,
        refusal => refusal,
    })?;
    let document = document(exchange, platform, login).await?;
    let own = issuer(exchange, login)?;
    // RFC 9207 §2.4: first of all, the answer is of the provider that was asked.
    let is_own = match parameter(call, "iss")? {
        Some(stated) => Some(&*stated) == own.issuer.as_deref(),
        None => !document.authorization_response_iss_parameter_supported,
    };
    if !is_own {
        return Err(Refusal::LoginIssuer);
    }
    if let Some(error) = parameter(call, "error")? {
        return Err(match &*error {
            "temporarily_unavailable" | "server_error" => Refusal::KeysUnavailable,
            _ => Refusal::LoginDenied,
        });
    }
    let code = parameter(call, "code")?.ok_or(Refusal::LoginDenied)?;
    let redirect = [&own_base(call), &*login.callback].concat();
    let question = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", &*redirect),
        ("code_verifier", &*attempt.verifier),
    ];
    let (tries, client) = (&exchange.state.sessions().tries, call.client_address());
    if !tries.begin(client, platform.now(), ASKED) {
        return Err(Refusal::TooMany);
    }
    let answer = tokens::ask(exchange, platform, login, &document, &question).await;
    let answer = answer.map_err(|fault| match fault {
        // RFC 6749 §5.2: it does not take the code, or the client. RFC 6585 §4: or it takes nothing at the moment.
        Fault::Refused(status, _) if status != StatusCode::TOO_MANY_REQUESTS => Refusal::LoginCode,
        _ => Refusal::KeysUnavailable,
    });
    // Only a code that is none speaks against its client.
    if answer.as_ref().err() != Some(&Refusal::LoginCode) {
        tries.give_back(client, ASKED);
    }
    let answer = answer?;
    let token = answer.id_token.as_deref().ok_or(Refusal::LoginToken)?;
    let (claims, algorithm) = tokens::identity(exchange, platform, login, token).await?;
    if !answer::is_for(login, &claims, Some(&attempt.nonce), &answer.access, algorithm) {
        return Err(Refusal::LoginToken);
    }
    let session = Session::begin(login, attempt.nonce, answer, &claims, platform.now());
    keep(exchange, platform, login, call, &session)?;
    login.count(attempt.logins.saturating_add(1), &mut exchange.private().cookies);
    let location = [call.client.prefix.as_deref().unwrap_or_default(), &attempt.target].concat();
    HeaderValue::try_from(location).map_err(|_| Refusal::LoginUnknown)
}

/// The parameter called `name`, of which there must not be two (RFC 6749 §3.1).
fn parameter<'c>(call: &'c Call, name: &str) -> Result<Option<Cow<'c, str>>, Refusal> {
    let mut found = query::parameters(call.query().unwrap_or_default()).filter(|one| query::is_named(one, name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Refusal::LoginUnknown),
        (first, None) => Ok(first.map(|one| percent::decode_form(query::split(one).1))),
    }
}

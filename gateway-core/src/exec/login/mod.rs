//! Logins: the session of a browser, the way to the provider, and the way back.

mod callback;
mod logout;
mod tokens;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};

use super::exchange::Exchange;
use super::local::{empty, with_content};
use super::{content, keys};
use crate::body::Body;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::error::Reject;
use crate::jose::published::Document;
use crate::policy::jwt::Issuer;
use crate::policy::key_source::KeySource;
use crate::policy::login::attempt::{Attempt, RANDOM};
use crate::policy::login::ended;
use crate::policy::login::session::Session;
use crate::policy::login::{Endpoint, Login, MOST_CONTENT, MOST_LOGINS, own_base};
use crate::policy::seal::NONCE;
use crate::policy::watch::{Known, Watch};
use crate::ports::Platform;
use crate::time::Clock;
use crate::trace::Event;

/// Who is logged in by the cookies of `call`, if that is known without a wait.
pub(super) fn at_once<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Option<Result<Arc<Caller>, Refusal>> {
    let session = match login.session(call) {
        None => return Some(Err(Refusal::Absent)),
        Some(None) => return Some(Err(Refusal::SessionUnknown)),
        Some(Some(session)) => session,
    };
    let standing = match session.standing(login, platform.now()) {
        Ok(standing) => standing,
        Err(refusal) => return Some(Err(refusal)),
    };
    if standing.is_due {
        return None;
    }
    if let Err(refusal) = logout::recall(exchange, platform, login, &session)? {
        return Some(Err(refusal));
    }
    Some(admit(exchange, platform, login, call, (session, standing.is_stale)))
}

/// Who is logged in by the cookies of `call`, for whom the provider may have to be asked.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let mut session = login.session(call).ok_or(Refusal::Absent)?.ok_or(Refusal::SessionUnknown)?;
    let standing = session.standing(login, platform.now())?;
    logout::ask(exchange, platform, login, &session).await?;
    let is_new = standing.is_due && tokens::renew(exchange, platform, login, &mut session, standing).await?;
    admit(exchange, platform, login, call, (session, standing.is_stale || is_new))
}

/// The caller that `session` is of. It is written anew if it `is_stale`.
fn admit<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
    (mut session, is_stale): (Session, bool),
) -> Result<Arc<Caller>, Refusal> {
    let issuer = issuer(exchange, login)?;
    if is_stale {
        session.seen = platform.now().unix_millis() / 1_000;
        keep(exchange, platform, login, call, &session)?;
        if login.logout.is_some() {
            let watch = ended::own(exchange.state.sessions(), login, &session);
            exchange.private().session = Some(watch);
        }
    }
    exchange.private();
    if login.forward.is_some() {
        // Provider and upstream may have agreed on it only lately: there is a session without it then.
        let token = session.forwarded(login).ok_or(Refusal::SessionEnded)?;
        let mut value = HeaderValue::try_from(["Bearer ", token].concat()).map_err(|_| Refusal::SessionEnded)?;
        value.set_sensitive(true);
        exchange.private().forwarded = Some(value);
    }
    exchange.note(|| Event::Policy { policy: "authenticate", verdict: "the session is good".to_owned() });
    Ok(Arc::new(issuer.holders.caller(&issuer.name, session.claim_set())))
}

/// Has the answer to `call` set the cookies of `session`.
fn keep<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
    session: &Session,
) -> Result<(), Refusal> {
    let nonce: [u8; NONCE] = random(platform)?;
    login.keep_session(session, call, &nonce, &mut exchange.private().cookies).ok_or(Refusal::LoginTooLarge)
}

/// Sends the browser that has made `call` to the provider.
pub(super) async fn begin<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Reject {
    exchange.note(|| Event::Policy {
        policy: "authenticate",
        verdict: format!(
            "nobody is logged in, and a page is asked for: the browser goes to `{}` to log in",
            login.name
        ),
    });
    match to_provider(exchange, platform, login, call).await {
        Ok(location) => Reject::redirect(location),
        Err(refusal) => failed(exchange, refusal),
    }
}

async fn to_provider<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Result<HeaderValue, Refusal> {
    let logins = login.counted(call);
    if logins >= MOST_LOGINS {
        return Err(Refusal::LoginAgain);
    }
    let document = document(exchange, platform, login).await?;
    let source = source(exchange, login)?;
    let endpoint = located(source, document.authorization_endpoint.as_deref())?;
    let secrets: [u8; RANDOM] = random(platform)?;
    let nonce: [u8; NONCE] = random(platform)?;
    let target = match call.query() {
        Some(query) => [call.path(), "?", query].concat(),
        None => call.path().to_owned(),
    };
    let attempt = Attempt::new(&secrets, platform.now(), logins, &target);
    let cookies = &mut exchange.private().cookies;
    login.keep_attempt(&attempt, call, &nonce, cookies).ok_or(Refusal::LoginTooLarge)?;
    if login.is_stated(&call.headers) {
        login.end_session(call, cookies);
    }
    let url = attempt.url(login, endpoint, &[&own_base(call), &*login.callback].concat());
    HeaderValue::try_from(url).map_err(|_| Refusal::KeysUnavailable)
}

/// Serves an endpoint of a login.
///
/// # Errors
/// What the endpoint is asked for is refused.
pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (login, endpoint): (&Login, Endpoint),
    call: &Call,
    body: Body<P::Stream>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    exchange.note(|| Event::Answered { by: "login" });
    // What is said here is about one browser.
    exchange.private();
    match endpoint {
        // A code is for one use, and whoever only looks would use it up.
        Endpoint::Callback if call.method == Method::HEAD => {
            Err(Reject::method_not_allowed(HeaderValue::from_static("GET")))
        }
        Endpoint::Logout if call.method == Method::HEAD => {
            Err(Reject::method_not_allowed(HeaderValue::from_static("GET, POST")))
        }
        Endpoint::Callback => match callback::serve(exchange, platform, login, call).await {
            Ok(location) => Ok(to(StatusCode::FOUND, location)),
            Err(refusal) => Err(failed(exchange, refusal)),
        },
        Endpoint::Logout => {
            logout::serve(exchange, platform, login, call).await.map(|location| to(StatusCode::SEE_OTHER, location))
        }
        Endpoint::BackChannel => {
            let content = content::whole(platform, body, MOST_CONTENT).await?;
            logout::notice(exchange, platform, login, &content).await?;
            let mut response = with_content(&call.method, Bytes::new());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
    }
}

/// The answer that sends a browser to `location`.
fn to<S>(status: StatusCode, location: HeaderValue) -> Response<Body<S>> {
    let mut response = empty(status);
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a login that does not go on, which the log has the reason of.
fn failed(exchange: &mut Exchange<'_, '_>, refusal: Refusal) -> Reject {
    exchange.record.unauthenticated(refusal);
    exchange.note(|| Event::Policy { policy: "authenticate", verdict: format!("refused: {}", refusal.word()) });
    match refusal {
        // It is no token of a request.
        Refusal::Revoked => Refusal::LoginDenied.reject(),
        refusal => refusal.reject(),
    }
}

/// The provider of `login`.
fn issuer<'p>(exchange: &Exchange<'p, '_>, login: &Login) -> Result<&'p Issuer, Refusal> {
    exchange.plan.issuers.get(login.issuer).ok_or(Refusal::KeysUnavailable)
}

/// The source of what the provider of `login` publishes.
fn source<'p>(exchange: &Exchange<'p, '_>, login: &Login) -> Result<&'p KeySource, Refusal> {
    issuer(exchange, login)?.source().ok_or(Refusal::KeysUnavailable)
}

/// The document of the provider of `login`.
async fn document<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
) -> Result<Arc<Document>, Refusal> {
    let source = source(exchange, login)?;
    Ok(keys::published(exchange, platform, source).await?.document)
}

/// `url` of the provider's document, if it is there, at one of the origins of `source`.
fn located<'u>(source: &KeySource, url: Option<&'u str>) -> Result<&'u str, Refusal> {
    let is_at = |url: &&str| source.document.as_ref().is_some_and(|document| document.locate(url).is_some());
    url.filter(is_at).ok_or(Refusal::KeysUnavailable)
}

/// Returns whether the session that `watch` is of has ended, as far as this process knows.
pub(super) fn has_ended(watch: &Watch, clock: &impl Clock) -> bool {
    match watch.last(clock.monotonic()) {
        // Whenever it began: these entries are of this session alone.
        Some(Known::Revoked(entries)) => entries.revoke_token(Some(0)),
        _ => false,
    }
}

/// Bytes that nobody can guess.
fn random<P: Platform, const N: usize>(platform: &P) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    platform.fill_secret(&mut bytes).map_err(|_| Refusal::KeysUnavailable)?;
    Ok(bytes)
}

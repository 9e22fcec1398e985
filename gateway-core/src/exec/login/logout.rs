//! The end of sessions: by the person (OpenID Connect RP-Initiated Logout 1.0), and by the provider (Back-Channel Logout 1.0).

use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::super::exchange::Exchange;
use super::super::watch::{self, Asked};
use super::super::within::within;
use super::super::{jwt, revocation};
use super::{document, issuer, located, source};
use crate::call::Call;
use crate::caller::claims::ClaimSet;
use crate::caller::refusal::Refusal;
use crate::error::Reject;
use crate::http::{percent, query};
use crate::policy::counter::{CounterOp, CounterVerdict};
use crate::policy::csrf::Csrf;
use crate::policy::login::attempt::parameter;
use crate::policy::login::ended::{self, Notice};
use crate::policy::login::session::Session;
use crate::policy::login::{Login, own_base};
use crate::policy::revocation::{Entries, THERE};
use crate::policy::watch::{Known, READ_TIMEOUT, Watch};
use crate::ports::Platform;
use crate::state::State;
use crate::time::Clock;

/// The types of logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4).
const TYPES: [&str; 2] = ["logout+jwt", "JWT"];

/// The shortest and the longest time for which a logout token is known again: until it has expired, unless that is far off.
const ONCE: (u64, u64) = (3_600, 86_400);

/// Ends the session of the browser that has made `call`. Returns where it goes.
///
/// # Errors
/// Another site's page asks for it.
pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    call: &Call,
) -> Result<HeaderValue, Reject> {
    // A link on another site's page is as good at it as a form: so for every method.
    Csrf::default().check_origin(call).map_err(|refusal| refusal.reject())?;
    let session = login.session(call).flatten();
    if let Some(session) = &session {
        // So that no answer under way brings the session back.
        let now = platform.monotonic();
        let end = |part: &State| ended::own(part.sessions(), login, session).tell(Known::Revoked(Entries::FIRST), now);
        platform.each_state(exchange.state, end);
        if login.back_channel.is_some() {
            // So that copies of the cookie are of no use, either. The cookie goes even if the store can't say so.
            let key = ended::of_session(login, &session.id);
            let put = platform.put(key.as_str(), THERE, Some(ended::keep_for(login)));
            let _ = within(platform, READ_TIMEOUT, put).await;
        }
    }
    let cookies = &mut exchange.private().cookies;
    login.end_session(call, cookies);
    if login.counted(call) > 0 {
        login.count(0, cookies);
    }
    let after = login.after_logout.as_deref();
    let location = match provider(exchange, platform, login).await {
        Ok(endpoint) => {
            let mut url = endpoint;
            let mut request = String::new();
            parameter(&mut request, "client_id", &login.client);
            if let Some(token) = session.as_ref().and_then(|session| session.id_token.as_deref()) {
                parameter(&mut request, "id_token_hint", token);
            }
            if let Some(path) = after {
                parameter(&mut request, "post_logout_redirect_uri", &[&own_base(call), path].concat());
            }
            let request = request.get(1..).unwrap_or_default();
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(request);
            url
        }
        // The session here has ended anyway.
        Err(_) => [call.client.prefix.as_deref().unwrap_or_default(), after.unwrap_or("/")].concat(),
    };
    HeaderValue::try_from(location).map_err(|_| Reject::internal())
}

/// The URL at which people log out of the provider.
async fn provider<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
) -> Result<String, Refusal> {
    let document = document(exchange, platform, login).await?;
    let source = source(exchange, login)?;
    located(source, document.end_session_endpoint.as_deref()).map(str::to_owned)
}

/// Takes a provider's notice that sessions have ended.
///
/// # Errors
/// It is none, or the stores can't be asked.
pub(super) async fn notice<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    content: &[u8],
) -> Result<(), Reject> {
    let form = core::str::from_utf8(content).map_err(|_| Reject::bad_content())?;
    let token: Option<Cow<'_, str>> = query::first(form, "logout_token").map(percent::decode_form);
    let token = token.ok_or_else(Reject::bad_content)?;
    let issuer = issuer(exchange, login).map_err(Refusal::reject)?;
    let verified = jwt::given(exchange, platform, issuer, &token, &TYPES).await;
    let (claims, _) = verified.map_err(|refusal| {
        exchange.record.unauthenticated(refusal);
        match refusal {
            Refusal::KeysUnavailable | Refusal::KeyUnusable => refusal.reject(),
            _ => Reject::bad_content(),
        }
    })?;
    let Some(notice) = Notice::read(login, &claims) else { return Err(Reject::bad_content()) };
    let cell = ["login:once:", &*login.id, ":", notice.id.as_str()].concat();
    let holder = platform.next_u64();
    let expires = u64::try_from(notice.expires).unwrap_or_default().saturating_add(issuer.leeway.as_secs());
    let left = expires.saturating_sub(platform.now().unix_millis() / 1_000).clamp(ONCE.0, ONCE.1);
    let op = CounterOp::Acquire { holder, limit: 1, lease: Duration::from_secs(left) };
    let first = within(platform, exchange.plan.counter_timeout, platform.apply(&cell, op)).await;
    match first.map(|first| first.map(CounterVerdict::lease)) {
        Some(Ok(Some(verdict))) if verdict.acquired => {}
        Some(Ok(_)) => return Err(Reject::bad_content()),
        _ => return Err(Reject::counter_unavailable()),
    }
    if within(platform, READ_TIMEOUT, put(platform, login, &notice)).await.flatten().is_some() {
        return Ok(());
    }
    // The provider comes again with the same notice, which must count then.
    let released = platform.apply(&cell, CounterOp::Release { holder });
    let _ = within(platform, exchange.plan.counter_timeout, released).await;
    Err(Reject::store_unavailable())
}

/// Makes the entry of a `notice`; `None` if the store fails. Of two times the later one counts: one that comes late takes nothing back.
async fn put<P: Platform>(platform: &P, login: &Login, notice: &Notice) -> Option<()> {
    let key = notice.key.as_str();
    let known = platform.get(key).await.ok()?.and_then(|known| Entries::read(false, Some(&known))?.before());
    let before = known.map_or(notice.before, |known| known.max(notice.before));
    platform.put(key, Bytes::from(before.to_string()), Some(ended::keep_for(login))).await.ok()
}

/// Refuses a session of which the provider, or the person, has said that it has ended. `None` if that can't be told without a wait.
pub(super) fn recall<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    session: &Session,
) -> Option<Result<(), Refusal>> {
    if login.back_channel.is_some() {
        for watch in ended::watches(exchange.state.sessions(), login, session) {
            let known = watch::known(exchange, platform, &watch)?;
            if let refused @ Err(_) = known.and_then(|known| check(&known, session)) {
                return Some(refused);
            }
        }
    }
    for (claims, watch) in tokens(exchange, platform, login, session) {
        if let refused @ Err(_) = revocation::recall(exchange, platform, login.issuer, &claims, watch.as_ref())? {
            return Some(refused.map_err(over));
        }
    }
    Some(Ok(()))
}

/// The same, which may take a wait.
pub(super) async fn ask<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    login: &Login,
    session: &Session,
) -> Result<(), Refusal> {
    if login.back_channel.is_some() {
        for watch in ended::watches(exchange.state.sessions(), login, session) {
            check(&watch::current(exchange, platform, &watch, Asked::Store).await?, session)?;
        }
    }
    for (claims, watch) in tokens(exchange, platform, login, session) {
        revocation::check(exchange, platform, login.issuer, &claims, watch).await.1.map_err(over)?;
    }
    Ok(())
}

/// The claims by which the ID tokens of `session` are revoked, if there is a list of revoked tokens. If it is known to have entries, what is
/// known of theirs besides: of a list without, each session would only take another's place in the memory.
fn tokens(
    exchange: &Exchange<'_, '_>,
    clock: &impl Clock,
    login: &Login,
    session: &Session,
) -> Vec<(ClaimSet, Option<Arc<Watch>>)> {
    let Some(list) = exchange.state.revocations(login.issuer) else { return Vec::new() };
    let known = list.last(clock.monotonic());
    let is_marked = matches!(known, Some(Known::Revoked(entries)) if entries.is_marked());
    let issuer = issuer(exchange, login).ok().filter(|_| is_marked);
    let watched = |claims: ClaimSet| {
        let watch = issuer.and_then(|issuer| {
            let (list, within) = (issuer.revocations()?, issuer.revocation?);
            Some(ended::revoked(exchange.state.sessions(), &list, within, session, &claims))
        });
        (claims, watch)
    };
    session.revocable().map(watched).collect()
}

/// What becomes of a session by this refusal of its token.
const fn over(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Revoked => Refusal::SessionEnded,
        refusal => refusal,
    }
}

fn check(known: &Known, session: &Session) -> Result<(), Refusal> {
    let issued = i64::try_from(session.issued).ok();
    match known {
        Known::Revoked(entries) if entries.revoke_token(issued) => Err(Refusal::SessionEnded),
        _ => Ok(()),
    }
}

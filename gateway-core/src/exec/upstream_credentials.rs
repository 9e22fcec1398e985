//! The gateway's own credentials for an upstream: into a request at its very end, and once more where the upstream does not take them.

use core::time::Duration;

use bytes::Bytes;
use http::header::TRAILER;
use http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::exchange::Exchange;
use super::{access_token, attempts, content, time_left};
use crate::balance::endpoint::Chosen;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::io::IoError;
use crate::net::Scheme;
use crate::plan::{Plan, Target, Upstream};
use crate::policy::access_token::{Token, TokenCell, TokenSource};
use crate::policy::header_edit;
use crate::policy::message_signer::MessageSigner;
use crate::policy::remembered::Reading;
use crate::policy::sigv4::{MOST_CONTENT, Sigv4};
use crate::policy::upstream_credentials::Credentials;
use crate::ports::{Platform, UpstreamCall};
use crate::state::State;
use crate::trace::Event;

/// A request that can be sent again with another token.
pub(super) struct Again<'c> {
    source: &'c TokenSource,
    token: Token,
    than: Reading,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    content: Bytes,
}

/// Puts `credentials` into `call`, which goes to `uri`, with content of `limit` bytes at most. Returns what it takes to send the request again, if its `body` can be.
///
/// # Errors
/// There is no token, and the server gives none.
pub(super) async fn apply<'c, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    credentials: &'c Credentials,
    (call, scheme, uri): (&mut Call, Scheme, &Uri),
    (body, limit): (&mut Body<P::Stream>, u64),
) -> Result<Option<Box<Again<'c>>>, Reject> {
    let source = match credentials {
        Credentials::Stated(edits) => {
            header_edit::apply(edits, call);
            return Ok(None);
        }
        Credentials::Signature(signer) => {
            sign(platform, signer, (call, uri), body).await?;
            return Ok(None);
        }
        Credentials::Message(signer) => {
            sign_message(exchange, platform, signer, (call, scheme, uri), (body, limit)).await?;
            return Ok(None);
        }
        Credentials::Token(source) => source,
    };
    let token = access_token::current(exchange, platform, source).await?;
    header_edit::apply(&token, call);
    let content = match body {
        Body::Empty => Bytes::new(),
        Body::Full(content) => content.clone(),
        // Only its client has it.
        Body::Stream(_) => return Ok(None),
    };
    let than = exchange.state.token(source.index).map(TokenCell::latest).unwrap_or_default();
    let (method, uri, headers) = (call.method.clone(), uri.clone(), call.headers.clone());
    Ok(Some(Box::new(Again { source, token, than, method, uri, headers, content })))
}

/// Puts `credentials` into a `call` of the gateway's own, which goes to this place with this content; none if there are no credentials.
pub(super) async fn apply_own<P: Platform>(
    (plan, state, platform): (&Plan, &State, &P),
    credentials: &Credentials,
    call: &mut Call,
    (scheme, uri, content): (Scheme, &Uri, &[u8]),
) -> Option<()> {
    match credentials {
        Credentials::Stated(edits) => header_edit::apply(edits, call),
        Credentials::Signature(signer) => {
            let target = (uri.path(), uri.query().unwrap_or_default());
            signer.sign(&call.method, target, &mut call.headers, Some(content), platform.now())?;
        }
        Credentials::Message(signer) => {
            let mut nonce = [0; 16];
            if signer.nonce {
                platform.fill_secret(&mut nonce).ok()?;
            }
            let nonce = signer.nonce.then_some(nonce);
            let Call { method, headers, .. } = call;
            let begun = signer.begin(method, (scheme, uri), headers, content, (platform.now(), nonce))?;
            let signature = platform.sign(&signer.key, begun.base.as_bytes()).await.ok()?;
            signer.end(&begun, &signature, headers)?;
        }
        Credentials::Token(source) => {
            let cell = state.token(source.index)?;
            if cell.is_unread(platform.monotonic()) {
                access_token::fetch(platform, (plan, state), source, cell).await;
            }
            let token = cell.last(platform.monotonic())?;
            header_edit::apply(&token, call);
        }
    }
    Some(())
}

/// Signs `call`, and its content if there is none, if it is at hand, or if it has to be.
async fn sign<P: Platform>(
    platform: &P,
    signer: &Sigv4,
    (call, uri): (&mut Call, &Uri),
    body: &mut Body<P::Stream>,
) -> Result<(), Reject> {
    if signer.signs_content {
        collect(platform, call, body, MOST_CONTENT).await?;
    }
    let content = match body {
        Body::Empty => Some(&[][..]),
        Body::Full(content) => Some(&**content),
        Body::Stream(_) => None,
    };
    let target = (uri.path(), uri.query().unwrap_or_default());
    signer.sign(&call.method, target, &mut call.headers, content, platform.now()).ok_or_else(Reject::bad_header)
}

/// Has all of `body` there, of `limit` bytes at most. It has lost its trailers then (RFC 9110 §6.6.2).
async fn collect<P: Platform>(
    platform: &P,
    call: &mut Call,
    body: &mut Body<P::Stream>,
    limit: u64,
) -> Result<(), Reject> {
    content::collect(platform, body, limit).await?;
    call.headers.remove(TRAILER);
    Ok(())
}

/// Signs `call` by the gateway's own key, with the digest of its content where that is asked for: all of it has to be there then.
async fn sign_message<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    signer: &MessageSigner,
    (call, scheme, uri): (&mut Call, Scheme, &Uri),
    (body, limit): (&mut Body<P::Stream>, u64),
) -> Result<(), Reject> {
    if signer.digest.is_some() {
        collect(platform, call, body, limit.min(signer.limit)).await?;
    }
    let content = match body {
        Body::Full(content) => &**content,
        Body::Empty | Body::Stream(_) => &[],
    };
    let mut nonce = [0; 16];
    if signer.nonce && platform.fill_secret(&mut nonce).is_err() {
        return Err(unsigned(exchange, "the platform has no random numbers"));
    }
    let nonce = signer.nonce.then_some(nonce);
    let Call { method, headers, .. } = call;
    let begun = signer.begin(method, (scheme, uri), headers, content, (platform.now(), nonce));
    let begun = begun.ok_or_else(Reject::bad_header)?;
    exchange.note(|| Event::Policy { policy: "credentials", verdict: begun.told() });
    let Ok(signature) = platform.sign(&signer.key, begun.base.as_bytes()).await else {
        return Err(unsigned(exchange, "the platform can't sign by the key"));
    };
    signer.end(&begun, &signature, headers).ok_or_else(Reject::internal)
}

/// The answer where a request can't be signed, for this `reason`.
fn unsigned(exchange: &mut Exchange<'_, '_>, reason: &str) -> Reject {
    if let Some(facts) = &mut exchange.record.facts {
        facts.upstream_auth = Some(reason.into());
    }
    Reject::credentials_unavailable()
}

/// Sends a request `again` that `begun` and whose `answer` is 401, with a new token (RFC 6750 §3.1). Returns the answer that counts.
pub(super) async fn send_again<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (target, upstream, endpoint): (&Target, &Upstream, &Chosen<'_>),
    ((again, call), begun): ((Box<Again<'_>>, &mut Call), Duration),
    answer: Response<Body<P::Stream>>,
) -> Result<Response<Body<P::Stream>>, IoError> {
    let Again { source, token, than, method, uri, headers, content } = *again;
    let Some(token) = access_token::newer(exchange, platform, source, (&token, than)).await else { return Ok(answer) };
    // Nobody reads it: its connection is let go.
    drop(answer);
    (call.method, call.headers) = (method, headers);
    header_edit::apply(&token, call);
    exchange
        .note(|| Event::Policy { policy: "credentials", verdict: "sent again with a new token, after 401".to_owned() });
    exchange.state.sent(endpoint);
    let Call { method, headers, .. } = call;
    let body = if content.is_empty() { Body::Empty } else { Body::Full(content) };
    let elapsed = platform.monotonic().saturating_sub(begun).saturating_add(exchange.spent());
    let stated = time_left::of(target.deadlines, headers);
    let deadlines = attempts::deadlines(stated, upstream.cluster.as_deref(), elapsed);
    // It is rare: no adapter need know the answer's head beforehand.
    let repeat = attempts::repeat(exchange.state, upstream);
    let mut sent =
        UpstreamCall { upstream, endpoint, method, uri, headers, body, deadlines, repeat, known_edits: None };
    let answer = platform.fetch(&mut sent).await;
    if sent.repeat.is_made() {
        attempts::repeated(exchange, endpoint);
    }
    answer
}

/// Asks for another token than the one with which a request was sent whose answer is 401. Returns whether there is one.
pub(super) async fn renew<P: Platform>(exchange: &mut Exchange<'_, '_>, platform: &P, again: &Again<'_>) -> bool {
    access_token::newer(exchange, platform, again.source, (&again.token, again.than)).await.is_some()
}

/// Takes an `answer` out that says that the credentials are not taken (RFC 9110 §15.5.2).
pub(super) fn take_refused<S>(answer: &mut Result<Response<Body<S>>, IoError>) -> Option<Response<Body<S>>> {
    let response = answer.as_mut().ok().filter(|response| response.status() == StatusCode::UNAUTHORIZED)?;
    Some(core::mem::replace(response, Response::new(Body::Empty)))
}

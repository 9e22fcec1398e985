//! WebSockets: the handshake on its way to an upstream, and the answer on its way back.

use http::header::{CONTENT_LENGTH, TE};
use http::{HeaderValue, Response, Uri, Version};

use super::attempts;
use super::back::{failed, pass_back};
use super::exchange::Exchange;
use super::reverse::{self, Way};
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::http::{hop_by_hop, websocket};
use crate::io::IoErrorKind;
use crate::known_edits::respond;
use crate::outcome::Reply;
use crate::plan::Proxy;
use crate::ports::{Handshake, Platform, Repeat, UpstreamCall};

/// Returns whether `call`, received as `version`, opens a WebSocket. It needs the connection's fields: call it before
/// they are removed.
///
/// # Errors
/// When the route takes no WebSockets, or the handshake is malformed. An ordinary answer would look like an upstream
/// that declines (RFC 6455 §4.2.2).
pub(super) fn is_opened_by<S>(
    call: &Call,
    version: Version,
    body: &Body<S>,
    action: &Proxy,
) -> Result<bool, Box<Reject>> {
    let is_requested = websocket::is_requested(version, &call.headers);
    if action.web_socket.is_none() && (is_requested || websocket::has_key(version, &call.headers)) {
        return Err(Box::new(Reject::websocket_not_implemented()));
    }
    if is_requested {
        websocket::check(&call.method, &call.headers, !body.is_empty()).map_err(|fault| Box::new(fault.into()))?;
    }
    Ok(is_requested)
}

/// Adds the fields that open the WebSocket at the next hop.
pub(super) fn prepare(call: &mut Call) {
    // `Connection` is set to `Upgrade` and no longer names `TE`; a tunnel's response has no trailers anyway.
    call.headers.remove(TE);
    websocket::switch(&mut call.headers);
}

/// Sends a handshake for `call` this `way`, and passes the answer back with the target's edits, of which templates are `filled`.
pub(super) async fn open<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    (way, call): (&Way<'_>, &mut Call),
    (uri, body): (Uri, Body<P::Stream>),
    filled: &[Option<HeaderValue>],
) -> Result<Reply<P>, Reject> {
    let Way { upstream, endpoint, target, .. } = *way;
    // It has a connection of its own, which nobody has kept.
    let (deadlines, repeat, known_edits) = (target.deadlines, Repeat::none(), None);
    let Call { method, headers, .. } = &mut *call;
    let mut sent = UpstreamCall { upstream, endpoint, method, uri, headers, body, deadlines, repeat, known_edits };
    let begun = platform.monotonic();
    let answer = platform.open_socket(&mut sent).await;
    let status = answer.as_ref().ok().map(|handshake| match handshake {
        Handshake::Declined(response) => response.status(),
        Handshake::Opened(response, _) => response.status(),
    });
    let outcome = answer.as_ref().map(|_| status.unwrap_or_default()).map_err(|error| *error);
    attempts::note(exchange, platform, (upstream, endpoint), begun, outcome);
    exchange.record.answered(status, platform);
    let answer = answer.map_err(|error| failed(exchange, error.kind))?;
    match answer {
        Handshake::Declined(mut response) => {
            let survey = pass_back(exchange, &mut response, false)?;
            reverse::rewrite(way, call, &mut response, survey);
            respond(&target.response, filled, response.headers_mut());
            Ok(Reply::Http(response))
        }
        Handshake::Opened(mut response, socket) => {
            open_back(exchange, &mut response);
            respond(&target.response, filled, response.headers_mut());
            Ok(Reply::Upgrade(response, socket))
        }
    }
}

/// Returns the answer to an extended CONNECT whose exchange came to `reply`. There any 2xx opens the socket (RFC 8441 §5, RFC 9110
/// §9.3.6), so a success of another kind can't be told.
///
/// # Errors
/// When `reply` is such a success: an upstream's that declined, or that of a route without one.
pub(super) fn answer_connect<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    reply: Reply<P>,
) -> Result<Reply<P>, Reject> {
    let Reply::Http(response) = &reply else { return Ok(reply) };
    if !response.status().is_success() {
        return Ok(reply);
    }
    if exchange.record.upstream.is_some() {
        return Err(failed(exchange, IoErrorKind::Protocol).with_detail("the upstream did not open the WebSocket"));
    }
    Err(Reject::websocket_not_implemented())
}

/// Prepares the head of a 101 for the client.
fn open_back(exchange: &Exchange<'_, '_>, response: &mut Response<()>) {
    let version = core::mem::take(response.version_mut());
    let headers = response.headers_mut();
    hop_by_hop::strip_response(headers);
    // RFC 9110 §8.6: a 1xx has no Content-Length.
    headers.remove(CONTENT_LENGTH);
    exchange.plan.loop_guard.stamp_response(headers, version);
    websocket::switch(headers);
}

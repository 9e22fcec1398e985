//! The way of an upstream's answer back to the client, for ordinary responses and WebSockets alike.

use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};

use super::exchange::Exchange;
use crate::body::Body;
use crate::error::Reject;
use crate::http::response_survey::ResponseSurvey;
use crate::http::{framing, hop_by_hop, proxy_status};
use crate::io::IoErrorKind;

/// Rejects a request whose exchange with the upstream failed with `kind`.
pub(super) fn failed(exchange: &mut Exchange<'_, '_>, kind: IoErrorKind) -> Reject {
    exchange.record.cause = Some(proxy_status::error_type(kind));
    exchange.rare().failed = Some(kind);
    proxy_status::reject_for(kind, exchange.plan.loop_guard.name())
}

/// Prepares an upstream's response for the client. Returns what there is for other rules.
pub(super) fn pass_back<S>(
    exchange: &mut Exchange<'_, '_>,
    response: &mut Response<Body<S>>,
    is_head: bool,
) -> Result<ResponseSurvey, Reject> {
    // Above 599 there are no statuses (RFC 9110 §15), and not every platform could send one on. Of those below 200 only 101
    // can end up here: the `Upgrade` that it could answer was never sent on.
    if !(200..=599).contains(&response.status().as_u16()) {
        return Err(failed(exchange, IoErrorKind::Protocol));
    }
    let status = response.status();
    let survey = ResponseSurvey::of(response.headers());
    if !survey.is_settled(status) {
        framing::settle(status, response.headers_mut()).map_err(|_| failed(exchange, IoErrorKind::Protocol))?;
    }
    hop_by_hop::strip(response.headers_mut(), survey.hop_by_hop());
    // The version is that of the upstream's connection (RFC 9110 §2.5), for `Via`. The adapter sets the client's.
    let version = core::mem::take(response.version_mut());
    exchange.plan.loop_guard.stamp_response(response.headers_mut(), version);
    if status == StatusCode::RESET_CONTENT {
        // A 205 has no content (RFC 9110 §15.3.6), and not every platform would send one with content.
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::Empty;
    } else if is_head {
        *response.body_mut() = Body::Empty;
    }
    Ok(survey)
}

//! The last phases of every response, from an upstream or from the gateway itself.

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::exchange::{Exchange, Private};
use super::login;
use crate::call::Call;
use crate::http::request_id::X_REQUEST_ID;
use crate::known_edits::respond;
use crate::plan::ResponseStep;
use crate::policy::header_edit;
use crate::time::Clock;
use crate::trace::Event;

/// Fills the templates of the response steps, in order, while the request is still there.
pub(super) fn fill(steps: &[ResponseStep], call: &Call) -> Vec<Option<HeaderValue>> {
    let mut filled = Vec::new();
    for step in steps {
        match step {
            ResponseStep::EditHeaders(edits) => filled.extend(header_edit::fill_for_response(edits, call)),
        }
    }
    filled
}

pub(super) fn finish<B>(
    exchange: &mut Exchange<'_, '_>,
    clock: &impl Clock,
    response: &mut Response<B>,
    id: HeaderValue,
) {
    exchange.record.status = Some(response.status());
    finish_fields(exchange, response.headers_mut());
    if let Some(private) = exchange.private.take() {
        keep_private(*private, clock, response.headers_mut());
    }
    if let Some(cors) = exchange.cors {
        cors.apply(exchange.origin.as_ref(), response.headers_mut());
    }
    response.headers_mut().insert(X_REQUEST_ID, id);
}

fn finish_fields(exchange: &mut Exchange<'_, '_>, headers: &mut HeaderMap) {
    if let Some(route) = exchange.route {
        if !route.response.is_empty() {
            respond(&route.response, &exchange.filled, headers);
            exchange.note(|| Event::ResponseEdited { edits: edits(&route.response), upstream: None });
        }
        for (limit, verdict) in &exchange.verdicts {
            limit.apply(verdict, headers);
        }
    }
}

/// Fields by which single caches go before `Cache-Control`, and whose names do not tell.
const TARGETED: [&str; 3] = ["surrogate-control", "edge-control", "x-accel-expires"];

/// Has shared caches leave a response alone, whatever else it allows (RFC 6750 §2.3): of directives that contradict each other the most
/// restrictive one holds (RFC 9111 §4.2.1).
#[cold]
#[inline(never)]
fn keep_private(private: Private, clock: &impl Clock, headers: &mut HeaderMap) {
    // Somebody who has logged out meanwhile is not logged in again.
    if !private.session.is_some_and(|watch| login::has_ended(&watch, clock)) {
        for cookie in private.cookies {
            headers.append(SET_COOKIE, cookie);
        }
    }
    // RFC 9213 §2.2: whoever has a field of its own goes by that, whatever `Cache-Control` says.
    let is_for_some = |name: &&HeaderName| {
        let name = name.as_str();
        name != CACHE_CONTROL && (name.ends_with("-cache-control") || TARGETED.contains(&name))
    };
    let targeted: Vec<HeaderName> = headers.keys().filter(is_for_some).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    let is_stated = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        let mut directives = text.split(',').map(str::trim);
        directives.any(|one| one.eq_ignore_ascii_case("private") || one.eq_ignore_ascii_case("no-store"))
    };
    if !headers.get_all(CACHE_CONTROL).iter().any(is_stated) {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// The number of edits in `steps`.
pub(super) fn edits(steps: &[ResponseStep]) -> usize {
    steps
        .iter()
        .map(|step| match step {
            ResponseStep::EditHeaders(edits) => edits.len(),
        })
        .sum()
}

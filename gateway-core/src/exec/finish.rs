//! The last phases of every response, from an upstream or from the gateway itself.

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::exchange::{Exchange, Private};
use super::login;
use crate::call::Call;
use crate::http::proxy_status::PROXY_STATUS;
use crate::http::request_id::X_REQUEST_ID;
use crate::known_edits::respond;
use crate::plan::ResponseStep;
use crate::policy::{header_edit, rate_limit};
use crate::time::Clock;
use crate::trace::Event;

/// Fills the templates of the response steps, in order, while the request is still there.
pub(super) fn fill(steps: &[ResponseStep], call: &Call) -> Vec<Option<HeaderValue>> {
    let mut filled = Vec::new();
    for step in steps {
        filled.extend(header_edit::fill_for_response(step.headers(), call));
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
    if let Some(told) = exchange.rare.as_mut().and_then(|rare| rare.fallback.told.take()) {
        response.headers_mut().append(PROXY_STATUS, told);
    }
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
            respond(&route.response, exchange.filled(), headers);
            let count = edits(&route.response);
            if count > 0 {
                exchange.note(|| Event::ResponseEdited { edits: count, upstream: None });
            }
        }
        rate_limit::tell(&exchange.standings, headers);
        if let (Some(version), Some(of)) = (&route.version, exchange.rare.as_mut().and_then(|rare| rare.version.take()))
        {
            version.tell(headers, of.is_by_field, of.successor);
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
    let has = |headers: &HeaderMap, is: &dyn Fn(&str) -> bool| {
        headers.get_all(CACHE_CONTROL).iter().any(|line| directives(line.to_str().unwrap_or_default()).any(is))
    };
    // Some caches read the first line alone, or go by `s-maxage` before all else.
    if has(headers, &is_for_shared) {
        let lines: Vec<HeaderValue> = headers.get_all(CACHE_CONTROL).iter().cloned().collect();
        headers.remove(CACHE_CONTROL);
        for line in lines {
            let kept = match line.to_str() {
                Ok(text) => directives(text).filter(|one| !is_for_shared(one)).collect::<Vec<_>>().join(", "),
                Err(_) => continue,
            };
            if let Some(kept) = HeaderValue::try_from(kept).ok().filter(|kept| !kept.is_empty()) {
                headers.append(CACHE_CONTROL, kept);
            }
        }
    }
    if !has(headers, &|one| one.eq_ignore_ascii_case("private") || one.eq_ignore_ascii_case("no-store")) {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// The directives of a line of `Cache-Control` (RFC 9111 §5.2). A comma in a value in quotes is none between two.
fn directives(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let is_end = move |character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    };
    line.split(is_end).map(str::trim)
}

/// Returns whether a directive lets shared caches have a response (RFC 9111 §5.2.2.9, §5.2.2.10).
fn is_for_shared(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case("public") || name.eq_ignore_ascii_case("s-maxage")
}

/// The number of edits in `steps`.
pub(super) fn edits(steps: &[ResponseStep]) -> usize {
    steps.iter().map(|step| step.headers().len()).sum()
}

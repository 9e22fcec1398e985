//! Answers to OPTIONS: preflights, and the methods that are allowed.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW};
use http::{HeaderValue, Method, Response, StatusCode};

use super::exchange::Exchange;
use super::local::empty;
use crate::body::Body;
use crate::policy::cors;
use crate::route::{Found, Lookup, MethodSet};
use crate::trace::{self, Event, Sought};

/// Answers a preflight if the route for the announced request has cross-origin rules. Where no route takes the
/// announced method, the highest-ranked route that takes everything else decides.
pub(super) fn preflight<S>(exchange: &mut Exchange<'_, '_>, lookup: &Lookup<'_, '_>) -> Option<Response<Body<S>>> {
    let plan = exchange.plan;
    let announced = lookup.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let announced = Method::from_bytes(announced.as_bytes()).ok()?;
    let lookup = Lookup { method: &announced, ..*lookup };
    exchange.note(|| Sought::of(&lookup, true));
    let found = plan.table.find_ignoring_headers(&lookup);
    let (Found::Route { route, .. } | Found::MethodNotAllowed { route, .. }) = found else { return None };
    let cors = plan.routes.get(route)?.cors.as_ref()?;
    exchange.record.route = Some(route);
    let parameters = match &found {
        Found::Route { spec, params, .. } => trace::parameters(plan, *spec, params, lookup.path),
        _ => Vec::new(),
    };
    exchange.note(|| Event::Preflight { route, parameters });
    // The answer is complete: the usual cross-origin fields would replace its own.
    exchange.cors = None;
    Some(match found {
        Found::MethodNotAllowed { allow, .. } => {
            let mut response = response(&plan.table.methods().list(allow));
            cors::vary_on_preflight(response.headers_mut());
            response
        }
        _ => cors.preflight(lookup.headers),
    })
}

/// Answers OPTIONS where no route takes it.
pub(super) fn answer<S>(exchange: &mut Exchange<'_, '_>, allow: MethodSet) -> Response<Body<S>> {
    exchange.note(|| Event::Options);
    response(&exchange.plan.table.methods().list(allow))
}

/// The answer to OPTIONS (RFC 9110 §9.3.7).
fn response<S>(allow: &str) -> Response<Body<S>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, self::allow(allow));
    response
}

/// The value of `Allow`.
pub(super) fn allow(methods: &str) -> HeaderValue {
    HeaderValue::from_str(methods).unwrap_or_else(|_| HeaderValue::from_static(""))
}

//! The answers of the admin endpoints.

mod change;
mod endpoints;
mod flag;
mod host;
mod key;
mod open_metrics;
mod purge;
mod registry;
mod revocation;
mod rollouts;
mod snapshot;
mod versions;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

pub(crate) use self::change::Change;
pub(crate) use self::endpoints::Flag;
pub(crate) use self::flag::flag_content;
pub(crate) use self::host::check_host;
pub(crate) use self::purge::{Ended, Purge};
pub(crate) use self::registry::{Service, place, service, services};
pub(crate) use self::revocation::{Revocation, RevocationChange};
pub(crate) use self::rollouts::{rollout, rollout_content, rollouts};
use self::snapshot::Snapshot;
use crate::admin::{Endpoint, Way};
use crate::body::Body;
use crate::error::Reject;
use crate::plan::Plan;
use crate::policy::api_key::{Entry, KeyDigest};
use crate::ports::Platform;
use crate::state::State;

/// Answers a request for an endpoint, or names the store calls that the answer needs.
///
/// # Errors
/// 404 where there is no endpoint, 405 where it does not take the method; for flags also 403 and 413.
pub(crate) fn answer<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    asked: &Asked<'_>,
) -> Result<Answer<P::Stream>, Reject> {
    let admin = plan.admin.as_ref().ok_or_else(Reject::endpoint_not_found)?;
    // Whoever is behind this gateway is not from here, whatever led there.
    if asked.way != Way::Door && plan.loop_guard.has_marked(asked.headers) {
        return Err(Reject::not_from_here()
            .with_detail("what has come through this gateway takes the token and the path of `admin`"));
    }
    let (endpoint, name) = admin.find(asked.path).ok_or_else(Reject::endpoint_not_found)?;
    match (asked.method, endpoint) {
        (&Method::PUT, Endpoint::Purges) => {}
        (&(Method::GET | Method::HEAD), _) if endpoint != Endpoint::Purges => {}
        (&(Method::PUT | Method::DELETE), _) if endpoint.is_changeable() => {}
        (&Method::OPTIONS, _) => return Ok(Answer::Response(options(endpoint))),
        _ => return Err(Reject::method_not_allowed(endpoint.methods())),
    }
    let report = match endpoint {
        Endpoint::Live => endpoints::live(),
        Endpoint::Ready => endpoints::ready(platform),
        Endpoint::Version => endpoints::version::<P>(plan),
        Endpoint::Upstreams => endpoints::upstreams(plan, state, platform),
        Endpoint::Metrics => {
            if state.metrics().is_none() {
                return Err(Reject::endpoint_not_found());
            }
            endpoints::metrics(Snapshot::of(plan, platform, state), asked.headers)
        }
        Endpoint::Versions => {
            if state.metrics().is_none() {
                return Err(Reject::endpoint_not_found());
            }
            versions::versions(plan, &Snapshot::of(plan, platform, state))
        }
        Endpoint::Flags => return Ok(Answer::Flags),
        Endpoint::Flag => return flag::answer(plan, name, asked),
        Endpoint::Rollouts => return Ok(Answer::Rollouts),
        Endpoint::Rollout => return rollouts::answer(plan, name, asked),
        Endpoint::Registry => return Ok(Answer::Registry),
        Endpoint::Registered => return registry::answer(plan, name, asked),
        Endpoint::Key => return key::answer(plan, name, asked),
        Endpoint::Purges => {
            Change::of(asked)?;
            return if plan.caches { Ok(Answer::Purge) } else { Err(purge::no_cache()) };
        }
        Endpoint::Revocation => return revocation::answer(plan, name, asked),
    };
    Ok(Answer::Response(report.into_response(asked.is_head())))
}

/// A request for an endpoint.
pub(crate) struct Asked<'r> {
    /// The path of the endpoint.
    pub(crate) path: &'r str,
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
    /// Set if the request has content, as far as that is known from anything but `Content-Length` and its body.
    pub(crate) has_content: bool,
    pub(crate) way: Way,
}

impl Asked<'_> {
    pub(crate) fn is_head(&self) -> bool {
        *self.method == Method::HEAD
    }
}

/// The answer of an endpoint, or the key-value store calls that it needs.
pub(crate) enum Answer<S> {
    /// This response.
    Response(Response<Body<S>>),
    /// Read all flags, and report them.
    Flags,
    /// Apply this change to the flag at this index in [`Plan::flags`], and report the flag.
    Flag(usize, Change),
    /// Apply this change to the API key of this digest, and report its entry.
    Key(KeyDigest, Change),
    /// Look into the store for all roll-outs, and report them.
    Rollouts,
    /// Apply this change to the roll-out of the route with this index in [`Plan::routes`], and report it.
    Rollout(usize, Change),
    /// Read the entries of all services, and report them.
    Registry,
    /// Apply this change to a place of the service at this index in [`Plan::registered`], and report it, or the service.
    Registered(usize, Option<String>, Change),
    /// Purge stored responses.
    Purge,
    /// Apply this change to a list of revoked tokens, and report the entry.
    Revocation(RevocationChange),
}

/// The answer of an endpoint.
struct Report {
    status: StatusCode,
    media_type: &'static str,
    content: Vec<u8>,
}

impl Report {
    /// The response, which no cache may store; without content for a HEAD request (RFC 9110 §9.3.2).
    fn into_response<S>(self, is_head: bool) -> Response<Body<S>> {
        let mut response = empty(self.status);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.content.len()));
        if !is_head {
            *response.body_mut() = Body::Full(self.content.into());
        }
        response
    }
}

/// The answer that reports all `flags` of a configuration.
pub(crate) fn flags<S>(flags: Vec<Flag<'_>>, is_head: bool) -> Response<Body<S>> {
    endpoints::flags(flags).into_response(is_head)
}

/// The answer that reports one `flag`.
pub(crate) fn flag<S>(flag: &Flag<'_>, is_head: bool) -> Response<Body<S>> {
    endpoints::flag(flag).into_response(is_head)
}

/// The answer that reports an entry of a list of revoked tokens.
pub(crate) fn revocation<S>(entry: &Revocation, is_head: bool) -> Response<Body<S>> {
    endpoints::revocation(entry).into_response(is_head)
}

/// The answer that reports an API key.
pub(crate) fn key<S>(entry: &Entry, is_head: bool) -> Response<Body<S>> {
    endpoints::key(entry).into_response(is_head)
}

/// The answer that tells what a purge has come to.
pub(crate) fn purged<S>(ended: &Ended) -> Response<Body<S>> {
    endpoints::purged(ended).into_response(false)
}

/// The answer without content.
pub(crate) fn done<S>() -> Response<Body<S>> {
    empty(StatusCode::NO_CONTENT)
}

/// The answer to OPTIONS (RFC 9110 §9.3.7).
fn options<S>(endpoint: Endpoint) -> Response<Body<S>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, endpoint.methods());
    response
}

fn empty<S>(status: StatusCode) -> Response<Body<S>> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

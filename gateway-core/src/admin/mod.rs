//! The admin endpoints: what a gateway tells of itself to whoever runs it.
//!
//! They are reached in two ways. Under a path of the gateway's own a token is asked for; on a listener of its own, which
//! the native server has, nothing is.

mod door;
mod endpoint;
mod report;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

pub use self::door::{Door, Token};
use self::endpoint::{Endpoint, Endpoints};
use crate::body::Body;
use crate::error::Reject;
use crate::metrics::Snapshot;
use crate::plan::Plan;
use crate::ports::Platform;
use crate::state::State;

/// The methods that every endpoint takes.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The admin endpoints of a plan.
#[derive(Debug)]
pub struct Admin {
    endpoints: Endpoints,
    /// The way to them through the gateway's own listener, if there is one.
    pub door: Option<Door>,
}

impl Admin {
    /// The endpoints, to which `door` leads.
    pub(crate) fn new(door: Option<Door>) -> Self {
        Self { endpoints: Endpoints::new(), door }
    }

    /// The answer to what is asked.
    ///
    /// # Errors
    /// 404 where there is no endpoint, 405 where it does not take the method.
    pub(crate) fn answer<P: Platform>(
        &self,
        plan: &Plan,
        state: &State,
        platform: &P,
        asked: &Asked<'_>,
    ) -> Result<Response<Body<P::Stream>>, Reject> {
        let endpoint = self.endpoints.find(asked.path).ok_or_else(Reject::endpoint_not_found)?;
        match *asked.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(options()),
            _ => return Err(Reject::method_not_allowed(METHODS)),
        }
        let report = match endpoint {
            Endpoint::Live => report::live(),
            Endpoint::Ready => report::ready(platform),
            Endpoint::Version => report::version::<P>(plan),
            Endpoint::Upstreams => report::upstreams(plan, state, platform),
            Endpoint::Metrics => {
                let metrics = state.metrics().ok_or_else(Reject::endpoint_not_found)?;
                report::metrics(Snapshot::of(plan, platform, metrics), asked.headers)
            }
        };
        Ok(report.into_response(*asked.method == Method::HEAD))
    }
}

/// A request for an endpoint.
pub(crate) struct Asked<'r> {
    /// The path of the endpoint.
    pub(crate) path: &'r str,
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
}

/// The answer of an endpoint.
struct Report {
    status: StatusCode,
    media_type: &'static str,
    content: Vec<u8>,
}

impl Report {
    /// The response, which no cache stores; without content for a HEAD request (RFC 9110 §9.3.2).
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

/// The answer to OPTIONS (RFC 9110 §9.3.7).
fn options<S>() -> Response<Body<S>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, METHODS);
    response
}

fn empty<S>(status: StatusCode) -> Response<Body<S>> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

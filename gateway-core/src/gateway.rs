//! The gateway: a plan on a platform.

use std::sync::Arc;

use http::{Request, Response};

use crate::body::Body;
use crate::exec;
use crate::plan::Plan;
use crate::ports::{Peer, Platform};
use crate::trace::Trace;

/// A plan on a platform.
#[derive(Debug)]
pub struct Gateway<P> {
    plan: Arc<Plan>,
    platform: P,
}

/// The answer to a request, and what is known about how it came to be.
#[derive(Debug)]
pub struct Outcome<S> {
    /// What to send to the client.
    pub response: Response<Body<S>>,
    /// What to log about it.
    pub record: Record,
}

/// What the access log says of a request beyond what the adapter sees itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The place of the route in `Plan::routes`, unless none matched.
    pub route: Option<usize>,
    /// The place of the upstream in `Plan::upstreams`, unless none was called.
    pub upstream: Option<usize>,
    /// The stable code of the error, if the gateway made the response because of one.
    pub error: Option<&'static str>,
    /// The client's address as `trustedProxies` yields it, unless the request was refused before that was asked.
    pub client: Option<std::net::IpAddr>,
    /// The request's identifier, as sent in `X-Request-Id`.
    pub request_id: http::HeaderValue,
}

impl<P: Platform> Gateway<P> {
    /// A gateway that runs `plan` on `platform`.
    pub fn new(plan: Arc<Plan>, platform: P) -> Self {
        Self { plan, platform }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Answers `request`. Its URI is in origin form (or absolute, or `*`), exactly as the client sent it.
    ///
    /// Never fails: what goes wrong becomes a problem (RFC 9457). Dropping the future cancels the upstream exchange.
    // No `async fn`: each layer of those copies the whole state of the next, some kilobytes, twice.
    pub fn handle(&self, request: Request<Body<P::Stream>>, peer: Peer) -> impl Future<Output = Outcome<P::Stream>> {
        exec::run(&self.plan, &self.platform, request, peer, None)
    }

    /// Answers `request` as [`handle`](Self::handle) does, and tells `trace` every step.
    pub async fn handle_traced(
        &self,
        request: Request<Body<P::Stream>>,
        peer: Peer,
        trace: &mut Trace,
    ) -> Outcome<P::Stream> {
        exec::run(&self.plan, &self.platform, request, peer, Some(trace)).await
    }
}

//! Policies, by their members.

use serde::Deserialize;

use super::{
    Authenticate, Authorize, Cache, Clients, Compress, Concurrency, Cors, Csrf, Etag, Fault, Idempotency, Maintenance,
    Priority, RateLimit, RequestEdits, ResponseEdits, Security, Steer, Validate,
};

/// A policy in a list: the name of one under `policies`, or one in place.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum PolicyUse {
    /// One under `policies`.
    Named(String),
    /// One in place.
    Inline(Box<Policy>),
}

/// A set of changes to requests and responses besides routing. Each member may be absent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// Cross-origin rules; of several on one route, the last holds.
    pub cors: Option<Cors>,
    /// A time in which requests are refused with 503; of several on one route, every one holds.
    pub maintenance: Option<Maintenance>,
    /// A check of the origin of requests that change something; of several on one route, the last holds.
    pub csrf: Option<Csrf>,
    /// The clients that are let in, by their addresses; of several on one route, every one holds.
    pub clients: Option<Clients>,
    /// The proof of identity that requests need; of several on one route, the last holds. Without one, anybody may call.
    pub authenticate: Option<Authenticate>,
    /// A condition on who calls, once that is proved; of several on one route, every one holds.
    pub authorize: Option<Authorize>,
    /// A rate limit; of several on one route, every one holds.
    pub rate_limit: Option<RateLimit>,
    /// A limit on concurrency; of several on one route, every one holds.
    pub concurrency: Option<Concurrency>,
    /// A fault on purpose; of several on one route, every one holds.
    pub fault: Option<Fault>,
    /// How much requests matter where an upstream with `load` has too much to do; of several on one route, the last holds. Default: `default`.
    pub priority: Option<Priority>,
    /// Other upstreams for some of the callers, the first whose condition is met; of several lists on one route, the last holds, and an
    /// empty one leaves all to the route.
    pub steer: Option<Vec<Steer>>,
    /// A check of the content of requests; of several on one route, the last holds.
    pub validate: Option<Validate>,
    /// Idempotency keys: a request that is sent again gets the answer to the first; of several on one route, the last holds.
    pub idempotency: Option<Idempotency>,
    /// A cache of responses; of several on one route, the last holds.
    pub cache: Option<Cache>,
    /// Edits of requests on their way to the upstream.
    pub request: Option<RequestEdits>,
    /// The fields by which responses tell browsers to be careful; of several on one route, the last holds.
    pub security: Option<Security>,
    /// Edits of responses on their way to the client, also of those that the gateway makes itself.
    pub response: Option<ResponseEdits>,
    /// Entity tags for responses that have none; of several on one route, the last holds.
    pub etag: Option<Etag>,
    /// The compression of responses; of several on one route, the last holds.
    pub compress: Option<Compress>,
}

//! Routes, the groups of them, and what holds for all.

use serde::Deserialize;

use super::{
    Aggregate, Batch, Fallback, HostPolicy, KeyValueEntry, Matches, Mirror, OpenApi, PolicyUse, Redirect, Respond,
    Rewrite, Rollout, Target, Timeouts, Versions, WebSocket,
};
use crate::config::ByteSize;

/// Settings for every route, unless its API or the route itself says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Defaults {
    /// Policies, applied in this order before an API's and a route's own.
    pub policies: Vec<PolicyUse>,
    /// Deadlines, where nothing nearer to the route states any.
    pub timeouts: Timeouts,
    /// The `Host` of requests to upstreams that state none.
    pub host: Option<HostPolicy>,
}

/// The choice between two routes that rank the same and could take the same request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Ties {
    /// None: the configuration is refused.
    #[default]
    Refuse,
    /// The one that comes first in the file; those of `apis` come before those of `routes`.
    First,
}

/// A group of routes that share a host, a path prefix and settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// Its name; its routes are called `name/route`.
    pub name: String,
    /// The hosts of its routes, unless a route states its own.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The prefix of each of its routes' paths.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The upstream of its routes, unless a route states its own action.
    #[serde(default)]
    pub upstream: Option<String>,
    /// The choice between two routes that rank the same, for its routes. Default: that of the whole file.
    #[serde(default)]
    pub ties: Option<Ties>,
    /// Policies, applied after `defaults.policies` and before a route's own.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
    /// Deadlines of its routes.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Its description, by which requests and responses are checked. Default: it has none.
    #[serde(default)]
    pub openapi: Option<Box<OpenApi>>,
    /// Its versions. Default: it has none.
    #[serde(default)]
    pub versions: Option<Box<Versions>>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route: a choice of requests, and the action for them.
///
/// A route has exactly one action: `upstream`, `split`, `redirect`, `respond`, `keyValue`, `aggregate` or `batch`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Its name, in logs and messages; unique in its API or among the routes outside any.
    pub name: String,
    /// The requests that it takes; of a list, those that any of its members takes.
    #[serde(default, rename = "match")]
    pub matches: Matches,
    /// Send the request to this upstream.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Send the request to one of these upstreams, by weight.
    #[serde(default)]
    pub split: Vec<Target>,
    /// Have the shares of `split` change by how one of its two upstreams does.
    #[serde(default)]
    pub rollout: Option<Box<Rollout>>,
    /// Send copies of the request to these upstreams as well.
    #[serde(default)]
    pub mirror: Vec<Mirror>,
    /// Answer with a redirect.
    #[serde(default)]
    pub redirect: Option<Box<Redirect>>,
    /// Answer with a fixed response.
    #[serde(default)]
    pub respond: Option<Box<Respond>>,
    /// Serve a value from the key-value store.
    #[serde(default)]
    pub key_value: Option<Box<KeyValueEntry>>,
    /// Answer with what several upstreams are asked for.
    #[serde(default)]
    pub aggregate: Option<Box<Aggregate>>,
    /// Several requests in one.
    #[serde(default)]
    pub batch: Option<Batch>,
    /// Change the path or host that the upstream is sent.
    #[serde(default)]
    pub rewrite: Option<Box<Rewrite>>,
    /// What comes next where the upstream fails, in this order.
    #[serde(default)]
    pub fallback: Vec<Fallback>,
    /// Policies, applied after those of `defaults` and of the API.
    #[serde(default)]
    pub policies: Vec<PolicyUse>,
    /// Deadlines of this route.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The largest request body, instead of `limits.bodyBytes`.
    #[serde(default)]
    pub body_bytes: Option<ByteSize>,
    /// Takes WebSockets on a route to an upstream, or limits their time. Default: `true`, where the platform can.
    #[serde(default)]
    pub web_socket: Option<WebSocket>,
    /// The versions of its API that have the route: a name, `>=2`, `<3` or `1-3` each. Default: all of them.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Logs its exchanges in the access log. Default: true.
    #[serde(default)]
    pub access_log: Option<bool>,
}

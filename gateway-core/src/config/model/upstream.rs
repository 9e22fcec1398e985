//! The services behind the gateway.

use serde::Deserialize;

use super::{
    AdaptiveConcurrency, Balance, CircuitBreaker, Discover, Health, Retry, Timeouts, UpstreamCredentials,
    UpstreamTarget, UpstreamTls,
};
use crate::config::Span;

/// A service behind the gateway.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// Its URL: `http://host:port/base/path` or `https://…`; natively also a Unix socket, `unix:/run/app.sock:/base/path`.
    #[serde(default)]
    pub url: Option<String>,
    /// Its URLs, if several places answer alike: `targets` that say nothing else.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The places that answer alike, with their weights and priorities.
    #[serde(default)]
    pub targets: Vec<UpstreamTarget>,
    /// The source that tells where its places are. Others that are stated beside it hold until it has answered.
    #[serde(default)]
    pub discover: Option<Discover>,
    /// The way in which one of several places is chosen for a call. Default: `roundRobin`.
    #[serde(default)]
    pub balance: Option<Balance>,
    /// The health of its places.
    #[serde(default)]
    pub health: Health,
    /// The further attempts of a call that failed. Default: where there are several places, one of which nothing was sent goes to another.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// The calls that are not made while it fails. Default: none.
    #[serde(default)]
    pub breaker: Option<CircuitBreaker>,
    /// The most requests that wait for it at once, by how many it bears. Default: no limit.
    #[serde(default)]
    pub load: Option<AdaptiveConcurrency>,
    /// The `Host` of requests to it. Default: `upstream`.
    #[serde(default)]
    pub host: Option<HostPolicy>,
    /// The longest that each phase of a request to it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The names and certificates of TLS to it, beyond the public authorities. Native server only.
    #[serde(default)]
    pub tls: Option<UpstreamTls>,
    /// The credentials of the gateway itself for it.
    #[serde(default)]
    pub credentials: Option<UpstreamCredentials>,
    /// The field in which it is told how much of `timeouts.total` is left, in milliseconds. Default: none.
    #[serde(default)]
    pub deadline_header: Option<String>,
    /// Tells it of the client's certificate in `Client-Cert` (RFC 9440). Default: false.
    #[serde(default)]
    pub client_cert: Option<bool>,
    /// The Worker that it is on Cloudflare Workers, in place of its URL.
    #[serde(default)]
    pub cloudflare: Option<CloudflareUpstream>,
    /// The component that it is on Spin, in place of its URL.
    #[serde(default)]
    pub spin: Option<SpinUpstream>,
    /// The protocol spoken to it, if its choice is not left to TLS. Native server only.
    #[serde(default)]
    pub protocol: Option<UpstreamProtocol>,
    /// The connections to it. Native server only.
    #[serde(default)]
    pub connections: Option<UpstreamConnections>,
    /// The rewriting of its answers, where they name its own address.
    #[serde(default)]
    pub responses: Responses,
}

/// The `Host` of requests to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum HostPolicy {
    /// The authority of the upstream's URL.
    #[default]
    Upstream,
    /// The client's own.
    Preserve,
    /// This name.
    Set(String),
}

/// The rewriting of an upstream's answers, where they name its own address or the path that it was sent: to what the client
/// asked for.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Responses {
    /// Rewrites `Location` of redirects and of 201. Default: true.
    pub location: Option<bool>,
    /// Rewrites `Domain` and `Path` of `Set-Cookie`. Default: false.
    pub cookies: Option<bool>,
}

/// An upstream that is a Worker: the call reaches it without a network between.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudflareUpstream {
    /// The service binding that `wrangler.toml` declares under `services`.
    pub service: String,
}

/// An upstream that is a component of the same Spin application: the call reaches it without a network between.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpinUpstream {
    /// The component's name in `spin.toml`.
    pub component: String,
}

/// A protocol that is spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UpstreamProtocol {
    /// HTTP/2 in the clear, without asking first. Over TLS the two sides agree on it by themselves.
    H2c,
}

/// The connections to an upstream: those that are kept for further requests, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamConnections {
    /// The age from which one gets no more requests; `"0s"` means without limit. Default: `10m`.
    pub age: Option<Span>,
    /// The longest that one is kept without a request; `"0s"` means that none is. Default: `60s`.
    pub idle: Option<Span>,
    /// The most that each thread keeps so for each place. Default: 256.
    pub max_idle: Option<u32>,
    /// The requests after which one gets no more. Default: without limit.
    pub max_requests: Option<u32>,
    /// The most connections to each place at once, over all threads. Default: without limit.
    pub max: Option<u32>,
    /// The most requests that wait for one at once, where there are as many as there may be. Default: 1000.
    pub max_waiting: Option<u32>,
}

//! A service that decides who may call.

use serde::Deserialize;

use crate::config::Span;

/// The word of a service of your own, which is asked about each request: `forwardAuth` or `opa`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalProof {
    /// The upstream that is asked, by its name under `upstreams`.
    pub upstream: String,
    /// The path that is asked, with a query if it needs one: `/verify`, or `/v1/data/gateway/allow` of OPA.
    pub path: String,
    /// The way in which it is asked. Default: `forwardAuth`.
    #[serde(default)]
    pub protocol: Option<ExternalProtocol>,
    /// The header fields of the request that it is told. Default: none, so that it gets no credentials unless `authorization` and `cookie` are
    /// named.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The header fields of its answer that the upstream gets, in place of whatever the client states in them. Default: none.
    #[serde(default)]
    pub copy: Vec<String>,
    /// With `forwardAuth`, the header field of its answer that names a consumer. Default: none. The answer of OPA names one in `consumer`.
    #[serde(default)]
    pub consumer: Option<String>,
    /// The longest that it is waited for; up to `30s`. Default: `1s`.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// The time for which its leave is remembered, for requests that tell it the same; up to `60s`. Default: `0s`, and it is asked each time.
    #[serde(default)]
    pub cache_ttl: Option<Span>,
}

/// The way in which a service is asked who may call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ExternalProtocol {
    /// GET, with the request in `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`; 2xx lets it in. As `auth_request` of NGINX and
    /// `ForwardAuth` of Traefik.
    #[default]
    ForwardAuth,
    /// POST of `{"input": …}` as the data API of Open Policy Agent takes it; `{"result": true}` lets it in.
    Opa,
}

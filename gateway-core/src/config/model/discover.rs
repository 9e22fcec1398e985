//! The sources that tell where an upstream is.

use serde::Deserialize;

use super::{Scheme, SecretRef};
use crate::config::Span;

/// The source that tells where an upstream is: exactly one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Discover {
    /// The name servers.
    pub dns: Option<DnsSource>,
    /// Consul.
    pub consul: Option<ConsulSource>,
    /// Kubernetes.
    pub kubernetes: Option<KubernetesSource>,
    /// Eureka.
    pub eureka: Option<EurekaSource>,
    /// A service that answers with a list in JSON.
    pub list: Option<ListSource>,
    /// The registry in the key-value store, by the name under which places say that they are there.
    pub registry: Option<String>,
    /// The time after which the source is asked again; `1s` to `1h`. Default: `10s`; for DNS, the time that its answer states, from `5s` to `5m`.
    pub refresh: Option<Span>,
    /// The scheme of places of which the source tells no URL. Default: `http`.
    pub scheme: Option<Scheme>,
    /// The port of those of which the source tells none. Default: the scheme's own.
    pub port: Option<u16>,
    /// The path before that of each request: `/base`. Default: none.
    pub base_path: Option<String>,
}

impl Discover {
    /// The name of the upstream that is asked, if one is.
    pub(crate) fn asked(&self) -> Option<&str> {
        let Self { dns, consul, kubernetes, eureka, list, .. } = self;
        let by_name = dns.as_ref().and_then(|dns| dns.upstream.as_deref());
        by_name
            .or(consul.as_ref().map(|consul| &*consul.upstream))
            .or(kubernetes.as_ref().map(|kubernetes| &*kubernetes.upstream))
            .or(eureka.as_ref().map(|eureka| &*eureka.upstream))
            .or(list.as_ref().map(|list| &*list.upstream))
    }
}

/// A name in DNS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsSource {
    /// The name: `orders.internal`, or that of services: `_http._tcp.orders.internal`.
    pub name: String,
    /// The kind of records. Default: `SRV` for a name that begins with `_`, else `A`.
    #[serde(default)]
    pub record: Option<DnsRecord>,
    /// The address of the name server that is asked: `127.0.0.1:8600`. Default: those of the system. Native server only.
    #[serde(default)]
    pub server: Option<String>,
    /// The upstream that is asked over HTTPS (RFC 8484). Default: name servers are asked.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Its path. Default: `/dns-query`.
    #[serde(default)]
    pub path: Option<String>,
}

/// A kind of records in DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DnsRecord {
    /// Addresses of IPv4 (RFC 1035).
    A,
    /// Addresses of IPv6 (RFC 3596).
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Services: hosts with ports, priorities and weights (RFC 2782).
    #[serde(rename = "SRV")]
    Srv,
}

/// A service in Consul.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsulSource {
    /// The upstream that is Consul's agent.
    pub upstream: String,
    /// The service's name.
    pub service: String,
    /// The tag that an instance has to have.
    #[serde(default)]
    pub tag: Option<String>,
    /// The datacenter. Default: that of the agent.
    #[serde(default)]
    pub datacenter: Option<String>,
    /// The token that may read the service.
    #[serde(default)]
    pub token: Option<SecretRef>,
}

/// A service in Kubernetes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesSource {
    /// The upstream that is the API server.
    pub upstream: String,
    /// The service's name.
    pub service: String,
    /// Its namespace. Default: `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The name or the number of its port. Default: the first one.
    #[serde(default)]
    pub port: Option<ServicePort>,
    /// The token that may list its EndpointSlices.
    #[serde(default)]
    pub token: Option<SecretRef>,
}

/// The port of a service in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ServicePort {
    /// Its number at the endpoints.
    Number(u16),
    /// Its name.
    Name(String),
}

/// An application in Eureka.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EurekaSource {
    /// The upstream that is the Eureka server.
    pub upstream: String,
    /// The application's name.
    pub app: String,
    /// The path of the server's operations. Default: `/eureka`.
    #[serde(default)]
    pub path: Option<String>,
}

/// A list of places in JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListSource {
    /// The upstream that answers with the list.
    pub upstream: String,
    /// The path of the list.
    pub path: String,
    /// The place of the list in the answer (RFC 6901): `/data/nodes`. Default: the answer is the list.
    #[serde(default)]
    pub pointer: Option<String>,
    /// The token that may read it (RFC 6750).
    #[serde(default)]
    pub token: Option<SecretRef>,
}

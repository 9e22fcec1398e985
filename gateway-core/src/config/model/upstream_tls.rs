//! The settings of TLS to upstreams.

use serde::Deserialize;

/// TLS to an upstream: the check of its certificate, and the certificate that it is shown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// A PEM file with the authorities to trust instead of the public ones.
    pub authorities: Option<String>,
    /// The name that is asked for (SNI) and that its certificate has to cover. Default: the host of its URL.
    pub server_name: Option<String>,
    /// The names of which its certificate has to cover one, in place of `serverName`: hosts or addresses.
    pub names: Option<Vec<String>>,
    /// A PEM file with the certificate chain that it is shown if it asks for one, the gateway's own first.
    pub certificate: Option<String>,
    /// A PEM file with the private key of that certificate.
    pub key: Option<String>,
}

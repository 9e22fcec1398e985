//! Tokens that their issuer is asked about.

use serde::Deserialize;

use super::{ClientAuthentication, CredentialPlace, SecretRef};
use crate::config::Span;

/// The endpoint at which an issuer tells of its tokens (RFC 7662), and the gateway's credentials there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Introspection {
    /// Its URL: `https`, or `http` on loopback or through `upstream`.
    pub endpoint: String,
    /// The upstream through which it is called, with its TLS and its platform's way. The path is that of `endpoint`. Default: the network, with the
    /// public authorities.
    #[serde(default)]
    pub upstream: Option<String>,
    /// The identifier of the gateway at the issuer.
    pub client: String,
    /// Its secret.
    pub secret: SecretRef,
    /// The way in which the two are sent. Default: `basic`.
    #[serde(default)]
    pub client_authentication: Option<ClientAuthentication>,
    /// The longest that an answer is remembered, and so the time within which a revoked token is refused; `1s` to `10m`, and never beyond
    /// the token's `exp`. Default: `60s`.
    #[serde(default)]
    pub cache_ttl: Option<Span>,
}

/// A token of which its issuer says, when it is asked, that it is active (RFC 7662).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IntrospectProof {
    /// The issuer that is asked, by its name under `issuers`; it has `introspection`. Default: the only one that has.
    pub issuer: Option<String>,
    /// The audiences of which the answer must name one in `aud`, byte for byte. Default: `aud` is not looked at.
    pub audiences: Vec<String>,
    /// The places where a token may be; it must be in one of them alone. Default: `{"header": "authorization"}`.
    pub from: Vec<CredentialPlace>,
    /// Lets the token go on to the upstream. Default: false, and all the places of `from` are emptied.
    pub keep: Option<bool>,
}

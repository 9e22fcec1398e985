//! The credentials that the gateway has for an upstream.

use serde::Deserialize;

use super::{RequestSignature, SecretRef};

/// The credentials of the gateway itself for an upstream. They replace what a client states in the same field. Exactly one member.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamCredentials {
    /// A token, sent as `Authorization: Bearer …` (RFC 6750 §2.1).
    pub bearer: Option<SecretRef>,
    /// A name and a password, sent as `Authorization: Basic …` (RFC 7617).
    pub basic: Option<BasicCredentials>,
    /// A secret in a field of its own, such as an API key.
    pub header: Option<HeaderCredentials>,
    /// A token that the gateway asks an authorization server for in its own name (RFC 6749 §4.4), sent as `Authorization: Bearer …`.
    pub client_credentials: Option<ClientCredentials>,
    /// A signature of each request, as services of AWS ask for it (Signature Version 4).
    pub sigv4: Option<Sigv4>,
    /// A signature of each request by a key of the gateway's own (RFC 9421).
    pub signature: Option<Box<RequestSignature>>,
}

/// A name and a password (RFC 7617).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicCredentials {
    /// The name, without `:`.
    pub user: String,
    /// The password.
    pub password: SecretRef,
}

/// A secret in a field of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderCredentials {
    /// The name of the field: `x-api-key`.
    pub name: String,
    /// Its whole value.
    pub value: SecretRef,
}

/// The grant of client credentials (RFC 6749 §4.4).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCredentials {
    /// The URL of the token endpoint: `https`, or `http` on loopback or through `upstream`.
    pub token_url: String,
    /// The upstream through which it is called, with its TLS and its platform's way. The path is that of `tokenUrl`. Default: the network,
    /// with the public authorities.
    #[serde(default)]
    pub upstream: Option<String>,
    /// The identifier of the gateway at the authorization server.
    pub client: String,
    /// Its secret.
    pub secret: SecretRef,
    /// The way in which the two are sent. Default: `basic`.
    #[serde(default)]
    pub client_authentication: Option<ClientAuthentication>,
    /// The scopes that are asked for. Default: those that the server gives by itself.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The audience that is asked for, where the server wants to know it.
    #[serde(default)]
    pub audience: Option<String>,
}

/// The way in which a client's identifier and secret are sent (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ClientAuthentication {
    /// As `Authorization: Basic …`, which every server takes.
    #[default]
    Basic,
    /// In the form, as `client_id` and `client_secret`.
    Post,
}

/// Signatures for a service of AWS (Signature Version 4).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sigv4 {
    /// The region of the service: `eu-central-1`.
    pub region: String,
    /// The service: `execute-api`, `lambda`, `s3`.
    pub service: String,
    /// The identifier of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: SecretRef,
    /// The token of temporary credentials.
    #[serde(default)]
    pub session_token: Option<SecretRef>,
    /// Signs the content, too, which then has to be there first: up to 1 MiB. Default: false, and TLS alone guards it.
    #[serde(default)]
    pub content: Option<bool>,
    /// The fields `x-amz-…` that clients and policies may add, in small letters: they are signed with the gateway's key, and say what is done.
    /// A trailing `*` stands for any ending. Default: none, and they are removed.
    #[serde(default)]
    pub fields: Vec<String>,
}

//! API keys.

use serde::Deserialize;

use super::{CredentialPlace, SecretRef};

/// Settings of all API keys.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiKeys {
    /// A secret that goes into the digests, which are HMAC-SHA-256 then: stolen ones are of no use without it. It has at least 16 characters.
    /// Default: none, and SHA-256.
    pub pepper: Option<SecretRef>,
}

/// An API key: a long random text that a caller keeps, and the gateway knows by its digest alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiKeyProof {
    /// The places where a key may be; it must be in one of them alone. Default: `{"header": "x-api-key"}`.
    pub from: Vec<CredentialPlace>,
    /// Lets the key go on to the upstream. Default: false, and all the places of `from` are emptied.
    pub keep: Option<bool>,
    /// The places where keys are looked up. Default: `file` if `consumers` have any, else `keyValue`.
    pub store: Option<KeyStores>,
}

/// The places where API keys are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum KeyStores {
    /// Those of `consumers`.
    File,
    /// The key-value store.
    KeyValue,
    /// Those of `consumers` first, then the key-value store.
    Both,
}

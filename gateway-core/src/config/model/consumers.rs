//! Consumers: the callers that the configuration names.

use serde::Deserialize;

use crate::config::Entries;

/// A caller with a name, whichever of its credentials it shows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Consumer {
    /// The groups that it belongs to. A token may add others: see `groups` of an issuer.
    pub groups: Vec<String>,
    /// The tier of service that it has.
    pub tier: Option<String>,
    /// What else is to be known of it, by name: `{consumer.metadata.NAME}` in templates.
    pub metadata: Entries<String>,
    /// What it may be known by. Without any, it can only be `anonymous` of a proof.
    pub credentials: Vec<Credential>,
}

/// A credential of a consumer: exactly one of its members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Credential {
    /// The tokens of an issuer that name the consumer.
    pub token: Option<TokenCredential>,
}

/// The tokens of an issuer that name a consumer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenCredential {
    /// The issuer, by its name under `issuers`.
    pub issuer: String,
    /// The value of the issuer's `consumer` claim, byte for byte.
    pub value: String,
}

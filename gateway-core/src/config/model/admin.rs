//! The admin endpoints.

use serde::Deserialize;

use super::SecretRef;

/// The admin endpoints, under a path of the gateway's own, on every platform.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Admin {
    /// The path before each endpoint's own. Default: `/.edgeway`.
    pub path: Option<String>,
    /// The token that a request has to state in `Authorization: Bearer`. Without a token this path does not exist.
    pub token: Option<SecretRef>,
    /// A token that opens `/registry` alone: for services that say of themselves that they are there.
    pub registry_token: Option<SecretRef>,
}

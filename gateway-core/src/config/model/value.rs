//! Values that may hold secrets.

use serde::Deserialize;

/// A value to set: a template such as `{header.x-tenant}`, or a secret by reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Value {
    /// Text, in which `{…}` stands for a part of the request.
    Template(String),
    /// The value of a secret.
    Secret(SecretRef),
}

/// A secret by reference, resolved from Workers secrets, Spin variables, the environment or a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// Its name: capital letters, digits and `_`.
    pub secret: String,
}

//! The descriptions of APIs.

use serde::Deserialize;

/// The use of a description: what becomes of requests and responses that are not as it has them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenApi {
    /// The name of the document, in `openapi`.
    pub document: String,
    /// The requests that are not as the document has them. Default: `refuse`.
    #[serde(default)]
    pub request: Option<RequestChecks>,
    /// The upstreams' responses that are not as the document has them. Default: `off`.
    #[serde(default)]
    pub response: Option<ResponseChecks>,
    /// The answers of routes that state no action of their own: made of the document, in place of asking an upstream. Default: `off`.
    #[serde(default)]
    pub mock: Option<MockAnswers>,
    /// What the document has not.
    #[serde(default)]
    pub undeclared: Undeclared,
}

/// The answers of an API that are made of its document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum MockAnswers {
    /// There are none.
    #[default]
    Off,
    /// The first response of each operation that tells of success: its example, or what its schema takes.
    On,
    /// That, or what the client chooses: `Prefer: code=404, example=NAME`.
    Prefer,
}

/// What becomes of requests that are not as their description has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RequestChecks {
    /// They are refused: 400, 404, 405, 415 or 422.
    #[default]
    Refuse,
    /// They are counted and logged.
    Report,
    /// Nobody looks.
    Off,
}

/// What becomes of responses that are not as their description has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ResponseChecks {
    /// They are counted and logged, and go to the client as they are.
    Report,
    /// Nobody looks.
    #[default]
    Off,
}

/// What becomes of what a description has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Undeclared {
    /// Requests for operations that the document has not: 404 or 405. Default: `refuse`.
    pub operations: Option<UndeclaredOperations>,
    /// Parameters in the query that the operation has not. Default: `allow`.
    pub query: Option<UndeclaredQuery>,
}

/// What becomes of requests for operations that a description has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UndeclaredOperations {
    /// They are refused.
    #[default]
    Refuse,
    /// They pass unchecked.
    Allow,
}

/// What becomes of parameters in the query that an operation has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UndeclaredQuery {
    /// They pass.
    #[default]
    Allow,
    /// The upstream gets the query without them.
    Strip,
    /// The request is refused.
    Refuse,
}

//! Edits of requests and responses.

use serde::Deserialize;

use super::{BodyEdits, ResponseBodyEdits, Value};
use crate::config::Entries;

/// Edits of requests on their way to the upstream.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestEdits {
    /// Edits of header fields.
    pub headers: FieldEdits,
    /// Edits of query parameters.
    pub query: FieldEdits,
    /// The methods that upstreams are asked with, by those that clients ask with: `{"PUT": "POST"}`; `*` stands for every other. Several on one
    /// route are done one after another.
    pub method: Entries<String>,
    /// The media types that content gets, by those that it is sent with: `{"text/plain": "application/json"}`; `*` stands for every other,
    /// and for none. The content itself stays as it is. Several on one route are done one after another.
    pub content_type: Entries<String>,
    /// Edits of the content; of several on one route, each is done.
    pub body: Option<Box<BodyEdits>>,
}

/// Edits of responses on their way to the client.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseEdits {
    /// Edits of header fields.
    pub headers: FieldEdits,
    /// Edits of the content, but for that of problems of the gateway's own; of several on one route, each is done.
    pub body: Option<Box<ResponseBodyEdits>>,
    /// The statuses that responses get, by the status that they have, or a class of it: `{"404": 410, "5xx": 502}`. A status goes before
    /// its class. Problems of the gateway's own keep theirs.
    pub status: Entries<u16>,
}

/// Edits of named fields, done in this order: rename, remove, set, default, append.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FieldEdits {
    /// New names of fields, by their old ones.
    pub rename: Entries<String>,
    /// Fields to remove.
    pub remove: Vec<String>,
    /// Fields to set, in place of any values that they have.
    pub set: Entries<Value>,
    /// Fields to set where there are none.
    pub default: Entries<Value>,
    /// Fields to add a value to.
    pub append: Entries<Value>,
}

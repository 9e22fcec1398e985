//! Edits of content.

use core::hash::{Hash, Hasher};

use serde::Deserialize;

use crate::config::{ByteSize, Entries};
use crate::document::Value;

/// Edits of the content of requests.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BodyEdits {
    /// Steps on a content in JSON, in their order. Other content passes as it is.
    pub json: Vec<JsonStep>,
    /// The most content that is read; more is refused with 413. Default: `1MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
}

/// Edits of the content of responses.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseBodyEdits {
    /// Steps on a content in JSON, in their order. Other content passes as it is.
    pub json: Vec<JsonStep>,
    /// The statuses of the responses that are edited: `200`, or `2xx` for a hundred of them. Default: all.
    pub statuses: Vec<String>,
    /// The most content that is read; with more the answer is 502. Default: `1MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
}

/// A step on a document in JSON. Parts are read by JSONPath (RFC 9535) and written by JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum JsonStep {
    /// Keep what these queries select, with the objects and lists that it is in, and nothing else.
    Pick(Vec<String>),
    /// Remove what these queries select.
    Drop(Vec<String>),
    /// Give members other names: the names, by the pointers to the members.
    Rename(Entries<String>),
    /// Move values: the pointers to their new places, by those to the old ones. What is not there is not moved.
    Move(Entries<String>),
    /// Copy what queries select: the pointers to the new places, by the queries. A query for one value copies that, or nothing if it is
    /// not there; any other makes a list.
    Copy(Entries<String>),
    /// Set values, by the pointers to them. Objects that are missing on the way are made. Texts are templates.
    Set(Entries<Literal>),
    /// Set values where there are none, by the pointers to them. Texts are templates.
    Default(Entries<Literal>),
    /// Make the whole the one member, of this name, of a new object.
    Wrap(String),
    /// Put the members of objects into the objects that these are in, with a prefix to their names: the prefixes, by the pointers to
    /// the objects. At a list, the elements of the lists in it take the places of these.
    Flatten(Entries<String>),
    /// Do steps on each value that a query selects.
    Each(Box<EachStep>),
    /// A JSON Patch (RFC 6902), taken as it stands. Where an operation of it can't be done, the content is refused.
    Patch(Vec<Literal>),
    /// A merge patch (RFC 7396), taken as it stands.
    Merge(Literal),
}

/// Steps on each of several values.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EachStep {
    /// The query for the values: `$.items[*]`.
    pub r#in: String,
    /// The steps, for which such a value is the whole: `$` and the pointers begin there.
    pub steps: Vec<JsonStep>,
}

/// Any JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Literal(#[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))] pub Value);

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_string().hash(state);
    }
}

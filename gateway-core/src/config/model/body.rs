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
    /// Steps on the content as JSON, in their order.
    pub json: Vec<JsonStep>,
    /// Replacements in content that is text, in their order.
    pub text: Vec<TextStep>,
    /// The forms of the content that is edited. Default: `json`, or `text` where there are replacements in that, or both.
    pub from: Vec<ContentForm>,
    /// The form that it gets, with the media type of that. Default: the form that it has.
    pub to: Option<ContentForm>,
    /// What becomes of content of other media types. Default: `refuse`.
    pub others: OtherContent,
    /// The rules by which XML is read and written.
    pub xml: XmlForm,
    /// The rules by which forms are read.
    pub form: FormFields,
    /// The most content that is read, or the longest line or event; more is refused with 413. Default: `1MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
}

/// Edits of the content of responses.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ResponseBodyEdits {
    /// Steps on the content as JSON, in their order.
    pub json: Vec<JsonStep>,
    /// Replacements in content that is text, in their order.
    pub text: Vec<TextStep>,
    /// The forms of the content that is edited. Default: `json`, or `text` where there are replacements in that, or both.
    pub from: Vec<ContentForm>,
    /// The form that it gets, with the media type of that. Default: the form that it has.
    pub to: Option<ContentForm>,
    /// What becomes of content of other media types. Default: `refuse`.
    pub others: OtherContent,
    /// The rules by which XML is read and written.
    pub xml: XmlForm,
    /// The rules by which forms are read.
    pub form: FormFields,
    /// The statuses of the responses that are edited: `200`, or `2xx` for a hundred of them. Default: all.
    pub statuses: Vec<String>,
    /// The most content that is read; with more the answer is 502. Of a stream, the longest line or event; with a longer one it breaks off.
    /// Default: `1MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
}

/// What becomes of content that is of no form that is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum OtherContent {
    /// It is refused: of a request with 415, of a response with 502.
    #[default]
    Refuse,
    /// It passes as it is.
    Pass,
}

/// A replacement in text.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextStep {
    /// The regular expression for what is replaced, wherever it is found.
    pub replace: String,
    /// What it is replaced by: `$1` and `$<name>` are groups of the expression, and `$$` is a `$`.
    pub with: String,
}

/// A form of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ContentForm {
    /// `application/json`, and all of `application/` that ends with `+json`.
    Json,
    /// `application/x-www-form-urlencoded`: its fields are members, whose values are strings.
    Form,
    /// `multipart/form-data`: its fields are members, and a file is an object with `filename`, `contentType` and `content`, in Base 64.
    Multipart,
    /// `application/xml`, `text/xml`, and all of `application/` that ends with `+xml`.
    Xml,
    /// `text/*` and `application/javascript`.
    Text,
    /// Lines of JSON, `application/x-ndjson` and `application/jsonl`: each line is edited while it passes.
    Ndjson,
    /// `text/event-stream`: the data of each event is edited while it passes, where it is JSON.
    Events,
}

/// The rules by which forms are read, `form` and `multipart`.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FormFields {
    /// The names of the fields that are a list even where there is one of them.
    pub lists: Vec<String>,
}

/// The rules by which XML is read and written.
#[derive(Clone, Debug, Default, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct XmlForm {
    /// The names of the elements that are a list even where there is one of them: `item`. Of `items/item` there is one, perhaps an empty one, in
    /// each element `items`.
    pub lists: Vec<String>,
    /// Keeps prefixes of names, and declarations of namespaces. Default: true.
    pub namespaces: Option<bool>,
    /// The name of the root element of a document that is no object with one member.
    pub root: Option<String>,
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
    /// Make values ones of another type: the types, by the pointers to the values. A number keeps its text; the content is refused where a
    /// text is none of that type.
    Convert(Entries<ScalarType>),
    /// Set values that are worked out, by the pointers to them: expressions in CEL, in which `body` is the whole.
    Compute(Entries<String>),
    /// Make the whole the one member, of this name, of a new object.
    Wrap(String),
    /// Put the members of objects into the objects that these are in, with a prefix to their names: the prefixes, by the pointers to
    /// the objects. At a list, the elements of the lists in it take the places of these.
    Flatten(Entries<String>),
    /// Do steps on each value that a query selects.
    Each(Box<EachStep>),
    /// Make lists of what several queries select, in their order: the queries, by the pointers to the lists.
    Concat(Entries<Vec<String>>),
    /// Put values into others that name them by a key.
    Join(Box<JoinStep>),
    /// A JSON Patch (RFC 6902), taken as it stands. Where an operation of it can't be done, the content is refused.
    Patch(Vec<Literal>),
    /// A merge patch (RFC 7396), taken as it stands.
    Merge(Literal),
}

/// A type of values that have no parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ScalarType {
    /// A number, or a text that is one in JSON.
    Number,
    /// `true` or `false`, or a text of either.
    Boolean,
    /// A string; a number or a truth value as it is written.
    String,
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

/// A join of two lists by a key.
#[derive(Clone, Debug, PartialEq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinStep {
    /// The query for the values that others are put into: `$.orders[*]`.
    pub r#in: String,
    /// The pointer to the key in each of them: `/userId`.
    pub key: String,
    /// The query for the values that are put there: `$.users[*]`.
    pub from: String,
    /// The pointer to the key in each of these. Default: `/id`.
    #[serde(default)]
    pub by: Option<String>,
    /// The pointer to the place in the former: `/user`.
    pub to: String,
    /// Makes a list of all that have the key, and not the first of them. Default: false.
    #[serde(default)]
    pub many: Option<bool>,
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

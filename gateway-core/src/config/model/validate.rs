//! The content that requests may have.

use serde::Deserialize;

use super::Literal;
use crate::config::ByteSize;

/// A check of the content of requests; those without content pass.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Validate {
    /// The media types that are let in: `application/json`, `image/*`, `application/*+json`. Others get 415. Default, beside `json` and
    /// `xml`: theirs.
    pub content_types: Vec<String>,
    /// The bounds of content in JSON, of which all is read first, up to 1 MiB. What is no JSON (RFC 8259), or out of bounds, gets 400.
    pub json: Option<JsonCaps>,
    /// The bounds of content in XML, of which all is read first, up to 1 MiB. What is no XML 1.0 in UTF-8, declares a type, refers to
    /// an entity, or is out of bounds, gets 400.
    pub xml: Option<XmlCaps>,
}

/// The bounds of content in XML.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct XmlCaps {
    /// The most elements within one another; 1 to 1,000. Default: 50.
    pub depth: Option<u32>,
    /// The most elements. Default: 10,000.
    pub elements: Option<u32>,
    /// The most attributes of an element. Default: 100.
    pub attributes: Option<u32>,
    /// The longest piece of text, name, value or comment, as it is written. Default: `64KiB`.
    pub text: Option<ByteSize>,
}

/// The bounds of content in JSON.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JsonCaps {
    /// The most arrays and objects within one another; 1 to 1,000. Default: 20.
    pub depth: Option<u32>,
    /// The most members of an object. Default: 1,000.
    pub keys: Option<u32>,
    /// The most items of an array. Default: 10,000.
    pub items: Option<u32>,
    /// The longest string or name, as it is written. Default: `64KiB`.
    pub text: Option<ByteSize>,
    /// A JSON Schema (2020-12) by which the content has to be valid: else it gets 422.
    pub schema: Option<Box<Literal>>,
    /// Has strings be in the formats that `format` in the schema names. Default: true.
    pub formats: Option<bool>,
}

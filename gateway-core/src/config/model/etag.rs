//! Entity tags of responses.

use serde::Deserialize;

use crate::config::ByteSize;

/// Entity tags for responses that have none, and answers to conditional requests for them (RFC 9110 §8.8.3, §13).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Etag {
    /// Turns off the tags of `defaults` or an API, by `false`. Default: true.
    pub enabled: Option<bool>,
    /// Makes the tags weak, for whoever stands between and changes content on its way. Default: false.
    pub weak: Option<bool>,
    /// The longest content that gets a tag. Default: `1MiB`; at most `16MiB`.
    pub max_bytes: Option<ByteSize>,
}

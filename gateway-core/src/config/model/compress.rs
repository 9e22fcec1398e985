//! The compression of responses.

use serde::Deserialize;

use crate::config::ByteSize;

/// The compression of responses, for clients that say that they can decode them (RFC 9110 §12.5.3). Without members, it takes whatever the
/// platform can do, for the usual types of text.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Compress {
    /// Turns off the compression of `defaults` or an API, by `false`. Default: true.
    pub enabled: Option<bool>,
    /// The content codings, the preferred one first. Those that the platform can't do are left out, but one has to be left. Default: `zstd`,
    /// `br`, `gzip`.
    pub codings: Option<Vec<ContentCoding>>,
    /// The shortest content that is compressed, where its length is known. Default: `1KiB`.
    pub min_bytes: Option<ByteSize>,
    /// The media types that are compressed, in small letters; `*` stands for any text: `text/*`, `application/*+json`. Default: text, JSON,
    /// XML, JavaScript, WebAssembly and the fonts and images that have no compression of their own.
    pub types: Option<Vec<String>>,
    /// The level of each coding.
    pub levels: CompressLevels,
}

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ContentCoding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Br,
    /// GZIP (RFC 1952), which every platform can do and every client knows.
    Gzip,
}

/// The levels of the codings: a higher one takes more time for less content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CompressLevels {
    /// That of `zstd`, from 1 to 19. Default: 3.
    pub zstd: Option<u32>,
    /// That of `br`, from 0 to 11. Default: 4.
    pub br: Option<u32>,
    /// That of `gzip`, from 1 to 9. Default: 6.
    pub gzip: Option<u32>,
}

//! The largest requests that are let in.

/// The largest requests that are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of header fields.
    pub headers: u32,
    /// All header names and values together, in bytes.
    pub header_bytes: u64,
    /// Path and query, in bytes.
    pub url_bytes: u64,
    /// The request body, in bytes.
    pub body_bytes: u64,
}

impl Limits {
    /// The limits where the configuration states none.
    pub const DEFAULT: Self = Self { headers: 100, header_bytes: 32 << 10, url_bytes: 8 << 10, body_bytes: 100 << 20 };

    /// The longest URL that every platform takes (Workers: 16 KiB).
    pub const MOST_URL_BYTES: u64 = 16 << 10;
}

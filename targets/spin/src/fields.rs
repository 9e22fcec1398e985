//! Conversion of header fields between the host's list and [`HeaderMap`].

use http::header::{HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};
use spin_sdk::wasip3::http::types::{Fields, HeaderError};

/// Fields that the host forbids a component to set: setting one fails the whole message.
const FORBIDDEN: [HeaderName; 9] = [
    http::header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    http::header::PROXY_AUTHENTICATE,
    http::header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    http::header::TRANSFER_ENCODING,
    UPGRADE,
    HOST,
    HeaderName::from_static("http2-settings"),
];

/// Reads `fields`; `None` if one of them violates RFC 9110 §5.
pub(crate) fn read(fields: &Fields) -> Option<HeaderMap> {
    let entries = fields.copy_all();
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.try_append(name, HeaderValue::from_bytes(&value).ok()?).ok()?;
    }
    Some(headers)
}

/// Converts `headers` for the host, without the fields that it forbids.
///
/// # Errors
/// When they are larger than the host accepts.
pub(crate) fn write(headers: &HeaderMap) -> Result<Fields, HeaderError> {
    let entries: Vec<(String, Vec<u8>)> = headers
        .iter()
        .filter(|(name, _)| !FORBIDDEN.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    Fields::from_list(&entries)
}

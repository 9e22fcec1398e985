//! The media type of a document that says none.

use std::path::Path;

use gateway_core::policy::body_edit::Form;
use http::HeaderValue;

/// The media type of the document at `path`: by its name, or else of the `form` that is edited.
pub(super) fn of(path: &Path, content: &[u8], form: Option<Form>) -> Result<HeaderValue, String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let named = match &*extension.to_ascii_lowercase() {
        "json" => Some("application/json"),
        "ndjson" => Some("application/x-ndjson"),
        "jsonl" => Some("application/jsonl"),
        "xml" => Some("application/xml"),
        "txt" => Some("text/plain"),
        "csv" => Some("text/csv"),
        "html" => Some("text/html"),
        "js" => Some("application/javascript"),
        "sse" => Some("text/event-stream"),
        _ => None,
    };
    let kind = named.unwrap_or(match form {
        Some(Form::UrlEncoded) => "application/x-www-form-urlencoded",
        Some(Form::Multipart) => return multipart(content),
        Some(Form::Xml) => "application/xml",
        Some(Form::Text) => "text/plain",
        Some(Form::Ndjson) => "application/x-ndjson",
        Some(Form::Events) => "text/event-stream",
        Some(Form::Json) | None => "application/json",
    });
    Ok(HeaderValue::from_static(kind))
}

/// The media type of a multipart form, whose first line has the boundary (RFC 2046 §5.1.1).
fn multipart(content: &[u8]) -> Result<HeaderValue, String> {
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let boundary = line.trim_ascii_end().strip_prefix(b"--").and_then(|text| core::str::from_utf8(text).ok());
    boundary
        .filter(|boundary| !boundary.is_empty() && !boundary.contains(['"', '\\']))
        .and_then(|boundary| HeaderValue::try_from(format!("multipart/form-data; boundary=\"{boundary}\"")).ok())
        .ok_or_else(|| {
            "the document begins with no boundary, such as `--x`: `--type 'multipart/form-data; boundary=x'` says which \
             it has"
                .to_owned()
        })
}

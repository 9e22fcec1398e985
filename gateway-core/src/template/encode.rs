//! Values as their place takes them: decoded, escaped or percent-encoded.

use core::fmt::Write as _;
use std::borrow::Cow;

use super::Target;
use crate::http::percent;

/// Writes a value that somebody else chose. One with a control character is none: it could end a line where it is written.
pub(super) fn write_known(value: Option<Cow<'_, str>>, target: Target, out: &mut String) -> bool {
    value.is_some_and(|value| !value.chars().any(char::is_control) && write_text(&value, target, out))
}

/// A header field's value as text. Octets outside ASCII have no certain meaning (RFC 9110 §5.5), and give `None`.
pub(super) fn header_text(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.is_ascii())
}

/// Writes a part of the request's URL: in a URL with its own encoding, elsewhere decoded.
pub(super) fn write_url_part(value: &str, target: Target, out: &mut String) -> bool {
    match target {
        Target::Path | Target::Location => out.push_str(value),
        Target::Query => percent::encode_query_separators(value, out),
        Target::Text | Target::Json | Target::Html => return write_text(&percent::decode(value), target, out),
    }
    true
}

/// Writes plain text, encoded or escaped as the target demands.
pub(crate) fn write_text(value: &str, target: Target, out: &mut String) -> bool {
    match target {
        Target::Text => out.push_str(value),
        Target::Json => escape_json(value, out),
        Target::Html => escape_html(value, out),
        Target::Path | Target::Location => percent::encode_segment(value, out),
        Target::Query => percent::encode_query_value(value, out),
    }
    true
}

fn escape_json(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

fn escape_html(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

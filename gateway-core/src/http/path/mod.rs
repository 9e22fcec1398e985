//! The one form of a request path that routes are matched against and upstreams are sent (RFC 3986 §6.2.2).
//!
//! A path is normalised once, before anything looks at it, so that two spellings of one path can never get two answers:
//!
//! - hexadecimal digits of percent-encodings become upper case (§6.2.2.1);
//! - percent-encoded unreserved characters are decoded (§6.2.2.2), and characters that a URI can't hold but that clients
//!   send (`"<>^{|}` and the backtick) become percent-encoded;
//! - dot segments, also encoded ones, are removed (§6.2.2.3); `..` at the root stays at the root (§5.2.4, 2C);
//! - empty segments inside the path are dropped, so that `/v1//admin` is no way around a route for `/v1/admin`. That
//!   happens together with the removal of dot segments: `/a//../b` is `/b`, as nginx has it. An empty segment at the end,
//!   a trailing slash, is part of the path's meaning and stays.
//!
//! Everything that one more decoder down the line could read in another way is refused: control characters and `\`,
//! plain or encoded; bytes beyond ASCII; dot segments with a parameter (`..;x`, which servlet containers take for `..`);
//! and, where an encoded slash is data, a segment in which it would set a dot segment free (`..%2Fetc`).

mod class;
mod error;
mod normal;
mod reading;
#[cfg(test)]
mod tests;

pub use error::PathError;
pub(crate) use normal::is_plain_segment;
pub use normal::{is_normalised, normalise};
pub use reading::Reading;

/// The path in a URI reference that begins with a slash or has an authority (RFC 3986 §4.1).
#[must_use]
pub fn of_reference(reference: &str) -> &str {
    let from_path = match reference.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => {
            rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default()
        }
        _ => reference,
    };
    from_path.split(['?', '#']).next().unwrap_or_default()
}

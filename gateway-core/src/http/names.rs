//! Field names as a backend may fold them.
//!
//! CGI and WSGI turn `-` into `_`, and some frameworks `.` too: to them `X_Remote.User` and `X-Remote-User` are one field.
//! What guards a name therefore guards every spelling of it.

/// `byte` in the one spelling that names are compared in: lower case, `-` for `_` and `.`.
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Whether `name` is `folded` in any spelling; `folded` is in the folded one.
pub(crate) fn is_alias(name: &[u8], folded: &[u8]) -> bool {
    name.len() == folded.len() && starts_with_alias(name, folded)
}

/// Whether `name` begins with `folded` in any spelling.
pub(crate) fn starts_with_alias(name: &[u8], folded: &[u8]) -> bool {
    name.len() >= folded.len() && name.iter().zip(folded).all(|(byte, expected)| fold(*byte) == *expected)
}

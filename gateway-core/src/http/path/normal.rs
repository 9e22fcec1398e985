//! The normal form of a path.

use std::borrow::Cow;

use super::PathError;
use super::class::{Class, class};
use crate::config::{EmptySegments, EncodedSlash};
use crate::http::percent::{hex_digit, is_unreserved, push_encoded};

/// The normal form of `raw`, a request target's path without its query.
///
/// A path that is normal already is returned as it is, after one scan. The result begins with `/`, is a normal form
/// itself, and holds no dot segment and no empty segment but for one at the end.
///
/// # Errors
/// The first reason why `raw` has no normal form.
pub fn normalise(raw: &str, slash: EncodedSlash) -> Result<Cow<'_, str>, PathError> {
    if is_normal(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    normalise_other(raw, slash, EmptySegments::Merge)
}

#[inline(never)]
pub(super) fn normalise_other(raw: &str, slash: EncodedSlash, empty: EmptySegments) -> Result<Cow<'_, str>, PathError> {
    if is_normal(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let normal = remove_dot_segments(&normalise_encoding(raw, slash)?, empty)?;
    Ok(if normal == raw { Cow::Borrowed(raw) } else { Cow::Owned(normal) })
}

/// Returns whether `segment` is sure to be itself in every normal form of a path; `false` for many that are.
pub(crate) fn is_plain_segment(segment: &str) -> bool {
    segment.bytes().all(|byte| class(byte) == Class::Plain)
}

/// Returns whether `path` is a normal form, with encoded slashes as data.
#[must_use]
pub fn is_normalised(path: &str) -> bool {
    normalise(path, EncodedSlash::Keep).is_ok_and(|normal| *normal == *path)
}

/// Returns whether `path` is sure to be its own normal form, under any setting; `false` for a few that are.
pub(super) fn is_normal(path: &[u8]) -> bool {
    let [b'/', rest @ ..] = path else { return false };
    let mut rest = rest;
    let mut at_segment_start = true;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match class(*byte) {
            Class::Plain => at_segment_start = false,
            Class::Slash if at_segment_start => return false,
            Class::Slash => at_segment_start = true,
            Class::Dot if at_segment_start => {
                // `.`, `..`, `.;` and `..;`; but `.well-known` and `...` are names like any other.
                let after = if let [b'.', after @ ..] = tail { after } else { tail };
                if matches!(after, [] | [b'/' | b';', ..]) {
                    return false;
                }
                at_segment_start = false;
            }
            Class::Dot => {}
            Class::Percent => {
                let [high @ (b'0'..=b'9' | b'A'..=b'F'), low @ (b'0'..=b'9' | b'A'..=b'F'), tail @ ..] = tail else {
                    return false;
                };
                let decoded = hex_digit(*high).unwrap_or(0) << 4 | hex_digit(*low).unwrap_or(0);
                if decoded < 0x20 || matches!(decoded, b'/' | b'\\' | 0x7F) || is_unreserved(decoded) {
                    return false;
                }
                rest = tail;
                at_segment_start = false;
            }
            Class::Encode | Class::Forbidden(_) => return false,
        }
    }
    true
}

/// Every percent-encoding in its normal form (RFC 3986 §6.2.2.1 and §6.2.2.2), slashes by the policy.
fn normalise_encoding(raw: &str, slash: EncodedSlash) -> Result<String, PathError> {
    let mut rest = raw.as_bytes();
    if !matches!(rest, [b'/', ..]) {
        return Err(PathError::NotAbsolute);
    }
    let mut out = String::with_capacity(raw.len() + 8);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match class(*byte) {
            Class::Plain | Class::Slash | Class::Dot => out.push(char::from(*byte)),
            Class::Encode => push_encoded(&mut out, *byte),
            Class::Forbidden(error) => return Err(error),
            Class::Percent => {
                let [high, low, tail @ ..] = tail else { return Err(PathError::InvalidEncoding) };
                let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) else {
                    return Err(PathError::InvalidEncoding);
                };
                rest = tail;
                match high << 4 | low {
                    b'/' if slash == EncodedSlash::Reject => return Err(PathError::EncodedSlash),
                    b'/' if slash == EncodedSlash::Decode => out.push('/'),
                    b'\\' => return Err(PathError::Backslash),
                    0..0x20 | 0x7F => return Err(PathError::ControlCharacter),
                    decoded if is_unreserved(decoded) => out.push(char::from(decoded)),
                    decoded => push_encoded(&mut out, decoded),
                }
            }
        }
    }
    Ok(out)
}

/// The path without dot segments and, unless they are kept, without empty segments before its end.
fn remove_dot_segments(path: &str, empty: EmptySegments) -> Result<String, PathError> {
    let mut out = String::with_capacity(path.len());
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if empty == EmptySegments::Keep && segments.peek().is_some() => {
                out.push('/');
                continue;
            }
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ if hides_dot_segment(segment) => return Err(PathError::HiddenDotSegment),
            _ => {
                out.push('/');
                out.push_str(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            out.push('/');
        }
    }
    Ok(out)
}

fn hides_dot_segment(segment: &str) -> bool {
    let dots = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    segment.split("%2F").any(dots)
}

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

use std::borrow::Cow;
use std::fmt;

use super::percent::{hex_digit, is_unreserved, push_encoded};
use crate::config::{EmptySegments, EncodedSlash, FinalSlash, Network, PathCase, Paths};

/// A reason why a path has no normal form. Each is a bad request (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A path that does not begin with `/`.
    NotAbsolute,
    /// `%` without two hexadecimal digits after it (RFC 3986 §2.1).
    InvalidEncoding,
    /// A control character, NUL included, plain or encoded.
    ControlCharacter,
    /// A space, `?` or `#`, which end a path.
    Delimiter,
    /// `\`, plain or encoded, which some servers take for `/`.
    Backslash,
    /// A byte beyond ASCII that is not percent-encoded.
    NonAscii,
    /// `%2F` where the configuration refuses it.
    EncodedSlash,
    /// A dot segment that only a second decoding would show: `..%2Fetc`, `..;x`.
    HiddenDotSegment,
    /// `;`, plain or encoded, where paths are strict: some servers cut a segment there.
    PathParameter,
    /// An encoded percent sign that would begin another encoding, where paths are strict.
    DoubleEncoding,
    /// Encoded octets that are no UTF-8, overlong forms among them, where paths are strict.
    NotUtf8,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with `/`",
            Self::InvalidEncoding => "the path has a `%` without two hexadecimal digits after it",
            Self::ControlCharacter => "the path has a control character",
            Self::Delimiter => "the path has a space, `?` or `#` in it",
            Self::Backslash => "the path has a backslash",
            Self::NonAscii => "the path has a character beyond ASCII that is not percent-encoded",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::HiddenDotSegment => "the path has a hidden dot segment",
            Self::PathParameter => "the path has a `;`, which servers read differently",
            Self::DoubleEncoding => "the path has an encoding within an encoding",
            Self::NotUtf8 => "the path has encoded octets that are no UTF-8",
        })
    }
}

impl std::error::Error for PathError {}

/// The reading of paths: from the raw path to the form that upstreams are sent and the one that routes are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    slash: EncodedSlash,
    empty: EmptySegments,
    is_strict: bool,
    case: PathCase,
    final_slash: FinalSlash,
}

impl Reading {
    /// The reading that a configuration asks for.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        Self {
            slash: network.encoded_slash.unwrap_or_default(),
            empty: network.empty_segments.unwrap_or_default(),
            is_strict: network.paths == Some(Paths::Strict),
            case: network.path_case.unwrap_or_default(),
            final_slash: network.final_slash.unwrap_or_default(),
        }
    }

    /// The meaning of an encoded slash.
    #[must_use]
    pub const fn slash(&self) -> EncodedSlash {
        self.slash
    }

    /// The normal form of `raw`, as [`normalise`] has it.
    ///
    /// # Errors
    /// The first reason why `raw` has none, or why it is not let in.
    pub fn normalise<'p>(&self, raw: &'p str) -> Result<Cow<'p, str>, PathError> {
        if is_normal(raw.as_bytes()) && !self.is_strict {
            return Ok(Cow::Borrowed(raw));
        }
        let normal = normalise_other(raw, self.slash, self.empty)?;
        self.check(&normal).map(|()| normal)
    }

    /// Checks that a path in its normal form is let in.
    ///
    /// # Errors
    /// The reason why it is not.
    pub fn check(&self, normal: &str) -> Result<(), PathError> {
        if self.is_strict { check_strictly(normal) } else { Ok(()) }
    }

    /// The form of a normal path that routes are found by. Its places are those of the path itself.
    #[must_use]
    pub fn key<'p>(&self, normal: &'p str) -> Cow<'p, str> {
        let cut = match self.final_slash {
            FinalSlash::Distinct => normal,
            FinalSlash::Same => normal.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(normal),
        };
        if self.case == PathCase::Insensitive && cut.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(cut.to_ascii_lowercase());
        }
        Cow::Borrowed(cut)
    }

    /// Returns whether routes are found by another form than the normal one.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.case == PathCase::Insensitive || self.final_slash == FinalSlash::Same
    }
}

#[inline(never)]
fn check_strictly(normal: &str) -> Result<(), PathError> {
    let mut octets = Vec::with_capacity(normal.len());
    let mut rest = normal.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let octet = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                hex_digit(*high).unwrap_or(0) << 4 | hex_digit(*low).unwrap_or(0)
            }
            _ => *byte,
        };
        match octet {
            b';' => return Err(PathError::PathParameter),
            b'/' if *byte == b'%' => return Err(PathError::EncodedSlash),
            b'%' if matches!(
                rest,
                [b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f', b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f', ..]
            ) =>
            {
                return Err(PathError::DoubleEncoding);
            }
            _ => octets.push(octet),
        }
    }
    core::str::from_utf8(&octets).map(drop).map_err(|_| PathError::NotUtf8)
}

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
fn normalise_other(raw: &str, slash: EncodedSlash, empty: EmptySegments) -> Result<Cow<'_, str>, PathError> {
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

/// The treatment that a byte needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Nothing.
    Plain,
    Slash,
    /// A look at its neighbours, for a dot segment begins with it.
    Dot,
    Percent,
    /// Percent-encoding.
    Encode,
    Forbidden(PathError),
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            classes[byte] = match byte as u8 {
                b'/' => Class::Slash,
                b'.' => Class::Dot,
                b'%' => Class::Percent,
                b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => Class::Encode,
                b' ' | b'?' | b'#' => Class::Forbidden(PathError::Delimiter),
                b'\\' => Class::Forbidden(PathError::Backslash),
                0..0x20 | 0x7F => Class::Forbidden(PathError::ControlCharacter),
                0x80.. => Class::Forbidden(PathError::NonAscii),
                _ => Class::Plain,
            };
        }
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    #[expect(clippy::indexing_slicing, reason = "every byte has its place")]
    CLASSES[byte as usize]
}

/// Returns whether `path` is sure to be its own normal form, under any setting; `false` for a few that are.
fn is_normal(path: &[u8]) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use EncodedSlash::{Decode, Keep, Reject};

    #[test]
    fn the_path_of_a_reference() {
        for (reference, path) in [
            ("/a/b?c#d", "/a/b"),
            ("/a#b?c", "/a"),
            ("https://h/a/b?c", "/a/b"),
            ("https://h", ""),
            ("https://h?a/b", ""),
            ("https://h#/a", ""),
            ("https://h:1/", "/"),
            ("/a?u=https://h/b", "/a"),
            ("//h/a", "//h/a"),
        ] {
            assert_eq!(of_reference(reference), path, "{reference}");
        }
    }

    #[test]
    fn a_normal_form_is_told() {
        for path in ["/", "/a", "/a/", "/a%2Fb", "/.well-known/...", "/%20"] {
            assert!(is_normalised(path), "{path}");
        }
        for path in ["", "a", "/a/..", "/./a", "/a//b", "/%2e%2e", "/%7E", "/..;x", "/..%2Fa", "/a\\b", "/%0A", "/{a}"]
        {
            assert!(!is_normalised(path), "{path}");
        }
    }

    #[test]
    fn normal_paths_are_borrowed() {
        let paths = [
            "/",
            "/a",
            "/a/",
            "/a/b-c_d~e/1",
            "/.well-known/x",
            "/...",
            "/a..b/..c/.d.",
            "/a%20b",
            "/caf%C3%A9",
            "/a;v=1",
            "/a:b@c!$&'()*+,=",
            "/%25",
            "/%252F..%252F",
            "/a%2Fb",
        ];
        for path in paths {
            assert!(matches!(normalise(path, Keep), Ok(Cow::Borrowed(p)) if p == path), "{path}");
        }
    }

    #[test]
    fn every_spelling_has_one_normal_form() {
        // Raw path, and its normal form by RFC 3986 §6.2.2.1 (case), §6.2.2.2 (encoding), §6.2.2.3 (segments).
        let table = [
            ("/%7euser", "/~user"),
            ("/%7Euser", "/~user"),
            ("/%41%2d%5F%2e5", "/A-_.5"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a{b}|\"<>^`", "/a%7Bb%7D%7C%22%3C%3E%5E%60"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/a/b/../", "/a/"),
            // §5.4.2: abnormal examples clamp at the root.
            ("/../x", "/x"),
            ("/../../x", "/x"),
            ("/a/../../../x", "/x"),
            ("/..", "/"),
            ("/.", "/"),
            // Encoded and mixed dots.
            ("/a/%2e%2e/b", "/b"),
            ("/a/.%2E/b", "/b"),
            ("/a/%2e./b", "/b"),
            ("/a/%2e/b", "/a/b"),
            ("/a/%2e%2e", "/"),
            // Empty segments.
            ("//", "/"),
            ("/v1//admin", "/v1/admin"),
            ("//v1///admin//", "/v1/admin/"),
            ("/a//../b", "/b"),
            ("//../b", "/b"),
            // §5.4.2: three dots are a name.
            ("/a/.../b", "/a/.../b"),
        ];
        for (raw, normal) in table {
            for slash in [Keep, Decode, Reject] {
                assert_eq!(normalise(raw, slash).as_deref(), Ok(normal), "{raw}");
            }
        }
    }

    #[test]
    fn an_encoded_slash_is_kept_decoded_or_refused() {
        use PathError::{EncodedSlash, HiddenDotSegment};
        let table = [
            ("/a%2fb", Ok("/a%2Fb"), Ok("/a/b"), Err(EncodedSlash)),
            ("/a%2F", Ok("/a%2F"), Ok("/a/"), Err(EncodedSlash)),
            ("/%2Fa", Ok("/%2Fa"), Ok("/a"), Err(EncodedSlash)),
            ("/a/..%2Fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
            ("/a/%2e%2e%2fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
            ("/a/x%2F..%2F..%2Fb", Err(HiddenDotSegment), Ok("/b"), Err(EncodedSlash)),
            ("/a/b%2F.", Err(HiddenDotSegment), Ok("/a/b/"), Err(EncodedSlash)),
            ("/a/b%2F..c", Ok("/a/b%2F..c"), Ok("/a/b/..c"), Err(EncodedSlash)),
            // Decoded once, never twice.
            ("/a/%252e%252e%252fb", Ok("/a/%252e%252e%252fb"), Ok("/a/%252e%252e%252fb"), Ok("/a/%252e%252e%252fb")),
        ];
        for (raw, keep, decode, reject) in table {
            assert_eq!(normalise(raw, Keep).as_deref().map_err(|e| *e), keep, "{raw} keep");
            assert_eq!(normalise(raw, Decode).as_deref().map_err(|e| *e), decode, "{raw} decode");
            assert_eq!(normalise(raw, Reject).as_deref().map_err(|e| *e), reject, "{raw} reject");
        }
    }

    #[test]
    fn paths_without_a_safe_reading_are_refused() {
        let table = [
            ("", PathError::NotAbsolute),
            ("a", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("http://a/", PathError::NotAbsolute),
            ("/%", PathError::InvalidEncoding),
            ("/%4", PathError::InvalidEncoding),
            ("/%zz", PathError::InvalidEncoding),
            ("/%+1", PathError::InvalidEncoding),
            ("/%00", PathError::ControlCharacter),
            ("/a%0d%0a", PathError::ControlCharacter),
            ("/%7f", PathError::ControlCharacter),
            ("/a\tb", PathError::ControlCharacter),
            ("/a\0", PathError::ControlCharacter),
            ("/a b", PathError::Delimiter),
            ("/a?b", PathError::Delimiter),
            ("/a#b", PathError::Delimiter),
            ("/a\\..\\b", PathError::Backslash),
            ("/a%5c..%5Cb", PathError::Backslash),
            ("/café", PathError::NonAscii),
            ("/..;/admin", PathError::HiddenDotSegment),
            ("/a/.;x=1/admin", PathError::HiddenDotSegment),
            ("/a/%2e%2e;", PathError::HiddenDotSegment),
        ];
        for (raw, error) in table {
            for slash in [Keep, Decode, Reject] {
                assert_eq!(normalise(raw, slash), Err(error), "{raw:?}");
            }
        }
    }

    fn reading(network: &str) -> Reading {
        Reading::of(&serde_json::from_str(network).unwrap())
    }

    #[test]
    fn a_strict_reading_refuses_what_another_decoder_could_read_differently() {
        use PathError::{DoubleEncoding, EncodedSlash, NotUtf8, PathParameter};
        let strict = reading(r#"{"paths": "strict"}"#);
        for (raw, error) in [
            ("/admin;x", PathParameter),
            ("/x/..%3B/admin", PathParameter),
            ("/x/..%3b/admin", PathParameter),
            ("/%252e%252e/admin", DoubleEncoding),
            ("/a%25%32%66", DoubleEncoding),
            ("/%C0%AE%C0%AE/admin", NotUtf8),
            ("/%C0%AF", NotUtf8),
            ("/%FF", NotUtf8),
            ("/%ED%A0%80", NotUtf8),
            ("/a%2Fb", EncodedSlash),
        ] {
            assert_eq!(strict.normalise(raw), Err(error), "{raw}");
            assert!(reading("{}").normalise(raw).is_ok(), "{raw}");
        }
        for raw in ["/", "/a%20b", "/caf%C3%A9", "/100%25", "/100%25x", "/a:b@c!$&'()*+,=", "/%2e/a"] {
            assert_eq!(strict.normalise(raw), normalise(raw, Keep), "{raw}");
        }
        assert_eq!(
            reading(r#"{"paths": "strict", "encodedSlash": "decode"}"#).normalise("/a%2Fb").as_deref(),
            Ok("/a/b")
        );
    }

    #[test]
    fn empty_segments_stay_where_they_are_kept() {
        let kept = reading(r#"{"emptySegments": "keep"}"#);
        for (raw, normal) in [
            ("//", "//"),
            ("/a//b", "/a//b"),
            ("/proxy/http://x/", "/proxy/http://x/"),
            ("/a//", "/a//"),
            // RFC 3986 §5.2.4: the dot segment takes the empty one with it.
            ("/a//../b", "/a/b"),
            ("//../b", "/b"),
            ("/a/./b", "/a/b"),
            ("/a//.", "/a//"),
        ] {
            assert_eq!(kept.normalise(raw).as_deref(), Ok(normal), "{raw}");
            assert_eq!(kept.normalise(normal).as_deref(), Ok(normal), "{raw}");
        }
    }

    #[test]
    fn routes_are_found_by_a_key_with_the_same_places() {
        let both = reading(r#"{"pathCase": "insensitive", "finalSlash": "same"}"#);
        for (path, key) in [("/", "/"), ("/A/b/", "/a/b"), ("/a", "/a"), ("/caf%C3%A9", "/caf%c3%a9"), ("/a//", "/a/")]
        {
            assert_eq!(both.key(path), key, "{path}");
            assert_eq!(reading("{}").key(path), path);
        }
    }

    fn raw_path() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/"),
            Just("."),
            Just(".."),
            Just("%2e"),
            Just("%2E"),
            Just("%2f"),
            Just("%2F"),
            Just("a"),
            Just("%61"),
            Just("%c3%A9"),
            Just("%25"),
            Just("2F"),
            Just(";"),
            Just("|"),
            Just("%7c"),
            Just("%20"),
            Just("+"),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    fn policy() -> impl Strategy<Value = EncodedSlash> {
        prop_oneof![Just(Keep), Just(Decode), Just(Reject)]
    }

    /// The octets that each segment stands for, with `/` as data marked by a NUL, dot segments resolved: what the path
    /// means, worked out apart from the code above.
    fn meaning(path: &str, slash: EncodedSlash) -> Vec<Vec<u8>> {
        let bytes = path.as_bytes();
        let (mut segments, mut i) = (vec![Vec::new()], 1);
        while i < bytes.len() {
            let (byte, encoded) = if bytes[i] == b'%' {
                i += 2;
                (u8::from_str_radix(path.get(i - 1..=i).unwrap(), 16).unwrap(), true)
            } else {
                (bytes[i], false)
            };
            i += 1;
            match byte {
                b'/' if encoded && slash != Decode => segments.last_mut().unwrap().push(0),
                b'/' => segments.push(Vec::new()),
                _ => segments.last_mut().unwrap().push(byte),
            }
        }
        let last = segments.len() - 1;
        let mut out: Vec<Vec<u8>> = Vec::new();
        for (i, segment) in segments.into_iter().enumerate() {
            match segment.as_slice() {
                b"" | b"." => {}
                b".." => drop(out.pop()),
                _ => {
                    out.push(segment);
                    continue;
                }
            }
            if i == last {
                out.push(Vec::new());
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(raw in raw_path(), slash in policy()) {
            if let Ok(normal) = normalise(&raw, slash) {
                let again = normalise(&normal, slash);
                prop_assert!(matches!(again, Ok(Cow::Borrowed(p)) if p == normal), "{:?}", again);
            }
        }

        #[test]
        fn a_normal_form_means_the_same(raw in raw_path(), slash in policy()) {
            if let Ok(normal) = normalise(&raw, slash) {
                prop_assert_eq!(meaning(&raw, slash), meaning(&normal, slash));
            }
        }

        #[test]
        fn no_dot_segment_is_left_even_if_decoded_again(raw in raw_path(), slash in policy()) {
            if let Ok(normal) = normalise(&raw, slash) {
                let decoded = normal.replace("%2F", "/").replace("%2E", ".");
                prop_assert!(decoded.split('/').all(|s| s != "." && s != ".."), "{}", decoded);
                prop_assert!(!normal.contains("//"), "{}", normal);
            }
        }

        #[test]
        fn no_input_breaks_it(raw in any::<String>(), slash in policy()) {
            let _ = normalise(&raw, slash);
            let _ = normalise(&format!("/{raw}"), slash);
        }
    }
}

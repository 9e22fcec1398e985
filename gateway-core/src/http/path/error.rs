//! The reasons why a path has no normal form.

use std::fmt;

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

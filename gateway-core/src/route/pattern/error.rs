//! The reasons why text is no pattern.

use std::borrow::Cow;
use std::fmt;

use super::MAX_SEGMENTS;
use crate::config::EncodedSlash;
use crate::http::path::PathError;
use crate::route::expression::ExpressionError;
use crate::route::foreign::Foreign;

/// A reason why text is no pattern, or one that no request could match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A text that does not begin with `/`.
    NotAbsolute,
    /// `//`: normalisation drops empty segments.
    EmptySegment,
    /// `.` or `..`, plain or encoded: normalisation removes dot segments.
    DotSegment,
    /// `?` or `#`, which end a path.
    Delimiter(char),
    /// `%2F` where the configuration decodes or refuses encoded slashes.
    EncodedSlash(EncodedSlash),
    /// This parameter is only a part of its segment; with a regular expression for the whole path.
    PartialSegment(String, Option<String>),
    /// `{` or `}` without the other, or nested.
    Braces(String),
    /// A parameter's name is not letters, digits, `_` and `-`.
    Name(String),
    /// Two parameters with this name.
    DuplicateName(String),
    /// `{*name}` before the end, or in a prefix.
    CatchAllPlace(String),
    /// More than 64 segments.
    TooLong,
    /// Another program's syntax, which would stand for itself.
    Foreign(Foreign),
    /// No regular expression.
    Expression(ExpressionError),
    /// An expression whose beginning is no path in its normal form, which is this.
    NotNormal(String),
    /// Requests for such a path are refused.
    Path(PathError),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAbsolute => f.write_str("the path does not begin with `/`"),
            Self::EmptySegment => f.write_str("no request has an empty segment in its path: `//` is read as `/`"),
            Self::DotSegment => f.write_str("no request has a dot segment in its path: they are resolved first"),
            Self::Delimiter(c) => write!(f, "`{c}` is not part of a path"),
            Self::EncodedSlash(EncodedSlash::Decode) => {
                f.write_str("no request has `%2F` in its path: `network.encodedSlash` decodes it")
            }
            Self::EncodedSlash(_) => f.write_str("no request has `%2F` in its path: `network.encodedSlash` refuses it"),
            Self::PartialSegment(text, _) => {
                write!(f, "a parameter stands for a whole segment, not for a part of `{text}`")
            }
            Self::Braces(text) => write!(f, "the braces in `{text}` do not match"),
            Self::Name(name) if name.is_empty() => f.write_str("the parameter has no name"),
            Self::Name(name) => write!(f, "`{name}` is no name for a parameter"),
            Self::DuplicateName(name) => write!(f, "two parameters are called `{name}`"),
            Self::CatchAllPlace(text) => write!(f, "`{text}` is not at the end of a path template"),
            Self::TooLong => write!(f, "the path has more than {MAX_SEGMENTS} segments"),
            Self::Foreign(foreign) => foreign.fmt(f),
            Self::Expression(error) => error.fmt(f),
            Self::NotNormal(_) => {
                f.write_str("no request has a path that begins so: they are put into their normal form")
            }
            Self::Path(error) => write!(f, "no request can have this path: {error}"),
        }
    }
}

impl std::error::Error for PatternError {}

impl PatternError {
    /// The way to mend it.
    #[must_use]
    pub fn help(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Foreign(foreign) => {
                let write = &foreign.write;
                if foreign.found.contains('/') {
                    return Cow::Owned(write.clone());
                }
                return Cow::Owned(format!(
                    "{write}; text that stands for itself is written `{{'{}'}}`",
                    foreign.found
                ));
            }
            Self::Expression(error) => return Cow::Owned(error.help().to_owned()),
            Self::NotNormal(normal) => return Cow::Owned(format!("begin it with `{normal}`")),
            Self::NotAbsolute => "put a `/` before it",
            Self::EmptySegment => "write a single `/`",
            Self::DotSegment => "write the path that it leads to",
            Self::Delimiter('?') => "match query parameters with `query`",
            Self::Delimiter(_) => "leave out the fragment: clients do not send it",
            Self::EncodedSlash(EncodedSlash::Decode) => "write `/`",
            Self::EncodedSlash(_) => "leave it out, or set `network.encodedSlash` to `keep`",
            Self::PartialSegment(_, Some(expression)) => {
                return Cow::Owned(format!("write `\"path\": {{\"regex\": \"{expression}\"}}`"));
            }
            Self::PartialSegment(_, None) => "give the parameter a segment of its own, such as `/{name}/`",
            Self::Braces(_) => "write `{name}`; a brace as itself is `%7B` or `%7D`",
            Self::Name(_) => "use letters, digits, `_` and `-`",
            Self::DuplicateName(_) => "rename one of them",
            Self::CatchAllPlace(_) => "use `{name}` for one segment; only `path` may end with `{*name}`",
            Self::TooLong => "end it with `{*name}`, or make it a `prefix`",
            Self::Path(PathError::InvalidEncoding) => "write `%25` for a percent sign",
            Self::Path(_) => "percent-encode what stands for itself",
        })
    }
}

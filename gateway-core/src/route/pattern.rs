//! Path patterns: literal segments, `{name}`, `{*name}`, and prefixes by segment.

use std::borrow::Cow;
use std::fmt;

use crate::config::EncodedSlash;
use crate::http::path::{PathError, is_plain_segment, normalise};

use super::expression::{Expression, ExpressionError, escaped};
use super::foreign::Foreign;
use super::params::Params;

/// The most segments of a pattern; matching goes one call deeper with each.
const MAX_SEGMENTS: usize = 64;

/// A pattern of the paths that a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    pub(super) segments: Box<[Segment]>,
    pub(super) tail: Tail,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This text, in its normal form. Only the last of a pattern may be empty: a trailing slash.
    Literal(Box<str>),
    /// Any one segment that is not empty.
    Parameter(Box<str>),
}

impl Segment {
    /// The text that it stands for; empty for a parameter.
    fn literal(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Parameter(_) => "",
        }
    }
}

/// The part of a path that may follow the segments of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    End,
    /// One or more segments, the first not empty.
    CatchAll(Box<str>),
    /// Anything, from a segment boundary on.
    Prefix,
    /// One segment or more, so that the whole path is matched by this.
    Regex(Expression),
}

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
    /// This parameter is only a part of its segment.
    PartialSegment(String),
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

impl PathPattern {
    /// Reads a template for whole paths: `/users/{id}`, `/files/{*path}`.
    ///
    /// # Errors
    /// The first reason why `text` is no template.
    pub fn template(text: &str, slash: EncodedSlash) -> Result<Self, PatternError> {
        Self::parse(text, slash, Tail::End)
    }

    /// Reads a prefix: `/v2` takes `/v2`, `/v2/` and `/v2/x`, never `/v2x` (Gateway API, `PathPrefix`). A slash at its end
    /// does not count; `/` takes every path.
    ///
    /// # Errors
    /// The first reason why `text` is no prefix.
    pub fn prefix(text: &str, slash: EncodedSlash) -> Result<Self, PatternError> {
        if text.ends_with("//") {
            return Err(PatternError::EmptySegment);
        }
        Self::parse(text.strip_suffix('/').filter(|t| !t.is_empty()).unwrap_or(text), slash, Tail::Prefix)
    }

    /// Reads a regular expression of whole paths, behind `prefix`, which is a literal path without a slash at its end.
    ///
    /// # Errors
    /// The reason why `text` is none, or why no path matches it.
    pub fn regex(prefix: &str, text: &str, slash: EncodedSlash, ignores_case: bool) -> Result<Self, PatternError> {
        Expression::parse(text, ignores_case).map_err(PatternError::Expression)?;
        let text = text.strip_prefix('^').unwrap_or(text);
        let whole = if prefix.is_empty() { text.to_owned() } else { format!("{}(?:{text})", escaped(prefix)) };
        let expression = Expression::parse(&whole, ignores_case).map_err(PatternError::Expression)?;
        if let Some(name) =
            expression.names().find(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        {
            return Err(PatternError::Name(name.to_owned()));
        }
        let start = expression.start();
        if !start.is_empty() && !start.starts_with('/') {
            return Err(PatternError::NotAbsolute);
        }
        // The segments that are sure lead to it, so that other paths never ask it.
        let segments = match start.rsplit_once('/') {
            Some((sure, _)) if !sure.is_empty() => {
                let segments = Self::parse(&quoted(sure), slash, Tail::End)?.segments;
                let normal: String = segments.iter().map(|segment| format!("/{}", segment.literal())).collect();
                if normal != sure {
                    return Err(PatternError::NotNormal(normal));
                }
                segments
            }
            _ => Box::default(),
        };
        Ok(Self { segments, tail: Tail::Regex(expression) })
    }

    fn parse(text: &str, slash: EncodedSlash, tail: Tail) -> Result<Self, PatternError> {
        if let Some(foreign) = Foreign::in_path(text) {
            return Err(PatternError::Foreign(foreign));
        }
        let rest = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        if let Some(delimiter) = text.bytes().find(|byte| matches!(byte, b'?' | b'#')) {
            return Err(PatternError::Delimiter(delimiter.into()));
        }
        let slashes = text.bytes().filter(|byte| *byte == b'/').count();
        let mut pattern = Parser { slash, tail, segments: Vec::with_capacity(slashes) };
        let mut rest = (pattern.tail != Tail::Prefix || !rest.is_empty()).then_some(rest);
        while let Some(text) = rest {
            let (segment, after) = split_segment(text);
            pattern.push(segment, after.is_none())?;
            rest = after;
        }
        if pattern.segments.len() > MAX_SEGMENTS {
            return Err(PatternError::TooLong);
        }
        Ok(Self { segments: pattern.segments.into(), tail: pattern.tail })
    }

    /// The parameters' names; the place of each is its index in [`Params`].
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let segments = self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(&**name),
            Segment::Literal(_) => None,
        });
        let (tail, expression) = match &self.tail {
            Tail::CatchAll(name) => (Some(&**name), None),
            Tail::Regex(expression) => (None, Some(expression)),
            Tail::End | Tail::Prefix => (None, None),
        };
        segments.chain(tail).chain(expression.into_iter().flat_map(Expression::names))
    }

    /// The index in [`Params`] of the parameter called `name`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<usize> {
        self.parameters().position(|n| n == name)
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The part of a path that may follow the segments.
    #[must_use]
    pub const fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The parameters' values in `path`, which is in its normal form, if the pattern takes it.
    #[must_use]
    pub fn matches(&self, path: &str) -> Option<Params> {
        if let Tail::Regex(expression) = &self.tail {
            let mut params = Params::default();
            expression.values(path)?.into_iter().for_each(|value| params.push_any(value, path));
            return Some(params);
        }
        let mut params = Params::default();
        let mut rest = Some(path.strip_prefix('/')?);
        for expected in &self.segments {
            let (segment, after) = split_segment(rest?);
            match expected {
                Segment::Literal(text) if **text == *segment => {}
                Segment::Parameter(_) if !segment.is_empty() => params.push(segment, path),
                Segment::Literal(_) | Segment::Parameter(_) => return None,
            }
            rest = after;
        }
        match (&self.tail, rest) {
            (Tail::End, None) => {}
            (Tail::CatchAll(_), Some(value)) if !value.is_empty() => params.push(value, path),
            (Tail::Prefix, rest) => params.set_rest(rest, path),
            (Tail::End | Tail::CatchAll(_) | Tail::Regex(_), _) => return None,
        }
        Some(params)
    }

    /// Returns whether it takes `path`, which is in its normal form.
    pub(super) fn takes(&self, path: &str) -> bool {
        if let Tail::Regex(expression) = &self.tail { expression.takes(path) } else { self.matches(path).is_some() }
    }

    /// Returns whether both may take one path, of two that stand at one place.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let (Tail::Regex(a), Tail::Regex(b)) = (&self.tail, &other.tail) else { return true };
        a.start().starts_with(b.start()) || b.start().starts_with(a.start())
    }

    /// The positions of the parameters.
    pub(super) fn shape(&self) -> Shape {
        let bit = |(at, segment): (usize, &Segment)| match segment {
            Segment::Parameter(_) => 1_u64 << at,
            Segment::Literal(_) => 0,
        };
        // INVARIANT: a pattern has at most as many segments as a `u64` has bits.
        let parameters = self.segments.iter().enumerate().map(bit).fold(0, |all, bit| all | bit);
        Shape {
            parameters,
            segments: u8::try_from(self.segments.len()).unwrap_or(u8::MAX),
            catch_all: matches!(self.tail, Tail::CatchAll(_)),
            prefix: self.tail == Tail::Prefix,
            regex: matches!(self.tail, Tail::Regex(_)),
        }
    }

    /// The pattern of the keys of its paths, by which routes are found.
    #[must_use]
    #[inline(never)]
    pub fn with_keys(mut self, key: impl Fn(&str) -> Cow<'_, str>) -> Self {
        // A final slash is an empty literal at the end.
        let takes_slash = key("/x/").len() < 3;
        if takes_slash
            && !matches!(self.tail, Tail::Regex(_))
            && self.segments.len() > 1
            && matches!(self.segments.last(), Some(Segment::Literal(last)) if last.is_empty())
        {
            let mut segments = core::mem::take(&mut self.segments).into_vec();
            segments.pop();
            self.segments = segments.into();
        }
        for segment in &mut self.segments {
            if let Segment::Literal(text) = segment {
                *text = key(text).into();
            }
        }
        self
    }

    /// One path that it takes.
    pub(crate) fn example(&self) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            path.push_str(match segment {
                Segment::Literal(text) => text,
                Segment::Parameter(_) => "x",
            });
        }
        match &self.tail {
            Tail::CatchAll(_) => path.push_str("/x"),
            Tail::Regex(expression) => return expression.example(),
            Tail::End | Tail::Prefix => {}
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

/// As it is written, in its normal form; a prefix ends with `/*`, so that it is told from a template.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Tail::Regex(expression) = &self.tail {
            return write!(f, "regex {expression}");
        }
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match &self.tail {
            Tail::End | Tail::Regex(_) => Ok(()),
            Tail::CatchAll(name) => write!(f, "/{{*{name}}}"),
            Tail::Prefix => f.write_str("/*"),
        }
    }
}

/// The positions of a pattern's parameters: enough to find their values in a path that the pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// One bit for each segment, the lowest for the first.
    parameters: u64,
    segments: u8,
    catch_all: bool,
    prefix: bool,
    /// Set if the values are those of an expression, which the shape does not know.
    pub(super) regex: bool,
}

impl Shape {
    /// The parameters' values in `path`, which the pattern takes.
    pub(super) fn params(self, path: &str) -> Params {
        let mut params = Params::default();
        // Without a tail, what follows the last parameter need not be looked at.
        let segments = if self.catch_all || self.prefix {
            u32::from(self.segments)
        } else {
            u64::BITS - self.parameters.leading_zeros()
        };
        let mut rest = path.strip_prefix('/');
        for at in 0..segments {
            let Some(text) = rest else { break };
            let (segment, after) = split_segment(text);
            if self.parameters >> at & 1 != 0 {
                params.push(segment, path);
            }
            rest = after;
        }
        match rest {
            Some(value) if self.catch_all => params.push(value, path),
            rest if self.prefix => params.set_rest(rest, path),
            _ => {}
        }
        params
    }
}

/// The first segment of `rest`, and what follows its slash, if it has one.
pub(super) fn split_segment(rest: &str) -> (&str, Option<&str>) {
    // Segments are short: a plain loop is done before a vectorised search has begun.
    let slash = rest.bytes().position(|byte| byte == b'/');
    match slash.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
        Some((segment, after)) => (segment, Some(after)),
        None => (rest, None),
    }
}

struct Parser {
    slash: EncodedSlash,
    tail: Tail,
    segments: Vec<Segment>,
}

impl Parser {
    fn push(&mut self, text: &str, last: bool) -> Result<(), PatternError> {
        if text.is_empty() {
            if !last || self.tail == Tail::Prefix {
                return Err(PatternError::EmptySegment);
            }
            self.segments.push(Segment::Literal("".into()));
            return Ok(());
        }
        if is_plain_segment(text) {
            self.segments.push(Segment::Literal(text.into()));
            return Ok(());
        }
        self.push_other(text, last)
    }

    /// A segment that is no text that stands for itself.
    #[inline(never)]
    fn push_other(&mut self, text: &str, last: bool) -> Result<(), PatternError> {
        if text.contains("{'") {
            let literal = self.literal(&unquoted(text)?)?;
            self.segments.push(Segment::Literal(literal));
            return Ok(());
        }
        if !text.contains(['{', '}']) {
            let literal = self.literal(text)?;
            self.segments.push(Segment::Literal(literal));
            return Ok(());
        }
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let Some(inner) = inner.filter(|t| !t.contains(['{', '}'])) else {
            return Err(if balanced(text) {
                PatternError::PartialSegment(text.to_owned())
            } else {
                PatternError::Braces(text.to_owned())
            });
        };
        if let Some(name) = inner.strip_prefix('*') {
            let name = self.name(name)?;
            if !last || self.tail != Tail::End {
                return Err(PatternError::CatchAllPlace(text.to_owned()));
            }
            self.tail = Tail::CatchAll(name);
        } else {
            let name = self.name(inner)?;
            self.segments.push(Segment::Parameter(name));
        }
        Ok(())
    }

    /// A name that templates can refer to.
    fn name(&self, name: &str) -> Result<Box<str>, PatternError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err(PatternError::Name(name.to_owned()));
        }
        if self.segments.iter().any(|segment| matches!(segment, Segment::Parameter(other) if **other == *name)) {
            return Err(PatternError::DuplicateName(name.to_owned()));
        }
        Ok(name.into())
    }

    /// The normal form of a literal segment. Characters beyond ASCII stand for their UTF-8 octets (RFC 3987 §3.1).
    #[inline(never)]
    fn literal(&self, text: &str) -> Result<Box<str>, PatternError> {
        let mut path = String::with_capacity(text.len() + 1);
        path.push('/');
        let mut utf8 = [0; 4];
        for c in text.chars() {
            if c.is_ascii() {
                path.push(c);
            } else {
                path.extend(c.encode_utf8(&mut utf8).bytes().map(|byte| format!("%{byte:02X}")));
            }
        }
        let lower = if text.contains('%') { text.to_ascii_lowercase() } else { String::new() };
        if matches!(text, "." | "..") || matches!(&*lower.replace("%2e", "."), "." | "..") {
            return Err(PatternError::DotSegment);
        }
        if self.slash != EncodedSlash::Keep && lower.contains("%2f") {
            return Err(PatternError::EncodedSlash(self.slash));
        }
        let normal = normalise(&path, self.slash).map_err(PatternError::Path)?;
        normal.strip_prefix('/').map(Into::into).ok_or(PatternError::NotAbsolute)
    }
}

/// The text of a segment with parts in `{'…'}`, which stand for themselves.
#[inline(never)]
fn unquoted(segment: &str) -> Result<String, PatternError> {
    let (mut out, mut rest) = (String::with_capacity(segment.len()), segment);
    while let Some((plain, quoted)) = rest.split_once("{'") {
        let Some((text, after)) = quoted.split_once("'}") else { return Err(PatternError::Braces(segment.to_owned())) };
        if plain.contains(['{', '}']) {
            return Err(PatternError::PartialSegment(segment.to_owned()));
        }
        out.push_str(plain);
        // As itself, a percent sign begins no encoding.
        out.push_str(&text.replace('%', "%25"));
        rest = after;
    }
    if rest.contains(['{', '}']) {
        return Err(PatternError::PartialSegment(segment.to_owned()));
    }
    out.push_str(rest);
    Ok(out)
}

/// `path` as a template for itself.
fn quoted(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'%');
    let quote = |segment: &str| {
        if segment.bytes().all(plain) { segment.to_owned() } else { format!("{{'{segment}'}}") }
    };
    path.split('/').map(quote).collect::<Vec<_>>().join("/")
}

/// Returns whether braces open and close in `text`, unnested.
fn balanced(text: &str) -> bool {
    let mut open = false;
    for c in text.chars() {
        match c {
            '{' if open => return false,
            '}' if !open => return false,
            '{' | '}' => open = !open,
            _ => {}
        }
    }
    !open
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
            Self::PartialSegment(text) => {
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
            Self::Expression(error) => error.help(),
            Self::NotNormal(normal) => return Cow::Owned(format!("begin it with `{normal}`")),
            Self::NotAbsolute => "put a `/` before it",
            Self::EmptySegment => "write a single `/`",
            Self::DotSegment => "write the path that it leads to",
            Self::Delimiter('?') => "match query parameters with `query`",
            Self::Delimiter(_) => "leave out the fragment: clients do not send it",
            Self::EncodedSlash(EncodedSlash::Decode) => "write `/`",
            Self::EncodedSlash(_) => "leave it out, or set `network.encodedSlash` to `keep`",
            Self::PartialSegment(_) => "give the parameter a segment of its own, such as `/{name}/`",
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

#[cfg(test)]
mod tests {
    use super::*;
    use EncodedSlash::{Decode, Keep, Reject};

    fn template(text: &str) -> PathPattern {
        PathPattern::template(text, Keep).unwrap()
    }

    fn prefix(text: &str) -> PathPattern {
        PathPattern::prefix(text, Keep).unwrap()
    }

    #[test]
    fn templates_match_whole_paths() {
        let table: &[(&str, &str, Option<&[&str]>)] = &[
            ("/", "/", Some(&[])),
            ("/", "/a", None),
            ("/a", "/a", Some(&[])),
            ("/a", "/a/", None),
            ("/a/", "/a/", Some(&[])),
            ("/a/", "/a", None),
            ("/users/{id}", "/users/7", Some(&["7"])),
            ("/users/{id}", "/users/", None),
            ("/users/{id}", "/users/7/", None),
            ("/users/{id}", "/users/a%2Fb", Some(&["a%2Fb"])),
            ("/users/{id}/orders/{order}", "/users/7/orders/8", Some(&["7", "8"])),
            ("/users/{id}/", "/users/7/", Some(&["7"])),
            ("/files/{*path}", "/files/a", Some(&["a"])),
            ("/files/{*path}", "/files/a/b/", Some(&["a/b/"])),
            ("/files/{*path}", "/files/", None),
            ("/files/{*path}", "/files", None),
            ("/{*path}", "/", None),
            ("/{*path}", "/a", Some(&["a"])),
            ("/{a}/{b}/{c}/{d}/{e}/{*f}", "/1/2/3/4/5/6/7", Some(&["1", "2", "3", "4", "5", "6/7"])),
        ];
        for (pattern, path, values) in table {
            let found = template(pattern).matches(path);
            let found: Option<Vec<&str>> = found.as_ref().map(|params| params.iter(path).collect());
            assert_eq!(found.as_deref(), *values, "{pattern} {path}");
        }
    }

    #[test]
    fn prefixes_match_by_segment() {
        // Gateway API, PathMatchPathPrefix: the pattern, the path, the rest after it.
        let table = [
            ("/v2", "/v2", Some(None)),
            ("/v2", "/v2/", Some(Some(""))),
            ("/v2", "/v2/x/y", Some(Some("x/y"))),
            ("/v2", "/v2x", None),
            ("/v2/", "/v2", Some(None)),
            ("/v2", "/v", None),
            ("/", "/", Some(Some(""))),
            ("/", "/a/b", Some(Some("a/b"))),
            ("/t/{tenant}", "/t/acme/x", Some(Some("x"))),
            ("/t/{tenant}", "/t/", None),
        ];
        for (pattern, path, rest) in table {
            assert_eq!(prefix(pattern).matches(path).map(|params| params.rest(path)), rest, "{pattern} {path}");
        }
    }

    #[test]
    fn literals_are_normalised_like_requests() {
        assert_eq!(template("/%7Euser"), template("/~user"));
        assert_eq!(template("/caf%c3%a9"), template("/café"));
        assert!(template("/a%2fb").matches("/a%2Fb").is_some());
        assert!(template("/{'a|b'}").matches("/a%7Cb").is_some());
        // In quotes, text stands for itself.
        assert!(template("/{':id'}").matches("/:id").is_some());
        assert!(template("/p{'(5)'}-{'$x'}").matches("/p(5)-$x").is_some());
        assert!(template("/{'50%'}").matches("/50%25").is_some());
        assert!(template("/{'{id}'}").matches("/%7Bid%7D").is_some());
        assert!(template("/%7Bid%7D").matches("/%7Bid%7D").is_some());
    }

    #[test]
    fn parameters_have_indices_by_name() {
        let pattern = template("/a/{x}/b/{y-1}/{*z_2}");
        assert_eq!(pattern.parameters().collect::<Vec<_>>(), ["x", "y-1", "z_2"]);
        assert_eq!(pattern.parameter("z_2"), Some(2));
        assert_eq!(pattern.parameter("nope"), None);
        assert_eq!(pattern.to_string(), "/a/{x}/b/{y-1}/{*z_2}");
        assert_eq!(prefix("/a/").to_string(), "/a/*");
        assert_eq!(prefix("/").to_string(), "/*");
    }

    #[test]
    fn patterns_that_nothing_matches_are_refused() {
        let text = str::to_owned;
        let table = [
            ("", PatternError::NotAbsolute),
            ("a", PatternError::NotAbsolute),
            ("/a//b", PatternError::EmptySegment),
            ("//", PatternError::EmptySegment),
            ("/a/./b", PatternError::DotSegment),
            ("/a/%2E%2e", PatternError::DotSegment),
            ("/a?b=1", PatternError::Delimiter('?')),
            ("/a#b", PatternError::Delimiter('#')),
            ("/a-{id}", PatternError::PartialSegment(text("a-{id}"))),
            ("/{a}{b}", PatternError::PartialSegment(text("{a}{b}"))),
            ("/{a", PatternError::Braces(text("{a"))),
            ("/a}", PatternError::Braces(text("a}"))),
            ("/{'a", PatternError::Braces(text("{'a"))),
            ("/{'a'}{b}", PatternError::PartialSegment(text("{'a'}{b}"))),
            ("/{b}{'a'}", PatternError::PartialSegment(text("{b}{'a'}"))),
            ("/{}", PatternError::Name(text(""))),
            ("/{*}", PatternError::Name(text(""))),
            ("/{a.b}", PatternError::Name(text("a.b"))),
            ("/{a}/{a}", PatternError::DuplicateName(text("a"))),
            ("/{a}/{*a}", PatternError::DuplicateName(text("a"))),
            ("/{*a}/b", PatternError::CatchAllPlace(text("{*a}"))),
            ("/{*a}/", PatternError::CatchAllPlace(text("{*a}"))),
            ("/50%", PatternError::Path(PathError::InvalidEncoding)),
            ("/a b", PatternError::Path(PathError::Delimiter)),
            ("/a\\b", PatternError::Path(PathError::Backslash)),
            ("/..%2Fa", PatternError::Path(PathError::HiddenDotSegment)),
        ];
        for (pattern, error) in table {
            assert_eq!(PathPattern::template(pattern, Keep), Err(error), "{pattern}");
        }
        for slash in [Decode, Reject] {
            assert_eq!(PathPattern::template("/a%2fb", slash), Err(PatternError::EncodedSlash(slash)));
        }
        assert_eq!(PathPattern::template(&"/a".repeat(65), Keep), Err(PatternError::TooLong));
        assert_eq!(PathPattern::prefix("/a//", Keep), Err(PatternError::EmptySegment));
        assert_eq!(PathPattern::prefix("//", Keep), Err(PatternError::EmptySegment));
        assert_eq!(PathPattern::prefix("/{*a}", Keep), Err(PatternError::CatchAllPlace(text("{*a}"))));
    }
}

//! Path patterns: literal segments, `{name}`, `{*name}`, and prefixes by segment.

mod error;
mod parser;
mod shape;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use self::parser::Parser;
use super::expression::{Expression, escaped};
use super::foreign::Foreign;
use super::foreign_expression::expression;
use super::params::Params;
use crate::config::EncodedSlash;

pub use self::error::PatternError;
pub(super) use self::shape::Shape;

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
        if let Some(foreign) = Foreign::in_path(text, tail == Tail::Prefix) {
            return Err(PatternError::Foreign(foreign));
        }
        let whole = text;
        let rest = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        if let Some(delimiter) = text.bytes().find(|byte| matches!(byte, b'?' | b'#')) {
            return Err(PatternError::Delimiter(delimiter.into()));
        }
        let slashes = text.bytes().filter(|byte| *byte == b'/').count();
        let mut pattern = Parser { slash, tail, segments: Vec::with_capacity(slashes) };
        let mut rest = (pattern.tail != Tail::Prefix || !rest.is_empty()).then_some(rest);
        while let Some(text) = rest {
            let (segment, after) = split_segment(text);
            pattern.push(segment, after.is_none()).map_err(|error| match error {
                PatternError::PartialSegment(segment, _) => {
                    PatternError::PartialSegment(segment, expression(whole, pattern.tail == Tail::Prefix))
                }
                other => other,
            })?;
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

/// The first segment of `rest`, and what follows its slash, if it has one.
pub(super) fn split_segment(rest: &str) -> (&str, Option<&str>) {
    // Segments are short: a plain loop is done before a vectorised search has begun.
    let slash = rest.bytes().position(|byte| byte == b'/');
    match slash.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))) {
        Some((segment, after)) => (segment, Some(after)),
        None => (rest, None),
    }
}

/// `path` as a template for itself.
fn quoted(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'%');
    let quote = |segment: &str| {
        if segment.bytes().all(plain) { segment.to_owned() } else { format!("{{'{segment}'}}") }
    };
    path.split('/').map(quote).collect::<Vec<_>>().join("/")
}

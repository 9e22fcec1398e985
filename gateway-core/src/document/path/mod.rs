//! JSONPath (RFC 9535): a query for parts of a document.
//!
//! The whole of the standard is there, but for the categories of characters (`\p{…}`) in the regular expressions of `match` and `search`.

mod compare;
mod evaluate;
mod filter;
mod parse;
mod pattern;

use core::fmt::{self, Display};

use self::filter::Filter;
use super::{TooMuch, Value};

/// A checked query.
#[derive(Clone, Debug)]
pub struct Path {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// A mistake in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The byte that it is seen at.
    pub at: usize,
    /// The message.
    pub message: &'static str,
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.at)
    }
}

/// A place in a document: the index of the child to take at each step from the root.
pub type Location = Vec<usize>;

/// The most steps that all places together have which one query finds: each takes room.
const MOST_STEPS: usize = 1 << 21;

/// A segment (RFC 9535 §2.5).
#[derive(Clone, Debug)]
struct Segment {
    /// Set if it is about all descendants, and not the children alone.
    is_deep: bool,
    selectors: Box<[Selector]>,
}

/// A selector (RFC 9535 §2.3).
#[derive(Clone, Debug)]
enum Selector {
    Name(Box<str>),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Box<Filter>),
}

impl Path {
    /// Reads a query.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        parse::query(text).map(|segments| Self { text: text.into(), segments })
    }

    /// The query as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it selects one node at the most (RFC 9535 §2.3.5.1).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        filter::is_singular(&self.segments)
    }

    /// The name of the root's member that all that it selects is in, if it says one.
    #[must_use]
    pub fn root_name(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment { is_deep: false, selectors }) => match &**selectors {
                [Selector::Name(name)] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The places that it selects in `document`, in their order; one may be there more than once.
    ///
    /// # Errors
    /// It takes more work than a query may.
    pub fn locations(&self, document: &Value) -> Result<Vec<Location>, TooMuch> {
        let nodes = evaluate::Evaluation::new(document).query(&self.segments)?;
        let mut room = MOST_STEPS;
        let mut locations = Vec::with_capacity(nodes.len());
        for node in nodes {
            let location = node.location();
            room = room.checked_sub(location.len()).ok_or(TooMuch)?;
            locations.push(location);
        }
        Ok(locations)
    }

    /// The values that it selects in `document`, in their order.
    ///
    /// # Errors
    /// It takes more work than a query may.
    pub fn values<'d>(&self, document: &'d Value) -> Result<Vec<&'d Value>, TooMuch> {
        let nodes = evaluate::Evaluation::new(document).query(&self.segments)?;
        Ok(nodes.iter().map(|node| node.value).collect())
    }
}

/// The value at `location`.
#[must_use]
pub fn at<'d>(document: &'d mut Value, location: &[usize]) -> Option<&'d mut Value> {
    location.iter().try_fold(document, |value, index| value.child_mut(*index))
}

#[cfg(test)]
mod tests;

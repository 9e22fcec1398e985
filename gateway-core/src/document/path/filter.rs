//! The parts of a filter (RFC 9535 §2.3.5), of which all types are known before there is a document.

use regex_lite::Regex;

use super::{Segment, Selector};
use crate::document::Value;

/// A logical expression.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    Or(Box<[Self]>),
    And(Box<[Self]>),
    Not(Box<Self>),
    /// The query selects something.
    Exists(Query),
    Compare(Operand, Comparison, Operand),
    /// A text is matched by a regular expression: all of it if `is_whole`, or any part.
    Match {
        text: Operand,
        pattern: Pattern,
        is_whole: bool,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A regular expression (RFC 9485).
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// One that is written in the query.
    Written(Box<Regex>),
    /// One that stands in the document.
    Stated(Operand),
}

/// A value, or nothing.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Value),
    /// The value of the one node that a singular query selects.
    Singular(Query),
    Length(Box<Self>),
    Count(Query),
    Value(Query),
}

/// A query within a filter.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// Set for `$`, which is the whole document; else it is of `@`, the node at hand.
    pub(super) is_of_root: bool,
    pub(super) segments: Box<[Segment]>,
}

/// Returns whether `segments` select one node at the most.
pub(super) fn is_singular(segments: &[Segment]) -> bool {
    segments
        .iter()
        .all(|segment| !segment.is_deep && matches!(&*segment.selectors, [Selector::Name(_) | Selector::Index(_)]))
}

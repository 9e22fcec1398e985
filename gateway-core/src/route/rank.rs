//! The order in which routes are tried.

use std::cmp::{Ordering, Reverse};

use crate::config::Ties;
use crate::net::Scheme;

use super::{MethodSet, PathPattern, Segment, Spec, Tail};

/// The rank of `spec` among those with the same host and path: lower is tried earlier. Two of the same rank that can
/// take the same request are a conflict.
pub(super) fn precedence(spec: &Spec) -> u64 {
    let fewer = |count: usize| u64::from(u16::MAX - u16::try_from(count).unwrap_or(u16::MAX));
    u64::from(spec.methods.is_empty()) << 32
        | fewer(spec.headers.len() + spec.cookies.len() + usize::from(spec.client.is_some())) << 16
        | fewer(spec.query.len())
}

/// Returns whether the spec lists HEAD itself. For a HEAD request such a route goes before one that lists only GET. For
/// others it makes no difference: routes that share another method are told apart by [`precedence`] or refused.
pub(super) fn lists_head(spec: &Spec) -> bool {
    spec.methods.contains(MethodSet::HEAD)
}

/// The total order over all specs. Patterns that never take the same request are ordered too: by their text.
pub(super) fn compare(a: &Spec, b: &Spec) -> Ordering {
    let scheme = |spec: &Spec| spec.scheme.map(Scheme::as_str);
    // `None` is the least, and goes last.
    (b.scheme.is_some().cmp(&a.scheme.is_some()))
        .then_with(|| scheme(a).cmp(&scheme(b)))
        .then_with(|| compare_in_scheme(a, b))
}

fn compare_in_scheme(a: &Spec, b: &Spec) -> Ordering {
    b.host
        .specificity()
        .cmp(&a.host.specificity())
        .then_with(|| a.host.to_string().cmp(&b.host.to_string()))
        .then_with(|| compare_paths(&a.path, &b.path))
        .then_with(|| precedence(a).cmp(&precedence(b)))
        .then_with(|| Reverse(head_first(a)).cmp(&Reverse(head_first(b))))
}

/// Where the order of the list decides, that holds for all methods but HEAD.
fn head_first(spec: &Spec) -> bool {
    lists_head(spec) && spec.ties == Ties::Refuse
}

/// A rule by which one route goes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One is for a certain scheme.
    Scheme,
    /// Its host is more specific.
    Host,
    /// Its path is more specific.
    Path,
    /// It lists methods.
    Methods,
    /// It has more conditions on header fields, cookies and the client's address.
    Conditions,
    /// It has more conditions on query parameters.
    Query,
    /// It lists HEAD.
    Head,
    /// It comes first in the file.
    Order,
}

impl Rule {
    /// The first rule that `first` goes before `second` by, for requests by HEAD if `is_head`.
    #[must_use]
    pub fn between(first: &Spec, second: &Spec, is_head: bool) -> Self {
        let conditions = |spec: &Spec| spec.headers.len() + spec.cookies.len() + usize::from(spec.client.is_some());
        if first.scheme.is_some() != second.scheme.is_some() {
            Self::Scheme
        } else if first.host.specificity() != second.host.specificity() {
            Self::Host
        } else if compare_paths(&first.path, &second.path) != Ordering::Equal {
            Self::Path
        } else if first.methods.is_empty() != second.methods.is_empty() {
            Self::Methods
        } else if conditions(first) != conditions(second) {
            Self::Conditions
        } else if first.query.len() != second.query.len() {
            Self::Query
        } else if is_head && lists_head(first) != lists_head(second) {
            Self::Head
        } else {
            Self::Order
        }
    }
}

fn compare_paths(a: &PathPattern, b: &PathPattern) -> Ordering {
    let steps = |pattern| Steps { pattern, next: 0 };
    steps(a).cmp(steps(b))
}

/// A demand of a pattern on a path, from the left. The derived order is the order of matching.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step<'s> {
    Literal(&'s str),
    Regex,
    Parameter,
    End,
    CatchAll,
    Prefix,
}

struct Steps<'s> {
    pattern: &'s PathPattern,
    next: usize,
}

impl<'s> Iterator for Steps<'s> {
    type Item = Step<'s>;

    fn next(&mut self) -> Option<Step<'s>> {
        let step = match self.pattern.segments.get(self.next) {
            Some(Segment::Literal(text)) => Step::Literal(text),
            Some(Segment::Parameter(_)) => Step::Parameter,
            None if self.next > self.pattern.segments.len() => return None,
            None => match self.pattern.tail {
                Tail::End => Step::End,
                Tail::CatchAll(_) => Step::CatchAll,
                Tail::Prefix => Step::Prefix,
                Tail::Regex(_) => Step::Regex,
            },
        };
        self.next += 1;
        Some(step)
    }
}

//! The order in which routes are tried.

use std::cmp::{Ordering, Reverse};

use super::{MethodSet, PathPattern, Segment, Spec, Tail};

/// The rank of `spec` among those with the same host and path: lower is tried earlier. Two of the same rank that can
/// take the same request are a conflict.
pub(super) fn precedence(spec: &Spec) -> u64 {
    let fewer = |count: usize| u64::from(u16::MAX - u16::try_from(count).unwrap_or(u16::MAX));
    u64::from(spec.methods.is_empty()) << 32
        | fewer(spec.headers.len() + spec.cookies.len()) << 16
        | fewer(spec.query.len())
}

/// Returns whether the spec lists HEAD itself. For a HEAD request such a route goes before one that lists only GET. For
/// others it makes no difference: routes that share another method are told apart by [`precedence`] or refused.
pub(super) fn lists_head(spec: &Spec) -> bool {
    spec.methods.contains(MethodSet::HEAD)
}

/// The total order over all specs. Patterns that never take the same request are ordered too: by their text.
pub(super) fn compare(a: &Spec, b: &Spec) -> Ordering {
    b.host
        .specificity()
        .cmp(&a.host.specificity())
        .then_with(|| a.host.to_string().cmp(&b.host.to_string()))
        .then_with(|| compare_paths(&a.path, &b.path))
        .then_with(|| precedence(a).cmp(&precedence(b)))
        .then_with(|| Reverse(lists_head(a)).cmp(&Reverse(lists_head(b))))
}

fn compare_paths(a: &PathPattern, b: &PathPattern) -> Ordering {
    let steps = |pattern| Steps { pattern, next: 0 };
    steps(a).cmp(steps(b))
}

/// A demand of a pattern on a path, from the left. The derived order is the order of matching.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step<'s> {
    Literal(&'s str),
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
            },
        };
        self.next += 1;
        Some(step)
    }
}

//! The values of a matched path's parameters.

/// The number of values that fit without an allocation.
const INLINE: usize = 4;

/// The values of a path's parameters, still percent-encoded, in the order of
/// [`PathPattern::parameters`](super::PathPattern::parameters). The first four need no allocation.
///
/// They are kept as places in the path, which is asked for with each value: so they can be kept beside the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    inline: [Span; INLINE],
    more: Vec<Span>,
    len: usize,
    rest: Option<Span>,
}

/// A part of a path, in bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The place of no value.
    const NONE: Self = Self { start: u32::MAX, end: 0 };

    /// The place of `part` in `path`, of which it is a part.
    fn of(part: &str, path: &str) -> Self {
        // INVARIANT: every platform bounds URLs far below 4 GiB (`Limits::MOST_URL_BYTES`).
        let start = part.as_ptr().addr().saturating_sub(path.as_ptr().addr()) as u32;
        Self { start, end: start + part.len() as u32 }
    }

    fn text(self, path: &str) -> Option<&str> {
        path.get(self.start as usize..self.end as usize)
    }
}

impl Params {
    /// The value of the parameter with this index in `path`, the path that was matched.
    #[must_use]
    pub fn value<'p>(&self, index: usize, path: &'p str) -> Option<&'p str> {
        let span = if index < INLINE {
            self.inline.get(index).filter(|_| index < self.len)
        } else {
            self.more.get(index - INLINE)
        };
        span?.text(path)
    }

    /// The part of `path` behind a matched prefix and its slash; none if the path ends with the prefix, or no prefix was
    /// matched.
    #[must_use]
    pub fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        self.rest?.text(path)
    }

    /// The number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values in `path`, in order.
    pub fn iter<'p>(&self, path: &'p str) -> impl Iterator<Item = &'p str> {
        self.inline.iter().take(self.len).chain(&self.more).filter_map(|span| span.text(path))
    }

    /// Adds a value, which is a part of `path`.
    pub(super) fn push(&mut self, value: &str, path: &str) {
        self.push_span(Span::of(value, path));
    }

    fn push_span(&mut self, span: Span) {
        match self.inline.get_mut(self.len) {
            Some(slot) => *slot = span,
            None => self.more.push(span),
        }
        self.len += 1;
    }

    /// Adds a value, or the lack of one.
    pub(super) fn push_any(&mut self, value: Option<&str>, path: &str) {
        match value {
            Some(value) => self.push(value, path),
            None => self.push_span(Span::NONE),
        }
    }

    /// Sets what follows a matched prefix, which is a part of `path`.
    pub(super) fn set_rest(&mut self, rest: Option<&str>, path: &str) {
        self.rest = rest.map(|rest| Span::of(rest, path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_beyond_the_inline_ones() {
        let path = "/a/b/c/d/e/f";
        let mut params = Params::default();
        assert!(params.is_empty());
        for value in path.split('/').skip(1) {
            params.push(value, path);
        }
        assert_eq!(params.len(), 6);
        assert_eq!(params.iter(path).collect::<String>(), "abcdef");
        assert_eq!(
            [params.value(0, path), params.value(3, path), params.value(4, path), params.value(6, path)],
            [Some("a"), Some("d"), Some("e"), None]
        );
    }
}

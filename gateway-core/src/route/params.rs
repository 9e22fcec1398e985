//! The values of a matched path's parameters.

/// How many values fit without an allocation.
const INLINE: usize = 4;

/// The values of a path's parameters, still percent-encoded, in the order of
/// [`PathPattern::parameters`](super::PathPattern::parameters). The first four need no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'r> {
    inline: [&'r str; INLINE],
    more: Vec<&'r str>,
    len: usize,
    pub(super) rest: Option<&'r str>,
}

impl<'r> Params<'r> {
    /// The value of the parameter with this index.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&'r str> {
        if index < INLINE {
            self.inline.get(index).copied().filter(|_| index < self.len)
        } else {
            self.more.get(index - INLINE).copied()
        }
    }

    /// What follows a matched prefix and its slash; none if the path ends with the prefix, or no prefix was matched.
    #[must_use]
    pub const fn rest(&self) -> Option<&'r str> {
        self.rest
    }

    /// The number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'r str> {
        self.inline.iter().take(self.len).chain(&self.more).copied()
    }

    pub(super) fn push(&mut self, value: &'r str) {
        match self.inline.get_mut(self.len) {
            Some(place) => *place = value,
            None => self.more.push(value),
        }
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_order_beyond_the_inline_ones() {
        let mut params = Params::default();
        assert!(params.is_empty());
        for value in ["a", "b", "c", "d", "e", "f"] {
            params.push(value);
        }
        assert_eq!(params.len(), 6);
        assert_eq!(params.iter().collect::<String>(), "abcdef");
        assert_eq!(
            [params.value(0), params.value(3), params.value(4), params.value(6)],
            [Some("a"), Some("d"), Some("e"), None]
        );
    }
}

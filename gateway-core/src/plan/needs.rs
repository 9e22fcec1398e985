//! The parts of an exchange that a route needs, folded from its steps when the configuration is loaded.

/// The parts of an exchange that the core needs.
///
/// An adapter need not bring any other part into the core: a Worker relays the head of a response that no step needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The head of the upstream's response: a step depends on it.
    pub head: bool,
    /// The end of the response's body: work waits for it.
    pub end: bool,
    /// The request's body.
    pub request: BodyUse,
    /// The response's body.
    pub response: BodyUse,
}

/// The use of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyUse {
    /// None: the host's stream passes as it is.
    #[default]
    Untouched,
    /// Its chunks are looked at on their way.
    Chunks,
    /// All of it is read first.
    Whole {
        /// The most bytes that are read.
        limit: u64,
    },
}

impl Needs {
    /// Nothing is needed.
    pub const NONE: Self = Self { head: false, end: false, request: BodyUse::Untouched, response: BodyUse::Untouched };

    /// The needs of this and `other` together; of two limits the lower one holds.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            head: self.head || other.head,
            end: self.end || other.end,
            request: self.request.and(other.request),
            response: self.response.and(other.response),
        }
    }
}

impl BodyUse {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole { limit: one }, Self::Whole { limit: other }) => Self::Whole { limit: one.min(other) },
            (one, other) => one.max(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_need_and_the_lower_limit_hold() {
        let whole = |limit| Needs { request: BodyUse::Whole { limit }, ..Needs::NONE };
        let chunks = Needs { request: BodyUse::Chunks, head: true, ..Needs::NONE };
        assert_eq!(whole(5).and(whole(3)), whole(3));
        assert_eq!(chunks.and(whole(u64::MAX)), Needs { head: true, ..whole(u64::MAX) });
        assert_eq!(Needs::NONE.and(chunks), chunks);
    }
}

//! Operations on a counter cell, as every store runs them: inside a Durable Object, in a SQL transaction, in a map.

use core::time::Duration;

/// What to do to a cell. A store keeps a cell's state as the 64-bit number that [`gcra`](super::gcra) defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterOp {
    /// Ask a rate limit to admit one request of `cost`.
    Gcra {
        /// The limit.
        quota: super::gcra::Quota,
        /// How many of the quota's units the request takes.
        cost: u32,
    },
}

/// What a store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterVerdict {
    /// The answer to [`CounterOp::Gcra`].
    Gcra(super::gcra::Verdict),
}

impl CounterVerdict {
    /// How long a store has to keep the cell's state after this answer.
    #[must_use]
    pub const fn keep_for(self) -> Duration {
        match self {
            Self::Gcra(verdict) => verdict.reset_after,
        }
    }
}

//! Counter cells as programs of the core: a store applies an operation without knowing which one it is.
//!
//! A store that runs Rust where its cells live (a Durable Object, a map in memory) keeps a [`State`] and calls [`step`]. A
//! store that computes by itself (SQLite, Redis) runs the [`Program`] that [`program`] makes, and [`verdict`] reads its reply.
//! A new operation is a kernel, a program, and an arm in each `match` of this module; no store changes.

mod bytes;
mod program;

use core::time::Duration;

pub use self::bytes::PACKED;
pub use self::program::{Program, SCRIPTS, SQL_SCHEMA, SQL_SWEEP, program, verdict};
use super::quota::{Quota, Verdict};
use super::sliding_window::Window;
use super::{gcra, sliding_window};
use crate::time::Timestamp;

/// An operation on a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterOp {
    /// Asks a rate limit to admit one request of `cost`, by [`gcra`].
    Gcra {
        /// The limit.
        quota: Quota,
        /// How many of the quota's units the request takes.
        cost: u32,
    },
    /// Asks a rate limit to admit one request of `cost`, by [`sliding_window`].
    SlidingWindow {
        /// The limit.
        quota: Quota,
        /// How many of the quota's units the request takes.
        cost: u32,
    },
}

/// A store's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterVerdict {
    /// The answer of a rate limit, whatever its algorithm.
    Quota(Verdict),
}

impl CounterVerdict {
    /// The answer of a rate limit.
    #[must_use]
    pub const fn quota(self) -> Option<Verdict> {
        match self {
            Self::Quota(verdict) => Some(verdict),
        }
    }
}

/// The state of a cell between two operations. One that another kind of operation left counts as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A theoretical arrival time, as [`gcra::decide`] defines it.
    Gcra(u64),
    /// The counts of two windows, as [`sliding_window::decide`] keeps them.
    SlidingWindow(Window),
}

/// The outcome of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state to store in place of the earlier one.
    pub state: State,
    /// The answer.
    pub verdict: CounterVerdict,
    /// How long the store has to keep the state; afterwards it says nothing that no state does not say.
    pub keep_for: Duration,
}

impl Step {
    /// The outcome of asking a rate limit. Its state says nothing more once the quota is whole again.
    const fn quota(state: State, verdict: Verdict) -> Self {
        Self { state, verdict: CounterVerdict::Quota(verdict), keep_for: verdict.reset_after }
    }
}

/// Applies `op` to a cell that holds `state`, or nothing if it is new or was forgotten.
#[must_use]
#[inline]
pub fn step(op: CounterOp, state: Option<State>, now: Timestamp) -> Step {
    match op {
        CounterOp::Gcra { quota, cost } => {
            let state = if let Some(State::Gcra(arrival)) = state { Some(arrival) } else { None };
            let (state, verdict) = gcra::decide(state, now, quota, cost);
            Step::quota(State::Gcra(state), verdict)
        }
        CounterOp::SlidingWindow { quota, cost } => {
            let state = if let Some(State::SlidingWindow(window)) = state { Some(window) } else { None };
            let (state, verdict) = sliding_window::decide(state, now, quota, cost);
            Step::quota(State::SlidingWindow(state), verdict)
        }
    }
}

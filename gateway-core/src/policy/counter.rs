//! Counter cells as programs of the core: a store applies an operation without knowing its kind.
//!
//! A store that runs Rust where its cells live (a Durable Object, a map in memory) keeps a [`State`] and calls
//! [`step`]. A store that computes by itself (SQLite, Redis) runs the [`Program`] from [`program`], and [`verdict`]
//! reads its reply. A new operation is a kernel, a program, and an arm in each `match` of this module; no store
//! changes.

mod bytes;
mod program;

use core::time::Duration;

pub use self::bytes::PACKED;
pub use self::program::{Program, SCRIPTS, SQL_SCHEMA, SQL_SWEEP, program, verdict};
use super::claim::{self, Claim, Wish};
use super::fixed_window::{Count, Span};
use super::lease::{self, Lease};
use super::quota::{Quota, Verdict};
use super::sliding_window::Window;
use super::{fixed_window, gcra, once, sliding_window};
use crate::time::Timestamp;

/// An operation on a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterOp {
    /// Asks a rate limit to admit one request of `cost`, by [`gcra`].
    Gcra {
        /// The limit.
        quota: Quota,
        /// The units of the quota that the request takes.
        cost: u32,
    },
    /// Asks a rate limit to admit one request of `cost`, by [`sliding_window`].
    SlidingWindow {
        /// The limit.
        quota: Quota,
        /// The units of the quota that the request takes.
        cost: u32,
    },
    /// Asks a rate limit to admit one request of `cost`, by [`fixed_window`].
    FixedWindow {
        /// The present window.
        span: Span,
        /// The units that a window admits.
        limit: u32,
        /// The units that the request takes.
        cost: u32,
    },
    /// Has a request that a rate limit has admitted take `change` more units, or fewer.
    Settle {
        /// The limit.
        limiter: Limiter,
        /// The difference.
        change: i32,
    },
    /// Asks for a place in the cell, by [`lease::acquire`].
    Acquire {
        /// The unique number of the asking holder.
        holder: u64,
        /// The number of places.
        limit: u32,
        /// The longest that the holder keeps the place without asking again.
        lease: Duration,
    },
    /// Gives a place back, by [`lease::release`].
    Release {
        /// The number of the place's holder.
        holder: u64,
    },
    /// Asks for the cell itself, by [`once::decide`].
    Once {
        /// The time for which nobody else gets it; none gives it back.
        keep: Duration,
    },
    /// Asks for the cell to do what others want to be done, too, by [`claim::claim`].
    Claim(Wish),
    /// Ends such a claim, by [`claim::conclude`].
    Conclude {
        /// The number of its owner.
        holder: u64,
        /// The time for which the cell is kept from now on; none gives it back.
        keep: Duration,
    },
}

/// A rate limit that has admitted a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// One that counts by [`gcra`].
    Gcra(Quota),
    /// One that counts by [`sliding_window`].
    SlidingWindow {
        /// The limit.
        quota: Quota,
        /// The number of the window that has admitted the request.
        at: u64,
    },
    /// One that counts by [`fixed_window`].
    FixedWindow {
        /// The present window.
        span: Span,
        /// The end of the window that has admitted the request.
        at: Timestamp,
    },
}

/// A store's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterVerdict {
    /// The answer of a rate limit, whatever its algorithm.
    Quota(Verdict),
    /// The answer to [`CounterOp::Acquire`].
    Lease(lease::Verdict),
    /// The answer to [`CounterOp::Settle`].
    Settled,
    /// The answer to [`CounterOp::Release`].
    Released,
    /// The answer to [`CounterOp::Once`].
    Once {
        /// Set if the cell is given to who asked.
        first: bool,
    },
    /// The answer to [`CounterOp::Claim`].
    Claim(claim::Verdict),
    /// The answer to [`CounterOp::Conclude`].
    Concluded,
}

impl CounterVerdict {
    /// The answer of a rate limit.
    #[must_use]
    pub const fn quota(self) -> Option<Verdict> {
        match self {
            Self::Quota(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// The answer to [`CounterOp::Acquire`].
    #[must_use]
    pub const fn lease(self) -> Option<lease::Verdict> {
        match self {
            Self::Lease(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// The answer to [`CounterOp::Once`]: whether the cell is given to who asked.
    #[must_use]
    pub const fn once(self) -> Option<bool> {
        match self {
            Self::Once { first } => Some(first),
            _ => None,
        }
    }

    /// The answer to [`CounterOp::Claim`].
    #[must_use]
    pub const fn claim(self) -> Option<claim::Verdict> {
        match self {
            Self::Claim(verdict) => Some(verdict),
            _ => None,
        }
    }
}

/// The state of a cell between two operations. A state of another kind of operation counts as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A theoretical arrival time, as [`gcra::decide`] defines it.
    Gcra(u64),
    /// The counts of two windows, as [`sliding_window::decide`] keeps them.
    SlidingWindow(Window),
    /// The count of a window, as [`fixed_window::decide`] keeps it.
    FixedWindow(Count),
    /// The holders of the cell's places.
    Leases(Vec<Lease>),
    /// The time until which the cell is given.
    Once(Timestamp),
    /// A claim. Boxed: the states of limits, of which there are many more, stay small.
    Claim(Box<Claim>),
}

/// The outcome of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state to store in place of the earlier one.
    pub state: State,
    /// The answer.
    pub verdict: CounterVerdict,
    /// The time for which the store has to keep the state. Afterwards it means the same as no state.
    pub keep_for: Duration,
}

impl Step {
    /// The outcome of asking a rate limit. Its state means nothing more once the quota is whole again.
    const fn quota(state: State, verdict: Verdict) -> Self {
        Self { state, verdict: CounterVerdict::Quota(verdict), keep_for: verdict.reset_after }
    }

    fn claim(claim: Claim, now: Timestamp, verdict: CounterVerdict) -> Self {
        Self { keep_for: claim.expires.saturating_since(now), state: State::Claim(Box::new(claim)), verdict }
    }

    fn leases(leases: Vec<Lease>, now: Timestamp, verdict: CounterVerdict) -> Self {
        Self { keep_for: lease::keep_for(&leases, now), state: State::Leases(leases), verdict }
    }
}

/// Applies `op` to a cell that holds `state`, or nothing if it is new or was forgotten.
#[must_use]
#[inline]
pub fn step(op: CounterOp, state: Option<State>, now: Timestamp) -> Step {
    match op {
        CounterOp::Gcra { quota, cost } => {
            let (state, verdict) = gcra::decide(arrival(state), now, quota, cost);
            Step::quota(State::Gcra(state), verdict)
        }
        CounterOp::SlidingWindow { quota, cost } => {
            let (state, verdict) = sliding_window::decide(window(state), now, quota, cost);
            Step::quota(State::SlidingWindow(state), verdict)
        }
        CounterOp::FixedWindow { span, limit, cost } => {
            let (count, verdict) = fixed_window::decide(count(state), now, span, limit, cost);
            let keep_for = fixed_window::keep_for(count, now);
            Step { state: State::FixedWindow(count), verdict: CounterVerdict::Quota(verdict), keep_for }
        }
        CounterOp::Settle { limiter, change } => {
            let (state, keep_for) = match limiter {
                Limiter::Gcra(quota) => {
                    let (state, keep_for) = gcra::settle(arrival(state), now, quota, change);
                    (State::Gcra(state), keep_for)
                }
                Limiter::SlidingWindow { quota, at } => {
                    let (state, keep_for) = sliding_window::settle(window(state), now, quota, at, change);
                    (State::SlidingWindow(state), keep_for)
                }
                Limiter::FixedWindow { span, at } => {
                    let count = fixed_window::settle(count(state), span, at, change);
                    (State::FixedWindow(count), fixed_window::keep_for(count, now))
                }
            };
            Step { state, verdict: CounterVerdict::Settled, keep_for }
        }
        CounterOp::Acquire { holder, limit, lease } => {
            let (leases, verdict) = lease::acquire(leases(state), now, holder, limit, lease);
            Step::leases(leases, now, CounterVerdict::Lease(verdict))
        }
        CounterOp::Release { holder } => {
            Step::leases(lease::release(leases(state), holder), now, CounterVerdict::Released)
        }
        CounterOp::Once { keep } => {
            let given = if let Some(State::Once(until)) = state { Some(until) } else { None };
            let (until, first) = once::decide(given, now, keep);
            let keep_for = until.saturating_since(now);
            Step { state: State::Once(until), verdict: CounterVerdict::Once { first }, keep_for }
        }
        CounterOp::Claim(wish) => {
            let (claim, verdict) = claim::claim(claimed(state), now, wish);
            Step::claim(claim, now, CounterVerdict::Claim(verdict))
        }
        CounterOp::Conclude { holder, keep } => match claim::conclude(claimed(state), now, holder, keep) {
            Some(claim) => Step::claim(claim, now, CounterVerdict::Concluded),
            // A cell of which nothing is known says nothing afterwards.
            None => Step { state: State::Once(now), verdict: CounterVerdict::Concluded, keep_for: Duration::ZERO },
        },
    }
}

fn arrival(state: Option<State>) -> Option<u64> {
    if let Some(State::Gcra(arrival)) = state { Some(arrival) } else { None }
}

fn window(state: Option<State>) -> Option<Window> {
    if let Some(State::SlidingWindow(window)) = state { Some(window) } else { None }
}

fn count(state: Option<State>) -> Option<Count> {
    if let Some(State::FixedWindow(count)) = state { Some(count) } else { None }
}

fn claimed(state: Option<State>) -> Option<Claim> {
    if let Some(State::Claim(claim)) = state { Some(*claim) } else { None }
}

fn leases(state: Option<State>) -> Vec<Lease> {
    if let Some(State::Leases(leases)) = state { leases } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store keeps millions of states: each takes two numbers and a tag, or a list of holders.
    #[test]
    fn a_state_is_small() {
        assert!(size_of::<Option<State>>() <= 24, "{}", size_of::<Option<State>>());
    }

    /// A cell's name tells the kind of its state; even if two kinds meet, neither is taken for the other.
    #[test]
    fn a_state_of_another_kind_counts_as_none() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let quota = Quota { limit: 1, window: Duration::from_secs(60), burst: 1 };
        let ops = [
            CounterOp::Gcra { quota, cost: 1 },
            CounterOp::SlidingWindow { quota, cost: 1 },
            CounterOp::FixedWindow { span: Span::of(quota.window, now), limit: 1, cost: 1 },
            CounterOp::Acquire { holder: 1, limit: 1, lease: Duration::from_secs(60) },
            CounterOp::Once { keep: Duration::from_secs(60) },
            CounterOp::Claim(Wish {
                holder: 1,
                print: 1,
                lease: Duration::from_secs(60),
                keep: Duration::from_secs(60),
            }),
        ];
        for op in ops {
            let fresh = step(op, None, now);
            for other in ops.into_iter().filter(|other| *other != op) {
                assert_eq!(step(op, Some(step(other, None, now).state), now), fresh, "{op:?} after {other:?}");
            }
        }
    }
}

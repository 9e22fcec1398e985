//! Operations for stores that compute by themselves: SQL (SQLite) and Lua (Redis).

use super::super::fixed_window::{self, Count};
use super::super::sliding_window::{self, Window};
use super::super::{
    claim_store, fixed_window_store, gcra, gcra_store, lease, lease_store, once_store, sliding_window_store,
};
use super::{CounterOp, CounterVerdict, Limiter};
use crate::time::Timestamp;

/// An operation in a store's language: one atomic statement, however many gateways ask at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// An SQL statement. Parameters: the cell's name, then [`args`](Self::args). It returns at most one row.
    pub sql: &'static str,
    /// A Redis script, one of [`SCRIPTS`]. Key: the cell's name; arguments: [`args`](Self::args). It returns a list.
    pub lua: &'static str,
    /// The numbers of this operation at this time.
    pub args: Vec<i64>,
}

/// Statements that create the tables for the SQL of all programs, and may run again on existing ones.
pub const SQL_SCHEMA: &[&str] = &[
    gcra_store::SQL_CREATE,
    gcra_store::SQL_CREATE_INDEX,
    sliding_window_store::SQL_CREATE,
    sliding_window_store::SQL_CREATE_INDEX,
    fixed_window_store::SQL_CREATE,
    fixed_window_store::SQL_CREATE_INDEX,
    lease_store::SQL_CREATE,
    lease_store::SQL_CREATE_INDEX,
    once_store::SQL_CREATE,
    once_store::SQL_CREATE_INDEX,
    claim_store::SQL_CREATE,
    claim_store::SQL_CREATE_INDEX,
];

/// Statements that each remove some cells that expired before their parameter, in milliseconds since the Unix epoch.
pub const SQL_SWEEP: &[&str] = &[
    gcra_store::SQL_SWEEP,
    sliding_window_store::SQL_SWEEP,
    fixed_window_store::SQL_SWEEP,
    lease_store::SQL_SWEEP,
    once_store::SQL_SWEEP,
    claim_store::SQL_SWEEP,
];

/// The scripts of all programs.
pub const SCRIPTS: &[&str] = &[
    gcra_store::REDIS_DECIDE,
    sliding_window_store::REDIS_DECIDE,
    fixed_window_store::REDIS_DECIDE,
    gcra_store::REDIS_SETTLE,
    sliding_window_store::REDIS_SETTLE,
    fixed_window_store::REDIS_SETTLE,
    lease_store::REDIS_ACQUIRE,
    lease_store::REDIS_RELEASE,
    once_store::REDIS_DECIDE,
    claim_store::REDIS_CLAIM,
    claim_store::REDIS_CONCLUDE,
];

/// The program that does `op` at `now`.
#[must_use]
pub fn program(op: CounterOp, now: Timestamp) -> Program {
    match op {
        CounterOp::Gcra { quota, cost } => Program {
            sql: gcra_store::SQL_DECIDE,
            lua: gcra_store::REDIS_DECIDE,
            args: gcra_store::Terms::new(now, quota, cost).args(),
        },
        CounterOp::SlidingWindow { quota, cost } => Program {
            sql: sliding_window_store::SQL_DECIDE,
            lua: sliding_window_store::REDIS_DECIDE,
            args: sliding_window::Terms::new(now, quota, cost).args(),
        },
        CounterOp::FixedWindow { span, limit, cost } => Program {
            sql: fixed_window_store::SQL_DECIDE,
            lua: fixed_window_store::REDIS_DECIDE,
            args: fixed_window_store::args(now, span, limit, cost),
        },
        CounterOp::Settle { limiter: Limiter::Gcra(quota), change } => Program {
            sql: gcra_store::SQL_SETTLE,
            lua: gcra_store::REDIS_SETTLE,
            args: gcra_store::settle_args(now, quota, change),
        },
        CounterOp::Settle { limiter: Limiter::SlidingWindow { quota, at }, change } => Program {
            sql: sliding_window_store::SQL_SETTLE,
            lua: sliding_window_store::REDIS_SETTLE,
            args: sliding_window_store::settle_args(now, quota, at, change),
        },
        CounterOp::Settle { limiter: Limiter::FixedWindow { span, at }, change } => Program {
            sql: fixed_window_store::SQL_SETTLE,
            lua: fixed_window_store::REDIS_SETTLE,
            args: fixed_window_store::settle_args(now, span, at, change),
        },
        CounterOp::Acquire { holder, limit, lease } => Program {
            sql: lease_store::SQL_ACQUIRE,
            lua: lease_store::REDIS_ACQUIRE,
            args: lease_store::acquire_args(now, holder, limit, lease),
        },
        CounterOp::Release { holder } => Program {
            sql: lease_store::SQL_RELEASE,
            lua: lease_store::REDIS_RELEASE,
            args: lease_store::release_args(holder),
        },
        CounterOp::Once { keep } => {
            Program { sql: once_store::SQL_DECIDE, lua: once_store::REDIS_DECIDE, args: once_store::args(now, keep) }
        }
        CounterOp::Claim(wish) => Program {
            sql: claim_store::SQL_CLAIM,
            lua: claim_store::REDIS_CLAIM,
            args: claim_store::claim_args(now, wish),
        },
        CounterOp::Conclude { holder, keep } => Program {
            sql: claim_store::SQL_CONCLUDE,
            lua: claim_store::REDIS_CONCLUDE,
            args: claim_store::conclude_args(now, holder, keep),
        },
    }
}

/// Reads a store's reply to [`program`]'s program: the numbers of its row or list in order, where null and an empty
/// text are `None`. Returns `None` if the reply is not one of that program.
#[must_use]
pub fn verdict(op: CounterOp, now: Timestamp, reply: &[Option<i64>]) -> Option<CounterVerdict> {
    match op {
        CounterOp::Gcra { quota, cost } => {
            let [before, _after] = reply else { return None };
            let before = before.map(u64::try_from).transpose().ok()?;
            // The program follows the same rule: the verdict is the rule's on the state that the program found.
            Some(CounterVerdict::Quota(gcra::decide(before, now, quota, cost).1))
        }
        CounterOp::SlidingWindow { quota, cost } => {
            let [Some(number), Some(current), Some(previous), Some(admitted)] = *reply else { return None };
            let state = Window {
                number: u64::try_from(number).ok()?,
                current: u32::try_from(current).ok()?,
                previous: u32::try_from(previous).ok()?,
            };
            let terms = sliding_window::Terms::new(now, quota, cost);
            Some(CounterVerdict::Quota(terms.verdict(state, admitted != 0)))
        }
        CounterOp::FixedWindow { limit, .. } => {
            let [Some(end), Some(taken), Some(admitted)] = *reply else { return None };
            let end = Timestamp::from_unix_millis(u64::try_from(end).ok()?);
            let count = Count { end, taken: u32::try_from(taken).ok()? };
            Some(CounterVerdict::Quota(fixed_window::verdict(count, now, limit, admitted != 0)))
        }
        CounterOp::Acquire { limit, .. } => {
            let verdict = match *reply {
                [] => lease::Verdict { acquired: false, held: limit },
                [Some(held)] => lease::Verdict { acquired: true, held: u32::try_from(held).ok()? },
                _ => return None,
            };
            Some(CounterVerdict::Lease(verdict))
        }
        CounterOp::Settle { .. } => Some(CounterVerdict::Settled),
        CounterOp::Release { .. } => Some(CounterVerdict::Released),
        CounterOp::Once { .. } => match *reply {
            [] => Some(CounterVerdict::Once { first: false }),
            [Some(_)] => Some(CounterVerdict::Once { first: true }),
            _ => None,
        },
        CounterOp::Claim(wish) => claim_store::verdict(now, wish, reply).map(CounterVerdict::Claim),
        CounterOp::Conclude { .. } => Some(CounterVerdict::Concluded),
    }
}

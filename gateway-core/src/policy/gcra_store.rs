//! The rule of [`gcra`](super::gcra) in the languages of the stores that run it themselves, so that a decision is one atomic
//! statement there, however many gateways ask at the same time: SQL (SQLite) and Lua (Redis).
//!
//! Both change the cell as [`decide`](super::gcra::decide) does and return its state from before and after; the verdict is
//! what `decide` says of the former. The tests of the stores hold them to the kernel on random inputs.

use super::gcra::{FOREIGN_AFTER, Rate};
use super::quota::Quota;
use crate::time::Timestamp;

/// A decision in whole numbers of the cell's unit: what a store needs to know of now, the quota and the cost.
///
/// The rule: what is pending is `state - now`, or zero if that is negative or above `foreign`. If it and `cost` are together
/// at most `horizon`, `cost` is pending too. The new state is `now` and what is pending.
///
/// All fit into a store's signed 64 bits, and so do their sums. Where they would not, which takes a burst of ages, they stop
/// at 2⁶².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Now.
    now: i64,
    /// What the request adds.
    cost: i64,
    /// How much may be pending.
    horizon: i64,
    /// Above this, a state is another quota's.
    foreign: i64,
    /// How many units a millisecond has: a state divided by it is a time in milliseconds since the Unix epoch.
    units_per_milli: i64,
}

impl Terms {
    /// The terms of a request of `cost` units of `quota`.
    pub(super) fn new(now: Timestamp, quota: Quota, cost: u32) -> Self {
        let rate = Rate::of(quota);
        let horizon = u128::from(quota.burst) * rate.interval;
        Self {
            now: bounded(u128::from(now.unix_millis()) * rate.units_per_milli),
            cost: bounded(u128::from(cost) * rate.interval),
            horizon: bounded(horizon),
            foreign: bounded(horizon + FOREIGN_AFTER * rate.units_per_milli),
            units_per_milli: bounded(rate.units_per_milli),
        }
    }

    /// The arguments of the programs below, in their order.
    pub(super) fn args(self) -> Vec<i64> {
        vec![self.now, self.cost, self.horizon, self.foreign, self.units_per_milli]
    }
}

fn bounded(number: u128) -> i64 {
    const MOST: i64 = 1 << 62;
    i64::try_from(number).unwrap_or(MOST).min(MOST)
}

macro_rules! pending {
    () => {
        "max(0, iif(state - ?2 > ?5, 0, state - ?2))"
    };
}
macro_rules! first {
    () => {
        "?2 + iif(?3 <= ?4, ?3, 0)"
    };
}
macro_rules! next {
    () => {
        concat!("?2 + ", pending!(), " + iif(", pending!(), " + ?3 <= ?4, ?3, 0)")
    };
}

/// SQL that makes the table of the cells.
pub(super) const SQL_CREATE: &str = "CREATE TABLE IF NOT EXISTS cells (
    name TEXT PRIMARY KEY, state INTEGER NOT NULL, previous INTEGER, expires INTEGER NOT NULL) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS cells_expires ON cells (expires)";

/// SQL that decides about one request. Parameters: the cell's name, then `now`, `cost`, `horizon`, `foreign` and
/// `units_per_milli` of its [`Terms`]. Returns one row: the state from before, null for a new cell, and the new one.
pub(super) const SQL_DECIDE: &str = concat!(
    "INSERT INTO cells (name, state, previous, expires) VALUES (?1, ",
    first!(),
    ", NULL, (",
    first!(),
    ") / ?6 + 1) ON CONFLICT (name) DO UPDATE SET previous = state, state = ",
    next!(),
    ", expires = (",
    next!(),
    ") / ?6 + 1 RETURNING previous, state"
);

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM cells WHERE name IN (SELECT name FROM cells WHERE expires < ?1 LIMIT 500)";

/// A Redis script that decides about one request. Key: the cell's name. Arguments: `now`, `cost`, `horizon`, `foreign` and
/// `units_per_milli` of its [`Terms`]. Returns the state from before, empty for a new cell, and the new one, as text.
///
/// Lua's numbers are exact up to 2⁵³ only, and states are larger; so states are added to by Redis itself, in 64 bits. What
/// is pending is above 2⁵³ only for windows of months with limits of hundreds of thousands that share no factor with them,
/// and wrong by less than a millionth of a millisecond then.
///
/// The state is read before its expiry is set: a lifetime of a millisecond may be over by the time that Redis sets it, and
/// then the key is gone at once, which is right, and there is nothing left to read.
pub(super) const REDIS_DECIDE: &str = "\
local key, now, cost = KEYS[1], ARGV[1], ARGV[2]
local previous = redis.call('GET', key)
local pending = 0
if previous then
  pending = redis.call('DECRBY', key, now)
end
if pending <= 0 or pending > tonumber(ARGV[4]) then
  pending = 0
  redis.call('SET', key, now)
else
  redis.call('INCRBY', key, now)
end
if pending + tonumber(cost) <= tonumber(ARGV[3]) then
  pending = pending + tonumber(cost)
  redis.call('INCRBY', key, cost)
end
local state = redis.call('GET', key)
redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(pending / tonumber(ARGV[5])) + 1))
return { previous or '', state }
";

//! The rule of [`gcra`](super::gcra) in SQL (SQLite) and Lua (Redis). A decision is one atomic statement of the store,
//! however many gateways ask at the same time.
//!
//! Both programs change the cell as [`decide`](super::gcra::decide) does and return its states before and after; the
//! verdict is that of `decide` on the former. The tests of the stores compare them with the kernel on random inputs.

use super::gcra::{FOREIGN_AFTER, MOST_HORIZONS, Rate};
use super::quota::Quota;
use crate::time::Timestamp;

/// A decision in whole numbers of the cell's unit: the store's view of now, the quota and the cost.
///
/// The rule: the pending amount is `state - now`, or zero if that is negative or above `foreign`. If it and `cost` are
/// together at most `horizon`, `cost` becomes pending, too. The new state is `now` plus the pending amount.
///
/// All numbers and their sums fit into a store's signed 64 bits. Larger ones, which only a burst of ages would need,
/// are capped at 2⁶².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The present time.
    now: i64,
    /// The units that the request adds.
    cost: i64,
    /// The most units that may be pending.
    horizon: i64,
    /// The limit above which a state belongs to another quota.
    foreign: i64,
    /// The units in a millisecond: a state divided by them is a time in milliseconds since the Unix epoch.
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
            foreign: bounded(MOST_HORIZONS * horizon + FOREIGN_AFTER * rate.units_per_milli),
            units_per_milli: bounded(rate.units_per_milli),
        }
    }

    /// The arguments of the programs below, in their order.
    pub(super) fn args(self) -> Vec<i64> {
        vec![self.now, self.cost, self.horizon, self.foreign, self.units_per_milli]
    }
}

/// The arguments of the programs that settle a request's units, in their order: `now`, the change, the most that may be pending, and `foreign` and
/// `units_per_milli` of its [`Terms`].
pub(super) fn settle_args(now: Timestamp, quota: Quota, change: i32) -> Vec<i64> {
    let terms = Terms::new(now, quota, change.unsigned_abs());
    let most = bounded(MOST_HORIZONS * u128::from(quota.burst) * Rate::of(quota).interval);
    vec![terms.now, i64::from(change.signum()) * terms.cost, most, terms.foreign, terms.units_per_milli]
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

macro_rules! settled {
    () => {
        concat!("?2 + max(0, min(", pending!(), " + ?3, max(", pending!(), ", ?4)))")
    };
}

/// SQL that settles a request's units. Parameters: the cell's name, then [`settle_args`]. Returns what [`SQL_DECIDE`] does.
pub(super) const SQL_SETTLE: &str = concat!(
    "INSERT INTO cells (name, state, previous, expires) VALUES (?1, ?2 + max(0, min(?3, ?4)), NULL, ",
    "(?2 + max(0, min(?3, ?4))) / ?6 + 1) ON CONFLICT (name) DO UPDATE SET previous = state, state = ",
    settled!(),
    ", expires = (",
    settled!(),
    ") / ?6 + 1 RETURNING previous, state"
);

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM cells WHERE name IN (SELECT name FROM cells WHERE expires < ?1 LIMIT 500)";

/// A Redis script that decides about one request. Key: the cell's name. Arguments: `now`, `cost`, `horizon`, `foreign`
/// and `units_per_milli` of its [`Terms`]. Returns the state from before, empty for a new cell, and the new one, as
/// text.
///
/// Lua's numbers are exact only up to 2⁵³, and states are larger, so Redis itself adds to states, in 64 bits. The
/// pending amount exceeds 2⁵³ only for windows of months whose limits are hundreds of thousands and share no factor
/// with them; the error is then below a millionth of a millisecond.
///
/// The state is read before its expiry is set. A lifetime of a millisecond may be over when Redis sets it; the key is
/// then gone at once, which is right, but could not be read.
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

/// A Redis script that settles a request's units. Key: the cell's name. Arguments: [`settle_args`]. Returns what [`REDIS_DECIDE`] does, and adds to
/// states as that does.
pub(super) const REDIS_SETTLE: &str = "\
local key, now, change, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
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
local settled = math.max(0, math.min(pending + change, math.max(pending, most)))
if settled == pending + change then
  redis.call('INCRBY', key, ARGV[2])
elseif settled == 0 then
  redis.call('SET', key, now)
elseif settled > pending then
  redis.call('SET', key, now)
  redis.call('INCRBY', key, ARGV[3])
end
local state = redis.call('GET', key)
redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(settled / tonumber(ARGV[5])) + 1))
return { previous or '', state }
";

//! The rule of [`sliding_window`](super::sliding_window) in SQL (SQLite) and Lua (Redis). Both programs change the cell
//! as `decide` does and return its new state and whether the request is admitted.

use super::quota::Quota;
use super::sliding_window::Terms;
use crate::time::Timestamp;

impl Terms {
    /// The arguments of the programs below, in their order.
    pub(super) fn args(&self) -> Vec<i64> {
        let all = [self.number, self.latest, self.weight, self.span, self.limit, self.cost, self.window];
        all.into_iter().map(|number| i64::try_from(number).unwrap_or(i64::MAX)).collect()
    }
}

/// The arguments of the programs that settle a request's units, in their order: the present and the latest window, the window that has admitted
/// the request, the change, the most that counts in a window, and its length.
pub(super) fn settle_args(now: Timestamp, quota: Quota, at: u64, change: i32) -> Vec<i64> {
    let terms = Terms::new(now, quota, 0);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let [present, latest, at] = [terms.number, terms.latest, at].map(number);
    vec![present, latest, at, change.into(), number(2 * terms.limit), number(terms.window)]
}

/// SQL that makes the table of the cells.
pub(super) const SQL_CREATE: &str = "CREATE TABLE IF NOT EXISTS windows (
    name TEXT PRIMARY KEY, number INTEGER NOT NULL, current INTEGER NOT NULL, previous INTEGER NOT NULL,
    admitted INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS windows_expires ON windows (expires)";

/// SQL that decides about one request. Parameters: the cell's name, then [`Terms::args`]. Returns one row: the new state, and
/// 1 if the request is admitted, else 0.
///
/// A statement that writes holds SQLite's one write lock from its beginning: nothing comes between reading and writing.
pub(super) const SQL_DECIDE: &str = "\
WITH stored AS (SELECT number, current, previous FROM windows WHERE name = ?1),
before AS (
    SELECT number, min(current, 2 * ?6) AS current, min(previous, 2 * ?6) AS previous, iif(number > ?2, ?5, ?4) AS weight
        FROM stored WHERE number BETWEEN ?2 AND ?3
    UNION ALL SELECT ?2, 0, min(current, 2 * ?6), ?4 FROM stored WHERE number = ?2 - 1
    UNION ALL SELECT ?2, 0, 0, ?4 WHERE NOT EXISTS (SELECT 1 FROM stored WHERE number BETWEEN ?2 - 1 AND ?3)),
decided AS (SELECT *, previous * weight + (current + ?7) * ?5 <= ?6 * ?5 AS admitted FROM before)
INSERT INTO windows (name, number, current, previous, admitted, expires)
    SELECT ?1, number, current + iif(admitted, ?7, 0), previous, admitted, (number + 2) * ?8 FROM decided WHERE true
    ON CONFLICT (name) DO UPDATE SET number = excluded.number, current = excluded.current,
        previous = excluded.previous, admitted = excluded.admitted, expires = excluded.expires
    RETURNING number, current, previous, admitted";

/// SQL that settles a request's units. Parameters: the cell's name, then [`settle_args`]. Returns the new state, and 1.
pub(super) const SQL_SETTLE: &str = "\
WITH stored AS (SELECT number, current, previous FROM windows WHERE name = ?1),
before AS (
    SELECT number, min(current, ?6) AS current, min(previous, ?6) AS previous
        FROM stored WHERE number BETWEEN ?2 AND ?3
    UNION ALL SELECT ?2, 0, min(current, ?6) FROM stored WHERE number = ?2 - 1
    UNION ALL SELECT ?2, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM stored WHERE number BETWEEN ?2 - 1 AND ?3))
INSERT INTO windows (name, number, current, previous, admitted, expires)
    SELECT ?1, number, max(0, min(?6, current + iif(?5 > 0 OR number = ?4, ?5, 0))),
            max(0, previous + iif(?5 < 0 AND number = ?4 + 1, ?5, 0)), 1, (number + 2) * ?7 FROM before WHERE true
    ON CONFLICT (name) DO UPDATE SET number = excluded.number, current = excluded.current,
        previous = excluded.previous, admitted = excluded.admitted, expires = excluded.expires
    RETURNING number, current, previous, admitted";

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM windows WHERE name IN (SELECT name FROM windows WHERE expires < ?1 LIMIT 500)";

/// A Redis script that decides about one request. Key: the cell's name. Arguments: [`Terms::args`]. Returns the new state, and
/// 1 if the request is admitted, else 0.
pub(super) const REDIS_DECIDE: &str = "\
local key, now = KEYS[1], tonumber(ARGV[1])
local latest, weight, span = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local limit, cost, window = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local stored = redis.call('HMGET', key, 'number', 'current', 'previous')
local number, current, previous = tonumber(stored[1] or -2), tonumber(stored[2] or 0), tonumber(stored[3] or 0)
if number > now and number <= latest then
  weight = span
elseif number == now - 1 then
  number, current, previous = now, 0, current
elseif number ~= now then
  number, current, previous = now, 0, 0
end
current, previous = math.min(current, 2 * limit), math.min(previous, 2 * limit)
local admitted = 0
if previous * weight + (current + cost) * span <= limit * span then
  current, admitted = current + cost, 1
end
local text = function(value) return string.format('%.0f', value) end
redis.call('HSET', key, 'number', text(number), 'current', text(current), 'previous', text(previous))
redis.call('PEXPIRE', key, text((number - now + 2) * window))
return { number, current, previous, admitted }
";

/// A Redis script that settles a request's units. Key: the cell's name. Arguments: [`settle_args`]. Returns the new state, and 1.
pub(super) const REDIS_SETTLE: &str = "\
local key, now, latest, at = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local change, most, window = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local stored = redis.call('HMGET', key, 'number', 'current', 'previous')
local number, current, previous = tonumber(stored[1] or -2), tonumber(stored[2] or 0), tonumber(stored[3] or 0)
if number == now - 1 then
  number, current, previous = now, 0, current
elseif number < now or number > latest then
  number, current, previous = now, 0, 0
end
current, previous = math.min(current, most), math.min(previous, most)
if change > 0 or number == at then
  current = math.max(0, math.min(most, current + change))
elseif number == at + 1 then
  previous = math.max(0, previous + change)
end
local text = function(value) return string.format('%.0f', value) end
redis.call('HSET', key, 'number', text(number), 'current', text(current), 'previous', text(previous))
redis.call('PEXPIRE', key, text((number - now + 2) * window))
return { number, current, previous, 1 }
";

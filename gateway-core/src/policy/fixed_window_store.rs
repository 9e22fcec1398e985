//! The rule of [`fixed_window`](super::fixed_window) in SQL (SQLite) and Lua (Redis). Both programs change the cell as `decide` does and
//! return its new state and whether the request is admitted.

use super::fixed_window::{CLOCKS, Span};
use crate::time::Timestamp;

/// The arguments of the programs below, in their order: the ends of the present window and of the latest possible one, the limit, the cost, and
/// the time for which the present window has to be kept.
pub(super) fn args(now: Timestamp, span: Span, limit: u32, cost: u32) -> Vec<i64> {
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    vec![millis(span.end), millis(span.latest), limit.into(), cost.into(), millis(now)]
}

/// The arguments of the programs that settle a request's units, in their order: the ends of the present window, of the latest possible one and of the
/// one that has admitted the request, the change, and the present time.
pub(super) fn settle_args(now: Timestamp, span: Span, at: Timestamp, change: i32) -> Vec<i64> {
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    vec![millis(span.end), millis(span.latest), millis(at), change.into(), millis(now)]
}

/// SQL that makes the table of the cells.
pub(super) const SQL_CREATE: &str = "CREATE TABLE IF NOT EXISTS fixed_windows (
    name TEXT PRIMARY KEY, ends INTEGER NOT NULL, taken INTEGER NOT NULL, admitted INTEGER NOT NULL,
    expires INTEGER NOT NULL) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS fixed_windows_expires ON fixed_windows (expires)";

/// SQL that decides about one request. Parameters: the cell's name, then [`args`]. Returns one row: the new state, and 1 if the request is
/// admitted, else 0.
///
/// A statement that writes holds SQLite's one write lock from its beginning: nothing comes between reading and writing.
pub(super) const SQL_DECIDE: &str = "\
WITH stored AS (SELECT ends, taken FROM fixed_windows WHERE name = ?1 AND ends BETWEEN ?2 AND ?3),
before AS (SELECT ends, taken FROM stored UNION ALL SELECT ?2, 0 WHERE NOT EXISTS (SELECT 1 FROM stored)),
decided AS (SELECT *, taken + ?5 <= ?4 AS admitted FROM before)
INSERT INTO fixed_windows (name, ends, taken, admitted, expires)
    SELECT ?1, ends, taken + iif(admitted, ?5, 0), admitted, max(ends, ?6) + 5000 FROM decided WHERE true
    ON CONFLICT (name) DO UPDATE SET ends = excluded.ends, taken = excluded.taken, admitted = excluded.admitted,
        expires = excluded.expires
    RETURNING ends, taken, admitted";

/// SQL that settles a request's units. Parameters: the cell's name, then [`settle_args`]. Returns the new state, and 1.
pub(super) const SQL_SETTLE: &str = "\
WITH stored AS (SELECT ends, taken FROM fixed_windows WHERE name = ?1 AND ends BETWEEN ?2 AND ?3),
before AS (SELECT ends, taken FROM stored UNION ALL SELECT ?2, 0 WHERE NOT EXISTS (SELECT 1 FROM stored))
INSERT INTO fixed_windows (name, ends, taken, admitted, expires)
    SELECT ?1, ends, max(0, min(4294967295, taken + iif(?5 > 0 OR ends = ?4, ?5, 0))), 1, max(ends, ?6) + 5000
        FROM before WHERE true
    ON CONFLICT (name) DO UPDATE SET ends = excluded.ends, taken = excluded.taken, admitted = excluded.admitted,
        expires = excluded.expires
    RETURNING ends, taken, admitted";

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM fixed_windows WHERE name IN (SELECT name FROM fixed_windows WHERE expires < ?1 LIMIT 500)";

/// A Redis script that decides about one request. Key: the cell's name. Arguments: [`args`]. Returns the new state, and 1 if the request is
/// admitted, else 0.
pub(super) const REDIS_DECIDE: &str = "\
local key, first, latest = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local limit, cost, now = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local stored = redis.call('HMGET', key, 'ends', 'taken')
local ends, taken = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
if ends < first or ends > latest then
  ends, taken = first, 0
end
local admitted = 0
if taken + cost <= limit then
  taken, admitted = taken + cost, 1
end
local text = function(value) return string.format('%.0f', value) end
redis.call('HSET', key, 'ends', text(ends), 'taken', text(taken))
redis.call('PEXPIRE', key, text(math.max(ends - now, 0) + 5000))
return { ends, taken, admitted }
";

/// A Redis script that settles a request's units. Key: the cell's name. Arguments: [`settle_args`]. Returns the new state, and 1.
pub(super) const REDIS_SETTLE: &str = "\
local key, first, latest = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local at, change, now = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local stored = redis.call('HMGET', key, 'ends', 'taken')
local ends, taken = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
if ends < first or ends > latest then
  ends, taken = first, 0
end
if change > 0 or ends == at then
  taken = math.max(0, math.min(4294967295, taken + change))
end
local text = function(value) return string.format('%.0f', value) end
redis.call('HSET', key, 'ends', text(ends), 'taken', text(taken))
redis.call('PEXPIRE', key, text(math.max(ends - now, 0) + 5000))
return { ends, taken, 1 }
";

// The programs state the same time as a number.
const _: () = assert!(CLOCKS.as_millis() == 5_000);

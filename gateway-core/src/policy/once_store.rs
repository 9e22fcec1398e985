//! The rule of [`once`](super::once) in SQL (SQLite) and Lua (Redis). Redis forgets by its own clock.

use core::time::Duration;

use crate::time::Timestamp;

/// The arguments of [`SQL_DECIDE`] and [`REDIS_DECIDE`], in order: now, and the time until which the cell is kept.
pub(super) fn args(now: Timestamp, keep: Duration) -> Vec<i64> {
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    vec![millis(now), millis(now.saturating_add(keep))]
}

/// SQL that makes the table of the cells.
pub(super) const SQL_CREATE: &str =
    "CREATE TABLE IF NOT EXISTS onces (name TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS onces_expires ON onces (expires)";

/// SQL that asks for a cell. Parameters: the cell's name, then [`args`]. Returns a row if it is given, else none.
///
/// A statement that writes holds SQLite's one write lock from its beginning: nothing comes between reading and writing.
pub(super) const SQL_DECIDE: &str = "\
INSERT INTO onces (name, expires) VALUES (?1, ?3)
    ON CONFLICT (name) DO UPDATE SET expires = excluded.expires WHERE onces.expires <= ?2 OR ?3 <= ?2
    RETURNING expires";

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM onces WHERE name IN (SELECT name FROM onces WHERE expires < ?1 LIMIT 500)";

/// A Redis script that asks for a cell. Key: the cell's name. Arguments: [`args`]. Returns a list with the time until which it is kept if it
/// is given, else an empty list.
pub(super) const REDIS_DECIDE: &str = "\
if tonumber(ARGV[2]) <= tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[1])
  return { ARGV[2] }
end
local keep = string.format('%.0f', math.max(ARGV[2] - ARGV[1], 1))
if redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', keep) then
  return { ARGV[2] }
end
return {}
";

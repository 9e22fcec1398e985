//! The rules of [`lease`](super::lease) in SQL (SQLite) and Lua (Redis).
//!
//! Redis forgets expired leases at each request for a place, as the kernel does. In SQLite they stay until they are
//! swept, so a lease counts again if the clock goes back before its end. The limit is never exceeded, but may be
//! reached too early.

use core::time::Duration;

use super::lease::LONGEST;
use crate::time::Timestamp;

/// The arguments of [`SQL_ACQUIRE`] and [`REDIS_ACQUIRE`], in order: holder, now, limit, expiry of this lease, latest
/// possible expiry.
pub(super) fn acquire_args(now: Timestamp, holder: u64, limit: u32, lease: Duration) -> Vec<i64> {
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    let expires = now.saturating_add(lease.min(LONGEST));
    let latest = now.saturating_add(LONGEST);
    vec![holder.cast_signed(), millis(now), i64::from(limit), millis(expires), millis(latest)]
}

/// The arguments of [`SQL_RELEASE`] and [`REDIS_RELEASE`].
pub(super) fn release_args(holder: u64) -> Vec<i64> {
    vec![holder.cast_signed()]
}

/// SQL that makes the table of the leases.
pub(super) const SQL_CREATE: &str = "CREATE TABLE IF NOT EXISTS leases (
    name TEXT NOT NULL, holder INTEGER NOT NULL, expires INTEGER NOT NULL, held INTEGER NOT NULL,
    PRIMARY KEY (name, holder)) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS leases_expires ON leases (expires)";

/// SQL that asks for a place. Parameters: the cell's name, then [`acquire_args`]. Returns a row with the number of
/// places taken if there is a place, else none.
///
/// A statement that writes holds SQLite's one write lock from its beginning: nothing comes between reading and writing.
pub(super) const SQL_ACQUIRE: &str = "\
WITH live AS (SELECT holder FROM leases WHERE name = ?1 AND expires > ?3 AND expires <= ?6),
others AS (SELECT count(*) AS number FROM live WHERE holder <> ?2)
INSERT INTO leases (name, holder, expires, held)
    SELECT ?1, ?2, ?5, min(number + 1, ?4) FROM others
        WHERE number < ?4 OR EXISTS (SELECT 1 FROM live WHERE holder = ?2)
    ON CONFLICT (name, holder) DO UPDATE SET expires = excluded.expires, held = excluded.held
    RETURNING held";

/// SQL that gives a place back. Parameters: the cell's name, then [`release_args`].
pub(super) const SQL_RELEASE: &str = "DELETE FROM leases WHERE name = ?1 AND holder = ?2";

/// SQL that removes some leases that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str = "DELETE FROM leases WHERE (name, holder) IN
    (SELECT name, holder FROM leases WHERE expires < ?1 LIMIT 500)";

/// A Redis script that asks for a place. Key: the cell's name. Arguments: [`acquire_args`]. Returns a list with the
/// number of places taken if there is a place, else an empty list.
pub(super) const REDIS_ACQUIRE: &str = "\
local key, holder, now, limit = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
redis.call('ZREMRANGEBYSCORE', key, '(' .. ARGV[5], '+inf')
local others = redis.call('ZCARD', key)
if redis.call('ZSCORE', key, holder) then
  others = math.min(others, limit) - 1
end
if others >= limit then
  return {}
end
redis.call('ZADD', key, ARGV[4], holder)
local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
redis.call('PEXPIRE', key, string.format('%.0f', math.max(last - now, 1)))
return { others + 1 }
";

/// A Redis script that gives a place back. Key: the cell's name. Arguments: [`release_args`].
pub(super) const REDIS_RELEASE: &str = "\
redis.call('ZREM', KEYS[1], ARGV[1])
return {}
";

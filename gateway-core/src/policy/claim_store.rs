//! The rule of [`claim`](super::claim) in SQL (SQLite) and Lua (Redis). Redis forgets by its own clock.

use core::time::Duration;

use super::claim::{Claim, Verdict, Wish, claim};
use crate::time::Timestamp;

/// The arguments of [`SQL_CLAIM`] and [`REDIS_CLAIM`], in order: now, the holder, the fingerprint, the end of the lease, and that of the cell.
pub(super) fn claim_args(now: Timestamp, wish: Wish) -> Vec<i64> {
    let (fresh, _) = claim(None, now, wish);
    vec![millis(now), wish.holder.cast_signed(), wish.print.cast_signed(), millis(fresh.until), millis(fresh.expires)]
}

/// The arguments of [`SQL_CONCLUDE`] and [`REDIS_CONCLUDE`], in order: now, the holder, and the end of the cell.
pub(super) fn conclude_args(now: Timestamp, holder: u64, keep: Duration) -> Vec<i64> {
    vec![millis(now), holder.cast_signed(), millis(now.saturating_add(keep))]
}

/// The verdict that a reply to the program of a claim means: the cell's holder, fingerprint, end of the lease, and whether it has ended.
pub(super) fn verdict(now: Timestamp, wish: Wish, reply: &[Option<i64>]) -> Option<Verdict> {
    let [Some(holder), Some(print), Some(until), Some(has_ended)] = *reply else { return None };
    let until = Timestamp::from_unix_millis(u64::try_from(until).ok()?);
    let (holder, print, has_ended) = (holder.cast_unsigned(), print.cast_unsigned(), has_ended != 0);
    Some(Claim { holder, print, until, expires: until, has_ended }.verdict(now, wish))
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.unix_millis()).unwrap_or(i64::MAX)
}

/// SQL that makes the table of the cells.
pub(super) const SQL_CREATE: &str = "CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, holder INTEGER NOT NULL,
    print INTEGER NOT NULL, until INTEGER NOT NULL, expires INTEGER NOT NULL, ended INTEGER NOT NULL) WITHOUT ROWID";

/// SQL that makes [`SQL_SWEEP`] fast.
pub(super) const SQL_CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS claims_expires ON claims (expires)";

/// SQL that asks for a cell. Parameters: the cell's name, then [`claim_args`]. Returns the row that holds afterwards.
///
/// A statement that writes holds SQLite's one write lock from its beginning: nothing comes between reading and writing.
pub(super) const SQL_CLAIM: &str = "\
INSERT INTO claims (name, holder, print, until, expires, ended) VALUES (?1, ?3, ?4, ?5, ?6, 0)
    ON CONFLICT (name) DO UPDATE SET
        holder = iif(expires <= ?2, excluded.holder, holder), print = iif(expires <= ?2, excluded.print, print),
        until = iif(expires <= ?2, excluded.until, until), ended = iif(expires <= ?2, 0, ended),
        expires = iif(expires <= ?2, excluded.expires, expires)
    RETURNING holder, print, until, ended";

/// SQL that ends a claim. Parameters: the cell's name, then [`conclude_args`].
pub(super) const SQL_CONCLUDE: &str =
    "UPDATE claims SET ended = 1, expires = ?4 WHERE name = ?1 AND holder = ?3 AND ?2 <= ?4";

/// SQL that removes some of the cells that expired before its parameter, in milliseconds since the Unix epoch.
pub(super) const SQL_SWEEP: &str =
    "DELETE FROM claims WHERE name IN (SELECT name FROM claims WHERE expires < ?1 LIMIT 500)";

/// A Redis script that asks for a cell. Key: the cell's name. Arguments: [`claim_args`]. Returns what the cell holds afterwards. Its numbers stay
/// texts: those of Lua have 53 bits.
pub(super) const REDIS_CLAIM: &str = "\
local known = redis.call('HMGET', KEYS[1], 'holder', 'print', 'until', 'ended')
if known[1] then
  return known
end
redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'print', ARGV[3], 'until', ARGV[4], 'ended', '0')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ARGV[5] - ARGV[1], 1)))
return { ARGV[2], ARGV[3], ARGV[4], '0' }
";

/// A Redis script that ends a claim. Key: the cell's name. Arguments: [`conclude_args`].
pub(super) const REDIS_CONCLUDE: &str = "\
if redis.call('HGET', KEYS[1], 'holder') == ARGV[2] then
  local keep = ARGV[3] - ARGV[1]
  if keep <= 0 then
    redis.call('DEL', KEYS[1])
  else
    redis.call('HSET', KEYS[1], 'ended', '1')
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', keep))
  end
end
return {}
";

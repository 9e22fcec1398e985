//! Counter operations on their way to the Durable Object and back, as bytes that the glue passes on unread.

use core::time::Duration;

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::policy::gcra::{self, Quota, Verdict};
use gateway_core::time::Timestamp;

/// Applies the packed operation `op` to a cell whose state is `state`: the packed verdict, the new state, and how long
/// to keep it in milliseconds.
pub(crate) fn count(op: &[u8], state: Option<u64>, now: u64) -> Option<Vec<u8>> {
    let CounterOp::Gcra { quota, cost } = decode_op(op)?;
    let (state, verdict) = gcra::decide(state, Timestamp::from_unix_millis(now), quota, cost);
    let verdict = CounterVerdict::Gcra(verdict);
    let mut answer = encode_verdict(verdict).to_vec();
    answer.extend(state.to_le_bytes());
    answer.extend(millis(verdict.keep_for()).to_le_bytes());
    Some(answer)
}

/// `op` as four little-endian numbers: limit, window in ms, burst, cost.
pub(crate) fn encode_op(op: CounterOp) -> [u8; 32] {
    let CounterOp::Gcra { quota, cost } = op;
    pack([quota.limit.into(), millis(quota.window), quota.burst.into(), cost.into()])
}

/// What [`encode_op`] encoded.
pub(crate) fn decode_op(bytes: &[u8]) -> Option<CounterOp> {
    let [limit, window, burst, cost] = unpack(bytes)?;
    let quota = Quota {
        limit: u32::try_from(limit).ok()?,
        window: Duration::from_millis(window),
        burst: u32::try_from(burst).ok()?,
    };
    Some(CounterOp::Gcra { quota, cost: u32::try_from(cost).ok()? })
}

/// `verdict` as four little-endian numbers: admitted, remaining, retry-after and reset-after in ms.
pub(crate) fn encode_verdict(verdict: CounterVerdict) -> [u8; 32] {
    let CounterVerdict::Gcra(verdict) = verdict;
    pack([verdict.admitted.into(), verdict.remaining.into(), millis(verdict.retry_after), millis(verdict.reset_after)])
}

/// What [`encode_verdict`] encoded in answer to `op`.
pub(crate) fn decode_verdict(op: CounterOp, bytes: &[u8]) -> Option<CounterVerdict> {
    let CounterOp::Gcra { .. } = op;
    let [admitted, remaining, retry_after, reset_after] = unpack(bytes)?;
    Some(CounterVerdict::Gcra(Verdict {
        admitted: admitted != 0,
        remaining: u32::try_from(remaining).ok()?,
        retry_after: Duration::from_millis(retry_after),
        reset_after: Duration::from_millis(reset_after),
    }))
}

/// Whole milliseconds, rounded up: a client told to wait must not come back too early.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn pack(numbers: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (slot, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        slot.copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Option<[u64; 4]> {
    let bytes: &[u8; 32] = bytes.try_into().ok()?;
    let mut numbers = [0; 4];
    for (number, slot) in numbers.iter_mut().zip(bytes.as_chunks().0) {
        *number = u64::from_le_bytes(*slot);
    }
    Some(numbers)
}

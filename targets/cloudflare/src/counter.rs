//! Counter cells as their Durable Object sees them: bytes.

use gateway_core::policy::counter::{CounterOp, State, step};
use gateway_core::time::Timestamp;

/// Applies the packed operation `op` to a cell whose packed state is `state`, if it has one: the packed verdict, how long to
/// keep the new state in milliseconds, and that state. Nothing if `op` is no operation.
pub(crate) fn count(op: &[u8], state: Option<&[u8]>, now: u64) -> Option<Vec<u8>> {
    let op = CounterOp::from_bytes(op)?;
    let step = step(op, state.and_then(State::from_bytes), Timestamp::from_unix_millis(now));
    let keep_for = u64::try_from(step.keep_for.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let mut answer = step.verdict.to_bytes().to_vec();
    answer.extend(keep_for.to_le_bytes());
    answer.extend(step.state.to_bytes());
    Some(answer)
}

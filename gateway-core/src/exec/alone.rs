//! Work on a value of the key-value store that one instance does at a time.
//!
//! The store has no way to change a value only if it is still the same. Whoever writes has a counter cell for as long, so that of two changes
//! at once none is lost.

use core::time::Duration;

use super::within::{timely, within};
use crate::plan::Plan;
use crate::policy::counter::CounterOp;
use crate::ports::{Platform, StoreFailure};

/// The longest that a writer waits for those before it: longer than one that has gone with its client counts as there.
const PATIENCE: Duration = Duration::from_secs(8);

/// The time after which a writer counts as gone. It reads and writes within that.
const LEASE: Duration = Duration::from_secs(6);

/// The longest that each of the two takes.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_millis(2_500);

const _: () = assert!(PATIENCE.as_millis() > LEASE.as_millis() && LEASE.as_millis() > 2 * STORE_TIMEOUT.as_millis());

/// The pause of a writer that finds another one at work.
const PAUSE: Duration = Duration::from_millis(40);

/// Does `work` while nobody else has `cell`.
///
/// # Errors
/// A [`StoreFailure`] of the counters, or that of `work`.
pub(super) async fn alone<P: Platform, T>(
    plan: &Plan,
    platform: &P,
    cell: &str,
    work: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, StoreFailure> {
    let holder = platform.next_u64();
    let begun = platform.monotonic();
    while !acquire(plan, platform, cell, holder).await? {
        if platform.monotonic().saturating_sub(begun) >= PATIENCE {
            return Err(StoreFailure::Slow);
        }
        platform.sleep(PAUSE).await;
    }
    let done = work.await;
    let release = platform.apply(cell, CounterOp::Release { holder });
    // If that fails, the next writer waits for the end of the lease.
    let _ = within(platform, plan.counter_timeout, release).await;
    done
}

async fn acquire<P: Platform>(plan: &Plan, platform: &P, cell: &str, holder: u64) -> Result<bool, StoreFailure> {
    let acquire = platform.apply(cell, CounterOp::Acquire { holder, limit: 1, lease: LEASE });
    let verdict = timely(within(platform, plan.counter_timeout, acquire).await)?;
    Ok(verdict.lease().is_some_and(|verdict| verdict.acquired))
}

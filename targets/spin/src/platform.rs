//! What Spin can do, its clock and its random numbers.

use gateway_core::policy::counter::{CounterOp, CounterVerdict};
use gateway_core::ports::{Capabilities, Clock, Counters, IoError, Platform, Random};
use gateway_core::time::Timestamp;
use spin_sdk::wasip3::{clocks::system_clock, random::random};

use crate::counters::Cells;
use crate::key_value::Store;

/// The gateway's view of Spin; one per instance.
pub(crate) struct Spin {
    pub(crate) values: Store,
    cells: Cells,
}

/// Instances come and go, so chance decides, not a count.
const SWEEP_EVERY: u64 = 64;

impl Spin {
    /// With counters in the Redis at `redis`, or in SQLite if there is none.
    pub(crate) fn new(redis: Option<String>) -> Self {
        Self { values: Store::default(), cells: Cells::new(redis) }
    }

    /// Whether this request, one in [`SWEEP_EVERY`], is the one to [`sweep`](Self::sweep) after.
    pub(crate) fn is_time_to_sweep(&self) -> bool {
        self.next_u64().is_multiple_of(SWEEP_EVERY)
    }

    /// Removes what has expired.
    pub(crate) async fn sweep(&self) {
        self.cells.sweep(self.now()).await;
    }
}

impl Platform for Spin {
    const CAPABILITIES: Capabilities = Capabilities::SPIN;
}

impl Clock for Spin {
    fn now(&self) -> Timestamp {
        let now = system_clock::now();
        let seconds = u64::try_from(now.seconds).unwrap_or(0);
        let millis = seconds.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds / 1_000_000));
        Timestamp::from_unix_millis(millis)
    }
}

impl Random for Spin {
    fn next_u64(&self) -> u64 {
        HostRandom.next_u64()
    }
}

/// The host's random numbers, which are there before any gateway is.
pub(crate) struct HostRandom;

impl Random for HostRandom {
    fn next_u64(&self) -> u64 {
        random::get_random_u64()
    }
}

impl Counters for Spin {
    async fn apply(&self, cell: &str, op: CounterOp) -> Result<CounterVerdict, IoError> {
        self.cells.apply(cell, op, self.now()).await
    }
}

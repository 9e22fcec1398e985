//! The calls that a place was sent.

use core::sync::atomic::{AtomicU64, Ordering};

/// The calls that an endpoint was sent.
#[derive(Debug, Default)]
pub struct Traffic {
    sent: AtomicU64,
    failed: AtomicU64,
}

/// The calls that an endpoint was sent since the gateway started, by all plans that named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Calls {
    /// All of them.
    pub sent: u64,
    /// Those without a response.
    pub failed: u64,
}

impl Traffic {
    /// Counts a call.
    pub fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one without a response.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls { sent: self.sent.load(Ordering::Relaxed), failed: self.failed.load(Ordering::Relaxed) }
    }
}

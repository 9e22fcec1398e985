//! Quotas and the verdicts on them, the same for every algorithm of a rate limit.

use core::time::Duration;

/// What a limit admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a window.
    pub limit: u32,
    /// The window.
    pub window: Duration,
    /// Requests that may come at once.
    pub burst: u32,
}

/// Whether a request is admitted, and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request may pass.
    pub admitted: bool,
    /// How many more requests would be admitted right now.
    pub remaining: u32,
    /// When refused: how long until this request would be admitted.
    pub retry_after: Duration,
    /// How long until the quota is whole again.
    pub reset_after: Duration,
}

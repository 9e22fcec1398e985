//! Quotas and the verdicts on them, the same for every algorithm of a rate limit.

use core::time::Duration;

/// The requests that a limit admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a window.
    pub limit: u32,
    /// The window.
    pub window: Duration,
    /// Requests that may come at once.
    pub burst: u32,
}

/// The verdict on a request, and the rest of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Set if the request may pass.
    pub admitted: bool,
    /// The number of further requests that would be admitted right now.
    pub remaining: u32,
    /// If it is refused: the time until this request would be admitted.
    pub retry_after: Duration,
    /// The time until the quota is whole again.
    pub reset_after: Duration,
}

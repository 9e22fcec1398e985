//! The measurements of one exchange.

use core::time::Duration;

use http::StatusCode;

use crate::policy::{etag, idempotency};

/// The measurements of one exchange, until it ends; times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    pub(crate) begun: u64,
    sent_at: u64,
    /// The time until the head of the upstream's response came or failed, and the class of that.
    pub(crate) upstream: Option<(u64, u8)>,
    /// The outcome of its authentication, by its label.
    pub(crate) authentication: Option<&'static str>,
    /// The number of the consumer who calls a version of an API; 0 for nobody known.
    pub(crate) consumer: u32,
    /// What the cache did, by its label.
    pub(crate) cached: Option<&'static str>,
    /// What the description of the API says, as bits in the order of [`DESCRIBED`].
    pub(crate) described: u8,
    /// The failures of the store of responses.
    pub(crate) cache_errors: u16,
    /// What has become of its idempotency key.
    pub(crate) keyed: Option<idempotency::Outcome>,
    /// What has become of the tag of its response.
    pub(crate) tagged: Option<etag::Outcome>,
    /// What the answer is, if an upstream has failed and something else came next.
    pub(crate) fell_back: Option<FellBack>,
    /// The faults that were made on purpose, as bits in the order of [`FAULTS`].
    pub(crate) faults: u8,
}

/// The labels of faults on purpose.
pub(crate) const FAULTS: [&str; 2] = ["delay", "abort"];

/// An answer in place of that of an upstream which has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FellBack {
    /// That of another upstream.
    Upstream,
    /// A stale stored one.
    Stale,
    /// A fixed one.
    Respond,
}

/// The labels of these, in their order.
pub(crate) const FALLBACKS: [&str; 3] = ["upstream", "stale", "respond"];

impl FellBack {
    /// Its label.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Stale => "stale",
            Self::Respond => "respond",
        }
    }
}

/// What the description of an API says of a request, or of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Described {
    RequestValid,
    RequestInvalid,
    RequestUnchecked,
    ResponseValid,
    ResponseInvalid,
    ResponseUnchecked,
}

/// The labels of these: what is looked at, and the outcome.
pub(crate) const DESCRIBED: [(&str, &str); 6] = [
    ("request", "valid"),
    ("request", "invalid"),
    ("request", "unchecked"),
    ("response", "valid"),
    ("response", "invalid"),
    ("response", "unchecked"),
];

impl Meter {
    /// The measurements of an exchange that begins at `now`.
    pub(crate) fn begin(now: Duration) -> Self {
        Self { begun: nanos(now), ..Self::default() }
    }

    /// Notes what the description of the API says.
    pub(crate) fn described(&mut self, outcome: Described) {
        self.described |= 1 << outcome as u8;
    }

    /// Notes that the request leaves for an upstream.
    pub(crate) fn sent(&mut self, now: Duration) {
        self.sent_at = nanos(now);
    }

    /// Notes that the head of the upstream's response has come, with its status; or that the exchange with it has failed.
    pub(crate) fn answered(&mut self, status: Option<StatusCode>, now: Duration) {
        self.upstream = Some((nanos(now).saturating_sub(self.sent_at), class(status)));
    }
}

/// The class of a status: its first digit, and 0 for none. A status above 599 is never sent.
pub(crate) fn class(status: Option<StatusCode>) -> u8 {
    status.map_or(0, |status| u8::try_from(status.as_u16() / 100).unwrap_or_default())
}

/// `u64::MAX` nanoseconds are more than 580 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

//! Copies of requests for other upstreams, whose answers nobody sees.

use core::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::method_map::is_safe;

/// The field by which a copy is told from a request (a boolean, RFC 9651 §3.3.6). It is one of those that no client states.
pub const MIRRORED: HeaderName = HeaderName::from_static("x-edgeway-mirrored");

/// The value of [`MIRRORED`].
pub const YES: HeaderValue = HeaderValue::from_static("?1");

/// What is copied, and what bounds that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The requests that are copied, in percent.
    pub percent: u32,
    /// The methods whose requests are copied; none for those that are safe.
    pub methods: Option<Box<[Method]>>,
    /// The longest content that is copied, in bytes.
    pub most_bytes: u64,
    /// The most copies for the upstream at once.
    pub at_once: u32,
    /// The longest that a copy takes.
    pub timeout: Duration,
}

impl Copied {
    /// Returns whether requests by `method` are copied.
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        self.methods.as_ref().map_or_else(|| is_safe(method), |methods| methods.contains(method))
    }

    /// Returns whether a request is, which drew this number.
    #[must_use]
    pub const fn is_drawn(&self, number: u64) -> bool {
        number % 100 < self.percent as u64
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self, upstream: &str) -> String {
        let share = if self.percent < 100 { format!("{} % ", self.percent) } else { String::new() };
        let methods = self.methods.iter().flatten().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let of = if methods.is_empty() { String::new() } else { format!(" of {methods}") };
        format!("mirror {share}to {upstream}{of}")
    }
}

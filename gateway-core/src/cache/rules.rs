//! The policy of a cache, as far as its decisions go.

use core::fmt;
use core::time::Duration;

use http::{HeaderName, StatusCode};

/// The field that speaks to Edgeway alone (RFC 9213 §3.1 has such names).
pub const EDGEWAY_CACHE_CONTROL: HeaderName = HeaderName::from_static("edgeway-cache-control");

/// The field that speaks to all caches of this kind (RFC 9213 §3.1).
pub const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// What a cache does beyond what responses say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The lifetime of a response that states none; without it, a heuristic one (RFC 9111 §4.2.2).
    pub default_ttl: Option<Duration>,
    /// The lifetime of every response that may be stored, whatever it states.
    pub forced_ttl: Option<Duration>,
    /// The longest lifetime.
    pub max_ttl: Option<Duration>,
    /// The time for which a stale response is used while it is revalidated, where it says nothing of this (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// The time for which a stale response is used in place of an error, where it says nothing of this (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
    /// The statuses that are stored; all that may be, if there is no list.
    pub statuses: Option<Box<[Statuses]>>,
    /// The lifetimes of responses that state none, by their status; with [`forced_ttl`](Self::forced_ttl), of those that do, too. The first
    /// that fits counts. Of no time at all, they are not stored.
    pub status_ttls: Box<[(Statuses, Duration)]>,
    /// Set if the key holds the caller: then what is private to it may be stored.
    pub per_caller: bool,
    /// Set if nothing but what a response itself says makes it one for others: what was asked for with cookies that count.
    pub only_as_stated: bool,
    /// Set if responses that set cookies are stored as others are (RFC 9111 §7.3).
    pub cookies: bool,
    /// The fields that take the place of `Cache-Control`, the most specific one first (RFC 9213 §2.2).
    pub targeted: Box<[HeaderName]>,
    /// The longest content that is stored, in bytes.
    pub most_bytes: u64,
}

impl Default for Rules {
    /// What RFC 9111 has, and up to 1 MiB.
    fn default() -> Self {
        Self {
            default_ttl: None,
            forced_ttl: None,
            max_ttl: None,
            stale_while_revalidate: None,
            stale_if_error: None,
            statuses: None,
            status_ttls: Box::default(),
            per_caller: false,
            only_as_stated: false,
            cookies: false,
            targeted: Box::new([EDGEWAY_CACHE_CONTROL, CDN_CACHE_CONTROL]),
            most_bytes: 1 << 20,
        }
    }
}

impl Rules {
    /// The lifetime of responses with this `status`.
    #[must_use]
    pub fn status_ttl(&self, status: StatusCode) -> Option<Duration> {
        self.status_ttls.iter().find(|(statuses, _)| statuses.contain(status)).map(|(_, ttl)| *ttl)
    }
}

/// One status, or all with the same first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// The status of this number.
    One(u16),
    /// Those of this class, from 1 to 5 (RFC 9110 §15), but for those that one client's request alone brings about.
    Class(u8),
}

impl Statuses {
    /// Returns whether `status` is among these.
    #[must_use]
    pub fn contain(self, status: StatusCode) -> bool {
        match self {
            Self::One(number) => status.as_u16() == number,
            Self::Class(digit) => status.as_u16() / 100 == u16::from(digit) && !is_of_request(status),
        }
    }
}

/// As a configuration has it: `404` or `5xx`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(digit) => write!(f, "{digit}xx"),
        }
    }
}

/// Returns whether `status` is about the fields or the content of a request, or about who sent it: for another one it says nothing.
#[must_use]
pub const fn is_of_request(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 406..=408 | 411..=413 | 415..=426 | 428..=431)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Cache: a class has no status that a client's own fields bring about for everyone.
    #[test]
    fn a_class_is_of_what_others_would_get() {
        for (status, is_in) in
            [(400, false), (401, false), (403, true), (404, true), (410, true), (412, false), (431, false)]
        {
            assert_eq!(Statuses::Class(4).contain(StatusCode::from_u16(status).unwrap()), is_in, "{status}");
        }
        assert!(Statuses::One(400).contain(StatusCode::BAD_REQUEST));
    }

    /// RFC 9110 §15.
    #[test]
    fn a_class_is_a_first_digit() {
        let statuses = [Statuses::One(404), Statuses::Class(5)];
        for (status, is_in) in [(404, true), (405, false), (499, false), (500, true), (599, true), (600, false)] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(statuses.iter().any(|statuses| statuses.contain(status)), is_in, "{status}");
        }
    }
}

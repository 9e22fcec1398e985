//! Rate limits: which counter cell a request belongs to, and what the client is told (RateLimit header fields for HTTP,
//! draft-ietf-httpapi-ratelimit-headers-10).

use core::time::Duration;
use std::net::IpAddr;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::PolicyError;
use super::counter::CounterOp;
use super::quota::{Quota, Verdict};
use crate::config::{self, RateLimitAlgorithm as Algorithm};
use crate::error::Reject;
use crate::http::address::AddressText;
use crate::http::digits::write_hex;
use crate::http::edit_fields::EditFields;
use crate::http::value::printable;

/// `RateLimit-Policy`.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// `RateLimit`.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

const LONGEST_NAME: usize = 128;
const LARGEST_LIMIT: u32 = 1_000_000_000;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 86_400);

/// A compiled rate limit.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Its name in header fields and cells.
    pub name: Box<str>,
    /// What it admits.
    pub quota: Quota,
    /// How it counts.
    pub algorithm: config::RateLimitAlgorithm,
    /// Whose requests it counts together.
    pub key: KeySource,
    /// What happens while the counter can't be reached.
    pub fail: config::FailMode,
    policy_header: HeaderValue,
}

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Those of one client address; IPv6 by its first 64 bits.
    ClientAddress,
    /// Those with one value of this field.
    Header(HeaderName),
    /// All.
    Everyone,
}

impl RateLimit {
    /// Checks and compiles `c`, called `fallback_name` where it states no name.
    ///
    /// # Errors
    /// Every error in it.
    pub fn compile(c: &config::RateLimit, fallback_name: &str) -> Result<Self, Vec<PolicyError>> {
        let mut errors: Vec<PolicyError> = Vec::new();
        let mut error = |member, message: String, help: &str| {
            errors.push(PolicyError { member, index: None, message, help: Some(help.to_owned()) });
        };

        let name = c.name.as_deref().unwrap_or(fallback_name);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_name_byte) {
            error(
                "name",
                format!("`{name}` can't be sent in `RateLimit-Policy`"),
                "use 1 to 128 printable ASCII characters without quotes and backslashes",
            );
        }
        if c.limit == 0 || c.limit > LARGEST_LIMIT {
            error("limit", format!("`{}` is no usable limit", c.limit), "use 1 to 1000000000");
        }
        if c.window.0 < SHORTEST_WINDOW || c.window.0 > LONGEST_WINDOW {
            error("window", "the window is too short or too long".to_owned(), "use `1s` to `366d`");
        }
        let algorithm = c.algorithm.unwrap_or_default();
        if c.burst.is_some() && algorithm == Algorithm::SlidingWindow {
            error(
                "burst",
                "a sliding window has no burst: all of its `limit` may come at once".to_owned(),
                "leave it out, or leave out `algorithm`",
            );
        } else if c.burst.is_some_and(|burst| burst == 0 || burst > LARGEST_LIMIT) {
            error("burst", "the burst is no usable number".to_owned(), "use 1 to 1000000000, or leave it out");
        }
        let key = match c.key.as_ref().unwrap_or(&config::RateLimitKey::ClientAddress) {
            config::RateLimitKey::ClientAddress => KeySource::ClientAddress,
            config::RateLimitKey::Everyone => KeySource::Everyone,
            config::RateLimitKey::Header(header) => match HeaderName::from_bytes(header.as_bytes()) {
                Ok(header) => KeySource::Header(header),
                Err(_) => {
                    error("key", format!("`{header}` is no header name"), "use letters, digits and `-`");
                    KeySource::Everyone
                }
            },
        };

        let quota = Quota { limit: c.limit, window: c.window.0, burst: c.burst.unwrap_or(c.limit) };
        // A list of strings with parameters (draft §3); windows are whole seconds there.
        let policy = format!("\"{name}\";q={};w={}", quota.limit, whole_seconds(quota.window));
        match HeaderValue::try_from(policy) {
            Ok(policy_header) if errors.is_empty() => {
                Ok(Self { name: name.into(), quota, algorithm, key, fail: c.fail.unwrap_or_default(), policy_header })
            }
            _ => Err(errors),
        }
    }

    /// The name of the cell that counts this request: `rl:name:key`, or `sw:name:key` for a sliding window, whose state is
    /// another.
    ///
    /// A header's value is put in as a hash, the first 128 bits of its SHA-256: it may be a credential, which has no place in
    /// the names of a store, and it may be long. Collisions can't be found at will, so nobody can use up another's quota.
    /// Clients without an address share a cell, and so do requests without the header.
    #[must_use]
    pub fn cell(&self, client: Option<IpAddr>, headers: &HeaderMap) -> String {
        let mut cell = String::with_capacity(4 + self.name.len() + 32);
        cell.push_str(match self.algorithm {
            Algorithm::Gcra => "rl:",
            Algorithm::SlidingWindow => "sw:",
        });
        cell.push_str(&self.name);
        cell.push(':');
        match &self.key {
            KeySource::Everyone => cell.push('*'),
            KeySource::ClientAddress => push_address(&mut cell, client),
            KeySource::Header(name) => push_header(&mut cell, headers, name),
        }
        cell
    }

    /// The operation that asks this limit's cell to admit a request of `cost` units.
    #[must_use]
    pub const fn op(&self, cost: u32) -> CounterOp {
        match self.algorithm {
            Algorithm::Gcra => CounterOp::Gcra { quota: self.quota, cost },
            Algorithm::SlidingWindow => CounterOp::SlidingWindow { quota: self.quota, cost },
        }
    }

    /// `RateLimit-Policy` and `RateLimit` for a response; those of several limits are appended one after another, as
    /// members of one list (draft §3, §4).
    ///
    /// `r` is what is left of the quota `q` (draft §4.1), so it is never more, though a larger burst may admit more at once.
    #[must_use]
    pub fn headers(&self, v: &Verdict) -> [(HeaderName, HeaderValue); 2] {
        let mut decimal = itoa::Buffer::new();
        let mut state = Vec::with_capacity(self.name.len() + 24);
        state.push(b'"');
        state.extend_from_slice(self.name.as_bytes());
        state.extend_from_slice(b"\";r=");
        state.extend_from_slice(decimal.format(v.remaining.min(self.quota.limit)).as_bytes());
        state.extend_from_slice(b";t=");
        state.extend_from_slice(decimal.format(whole_seconds(v.reset_after)).as_bytes());
        // The name was checked at load, and the rest is digits: the fallback is never taken.
        let state = printable(&state).unwrap_or(HeaderValue::from_static(""));
        [(RATELIMIT_POLICY, self.policy_header.clone()), (RATELIMIT, state)]
    }

    /// Appends [`RateLimit::headers`] to a response's fields.
    pub fn apply(&self, v: &Verdict, headers: &mut impl EditFields) {
        for (name, value) in self.headers(v) {
            headers.append(&name, value);
        }
    }

    /// The refusal: 429 with `Retry-After` (RFC 9110 §10.2.3) and the fields of [`RateLimit::headers`].
    #[must_use]
    pub fn refuse(&self, v: &Verdict) -> Reject {
        let [policy, state] = self.headers(v);
        let mut reject = Reject::rate_limited();
        reject.headers = vec![(RETRY_AFTER, HeaderValue::from(whole_seconds(v.retry_after).max(1))), policy, state];
        reject.violated_policies = vec![self.name.clone()];
        reject
    }
}

/// Printable ASCII that a structured field's string holds without escapes (RFC 9651 §3.3.3).
const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Rounded up: a client that waits so long has waited enough.
const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64)
}

fn push_address(cell: &mut String, client: Option<IpAddr>) {
    match client.map(|address| address.to_canonical()) {
        None => cell.push_str("unknown"),
        Some(address @ IpAddr::V4(_)) => cell.push_str(AddressText::of(address).as_str()),
        Some(IpAddr::V6(address)) => {
            push_hex(cell, (u128::from(address) >> 64) as u64);
            cell.push_str("/64");
        }
    }
}

fn push_header(cell: &mut String, headers: &HeaderMap, name: &HeaderName) {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        cell.push_str("none");
        return;
    };
    let mut hash = Sha256::new();
    hash.update(first.as_bytes());
    for value in values {
        // Several lines are one list (RFC 9110 §5.3).
        hash.update(b",");
        hash.update(value.as_bytes());
    }
    for word in hash.finalize().chunks_exact(8).take(2) {
        push_hex(cell, word.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
}

fn push_hex(cell: &mut String, value: u64) {
    let mut text = [0; 16];
    write_hex(value, &mut text);
    cell.push_str(core::str::from_utf8(&text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FailMode, RateLimitKey, Span};
    use crate::http::testing::{fields, lines};

    fn config(limit: u32, window_millis: u64, key: Option<RateLimitKey>) -> config::RateLimit {
        config::RateLimit {
            name: None,
            limit,
            window: Span(Duration::from_millis(window_millis)),
            algorithm: None,
            burst: None,
            key,
            fail: None,
        }
    }

    fn compiled(key: RateLimitKey) -> RateLimit {
        RateLimit::compile(&config(100, 60_000, Some(key)), "api").unwrap()
    }

    fn verdict(remaining: u32, retry_millis: u64, reset_millis: u64) -> Verdict {
        Verdict {
            admitted: retry_millis == 0,
            remaining,
            retry_after: Duration::from_millis(retry_millis),
            reset_after: Duration::from_millis(reset_millis),
        }
    }

    #[test]
    fn defaults_are_those_of_the_configuration() {
        let limit = RateLimit::compile(&config(100, 60_000, None), "orders/list").unwrap();
        assert_eq!(&*limit.name, "orders/list");
        assert_eq!(limit.quota, Quota { limit: 100, window: Duration::from_secs(60), burst: 100 });
        assert_eq!(limit.key, KeySource::ClientAddress);
        assert_eq!(limit.fail, FailMode::Closed);
    }

    #[test]
    fn every_mistake_is_reported() {
        let mut wrong = config(0, 999, Some(RateLimitKey::Header("not a name".to_owned())));
        wrong.name = Some("a\"b".to_owned());
        wrong.burst = Some(0);
        let errors = RateLimit::compile(&wrong, "api").unwrap_err();
        assert_eq!(
            errors.iter().map(|error| error.member).collect::<Vec<_>>(),
            ["name", "limit", "window", "burst", "key"]
        );
    }

    #[test]
    fn addresses_make_cells() {
        let limit = compiled(RateLimitKey::ClientAddress);
        for (address, cell) in [
            ("203.0.113.7", "rl:api:203.0.113.7"),
            ("::ffff:203.0.113.7", "rl:api:203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "rl:api:20010db800010002/64"),
            ("2001:db8:1:2:ffff::", "rl:api:20010db800010002/64"),
        ] {
            assert_eq!(limit.cell(Some(address.parse().unwrap()), &HeaderMap::new()), cell);
        }
        assert_eq!(limit.cell(None, &HeaderMap::new()), "rl:api:unknown");
    }

    /// FIPS 180-4: SHA-256 of `abc` begins with ba7816bf…
    #[test]
    fn header_values_make_cells_without_showing() {
        let limit = compiled(RateLimitKey::Header("X-Api-Key".to_owned()));
        let cell = |list: &[(&str, &str)]| limit.cell(None, &fields(list));
        assert_eq!(cell(&[("x-api-key", "abc")]), "rl:api:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(cell(&[("x-api-key", "a"), ("x-api-key", "b")]), cell(&[("x-api-key", "a,b")]));
        assert_eq!(cell(&[("x-api-key", &"x".repeat(100_000))]).len(), "rl:api:".len() + 32);
        assert_eq!(cell(&[("other", "abc")]), "rl:api:none");
    }

    /// The cells of another algorithm hold another state: none may be taken for the other's.
    #[test]
    fn each_algorithm_has_cells_of_its_own() {
        let mut config = config(100, 60_000, Some(RateLimitKey::Everyone));
        config.algorithm = Some(Algorithm::SlidingWindow);
        let window = RateLimit::compile(&config, "api").unwrap();
        assert_eq!(window.cell(None, &HeaderMap::new()), "sw:api:*");
        assert_eq!(window.op(1), CounterOp::SlidingWindow { quota: window.quota, cost: 1 });
    }

    /// docs/configuration.md, Policies: a sliding window has no burst.
    #[test]
    fn a_burst_beside_a_sliding_window_is_a_mistake() {
        let mut config = config(100, 60_000, None);
        (config.algorithm, config.burst) = (Some(Algorithm::SlidingWindow), Some(10));
        let mistakes = RateLimit::compile(&config, "api").unwrap_err();
        assert_eq!(mistakes.iter().map(|error| error.member).collect::<Vec<_>>(), ["burst"]);
    }

    #[test]
    fn everyone_shares_one_cell() {
        let limit = compiled(RateLimitKey::Everyone);
        assert_eq!(limit.cell(Some("203.0.113.7".parse().unwrap()), &HeaderMap::new()), "rl:api:*");
    }

    /// draft-ietf-httpapi-ratelimit-headers-10 §4.1: `r` is what is left of `q`.
    #[test]
    fn what_is_left_is_at_most_the_quota() {
        let limit =
            RateLimit::compile(&config::RateLimit { burst: Some(200), ..config(100, 60_000, None) }, "a").unwrap();
        let told = |remaining| limit.headers(&verdict(remaining, 0, 0))[1].1.clone();
        assert_eq!(told(199), "\"a\";r=100;t=0");
        assert_eq!(told(100), "\"a\";r=100;t=0");
        assert_eq!(told(99), "\"a\";r=99;t=0");
    }

    /// draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: strings with integer parameters, lists over several policies.
    #[test]
    fn fields_follow_the_draft() {
        let burst = compiled(RateLimitKey::Everyone);
        let daily = RateLimit::compile(&config(1_000, 86_400_000, None), "daily").unwrap();
        let mut headers = HeaderMap::new();
        burst.apply(&verdict(50, 0, 29_001), &mut headers);
        daily.apply(&verdict(999, 0, 86_400), &mut headers);
        assert_eq!(
            lines(&headers),
            [
                "ratelimit-policy: \"api\";q=100;w=60",
                "ratelimit-policy: \"daily\";q=1000;w=86400",
                "ratelimit: \"api\";r=50;t=30",
                "ratelimit: \"daily\";r=999;t=87",
            ]
        );
    }

    /// RFC 6585 §4 and RFC 9110 §10.2.3: 429, with whole seconds to wait.
    #[test]
    fn a_refusal_says_when_to_come_back() {
        for (retry_millis, seconds) in [(1, "1"), (600, "1"), (1_000, "1"), (1_001, "2"), (60_000, "60")] {
            let reject = compiled(RateLimitKey::Everyone).refuse(&verdict(0, retry_millis, 60_000));
            assert_eq!((reject.status.as_u16(), reject.code), (429, "rate_limited"));
            assert_eq!(reject.headers[0], (RETRY_AFTER, HeaderValue::from_str(seconds).unwrap()));
            assert_eq!(reject.headers[2].1, "\"api\";r=0;t=60");
            assert_eq!(*reject.violated_policies, ["api".into()]);
        }
    }
}

//! Rate limits: the choice of a request's counter cell, and the client's information (RateLimit header fields for HTTP,
//! draft-ietf-httpapi-ratelimit-headers-10).

use core::fmt::Arguments;
use core::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use super::PolicyError;
use super::counter::CounterOp;
use super::counter_key::{KeySource, check_name};
use super::quota::{Quota, Verdict};
use crate::call::Call;
use crate::config::{self, RateLimitAlgorithm as Algorithm};
use crate::error::Reject;
use crate::http::edit_fields::EditFields;
use crate::http::value::printable;

/// `RateLimit-Policy`.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// `RateLimit`.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

const LARGEST_LIMIT: u32 = 1_000_000_000;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 86_400);

/// A compiled rate limit.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Its name in header fields and cells.
    pub name: Box<str>,
    /// The quota that it admits.
    pub quota: Quota,
    /// Its algorithm.
    pub algorithm: config::RateLimitAlgorithm,
    /// The requests that it counts together.
    pub key: KeySource,
    /// The decision while the counter can't be reached.
    pub fail: config::FailMode,
    policy_header: HeaderValue,
}

impl RateLimit {
    /// Checks and compiles `c`, called `fallback_name` where it states no name.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(c: &config::RateLimit, fallback_name: &str) -> Result<Self, Vec<PolicyError>> {
        let name = c.name.as_deref().unwrap_or(fallback_name);
        let mut errors: Vec<PolicyError> = check_name(name).into_iter().collect();
        let mut error = |member, message: Arguments<'_>, help| errors.push(PolicyError::new(member, message, help));

        if c.limit == 0 || c.limit > LARGEST_LIMIT {
            error("limit", format_args!("`{}` is no usable limit", c.limit), "use 1 to 1000000000");
        }
        if c.window.0 < SHORTEST_WINDOW || c.window.0 > LONGEST_WINDOW {
            error("window", format_args!("the window is too short or too long"), "use `1s` to `366d`");
        }
        let algorithm = c.algorithm.unwrap_or_default();
        if c.burst.is_some() && algorithm == Algorithm::SlidingWindow {
            error(
                "burst",
                format_args!("a sliding window has no burst: all of its `limit` may come at once"),
                "leave it out, or leave out `algorithm`",
            );
        } else if c.burst.is_some_and(|burst| burst == 0 || burst > LARGEST_LIMIT) {
            error("burst", format_args!("the burst is no usable number"), "use 1 to 1000000000, or leave it out");
        }
        let key = KeySource::compile(c.key.as_ref()).unwrap_or_else(|mistake| {
            errors.push(mistake);
            KeySource::Everyone
        });

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

    /// The name of the cell that counts this request: `rl:name:key`, or `sw:name:key` for a sliding window, whose state
    /// is of another kind.
    #[must_use]
    pub fn cell(&self, call: &Call) -> String {
        let prefix = match self.algorithm {
            Algorithm::Gcra => "rl:",
            Algorithm::SlidingWindow => "sw:",
        };
        self.key.cell(prefix, &self.name, call.client_address(), (&call.headers, call.caller.as_deref()))
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
    /// `r` is the remainder of the quota `q` (draft §4.1), so it is never above `q`, even if a larger burst may admit
    /// more at once.
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
        // The name was checked at load, and the rest is digits: the fallback is never used.
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

/// `duration` in whole seconds, rounded up: the wait is then long enough.
const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::config::{CounterKey, FailMode, Span};
    use crate::http::testing::lines;

    fn config(limit: u32, window_millis: u64, key: Option<CounterKey>) -> config::RateLimit {
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

    fn compiled(key: CounterKey) -> RateLimit {
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
        let mut wrong = config(0, 999, Some(CounterKey::Header("not a name".to_owned())));
        wrong.name = Some("a\"b".to_owned());
        wrong.burst = Some(0);
        let errors = RateLimit::compile(&wrong, "api").unwrap_err();
        assert_eq!(
            errors.iter().map(|error| error.member).collect::<Vec<_>>(),
            ["name", "limit", "window", "burst", "key"]
        );
    }

    /// Each algorithm's cells hold its own kind of state, which must not be taken for another's.
    #[test]
    fn each_algorithm_has_cells_of_its_own() {
        let mut config = config(100, 60_000, Some(CounterKey::Everyone));
        config.algorithm = Some(Algorithm::SlidingWindow);
        let window = RateLimit::compile(&config, "api").unwrap();
        let call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        assert_eq!(window.cell(&call), "sw:api:*");
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
        let burst = compiled(CounterKey::Everyone);
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
            let reject = compiled(CounterKey::Everyone).refuse(&verdict(0, retry_millis, 60_000));
            assert_eq!((reject.status.as_u16(), reject.code), (429, "rate_limited"));
            assert_eq!(reject.headers[0], (RETRY_AFTER, HeaderValue::from_str(seconds).unwrap()));
            assert_eq!(reject.headers[2].1, "\"api\";r=0;t=60");
            assert_eq!(*reject.violated_policies, ["api".into()]);
        }
    }
}

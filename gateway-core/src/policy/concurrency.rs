//! Limits on concurrency: on the requests of one key in flight at once, from their admission to the end of their
//! answers.

use core::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;

use super::PolicyError;
use super::counter::CounterOp;
use super::counter_key::{CellOf, KeySource, check_name};
use super::lease;
use crate::call::Call;
use crate::config;
use crate::error::Reject;
use crate::time::Clock;

/// The largest limit: a cell stores each holder, so its size must be bounded.
const LARGEST_LIMIT: u32 = 10_000;

/// The time that a lease lasts beyond its exchange's deadline: for the steps before the upstream call, and for gateways
/// whose clocks differ.
pub const GRACE: Duration = Duration::from_secs(10);

/// The time allowed for an exchange without an upstream.
pub const LOCAL: Duration = Duration::from_secs(60);

/// A compiled limit on concurrency.
#[derive(Debug)]
pub struct Concurrency {
    /// Its name in cells.
    pub name: Box<str>,
    /// The number of requests that may be in flight at once.
    pub limit: u32,
    /// The requests that it counts together.
    pub key: KeySource,
    /// The decision while the cell can't be reached.
    pub fail: config::FailMode,
}

impl Concurrency {
    /// Checks and compiles `c`, called `fallback_name` where it states no name, for a route whose path has these `parameters`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(
        c: &config::Concurrency,
        fallback_name: &str,
        parameters: Option<&[&str]>,
    ) -> Result<Self, Vec<PolicyError>> {
        let name = c.name.as_deref().unwrap_or(fallback_name);
        let mut errors: Vec<PolicyError> = check_name(name).into_iter().collect();
        if c.limit == 0 || c.limit > LARGEST_LIMIT {
            errors.push(PolicyError::new("limit", format_args!("`{}` is no usable limit", c.limit), "use 1 to 10000"));
        }
        match KeySource::compile(c.key.as_ref(), parameters).map_err(|error| errors.push(error)) {
            Ok(key) if errors.is_empty() => {
                Ok(Self { name: name.into(), limit: c.limit, key, fail: c.fail.unwrap_or_default() })
            }
            _ => Err(errors),
        }
    }

    /// The name of the cell that counts `call` on `route`: `cc:name:key`.
    #[must_use]
    pub fn cell(&self, call: &Call, route: &str, clock: &impl Clock) -> String {
        self.key.cell(CellOf { prefix: "cc:", name: &self.name, tier: None }, call, route, clock)
    }

    /// The operation that asks this limit's cell for a place for `holder`, for the time `lease`.
    #[must_use]
    pub const fn acquire(&self, holder: u64, lease: Duration) -> CounterOp {
        CounterOp::Acquire { holder, limit: self.limit, lease }
    }

    /// The refusal: 429 with `Retry-After` (RFC 6585 §4). The next end of an exchange is unknown, so it gives a second,
    /// the field's least value.
    #[must_use]
    pub fn refuse(&self) -> Reject {
        let mut reject = Reject::concurrency_limited().with_header(RETRY_AFTER, HeaderValue::from(1));
        reject.violated_policies = Some([self.name.clone()].into());
        reject
    }
}

/// The lease of an exchange whose upstream call lasts for at most `total`; `None` if that is longer than any lease.
#[must_use]
pub fn lease_for(total: Duration) -> Option<Duration> {
    Some(total.saturating_add(GRACE)).filter(|lease| *lease <= lease::LONGEST)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::super::counter_key::Still;
    use super::*;

    fn config(limit: u32) -> config::Concurrency {
        config::Concurrency { name: None, limit, key: None, fail: None }
    }

    #[test]
    fn defaults_are_those_of_the_configuration() {
        let limit = Concurrency::compile(&config(10), "orders", None).unwrap();
        assert_eq!((&*limit.name, limit.limit, limit.fail), ("orders", 10, config::FailMode::Closed));
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        call.client.address = Some("203.0.113.7".parse().unwrap());
        assert_eq!(limit.cell(&call, "r", &Still), "cc:orders:203.0.113.7");
        let lease = Duration::from_secs(40);
        assert_eq!(limit.acquire(7, lease), CounterOp::Acquire { holder: 7, limit: 10, lease });
    }

    #[test]
    fn every_mistake_is_reported() {
        for limit in [0, 10_001] {
            let mut wrong = config(limit);
            wrong.name = Some("a\"b".to_owned());
            wrong.key = Some(config::CounterKey::Header("not a name".to_owned()));
            let errors = Concurrency::compile(&wrong, "api", None).unwrap_err();
            assert_eq!(errors.iter().map(|error| error.member).collect::<Vec<_>>(), ["name", "limit", "key"]);
        }
    }

    /// RFC 6585 §4 and RFC 9110 §10.2.3: 429, with whole seconds to wait.
    #[test]
    fn a_refusal_is_429_and_says_when_to_come_back() {
        let reject = Concurrency::compile(&config(1), "api", None).unwrap().refuse();
        assert_eq!((reject.status.as_u16(), reject.code), (429, "concurrency_limited"));
        assert_eq!(reject.headers, [(RETRY_AFTER, HeaderValue::from_static("1"))]);
        assert_eq!(reject.violated_policies.as_deref(), Some(&["api".into()][..]));
    }

    /// docs/configuration.md, Policies: a lease outlasts the exchange.
    #[test]
    fn a_lease_is_longer_than_the_exchange_or_none() {
        assert_eq!(lease_for(Duration::from_secs(30)), Some(Duration::from_secs(40)));
        assert_eq!(lease_for(Duration::from_secs(86_390)), Some(lease::LONGEST));
        assert_eq!(lease_for(Duration::from_secs(86_391)), None);
    }
}

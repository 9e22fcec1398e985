//! Rate limits: the choice of a request's counter cell, and the client's information (RateLimit header fields for HTTP,
//! draft-ietf-httpapi-ratelimit-headers-10).

use core::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use super::PolicyError;
use super::accuracy::Store;
use super::allowance::{Allowance, whole_seconds};
use super::borrowed::Lease;
use super::cost::{Cost, Source};
use super::counter_key::{CellOf, KeySource, check_name};
use super::quota::Verdict;
use super::time_zone::TimeZone;
use crate::call::Call;
use crate::caller::Caller;
use crate::config::RateLimitAlgorithm::FixedWindow;
use crate::config::{self, Window};
use crate::error::Reject;
use crate::http::edit_fields::EditFields;
use crate::http::value::printable;
use crate::time::Clock;

/// `RateLimit-Policy`.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// `RateLimit`.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The fields that were usual before.
const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A compiled rate limit.
#[derive(Debug)]
pub struct RateLimit {
    /// Its name in header fields and cells.
    pub name: Box<str>,
    /// The requests that it admits.
    pub allowance: Allowance,
    /// The requests that it admits instead of consumers with a tier, by its name.
    pub tiers: Box<[(Box<str>, Allowance)]>,
    /// The requests that it counts together.
    pub key: KeySource,
    /// The units that a request takes.
    pub cost: Cost,
    /// The longest that a request waits for its turn, if it does.
    pub throttle: Option<Duration>,
    /// The time zone of its windows, as it is written; none where it is UTC, or they have none.
    pub time_zone: Option<Box<str>>,
    /// The units that an instance borrows at once, if it does.
    pub lease: Option<Lease>,
    /// The store that counts.
    pub store: Store,
    /// The RateLimiter binding of Workers that does, where one is the store.
    pub binding: Option<Box<str>>,
    /// The decision while the counter can't be reached.
    pub fail: config::FailMode,
    /// Set if it only counts, and refuses nothing.
    pub shadow: bool,
    /// Set if clients are told by the older fields, too.
    pub legacy: bool,
}

/// A request's standing with a limit.
#[derive(Debug)]
pub struct Standing<'l> {
    /// The limit.
    pub limit: &'l RateLimit,
    /// The part of it that holds for the request.
    pub allowance: &'l Allowance,
    /// The length of the present window.
    pub window: Duration,
    /// The verdict, as it is [told](Allowance::told).
    pub verdict: Verdict,
}

impl RateLimit {
    /// Checks and compiles `c`, but for its tiers and its store, called `fallback_name` where it states no name, for a route whose path has these
    /// `parameters`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(
        c: &config::RateLimit,
        fallback_name: &str,
        parameters: Option<&[&str]>,
    ) -> Result<Self, Vec<PolicyError>> {
        let name = c.name.as_deref().unwrap_or(fallback_name);
        let mut errors: Vec<PolicyError> = check_name(name).into_iter().collect();
        let zone = zone(c).unwrap_or_else(|mistake| {
            errors.push(mistake);
            TimeZone::UTC
        });
        let cost = Cost::compile(c.cost.as_ref(), parameters).map_err(|mistake| errors.push(mistake)).ok();
        let allowance = Allowance::compile(name, (c.limit, c.window, c.burst), c.algorithm, &zone);
        errors.extend(check_binding(c).err());
        let lease = c.lease.as_ref().map(lease).transpose().map_err(|mistake| errors.push(mistake)).unwrap_or_default();
        let key = KeySource::compile(c.key.as_ref(), parameters).unwrap_or_else(|mistake| {
            errors.push(mistake);
            KeySource::Everyone
        });
        match (allowance, cost) {
            (Ok(mut allowance), Some(cost)) if errors.is_empty() => {
                finish(c, &cost, &mut allowance)?;
                let (shadow, legacy) = (c.shadow, c.legacy_headers);
                let fail = c.fail.unwrap_or_default();
                Ok(Self {
                    name: name.into(),
                    allowance,
                    tiers: [].into(),
                    key,
                    cost,
                    throttle: c.throttle.map(|throttle| throttle.0),
                    time_zone: c.time_zone.as_deref().map(Box::from),
                    lease,
                    store: Store::Memory,
                    binding: None,
                    fail,
                    shadow,
                    legacy,
                })
            }
            (allowance, _) => {
                errors.append(&mut allowance.err().unwrap_or_default());
                Err(errors)
            }
        }
    }

    /// Checks and compiles the terms that `c`, called `name`, has for one `tier`.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn compile_tier(
        c: &config::RateLimit,
        name: &str,
        tier: &config::RateLimitTier,
    ) -> Result<Allowance, Vec<PolicyError>> {
        let zone = zone(c).unwrap_or(TimeZone::UTC);
        // A tier may count by days where the limit counts by minutes.
        let algorithm =
            c.algorithm.filter(|_| matches!(tier.window, Window::Span(_)) || c.algorithm == Some(FixedWindow));
        let mut allowance = Allowance::compile(name, (tier.limit, tier.window, tier.burst), algorithm, &zone)?;
        // Whatever is wrong with it is told of the limit itself.
        if let Ok(cost) = Cost::compile(c.cost.as_ref(), None) {
            finish(c, &cost, &mut allowance)?;
        }
        Ok(allowance)
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        let of_cost = matches!(self.cost.source(), Source::Expression(expression) if expression.has_parameters());
        of_cost || self.key.is_bound_to_path()
    }

    /// The verdict of a binding, which says no more than whether it `admits` a request.
    #[must_use]
    pub const fn verdict_of_binding(&self, admits: bool) -> Verdict {
        let window = self.allowance.quota.window;
        let retry_after = if admits { Duration::ZERO } else { window };
        Verdict { admitted: admits, remaining: 0, retry_after, reset_after: window }
    }

    /// The accuracy of the count, in words.
    #[must_use]
    pub const fn bound(&self) -> &'static str {
        self.store.bound(self.lease.is_some())
    }

    /// Returns whether it asks the store in a way of its own.
    #[must_use]
    pub const fn asks_alone(&self) -> bool {
        self.lease.is_some() || self.binding.is_some()
    }

    /// Returns whether requests may wait for their turn.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        self.allowance.may_wait() || self.tiers.iter().any(|(_, allowance)| allowance.may_wait())
    }

    /// A few words for a list of policies, where the route's path has these `parameters`.
    #[must_use]
    pub fn describe(&self, parameters: &[&str]) -> String {
        let mut text =
            format!("limit {} {} by {}", self.name, self.allowance.describe(), self.key.describe(parameters));
        let mut more = Vec::new();
        more.extend(self.time_zone.as_ref().map(|zone| format!("in {zone}")));
        more.extend(self.cost.describe());
        more.extend(self.throttle.map(|wait| format!("waits up to {}", config::Span(wait))));
        more.extend(self.tiers.iter().map(|(tier, allowance)| format!("tier {tier} {}", allowance.describe())));
        more.extend(self.lease.map(|Lease { units, hold }| format!("{units} leased for {}", config::Span(hold))));
        more.extend((self.fail == config::FailMode::Open).then(|| "admits if the counter fails".to_owned()));
        more.extend(self.shadow.then(|| "shadow".to_owned()));
        if !more.is_empty() {
            text.push_str(&format!(" ({})", more.join("; ")));
        }
        text
    }

    /// The tier whose terms are this `allowance` of it, if they are one's.
    #[must_use]
    pub fn tier_of(&self, allowance: &Allowance) -> Option<&str> {
        let own = self.tiers.iter().find(|(_, terms)| core::ptr::eq(terms, allowance));
        own.map(|(tier, _)| &**tier)
    }

    /// The requests that it admits of `caller`, with the tier that these are for.
    fn terms(&self, caller: Option<&Caller>) -> (&Allowance, Option<&str>) {
        if !self.tiers.is_empty()
            && let Some(tier) = caller.and_then(Caller::tier)
            && let Some((tier, allowance)) = self.tiers.iter().find(|(name, _)| **name == *tier)
        {
            return (allowance, Some(tier));
        }
        (&self.allowance, None)
    }

    /// The requests that it admits of who makes `call`, and the name of the cell that counts it on `route`: its kind, the name and the
    /// key, as in `rl:name:key`.
    #[must_use]
    pub fn cell(&self, call: &Call, route: &str, clock: &impl Clock) -> (&Allowance, String) {
        let (allowance, tier) = self.terms(call.caller.as_deref());
        let of = CellOf { prefix: allowance.counting.prefix(), name: &self.name, tier };
        (allowance, self.key.cell(of, call, route, clock))
    }
}

/// The time for which borrowed units are held where none is stated.
const USUAL_HOLD: Duration = Duration::from_secs(1);

/// The terms of borrowing.
fn lease(c: &config::RateLimitLease) -> Result<Lease, PolicyError> {
    let hold = c.hold.map_or(USUAL_HOLD, |hold| hold.0);
    if !(2..=100_000).contains(&c.units) {
        return Err(PolicyError::new("lease.units", "the batch is too small or too large", "use 2 to 100000"));
    }
    if hold < Duration::from_millis(10) || hold > Duration::from_secs(10) {
        return Err(PolicyError::new("lease.hold", "units are held for too short or too long", "use `10ms` to `10s`"));
    }
    Ok(Lease { units: c.units, hold })
}

/// Checks what a RateLimiter binding of Workers can't do.
fn check_binding(c: &config::RateLimit) -> Result<(), PolicyError> {
    let Some(name) = &c.binding else { return Ok(()) };
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        let help = "write the `name` of an entry of `ratelimits` in `wrangler.toml`: letters, digits and `_`";
        return Err(PolicyError::new("binding", format_args!("`{name}` is not the name of a binding"), help));
    }
    if !matches!(&c.window, Window::Span(span) if [10_000, 60_000].contains(&span.as_millis())) {
        let help = "use `10s` or `60s`, as `period` of the binding in `wrangler.toml` has it";
        return Err(PolicyError::new("window", "a RateLimiter binding has no window of this length", help));
    }
    let others = [
        ("burst", c.burst.is_some()),
        ("cost", c.cost.is_some()),
        ("throttle", c.throttle.is_some()),
        ("lease", c.lease.is_some()),
        ("tiers", !c.tiers.is_empty()),
    ];
    match others.into_iter().find(|(_, is_there)| *is_there) {
        Some((member, _)) => {
            let help = "leave it out, or leave `binding` out: a Durable Object can do it";
            Err(PolicyError::new(member, "a RateLimiter binding counts requests alone, and one by one", help))
        }
        None => Ok(()),
    }
}

/// Completes `allowance` by what `c` has beside.
fn finish(c: &config::RateLimit, cost: &Cost, allowance: &mut Allowance) -> Result<(), Vec<PolicyError>> {
    if cost.usual() > allowance.quota.burst {
        let help = "make it no more than `burst`, or than `limit` where there is none";
        return Err(vec![PolicyError::new("cost", "no request of this cost is ever admitted", help)]);
    }
    if let Some(lease) = &c.lease {
        let hold = lease.hold.map_or(USUAL_HOLD, |hold| hold.0);
        let error = |member, message, help| Err(vec![PolicyError::new(member, message, help)]);
        if hold > allowance.quota.window {
            return error("lease.hold", "units are held for longer than the window", "make it no longer than `window`");
        }
        if c.throttle.is_some() {
            let help = "leave one of them out: with `throttle` each request has a turn of its own in the store";
            return error("lease", "borrowed units have no turn for which a request could wait", help);
        }
        if cost.is_in_response() {
            let help = "leave it out, or state the cost in the request";
            return error("lease", "what a response states is settled in the store, request by request", help);
        }
    }
    if let Some(throttle) = c.throttle {
        allowance.wait_for(throttle.0).map_err(|mistake| vec![mistake])?;
    }
    Ok(())
}

/// The time zone of the windows.
fn zone(c: &config::RateLimit) -> Result<TimeZone, PolicyError> {
    let Some(text) = &c.time_zone else { return Ok(TimeZone::UTC) };
    let windows = c.tiers.iter().map(|(_, tier)| &tier.window).chain([&c.window]);
    if windows.into_iter().all(|window| matches!(window, Window::Span(_))) {
        return Err(PolicyError::new(
            "timeZone",
            "a window of a fixed length has no time zone",
            "leave it out, or write `hour`, `day`, `week` or `month` for `window`",
        ));
    }
    TimeZone::parse(text).ok_or_else(|| {
        let help = if text.contains('/') && !text.contains(',') {
            format!("write its rule, the last line of its file: `tail -n1 /usr/share/zoneinfo/{text}` prints it")
        } else {
            "write `UTC`, an offset such as `+01:00`, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`".to_owned()
        };
        PolicyError::new("timeZone", format_args!("`{text}` is no time zone that is known here"), help)
    })
}

impl Standing<'_> {
    /// `RateLimit-Policy` and `RateLimit` for a response; those of several limits are appended one after another, as
    /// members of one list (draft §3, §4).
    ///
    /// `r` is the remainder of the quota `q` (draft §4.1), so it is never above `q`: see [`Allowance::told`].
    #[must_use]
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let Self { limit, allowance, window, verdict } = self;
        let mut decimal = itoa::Buffer::new();
        let mut state = Vec::with_capacity(limit.name.len() + 24);
        state.push(b'"');
        state.extend_from_slice(limit.name.as_bytes());
        state.extend_from_slice(b"\";r=");
        state.extend_from_slice(decimal.format(verdict.remaining).as_bytes());
        state.extend_from_slice(b";t=");
        state.extend_from_slice(decimal.format(whole_seconds(verdict.reset_after)).as_bytes());
        // The name was checked at load, and the rest is digits: the fallback is never used.
        let state = printable(&state).unwrap_or(HeaderValue::from_static(""));
        [(RATELIMIT_POLICY, allowance.policy(&limit.name, *window)), (RATELIMIT, state)]
    }

    /// The refusal: 429 with `Retry-After` (RFC 9110 §10.2.3). The other fields are those of [`tell`].
    #[must_use]
    pub fn refuse(&self) -> Reject {
        let mut reject = Reject::rate_limited();
        let wait = HeaderValue::from(whole_seconds(self.verdict.retry_after).max(1));
        reject.headers = vec![(RETRY_AFTER, wait)];
        reject.violated_policies = Some([self.limit.name.clone()].into());
        reject
    }
}

/// Tells a client of its `standings` in the fields of a response. Of the older fields there is one of each, so that they are those of the limit
/// of which the least is left; `X-RateLimit-Reset` is in seconds from now.
pub fn tell(standings: &[Standing<'_>], fields: &mut impl EditFields) {
    for standing in standings {
        for (name, value) in standing.headers() {
            // A binding does not tell what is left.
            if standing.limit.binding.is_none() || name != RATELIMIT {
                fields.append(&name, value);
            }
        }
    }
    // The one that has refused the request is the last.
    let legacy = standings.iter().rev();
    let legacy = legacy.filter(|standing| standing.limit.legacy && standing.limit.binding.is_none());
    if let Some(Standing { allowance, verdict, .. }) = legacy.min_by_key(|standing| standing.verdict.remaining) {
        let limit = allowance.quota.limit;
        fields.set(&X_RATELIMIT_LIMIT, HeaderValue::from(limit));
        fields.set(&X_RATELIMIT_REMAINING, HeaderValue::from(verdict.remaining));
        fields.set(&X_RATELIMIT_RESET, HeaderValue::from(whole_seconds(verdict.reset_after)));
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::super::allowance::Counting;
    use super::super::counter::{CounterOp, step};
    use super::super::fixed_window::Span;
    use super::super::quota::Quota;
    use super::*;
    use crate::caller::consumer::Consumer;
    use crate::config::{CounterKey, FailMode, Period, RateLimitAlgorithm as Algorithm};
    use crate::http::testing::lines;
    use crate::time::{Clock, Timestamp};

    fn config(limit: u32, window_millis: u64, key: Option<CounterKey>) -> config::RateLimit {
        config::RateLimit {
            name: None,
            limit,
            window: Window::Span(Duration::from_millis(window_millis)),
            time_zone: None,
            algorithm: None,
            burst: None,
            key,
            cost: None,
            throttle: None,
            lease: None,
            accuracy: None,
            binding: None,
            tiers: config::Entries::default(),
            shadow: false,
            legacy_headers: false,
            fail: None,
        }
    }

    fn compiled(key: CounterKey) -> RateLimit {
        RateLimit::compile(&config(100, 60_000, Some(key)), "api", None).unwrap()
    }

    fn standing(limit: &RateLimit, verdict: Verdict) -> Standing<'_> {
        let verdict = limit.allowance.told(verdict);
        Standing { limit, allowance: &limit.allowance, window: limit.allowance.quota.window, verdict }
    }

    /// A clock that stands still.
    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, _: Duration) {}
    }

    /// 2026-02-10T12:00:00Z.
    const NOW: At = At(Timestamp::from_unix_millis(1_770_724_800_000));

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
        let limit = RateLimit::compile(&config(100, 60_000, None), "orders/list", None).unwrap();
        assert_eq!(&*limit.name, "orders/list");
        assert_eq!(limit.allowance.quota, Quota { limit: 100, window: Duration::from_secs(60), burst: 100 });
        assert!(matches!(limit.key, KeySource::Address(32, 64)));
        assert_eq!(limit.fail, FailMode::Closed);
    }

    #[test]
    fn every_mistake_is_reported() {
        let mut wrong = config(0, 999, Some(CounterKey::Header("not a name".to_owned())));
        wrong.name = Some("a\"b".to_owned());
        wrong.burst = Some(0);
        let errors = RateLimit::compile(&wrong, "api", None).unwrap_err();
        assert_eq!(
            errors.iter().map(|error| error.member).collect::<Vec<_>>(),
            ["name", "key", "limit", "window", "burst"]
        );
    }

    /// Each algorithm's cells hold its own kind of state, which must not be taken for another's.
    #[test]
    fn each_algorithm_has_cells_of_its_own() {
        let mut config = config(100, 60_000, Some(CounterKey::Everyone));
        let call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        config.algorithm = Some(Algorithm::SlidingWindow);
        let sliding = RateLimit::compile(&config, "api", None).unwrap();
        assert_eq!(sliding.cell(&call, "r", &NOW).1, "sw:api:*");
        let quota = sliding.allowance.quota;
        assert_eq!(sliding.allowance.op(1, &NOW), (CounterOp::SlidingWindow { quota, cost: 1 }, quota.window));
        config.algorithm = Some(Algorithm::FixedWindow);
        let fixed = RateLimit::compile(&config, "api", None).unwrap();
        assert_eq!(fixed.cell(&call, "r", &NOW).1, "fw:api:*");
        let span = Span::of(quota.window, NOW.0);
        assert_eq!(fixed.allowance.op(1, &NOW), (CounterOp::FixedWindow { span, limit: 100, cost: 1 }, quota.window));
    }

    /// docs/configuration.md, Policies: only GCRA has a burst.
    #[test]
    fn a_burst_beside_a_window_is_a_mistake() {
        let mut config = config(100, 60_000, None);
        config.burst = Some(10);
        for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
            config.algorithm = Some(algorithm);
            assert_eq!(mistakes(&config), ["burst"]);
        }
        (config.algorithm, config.window) = (None, Window::Calendar(Period::Day));
        assert_eq!(mistakes(&config), ["burst"]);
    }

    fn mistakes(config: &config::RateLimit) -> Vec<&'static str> {
        let mistakes = RateLimit::compile(config, "api", None).map(drop).unwrap_err();
        mistakes.iter().map(|error| error.member).collect()
    }

    /// docs/configuration.md, Policies: a window of the calendar is a fixed window, in a time zone that nothing else has.
    #[test]
    fn a_window_of_the_calendar_is_a_fixed_window_of_a_time_zone() {
        let mut config = config::RateLimit { window: Window::Calendar(Period::Month), ..config(100, 0, None) };
        let limit = RateLimit::compile(&config, "api", None).unwrap();
        assert!(matches!(limit.allowance.counting, Counting::Calendar(_)));
        let (op, window) = limit.allowance.op(1, &NOW);
        assert!(matches!(op, CounterOp::FixedWindow { limit: 100, cost: 1, .. }));
        let standing = Standing { window, ..standing(&limit, verdict(99, 0, 1_000)) };
        // February 2026 has 28 days.
        assert_eq!(standing.headers()[0].1, "\"api\";q=100;w=2419200");

        for algorithm in [Algorithm::Gcra, Algorithm::SlidingWindow] {
            config.algorithm = Some(algorithm);
            assert_eq!(mistakes(&config), ["window"]);
        }
        config.algorithm = Some(Algorithm::FixedWindow);
        config.time_zone = Some("Europe/Berlin".to_owned());
        assert_eq!(mistakes(&config), ["timeZone"]);
        config.time_zone = Some("CET-1CEST,M3.5.0,M10.5.0/3".to_owned());
        assert!(RateLimit::compile(&config, "api", None).is_ok());
        config.window = Window::Span(Duration::from_secs(60));
        assert_eq!(mistakes(&config), ["timeZone"]);
    }

    /// draft-ietf-httpapi-ratelimit-headers-10 §4.1: `r` is what is left of `q`.
    #[test]
    fn what_is_left_is_at_most_the_quota() {
        let limit = RateLimit::compile(&config::RateLimit { burst: Some(200), ..config(100, 60_000, None) }, "a", None)
            .unwrap();
        let told = |remaining| standing(&limit, verdict(remaining, 0, 0)).headers()[1].1.clone();
        assert_eq!(told(199), "\"a\";r=100;t=0");
        assert_eq!(told(100), "\"a\";r=100;t=0");
        assert_eq!(told(99), "\"a\";r=99;t=0");
    }

    /// draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: strings with integer parameters, lists over several policies.
    #[test]
    fn fields_follow_the_draft() {
        let burst = compiled(CounterKey::Everyone);
        let daily = RateLimit::compile(&config(1_000, 86_400_000, None), "daily", None).unwrap();
        let mut headers = HeaderMap::new();
        tell(&[standing(&burst, verdict(50, 0, 29_001)), standing(&daily, verdict(999, 0, 86_400))], &mut headers);
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
            let limit = compiled(CounterKey::Everyone);
            let reject = standing(&limit, verdict(0, retry_millis, 60_000)).refuse();
            assert_eq!((reject.status.as_u16(), reject.code), (429, "rate_limited"));
            assert_eq!(*reject.headers, [(RETRY_AFTER, HeaderValue::from_str(seconds).unwrap())]);
            assert_eq!(reject.violated_policies.as_deref(), Some(&["api".into()][..]));
        }
    }

    /// docs/configuration.md, Policies: each tier has terms and counters of its own, and whoever has none the plain ones.
    #[test]
    fn tiers_have_terms_of_their_own() {
        let tier = |limit, window| config::RateLimitTier { limit, window, burst: None };
        let tiers =
            [("gold", tier(1_000, Window::Calendar(Period::Day))), ("silver", tier(200, config(1, 1, None).window))];
        let tiers = config::Entries(tiers.map(|(name, tier)| (name.to_owned(), tier)).into());
        let mut config = config(100, 60_000, Some(CounterKey::Everyone));
        (config.tiers, config.time_zone) = (tiers, Some("+01:00".to_owned()));
        let mut limit = RateLimit::compile(&config, "api", None).unwrap();
        let gold = RateLimit::compile_tier(&config, "api", config.tiers.find("gold").unwrap()).unwrap();
        limit.tiers = [("gold".into(), gold)].into();
        assert!(RateLimit::compile_tier(&config, "api", config.tiers.find("silver").unwrap()).is_err(), "too short");

        let of = |tier: Option<&str>| {
            let consumer = Consumer { name: "acme".into(), tier: tier.map(Into::into), ..Consumer::default() };
            let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
            call.caller = Some(Caller { consumer: Some(consumer.into()), ..Caller::default() }.into());
            let (allowance, cell) = limit.cell(&call, "r", &NOW);
            (allowance.quota.limit, allowance.counting.algorithm(), cell)
        };
        assert_eq!(of(Some("gold")), (1_000, "fixedWindow", "fw:api\"gold\":*".to_owned()));
        assert_eq!(of(Some("bronze")), (100, "gcra", "rl:api:*".to_owned()));
        assert_eq!(of(None), (100, "gcra", "rl:api:*".to_owned()));
    }

    /// docs/configuration.md, Policies: the older fields are those of the limit of which the least is left.
    #[test]
    fn older_fields_tell_of_the_tightest_limit() {
        let legacy = config::RateLimit { legacy_headers: true, ..config(100, 60_000, None) };
        let [a, b] = ["a", "b"].map(|name| RateLimit::compile(&legacy, name, None).unwrap());
        let plain = RateLimit::compile(&config(100, 60_000, None), "api", None).unwrap();
        let mut headers = HeaderMap::new();
        let standings = [
            standing(&a, verdict(7, 0, 1_001)),
            standing(&b, verdict(3, 0, 29_001)),
            standing(&plain, verdict(0, 0, 60_000)),
        ];
        tell(&standings, &mut headers);
        headers.remove(RATELIMIT);
        headers.remove(RATELIMIT_POLICY);
        assert_eq!(lines(&headers), ["x-ratelimit-limit: 100", "x-ratelimit-remaining: 3", "x-ratelimit-reset: 30"]);
        let mut headers = HeaderMap::new();
        tell(&standings[2..], &mut headers);
        assert!(!headers.contains_key(X_RATELIMIT_LIMIT));
    }

    /// docs/configuration.md, Policies: requests above the limit wait for their turn, in order, and no longer than `throttle`.
    #[test]
    fn requests_wait_for_their_turn() {
        let of = |throttle, burst| {
            let config = config::RateLimit {
                throttle: Some(config::Span(Duration::from_millis(throttle))),
                burst: Some(burst),
                ..config(10, 10_000, None)
            };
            RateLimit::compile(&config, "api", None).map_err(|errors| errors[0].member)
        };
        let limit = of(2_500, 3).unwrap();
        let allowance = &limit.allowance;
        let (op, _) = allowance.op(1, &NOW);
        let mut state = None;
        let mut ask = || {
            let after = step(op, state.take(), NOW.0);
            state = Some(after.state);
            let verdict = after.verdict.quota().unwrap();
            (verdict.admitted, allowance.wait(&verdict).as_millis(), allowance.told(verdict).remaining)
        };
        let waits: Vec<_> = (0..6).map(|_| ask()).collect();
        let expected = [(true, 0, 2), (true, 0, 1), (true, 0, 0), (true, 1_000, 0), (true, 2_000, 0), (false, 0, 0)];
        assert_eq!(waits, expected);
        for (throttle, burst) in [(0, 1), (30_001, 1), (999, 1)] {
            assert_eq!(of(throttle, burst).err(), Some("throttle"));
        }
        let mut sliding = config(10, 10_000, None);
        (sliding.throttle, sliding.algorithm) =
            (Some(config::Span(Duration::from_secs(2))), Some(Algorithm::SlidingWindow));
        assert_eq!(mistakes(&sliding), ["throttle"]);
        let dear = config::RateLimit { cost: Some(config::Cost::Fixed(4)), burst: Some(3), ..config(10, 10_000, None) };
        assert_eq!(mistakes(&dear), ["cost"]);
    }
}

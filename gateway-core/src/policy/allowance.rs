//! The number of requests that a rate limit admits, and the way of counting them.

use core::fmt::Arguments;
use core::time::Duration;

use http::HeaderValue;

use super::PolicyError;
use super::calendar::Calendar;
use super::counter::{CounterOp, Limiter};
use super::quota::{Quota, Verdict};
use super::time_zone::TimeZone;
use super::{fixed_window, sliding_window};
use crate::config::{Period, RateLimitAlgorithm as Algorithm, Span, Window};
use crate::time::{Clock, Timestamp};

pub(super) const LARGEST_LIMIT: u32 = 1_000_000_000;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 86_400);
const LONGEST_THROTTLE: Duration = Duration::from_secs(30);

/// The requests that a limit admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The quota; where the calendar has the windows, with the usual length of one.
    pub quota: Quota,
    /// The way of counting.
    pub counting: Counting,
    /// The requests beyond the burst that wait for their turn.
    waiting: u32,
    /// `RateLimit-Policy`.
    policy: HeaderValue,
}

/// The way of counting requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counting {
    /// The generic cell rate algorithm.
    Gcra,
    /// The sliding window counter.
    SlidingWindow,
    /// The fixed window, at multiples of its length since the Unix epoch.
    FixedWindow,
    /// The fixed window of a calendar.
    Calendar(Box<Calendar>),
}

impl Counting {
    /// The name of the algorithm in the configuration.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Gcra => "gcra",
            Self::SlidingWindow => "slidingWindow",
            Self::FixedWindow | Self::Calendar(_) => "fixedWindow",
        }
    }

    /// The unit of the calendar, where one is the window.
    #[must_use]
    pub fn period(&self) -> Option<&'static str> {
        if let Self::Calendar(calendar) = self { Some(calendar.period.name()) } else { None }
    }

    /// The beginning of the names of cells, which differs for each kind of state.
    pub(super) const fn prefix(&self) -> &'static str {
        match self {
            Self::Gcra => "rl:",
            Self::SlidingWindow => "sw:",
            Self::FixedWindow | Self::Calendar(_) => "fw:",
        }
    }
}

impl Allowance {
    /// Checks and compiles `limit` requests a `window`, `burst` at once, of the limit called `name`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(
        name: &str,
        (limit, window, burst): (u32, Window, Option<u32>),
        algorithm: Option<Algorithm>,
        zone: &TimeZone,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let mut error = |member, message: Arguments<'_>, help| errors.push(PolicyError::new(member, message, help));

        if limit == 0 || limit > LARGEST_LIMIT {
            error("limit", format_args!("`{limit}` is no usable limit"), "use 1 to 1000000000");
        }
        let (length, counting) = match (window, algorithm) {
            (Window::Span(length), Some(Algorithm::FixedWindow)) => (length, Counting::FixedWindow),
            (Window::Span(length), Some(Algorithm::SlidingWindow)) => (length, Counting::SlidingWindow),
            (Window::Span(length), None | Some(Algorithm::Gcra)) => (length, Counting::Gcra),
            (Window::Calendar(period), algorithm) => {
                if algorithm.is_some_and(|algorithm| algorithm != Algorithm::FixedWindow) {
                    error(
                        "window",
                        format_args!("a `{}` of the calendar is a fixed window", period.name()),
                        "leave `algorithm` out, or write a duration such as `24h`",
                    );
                }
                (usual_length(period), Counting::Calendar(Box::new(Calendar { period, zone: zone.clone() })))
            }
        };
        if length < SHORTEST_WINDOW || length > LONGEST_WINDOW {
            error("window", format_args!("the window is too short or too long"), "use `1s` to `366d`");
        }
        if burst.is_some() && counting != Counting::Gcra {
            error(
                "burst",
                format_args!("a sliding or fixed window has no burst: all of its `limit` may come at once"),
                under_gcra(&counting),
            );
        } else if burst.is_some_and(|burst| burst == 0 || burst > LARGEST_LIMIT) {
            error("burst", format_args!("the burst is no usable number"), "use 1 to 1000000000, or leave it out");
        }

        let quota = Quota { limit, window: length, burst: burst.unwrap_or(limit) };
        match policy(name, limit, length) {
            Some(policy) if errors.is_empty() => Ok(Self { quota, counting, waiting: 0, policy }),
            _ => Err(errors),
        }
    }

    /// Has requests above the limit wait for their turn, for as long as `throttle`.
    ///
    /// # Errors
    /// The mistake in it.
    pub fn wait_for(&mut self, throttle: Duration) -> Result<(), PolicyError> {
        const MEMBER: &str = "throttle";
        if self.counting != Counting::Gcra {
            let message = "requests wait for their turn under `gcra` alone";
            return Err(PolicyError::new(MEMBER, message, under_gcra(&self.counting)));
        }
        if throttle.is_zero() || throttle > LONGEST_THROTTLE {
            return Err(PolicyError::new(MEMBER, "the wait is too short or too long", "use `1ms` to `30s`"));
        }
        let Quota { limit, window, burst } = self.quota;
        let places = u128::from(limit) * throttle.as_millis() / window.as_millis().max(1);
        self.waiting = u32::try_from(places).unwrap_or(u32::MAX).min(u32::MAX - burst);
        if self.waiting > 0 {
            return Ok(());
        }
        let turn = window.as_millis().div_ceil(u128::from(limit.max(1)));
        let turn = Duration::from_millis(u64::try_from(turn).unwrap_or(u64::MAX));
        let message = "in this time no request has its turn";
        Err(if turn > LONGEST_THROTTLE {
            let help =
                format_args!("leave it out: there is one turn in {}, and no request waits for so long", Span(turn));
            PolicyError::new(MEMBER, message, help)
        } else {
            PolicyError::new(MEMBER, message, format_args!("make it `{}` or more: `window` by `limit`", Span(turn)))
        })
    }

    /// Returns whether requests may wait for their turn.
    #[must_use]
    pub const fn may_wait(&self) -> bool {
        self.waiting > 0
    }

    /// The time for which a request with this verdict waits for its turn.
    #[must_use]
    pub fn wait(&self, verdict: &Verdict) -> Duration {
        if self.waiting == 0 || !verdict.admitted {
            return Duration::ZERO;
        }
        let Quota { limit, window, burst } = self.quota;
        let at_once = u128::from(burst) * window.as_millis() / u128::from(limit.max(1));
        verdict.reset_after.saturating_sub(Duration::from_millis(u64::try_from(at_once).unwrap_or(u64::MAX)))
    }

    /// The verdict as everybody is told of it: without the places in which requests wait. What is left is never above the limit, of which it is
    /// the rest (draft-ietf-httpapi-ratelimit-headers-10 §4.1), even if a larger burst may admit more at once.
    #[must_use]
    pub fn told(&self, verdict: Verdict) -> Verdict {
        Verdict { remaining: verdict.remaining.saturating_sub(self.waiting).min(self.quota.limit), ..verdict }
    }

    /// The quota with the places in which requests wait.
    const fn whole(&self) -> Quota {
        Quota { burst: self.quota.burst.saturating_add(self.waiting), ..self.quota }
    }

    /// The operation by which a request that was admitted `at` that time, and has taken `taken` units, takes `units` in all; none if nothing changes.
    #[must_use]
    pub fn settle(&self, at: Timestamp, (taken, units): (u32, u32), clock: &impl Clock) -> Option<CounterOp> {
        // Each number of units is at most a billion.
        let change = i32::try_from(i64::from(units) - i64::from(taken)).ok().filter(|change| *change != 0)?;
        let quota = self.quota;
        let limiter = match &self.counting {
            Counting::Gcra => Limiter::Gcra(self.whole()),
            Counting::SlidingWindow => Limiter::SlidingWindow { quota, at: sliding_window::number(at, quota) },
            Counting::FixedWindow => {
                let span = |time| fixed_window::Span::of(quota.window, time);
                Limiter::FixedWindow { span: span(clock.now()), at: span(at).end }
            }
            Counting::Calendar(calendar) => {
                let span = |time| fixed_window::Span::of_calendar(calendar, time).0;
                Limiter::FixedWindow { span: span(clock.now()), at: span(at).end }
            }
        };
        Some(CounterOp::Settle { limiter, change })
    }

    /// The operation that asks a cell to admit a request of `cost` units, and the length of the present window.
    #[must_use]
    pub fn op(&self, cost: u32, clock: &impl Clock) -> (CounterOp, Duration) {
        let (quota, limit) = (self.quota, self.quota.limit);
        match &self.counting {
            Counting::Gcra => (CounterOp::Gcra { quota: self.whole(), cost }, quota.window),
            Counting::SlidingWindow => (CounterOp::SlidingWindow { quota, cost }, quota.window),
            Counting::FixedWindow => {
                let span = fixed_window::Span::of(quota.window, clock.now());
                (CounterOp::FixedWindow { span, limit, cost }, quota.window)
            }
            Counting::Calendar(calendar) => {
                let (span, length) = fixed_window::Span::of_calendar(calendar, clock.now());
                (CounterOp::FixedWindow { span, limit, cost }, length)
            }
        }
    }

    /// `RateLimit-Policy` of the limit called `name`, whose present window has this length.
    pub(super) fn policy(&self, name: &str, window: Duration) -> HeaderValue {
        match self.counting {
            Counting::Calendar(_) if window != self.quota.window => policy(name, self.quota.limit, window),
            _ => None,
        }
        .unwrap_or_else(|| self.policy.clone())
    }

    /// A few words for a list of policies: `5 per 10s`, with the burst where that is another number.
    #[must_use]
    pub fn describe(&self) -> String {
        let Quota { limit, burst, window } = self.quota;
        let span = || humantime::format_duration(window).to_string().replace(' ', "");
        match &self.counting {
            Counting::Gcra if burst != limit => format!("{limit} per {}, burst {burst}", span()),
            Counting::Gcra => format!("{limit} per {}", span()),
            Counting::SlidingWindow => format!("{limit} per {} (sliding window)", span()),
            Counting::FixedWindow => format!("{limit} per {} (fixed window)", span()),
            Counting::Calendar(calendar) => format!("{limit} per {}", calendar.period.name()),
        }
    }
}

/// The way to have what `gcra` alone has, where requests are counted in this other way.
const fn under_gcra(counting: &Counting) -> &'static str {
    match counting {
        Counting::Calendar(_) => "leave it out, or write a duration such as `24h` for `window`",
        _ => "leave it out, or count by `gcra`",
    }
}

/// The usual length of a window of the calendar.
const fn usual_length(period: Period) -> Duration {
    Duration::from_secs(match period {
        Period::Hour => 3_600,
        Period::Day => 86_400,
        Period::Week => 7 * 86_400,
        Period::Month => 30 * 86_400,
    })
}

/// `RateLimit-Policy`: a list of strings with parameters (draft-ietf-httpapi-ratelimit-headers-10 §3); windows are whole seconds there.
fn policy(name: &str, limit: u32, window: Duration) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{name}\";q={limit};w={}", whole_seconds(window))).ok()
}

/// `duration` in whole seconds, rounded up: the wait is then long enough.
pub(super) const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add((duration.subsec_nanos() > 0) as u64)
}

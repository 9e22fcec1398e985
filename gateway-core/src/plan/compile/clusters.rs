//! Compiles the rules for upstreams in several places, and for those that are sent copies.

use core::fmt::Display;
use core::time::Duration;

use http::Method;

use super::Compiler;
use super::at::At;
use crate::balance::adaptive::Adaptive;
use crate::balance::breaker::Breaker;
use crate::balance::hedge::Hedge;
use crate::balance::passive::{Passive, SuccessRate};
use crate::balance::retry::Retry;
use crate::balance::sticky::Sticky;
use crate::balance::{Balance, Cluster, HashKey, level_of, levels};
use crate::config::{self, BreakerOf, RetryOn, SameSite, Span};
use crate::http::proxy_status::is_tchar;
use crate::jose::algorithm::Algorithm;
use crate::jose::hmac::HmacKey;
use crate::plan::Endpoint;
use crate::policy::body_edit::Statuses;
use crate::policy::mirror::Copied;
use crate::template::Template;

const MOST_WEIGHT: u32 = 1_000;
const MOST_PRIORITY: u32 = 15;
const MOST_ATTEMPTS: u32 = 10;
/// The least bytes of a key for ids of places.
const LEAST_KEY: usize = 32;
/// The longest content of a request that may be kept to be sent again.
pub(super) const MOST_KEPT: u64 = 1024 * 1024;

/// The further attempts where the configuration states none of its own, but for those of which nothing was sent.
const ATTEMPTS: u32 = 2;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The methods that are idempotent (RFC 9110 §9.2.2) and reach upstreams, with QUERY (draft-ietf-httpbis-safe-method-w-body).
const IDEMPOTENT: [&str; 6] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"];

impl Compiler<'_> {
    /// Compiles the rules of `upstream` for `endpoints`, which have these weights and priorities; none where there is nothing to choose, and nothing else is
    /// said.
    pub(super) fn cluster(
        &mut self,
        at: &At<'_>,
        upstream: &config::Upstream,
        (endpoints, shares): (&[Endpoint], &[(u32, u32)]),
    ) -> Option<Box<Cluster>> {
        let balance = self.balance(&at.member("balance"), upstream.balance.as_ref());
        let retry = upstream.retry.as_ref().map(|retry| self.retry(&at.member("retry"), retry));
        let has_several = endpoints.len() > 1 || upstream.discover.is_some();
        let stated = upstream.health.passive.as_ref();
        let passive = match stated {
            Some(health) if health.enabled == Some(false) => None,
            Some(health) => Some(self.passive(&at.member("health").member("passive"), health)),
            None => has_several.then(|| self.passive(at, &config::PassiveHealth::default())),
        };
        let active = upstream.health.active.as_ref().and_then(|health| {
            self.active(&at.member("health").member("active"), health, (upstream, endpoints)).map(Box::new)
        });
        let breaker = upstream.breaker.as_ref().map(|breaker| self.breaker(&at.member("breaker"), breaker));
        if let Some(config::CircuitBreaker { per: Some(BreakerOf::Target), probes, .. }) = &upstream.breaker {
            let at = at.member("breaker");
            if !has_several {
                let help = "add another place to `targets`, or remove it";
                self.error_with(&at.member("per"), "there is no other place to call", help);
            }
            if probes.is_some() {
                let help = "remove it, or `per`";
                self.error_with(&at.member("probes"), "a place is tried by one call at a time", help);
            }
        }
        let slow_start = upstream.health.slow_start.map(|time| {
            let at = at.member("health");
            let at = at.member("slowStart");
            if !has_several {
                let help = "add another place to `targets`, or remove it";
                self.error_with(&at, "there is no place that takes the rest of the calls", help);
            }
            self.span(&at, Some(time), (SECOND, HOUR), 30 * SECOND)
        });
        let adaptive = upstream.load.as_ref().map(|load| self.adaptive(&at.member("load"), load));
        let is_plain = adaptive.is_none()
            && active.is_none()
            && upstream.balance.is_none()
            && retry.is_none()
            && stated.is_none()
            && breaker.is_none();
        if is_plain && !has_several {
            return None;
        }
        if let (false, Some(true)) = (has_several, retry.as_ref().map(|retry| retry.hedge.is_some())) {
            let help = "add another place to `targets`, or remove it";
            self.error_with(&at.member("retry").member("hedge"), "there is no second place to call", help);
        }
        let retry = retry.or_else(|| has_several.then(|| Retry { reset: false, timeout: false, ..usual_retry() }));
        Some(Box::new(Cluster {
            levels: levels(endpoints.iter().zip(shares.iter().copied()), &balance),
            balance,
            may_repeat: retry.as_ref().is_none_or(|retry| retry.attempts > 0),
            retry: retry.filter(|retry| retry.attempts > 0 || retry.hedge.is_some()),
            passive: passive.filter(|_| has_several),
            active,
            breaker,
            slow_start,
            adaptive,
        }))
    }

    /// Checks the weight and the priority of a place. Returns the weight, and the number of its level.
    pub(super) fn share(&mut self, at: &At<'_>, target: &config::UpstreamTarget) -> (u32, u32) {
        let weight = self.within(&at.member("weight"), target.weight, (1, MOST_WEIGHT), 1);
        let priority = self.within(&at.member("priority"), target.priority, (0, MOST_PRIORITY), 0);
        (weight, level_of(priority, target.zone.as_deref(), self.own_zone()))
    }

    /// The zone of the gateway, if it is known; a variable that is empty tells of none.
    pub(super) fn own_zone(&self) -> Option<&'_ str> {
        self.config.network.zone.as_deref().filter(|zone| !zone.is_empty())
    }

    fn balance(&mut self, at: &At<'_>, balance: Option<&config::Balance>) -> Balance {
        match balance {
            None | Some(config::Balance::RoundRobin) => Balance::RoundRobin,
            Some(config::Balance::Random) => Balance::Random,
            Some(config::Balance::LeastRequest) => Balance::LeastRequest,
            Some(config::Balance::PeakEwma) => Balance::PeakEwma,
            Some(config::Balance::Hash(by)) => {
                let at = at.member("hash");
                let most_percent = by
                    .most_percent
                    .map(|percent| self.within(&at.member("mostPercent"), Some(percent), (101, 1_000), 125));
                let key = match Template::parse(&by.key, None) {
                    Ok(key) if key.has_variables() => key,
                    Ok(key) => {
                        let help = "write a variable: `{cookie.session}`, `{header.x-user}`, `{client.address}`";
                        self.error_with(&at.member("key"), "this is the same for all requests", help);
                        key
                    }
                    Err(error) => {
                        self.error_with(&at.member("key"), error.message, error.help.unwrap_or_default());
                        Template::literal("")
                    }
                };
                Balance::Hash(Box::new(HashKey { key, most_percent }))
            }
            // What is wrong with it has been told.
            Some(config::Balance::Sticky(by)) => self
                .sticky(&at.member("sticky"), by)
                .map_or(Balance::RoundRobin, |sticky| Balance::Sticky(Box::new(sticky))),
        }
    }

    #[inline(never)]
    fn sticky(&mut self, at: &At<'_>, by: &config::StickyBalance) -> Option<Sticky> {
        let config::StickyBalance { cookie, key, ttl, path, same_site } = by;
        let is_name = !cookie.is_empty() && cookie.bytes().all(is_tchar);
        if !is_name {
            let help = "a cookie's name is a token (RFC 6265 §4.1.1), for example `place`";
            self.error_with(&at.member("cookie"), format_args!("no cookie is called `{cookie}`"), help);
        }
        let path = path.as_deref().unwrap_or("/");
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
            let help = "it begins with `/`: `/shop`";
            self.error_with(&at.member("path"), format_args!("`{path}` is no path of a cookie"), help);
        }
        if cookie.starts_with("__Host-") && path != "/" {
            let help = "remove it, or `__Host-`";
            self.error_with(&at.member("path"), "browsers keep a cookie of such a name for `/` alone", help);
        }
        let ttl = ttl.map(|ttl| self.span(&at.member("ttl"), Some(ttl), (SECOND, 400 * DAY), DAY));
        let at = at.member("key");
        let secret = self.secret(&at, key)?;
        if secret.len() < LEAST_KEY && !self.secrets.is_made_up(&key.secret) {
            let message = format_args!("the secret `{}` has fewer than {LEAST_KEY} bytes", key.secret);
            self.error_with(&at, message, "whoever guesses it learns where places are: `openssl rand -hex 32`");
            return None;
        }
        let mut attributes = ["; Path=", path, "; HttpOnly; SameSite="].concat();
        attributes.push_str(match same_site {
            Some(SameSite::Strict) => "Strict",
            Some(SameSite::None) => "None; Secure",
            Some(SameSite::Lax) | None => "Lax",
        });
        if let Some(ttl) = ttl {
            attributes.push_str("; Max-Age=");
            attributes.push_str(itoa::Buffer::new().format(ttl.as_secs()));
        }
        Some(Sticky::new(cookie, HmacKey::new(Algorithm::Hs256, secret.as_bytes())?, attributes))
    }

    fn retry(&mut self, at: &At<'_>, retry: &config::Retry) -> Retry {
        let usual = usual_retry();
        let on = |one| retry.on.as_ref().is_none_or(|on| on.contains(&one));
        let statuses = self.failures(&at.member("statuses"), retry.statuses.as_deref(), &[(502, 504)]);
        let methods = match &retry.methods {
            None => usual.methods,
            Some(names) => {
                let at = at.member("methods");
                names.iter().enumerate().filter_map(|(i, name)| self.method_named(&at.index(i), name)).collect()
            }
        };
        let backoff = at.member("backoff");
        let ms = Duration::from_millis;
        let base = self.span(&backoff.member("base"), retry.backoff.base, (ms(1), 10 * SECOND), usual.base);
        let longest = self.span(&backoff.member("longest"), retry.backoff.longest, (ms(1), MINUTE), 10 * base);
        if longest < base {
            self.error_with(&backoff.member("longest"), "the longest wait is shorter than `base`", "make it longer");
        }
        let most_bytes = retry.max_bytes.map_or(64 * 1024, |size| size.0);
        if most_bytes > MOST_KEPT {
            let help = "use up to `1MiB`; without it, `64KiB` hold";
            self.error_with(&at.member("maxBytes"), "this is more than is kept of a request", help);
        }
        let per_try = retry.per_try.map(|span| self.span(&at.member("perTry"), Some(span), (ms(1), HOUR), SECOND));
        Retry {
            attempts: self.within(&at.member("attempts"), retry.attempts, (0, MOST_ATTEMPTS), ATTEMPTS),
            unsent: on(RetryOn::Unsent),
            reset: on(RetryOn::Reset),
            timeout: on(RetryOn::Timeout),
            statuses,
            grpc_statuses: retry.grpc_statuses.iter().flatten().fold(0, |bits, one| bits | 1 << (*one as u32 + 1)),
            methods,
            per_try,
            base,
            longest,
            budget_percent: self.within(&at.member("budgetPercent"), retry.budget_percent, (1, 1_000), 20),
            most_bytes,
            hedge: retry.hedge.as_ref().and_then(|hedge| self.hedge(&at.member("hedge"), hedge)),
        }
    }

    fn hedge(&mut self, at: &At<'_>, hedge: &config::Hedge) -> Option<Hedge> {
        let ms = Duration::from_millis;
        match (hedge.after, hedge.percentile) {
            (Some(after), None) => {
                Some(Hedge::After(self.span(&at.member("after"), Some(after), (ms(1), MINUTE), ms(50))))
            }
            (None, Some(percent)) => {
                Some(Hedge::Percentile(self.within(&at.member("percentile"), Some(percent), (50, 99), 95)))
            }
            (None, None) => {
                let help = "add `after`, or `percentile`: `{\"after\": \"50ms\"}`, `{\"percentile\": 95}`";
                self.error_with(at, "nothing says when a second attempt is made", help);
                None
            }
            (Some(_), Some(_)) => {
                let at = at.member("percentile");
                self.error_with(&at, "`after` says already when a second attempt is made", "keep one");
                None
            }
        }
    }

    fn passive(&mut self, at: &At<'_>, health: &config::PassiveHealth) -> Passive {
        let statuses = self.failures(&at.member("statuses"), health.statuses.as_deref(), &[(502, 504)]);
        let percent = health
            .failure_percent
            .map(|percent| self.within(&at.member("failurePercent"), Some(percent), (1, 100), 50));
        let least = self.within(&at.member("leastRequests"), health.least_requests, (1, 1_000_000), 50);
        for (member, is_there) in
            [("leastRequests", health.least_requests.is_some()), ("window", health.window.is_some())]
        {
            let is_of_both = member == "window" && health.success_rate.is_some();
            if is_there && percent.is_none() && !is_of_both {
                let help = "add `failurePercent`, or remove it";
                self.error_with(&at.member(member), format_args!("`{member}` is of `failurePercent` alone"), help);
            }
        }
        let window = self.span(&at.member("window"), health.window, (SECOND, 10 * MINUTE), 10 * SECOND);
        let ejection = self.span(&at.member("ejection"), health.ejection, (SECOND, HOUR), 30 * SECOND);
        let longest = self.span(&at.member("longest"), health.longest, (SECOND, DAY), (5 * MINUTE).max(ejection));
        if longest < ejection {
            self.error_with(&at.member("longest"), "the longest time is shorter than `ejection`", "make it longer");
        }
        Passive {
            failures: self.within(&at.member("failures"), health.failures, (1, 1_000), 5),
            statuses: statuses.unwrap_or_else(|| Statuses::of(vec![(0, 0)])),
            share: percent.map(|percent| (percent, least)),
            window,
            ejection,
            longest,
            most_percent: self.within(&at.member("mostEjectedPercent"), health.most_ejected_percent, (0, 100), 50),
            success_rate: health.success_rate.as_ref().map(|rate| {
                let at = at.member("successRate");
                let places = self.within(&at.member("leastTargets"), rate.least_targets, (3, 1_000), 5);
                SuccessRate {
                    stdev_percent: self.within(&at.member("stdevPercent"), rate.stdev_percent, (1, 1_000), 190),
                    places: places as usize,
                    requests: self.within(&at.member("leastRequests"), rate.least_requests, (1, 1_000_000), 100),
                }
            }),
        }
    }

    fn breaker(&mut self, at: &At<'_>, breaker: &config::CircuitBreaker) -> Breaker {
        let config::CircuitBreaker { failures, failure_percent, slow, slow_percent, .. } = breaker;
        let failures = failures.map(|failures| self.within(&at.member("failures"), Some(failures), (1, 100_000), 5));
        let usual = (failures.is_none() && slow.is_none()).then_some(50);
        let failure_percent = failure_percent
            .or(usual)
            .map(|percent| self.within(&at.member("failurePercent"), Some(percent), (1, 100), 50));
        if slow.is_none() && slow_percent.is_some() {
            let help = "add `slow`, the time from which an answer is slow";
            self.error_with(&at.member("slowPercent"), "nothing says what is slow", help);
        }
        let slow_percent = self.within(&at.member("slowPercent"), *slow_percent, (1, 100), 100);
        let ms = Duration::from_millis;
        let slow = slow.map(|span| self.span(&at.member("slow"), Some(span), (ms(1), HOUR), SECOND));
        let statuses = self.failures(&at.member("statuses"), breaker.statuses.as_deref(), &[(500, 599)]);
        Breaker {
            failures,
            failure_percent,
            slow: slow.map(|slow| (slow, slow_percent)),
            least_requests: self.within(&at.member("leastRequests"), breaker.least_requests, (1, 1_000_000), 20),
            window: self.span(&at.member("window"), breaker.window, (SECOND, 10 * MINUTE), 10 * SECOND),
            statuses: statuses.unwrap_or_else(|| Statuses::of(vec![(0, 0)])),
            open: self.span(&at.member("open"), breaker.open, (ms(100), HOUR), 10 * SECOND),
            probes: self.within(&at.member("probes"), breaker.probes, (1, 100), 1),
            per_target: breaker.per == Some(BreakerOf::Target),
        }
    }

    fn adaptive(&mut self, at: &At<'_>, load: &config::AdaptiveConcurrency) -> Adaptive {
        let bounds = (1, 10_000);
        let least = self.within(&at.member("least"), load.least, bounds, 3);
        let most = self.within(&at.member("most"), load.most, bounds, 1_000);
        if most < least {
            let message = format_args!("the largest limit is below the smallest, `{least}`");
            self.error_with(
                &at.member(if load.most.is_some() { "most" } else { "least" }),
                message,
                "put `most` above `least`",
            );
        }
        let usual = 20.min(most).max(least);
        let first = self.within(&at.member("first"), load.first, bounds, usual);
        if load.first.is_some() && !(least..=most.max(least)).contains(&first) {
            let help = "put it between them, or leave it out";
            self.error_with(&at.member("first"), "the first limit is not between `least` and `most`", help);
        }
        Adaptive { least, most, first }
    }

    /// Compiles what is copied for a mirror.
    #[inline(never)]
    pub(super) fn copied(&mut self, at: &At<'_>, mirror: &config::Mirror) -> Copied {
        let most_bytes = mirror.max_bytes.map_or(64 * 1024, |size| size.0);
        if most_bytes > MOST_KEPT {
            let help = "use up to `1MiB`; without it, `64KiB` hold";
            self.error_with(&at.member("maxBytes"), "this is more than is kept of a request", help);
        }
        let methods = mirror.methods.as_ref().map(|names| {
            let at = at.member("methods");
            names.iter().enumerate().filter_map(|(i, name)| self.method_named(&at.index(i), name)).collect()
        });
        let bounds = (Duration::from_millis(10), 10 * MINUTE);
        Copied {
            percent: self.within(&at.member("percent"), mirror.percent, (0, 100), 100),
            methods,
            most_bytes,
            at_once: self.within(&at.member("atOnce"), mirror.at_once, (1, 10_000), 100),
            timeout: self.span(&at.member("timeout"), mirror.timeout, bounds, 10 * SECOND),
        }
    }

    /// The statuses in `texts`; the `usual` ones where there is no list, and none for an empty one.
    pub(super) fn failures(&mut self, at: &At<'_>, texts: Option<&[String]>, usual: &[(u16, u16)]) -> Option<Statuses> {
        match texts {
            None => Some(Statuses::of(usual.to_vec())),
            Some(texts) => self.statuses_in(at, texts),
        }
    }

    /// The number `stated` at `at`, without which there is no bound; reports one that is not from 1 to `most`.
    pub(super) fn bound(&mut self, at: &At<'_>, stated: Option<u32>, most: u32) -> Option<u32> {
        let value = stated?;
        if value == 0 || value > most {
            let help = format_args!("use `1` to `{most}`, or leave it out: then there is no bound");
            self.error_with(at, format_args!("`{value}` is too little or too much"), help);
        }
        Some(value)
    }

    /// The number `stated` at `at`, or the `usual` one; reports one that is not from the first to the second of `bounds`.
    pub(super) fn within(&mut self, at: &At<'_>, stated: Option<u32>, (least, most): (u32, u32), usual: u32) -> u32 {
        let value = stated.unwrap_or(usual);
        if !(least..=most).contains(&value) {
            self.out_of_bounds(at, &value, (&least, &most), &usual);
        }
        value
    }

    pub(super) fn span(
        &mut self,
        at: &At<'_>,
        stated: Option<Span>,
        (least, most): (Duration, Duration),
        usual: Duration,
    ) -> Duration {
        let value = stated.map_or(usual, |Span(span)| span);
        if !(least..=most).contains(&value) {
            self.out_of_bounds(at, &Span(value), (&Span(least), &Span(most)), &Span(usual));
        }
        value
    }

    #[cold]
    #[inline(never)]
    fn out_of_bounds(
        &mut self,
        at: &At<'_>,
        value: &dyn Display,
        (least, most): (&dyn Display, &dyn Display),
        usual: &dyn Display,
    ) {
        let help = format_args!("use `{least}` to `{most}`; without it, `{usual}` holds");
        self.error_with(at, format_args!("`{value}` is too little or too much"), help);
    }
}

/// The further attempts of an upstream that states nothing of them.
pub(super) fn usual_retry() -> Retry {
    Retry {
        attempts: ATTEMPTS,
        unsent: true,
        reset: true,
        timeout: true,
        statuses: None,
        grpc_statuses: 0,
        methods: IDEMPOTENT.iter().filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).collect(),
        per_try: None,
        base: Duration::from_millis(25),
        longest: Duration::from_millis(250),
        budget_percent: 20,
        most_bytes: 0,
        hedge: None,
    }
}

//! Deadlines: the statement nearest to the route applies.

use core::time::Duration;

use super::Compiler;
use super::at::At;
use super::routes::Group;
use crate::capabilities::Feature;
use crate::config::{self, PolicyUse, Span, Timeouts};
use crate::net::Deadlines;
use crate::plan::{Action, RequestStep};
use crate::policy::concurrency;

const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(30);

/// Long enough for events that are rare: servers of event streams send a comment every 15 s or so (HTML, server-sent events).
const IDLE: Duration = Duration::from_secs(300);

/// The longest wait for a counter where the configuration states none.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
const SHORTEST_STORE_TIMEOUT: Duration = Duration::from_millis(10);
const LONGEST_STORE_TIMEOUT: Duration = Duration::from_secs(30);

impl Compiler<'_> {
    /// The deadlines of `route` towards `upstream`. The first statement applies: the route's, the API's, the
    /// upstream's, the defaults', our own.
    pub(super) fn deadlines(&self, group: Group<'_>, route: &config::Route, upstream: &config::Upstream) -> Deadlines {
        self.nearest_deadlines([
            Some(&route.timeouts),
            group.api.map(|(_, api)| &api.timeouts),
            Some(&upstream.timeouts),
            Some(&self.config.defaults.timeouts),
        ])
    }

    /// The deadlines where nothing nearer to a route than `defaults` states any.
    pub(super) fn default_deadlines(&self) -> Deadlines {
        self.nearest_deadlines([Some(&self.config.defaults.timeouts), None, None, None])
    }

    fn nearest_deadlines(&self, levels: [Option<&Timeouts>; 4]) -> Deadlines {
        let nearest = |member: fn(&Timeouts) -> Option<Span>, otherwise: Option<Duration>| match levels
            .into_iter()
            .flatten()
            .find_map(member)
        {
            Some(Span(Duration::ZERO)) => None,
            Some(Span(duration)) => Some(duration),
            None => otherwise,
        };
        Deadlines {
            connect: nearest(|t| t.connect, Some(CONNECT)),
            first_byte: nearest(|t| t.first_byte, Some(FIRST_BYTE)),
            total: nearest(|t| t.total, None),
            idle: nearest(|t| t.idle, Some(IDLE)).filter(|_| self.capabilities.has(Feature::IdleDeadline)),
        }
    }

    /// The longest wait for a counter.
    pub(super) fn counter_timeout(&mut self, at: &At<'_>) -> Duration {
        self.store_timeout(at, self.config.counters.timeout)
    }

    /// The longest wait for stored responses.
    pub(super) fn responses_timeout(&mut self, at: &At<'_>) -> Duration {
        self.store_timeout(at, self.config.responses.timeout)
    }

    fn store_timeout(&mut self, at: &At<'_>, stated: Option<Span>) -> Duration {
        let Some(Span(timeout)) = stated else { return STORE_TIMEOUT };
        if !(SHORTEST_STORE_TIMEOUT..=LONGEST_STORE_TIMEOUT).contains(&timeout) {
            self.error_with(at, "the deadline is too short or too long", "use `10ms` to `30s`; without it, `2s` hold");
        }
        timeout
    }

    /// Returns how long places are held on a route with these steps; zero if it takes none.
    ///
    /// A place must not become free while its answer goes on, so the exchange needs a deadline for its end.
    pub(super) fn lease(
        &mut self,
        at: &At<'_>,
        route: &config::Route,
        steps: &[RequestStep],
        action: &Action,
    ) -> Option<Duration> {
        if !steps.iter().any(|step| matches!(step, RequestStep::Concurrency(_))) {
            return Some(Duration::ZERO);
        }
        let proxy = match action {
            Action::Proxy(proxy) => proxy,
            Action::Aggregate(calls) => return concurrency::lease_for(calls.aggregate.timeout),
            Action::Batch(batch) => return concurrency::lease_for(batch.timeout),
            _ => return concurrency::lease_for(concurrency::LOCAL),
        };
        let totals: Option<Vec<Duration>> = proxy.targets.iter().map(|target| target.deadlines.total).collect();
        let Some(total) = totals.and_then(|totals| totals.into_iter().max()) else {
            let policies = at.member("policies");
            let own = route.policies.iter().position(|policy| self.limits_concurrency(policy));
            self.error_with(
                &own.map_or(*at, |index| policies.index(index)),
                "a limit on concurrency needs the `total` deadline, which this route does not have",
                "set `timeouts.total`, in the route, its API, its upstream or `defaults`",
            );
            return None;
        };
        let lease = concurrency::lease_for(total);
        if lease.is_none() {
            self.error_with(
                at,
                "the `total` deadline of this route is too long for a limit on concurrency",
                "use at most `86390s`: after a day, a place whose holder died is given to another",
            );
        }
        lease
    }

    fn limits_concurrency(&self, policy: &PolicyUse) -> bool {
        match policy {
            PolicyUse::Named(name) => {
                self.config.policies.find(name).is_some_and(|policy| policy.concurrency.is_some())
            }
            PolicyUse::Inline(policy) => policy.concurrency.is_some(),
        }
    }

    pub(super) fn check_timeouts(&mut self, at: &At<'_>, timeouts: &Timeouts) {
        if timeouts.connect.is_some() {
            self.require(&at.member("connect"), Feature::ConnectDeadline);
        }
        if timeouts.idle.is_some() {
            self.require(&at.member("idle"), Feature::IdleDeadline);
        }
        // Zero is without limit.
        let Some(Span(total)) = timeouts.total.filter(|total| !total.0.is_zero()) else { return };
        for (name, phase) in [("connect", timeouts.connect), ("firstByte", timeouts.first_byte)] {
            if phase.is_some_and(|phase| phase.0 > total) {
                self.error_with(
                    &at.member(name),
                    format_args!("`total` is over before `{name}`"),
                    "make it shorter than `total`, which covers all phases, or leave it out",
                );
            }
        }
    }
}

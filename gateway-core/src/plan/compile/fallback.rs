//! What comes next where a route's upstream fails.

use core::time::Duration;
use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::clusters::{MOST_KEPT, usual_retry};
use super::routes::RouteContext;
use crate::balance::fallback::Condition;
use crate::config::{self, FallbackOn, Span};
use crate::plan::{Fallback, Fallbacks, Next, Proxy, ResponseStep};
use crate::policy::body_edit::Statuses;
use crate::policy::cache::Cache;

/// The longest content of a request that is kept where nothing else is said, in bytes.
const USUAL_KEPT: u64 = 64 * 1024;
/// The longest that a response may have been stale.
const MOST_STALE: Duration = Duration::from_secs(366 * 86_400);

impl<'c> Compiler<'c> {
    /// Compiles what comes next where the upstream of `proxy` fails, into it.
    pub(super) fn fallback(&mut self, context: &RouteContext<'_, 'c>, proxy: &mut Proxy) {
        let at = context.at.member("fallback");
        let totals: Option<Vec<Duration>> = proxy.targets.iter().map(|target| target.deadlines.total).collect();
        let total = totals.and_then(|totals| totals.into_iter().max());
        let (mut steps, mut most_bytes, mut stale) = (Vec::new(), 0, None);
        let mut named: Vec<usize> = proxy.targets.iter().map(|target| target.upstream).collect();
        for (index, step) in context.route.fallback.iter().enumerate() {
            let at = at.index(index);
            let on = self.fallback_condition(&at, step);
            let has = [
                ("upstream", step.upstream.is_some()),
                ("stale", step.stale.is_some()),
                ("respond", step.respond.is_some()),
            ];
            let mut stated = has.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
            match (stated.next(), stated.next()) {
                (None, _) => {
                    self.error_with(&at, "nothing comes next", "add `upstream`, `stale` or `respond`");
                    continue;
                }
                (Some(first), Some(second)) => {
                    let help = "make two entries of it: they are tried in order";
                    self.error_with(&at.member(second), format_args!("`{first}` comes next already"), help);
                    continue;
                }
                (Some(_), None) => {}
            }
            for (member, is_there) in [("methods", step.methods.is_some()), ("maxBytes", step.max_bytes.is_some())] {
                if is_there && step.upstream.is_none() {
                    self.error_with(&at.member(member), "nothing is sent again here", "remove it");
                }
            }
            if let Some(name) = &step.upstream {
                let at_name = at.member("upstream");
                let Some(target) = self.target(context, &at_name, name, 1) else { continue };
                if named.contains(&target.upstream) {
                    let help = "name another one; `retry` of an upstream says when it is called again";
                    self.error_with(&at_name, format_args!("`{name}` has failed by then"), help);
                    continue;
                }
                named.push(target.upstream);
                let most = step.max_bytes.map_or(USUAL_KEPT, |size| size.0);
                if most > MOST_KEPT {
                    let help = "use up to `1MiB`; without it, `64KiB` hold";
                    self.error_with(&at.member("maxBytes"), "this is more than is kept of a request", help);
                }
                most_bytes = most_bytes.max(most);
                let methods = match &step.methods {
                    None => usual_retry().methods,
                    Some(names) => {
                        let at = at.member("methods");
                        names.iter().enumerate().filter_map(|(i, name)| self.method_named(&at.index(i), name)).collect()
                    }
                };
                let mut targets = [target];
                for target in &mut targets {
                    // From the beginning of the first call on.
                    target.deadlines.total = target.deadlines.total.into_iter().chain(total).min();
                }
                let (needs_head, request) = self.target_needs(&targets);
                let path = proxy.path.clone();
                proxy.needs_head |= needs_head;
                proxy.request = proxy.request.max(request);
                let next = Proxy {
                    targets: targets.into(),
                    total_weight: 1,
                    path,
                    web_socket: None,
                    needs_head,
                    request,
                    fallback: None,
                    rollout: None,
                    mirrors: [].into(),
                };
                steps.push(Fallback { on, next: Next::Upstream { proxy: Box::new(next), methods } });
            } else if let Some(Span(time)) = step.stale {
                if time > MOST_STALE {
                    self.error_with(&at.member("stale"), "this is longer than responses are kept", "at most `366d`");
                }
                if stale.is_some() {
                    let help = "remove one of them: what is stored is the same";
                    self.error_with(&at.member("stale"), "a stale response comes next twice", help);
                }
                stale = Some(time);
                steps.push(Fallback { on, next: Next::Stale });
            } else if let Some(respond) = &step.respond {
                let Some(respond) = self.respond(&at.member("respond"), context, respond) else { continue };
                steps.push(Fallback { on, next: Next::Respond(Box::new(respond)) });
            }
        }
        if !steps.is_empty() {
            proxy.fallback = Some(Box::new(Fallbacks { steps: steps.into(), most_bytes, stale }));
        }
    }

    fn fallback_condition(&mut self, at: &At<'_>, step: &config::Fallback) -> Condition {
        let on = |one| step.on.as_ref().is_none_or(|on| on.contains(&one));
        let condition = Condition {
            unsent: on(FallbackOn::Unsent),
            reset: on(FallbackOn::Reset),
            timeout: on(FallbackOn::Timeout),
            open: on(FallbackOn::Open),
            statuses: self.failures(&at.member("statuses"), step.statuses.as_deref(), &[(502, 504)]),
        };
        if step.on.as_ref().is_some_and(Vec::is_empty) && step.statuses.as_ref().is_some_and(Vec::is_empty) {
            let help = "name a failure, or a status: `\"on\": [\"unsent\"]`, `\"statuses\": [\"5xx\"]`";
            self.error_with(&at.member("on"), "there is no failure for which it would come next", help);
        }
        condition
    }

    /// Puts the stale stored response of a route with a `cache` among what comes next, and reports one without.
    pub(super) fn place_stale(
        &mut self,
        (at, route): (&At<'_>, &config::Route),
        proxy: &mut Proxy,
        cache: &mut Option<Arc<Cache>>,
    ) {
        let Some(fallback) = &mut proxy.fallback else { return };
        let stated = route.fallback.iter().position(|step| step.stale.is_some());
        match (stated, cache) {
            (None, None) => {}
            (Some(index), None) => {
                let help = "add `cache` to the `policies` of the route, or remove it";
                let at = at.member("fallback");
                self.error_with(&at.index(index).member("stale"), "nothing is stored on this route", help);
            }
            (Some(_), Some(cache)) => {
                if let Some(time) = fallback.stale {
                    *cache = Arc::new(cache.with_stale_if_error(time));
                }
            }
            (None, Some(_)) => {
                // What an upstream has said, if only once, is better than what never changes.
                let mut steps = core::mem::take(&mut fallback.steps).into_vec();
                let place = steps.iter().position(|step| matches!(step.next, Next::Respond(_)));
                // RFC 5861 §4
                let statuses = Some(Statuses::of(vec![(500, 500), (502, 504)]));
                let on = Condition { unsent: true, reset: true, timeout: true, open: true, statuses };
                steps.insert(place.unwrap_or(steps.len()), Fallback { on, next: Next::Stale });
                fallback.steps = steps.into();
            }
        }
    }

    /// Reports fixed responses whose content type another setting changes, as for the action of a route.
    pub(super) fn check_fallback_content(
        &mut self,
        (at, route): (&At<'_>, &config::Route),
        proxy: &Proxy,
        steps: &[ResponseStep],
    ) {
        let places = route.fallback.iter().enumerate().filter(|(_, step)| step.respond.is_some());
        let fallbacks = proxy.fallback.iter().flat_map(|fallback| &*fallback.steps);
        let responds =
            fallbacks.filter_map(|step| if let Next::Respond(respond) = &step.next { Some(respond) } else { None });
        for ((index, _), respond) in places.zip(responds) {
            self.check_content_type(&at.member("fallback").index(index), respond, steps);
        }
    }
}

//! Compiles roll-outs.

use core::hash::Hasher as _;
use core::time::Duration;

use super::Compiler;
use super::routes::RouteContext;
use crate::config;
use crate::fingerprint::Fingerprint;
use crate::policy::body_edit::Statuses;
use crate::policy::rollout::Rollout;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl<'c> Compiler<'c> {
    /// Compiles the roll-out of a route whose `split` has two upstreams.
    #[inline(never)]
    pub(super) fn rollout(&mut self, context: &RouteContext<'_, 'c>, c: &config::Rollout) -> Option<Rollout> {
        let at = context.at.member("rollout");
        let split = &context.route.split;
        let candidate = split.iter().position(|target| target.upstream == c.candidate);
        if candidate.is_none() {
            let names: Vec<_> = split.iter().map(|target| format!("`{}`", target.upstream)).collect();
            let help = format!("write {}", names.join(" or "));
            self.error_with(&at.member("candidate"), "this is none of the two upstreams of `split`", help);
        }
        let steps: Box<[u32]> = c.steps.as_deref().unwrap_or(&[5, 25, 50, 100]).into();
        let is_rising = steps.windows(2).all(|pair| pair.first() < pair.last());
        if steps.is_empty() || steps.len() > 20 || !is_rising || !steps.iter().all(|step| (1..=100).contains(step)) {
            let help = "write up to 20 numbers from 1 to 100, each above the one before: `[5, 25, 50, 100]`";
            self.error_with(&at.member("steps"), "these are no rising shares in percent", help);
        }
        let statuses = self.failures(&at.member("statuses"), c.statuses.as_deref(), &[(500, 599)]);
        let key = match &c.key {
            Some(text) => Some(self.template(&at.member("key"), text, context.parameters)?),
            None => None,
        };
        if key.as_ref().is_some_and(|key| !key.has_variables()) {
            let help = "write a variable: `{cookie.session}`, `{header.x-user}`, `{client.address}`";
            self.error_with(&at.member("key"), "this is the same for all requests", help);
        }
        let hold = self.span(&at.member("hold"), c.hold, (SECOND, 30 * DAY), 10 * MINUTE);
        let window = self.span(&at.member("window"), c.window, (MINUTE, 7 * DAY), HOUR);
        let every = self.span(&at.member("every"), c.every, (SECOND, MINUTE), 5 * SECOND);
        let least_requests = self.within(&at.member("leastRequests"), c.least_requests, (20, 100_000), 200);
        let error_points = self.within(&at.member("errorPoints"), c.error_points, (0, 100), 2);
        let slow_percent =
            c.slow_percent.map(|percent| self.within(&at.member("slowPercent"), Some(percent), (101, 10_000), 200));
        let candidate = candidate?;
        let mut id = Fingerprint::default().with(&(context.name, &steps, hold, window, least_requests));
        id = id.with(&(error_points, slow_percent, &c.statuses, &c.key, candidate));
        for target in split {
            // Another place of the same name is another candidate.
            let upstream = self.config.upstreams.iter().find(|(name, _)| **name == *target.upstream);
            if let Some((_, config::Upstream { url, urls, targets, cloudflare, spin, .. })) = upstream {
                id = id.with(&(&target.upstream, url, urls, cloudflare, spin));
                targets.iter().for_each(|target| id = id.with(&target.url));
            }
        }
        Some(Rollout {
            name: context.name.into(),
            id: format!("{:016x}", id.finish()).into(),
            sides: [1 - candidate.min(1), candidate],
            steps,
            hold,
            least_requests,
            error_points,
            slow_percent,
            statuses: statuses.unwrap_or_else(|| Statuses::of(vec![(0, 0)])),
            key,
            window,
            every,
        })
    }
}

//! The other upstreams that a route has for some of its callers.

use super::Compiler;
use super::at::At;
use super::authorize::Members;
use super::edits::Parameters;
use super::routes::RouteContext;
use crate::config;
use crate::plan::{RequestStep, Target};
use crate::policy::condition::Condition;
use crate::policy::steer::Steer;

impl<'c> Compiler<'c> {
    /// The ways that these are, but for wrong ones.
    #[inline(never)]
    pub(super) fn steer(&mut self, at: &At<'_>, ways: &[config::Steer], parameters: Parameters<'_>) -> Vec<Steer> {
        let mut compiled = Vec::new();
        for (i, config::Steer { when, upstream }) in ways.iter().enumerate() {
            let at = at.index(i);
            let at_when = at.member("when");
            let when = match when {
                config::When::Expression(text) => {
                    let when = self.expression(&at_when, text, parameters);
                    when.map(|when| Condition { when: Some(when), ..Condition::default() })
                }
                config::When::Condition(when) => {
                    let config::Condition { consumers, groups, tiers, scopes, claims, when } = &**when;
                    let members = Members { consumers, groups, tiers, scopes, claims, when: when.as_deref() };
                    self.condition(&at_when, &members, parameters)
                }
            };
            let index = self.upstream_called(&at.member("upstream"), upstream);
            if let (Some(when), Some(index)) = (when, index) {
                compiled.push(Steer { when, upstream: index, name: upstream.as_str().into() });
            }
        }
        compiled
    }

    /// Adds the upstreams that `steps` steer to, and that the route does not have anyway, to its `targets`: of no weight, so that
    /// nothing else leads there.
    pub(super) fn add_steered(
        &mut self,
        context: &RouteContext<'_, 'c>,
        steps: &[RequestStep],
        targets: &mut Vec<Target>,
    ) {
        for step in steps {
            let RequestStep::Steer(ways) = step else { continue };
            for way in ways {
                if !targets.iter().any(|target| target.upstream == way.upstream)
                    && let Some(target) = self.target(context, &context.at, &way.name, 0)
                {
                    targets.push(Target { is_steered: true, ..target });
                }
            }
        }
    }
}

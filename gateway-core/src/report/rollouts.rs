//! Roll-outs, and the changes of operators.

use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use serde::Serialize;

use super::change::Change;
use super::endpoints::json;
use super::{Answer, Asked};
use crate::balance::trial::Known;
use crate::body::Body;
use crate::error::Reject;
use crate::http::percent;
use crate::plan::{Action, Plan, Route};
use crate::policy::maintenance::show_seconds;
use crate::policy::rollout::{Figures, Rollout};
use crate::state::State;
use crate::time::Timestamp;

#[derive(Serialize)]
struct Told<'p> {
    rollouts: Vec<One<'p>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'p> {
    route: &'p str,
    /// `running`, `done` or `rolledBack`; `unknown` until the store has told.
    state: &'static str,
    /// The candidate's share.
    percent: u32,
    /// The number of the step, from 1.
    step: usize,
    steps: &'p [u32],
    /// The beginning of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// The reason why it stays as it is, or was rolled back.
    #[serde(skip_serializing_if = "str::is_empty")]
    because: &'static str,
    /// Set if the store could not be asked the last time.
    store_failed: bool,
    baseline: Side<'p>,
    candidate: Side<'p>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side<'p> {
    upstream: &'p str,
    requests: u32,
    errors: u32,
    mean_ms: f64,
}

impl<'p> One<'p> {
    fn of(plan: &'p Plan, state: &State, (route, rollout): (&'p Route, &'p Rollout)) -> Self {
        let trial = state.trial(rollout);
        let is_known = trial.is_some_and(|trial| trial.is_known());
        let known = trial.map_or_else(Known::default, |trial| trial.known());
        let side = |index: usize| {
            let figures = known.figures.get(index).copied().unwrap_or_default();
            let target = match &route.action {
                Action::Proxy(proxy) => rollout.sides.get(index).and_then(|side| proxy.targets.get(*side)),
                _ => None,
            };
            let upstream = target.and_then(|target| plan.upstreams.get(target.upstream));
            let Figures { requests, errors, .. } = figures;
            let mean_ms = (figures.mean_ms() * 10.0).round() / 10.0;
            Side { upstream: upstream.map_or("", |upstream| &upstream.name), requests, errors, mean_ms }
        };
        let since = Timestamp::from_unix_millis(u64::from(known.begun) * 1_000);
        Self {
            route: &route.name,
            state: match () {
                () if !is_known => "unknown",
                () if known.stopped.is_some() => "rolledBack",
                () if rollout.is_done(known.step) => "done",
                () => "running",
            },
            percent: trial.map_or(0, |trial| trial.percent()),
            step: known.step + 1,
            steps: &rollout.steps,
            since: (known.begun > 0).then(|| show_seconds(since)),
            because: known.because,
            store_failed: known.is_store_failed,
            baseline: side(0),
            candidate: side(1),
        }
    }
}

/// Returns the roll-out of the route called `name`, percent-encoded, and the change that is asked for.
///
/// # Errors
/// 404 for a route without a roll-out, 403 for a change by a web page or from another machine, 413 for content.
pub(super) fn answer<S>(plan: &Plan, name: &str, asked: &Asked<'_>) -> Result<Answer<S>, Reject> {
    let name = percent::decode(name);
    let route = plan.rollouts().find(|(_, rollout)| *rollout.name == *name).map(|(route, _)| route);
    let route = route.ok_or_else(Reject::endpoint_not_found)?;
    let change = Change::of(asked)?;
    let has_content = asked.headers.get(CONTENT_LENGTH).map_or(asked.has_content, |length| length.as_bytes() != b"0");
    if change != Change::None && has_content {
        return Err(rollout_content());
    }
    Ok(Answer::Rollout(route, change))
}

/// The refusal of content, which would be ignored.
pub(crate) fn rollout_content() -> Reject {
    Reject::body_too_large().with_detail("a roll-out is rolled back and begun anew without content")
}

/// The answer that reports all roll-outs.
pub(crate) fn rollouts<S>(plan: &Plan, state: &State, is_head: bool) -> Response<Body<S>> {
    let of = |(index, rollout)| Some(One::of(plan, state, (plan.routes.get(index)?, rollout)));
    json(StatusCode::OK, &Told { rollouts: plan.rollouts().filter_map(of).collect() }).into_response(is_head)
}

/// The answer that reports the roll-out of the route with this index.
pub(crate) fn rollout<S>(plan: &Plan, state: &State, route: usize, is_head: bool) -> Option<Response<Body<S>>> {
    let (_, rollout) = plan.rollouts().find(|(index, _)| *index == route)?;
    let one = One::of(plan, state, (plan.routes.get(route)?, rollout));
    Some(json(StatusCode::OK, &one).into_response(is_head))
}

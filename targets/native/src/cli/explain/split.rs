//! The upstreams that a route chooses among at random, of which `explain` follows one.

use gateway_core::plan::{Action, Plan, Route, Target};
use serde_json::Value;

use crate::cli::{listing, routes};

/// One of several upstreams of a route.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Share {
    pub(crate) upstream: String,
    pub(crate) weight: u32,
    /// Its share of the requests, in percent.
    pub(crate) percent: f64,
    /// Set for the one that is followed.
    pub(crate) shown: bool,
    /// The policies for it alone.
    pub(crate) policies: Vec<Value>,
    /// The same in a few words.
    #[serde(skip)]
    pub(crate) edits: String,
}

/// The choice of one share.
pub(super) struct Choice {
    /// The index of the share.
    pub(super) share: usize,
    /// The draw that leads there: a point within the sum of all weights, and that sum.
    pub(super) draw: (u64, u64),
}

/// The upstreams of `route`, if it has several.
pub(super) fn shares(plan: &Plan, route: &Route) -> Vec<Share> {
    let Action::Proxy(proxy) = &route.action else { return Vec::new() };
    let targets: Vec<&Target> = proxy.targets.iter().filter(|target| !target.is_steered).collect();
    if targets.len() < 2 {
        return Vec::new();
    }
    let name = |index: usize| plan.upstreams.get(index).map_or_else(String::new, |upstream| upstream.name.clone());
    let total = targets.iter().map(|target| f64::from(target.weight)).sum::<f64>().max(1.0);
    let percent = |weight: u32| (f64::from(weight) * 1000.0 / total).round() / 10.0;
    let share = |target: &Target| Share {
        upstream: name(target.upstream),
        weight: target.weight,
        percent: percent(target.weight),
        shown: false,
        policies: listing::edits(target),
        edits: routes::described(target).join(", "),
    };
    targets.into_iter().map(share).collect()
}

/// The share to follow: the one called `wanted`, or else the largest; none if there is no choice.
///
/// # Errors
/// No request goes to the one that is wanted.
pub(super) fn choose(shares: &[Share], wanted: Option<&str>) -> Result<Option<Choice>, String> {
    let among: Vec<_> =
        shares.iter().filter(|share| share.weight > 0).map(|share| format!("`{}`", share.upstream)).collect();
    let chosen = match wanted {
        Some(name) => {
            let found = shares.iter().position(|share| share.upstream == name && share.weight > 0);
            let none = || match &*among {
                [] => "the route chooses among no upstreams".to_owned(),
                names => format!("the route sends nothing to `{name}`: it chooses among {}", names.join(", ")),
            };
            Some(found.ok_or_else(none)?)
        }
        None => (0..shares.len()).rev().max_by_key(|at| shares.get(*at).map(|share| share.weight)),
    };
    let total = shares.iter().map(|share| u64::from(share.weight)).sum();
    let before = |share: usize| shares.iter().take(share).map(|share| u64::from(share.weight)).sum();
    Ok(chosen.map(|share| Choice { share, draw: (before(share), total) }))
}

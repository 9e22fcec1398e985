//! Warnings about deadlines and limits that can never take effect: they are compared as they hold for a route, wherever
//! they are stated. Those that stand beside each other are compared by the compiler.

use std::collections::BTreeMap;

use crate::config::{ByteSize, Config, ConfigError, JsonPath, Route, Span, Timeouts};
use crate::plan::Limits;

/// A deadline of a phase, among those of a place.
type Phase = fn(&Timeouts) -> Option<Span>;

/// The deadlines that `total` may forestall.
const PHASES: [(&str, Phase); 3] = [("connect", |t| t.connect), ("firstByte", |t| t.first_byte), ("idle", |t| t.idle)];

/// A place that states deadlines, the nearest to the route first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level<'c> {
    Route { api: Option<usize>, route: usize },
    Api(usize),
    Upstream(&'c str),
    Defaults,
}

impl Level<'_> {
    /// The path of its `timeouts`.
    fn path(self) -> JsonPath {
        let root = JsonPath::root();
        let at = match self {
            Self::Route { api, route } => route_path(api, route),
            Self::Api(api) => root.member("apis").index(api),
            Self::Upstream(name) => root.member("upstreams").member(name),
            Self::Defaults => root.member("defaults"),
        };
        at.member("timeouts")
    }
}

/// The path of a route, in an API or outside any.
fn route_path(api: Option<usize>, route: usize) -> JsonPath {
    let group = api.map_or_else(JsonPath::root, |api| JsonPath::root().member("apis").index(api));
    group.member("routes").index(route)
}

/// The lot of a stated deadline on the routes where it holds.
struct Lot<'c> {
    /// Set if it is within the total on any of them.
    takes_effect: bool,
    /// The first total that is over before.
    forestalled: Option<(Level<'c>, Span)>,
}

/// Warns of what can never take effect in `config`.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    let mut lots = BTreeMap::new();
    for (index, api) in config.apis.iter().enumerate() {
        for (number, route) in api.routes.iter().enumerate() {
            let level = Level::Route { api: Some(index), route: number };
            let upper = (Level::Api(index), &api.timeouts);
            collect(config, [(level, &route.timeouts), upper], route, api.upstream.as_deref(), &mut lots);
            of_route(config, &route_path(Some(index), number), route, found);
        }
    }
    for (number, route) in config.routes.iter().enumerate() {
        let level = Level::Route { api: None, route: number };
        // Outside any API, nothing is between the route and its upstream.
        collect(config, [(level, &route.timeouts), (level, &route.timeouts)], route, None, &mut lots);
        of_route(config, &route_path(None, number), route, found);
    }
    for ((level, phase), lot) in lots {
        let Some((by, total)) = lot.forestalled.filter(|_| !lot.takes_effect) else { continue };
        // The compiler refuses these two beside each other.
        if by == level && phase != "idle" {
            continue;
        }
        let message = format!("`{phase}` can never take effect: the `total` of {total} is over before");
        let warning = ConfigError::new(level.path().member(phase), message).with_other(by.path().member("total"));
        found.push(warning.with_help("make it shorter than `total`, which covers all phases, or leave it out"));
    }
}

/// Adds the deadlines that hold for `route` to `lots`.
fn collect<'c>(
    config: &'c Config,
    nearest: [(Level<'c>, &'c Timeouts); 2],
    route: &'c Route,
    common: Option<&'c str>,
    lots: &mut BTreeMap<(Level<'c>, &'static str), Lot<'c>>,
) {
    if answers_itself(route) {
        return;
    }
    let own = route.upstream.as_deref().or(common.filter(|_| route.split.is_empty()));
    for name in own.into_iter().chain(route.split.iter().map(|target| target.upstream.as_str())) {
        let Some(upstream) = config.upstreams.find(name) else { continue };
        let further = [(Level::Upstream(name), &upstream.timeouts), (Level::Defaults, &config.defaults.timeouts)];
        let stated = |member: Phase| {
            let mut levels = nearest.into_iter().chain(further);
            // Zero is without limit.
            levels.find_map(|(level, timeouts)| Some((level, member(timeouts)?))).filter(|(_, span)| !span.0.is_zero())
        };
        let total = stated(|timeouts| timeouts.total);
        for (phase, member) in PHASES {
            let Some((level, span)) = stated(member) else { continue };
            let lot = lots.entry((level, phase)).or_insert(Lot { takes_effect: false, forestalled: None });
            match total.filter(|(_, total)| *total < span) {
                Some(total) => drop(lot.forestalled.get_or_insert(total)),
                None => lot.takes_effect = true,
            }
        }
    }
}

/// Warns of deadlines of a route that calls no upstream, and of a value that is larger than a request may be.
fn of_route(config: &Config, at: &JsonPath, route: &Route, found: &mut Vec<ConfigError>) {
    if answers_itself(route) && route.timeouts != Timeouts::default() {
        let warning = ConfigError::new(at.member("timeouts"), "this has no effect: the route calls no upstream");
        found.push(warning.with_help("remove it"));
    }
    let value = route.key_value.as_ref().and_then(|entry| entry.value_bytes);
    let (limit, place) = match (route.body_bytes, config.limits.body_bytes) {
        (Some(own), _) => (own, Some(at.member("bodyBytes"))),
        (None, Some(common)) => (common, Some(JsonPath::root().member("limits").member("bodyBytes"))),
        (None, None) => (ByteSize(Limits::DEFAULT.body_bytes), None),
    };
    if value.is_some_and(|value| value > limit) {
        let message = format!("a value this large is never taken: `bodyBytes` lets in {limit} at most");
        let warning = ConfigError::new(at.member("keyValue").member("valueBytes"), message);
        let warning = warning.with_help("make it no larger than `bodyBytes`, or give the route a larger `bodyBytes`");
        found.push(place.into_iter().fold(warning, ConfigError::with_other));
    }
}

/// Returns whether `route` calls no upstream.
const fn answers_itself(route: &Route) -> bool {
    route.redirect.is_some()
        || route.respond.is_some()
        || route.key_value.is_some()
        || route.aggregate.is_some()
        || route.batch.is_some()
}

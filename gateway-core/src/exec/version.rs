//! The version of an API that a request asks for.

use std::sync::Arc;

use http::header::VARY;

use super::exchange::{Exchange, OfVersion};
use crate::call::{ApiVersion, Call};
use crate::error::Reject;
use crate::plan::{Plan, Route};
use crate::policy::version::split_at_segment;
use crate::policy::version_restated::restate;
use crate::route::{Found, Lookup, Place, Stated, Versions};
use crate::time::Clock;
use crate::trace::Event;

/// Takes the version of `route`, which was found by the spec with this index, and refuses the request if that is gone.
#[inline(never)]
pub(super) fn take(
    exchange: &mut Exchange<'_, '_>,
    clock: &impl Clock,
    spec: usize,
    call: &mut Call,
) -> Result<(), Box<Reject>> {
    let version = exchange.route.and_then(|route| route.version.as_ref());
    let (Some(version), Some(spec)) = (version, exchange.plan.table.spec(spec)) else { return Ok(()) };
    call.version = Some(Box::new(ApiVersion { name: Arc::clone(&version.name), cut: spec.cut }));
    if version.tells() {
        let successor = version.successor_link(call);
        exchange.rare().version = Some(OfVersion { is_by_field: spec.version.is_some(), successor });
    }
    let checked = version.check(clock.now());
    exchange.note(|| {
        let gone = if checked.is_err() { ", which is gone" } else { "" };
        let by = match (spec.cut, &spec.version) {
            (Some(_), _) => ", by the path",
            (None, Some(_)) => "",
            (None, None) => ", by the host or as the default",
        };
        let made = match version.versions.at(version.served).filter(|_| version.served != version.index) {
            Some(served) => format!(", made from `{served}`"),
            None => String::new(),
        };
        Event::Policy {
            policy: "version",
            verdict: format!("version `{}` of `{}`{by}{made}{gone}", version.name, version.versions.name),
        }
    });
    checked.map_err(Box::new)?;
    restate(&version.versions, (version.index, version.served), call).map_err(Box::new)
}

/// Returns whether the version that `call` gets depends on who makes it: it has stated none, and its route's is the default one.
pub(super) fn depends_on_caller(route: &Route, call: &Call) -> bool {
    let Some(version) = &route.version else { return false };
    let versions = &version.versions;
    versions.are_pinned
        && versions.default == Some(version.index)
        && call.cut().is_none()
        && versions.stated_at(&call.lookup()).is_none()
        && !version.is_in_host(call)
}

/// Has `call`, whose caller is known by now, state the version that its consumer gets in place of that of `route`. Returns whether there is one.
#[cold]
#[inline(never)]
pub(super) fn pin(exchange: &mut Exchange<'_, '_>, route: &Route, call: &mut Call) -> Result<bool, Reject> {
    let Some(version) = &route.version else { return Ok(false) };
    let consumer = call.caller.as_deref().and_then(|caller| caller.consumer.as_deref());
    let pinned = consumer.and_then(|consumer| consumer.version(version.versions.api));
    let Some(index) = pinned.filter(|index| *index != version.index) else { return Ok(false) };
    exchange.note(|| Event::Policy {
        policy: "version",
        verdict: format!("the consumer gets version `{}`", version.versions.at(index).unwrap_or_default()),
    });
    restate(&version.versions, (index, index), call)?;
    Ok(true)
}

/// The refusal of a request that no route takes: its version may be why.
#[cold]
#[inline(never)]
pub(super) fn refuse(plan: &Plan, lookup: &Lookup<'_, '_>) -> Reject {
    if !plan.has_versions {
        return Reject::route_not_found();
    }
    if let Some((_, versions)) = found(plan, lookup) {
        return by_fields(versions, lookup);
    }
    let mut asked: Vec<&Arc<Versions>> = Vec::new();
    for versions in plan.routes.iter().filter_map(|route| Some(&route.version.as_ref()?.versions)) {
        if !asked.contains(&versions) {
            asked.push(versions);
            if let Some(reject) = by_place(plan, versions, lookup) {
                return reject;
            }
        }
    }
    Reject::route_not_found()
}

/// The route that would take a request of another version, and the versions of its API.
fn found<'p>(plan: &'p Plan, lookup: &Lookup<'_, '_>) -> Option<(&'p Route, &'p Arc<Versions>)> {
    let route = match plan.table.find_ignoring_version(lookup) {
        Found::Route { route, .. } | Found::MethodNotAllowed { route, .. } => plan.routes.get(route)?,
        Found::NotFound => return None,
    };
    Some((route, &route.version.as_ref()?.versions))
}

fn by_fields(versions: &Versions, lookup: &Lookup<'_, '_>) -> Reject {
    let reject = match versions.stated(lookup) {
        Stated::Version(index) => {
            let name = versions.at(index).unwrap_or_default();
            Reject::route_not_found().with_detail(format!("no route of version `{name}` takes this host and path"))
        }
        Stated::Unknown(_) => unknown(versions),
        Stated::Nothing => required(versions),
    };
    match &versions.vary {
        Some(vary) => reject.with_header(VARY, vary.clone()),
        None => reject,
    }
}

/// The refusal of a request with no version, or with an unknown one, where the path or the host has it.
fn by_place(plan: &Plan, versions: &Arc<Versions>, lookup: &Lookup<'_, '_>) -> Option<Reject> {
    let takes = |lookup: &Lookup<'_, '_>| found(plan, lookup).is_some_and(|(_, known)| known == versions);
    let any = |takes: &dyn Fn(&str) -> bool| versions.names.iter().any(|name| takes(name));
    match versions.place.as_ref()? {
        Place::Path(index, spelling) => {
            let (before, segment, after) = split_at_segment(lookup.path, *index);
            let stated = spelling.read(segment);
            let takes_in_place = |name: &str| {
                let path = format!("{before}/{}{after}", spelling.write(name));
                takes(&Lookup { path: &path, ..*lookup })
            };
            if let Some(stated) = stated
                && any(&takes_in_place)
            {
                return Some(match versions.find(stated) {
                    Some(_) => Reject::route_not_found(),
                    None => unknown(versions),
                });
            }
            let takes_more = |name: &str| {
                let rest = lookup.path.get(before.len()..).filter(|rest| *rest != "/").unwrap_or_default();
                let path = format!("{before}/{}{rest}", spelling.write(name));
                takes(&Lookup { path: &path, ..*lookup })
            };
            any(&takes_more).then(|| required(versions))
        }
        Place::Host(spelling) => {
            let stated = spelling.read(lookup.host)?;
            let takes_there = |name: &str| takes(&Lookup { host: &spelling.write(name), ..*lookup });
            any(&takes_there).then(|| match versions.find(stated) {
                Some(_) => Reject::route_not_found(),
                None => unknown(versions),
            })
        }
    }
}

fn unknown(versions: &Versions) -> Reject {
    let reject = Reject::version_not_found();
    let detail = format!("{}: there are {}", reject.detail, list(versions));
    reject.with_detail(detail)
}

fn required(versions: &Versions) -> Reject {
    let reject = Reject::version_required();
    let detail = format!("{}: there are {}", reject.detail, list(versions));
    reject.with_detail(detail)
}

fn list(versions: &Versions) -> String {
    let names: Vec<String> = versions.names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

//! The versions of APIs, and who calls them.

use http::StatusCode;
use serde::Serialize;

use super::Report;
use super::endpoints::json;
use super::snapshot::Snapshot;
use crate::plan::Plan;
use crate::policy::maintenance::show_time;
use crate::policy::version::Version;

#[derive(Serialize)]
struct Told<'p> {
    versions: Vec<Of<'p>>,
}

#[derive(Serialize)]
struct Of<'p> {
    api: &'p str,
    version: &'p str,
    deprecated: Option<String>,
    sunset: Option<String>,
    successor: Option<&'p str>,
    /// The requests since the start.
    requests: u64,
    /// Those of consumers; the others are of nobody known.
    consumers: Vec<By>,
}

#[derive(Serialize)]
struct By {
    name: String,
    requests: u64,
}

/// The versions of each API of `plan`, the oldest first.
pub(super) fn versions(plan: &Plan, snapshot: &Snapshot) -> Report {
    let mut known: Vec<&Version> = Vec::new();
    for version in plan.routes.iter().filter_map(|route| route.version.as_deref()) {
        if !known.iter().any(|other| core::ptr::eq(*other, version)) {
            known.push(version);
        }
    }
    crate::order::sort_by(&mut known, |one, other| {
        (one.versions.api, one.index).cmp(&(other.versions.api, other.index))
    });
    let versions = known.into_iter().map(|version| {
        let mut told = Of {
            api: &version.versions.name,
            version: &version.name,
            deprecated: version.deprecated.as_ref().map(|(at, _)| show_time(*at)),
            sunset: version.sunset.as_ref().map(|(at, _)| show_time(*at)),
            successor: version.successor.and_then(|index| version.versions.at(index)),
            requests: 0,
            consumers: Vec::new(),
        };
        for ([api, name, consumer], requests) in snapshot.api_requests() {
            if api == told.api && name == told.version {
                told.requests += requests;
                if !consumer.is_empty() {
                    told.consumers.push(By { name: consumer.to_owned(), requests });
                }
            }
        }
        // Whoever calls most comes first.
        crate::order::sort_by(&mut told.consumers, |one, other| other.requests.cmp(&one.requests));
        told
    });
    json(StatusCode::OK, &Told { versions: versions.collect() })
}

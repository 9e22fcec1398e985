//! The registry: places that say of themselves that they are there.

use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::change::Change;
use super::endpoints::json;
use super::{Answer, Asked};
use crate::balance::discovery::registry::{Registered, is_id};
use crate::body::Body;
use crate::error::Reject;
use crate::http::percent;
use crate::plan::Plan;
use crate::policy::maintenance::show_seconds;
use crate::store_key::{KeyUse, StoreKey};

#[derive(Serialize)]
struct Services<'p> {
    services: Vec<Service<'p>>,
}

/// A service of the registry.
#[derive(Serialize)]
pub(crate) struct Service<'p> {
    name: &'p str,
    /// The upstreams that are there where its places are.
    upstreams: Vec<&'p str>,
    places: Vec<Place>,
}

/// A place of a service.
#[derive(Serialize)]
pub(crate) struct Place {
    id: String,
    #[serde(flatten)]
    members: Map<String, Value>,
    until: String,
}

impl Place {
    fn of(one: Registered) -> Self {
        Self { id: one.id, members: one.members, until: show_seconds(one.until) }
    }
}

impl<'p> Service<'p> {
    /// The service of this `key`, with its places.
    pub(crate) fn of(plan: &'p Plan, key: &'p StoreKey, places: Vec<Registered>) -> Self {
        let upstreams =
            plan.registered().filter(|(_, _, of)| *of == key).map(|(upstream, ..)| &*upstream.name).collect();
        let places = places.into_iter().map(Place::of).collect();
        Self { name: key.name(KeyUse::Registry).unwrap_or_default(), upstreams, places }
    }
}

/// Returns the service that is named, or one of its places, as `SERVICE` or `SERVICE/ID`, and the change that is asked for.
///
/// # Errors
/// 404 for a service that no upstream is found by, 403 for a change by a web page or from another machine.
pub(super) fn answer<S>(plan: &Plan, name: &str, asked: &Asked<'_>) -> Result<Answer<S>, Reject> {
    let (service, id) = match name.split_once('/') {
        Some((service, id)) => (service, Some(percent::decode(id).into_owned())),
        None => (name, None),
    };
    let service = percent::decode(service);
    let position = plan.registered().position(|(_, _, key)| key.name(KeyUse::Registry) == Some(&*service));
    let position = position.ok_or_else(|| {
        Reject::endpoint_not_found()
            .with_detail("no upstream of the configuration has `discover.registry` with this name")
    })?;
    let change = Change::of(asked)?;
    let id = match (id, change) {
        (None, Change::None) => None,
        (Some(id), _) if is_id(&id) => Some(id),
        _ => {
            let detail =
                "name a place of the service, as in `/registry/orders/a`: by letters, digits, `-`, `.`, `_` and `:`";
            return Err(Reject::endpoint_not_found().with_detail(detail));
        }
    };
    Ok(Answer::Registered(position, id, change))
}

/// The answer that reports all services.
pub(crate) fn services<S>(services: Vec<Service<'_>>, is_head: bool) -> Response<Body<S>> {
    json(StatusCode::OK, &Services { services }).into_response(is_head)
}

/// The answer that reports a service.
pub(crate) fn service<S>(service: &Service<'_>, is_head: bool) -> Response<Body<S>> {
    json(StatusCode::OK, service).into_response(is_head)
}

/// The answer that reports a place.
pub(crate) fn place<S>(place: Registered, is_head: bool) -> Response<Body<S>> {
    json(StatusCode::OK, &Place::of(place)).into_response(is_head)
}

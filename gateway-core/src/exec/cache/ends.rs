//! Stored responses that end by a request that changes something (RFC 9111 §4.4).

use http::{Method, Response};

use super::super::exchange::Exchange;
use crate::cache::invalidation::{self, Target};
use crate::call::Call;
use crate::plan::Plan;
use crate::policy;
use crate::ports::Platform;
use crate::route::{Found, Lookup};

/// Removes the stored responses that `response` to `call` ends.
pub(in crate::exec) async fn end_stored<P: Platform, B>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    call: &Call,
    response: &Response<B>,
) {
    let authority = authority(call);
    let target = target(call, &authority);
    let mut ended = Vec::new();
    let answer = (response.status(), response.headers());
    invalidation::invalidated(target, &call.method, answer, &mut |path, query| {
        ended.push((path.to_owned(), query.map(str::to_owned)));
    });
    for (path, query) in ended {
        let mut get = call.clone();
        get.method = Method::GET;
        get.set_path(&path);
        get.set_query(query);
        if let Some(resource) = resource(exchange.plan, &mut get) {
            super::remove(exchange, platform, &resource).await;
        }
    }
}

/// The authority that a client asked for, with its port if that is not the scheme's own.
pub(super) fn authority(call: &Call) -> String {
    let (host, port) = (call.outer_host().into_owned(), call.outer_port());
    if port == call.client.scheme.default_port() { host } else { format!("{host}:{port}") }
}

/// The URI that a client asked for.
pub(super) fn target<'c>(call: &'c Call, authority: &'c str) -> Target<'c> {
    Target { scheme: call.client.scheme.as_str(), authority, path: call.path(), query: call.uri().query() }
}

/// The resource of a `GET`, as the route that takes it has it; none if that stores nothing.
pub(super) fn resource(plan: &Plan, get: &mut Call) -> Option<String> {
    let key = plan.paths.key(get.path()).into_owned();
    let Found::Route { route, .. } = plan.table.find(&Lookup { path: &key, ..get.lookup() }) else { return None };
    let cache = plan.routes.get(route)?.cache.as_ref()?;
    cache.reduce(get);
    Some(policy::cache::resource(get))
}

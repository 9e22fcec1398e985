//! Stored responses that end by a request that changes something (RFC 9111 §4.4).

use std::sync::Arc;

use http::{Method, Response};

use super::super::exchange::Exchange;
use super::keeping::remove;
use crate::cache::invalidation::{self, Target};
use crate::call::Call;
use crate::plan::{Plan, RequestStep, Route};
use crate::policy;
use crate::policy::cache::Cache;
use crate::policy::query_edit;
use crate::ports::Platform;
use crate::route::{Found, Lookup};

/// The most policies that make a query another one and are tried.
const MOST_TRIED: usize = 32;

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
        for resource in resources(exchange.plan, &get) {
            remove(exchange, platform, &resource).await;
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

/// The resources of a `GET`, as each route with a cache would have it: the one that takes it, and those that make other queries of it. Which of
/// them has stored it may depend on fields that nobody knows here.
pub(super) fn resources(plan: &Plan, get: &Call) -> Vec<String> {
    let mut resources: Vec<String> = Vec::new();
    let mut add = |route: &Route, cache: &Cache| {
        let mut get = get.clone();
        for step in &*route.request {
            if let RequestStep::EditQuery(edits) = step {
                let query = query_edit::apply(edits, &get);
                get.set_query(query);
            }
        }
        cache.reduce(&mut get);
        let resource = policy::cache::resource(&get);
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    };
    let key = plan.paths.key(get.path()).into_owned();
    if let Found::Route { route, .. } = plan.table.find(&Lookup { path: &key, ..get.lookup() })
        && let Some(route) = plan.routes.get(route)
        && let Some(cache) = &route.cache
    {
        add(route, cache);
    }
    let mut tried: Vec<(&Arc<Cache>, &Arc<[RequestStep]>)> = Vec::new();
    for route in &plan.routes {
        let Some(cache) = &route.cache else { continue };
        let edits_query = route.request.iter().any(|step| matches!(step, RequestStep::EditQuery(_)));
        // Routes with the same policies share them.
        let is_new = || !tried.iter().any(|(one, steps)| Arc::ptr_eq(one, cache) && Arc::ptr_eq(steps, &route.request));
        if (edits_query || cache.reduces()) && tried.len() < MOST_TRIED && is_new() {
            tried.push((cache, &route.request));
            add(route, cache);
        }
    }
    resources
}

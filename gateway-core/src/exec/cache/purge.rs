//! Purges of stored responses, as operators ask for them.

use http::uri::Uri;
use http::{HeaderMap, HeaderValue, Method};

use super::ends::resources;
use super::purge_book;
use crate::cache::purges::{Purged, Purges};
use crate::call::Call;
use crate::error::Reject;
use crate::net::Scheme;
use crate::plan::Plan;
use crate::ports::Platform;
use crate::report::{Ended, Purge};
use crate::route::{Found, Lookup};
use crate::state::State;

/// Purges stored responses, those that are under way included.
///
/// # Errors
/// 400 for what is no URL; 503 where the purges live in a store that fails.
pub(in crate::exec) async fn purge<P: Platform>(
    plan: &Plan,
    state: &State,
    platform: &P,
    purge: &Purge,
) -> Result<Ended, Reject> {
    let call = |url: &String| call(plan, url).ok_or_else(|| Purge::no_url(url));
    let mut ended = Ended::default();
    let mut urls = Vec::new();
    for url in &purge.urls {
        let call = call(url)?;
        if !is_served(plan, &call) {
            ended.unserved.push(url.clone());
        }
        // Whatever routes make of it, and as it is written.
        urls.extend(resources(plan, &call));
        urls.push(crate::policy::cache::resource(&call));
    }
    let mut prefixes = Vec::new();
    for url in &purge.prefixes {
        let call = call(url)?;
        if !has_host(plan, &call) {
            ended.unserved.push(url.clone());
        }
        prefixes.push(crate::policy::cache::resource(&call));
    }
    let mut purged = Vec::new();
    purged.extend(urls.iter().map(|url| Purged::Resource(url)));
    purged.extend(prefixes.iter().map(|prefix| Purged::Beginning(prefix)));
    purged.extend(purge.tags.iter().map(|tag| Purged::Tag(tag)));
    purged.extend(purge.all.then_some(Purged::All));
    let (book, now) = (platform.purges(state), platform.now());
    if platform.purges_in_store() {
        let added = purge_book::add(plan, platform, book, (&purged, now, purge.reach())).await;
        added.map_err(|_| Reject::store_unavailable())?;
    }
    let mut added = Purges::default();
    for purged in &purged {
        added.add(*purged, now, purge.reach());
    }
    // Before they count: what has ended already does not end again.
    ended.resources = platform.count_stored(book, &added);
    book.merge(&added);
    if let Some(metrics) = state.metrics() {
        metrics.purged([purge.urls.len(), purge.prefixes.len(), purge.tags.len(), usize::from(purge.all)]);
    }
    platform.hears_of_purge(purge);
    platform.purged(book).await.map_err(|_| Reject::store_unavailable())?;
    Ok(ended)
}

/// Returns whether a route with a cache takes `get`, as far as its fields are known.
fn is_served(plan: &Plan, get: &Call) -> bool {
    let key = plan.paths.key(get.path()).into_owned();
    let lookup = Lookup { path: &key, ..get.lookup() };
    // Which of several routes takes it may depend on fields that nobody knows here.
    let found = [plan.table.find(&lookup), plan.table.find_ignoring_headers(&lookup)];
    found.iter().any(|found| match found {
        Found::Route { route, .. } => has_cache(plan, *route),
        _ => false,
    })
}

/// Returns whether a route with a cache is for the host of `get`.
fn has_host(plan: &Plan, get: &Call) -> bool {
    let host = get.lookup().host;
    plan.table.ranked().any(|spec| spec.host.matches(host) && has_cache(plan, spec.route))
}

fn has_cache(plan: &Plan, route: usize) -> bool {
    plan.routes.get(route).is_some_and(|route| route.cache.is_some())
}

/// The request of a client for `url`.
fn call(plan: &Plan, url: &str) -> Option<Call> {
    // No client asks for a fragment (RFC 9110 §4.2.5), which the parser leaves out.
    let uri: Uri = url.parse().ok().filter(|_| !url.contains('#'))?;
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let host = HeaderValue::from_str(uri.authority()?.as_str()).ok()?;
    let path = plan.paths.normalise(uri.path()).ok()?.into_owned();
    let mut call = Call::new(Method::GET, uri, HeaderMap::new());
    call.set_host(host).ok()?;
    call.set_path(&path);
    call.client.scheme = scheme;
    Some(call)
}

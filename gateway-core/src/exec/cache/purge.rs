//! Purges of stored responses, as operators ask for them.

use http::uri::Uri;
use http::{HeaderMap, HeaderValue, Method};

use super::ends::resources;
use super::purge_book;
use crate::cache::purges::Purged;
use crate::call::Call;
use crate::error::Reject;
use crate::net::Scheme;
use crate::plan::Plan;
use crate::ports::Platform;
use crate::report::Purge;
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
) -> Result<(), Reject> {
    let call = |url: &String| call(plan, url).ok_or_else(|| Purge::no_url(url));
    let mut urls = Vec::new();
    for url in &purge.urls {
        let call = call(url)?;
        // Whatever routes make of it, and as it is written.
        urls.extend(resources(plan, &call));
        urls.push(crate::policy::cache::resource(&call));
    }
    let mut prefixes = Vec::new();
    for url in &purge.prefixes {
        prefixes.push(crate::policy::cache::resource(&call(url)?));
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
    book.add(&purged, now, purge.reach());
    platform.purged(book).await.map_err(|_| Reject::store_unavailable())
}

/// The request of a client for `url`.
fn call(plan: &Plan, url: &str) -> Option<Call> {
    let uri: Uri = url.parse().ok()?;
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

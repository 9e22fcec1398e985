//! A value in the key-value store, over HTTP.

use core::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use super::content;
use super::exchange::Exchange;
use super::local::{empty, with_content};
use super::within::{timely, within};
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::plan::KeyValueEntry;
use crate::ports::{Platform, StoreFailure};
use crate::store_key::{KeyUse, StoreKey};
use crate::trace::Event;

/// The longest that the store is waited for. Workers KV takes seconds at times, and a value may be large.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    action: &KeyValueEntry,
    call: &Call,
    body: Body<P::Stream>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    // Encoded as in a path, so that no value can reach beyond its place: `flags/{path.name}` never leaves `flags/`. Whoever makes folders or
    // URLs of keys finds no other place either.
    let key = StoreKey::written(KeyUse::Route, |key| action.key.fill_segments(call, key));
    let key = key.ok_or_else(|| Reject::bad_path().with_detail("the path makes no key that the store takes"))?;
    exchange.note(|| Event::Answered { by: "keyValue" });
    match call.method {
        Method::PUT => {
            let value = content::whole(platform, body, action.limit).await?;
            in_time(exchange, platform, platform.put(key.as_str(), value, action.ttl)).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            in_time(exchange, platform, platform.delete(key.as_str())).await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => {
            let value =
                in_time(exchange, platform, platform.get(key.as_str())).await?.ok_or_else(Reject::value_not_found)?;
            let mut response = with_content(&call.method, value);
            response.headers_mut().insert(CONTENT_TYPE, action.content_type.clone());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
    }
}

/// Returns the result of the store's `call`; a slow store counts as failed.
async fn in_time<T, P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    call: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, Reject> {
    timely(within(platform, TIMEOUT, call).await).map_err(|failure| {
        exchange.record.store_failed(platform.key_value_store(), failure);
        Reject::store_unavailable()
    })
}

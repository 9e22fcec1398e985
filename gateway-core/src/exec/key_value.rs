//! A value in the key-value store, over HTTP.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use super::Exchange;
use super::local::with_content;
use super::request::empty;
use crate::body::Body;
use crate::call::Call;
use crate::error::Reject;
use crate::plan::KeyValueEntry;
use crate::ports::{IoErrorKind, Platform};
use crate::store_key::{KeyUse, StoreKey};
use crate::template::Target;
use crate::trace::Event;

pub(super) async fn serve<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    action: &KeyValueEntry,
    call: &Call,
    body: Body<P::Stream>,
) -> Result<Response<Body<P::Stream>>, Reject> {
    // Encoded as in a path, so that no value can reach beyond its place: `flags/{path.name}` never leaves `flags/`.
    let key = StoreKey::written(KeyUse::Route, |key| action.key.fill(call, Target::Path, key));
    let key = key.ok_or_else(|| Reject::bad_path().with_detail("the path makes no key that the store takes"))?;
    exchange.note(|| Event::Answered { by: "keyValue" });
    let unavailable = |_| Reject::store_unavailable();
    match call.method {
        Method::PUT => {
            let value = match body {
                Body::Empty => bytes::Bytes::new(),
                Body::Full(value) => value,
                Body::Stream(stream) => platform.collect(stream, action.limit).await.map_err(|e| match e.kind {
                    IoErrorKind::BodyTooLarge => Reject::body_too_large(),
                    _ => Reject::bad_request_framing().with_detail("the body ended before its end"),
                })?,
            };
            if value.len() as u64 > action.limit {
                return Err(Reject::body_too_large());
            }
            platform.put(key.as_str(), value, action.ttl).await.map_err(unavailable)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            platform.delete(key.as_str()).await.map_err(unavailable)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => {
            let value = platform.get(key.as_str()).await.map_err(unavailable)?.ok_or_else(Reject::value_not_found)?;
            let mut response = with_content(&call.method, value);
            response.headers_mut().insert(CONTENT_TYPE, action.content_type.clone());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
    }
}

//! A store of responses on a key-value store, for platforms without a better one.
//!
//! The responses to requests for one resource are one value; contents that are not small have values of their own, so that a look costs no more
//! than heads. Two writers at a time may lose one of two responses: then it is asked for again.

use core::ops::Range;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use crate::cache::resource::{Content, Resource, Variant};
use crate::ports::{Clock, Keep, KeyValue, Random, StoreFailure};
use crate::store_key::{KeyUse, StoreKey};

/// The largest content that stands beside its head, in bytes.
const SMALL: usize = 8 << 10;

/// The name of the values of contents among those of the cache.
const CONTENT: &str = "c:";

fn key(resource: &str) -> StoreKey {
    StoreKey::digested(KeyUse::Cache, "", &[resource])
}

/// Returns the stored responses to requests for `resource`. A value of another version, or of another program, is none.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn find(store: &impl KeyValue, resource: &str) -> Result<Option<Arc<Resource>>, StoreFailure> {
    let value = store.get(key(resource).as_str()).await?;
    Ok(value.as_ref().and_then(Resource::from_bytes).map(Arc::new))
}

/// Returns the content of a stored response, or the bytes of it in `range`; none if it is lost.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn content(
    store: &impl KeyValue,
    content: &Content,
    range: Option<Range<u64>>,
) -> Result<Option<Bytes>, StoreFailure> {
    let (bytes, length) = match content {
        Content::Here(bytes) => (Some(bytes.clone()), content.length()),
        Content::There { name, length } => (store.get(name).await?, *length),
    };
    // A value of another length is not what was stored.
    let bytes = bytes.filter(|bytes| bytes.len() as u64 == length);
    Ok(bytes.and_then(|bytes| match range {
        None => Some(bytes),
        Some(range) => {
            let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            bytes.get(range.clone()).is_some().then(|| bytes.slice(range))
        }
    }))
}

/// Stores `variant` among the responses to requests for `resource`.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn store<S: KeyValue + Clock>(store: &S, resource: &str, variant: Arc<Variant>) -> Result<(), StoreFailure> {
    let known = find(store, resource).await?;
    let with = known.as_deref().unwrap_or(&Resource::default()).with(variant);
    let left = with.until().saturating_since(store.now());
    store.put(key(resource).as_str(), with.to_bytes().into(), Some(at_least_a_second(left))).await
}

/// Stores the response that `keep` has the head of, with its whole `content`. The flight ends when the caller drops `keep`.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn keep<S: KeyValue + Clock + Random>(store: &S, keep: &mut Keep, bytes: Bytes) -> Result<(), StoreFailure> {
    let content = if bytes.len() <= SMALL {
        Content::Here(bytes)
    } else {
        let (mut high, mut low) = (itoa::Buffer::new(), itoa::Buffer::new());
        let numbers = [high.format(store.next_u64()), low.format(store.next_u64())];
        let name = StoreKey::digested(KeyUse::Cache, CONTENT, &numbers);
        let (name, length): (Box<str>, u64) = (name.as_str().into(), bytes.len() as u64);
        let left = keep.until.saturating_since(store.now());
        // The content first: whoever finds the head finds it.
        store.put(&name, bytes, Some(at_least_a_second(left))).await?;
        Content::There { name, length }
    };
    let variant = Arc::new(keep.with(content));
    self::store(store, &keep.resource, variant).await
}

/// Removes all responses to requests for `resource`. Their contents expire by themselves.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn remove(store: &impl KeyValue, resource: &str) -> Result<(), StoreFailure> {
    store.delete(key(resource).as_str()).await
}

fn at_least_a_second(time: Duration) -> Duration {
    time.max(Duration::from_secs(1))
}

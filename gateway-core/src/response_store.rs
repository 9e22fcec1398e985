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
use crate::time::Timestamp;

/// The largest content that stands beside its head, in bytes.
pub const SMALL: usize = 8 << 10;

/// The most bytes of the responses to requests for one resource, about, without contents that stand by themselves.
const MOST_HEADS: u64 = 1 << 20;

/// The counter cell of whoever writes the purges.
pub(crate) const PURGES_CELL: &str = "purges";

/// The beginning of the counter cells of those who ask an upstream for others, too.
pub(crate) const FLIGHT_CELL: &str = "flight:";

/// Returns whether `cell` is one of the counter cells by which gateways that share stored responses come to terms. They belong where the
/// responses are.
#[must_use]
pub fn is_cell(cell: &str) -> bool {
    cell == PURGES_CELL || cell.starts_with(FLIGHT_CELL)
}

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
pub async fn store<S: KeyValue + Clock + Random>(
    store: &S,
    resource: &str,
    variant: Arc<Variant>,
) -> Result<(), StoreFailure> {
    let variant = match &variant.content {
        Content::Here(bytes) if bytes.len() > SMALL => {
            let content = apart(store, bytes.clone(), variant.until).await?;
            let (part, entry) = (variant.part.clone(), variant.entry.clone());
            Arc::new(Variant { part, asked: variant.asked, until: variant.until, entry, content })
        }
        _ => variant,
    };
    store_head(store, resource, variant).await
}

async fn store_head<S: KeyValue + Clock>(store: &S, resource: &str, variant: Arc<Variant>) -> Result<(), StoreFailure> {
    let known = find(store, resource).await?;
    put(store, resource, &known.as_deref().unwrap_or(&Resource::default()).with(variant).within(MOST_HEADS)).await
}

/// Takes note that responses of this `part` to requests for `resource` are not stored, `until` then.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn unshared<S: KeyValue + Clock>(
    store: &S,
    resource: &str,
    part: &str,
    until: Timestamp,
) -> Result<(), StoreFailure> {
    let known = find(store, resource).await?;
    put(store, resource, &known.as_deref().unwrap_or(&Resource::default()).with_unshared(part, store.now(), until))
        .await
}

async fn put<S: KeyValue + Clock>(store: &S, resource: &str, with: &Resource) -> Result<(), StoreFailure> {
    let left = with.until().saturating_since(store.now());
    store.put(key(resource).as_str(), with.to_bytes().into(), Some(at_least_a_second(left))).await
}

/// Stores the response that `keep` has the head of, with its whole `content`. The flight ends when the caller drops `keep`.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn keep<S: KeyValue + Clock + Random>(store: &S, keep: &mut Keep, bytes: Bytes) -> Result<(), StoreFailure> {
    // The content first: whoever finds the head finds it.
    let content = if bytes.len() <= SMALL { Content::Here(bytes) } else { apart(store, bytes, keep.until).await? };
    keep_head(store, keep, content).await
}

/// Stores the response that `keep` has the head of, whose `content` is in the store already or small.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn keep_head<S: KeyValue + Clock>(store: &S, keep: &mut Keep, content: Content) -> Result<(), StoreFailure> {
    let variant = Arc::new(keep.with(content));
    store_head(store, &keep.resource, variant).await
}

/// A name for content that no other has.
pub fn content_name(random: &impl Random) -> StoreKey {
    let (mut high, mut low) = (itoa::Buffer::new(), itoa::Buffer::new());
    let numbers = [high.format(random.next_u64()), low.format(random.next_u64())];
    StoreKey::digested(KeyUse::Cache, CONTENT, &numbers)
}

/// Stores content by itself.
async fn apart<S: KeyValue + Clock + Random>(
    store: &S,
    bytes: Bytes,
    until: Timestamp,
) -> Result<Content, StoreFailure> {
    let name = content_name(store);
    let (name, length): (Box<str>, u64) = (name.as_str().into(), bytes.len() as u64);
    store.put(&name, bytes, Some(at_least_a_second(until.saturating_since(store.now())))).await?;
    Ok(Content::There { name, length })
}

/// Removes all responses to requests for `resource`. Their contents expire by themselves. That they have ended stands there for some time, so
/// that what is under way is not stored afterwards.
///
/// # Errors
/// A [`StoreFailure`].
pub async fn remove<S: KeyValue + Clock>(store: &S, resource: &str) -> Result<(), StoreFailure> {
    put(store, resource, &Resource::ended(store.now())).await
}

fn at_least_a_second(time: Duration) -> Duration {
    time.max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};
    use std::collections::BTreeMap;

    use super::*;
    use crate::ports::NoRandom;

    /// A store whose futures are ready at once.
    #[derive(Default)]
    struct Values(RefCell<BTreeMap<String, Bytes>>);

    impl KeyValue for Values {
        fn key_value_store(&self) -> &'static str {
            "test"
        }

        async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreFailure> {
            Ok(self.0.borrow().get(key).cloned())
        }

        async fn put(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<(), StoreFailure> {
            self.0.borrow_mut().insert(key.to_owned(), value);
            Ok(())
        }

        async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
            self.0.borrow_mut().remove(key);
            Ok(())
        }
    }

    impl Clock for Values {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, _: Duration) {}
    }

    impl Random for Values {
        fn next_u64(&self) -> u64 {
            7
        }

        fn fill_secret(&self, _: &mut [u8]) -> Result<(), NoRandom> {
            Err(NoRandom)
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn variant(content: Bytes) -> Arc<Variant> {
        let until = Timestamp::from_unix_millis(60_000);
        let entry = crate::cache::entry::Entry::default();
        let (part, asked) = ("".into(), Timestamp::from_unix_millis(0));
        Arc::new(Variant { part, asked, until, entry, content: Content::Here(content) })
    }

    /// A look at the heads must not cost the contents.
    #[test]
    fn a_content_that_is_not_small_is_stored_by_itself() {
        for (length, values) in [(0, 1), (SMALL, 1), (SMALL + 1, 2), (1 << 20, 2)] {
            let store = Values::default();
            let content = Bytes::from(vec![b'x'; length]);
            ready(self::store(&store, "a", variant(content.clone()))).unwrap();
            assert_eq!(store.0.borrow().len(), values, "{length}");
            let found = ready(find(&store, "a")).unwrap().unwrap();
            let of = &found.variants[0].content;
            assert_eq!(ready(super::content(&store, of, None)).unwrap(), Some(content.clone()));
            if length > 4 {
                assert_eq!(ready(super::content(&store, of, Some(2..4))).unwrap(), Some(content.slice(2..4)));
            }
            ready(remove(&store, "a")).unwrap();
            assert!(ready(find(&store, "a")).unwrap().unwrap().variants.is_empty());
            // It was asked for before that.
            ready(self::store(&store, "a", variant(content.clone()))).unwrap();
            assert!(ready(find(&store, "a")).unwrap().unwrap().variants.is_empty());
        }
    }
}

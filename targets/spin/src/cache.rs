//! The stored responses, in the key-value store. Their contents are copied on their way through the pump.

use std::fmt;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use gateway_core::body::Body;
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::ports::{Cache, Clock as _, Keep, KeyValue as _, Meeting as _, StoreFailure};
use gateway_core::response_store;
use gateway_core::time::Timestamp;
use spin_sdk::wasip3::clocks::monotonic_clock;

use crate::platform::Spin;
use crate::stream::Stream;

/// The longest that the end of a response waits for the store, in nanoseconds.
const PATIENCE: u64 = 2_000_000_000;

impl Cache for Spin {
    fn cache_store(&self) -> &'static str {
        if self.shared.is_some() { "Redis" } else { self.key_value_store() }
    }

    fn stored(&self, resource: &str) -> impl Future<Output = Result<Option<Arc<Resource>>, StoreFailure>> {
        response_store::find(self, resource)
    }

    async fn stored_content(
        &self,
        content: &Content,
        range: Option<Range<u64>>,
    ) -> Result<Option<Body<Stream>>, StoreFailure> {
        Ok(response_store::content(self, content, range).await?.map(Body::Full))
    }

    fn store(&self, resource: &str, variant: Arc<Variant>) -> impl Future<Output = Result<(), StoreFailure>> {
        response_store::store(self, resource, variant)
    }

    fn remove_stored(&self, resource: &str) -> impl Future<Output = Result<(), StoreFailure>> {
        response_store::remove(self, resource)
    }

    fn unshared(&self, resource: &str, part: &str, until: Timestamp) -> impl Future<Output = Result<(), StoreFailure>> {
        response_store::unshared(self, resource, part, until)
    }

    fn keep(&self, stream: Stream, keep: Box<Keep>) -> Stream {
        stream.kept(Keeping::new(keep, self.clone()))
    }
}

/// A response on its way to the client whose content is copied for the store. Whoever waits for it goes on when it is dropped.
pub(crate) struct Keeping {
    keep: Option<Box<Keep>>,
    content: Vec<u8>,
    platform: Spin,
}

impl Keeping {
    fn new(keep: Box<Keep>, platform: Spin) -> Self {
        let stated = keep.entry.length.unwrap_or_default().min(keep.most_bytes);
        let content = Vec::with_capacity(usize::try_from(stated).unwrap_or_default());
        keep.waits_for_client(platform.now());
        Self { keep: Some(keep), content, platform }
    }

    /// Takes note that the client asks for more.
    pub(crate) fn goes_on(&self) {
        self.keep.iter().for_each(|keep| keep.goes_on(self.platform.now()));
    }

    /// Copies `data`, which the client gets next; false if that is too much.
    pub(crate) fn read(&mut self, data: &[u8]) -> bool {
        let Some(keep) = &self.keep else { return false };
        let is_within = (self.content.len() as u64).saturating_add(data.len() as u64) <= keep.most_bytes;
        if is_within {
            self.content.extend_from_slice(data);
            keep.waits_for_client(self.platform.now());
        } else {
            keep.has_no_room(self.platform.now());
        }
        is_within
    }

    /// Stores the response, all of whose content has come.
    pub(crate) async fn finish(mut self) {
        let content = Bytes::from(std::mem::take(&mut self.content));
        if let Some(keep) = self.keep.as_mut() {
            // A response that can't be stored is lost, and the log says why.
            let is_stored = {
                let storing = pin!(response_store::keep(&self.platform, keep, content));
                let patience = pin!(monotonic_clock::wait_for(PATIENCE));
                matches!(select(storing, patience).await, Either::Left((Ok(()), _)))
            };
            if is_stored {
                keep.is_stored();
            }
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if let Some(mut keep) = self.keep.take()
            && keep.flight.take().is_some()
        {
            self.platform.notify(&keep.resource);
        }
    }
}

impl fmt::Debug for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeping").field("keep", &self.keep).finish_non_exhaustive()
    }
}

//! The stored responses, in memory that all threads share.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gateway_core::cache::resource::{Content, Resource, Variant};
use gateway_core::ports::{Keep, StoredResponses};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use super::Stores;

/// The usual size of a stored response, by which the tables are laid out.
const USUAL_BYTES: u64 = 8 << 10;

/// The parts of the store, each with a lock of its own. A response takes at most a part's share of the memory.
const SHARDS: usize = 4;

/// The stored responses. Those that are asked for least go when the memory is full.
pub struct ResponseCache {
    cache: Cache<Box<str>, Arc<Resource>, Weight>,
    most_bytes: u64,
}

/// The memory that an entry takes.
#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<Box<str>, Arc<Resource>> for Weight {
    fn weight(&self, key: &Box<str>, resource: &Arc<Resource>) -> u64 {
        // The tables have a key, a pointer and two words of their own for each.
        resource.weight().saturating_add(key.len() as u64).saturating_add(96)
    }
}

/// The room for the head of a response beside the longest content.
const HEAD_BYTES: u64 = 16 << 10;

impl ResponseCache {
    /// A store that takes `memory` bytes.
    #[must_use]
    pub fn new(memory: u64) -> Self {
        let items = usize::try_from(memory / USUAL_BYTES).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        let options =
            OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(memory).shards(SHARDS).build();
        let cache = match options {
            Ok(options) => Cache::with_options(options, Weight, Default::default(), Default::default()),
            Err(_) => Cache::with_weighter(items, memory, Weight),
        };
        let share = memory / SHARDS as u64;
        Self { cache, most_bytes: share.saturating_sub(HEAD_BYTES.min(share / 8)) }
    }

    /// The responses to requests for `resource`.
    pub fn find(&self, resource: &str) -> Option<Arc<Resource>> {
        self.cache.get(resource)
    }

    /// Stores `variant`. One that another thread stores for the same resource at the same time may be lost.
    pub fn store(&self, resource: &str, variant: Arc<Variant>) {
        let known = self.cache.peek(resource);
        let with = known.as_deref().unwrap_or(&Resource::default()).with(variant);
        self.cache.insert(resource.into(), Arc::new(with));
    }

    /// Removes the responses to requests for `resource`.
    pub fn remove(&self, resource: &str) {
        self.cache.remove(resource);
    }

    /// The longest content that finds room.
    pub const fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// The number of resources, and the memory that is taken.
    pub fn size(&self) -> StoredResponses {
        StoredResponses { resources: self.cache.len(), bytes: self.cache.weight() }
    }
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseCache").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// A response on its way to the client whose content is copied for the store. Whoever waits for it goes on when it is dropped.
#[derive(Debug)]
pub struct Keeping {
    keep: Option<Box<Keep>>,
    content: BytesMut,
    stores: Arc<Stores>,
}

impl Keeping {
    /// A copy of what is yet to come.
    #[must_use]
    pub fn new(keep: Box<Keep>, stores: Arc<Stores>) -> Self {
        let stated = keep.entry.length.unwrap_or_default().min(keep.most_bytes);
        let content = BytesMut::with_capacity(usize::try_from(stated).unwrap_or_default());
        Self { keep: Some(keep), content, stores }
    }

    /// Copies `data`; false if that is too much.
    pub fn read(&mut self, data: &Bytes) -> bool {
        let most = self.keep.as_ref().map_or(0, |keep| keep.most_bytes);
        let is_within = (self.content.len() as u64).saturating_add(data.len() as u64) <= most;
        if is_within {
            self.content.extend_from_slice(data);
        }
        is_within
    }

    /// Stores the response, all of whose content has come.
    pub fn finish(mut self) {
        let Some(keep) = self.keep.as_mut() else { return };
        let content = core::mem::take(&mut self.content);
        // What grew piece by piece has room that nobody counts.
        let content = if content.capacity() > content.len() + content.len() / 8 {
            Bytes::copy_from_slice(&content)
        } else {
            content.freeze()
        };
        let variant = keep.with(Content::Here(content));
        self.stores.cache.store(&keep.resource, Arc::new(variant));
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if let Some(mut keep) = self.keep.take()
            && keep.flight.take().is_some()
        {
            self.stores.meetings.notify(&keep.resource);
        }
    }
}

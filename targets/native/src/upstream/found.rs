//! The pools of places that were discovered: the plan knows nothing of them, so that each is made when it is first called.

use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::plan::{Endpoint, Plan, Upstream};

use super::pool::{Pool, PoolKey};
use super::tls::TlsError;

/// The pools of places that were discovered.
#[derive(Debug)]
pub(crate) struct FoundPools {
    /// Of each upstream that is discovered, the settings that its places share.
    shared: Box<[(usize, PoolKey)]>,
    pools: Mutex<Vec<Arc<Pool>>>,
}

impl FoundPools {
    /// Those of `plan`, with the ones of `previous` that are still of use.
    ///
    /// # Errors
    /// When a file of the TLS settings of an upstream can't be read.
    pub(crate) fn new(plan: &Plan, previous: Option<&Self>) -> Result<Self, TlsError> {
        let mut shared = Vec::new();
        for upstream in plan.upstreams.iter().filter(|upstream| upstream.discovery.is_some()) {
            shared.push((upstream.index, PoolKey::shared(upstream)?));
        }
        let known = previous.map(|previous| previous.pools()).unwrap_or_default();
        let is_used = |pool: &Arc<Pool>| shared.iter().any(|(_, key)| pool.key().shares(key));
        let pools = Mutex::new(known.into_iter().filter(is_used).collect());
        Ok(Self { shared: shared.into(), pools })
    }

    /// All of them.
    pub(crate) fn pools(&self) -> Vec<Arc<Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pool of `endpoint` of `upstream`, made by `make` if there is none. Those that nobody uses any more go then.
    pub(crate) fn of(
        &self,
        upstream: &Upstream,
        endpoint: &Endpoint,
        make: impl FnOnce(PoolKey) -> Option<Arc<Pool>>,
    ) -> Option<Arc<Pool>> {
        let (_, shared) = self.shared.iter().find(|(index, _)| *index == upstream.index)?;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pools.iter().find(|pool| pool.key().is_at(endpoint) && pool.key().shares(shared)) {
            return Some(Arc::clone(known));
        }
        pools.retain(|pool| Arc::strong_count(pool) > 1 || pool.connections().open > 0);
        let made = make(shared.at(endpoint))?;
        pools.push(Arc::clone(&made));
        Some(made)
    }
}

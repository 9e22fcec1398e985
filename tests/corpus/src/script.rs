//! What upstreams do in a step, call by call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::{Reply, Step};
use crate::seen::Call;

/// What upstreams do in a step, call by call. Clones count together.
#[derive(Clone, Debug)]
pub struct Script {
    in_order: Vec<Reply>,
    at: BTreeMap<String, Reply>,
    calls: Arc<AtomicUsize>,
}

impl Script {
    /// That of `step`.
    #[must_use]
    pub fn of(step: &Step) -> Self {
        let in_order = core::iter::once(&step.upstream).chain(&step.then).cloned().collect();
        Self { in_order, at: step.at.clone(), calls: Arc::default() }
    }

    /// Begins with the next request.
    pub fn restart(&self) {
        self.calls.store(0, Ordering::Relaxed);
    }

    /// What `call` is answered with.
    #[must_use]
    pub fn reply(&self, call: &Call) -> Reply {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let in_order = || self.in_order.get(number).or(self.in_order.last()).cloned();
        self.at.get(&call.to).cloned().or_else(in_order).unwrap_or_default()
    }
}

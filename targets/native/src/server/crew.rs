//! The workers of the process, as the platforms of each see all of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use gateway_core::metrics::Metrics;
use gateway_core::ports::Connections;

use super::worker::Serving;
use crate::upstream::PoolKey;

/// The workers of the process.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    /// Set once a shutdown has begun.
    pub(super) shutdown: Arc<AtomicBool>,
    // Weak: what is served holds the crew in turn.
    members: Mutex<Vec<Weak<ArcSwap<Serving>>>>,
}

impl Crew {
    /// Takes in a worker that runs on `serving`.
    pub(super) fn join(&self, serving: &Arc<ArcSwap<Serving>>) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(serving));
    }

    /// Whether a shutdown has begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.load(Ordering::Relaxed)
    }

    /// Shows the metrics of each worker.
    pub(crate) fn each_metrics(&self, mut show: impl FnMut(&Metrics)) {
        for member in self.members.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(serving) = member.upgrade() else { continue };
            if let Some(metrics) = serving.load().gateway.state().metrics() {
                show(metrics);
            }
        }
    }

    /// The connections of all workers by `key`.
    pub(crate) fn connections(&self, key: &PoolKey) -> Connections {
        let mut all = Connections::default();
        for member in self.members.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(serving) = member.upgrade() else { continue };
            let Connections { open, idle } = serving.load().gateway.platform().connections_by(key);
            all.open += open;
            all.idle += idle;
        }
        all
    }
}

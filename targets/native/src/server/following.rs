//! The sources that tell where upstreams are, followed beside requests: by one task of the process each, whoever serves.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::worker::{Serving, Worker};

/// The time after which a new configuration is noticed.
const NOTICED_AFTER: Duration = Duration::from_millis(250);

/// Follows the sources of whatever `worker` serves.
pub(super) async fn follow(worker: Arc<Worker>) {
    loop {
        let serving = worker.serving.load_full();
        let mut following = JoinSet::new();
        for upstream in serving.gateway.plan().upstreams.iter().filter(|upstream| upstream.discovery.is_some()) {
            following.spawn(follow_one(Arc::clone(&serving), upstream.index));
        }
        while Arc::ptr_eq(&serving, &worker.serving.load()) {
            tokio::time::sleep(NOTICED_AFTER).await;
        }
        // What they were asking is asked anew.
        following.shutdown().await;
    }
}

async fn follow_one(serving: Arc<Serving>, upstream: usize) {
    while let Some(pause) = serving.gateway.follow(upstream).await {
        tokio::time::sleep(pause).await;
    }
}

//! The checks of upstreams' places: by one task of the process, since all threads share what is known of places.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::worker::Worker;

/// The longest sleep: a reload may bring other checks.
const LOOK: Duration = Duration::from_millis(500);

/// Makes the checks of the newest configuration, over the connections of `worker`, for ever. One that is slow holds no other up.
pub(super) async fn run(worker: Arc<Worker>) {
    let mut under_way = JoinSet::new();
    loop {
        let serving = worker.serving.load_full();
        let (due, next) = serving.gateway.due_checks();
        for check in due {
            let serving = Arc::clone(&serving);
            under_way.spawn(async move { serving.gateway.check(check).await });
        }
        drop(serving);
        while under_way.try_join_next().is_some() {}
        tokio::time::sleep(next.map_or(LOOK, |next| next.min(LOOK))).await;
    }
}

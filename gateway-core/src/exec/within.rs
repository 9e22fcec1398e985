//! Deadlines for the core's own waits.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::ports::{Clock, StoreFailure};

/// Returns the output of `future`, or `None` after `limit`. The future is then dropped, and with it everything that it
/// waits for.
///
/// A future that is ready at once costs no timer.
pub(crate) async fn within<T>(clock: &impl Clock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        return Some(output);
    }
    let mut sleep = pin!(clock.sleep(limit));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => sleep.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Returns the result of the store's `call`; after `limit`, the store counts as failed.
pub(crate) async fn store_within<T>(
    clock: &impl Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, StoreFailure> {
    within(clock, limit, call).await.unwrap_or(Err(StoreFailure::Slow))
}

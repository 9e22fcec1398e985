//! Deadlines for what the core waits for.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::ports::{Clock, StoreFailure};

/// What `future` comes to, unless that takes longer than `limit`: it is dropped then, and with it whatever it waits for.
///
/// Nothing is set up for a future that is ready at once.
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

/// What a store says to `call`. One that takes longer than `limit` has failed.
pub(crate) async fn store_within<T>(
    clock: &impl Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, StoreFailure>>,
) -> Result<T, StoreFailure> {
    within(clock, limit, call).await.unwrap_or(Err(StoreFailure::Slow))
}

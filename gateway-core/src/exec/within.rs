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

/// Takes a store that did not answer [`within`] its deadline for a failed one.
// No `async fn` around that: each layer holds what it waits for once more.
pub(crate) fn timely<T>(answer: Option<Result<T, StoreFailure>>) -> Result<T, StoreFailure> {
    answer.unwrap_or(Err(StoreFailure::Slow))
}

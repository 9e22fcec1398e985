//! Exchanges that go on without their client: what they do must be known, even if nobody waits for it any more.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

thread_local! {
    /// Set if the future that is being polled is to go on.
    static GOES_ON: Cell<bool> = const { Cell::new(false) };
}

/// Has the exchange whose future is being polled go on if its client leaves.
pub(crate) fn go_on() {
    GOES_ON.set(true);
}

/// The future of an exchange. Dropped before its end, it goes on by itself if it has asked for that.
pub(super) struct Outlasting<F: Future<Output: Send> + Send + 'static> {
    /// None once it has ended.
    future: Option<Pin<Box<F>>>,
    goes_on: bool,
}

impl<F: Future<Output: Send> + Send + 'static> Outlasting<F> {
    pub(super) const fn new(future: Pin<Box<F>>) -> Self {
        Self { future: Some(future), goes_on: false }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outlasting<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        GOES_ON.set(false);
        let polled = future.as_mut().poll(cx);
        self.goes_on |= GOES_ON.get();
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outlasting<F> {
    fn drop(&mut self) {
        // There is no runtime once it shuts down: then it ends, as in a crash.
        if let Some(future) = self.future.take().filter(|_| self.goes_on)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}

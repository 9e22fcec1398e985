//! The waker of an exchange.

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;

/// A waker that remembers its use: the exchange is then polled again.
#[derive(Debug)]
pub(super) struct Alarm {
    bell: Arc<Bell>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Bell(AtomicBool);

impl Default for Alarm {
    fn default() -> Self {
        let bell = Arc::new(Bell::default());
        Self { waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl Alarm {
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Returns whether the waker was used since it was last silenced.
    pub(super) fn rings(&self) -> bool {
        self.bell.0.load(Ordering::Relaxed)
    }

    pub(super) fn silence(&self) {
        self.bell.0.store(false, Ordering::Relaxed);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

//! HTTP/2 streams whose client does too little: each stream of a shared connection is watched on its own.
//!
//! hyper runs every stream as a task of its own. Ending that task resets the stream (RFC 9113 §5.4.2), whatever PINGs say of
//! the connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};

use tokio::task::AbortHandle;

use super::activity::{Activity, OpenStream};
use super::room::{Place, Room};
use super::worker::Worker;
use crate::clock::{Tick, Ticker, Watched};

tokio::task_local! {
    static CURRENT: Arc<StreamWatch>;
}

/// The wait of one stream. All times are ticks; 0 is never.
#[derive(Debug)]
pub struct StreamWatch {
    ticker: Arc<Ticker>,
    /// The longest that the client may stall.
    timeout: Tick,
    /// The start of the wait for more of the request's body.
    body_since: AtomicU64,
    /// The bytes of the request's body that were read.
    received: AtomicU64,
    /// Set once the wait was too long.
    stalled: AtomicBool,
    /// The task that waits for the body.
    reader: Mutex<Option<Waker>>,
    /// The time since which the client has taken nothing of the response.
    write_since: AtomicU64,
    /// The stream's own task.
    task: OnceLock<AbortHandle>,
    /// Its place in the room for clients; without one it is refused.
    place: Option<Place>,
    /// Itself among the streams of its connection.
    _open: Option<OpenStream>,
}

impl StreamWatch {
    fn new(ticker: &Arc<Ticker>, timeout: Tick, place: Option<Place>, open: Option<OpenStream>) -> Arc<Self> {
        let watch = Arc::new(Self {
            ticker: Arc::clone(ticker),
            timeout,
            body_since: AtomicU64::new(0),
            received: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            reader: Mutex::default(),
            write_since: AtomicU64::new(0),
            task: OnceLock::new(),
            place,
            _open: open,
        });
        let watched: Arc<dyn Watched> = Arc::<Self>::clone(&watch);
        ticker.watch(Arc::downgrade(&watched));
        watch
    }

    /// The watch of the stream whose task this is.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Returns whether there is no room for the stream.
    pub(super) fn is_refused(&self) -> bool {
        self.place.is_none()
    }

    /// Records whether the gateway waits for more of the request's body. Returns true after too long a wait, for which
    /// the task is woken.
    pub(super) fn set_waiting(&self, waiting: bool, cx: &Context<'_>) -> bool {
        if !waiting {
            self.body_since.store(0, Ordering::Relaxed);
            self.stalled.store(false, Ordering::Relaxed);
            return false;
        }
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *reader {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if self.body_since.load(Ordering::Relaxed) == 0 {
            self.body_since.store(self.ticker.now(), Ordering::Relaxed);
        }
        self.stalled.load(Ordering::Relaxed)
    }

    /// The bytes of the request's body that were read.
    pub(super) fn received(&self) -> &AtomicU64 {
        &self.received
    }

    /// Records whether a part of the response waits for the client to take it.
    pub(super) fn set_written(&self, pending: bool) {
        self.write_since.store(if pending { self.ticker.now() } else { 0 }, Ordering::Relaxed);
    }
}

impl Watched for StreamWatch {
    fn tick(&self, now: Tick) -> bool {
        let overdue = |time: &AtomicU64| match time.load(Ordering::Relaxed) {
            0 => false,
            begun => now.saturating_sub(begun) >= self.timeout,
        };
        if overdue(&self.write_since)
            && let Some(task) = self.task.get()
        {
            task.abort();
        }
        if overdue(&self.body_since) {
            self.stalled.store(true, Ordering::Relaxed);
            if let Some(waker) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
        true
    }
}

/// Runs the streams of an HTTP/2 connection, each under a [`StreamWatch`].
#[derive(Clone, Debug)]
pub(super) struct StreamExecutor {
    ticker: Arc<Ticker>,
    timeout: Tick,
    room: Arc<Room>,
    activity: Arc<Activity>,
}

impl StreamExecutor {
    /// The executor for a connection of `worker` that has this `activity`.
    pub(super) fn of(worker: &Worker, activity: &Arc<Activity>) -> Self {
        Self {
            ticker: Arc::clone(&worker.ticker),
            timeout: worker.stall_timeout,
            room: Arc::clone(&worker.room),
            activity: Arc::clone(activity),
        }
    }
}

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        let place = self.room.enter_stream(self.activity.streams() as usize);
        let watch = StreamWatch::new(&self.ticker, self.timeout, place, Some(OpenStream::new(&self.activity)));
        let task = tokio::spawn(CURRENT.scope(Arc::clone(&watch), stream));
        let _ = watch.task.set(task.abort_handle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::activity::STALL_TIMEOUT;

    /// A watch over a task that never ends by itself.
    fn watched(runtime: &tokio::runtime::Runtime) -> (Arc<StreamWatch>, tokio::task::JoinHandle<()>) {
        let watch = StreamWatch::new(&Arc::default(), STALL_TIMEOUT, None, None);
        let task = runtime.spawn(CURRENT.scope(Arc::clone(&watch), std::future::pending()));
        watch.task.set(task.abort_handle()).unwrap();
        (watch, task)
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn a_response_that_is_not_taken_ends_its_stream() {
        let runtime = runtime();
        let (watch, task) = watched(&runtime);
        watch.set_written(true);
        watch.set_written(false);
        watch.tick(10 * STALL_TIMEOUT);
        runtime.block_on(tokio::task::yield_now());
        assert!(!task.is_finished(), "the stream waits for its upstream");
        watch.set_written(true);
        watch.tick(STALL_TIMEOUT);
        runtime.block_on(tokio::task::yield_now());
        assert!(!task.is_finished(), "the client has still time");
        watch.tick(STALL_TIMEOUT + 1);
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
    }

    #[test]
    fn a_body_that_does_not_come_is_given_up() {
        let watch = StreamWatch::new(&Arc::default(), STALL_TIMEOUT, None, None);
        let cx = Context::from_waker(Waker::noop());
        assert!(!watch.set_waiting(true, &cx));
        assert!(!watch.set_waiting(false, &cx));
        watch.tick(10 * STALL_TIMEOUT);
        assert!(!watch.set_waiting(true, &cx));
        watch.tick(STALL_TIMEOUT);
        assert!(!watch.set_waiting(true, &cx));
        watch.tick(STALL_TIMEOUT + 1);
        assert!(watch.set_waiting(true, &cx));
        // A part came after all.
        assert!(!watch.set_waiting(false, &cx));
        assert!(!watch.set_waiting(true, &cx));
    }
}

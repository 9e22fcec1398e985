//! The limits of a tunnel: its longest life, and the moment at which it has to end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use gateway_core::plan::WebSocketLimits;

use super::Reason;
use super::oneway::Flow;
use crate::clock::{Tick, Ticker, Watched};

/// The time in which both sides have to answer the gateway's Close, in milliseconds.
const FAREWELL: Tick = 2_000;

/// The longest that one side may go on after the other has ended, in milliseconds: a WebSocket has no half-closed state
/// (RFC 6455 §7.1.1).
const HALF_CLOSED: Tick = 10_000;

/// The limits of one tunnel, watched by the worker's ticker. All times are ticks; 0 is never.
#[derive(Debug)]
pub(crate) struct Limits {
    ticker: Arc<Ticker>,
    /// Set once a shutdown has begun.
    shutdown: Arc<AtomicBool>,
    /// The longest time without a byte.
    idle: Option<Tick>,
    /// The tick at which it reaches its longest life.
    end: Option<Tick>,
    /// The longest that a side may take nothing.
    stall: Tick,
    /// The tick at which bytes last passed.
    moved: AtomicU64,
    /// The ticks since which the upstream, and the client, have taken nothing of the waiting bytes.
    blocked: [AtomicU64; 2],
    /// The tick at which one side ended.
    half_closed: AtomicU64,
    /// The tick and reason of the gateway's Close.
    leaving: OnceLock<(Tick, Reason)>,
    task: Mutex<Option<Waker>>,
}

impl Limits {
    /// The limits of a tunnel whose handshake `begun` at this tick, and whose sides may take nothing for `stall`.
    pub(crate) fn new(
        limits: WebSocketLimits,
        begun: Tick,
        stall: Tick,
        ticker: &Arc<Ticker>,
        shutdown: &Arc<AtomicBool>,
    ) -> Arc<Self> {
        let watch = Arc::new(Self {
            ticker: Arc::clone(ticker),
            shutdown: Arc::clone(shutdown),
            idle: limits.idle.map(millis),
            end: limits.life.map(|life| ticker.after(life).saturating_sub(ticker.now().saturating_sub(begun))),
            stall,
            moved: AtomicU64::new(ticker.now()),
            blocked: Default::default(),
            half_closed: AtomicU64::new(0),
            leaving: OnceLock::new(),
            task: Mutex::new(None),
        });
        let watched: Arc<dyn Watched> = Arc::<Self>::clone(&watch);
        ticker.watch(Arc::downgrade(&watched));
        watch
    }

    /// Sets the tunnel's task, which is woken for work.
    pub(super) fn set_task(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *task {
            Some(task) => task.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// The reason for the gateway's Close, if it sends one.
    pub(super) fn leaving(&self) -> Option<Reason> {
        self.leaving.get().map(|(_, reason)| *reason)
    }

    /// Records whether bytes passed, and how the upstream and the client take theirs.
    pub(super) fn note(&self, moved: bool, flows: [Flow; 2]) {
        let now = self.ticker.now();
        if moved {
            self.moved.store(now, Ordering::Relaxed);
        }
        for (since, flow) in self.blocked.iter().zip(flows) {
            match flow {
                Flow::Free => since.store(0, Ordering::Relaxed),
                Flow::Slow => since.store(now, Ordering::Relaxed),
                Flow::Stuck if since.load(Ordering::Relaxed) == 0 => since.store(now, Ordering::Relaxed),
                Flow::Stuck => {}
            }
        }
    }

    /// Records that one side has ended.
    pub(super) fn set_half_closed(&self) {
        self.half_closed.store(self.ticker.now(), Ordering::Relaxed);
    }

    /// Returns whether the tunnel has to end at once, and which side is to blame, if any.
    pub(super) fn overdue(&self) -> Option<Option<Reason>> {
        self.overdue_at(self.ticker.now())
    }

    fn overdue_at(&self, now: Tick) -> Option<Option<Reason>> {
        let is_past = |since: Tick, limit: Tick| since != 0 && now.saturating_sub(since) >= limit;
        let [upstream, client] = &self.blocked;
        if is_past(client.load(Ordering::Relaxed), self.stall) {
            return Some(Some(Reason::Client));
        }
        if is_past(upstream.load(Ordering::Relaxed), self.stall) {
            return Some(Some(Reason::Upstream));
        }
        let left = self.leaving.get().is_some_and(|(since, _)| is_past(*since, FAREWELL));
        (left || is_past(self.half_closed.load(Ordering::Relaxed), HALF_CLOSED)).then_some(None)
    }

    /// The reason for a Close that is due at `now`.
    fn farewell_at(&self, now: Tick) -> Option<Reason> {
        if self.shutdown.load(Ordering::Relaxed) {
            return Some(Reason::Drain);
        }
        if self.end.is_some_and(|end| now >= end) {
            return Some(Reason::Life);
        }
        let still = now.saturating_sub(self.moved.load(Ordering::Relaxed));
        self.idle.is_some_and(|idle| still >= idle).then_some(Reason::Idle)
    }
}

impl Watched for Limits {
    fn tick(&self, now: Tick) -> bool {
        let leaves = self.leaving.get().is_none()
            && self.farewell_at(now).is_some_and(|reason| self.leaving.set((now, reason)).is_ok());
        if (leaves || self.overdue_at(now).is_some())
            && let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            task.wake();
        }
        true
    }
}

fn millis(duration: Duration) -> Tick {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

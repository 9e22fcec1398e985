//! The state shared by the connections of one thread.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use gateway_core::gateway::Gateway;
use gateway_core::plan::Plan;
use tokio::sync::watch;

use super::access_log::AccessLogger;
use super::crew::Crew;
use super::room::Room;
use super::settings::Settings;
use crate::clock::{Tick, Ticker};
use crate::platform::{Native, SharedLogger, Stores};
use crate::upstream::TlsError;

/// The serving state for requests; a reload replaces it as a whole.
#[derive(Debug)]
pub(super) struct Serving {
    /// The plan on its platform.
    pub gateway: Gateway<Native>,
    /// The settings that can change while the server runs.
    pub settings: Arc<Settings>,
}

/// The state shared by the connections of one thread.
#[derive(Debug)]
pub(super) struct Worker {
    /// The serving state for new requests.
    pub serving: Arc<ArcSwap<Serving>>,
    /// The worker's time.
    pub ticker: Arc<Ticker>,
    /// Says when connections are refused, and for how long open exchanges may go on.
    pub stop: watch::Receiver<Option<Duration>>,
    /// Set once a shutdown has begun.
    pub shutdown: Arc<AtomicBool>,
    /// The room for clients.
    pub room: Arc<Room>,
    /// The workers of the process.
    pub crew: Arc<Crew>,
    /// The number of open client connections.
    pub connections: AtomicUsize,
    /// The access log.
    pub log: SharedLogger,
    /// The longest that a client may stall in a body.
    pub stall_timeout: Tick,
}

impl Worker {
    /// A worker that serves `plan`.
    ///
    /// # Errors
    /// When the authorities of an upstream can't be used.
    pub(super) fn new(
        plan: Arc<Plan>,
        settings: Arc<Settings>,
        stores: Arc<Stores>,
        crew: Arc<Crew>,
        log: AccessLogger,
        stall_timeout: Tick,
        stop: watch::Receiver<Option<Duration>>,
    ) -> Result<Self, TlsError> {
        let ticker = Arc::new(Ticker::default());
        let log = Arc::new(Mutex::new(log));
        let platform = Native::new(&plan, stores, Arc::clone(&log), &ticker, Arc::clone(&crew), None)?;
        let serving = Serving { gateway: Gateway::new(plan, platform), settings };
        let serving = Arc::new(ArcSwap::from_pointee(serving));
        crew.join(&serving);
        Ok(Self {
            serving,
            ticker,
            stop,
            shutdown: Arc::clone(&crew.shutdown),
            room: Arc::clone(&crew.room),
            crew,
            connections: AtomicUsize::new(0),
            log,
            stall_timeout,
        })
    }

    /// Builds the serving state for [`Self::replace`]; changes nothing yet.
    ///
    /// # Errors
    /// When the authorities of an upstream can't be used.
    pub(super) fn prepare(
        &self,
        plan: Arc<Plan>,
        settings: Arc<Settings>,
        stores: Arc<Stores>,
    ) -> Result<Serving, TlsError> {
        let previous = self.serving.load();
        let log = Arc::clone(&self.log);
        let crew = Arc::clone(&self.crew);
        let platform = Native::new(&plan, stores, log, &self.ticker, crew, Some(previous.gateway.platform()))?;
        Ok(Serving { gateway: previous.gateway.reload(plan, platform), settings })
    }

    /// Serves new requests with `serving`; those under way go on as they began.
    pub(super) fn replace(&self, serving: Serving) {
        self.serving.store(Arc::new(serving));
    }

    /// Hands the lines of the access log to the writer.
    pub(super) fn flush_log(&self) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }

    /// Hands the rest of the access log to the writer, and waits until it takes that, at most until `deadline`.
    pub(super) fn finish_log(&self, deadline: Instant) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).finish(deadline);
    }

    /// Returns whether no client connection is open.
    pub(super) fn is_idle(&self) -> bool {
        self.connections.load(Ordering::Acquire) == 0
    }
}

//! The native server.
//!
//! Each thread has its own listening socket, connections, upstream pools and coarse clock. On the way of a request,
//! threads share only the counters and the key-value store.

mod access_log;
pub mod activity;
mod admin;
mod checks;
mod connection;
mod crew;
mod error;
mod exchange;
mod following;
mod guard;
mod leftover;
mod listener;
mod open_files;
mod operation;
mod outlasting;
mod proxy_protocol;
mod refusals;
mod room;
mod run;
mod settings;
mod socket;
pub mod stall;
mod tls;
mod unix;
mod worker;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gateway_core::plan::Plan;
use gateway_core::ports::CertificateEnd;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use self::access_log::{Writer, standard_output};
use self::admin::AdminListener;
use self::listener::{Accepting, Changed, Door, Listener, explained};
use self::room::Room;
use self::worker::Worker;
use crate::health::Health;
use crate::platform::{Shared, Stores};
use crate::upstream::Names;

pub use self::error::StartError;
pub use self::refusals::{Refusal, Refusals, Teller};
pub use self::settings::Settings;

pub(crate) use self::access_log::AccessLogger;
pub(crate) use self::crew::Crew;
pub(crate) use self::outlasting::go_on;
pub(crate) use self::tls::verifier;

/// The distribution of work over threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeKind {
    /// Each thread serves its own connections.
    #[default]
    ThreadPerCore,
    /// Threads take work from each other.
    WorkStealing,
}

/// Options of the server, beyond its configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// The distribution of work over threads.
    pub runtime: RuntimeKind,
    /// The number of threads; by default one for each core that the process may use.
    pub threads: Option<NonZero<usize>>,
    /// The longest pause in a request's body, or in the client's reading of a response. Tests set less than the
    /// default.
    pub stall_timeout: Duration,
    /// The resolver of upstreams' names. Tests set one of their own.
    pub names: Names,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runtime: RuntimeKind::default(),
            threads: None,
            stall_timeout: Duration::from_millis(activity::STALL_TIMEOUT),
            names: Names::default(),
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    listeners: Mutex<Vec<Listener>>,
    /// Hands each worker the listeners that it accepts on.
    accepting: Vec<UnboundedSender<Accepting>>,
    settings: Arc<Settings>,
    stores: Arc<Stores>,
    workers: Vec<Arc<Worker>>,
    crew: Arc<Crew>,
    admin: Option<AdminListener>,
    stop: watch::Sender<Option<Duration>>,
    threads: Vec<JoinHandle<()>>,
    writer: Option<Writer>,
}

/// The result of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// The number of connections that were cut off because they went on for too long.
    pub cut_off: usize,
    /// The number of lines of the access log that were lost, since the start.
    pub lost_lines: u64,
}

impl Server {
    /// Serves `plan`.
    ///
    /// # Errors
    /// When the address, a certificate or a store can't be used.
    pub fn start(plan: Plan, settings: Settings, options: &Options) -> Result<Self, StartError> {
        let threads = options.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
        let workers = if options.runtime == RuntimeKind::WorkStealing { 1 } else { threads };
        let stores = Arc::new(Stores::open(&settings, options.names.clone()).map_err(StartError::Store)?);
        let mut listeners = Vec::with_capacity(settings.listeners.len());
        let mut sockets = Vec::with_capacity(settings.listeners.len());
        let crew = Arc::new(Crew::new(Room::new(settings.connections)));
        for listener in &settings.listeners {
            let bound = Listener::bind(&listener.address, Door::of(listener, &crew.refusals)?, workers);
            let (listener, accepting) = bound.map_err(|error| explained(error, &listeners, None, false))?;
            listeners.push(listener);
            sockets.push(accepting);
        }
        let stall_timeout = u64::try_from(options.stall_timeout.as_millis()).unwrap_or(u64::MAX);
        let (plan, settings) = (Arc::new(plan), Arc::new(settings));
        let (lines, writer) = Writer::start(standard_output(), &crew.log);
        let (stop, stopped) = watch::channel(None);
        let mut server = Self {
            listeners: Mutex::new(listeners),
            accepting: Vec::with_capacity(workers),
            settings: Arc::clone(&settings),
            stores: Arc::clone(&stores),
            workers: Vec::new(),
            crew: Arc::clone(&crew),
            admin: None,
            stop,
            threads: Vec::new(),
            writer: Some(writer),
        };
        for number in 0..workers {
            let worker = Worker::new(
                Arc::clone(&plan),
                Arc::clone(&settings),
                Arc::clone(&stores),
                Arc::clone(&crew),
                AccessLogger::new(lines.clone(), Arc::clone(&crew.log)),
                stall_timeout,
                stopped.clone(),
            );
            let worker = Arc::new(worker.map_err(StartError::Tls)?);
            server.workers.push(Arc::clone(&worker));
            let runtime = run::runtime(options.runtime, threads).map_err(StartError::Runtime)?;
            let (sender, receiver) = unbounded_channel();
            server.accepting.push(sender);
            let thread = std::thread::Builder::new()
                .name("edgeway".to_owned())
                .spawn(move || run::run(runtime, worker, receiver, number == 0))
                .map_err(StartError::Runtime)?;
            server.threads.push(thread);
        }
        crew.operations.taken_over(ends(&server.listeners()));
        sockets.into_iter().for_each(|accepting| server.accept(accepting));
        if let (Some(address), Some(worker)) = (&settings.admin, server.workers.first()) {
            let admin = AdminListener::start(address, Arc::clone(&worker.serving));
            server.admin = Some(admin.map_err(|error| explained(error, &server.listeners(), None, false))?);
        }
        Ok(server)
    }

    /// Hands each worker its part of a listener.
    fn accept(&self, accepting: Vec<Accepting>) {
        for (worker, accepting) in self.accepting.iter().zip(accepting) {
            let _ = worker.send(accepting);
        }
    }

    /// The address of its first listener that is no Unix socket; `0.0.0.0:0` if all are.
    pub fn address(&self) -> SocketAddr {
        self.listeners().iter().find_map(|listener| listener.address).unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the admin endpoints, if they have one of their own.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminListener::address)
    }

    /// Returns whether its first listener serves HTTPS.
    pub fn is_https(&self) -> bool {
        self.listeners().first().is_some_and(Listener::is_https)
    }

    /// The settings of its start that hold until a restart.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The health of what it writes to, and of the room for clients, by name.
    pub fn health(&self) -> impl Iterator<Item = (&'static str, &Health)> {
        let of_file = self.stores.cache.health();
        let stores = [
            ("reading stored responses", of_file.map(|[reads, _]| reads)),
            ("writing stored responses", of_file.map(|[_, writes]| writes)),
            ("the store of responses", self.stores.shared.as_ref().map(Shared::health)),
            ("the store of the counters", self.stores.counters.health()),
            ("the key-value store", self.stores.key_value.health()),
            ("the access log", Some(&self.crew.log.health)),
            ("the room for clients", Some(self.crew.room.connection_health())),
            ("the room for streams", Some(self.crew.room.stream_health())),
        ];
        stores.into_iter().filter_map(|(name, health)| Some((name, health?)))
    }

    /// The health of TLS to upstreams, by name.
    pub fn handshakes(&self) -> Vec<(String, Arc<Health>)> {
        self.stores.handshakes.all()
    }

    /// The lines about what was asked of it since the last call.
    pub fn notices(&self) -> Vec<String> {
        self.stores.notices.take()
    }

    /// The certificates of clients that were refused.
    pub fn refusals(&self) -> &Refusals {
        &self.crew.refusals
    }

    /// Serves new requests by `plan`; those under way go on as they began. An error changes nothing.
    ///
    /// Returns the settings that need a restart to take effect.
    ///
    /// # Errors
    /// When a certificate or an upstream's authorities can't be used.
    pub fn reload(&self, plan: Plan, settings: Settings) -> Result<Vec<&'static str>, StartError> {
        let restart = self.settings.needs_restart(&settings);
        let mut listeners = self.listeners();
        let changed = Changed::prepare(&listeners, self.admin_address(), &settings, &self.crew, self.workers.len())?;
        let (plan, settings) = (Arc::new(plan), Arc::new(settings));
        let mut prepared = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let serving = worker.prepare(Arc::clone(&plan), Arc::clone(&settings), Arc::clone(&self.stores));
            prepared.push(serving.map_err(StartError::Tls)?);
        }
        for (worker, serving) in self.workers.iter().zip(prepared) {
            worker.replace(serving);
        }
        for accepting in changed.apply(&mut listeners) {
            self.accept(accepting);
        }
        self.crew.operations.taken_over(ends(&listeners));
        Ok(restart)
    }

    /// Records that a new configuration was refused, for the metrics.
    pub fn refused(&self) {
        self.crew.operations.refused();
    }

    /// Reports by `/ready` that the server is about to stop, and serves on: what stands in front has the `server.grace` of the
    /// newest configuration to send requests elsewhere.
    pub fn leave(&self) {
        self.crew.leaving.store(true, Ordering::Relaxed);
    }

    /// Accepts no more connections, finishes open exchanges for at most the `server.drain` of the newest configuration, and
    /// ends. Blocks until then.
    pub fn shutdown(mut self) -> Drained {
        let drain = self.drain();
        let deadline = Instant::now() + drain.max(run::LOG_PATIENCE);
        self.leave();
        self.crew.shutdown.store(true, Ordering::Relaxed);
        let _ = self.stop.send(Some(drain));
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.listeners().clear();
        // Stopped last: while the workers drain, it reports that.
        if let Some(admin) = self.admin.take() {
            admin.stop();
        }
        let cut_off = self.workers.iter().map(|worker| worker.connections.load(Ordering::Acquire)).sum();
        // Each worker holds a sender of the log: the writer ends with the last.
        self.workers.clear();
        self.stores.cache.close();
        let lost_lines = self.writer.take().map_or(0, |writer| writer.finish(deadline));
        Drained { cut_off, lost_lines }
    }

    /// The address of its first listener, as a URL.
    pub fn url(&self) -> String {
        self.listeners().first().map(Listener::url).unwrap_or_default()
    }

    /// The addresses of all its listeners, as URLs.
    pub fn urls(&self) -> Vec<String> {
        self.listeners().iter().map(Listener::url).collect()
    }

    /// The time from the signal to stop until connections are refused, by the newest configuration.
    pub fn grace(&self) -> Duration {
        self.workers.first().map_or(Duration::ZERO, |worker| worker.serving.load().settings.grace)
    }

    /// The longest that open exchanges may go on once connections are refused, by the newest configuration.
    pub fn drain(&self) -> Duration {
        self.workers.first().map_or(Duration::ZERO, |worker| worker.serving.load().settings.drain)
    }
}

/// The ends of the certificates of `listeners`.
fn ends(listeners: &[Listener]) -> Vec<CertificateEnd> {
    listeners.iter().flat_map(Listener::certificate_ends).collect()
}

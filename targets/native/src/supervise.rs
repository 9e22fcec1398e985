//! The life of a server: reloads until a signal ends it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_core::plan::Plan;
use tokio::runtime::Runtime;
use tokio::time::MissedTickBehavior;

use crate::config_file::{ConfigError, ConfigFile, Loaded};
use crate::health::{Change, Health, Observer};
use crate::server::{Drained, Refusal, Server, Settings, StartError, Teller};
use crate::warning::Warning;
use crate::watch::Files;

/// The interval between looks at the files, and at the health of what the server writes to.
const POLL: Duration = Duration::from_millis(500);

/// An event in the life of a running server.
#[derive(Debug)]
pub enum Event<'a> {
    /// A new configuration is served.
    Reloaded {
        /// Its file.
        path: &'a Path,
        /// The number of its routes.
        routes: usize,
        /// Settings that changed and need a restart to take effect.
        restart: Vec<&'static str>,
        /// The warnings of it.
        warnings: Vec<Warning>,
    },
    /// A new configuration can't be used; the old one stays in service.
    Refused {
        /// Its file.
        path: &'a Path,
        /// The reason.
        reason: Refused,
    },
    /// A file of the configuration is gone; what was read from it is served on.
    Missed {
        /// The file.
        path: &'a Path,
    },
    /// Something that the server writes to begins or ceases to fail.
    Health {
        /// Its name.
        what: &'a str,
        /// The change.
        change: Change,
    },
    /// Certificates of clients were refused.
    CertificatesRefused(Refusal),
    /// Something was asked of the gateway at its admin endpoints, or a place of an upstream is left out or returns.
    Asked {
        /// What, in words.
        what: &'a str,
    },
    /// The server is about to stop, and serves on for now.
    Leaving {
        /// The time until connections are refused.
        grace: Duration,
    },
    /// Connections are refused.
    Draining {
        /// The longest that open exchanges may go on.
        drain: Duration,
    },
}

/// The reason why a new configuration can't be used.
#[derive(Debug)]
pub enum Refused {
    /// It can't be read or has mistakes.
    Config(ConfigError),
    /// A file, address or store that it names can't be used.
    Start(StartError),
}

/// The task that leads a server through its life.
#[derive(Debug)]
pub struct Supervisor {
    runtime: Runtime,
    signals: Signals,
}

impl Supervisor {
    /// Takes over the signals. From now on they are kept until [`Self::run`]; before, they would end the process.
    ///
    /// # Errors
    /// When the system provides no event queue or signal.
    pub fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _entered = runtime.enter();
            Signals::new()?
        };
        Ok(Self { runtime, signals })
    }

    /// Lets SIGHUP, which the end of a terminal sends, end the server instead of reloading it.
    #[must_use]
    pub fn ending_with_terminal(mut self) -> Self {
        self.signals.hang_up_ends = true;
        self
    }

    /// Runs `server` until a signal ends it: after SIGTERM or SIGINT it serves on for `server.grace`, then drains; a second
    /// one ends it at once. If there is a file, SIGHUP and a change of it, or of any of `files`, reload it. `report` is called
    /// with each event.
    pub fn run(
        self,
        server: Server,
        file: Option<ConfigFile>,
        files: Files,
        report: &dyn Fn(&Event<'_>),
    ) -> Option<Drained> {
        let Self { runtime, mut signals } = self;
        let drained = runtime.block_on(async {
            reload_until_stop(&server, file.map(Arc::new), files, report, &mut signals).await;
            server.leave();
            let grace = server.grace();
            if !grace.is_zero() {
                report(&Event::Leaving { grace });
                tokio::select! {
                    () = tokio::time::sleep(grace) => {}
                    () = signals.stop() => return None,
                }
            }
            report(&Event::Draining { drain: server.drain() });
            let draining = tokio::task::spawn_blocking(move || server.shutdown());
            tokio::select! {
                drained = draining => drained.ok(),
                () = signals.stop() => None,
            }
        });
        if drained.is_none() {
            // The draining thread can't be ended otherwise.
            std::process::exit(1);
        }
        // A file that can't be read may hold up a thread for ever.
        runtime.shutdown_background();
        drained
    }
}

async fn reload_until_stop(
    server: &Server,
    file: Option<Arc<ConfigFile>>,
    mut files: Files,
    report: &dyn Fn(&Event<'_>),
    signals: &mut Signals,
) {
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut observers = BTreeMap::new();
    let mut teller = Teller::default();
    let mut asked = false;
    loop {
        if !asked {
            asked = tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Stop => return,
                    Signal::Reload => true,
                },
                _ = poll.tick() => false,
            };
        }
        observe(server, &mut observers, report);
        if let Some(refusal) = teller.look(server.refusals(), Instant::now()) {
            report(&Event::CertificatesRefused(refusal));
        }
        server.notices().iter().for_each(|what| report(&Event::Asked { what }));
        let Some(file) = &file else {
            asked = false;
            continue;
        };
        // On another thread: a file system may keep a reader waiting, and signals count meanwhile.
        let looking = look(Arc::clone(file), files.clone(), std::mem::take(&mut asked));
        tokio::pin!(looking);
        let looked = loop {
            tokio::select! {
                looked = &mut looking => break looked,
                signal = signals.next() => match signal {
                    Signal::Stop => return,
                    Signal::Reload => asked = true,
                },
            }
        };
        let Some((now, loaded)) = looked else { continue };
        files = now;
        if loaded.is_none() {
            files.missed().iter().for_each(|path| report(&Event::Missed { path }));
        }
        let Some(plan) = loaded else { continue };
        let path = file.path();
        let taken_over = plan.map_err(Refused::Config).and_then(|plan| reload(server, plan, path));
        if taken_over.is_err() {
            server.refused();
        }
        report(&taken_over.unwrap_or_else(|reason| Event::Refused { path, reason }));
    }
}

/// Reports changes of the health of what `server` writes to.
fn observe(server: &Server, observers: &mut BTreeMap<String, Observer>, report: &dyn Fn(&Event<'_>)) {
    let mut look = |what: &str, health: &Health| {
        let observer = match observers.get_mut(what) {
            Some(observer) => observer,
            None => observers.entry(what.to_owned()).or_default(),
        };
        if let Some(change) = observer.look(health) {
            report(&Event::Health { what, change });
        }
    };
    server.health().for_each(|(what, health)| look(what, health));
    server.handshakes().iter().for_each(|(what, health)| look(what, health));
}

/// Looks at `files`, and loads `file` if one has changed, or if it was `asked` for. Returns the files to look at next.
async fn look(
    file: Arc<ConfigFile>,
    mut files: Files,
    asked: bool,
) -> Option<(Files, Option<Result<Plan, ConfigError>>)> {
    let looking = tokio::task::spawn_blocking(move || {
        if files.changed().is_none() && !asked {
            return (files, None);
        }
        let Loaded { plan, files: mut read } = file.load();
        if plan.is_err() {
            // What is served on was read from the others.
            read.extend(files);
        }
        (read, Some(plan))
    });
    looking.await.ok()
}

/// Takes over `plan` of the file at `path`.
fn reload<'p>(server: &Server, plan: Plan, path: &'p Path) -> Result<Event<'p>, Refused> {
    let (settings, routes, warnings) = (Settings::of(&plan), plan.configured_routes(), Warning::all(&plan));
    let restart = server.reload(plan, settings).map_err(Refused::Start)?;
    Ok(Event::Reloaded { path, routes, restart, warnings })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Stop,
    Reload,
}

#[cfg(unix)]
#[derive(Debug)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    hang_up_ends: bool,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            hang_up_ends: false,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => if self.hang_up_ends { Signal::Stop } else { Signal::Reload },
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Signals {
    hang_up_ends: bool,
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { hang_up_ends: false })
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Stop
    }

    async fn stop(&mut self) {
        self.next().await;
    }
}

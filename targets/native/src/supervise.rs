//! The life of a server: reloads until a signal ends it.

use std::path::Path;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::config_file::{ConfigError, ConfigFile, Fingerprint};
use crate::server::{Drained, Server, Settings, StartError};

/// The interval between looks at the file. A change is loaded once it has been seen twice, so that a half-written file
/// is not read.
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
    },
    /// A new configuration can't be used; the old one stays in service.
    Refused {
        /// Its file.
        path: &'a Path,
        /// The reason.
        reason: Refused,
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

/// Runs `server` until a signal ends it: after SIGTERM or SIGINT it serves on for `server.grace`, then drains; a second one
/// ends it at once. If there is a file,
/// SIGHUP and a change of it reload it. `report` is called with each event.
///
/// # Errors
/// When the system provides no event queue or signal.
pub fn supervise(
    server: Server,
    file: Option<&ConfigFile>,
    text: String,
    report: &dyn Fn(&Event<'_>),
) -> std::io::Result<Option<Drained>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async {
            let mut signals = Signals::new()?;
            reload_until_stop(&server, file, text, report, &mut signals).await;
            server.leave();
            let grace = server.grace();
            if !grace.is_zero() {
                report(&Event::Leaving { grace });
                tokio::select! {
                    () = tokio::time::sleep(grace) => {}
                    () = signals.stop() => return Ok(None),
                }
            }
            report(&Event::Draining { drain: server.drain() });
            let draining = tokio::task::spawn_blocking(move || server.shutdown());
            Ok(tokio::select! {
                drained = draining => drained.ok(),
                () = signals.stop() => None,
            })
        })
        .inspect(|drained| {
            if drained.is_none() {
                // The draining thread can't be ended otherwise.
                std::process::exit(1);
            }
        })
}

async fn reload_until_stop(
    server: &Server,
    file: Option<&ConfigFile>,
    text: String,
    report: &dyn Fn(&Event<'_>),
    signals: &mut Signals,
) {
    let Some(file) = file else {
        signals.stop().await;
        return;
    };
    let mut watch = Watch { served: text, settled: file.fingerprint(), seen: file.fingerprint() };
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let text = tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => return,
                Signal::Reload => file.read(),
            },
            _ = poll.tick() => match watch.changed(file) {
                Some(text) => text,
                None => continue,
            },
        };
        let path = file.path();
        match text.map_err(Refused::Config).and_then(|text| {
            watch.served.clone_from(&text);
            reload(server, file, &text)
        }) {
            Ok((routes, restart)) => report(&Event::Reloaded { path, routes, restart }),
            Err(reason) => report(&Event::Refused { path, reason }),
        }
    }
}

fn reload(server: &Server, file: &ConfigFile, text: &str) -> Result<(usize, Vec<&'static str>), Refused> {
    let plan = file.compile(text).map_err(Refused::Config)?;
    let settings = Settings::of(&plan);
    let routes = plan.routes.len();
    let restart = server.reload(plan, settings).map_err(Refused::Start)?;
    Ok((routes, restart))
}

/// The known states of the file.
struct Watch {
    /// The text that was last tried.
    served: String,
    /// The state that was last read.
    settled: Option<Fingerprint>,
    /// The state at the last look.
    seen: Option<Fingerprint>,
}

impl Watch {
    /// Returns the text if it has changed. A file that is briefly gone, as when it is replaced, has not changed.
    fn changed(&mut self, file: &ConfigFile) -> Option<Result<String, ConfigError>> {
        let now = file.fingerprint();
        let stable = now == self.seen;
        self.seen = now;
        if now.is_none() || !stable || now == self.settled {
            return None;
        }
        self.settled = now;
        match file.read() {
            Ok(text) if text == self.served => None,
            other => Some(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Stop,
    Reload,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
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

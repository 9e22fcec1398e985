//! `edgeway serve`

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use gateway_core::plan::{ListenAddress, Plan};

use super::report;
use super::routes::{self, Row};
use super::source::ConfigArg;
use super::tries::Tries;
use crate::config_file::{ConfigError, ConfigFile, Loaded};
use crate::platform::secrets::NativeSecrets;
use crate::server::{Options, RuntimeKind, Server, Settings};
use crate::supervise::Supervisor;
use crate::warning::Warning;

/// Serve a configuration
#[derive(Debug, Args)]
#[command(after_help = "\
A change of the file is loaded by itself, and at SIGHUP. SIGTERM ends it, once open exchanges are over.

Example:
  edgeway serve gateway.json --listen 127.0.0.1:8080")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    server: ServerArgs,
}

/// How a server runs, beyond its configuration.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    pub(super) secrets: Option<PathBuf>,
    /// An address to listen on, instead of those in the configuration; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub(super) listen: Vec<ListenAddress>,
    /// How many threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZero<usize>>,
    #[arg(long, hide = true, value_enum, default_value_t = Runtime::ThreadPerCore)]
    runtime: Runtime,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Runtime {
    ThreadPerCore,
    WorkStealing,
}

fn threads(written: &str) -> Result<NonZero<usize>, &'static str> {
    written.parse().map_err(|_| "write a whole number from 1 up")
}

fn listen_address(written: &str) -> Result<ListenAddress, String> {
    ListenAddress::parse(written).ok_or_else(|| ListenAddress::help(written))
}

impl ServerArgs {
    pub(super) fn options(&self) -> Options {
        let runtime = match self.runtime {
            Runtime::ThreadPerCore => RuntimeKind::ThreadPerCore,
            Runtime::WorkStealing => RuntimeKind::WorkStealing,
        };
        Options { runtime, threads: self.threads, ..Options::default() }
    }
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let options = self.server.options();
        let file = ConfigFile::new(self.config.path().to_owned(), NativeSecrets::new(self.server.secrets))
            .listening(self.server.listen);
        let Loaded { plan, files } = file.load();
        match start(&file, plan, &options) {
            Ok(Started { server, supervisor, routes, .. }) => {
                report::started(&server, file.path(), routes);
                report::drained(supervisor.run(server, Some(file), files, &report::event))
            }
            Err(code) => code,
        }
    }
}

/// A server that has started.
pub(super) struct Started {
    pub(super) server: Server,
    pub(super) supervisor: Supervisor,
    /// The number of its routes.
    pub(super) routes: usize,
    /// Their table, in which one has a line for each host.
    pub(super) rows: Vec<Row>,
    /// Requests to try it with.
    pub(super) tries: Tries,
}

/// Starts to serve `plan` of `file`; prints any mistake.
pub(super) fn start(
    file: &ConfigFile,
    plan: Result<Plan, ConfigError>,
    options: &Options,
) -> Result<Started, ExitCode> {
    let plan = plan.map_err(|error| report::config_error(file.path(), &error))?;
    report::warnings(file.path(), &Warning::all(&plan));
    let (rows, tries) = (routes::rows(&plan), Tries::of(&plan));
    let (settings, routes) = (Settings::of(&plan), plan.configured_routes());
    // Before the port opens: whoever waits for that may send signals at once.
    let supervisor = Supervisor::new().map_err(|error| report::failure(&error))?;
    let server = Server::start(plan, settings, options).map_err(|error| report::failure(&error))?;
    Ok(Started { server, supervisor, routes, rows, tries })
}

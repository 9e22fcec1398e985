//! `edgeway serve`

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use gateway_core::plan::{ListenAddress, Plan};

use super::findings::{SHORT_TOKEN, SHORT_TOKEN_HELP, has_short_token};
use super::output::sayln;
use super::report;
use super::routes::{self, Row};
use super::source::ConfigArg;
use super::tries::Tries;
use crate::config_file::{ConfigError, ConfigFile, Loaded};
use crate::platform::secrets::NativeSecrets;
use crate::server::{Options, RuntimeKind, Server, Settings};
use crate::supervise::Supervisor;

/// Serve a configuration.
#[derive(Debug, Args)]
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
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    #[arg(long, hide = true, value_enum, default_value_t = Runtime::ThreadPerCore)]
    runtime: Runtime,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Runtime {
    ThreadPerCore,
    WorkStealing,
}

fn listen_address(written: &str) -> Result<ListenAddress, &'static str> {
    ListenAddress::parse(written)
        .ok_or("write `127.0.0.1:8080`, `0.0.0.0:8080` for every network, or `unix:/run/edgeway.sock`")
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
            Ok(Started { server, supervisor, rows, .. }) => {
                report::started(&server, file.path(), rows.len());
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
    /// Its routes.
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
    if has_short_token(&plan) {
        let name = file.path().display();
        sayln!("{name}: admin.token: warning: {SHORT_TOKEN}; {SHORT_TOKEN_HELP}");
    }
    let (settings, rows, tries) = (Settings::of(&plan), routes::rows(&plan), Tries::of(&plan));
    // Before the port opens: whoever waits for that may send signals at once.
    let supervisor = Supervisor::new().map_err(|error| report::failure(&error))?;
    let server = Server::start(plan, settings, options).map_err(|error| report::failure(&error))?;
    Ok(Started { server, supervisor, rows, tries })
}

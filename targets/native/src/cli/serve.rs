//! `edgeway serve`

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::report;
use super::routes::{self, Row};
use crate::config_file::{ConfigError, ConfigFile};
use crate::platform::secrets::NativeSecrets;
use crate::server::{Options, RuntimeKind, Server, Settings};
use crate::supervise::supervise;

/// Serve a configuration.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration
    #[arg(default_value = "gateway.json")]
    config: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

/// How a server runs, beyond its configuration.
#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    pub(super) secrets: Option<PathBuf>,
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
        let file = ConfigFile::new(self.config, NativeSecrets::new(self.server.secrets));
        match start(&file, file.read(), &options) {
            Ok((server, text, rows)) => {
                report::started(&server, file.path(), rows.len());
                supervised(server, Some(&file), text)
            }
            Err(code) => code,
        }
    }
}

/// Starts to serve `text`, and returns the server, the text and the routes; prints any mistake.
pub(super) fn start(
    file: &ConfigFile,
    text: Result<String, ConfigError>,
    options: &Options,
) -> Result<(Server, String, Vec<Row>), ExitCode> {
    let loaded = text.and_then(|text| match file.compile(&text) {
        Ok(plan) => Ok((plan, text)),
        Err(error) => Err(error),
    });
    let (plan, text) = loaded.map_err(|error| report::config_error(file.path(), &error))?;
    let (settings, rows) = (Settings::of(&plan), routes::rows(&plan));
    let server = Server::start(plan, settings, options).map_err(|error| report::failure(&error))?;
    Ok((server, text, rows))
}

/// Serves until a signal ends it.
pub(super) fn supervised(server: Server, file: Option<&ConfigFile>, text: String) -> ExitCode {
    match supervise(server, file, text, &report::event) {
        Ok(drained) => report::drained(drained),
        Err(error) => report::failure(&error),
    }
}

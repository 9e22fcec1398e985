//! `edgeway serve`

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::report;
use crate::config_file::ConfigFile;
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
        Options { runtime, threads: self.threads }
    }
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let options = self.server.options();
        let file = ConfigFile::new(self.config, NativeSecrets::new(self.server.secrets));
        let loaded = file.read().and_then(|text| Ok((file.compile(&text)?, text)));
        let (plan, text) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return report::config_error(file.path(), &error),
        };
        let (settings, routes) = (Settings::of(&plan), plan.routes.len());
        let server = match Server::start(plan, settings, &options) {
            Ok(server) => server,
            Err(error) => return report::failure(&error),
        };
        report::started(&server, file.path(), routes);
        match supervise(server, Some(&file), text, &report::event) {
            Ok(drained) => report::drained(drained),
            Err(error) => report::failure(&error),
        }
    }
}

//! `edgeway serve`

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::platform::CAPABILITIES;
use crate::platform::secrets::NativeSecrets;
use crate::server::{Options, RuntimeKind, Server, Settings};

/// Serve a configuration.
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration.
    #[arg(default_value = "gateway.json")]
    config: PathBuf,
    /// The folder of files with secrets; one in an environment variable of its name goes first.
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// How many threads; by default one for each core.
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

impl Serve {
    pub fn run(self) -> ExitCode {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let plan = gateway_core::plan::load(&text, &CAPABILITIES, &NativeSecrets::new(self.secrets.clone())).unwrap();
        let settings = Settings::of(&serde_json::from_str(&text).unwrap());
        let runtime = match self.runtime {
            Runtime::ThreadPerCore => RuntimeKind::ThreadPerCore,
            Runtime::WorkStealing => RuntimeKind::WorkStealing,
        };
        let server = Server::start(plan, settings, &Options { runtime, threads: self.threads }).unwrap();
        eprintln!("listening on {}", server.address());
        loop {
            std::thread::park();
        }
    }
}

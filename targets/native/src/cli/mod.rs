//! The command line.

mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An API gateway.
#[derive(Debug, Parser)]
#[command(name = "edgeway", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a configuration.
    Serve(serve::Serve),
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(command) => command.run(),
    }
}

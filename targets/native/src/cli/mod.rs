//! The command line.

mod check;
mod demo;
mod explain;
mod files;
mod inspect;
mod output;
mod report;
mod routes;
mod serve;
mod style;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An API gateway: one configuration for Cloudflare Workers, Spin and this program
#[derive(Debug, Parser)]
#[command(name = "edgeway", version, disable_help_subcommand = true, after_help = "Example:\n  edgeway demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a configuration
    Serve(serve::Serve),
    /// Serve gateway.json, or else the bundled one, in front of a demo upstream
    Demo(demo::Demo),
    Check(inspect::Check),
    Routes(inspect::Routes),
    Explain(inspect::Explain),
    Schema(inspect::Schema),
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return usage(&error),
    };
    match command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Routes(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Schema(command) => command.run(),
    }
}

/// Prints the help that was asked for, or the reason why the arguments make no command.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        output::say(format_args!("{text}"));
        return ExitCode::from(2);
    }
    output::print(&text, ExitCode::SUCCESS)
}

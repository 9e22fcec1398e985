//! The command line.

mod ask;
mod certificates;
mod check;
mod demo;
mod explain;
mod files;
mod findings;
mod format;
mod given;
mod import;
mod init;
mod inspect;
mod key;
mod limits;
mod listing;
mod man;
mod manifest;
mod output;
mod password;
mod purge;
mod quota;
mod ready;
mod registry;
mod report;
mod rollouts;
mod rounds;
mod routes;
mod serve;
mod source;
mod style;
mod target;
mod tip;
mod token;
mod transform;
mod tries;
mod upstreams;
mod versions;
mod wrap;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An API gateway: one configuration for Cloudflare Workers, Spin and this program
#[derive(Debug, Parser)]
#[command(name = "edgeway", version, after_help = "Example:\n  edgeway demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a configuration
    Serve(serve::Serve),
    /// Serve a configuration, or else the bundled one, in front of a demo upstream
    Demo(demo::Demo),
    Init(init::Init),
    Check(check::Check),
    Routes(inspect::Routes),
    Explain(inspect::Explain),
    Transform(transform::Transform),
    Compose(inspect::Compose),
    /// Make configurations of other descriptions
    #[command(
        subcommand,
        after_help = "Example:\n  edgeway import openapi petstore.yaml --name pets --into gateway.json"
    )]
    Import(import::Import),
    /// Make and revoke API keys
    #[command(subcommand, after_help = "Example:\n  edgeway key new --consumer acme")]
    Key(key::Key),
    /// Make hashes of passwords
    #[command(subcommand, after_help = "Example:\n  edgeway password hash --user ann")]
    Password(password::Password),
    /// Revoke tokens
    #[command(
        subcommand,
        after_help = "Example:\n  edgeway token revoke --admin http://localhost:9901 --issuer corp --jti 5f7c"
    )]
    Token(token::Token),
    Ready(ready::Ready),
    Purge(purge::Purge),
    Versions(versions::Versions),
    Upstreams(upstreams::Upstreams),
    Rollouts(rollouts::Rollouts),
    #[command(
        subcommand,
        after_help = "Examples:\n  edgeway registry list --admin http://localhost:9901\n  edgeway registry add orders a --url http://10.0.0.1:8080 --keep --admin http://localhost:9901"
    )]
    Registry(registry::Registry),
    Schema(inspect::Schema),
    Completions(inspect::Completions),
    Man(man::Man),
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return usage(error),
    };
    match command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Routes(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Transform(command) => command.run(),
        Command::Compose(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Password(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Ready(command) => command.run(),
        Command::Purge(command) => command.run(),
        Command::Versions(command) => command.run(),
        Command::Upstreams(command) => command.run(),
        Command::Rollouts(command) => command.run(),
        Command::Registry(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

/// Prints the help that was asked for, or the reason why the arguments make no command.
fn usage(error: clap::Error) -> ExitCode {
    let error = tip::added_to(error);
    let text = error.render().to_string();
    if error.use_stderr() {
        output::say(format_args!("{text}"));
        return ExitCode::from(2);
    }
    output::print(&text, ExitCode::SUCCESS)
}

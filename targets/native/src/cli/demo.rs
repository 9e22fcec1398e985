//! `edgeway demo`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gateway_core::config::Composed;

use super::output::{say, sayln};
use super::routes;
use super::serve::{ServerArgs, Started};
use super::source::ConfigArg;
use super::style::Style;
use super::{report, serve};
use crate::config_file::{ConfigFile, Loaded};
use crate::demo;
use crate::platform::secrets::NativeSecrets;
use crate::watch::Files;

/// The sample of a configuration, so that the demo runs wherever the program does. It is not the project's `gateway.json`: a
/// change of that would build this program again.
const BUNDLED: &str = include_str!("../demo/sample.json");

/// The name of the configuration in messages, where there is no file.
const BUNDLED_NAME: &str = "the bundled gateway.json";

/// Serve a configuration, or else the bundled one, in front of a demo upstream
#[derive(Debug, Args)]
#[command(after_help = "\
It ends with its terminal, or with Ctrl-C.

Example:\n  edgeway demo gateway.json")]
pub(super) struct Demo {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    server: ServerArgs,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        let upstream = match demo::start(demo::PORT) {
            Ok(address) => address,
            Err(error) => return report::failure(&error),
        };
        let moved = (upstream.port() != demo::PORT).then_some(upstream.port());
        let options = self.server.options();
        let has_file = self.config.given().is_some() || self.config.path().exists();
        let name = if has_file { self.config.path() } else { Path::new(BUNDLED_NAME) };
        let mut file =
            ConfigFile::new(PathBuf::from(name), NativeSecrets::new(self.server.secrets)).listening(self.server.listen);
        if let Some(port) = moved {
            file = file.replacing(format!("127.0.0.1:{}", demo::PORT), format!("127.0.0.1:{port}"));
        }
        let Loaded { plan, files } = if has_file {
            file.load()
        } else {
            Loaded { plan: file.compile(Composed::alone(file.replace(BUNDLED.to_owned()))), files: Files::default() }
        };
        let started = match serve::start(&file, plan, &options) {
            Ok(started) => started,
            Err(code) => return code,
        };
        print_banner(&started, &upstream.to_string(), moved.is_some(), &file);
        let end = if has_file { "Ctrl-C ends it; a change of the file is loaded by itself" } else { "Ctrl-C ends it" };
        sayln!("  {}", Style::stderr().dim(end));
        sayln!();
        let Started { server, supervisor, .. } = started;
        report::drained(supervisor.ending_with_terminal().run(server, has_file.then_some(file), files, &report::event))
    }
}

fn print_banner(started: &serve::Started, upstream: &str, moved: bool, file: &ConfigFile) {
    let style = Style::stderr();
    let url = started.server.url();
    let note = if moved { style.dim(format!("  (port {} is taken)", demo::PORT)) } else { String::new() };
    sayln!();
    sayln!("  {}   {}", style.bold("gateway "), style.cyan(&url));
    sayln!("  {}   http://{upstream}{note}", style.bold("upstream"));
    sayln!("  {}   {}", style.bold("config  "), file.path().display());
    sayln!();
    say(format_args!("{}", routes::render(&started.rows, style)));
    sayln!();
    if !started.tries.is_empty() {
        sayln!("  {}", style.bold("try"));
        for line in started.tries.lines(&url) {
            sayln!("    {line}");
        }
        sayln!();
    }
}

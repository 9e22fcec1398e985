//! `edgeway demo`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::output::{say, sayln};
use super::routes;
use super::serve::{ServerArgs, Started};
use super::style::Style;
use super::{report, serve};
use crate::config_file::{ConfigFile, Loaded};
use crate::demo;
use crate::platform::secrets::NativeSecrets;
use crate::server::Server;
use crate::watch::Files;

/// The configuration of the project, so that the demo runs wherever the program does.
const BUNDLED: &str = include_str!("../../../../gateway.json");

/// The name of the configuration in messages, where there is no file.
const BUNDLED_NAME: &str = "the bundled gateway.json";

/// The first place to look for the configuration.
const FILE: &str = "gateway.json";

/// Serve `gateway.json`, or else the bundled one, in front of a demo upstream.
#[derive(Debug, Args)]
pub(super) struct Demo {
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
        let has_file = Path::new(FILE).is_file();
        let name = PathBuf::from(if has_file { FILE } else { BUNDLED_NAME });
        let mut file = ConfigFile::new(name, NativeSecrets::new(self.server.secrets));
        if let Some(port) = moved {
            file = file.replacing(format!("127.0.0.1:{}", demo::PORT), format!("127.0.0.1:{port}"));
        }
        let Loaded { plan, files } = if has_file {
            file.load()
        } else {
            Loaded { plan: file.compile(&file.replace(BUNDLED.to_owned())), files: Files::default() }
        };
        let Started { server, supervisor, rows } = match serve::start(&file, plan, &options) {
            Ok(started) => started,
            Err(code) => return code,
        };
        print_banner(&server, &upstream.to_string(), moved.is_some(), &file, &rows);
        report::drained(supervisor.run(server, has_file.then_some(file), files, &report::event))
    }
}

fn print_banner(server: &Server, upstream: &str, moved: bool, file: &ConfigFile, table: &[routes::Row]) {
    let style = Style::stderr();
    let url = server.url();
    let note = if moved { style.dim(format!("  (port {} is taken)", demo::PORT)) } else { String::new() };
    let tries = [
        format!("curl -i {url}/users/1"),
        format!("curl '{url}/echo/hello?x=1' -d 'some text'"),
        format!("for i in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{{http_code}}\\n' {url}/limited; done"),
    ];
    sayln!();
    sayln!("  {}   {}", style.bold("gateway "), style.cyan(&url));
    sayln!("  {}   http://{upstream}{note}", style.bold("upstream"));
    sayln!("  {}   {}", style.bold("config  "), file.path().display());
    sayln!();
    say(format_args!("{}", routes::render(table, style)));
    sayln!();
    sayln!("  {}", style.bold("try"));
    for line in tries {
        sayln!("    {line}");
    }
    sayln!();
}

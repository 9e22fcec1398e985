//! The commands that read a configuration and serve nothing: `check`, `routes`, `explain`, `schema`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use gateway_core::plan::Plan;
use gateway_core::ports::Capabilities;

use super::check;
use super::explain::{self, Question};
use super::output::{print, print_json};
use super::report;
use super::routes;
use super::style::Style;
use crate::platform::secrets::NativeSecrets;

/// Which configuration, and for what.
#[derive(Debug, Args)]
struct Source {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "gateway.json")]
    config: PathBuf,
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

impl Source {
    /// The plan, or the exit code after every mistake was printed.
    fn plan(&self) -> Result<Plan, ExitCode> {
        let text = std::fs::read_to_string(&self.config).map_err(|error| unreadable(&self.config, &error))?;
        let checked = check::check(&text, &[&Capabilities::NATIVE], &NativeSecrets::new(self.secrets.clone()));
        match checked.plan {
            Some(plan) => Ok(plan),
            None => {
                check::print_mistakes(&self.config, &text, 1, &checked);
                Err(ExitCode::FAILURE)
            }
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ExitCode {
    report::failure(&format_args!("can't read {}: {error}", path.display()))
}

/// Check a configuration: every mistake, with its place and the fix, and warnings of what has no effect
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 0 if the configuration is right, whatever the warnings, with 1 if it is not, with 2 if the command is wrong.

Example:
  edgeway check gateway.json --target cloudflare,spin")]
pub(super) struct Check {
    /// The configuration
    #[arg(default_value = "gateway.json")]
    config: PathBuf,
    /// The platforms that are to run it [default: native, and those with a wrangler.toml or spin.toml beside the file]
    #[arg(long, value_enum, value_delimiter = ',')]
    target: Vec<Target>,
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    Native,
    Cloudflare,
    Spin,
}

impl Target {
    /// The platforms that the project of the configuration at `path` is for, as far as its folder shows.
    fn beside(path: &Path) -> Vec<Self> {
        const MANIFESTS: [(&str, Target); 4] = [
            ("wrangler.toml", Target::Cloudflare),
            ("wrangler.json", Target::Cloudflare),
            ("wrangler.jsonc", Target::Cloudflare),
            ("spin.toml", Target::Spin),
        ];
        let mut targets = vec![Self::Native];
        for (manifest, target) in MANIFESTS {
            if path.with_file_name(manifest).is_file() && !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    const fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Native => &Capabilities::NATIVE,
            Self::Cloudflare => &Capabilities::CLOUDFLARE,
            Self::Spin => &Capabilities::SPIN,
        }
    }
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let text = match std::fs::read_to_string(&self.config) {
            Ok(text) => text,
            Err(error) => return unreadable(&self.config, &error),
        };
        let targets = if self.target.is_empty() { Target::beside(&self.config) } else { self.target };
        let targets: Vec<_> = targets.iter().map(|target| target.capabilities()).collect();
        check::report(&self.config, &text, &targets, &NativeSecrets::new(self.secrets), self.json)
    }
}

/// List the routes in the order in which they are tried
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway routes --config gateway.json --json")]
pub(super) struct Routes {
    #[command(flatten)]
    source: Source,
}

impl Routes {
    pub(super) fn run(self) -> ExitCode {
        let plan = match self.source.plan() {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        let rows = routes::rows(&plan);
        if self.source.json {
            return print_json(&rows, ExitCode::SUCCESS);
        }
        print(&routes::render(&rows, Style::stdout()), ExitCode::SUCCESS)
    }
}

/// Say what the gateway would do with a request, and why, without calling an upstream
#[derive(Debug, Args)]
#[command(after_help = "\
The request runs through the code that serves it; counters stay untouched and upstreams hear nothing.

Example:
  edgeway explain GET 'http://localhost:8080/users/1?expand=orders' -H 'Accept: application/json'")]
pub(super) struct Explain {
    /// The method
    method: String,
    /// The URL, or just its path
    url: String,
    /// A header field; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The client's address [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,
    #[command(flatten)]
    source: Source,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        let question = match Question::parse(&self.method, &self.url, &self.header, self.client.as_deref()) {
            Ok(question) => question,
            Err(message) => return report::failure(&message),
        };
        let plan = match self.source.plan() {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => return report::failure(&error),
        };
        let report = runtime.block_on(explain::explain(Arc::new(plan), &question));
        if self.source.json {
            return print_json(&report, ExitCode::SUCCESS);
        }
        print(&explain::render(&report, Style::stdout()), ExitCode::SUCCESS)
    }
}

/// Print the JSON Schema of the configuration, for editors
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway schema > gateway.schema.json")]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        print_json(&gateway_core::config::json_schema(), ExitCode::SUCCESS)
    }
}

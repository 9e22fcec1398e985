//! The arguments that name a configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gateway_core::config::Variable;
use gateway_core::plan::Plan;

use super::findings::Findings;
use super::format::Format;
use super::given::{Given, Variables};
use super::target::Target;
use crate::platform::secrets::NativeSecrets;

/// The name of the configuration where none is given.
const DEFAULT: &str = "gateway.json";
/// The same where there is no such file: editors know by it that there may be comments.
const DEFAULT_JSONC: &str = "gateway.jsonc";

/// The configuration that a command is about.
#[derive(Debug, Args)]
pub(super) struct ConfigArg {
    /// The configuration [default: gateway.json, or else gateway.jsonc]
    file: Option<PathBuf>,
    /// The same, for those who are used to it.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "file")]
    config: Option<PathBuf>,
}

impl ConfigArg {
    /// The path that was given, if any.
    pub(super) fn given(&self) -> Option<&Path> {
        self.file.as_deref().or(self.config.as_deref())
    }

    pub(super) fn path(&self) -> &Path {
        self.given().unwrap_or_else(|| {
            let (json, jsonc) = (Path::new(DEFAULT), Path::new(DEFAULT_JSONC));
            if !json.exists() && jsonc.exists() { jsonc } else { json }
        })
    }
}

/// The configuration that a command reads, and the form of its answer.
#[derive(Debug, Args)]
pub(super) struct Source {
    #[command(flatten)]
    config: ConfigArg,
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    variables: Variables,
    /// Print JSON for programs
    #[arg(long)]
    pub(super) json: bool,
}

impl Source {
    /// Returns the plan, or the exit code after every mistake was printed.
    pub(super) fn plan(&self) -> Result<Arc<Plan>, ExitCode> {
        self.plan_for(Target::Native)
    }

    /// The same for `target`.
    pub(super) fn plan_for(&self, target: Target) -> Result<Arc<Plan>, ExitCode> {
        self.load(target).map_err(|findings| findings.print(self.format()))
    }

    /// Returns the plan for `target`, or every mistake.
    pub(super) fn load(&self, target: Target) -> Result<Arc<Plan>, Box<Findings>> {
        let mut findings = Findings::of(self.config.path(), vec![target], &self.secrets(), Variable::Unset);
        findings.plan.take().ok_or_else(|| Box::new(findings))
    }

    /// The secrets and variables that are known here.
    pub(super) fn secrets(&self) -> Given {
        self.variables.before(NativeSecrets::new(self.secrets.clone()))
    }

    /// Prints a failure that is none of the configuration.
    pub(super) fn failure(&self, message: String) -> ExitCode {
        Findings::failure(self.config.path(), message).print(self.format())
    }

    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}

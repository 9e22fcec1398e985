//! `edgeway check`: every mistake of a configuration, for each of its targets.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gateway_core::config::Variable;

use super::findings::Findings;
use super::format::Format;
use super::given::Variables;
use super::source::ConfigArg;
use super::target::Target;
use crate::platform::secrets::NativeSecrets;

/// Check a configuration: every mistake, with its place and the fix, and warnings of what has no effect
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 0 if the configuration is right, whatever the warnings unless --strict is given,
with 1 if it is not, with 2 if the command is wrong.

Example:
  edgeway check gateway.json --target cloudflare,spin")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArg,
    /// The platforms that are to run it [default: native, and those with a wrangler.jsonc, wrangler.toml or spin.toml beside the file]
    #[arg(long, value_enum, value_delimiter = ',')]
    target: Vec<Target>,
    /// Leave out the certificates, keys and authorities that the configuration names: they may be elsewhere
    #[arg(long)]
    no_files: bool,
    /// Fail for warnings, too, and for variables that are not set here
    #[arg(long)]
    strict: bool,
    /// The folder of files with secrets, beside environment variables [default: /run/secrets]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    variables: Variables,
    /// The form of the output
    #[arg(long, value_enum, default_value_t, hide_default_value = true)]
    format: Format,
    /// Print JSON for programs, as `--format json` does
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let file = self.config.path();
        let targets = if self.target.is_empty() { Target::beside(file) } else { self.target };
        let secrets = self.variables.before(NativeSecrets::new(self.secrets));
        let mut findings = Findings::of(file, targets, &secrets, Variable::Unknown);
        findings.add_advice();
        if !self.no_files {
            findings.add_files();
        }
        let format = if self.json { Format::Json } else { self.format };
        if self.strict { findings.print_strictly(format) } else { findings.print(format) }
    }
}

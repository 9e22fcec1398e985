//! The findings of a check, for people and for programs.

mod github;
mod sarif;
mod text;

use std::process::ExitCode;

use clap::ValueEnum;

use super::findings::Findings;
use super::output::{print, print_json};

/// The form in which findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// Annotations of a workflow on GitHub
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Findings {
    /// Prints the findings. Makes the program fail if there are mistakes.
    pub(crate) fn print(&self, format: Format) -> ExitCode {
        self.print_with(format, !self.mistakes.is_empty())
    }

    /// Prints the findings. Makes the program fail if there are mistakes, warnings or variables that are not set.
    pub(crate) fn print_strictly(&self, format: Format) -> ExitCode {
        let is_clean = self.mistakes.is_empty() && self.warnings.is_empty() && self.missing_variables.is_empty();
        self.print_with(format, !is_clean)
    }

    fn print_with(&self, format: Format, fails: bool) -> ExitCode {
        let code = if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        match format {
            Format::Text => text::print(self, code),
            Format::Json => print_json(self, code),
            Format::Github => print(&github::annotations(self), code),
            Format::Sarif => print_json(&sarif::log(self), code),
        }
    }
}

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
        let code = if self.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        match format {
            Format::Text => text::print(self, code),
            Format::Json => print_json(self, code),
            Format::Github => print(&github::annotations(self), code),
            Format::Sarif => print_json(&sarif::log(self), code),
        }
    }
}

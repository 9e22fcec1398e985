//! Findings for people: the mistakes on standard error, the good news on standard output.

use std::process::ExitCode;

use crate::cli::findings::Findings;
use crate::cli::output::{self, say, sayln};
use crate::cli::report::{SHOWN_MISTAKES, say_more, say_number};
use crate::cli::style::{Style, count};
use crate::cli::target::joined;

/// Prints `findings`.
pub(super) fn print(findings: &Findings, code: ExitCode) -> ExitCode {
    let style = Style::stderr();
    let Some(composed) = &findings.composed else {
        for mistake in &findings.mistakes {
            let line = format!("{}: {}", style.red("error"), mistake.diagnostic.message);
            sayln!("{}", style.wrapped(&line, 4));
        }
        return code;
    };
    let sources = composed.sources(&findings.file);
    for warning in findings.warnings.iter().take(SHOWN_MISTAKES) {
        sayln!("{}", style.diagnostic(warning, &sources));
    }
    say_more(findings.warnings.len());
    for finding in findings.mistakes.iter().take(SHOWN_MISTAKES) {
        say(format_args!("{}", style.diagnostic(&finding.diagnostic, &sources)));
        if finding.targets.len() < findings.targets.len() && !finding.names_targets() {
            sayln!("  = {}", style.dim(format_args!("on {} alone", joined(&finding.targets))));
        }
        sayln!();
    }
    say_number(&findings.file, findings.mistakes.len());
    for secret in findings.missing_secrets.iter().take(SHOWN_MISTAKES) {
        sayln!("{}: the secret `{secret}` is not set here", style.bold("note"));
    }
    for name in findings.missing_variables.iter().take(SHOWN_MISTAKES) {
        let what = "is not set here, and what depends on it was not checked; try";
        let line = format!("{}: the variable `{name}` {what} `--env {name}=…`", style.bold("note"));
        sayln!("{}", style.wrapped(&line, 4));
    }
    if !findings.mistakes.is_empty() {
        return code;
    }
    for note in &findings.notes {
        sayln!("{}", style.wrapped(&format!("{}: {note}", style.bold("note")), 4));
    }
    let routes = match &findings.plan {
        Some(plan) => count(plan.configured_routes(), "route"),
        None => "as far as its variables are known".to_owned(),
    };
    if code != ExitCode::SUCCESS {
        sayln!("{}", style.red(format_args!("{}: there are warnings, and `--strict` takes none", findings.file)));
        return code;
    }
    let ok = Style::stdout().green("ok");
    output::print(&format!("{ok} {}: {routes}, good for {}\n", findings.file, joined(&findings.targets)), code)
}

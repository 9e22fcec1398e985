//! Findings as annotations of a workflow on GitHub: docs.github.com, Workflow commands for GitHub Actions.

use std::fmt::Write;

use gateway_core::config::{Diagnostic, Severity};

use crate::cli::findings::Findings;

/// One workflow command a line for each mistake, warning and note.
pub(super) fn annotations(findings: &Findings) -> String {
    let mut out = String::new();
    for mistake in &findings.mistakes {
        annotate(&mut out, &findings.file, &mistake.diagnostic);
    }
    for warning in &findings.warnings {
        annotate(&mut out, &findings.file, warning);
    }
    for note in &findings.notes {
        // Writing to a string can't fail.
        let _ = writeln!(out, "::notice file={}::{}", property(&findings.file), data(note));
    }
    out
}

fn annotate(out: &mut String, file: &str, diagnostic: &Diagnostic) {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let _ = write!(out, "::{command} file={}", property(diagnostic.file.as_deref().unwrap_or(file)));
    if let Some((line, column)) = diagnostic.position {
        let _ = write!(out, ",line={line},col={column}");
    }
    let _ = write!(out, "::{}", data(&diagnostic.message));
    if let Some(help) = &diagnostic.help {
        let _ = write!(out, "%0Ahelp: {}", data(help));
    }
    out.push('\n');
}

/// The text of a command, escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property, escaped.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

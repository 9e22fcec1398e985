//! Findings as annotations of a workflow on GitHub: docs.github.com, Workflow commands for GitHub Actions.

use std::fmt::Write;

use gateway_core::config::{Diagnostic, Severity};

use crate::cli::findings::Findings;

/// One workflow command a line for each mistake, warning, missing variable and note. A mistake that is about two places has one for
/// each.
pub(super) fn annotations(findings: &Findings) -> String {
    let mut out = String::new();
    for mistake in &findings.mistakes {
        annotate(&mut out, &findings.file, &mistake.diagnostic);
    }
    for warning in &findings.warnings {
        annotate(&mut out, &findings.file, warning);
    }
    for name in &findings.missing_variables {
        let text = format!("the variable `{name}` is not set here, and what depends on it was not checked");
        // Writing to a string can't fail.
        let _ =
            writeln!(out, "::warning file={}::{}%0Ahelp: add `--env {name}=…`", property(&findings.file), data(&text));
    }
    for note in &findings.notes {
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
    if let (Some(from), Some(end)) = (diagnostic.position, diagnostic.end) {
        out.push_str(&place(from, end));
    }
    let _ = write!(out, "::{}", data(&diagnostic.message));
    if let Some(help) = &diagnostic.help {
        let _ = write!(out, "%0Ahelp: {}", data(help));
    }
    out.push('\n');
    if let Some(other) = &diagnostic.other {
        let (place, name) = (place(other.position, other.end), other.file.as_deref().unwrap_or(file));
        let text = format!("the other place of: {}", diagnostic.message);
        let _ = writeln!(out, "::{command} file={}{place}::{}", property(name), data(&text));
    }
}

/// The properties for a place up to `end`. Columns have an end on one line alone, and an annotation of several lines is shown
/// under the last of them: one of a whole object stays at its beginning.
fn place((line, column): (u32, u32), (end_line, end_column): (u32, u32)) -> String {
    let end = if end_line == line { format!(",endLine={line},endColumn={end_column}") } else { String::new() };
    format!(",line={line},col={column}{end}")
}

/// The text of a command, escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property, escaped.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

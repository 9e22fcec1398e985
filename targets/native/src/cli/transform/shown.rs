//! A document for people: JSON in lines and in colour, and what steps change of it.

use std::fmt::Write;

use gateway_core::document::Value;
use gateway_core::policy::body_edit::Form;
use http::StatusCode;
use similar::{ChangeTag, TextDiff};

use super::run::Edited;
use crate::cli::style::{Style, visible};

/// The lines around a change that are shown.
const AROUND: usize = 2;

/// The content of `edited` for a terminal.
pub(super) fn content(edited: &Edited, style: Style) -> String {
    let text = String::from_utf8_lossy(&edited.content);
    let json = Value::read(&edited.content).ok().filter(|_| edited.form == Some(Form::Json));
    match json {
        Some(value) => indented(&value, style) + "\n",
        None => {
            let mut text = visible(&text);
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text
        }
    }
}

/// What each step of `edited` has changed.
pub(super) fn steps(edited: &Edited, mapped: Option<StatusCode>, style: Style) -> String {
    let mut out = String::new();
    let many = edited.edits.len();
    for (index, edit) in edited.edits.iter().enumerate() {
        let which = if many == 1 { "edit".to_owned() } else { format!("edit {} of {many}", index + 1) };
        let (Some(from), Some(to)) = (edit.from, edit.to) else {
            let _ = writeln!(out, "{}  the content has none of its forms, and passes as it is", style.bold(which));
            continue;
        };
        let forms = if from == to { from.name().to_owned() } else { format!("{} to {}", from.name(), to.name()) };
        let _ = writeln!(out, "{}  {}", style.bold(which), style.dim(forms));
        let mut before = lines(edit.before.as_deref().unwrap_or_default());
        if edit.steps.is_empty() {
            out.push_str(&before.lines().map(|line| format!("    {line}\n")).collect::<String>());
        }
        for (number, step) in edit.steps.iter().enumerate() {
            let after = lines(&step.after);
            let _ = writeln!(out, "  {}  {}", number + 1, style.cyan(&step.words));
            if before == after {
                let _ = writeln!(out, "    {}", style.dim("nothing changes"));
            } else {
                out.push_str(&changes(&before, &after, style));
            }
            before = after;
        }
        if from != to && index + 1 == many {
            let _ =
                writeln!(out, "  {}  {}", style.bold("written"), style.dim(edited.kind.to_str().unwrap_or_default()));
            let text = visible(&String::from_utf8_lossy(&edited.content));
            out.push_str(&text.lines().map(|line| format!("    {line}\n")).collect::<String>());
        }
    }
    if let Some(status) = mapped {
        let _ = writeln!(out, "{}  {}", style.bold("status"), status.as_u16());
    }
    out
}

/// `content` in lines, if it is JSON, and without what a terminal would obey.
fn lines(content: &str) -> String {
    Value::read(content.as_bytes()).map_or_else(|_| visible(content), |value| indented(&value, Style::PLAIN))
}

/// The lines that are not the same in both, with those around them.
fn changes(before: &str, after: &str, style: Style) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(out, "    {}", style.dim("…"));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            let _ = match change.tag() {
                ChangeTag::Equal => writeln!(out, "      {}", style.dim(line)),
                ChangeTag::Delete => writeln!(out, "    {}", style.red(format_args!("- {line}"))),
                ChangeTag::Insert => writeln!(out, "    {}", style.green(format_args!("+ {line}"))),
            };
        }
    }
    out
}

/// `value` in lines, with its numbers as they are written.
fn indented(value: &Value, style: Style) -> String {
    let mut out = String::new();
    write(value, style, 0, &mut out);
    out
}

fn write(value: &Value, style: Style, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write(item, style, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Object(object) if !object.members().is_empty() => {
            out.push('{');
            for (index, (name, value)) in object.members().iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                out.push_str(&style.cyan(visible(&Value::from(&**name).to_string())));
                out.push_str(": ");
                write(value, style, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Value::String(_) => out.push_str(&style.green(visible(&value.to_string()))),
        Value::Null => out.push_str(&style.dim(value)),
        _ => out.push_str(&value.to_string()),
    }
}

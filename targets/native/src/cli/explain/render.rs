//! The findings of `explain`, for people.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::report::{By, Other, Report};
use crate::cli::limits;
use crate::cli::style::{Style, count, pad, visible, widest};
use crate::cli::target::Target;

/// The number of other routes shown; the nearest come first.
const SHOWN_OTHERS: usize = 12;

/// The most lines of a content that are shown before and after an edit, and the most characters of each.
const MOST_LINES: usize = 12;
const MOST_COLUMNS: usize = 160;

/// `report`, aligned.
pub(crate) fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    // The usual one goes without saying, unless limits count in its stores.
    let on = if report.steps.iter().any(|step| step.step == "rateLimit") || report.target != Target::Native {
        format!(" {}", style.dim(format_args!("on {}", report.target.name())))
    } else {
        String::new()
    };
    let head = format!("{} {}{on}", style.bold(&report.method), report.url);
    let _ = writeln!(out, "{}\n", style.wrapped(&head, 2));
    write_route(&mut out, report, style);
    write_others(&mut out, report, style);
    write_steps(&mut out, report, style);
    write_parts(&mut out, report, style);
    write_split(&mut out, report, style);
    write_limits(&mut out, report, style);
    if let Some(sent) = &report.upstream {
        let line = format!("{}  {} {}", style.bold("upstream"), sent.name, style.dim(&sent.to));
        let _ = writeln!(out, "\n{}", style.wrapped(&line, 10));
        let _ = writeln!(out, "{}", style.wrapped(&format!("  {} {}", sent.method, sent.target), 4));
        write_fields(&mut out, &sent.headers, style);
    }
    out.push('\n');
    write_status(&mut out, report, style);
    write_fields(&mut out, &report.response.headers, style);
    if let Some(body) = &report.response.body {
        out.push('\n');
        for line in visible(body).lines() {
            let _ = writeln!(out, "{}", style.wrapped(&format!("  {line}"), 2));
        }
    }
    out
}

fn write_route(out: &mut String, report: &Report, style: Style) {
    let Some(route) = &report.route else {
        let _ = writeln!(out, "{}  none", style.red("route"));
        return;
    };
    let place = style.dim(format_args!("{} at {}", route.path, route.at));
    let line = format!("{}  {} {place}", style.green("route"), style.bold(&route.name));
    let _ = writeln!(out, "{}", style.wrapped(&line, 7));
    for (name, value) in &route.parameters {
        let _ = writeln!(out, "{}", style.wrapped(&format!("       {name} = {value}"), 9));
    }
}

fn write_status(out: &mut String, report: &Report, style: Style) {
    let response = &report.response;
    let by = match response.by {
        By::Gateway => "by the gateway".to_owned(),
        By::Upstream => {
            let assumed = response.assumed.as_u16();
            let left_out = if response.is_left_out { ": that has no content, whatever is stated" } else { "" };
            format!("by the upstream, as if it said {assumed}{left_out}")
        }
    };
    let line = format!("{}  {} {}", style.bold("response"), response.status, style.dim(by));
    let _ = writeln!(out, "{}", style.wrapped(&line, 10));
}

/// What becomes of each request of a batch: all that is of it alone. The answers are in the response.
fn write_parts(out: &mut String, report: &Report, style: Style) {
    if report.parts.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("requests"));
    let number = report.parts.len().saturating_sub(1).to_string().len();
    let inner = style.narrowed(number + 4);
    let margin = " ".repeat(number + 4);
    for (index, part) in report.parts.iter().enumerate() {
        let mut own = String::new();
        write_route(&mut own, part, inner);
        if part.route.is_none() {
            write_others(&mut own, part, inner);
        }
        write_steps(&mut own, part, inner);
        write_split(&mut own, part, inner);
        if let Some(sent) = &part.upstream {
            let line = format!("{}  {} {}", inner.bold("upstream"), sent.name, inner.dim(&sent.to));
            let _ = writeln!(own, "{}", inner.wrapped(&line, 10));
            let _ = writeln!(own, "{}", inner.wrapped(&format!("  {} {}", sent.method, sent.target), 4));
        }
        write_status(&mut own, part, inner);
        let head = format!("  {index:>number$}  {} {}", style.bold(&part.method), part.url);
        let _ = writeln!(out, "{}", style.wrapped(&head, number + 4));
        for line in own.lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "{margin}{line}");
        }
    }
}

fn write_limits(out: &mut String, report: &Report, style: Style) {
    let Some(route) = &report.route else { return };
    let deadlines = report.upstream.iter().map(|sent| limits::deadlines_text(&sent.timeouts));
    let all: Vec<String> = core::iter::once(route.body.clone()).chain(deadlines).collect();
    let line = format!("{}  {}", style.bold("limits"), style.dim(all.join(", ")));
    let _ = writeln!(out, "\n{}", style.wrapped(&line, 8));
}

fn write_others(out: &mut String, report: &Report, style: Style) {
    if report.others.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("not"));
    let mut others: Vec<&Other> = report.others.iter().collect();
    // A route that is excluded by a single reason is probably the intended one.
    others.sort_by_key(|other| (other.because.len(), !other.because.iter().any(|reason| reason.is_near)));
    // A route with several hosts or matches is one route: its nearest match stands for it.
    let mut seen = BTreeSet::new();
    others.retain(|other| seen.insert(&*other.at));
    let name = widest(others.iter().take(SHOWN_OTHERS).map(|o| o.name.as_str()));
    for other in others.iter().take(SHOWN_OTHERS) {
        let because = other.because.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let line = format!("  {}  {}", pad(&other.name, name), style.dim(because));
        let _ = writeln!(out, "{}", style.wrapped(&line, name + 4));
    }
    if let Some(more) = others.len().checked_sub(SHOWN_OTHERS).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {}", style.dim(format_args!("and {more} more, which `--json` has")));
    }
}

fn write_split(out: &mut String, report: &Report, style: Style) {
    if report.split.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n{}  {}",
        style.bold("split"),
        style.dim("one is chosen at random; choose with --upstream NAME")
    );
    let width = widest(report.split.iter().map(|share| share.upstream.as_str()));
    for share in &report.split {
        let shown = if share.shown { "  shown here" } else { "" };
        let edits = if share.edits.is_empty() { String::new() } else { format!("  {}", style.dim(&share.edits)) };
        let _ = writeln!(out, "  {}  {} %{shown}{edits}", pad(&share.upstream, width), share.percent);
    }
}

fn write_steps(out: &mut String, report: &Report, style: Style) {
    if report.steps.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.bold("steps"));
    let width = widest(report.steps.iter().map(|s| s.title));
    for step in &report.steps {
        let assumed = step
            .assumed
            .map_or_else(String::new, |assumed| format!(" {}", style.dim(format_args!("(assumed: {assumed})"))));
        // Blanks have no colour.
        let blanks = " ".repeat(width.saturating_sub(step.title.chars().count()));
        let start = format!("  {}{blanks}  ", style.cyan(step.title));
        match &step.change {
            None => {
                let line = format!("{start}{}{assumed}", step.verdict);
                let _ = writeln!(out, "{}", style.wrapped(&line, width + 4));
            }
            Some([before, after]) => {
                write_content(out, before, (&start, "before"), width + 4, style);
                write_content(out, after, (&" ".repeat(width + 4), "after "), width + 4, style);
            }
        }
    }
}

/// The lines of a content, beside each other with their name before the first.
fn write_content(out: &mut String, content: &str, (start, name): (&str, &str), indent: usize, style: Style) {
    let indent = indent + name.len() + 2;
    let text = visible(content);
    let mut start = format!("{start}{}  ", style.dim(name));
    let mut lines = text.lines();
    for line in lines.by_ref().take(MOST_LINES) {
        let (cut, more) = match line.char_indices().nth(MOST_COLUMNS) {
            Some((end, _)) => (line.get(..end).unwrap_or_default(), "…"),
            None => (line, ""),
        };
        let _ = writeln!(out, "{}", style.wrapped(&format!("{start}{cut}{more}"), indent));
        start = " ".repeat(indent);
    }
    if text.is_empty() {
        let _ = writeln!(out, "{start}{}", style.dim("(nothing)"));
    }
    let left = lines.count();
    if left > 0 {
        let _ = writeln!(out, "{start}{}", style.dim(format_args!("… {} more", count(left, "line"))));
    }
}

fn write_fields(out: &mut String, fields: &[(String, String)], style: Style) {
    let width = widest(fields.iter().map(|(name, _)| name.as_str()));
    for (name, value) in fields {
        let line = format!("  {}  {value}", style.dim(pad(name, width)));
        let _ = writeln!(out, "{}", style.wrapped(&line, width + 4));
    }
}

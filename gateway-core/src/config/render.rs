//! Diagnostics for people.

use core::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::mask::mask;
use super::parse::is_unprintable;
use super::read::without_mark;
use super::{Diagnostic, Place, Severity, Source};

/// The most columns of a source line that are shown before the position, and from it on.
const BEFORE: usize = 60;
const AFTER: usize = 80;
/// The number of earlier lines that are searched for names of secrets.
const LINES_BEFORE: usize = 4;
/// The number of characters before and after the position that are searched for them.
const SEARCHED: usize = 8 << 10;
/// The columns before a source line.
const MARGIN: usize = 4;

const RED: &str = "\x1b[1;31m";
/// For warnings: yellow can't be read on white.
const MAGENTA: &str = "\x1b[1;35m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// The files of a configuration, with which its diagnostics are shown.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'s> {
    /// The name of the configuration.
    pub name: &'s str,
    /// Its text, if it is at hand.
    pub text: Option<&'s str>,
    /// The files that it includes.
    pub included: &'s [Source],
}

impl Sources<'_> {
    /// Returns the text of the included `file`, or of the configuration itself.
    fn text(&self, file: Option<&str>) -> Option<&str> {
        match file {
            None => self.text,
            Some(file) => self.included.iter().find(|source| source.name == file).map(|source| &*source.text),
        }
    }
}

impl Diagnostic {
    /// The mistake on several lines, with the source line from `text` and a mark under the place; ends with a line break.
    ///
    /// ```text
    /// error: unknown field `methds`
    ///   ┌ gateway.json:12:9  routes[0].match.methds
    ///   │     "methds": ["GET"],
    ///   │     ^^^^^^^^
    ///   = help: did you mean `methods`?
    /// ```
    #[must_use]
    pub fn render(&self, file: &str, text: Option<&str>, colour: bool) -> String {
        self.render_within(MARGIN + BEFORE + AFTER, &Sources { name: file, text, included: &[] }, colour)
    }

    /// The same of any file of `sources`, with a source line that fits on a terminal of `columns`.
    #[must_use]
    pub fn render_within(&self, columns: usize, sources: &Sources<'_>, colour: bool) -> String {
        let paint = |code: &'static str| if colour { code } else { "" };
        let (red, magenta, blue, bold, plain) = (paint(RED), paint(MAGENTA), paint(BLUE), paint(BOLD), paint(PLAIN));
        let mut out = String::new();
        // Writing to a string can't fail.
        let (red, word) = match self.severity {
            Severity::Error => (red, "error"),
            Severity::Warning => (magenta, "warning"),
        };
        let _ = writeln!(out, "{red}{word}{plain}{bold}: {}{plain}", self.message);
        let other = self.other.as_ref().map(|other| (Some(other.position), &other.path, &other.file));
        for (position, path, file) in other.into_iter().chain([(self.position, &self.path, &self.file)]) {
            let (name, text) = (file.as_deref().unwrap_or(sources.name), sources.text(file.as_deref()));
            let gap = if path.is_empty() { "" } else { "  " };
            let _ = writeln!(out, "  {blue}┌{plain} {}{gap}{path}", place(name, position));
            if let Some((source, mark)) = text.and_then(|text| excerpt(text, position, columns.saturating_sub(MARGIN)))
            {
                let _ = writeln!(out, "  {blue}│{plain} {source}");
                let _ = writeln!(out, "  {blue}│{plain} {red}{mark}{plain}");
            }
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "  {blue}={plain} {bold}help{plain}: {help}");
        }
        out
    }

    /// The mistake on one line, for logs: `gateway.json:12:9: routes[0].match.methds: unknown field `methds` (did you
    /// mean `methods`?)`.
    #[must_use]
    pub fn line(&self, file: &str) -> String {
        let mut out = place(self.file.as_deref().unwrap_or(file), self.position);
        if !self.path.is_empty() {
            let _ = write!(out, ": {}", self.path);
        }
        let _ = write!(out, ": {}", self.message);
        if let Some(Place { path, position, file: named, .. }) = &self.other {
            let file = named.as_deref().unwrap_or(file);
            let _ = write!(out, " (the other is {path}, {})", place(file, Some(*position)));
        }
        if let Some(help) = &self.help {
            let _ = write!(out, " ({help})");
        }
        out
    }
}

fn place(file: &str, position: Option<(u32, u32)>) -> String {
    match position {
        Some((line, column)) => format!("{file}:{line}:{column}"),
        None => file.to_owned(),
    }
}

/// The source line around the position, and the marks under it.
fn excerpt(text: &str, position: Option<(u32, u32)>, room: usize) -> Option<(String, String)> {
    let (line, column) = position?;
    let text = without_mark(text);
    let number = usize::try_from(line.checked_sub(1)?).ok()?;
    // The name of a secret may be on a line before its value.
    let first = number.saturating_sub(LINES_BEFORE);
    let mut around: Vec<&str> = text.split('\n').skip(first).take(number - first + 1).collect();
    let line = around.pop()?.trim_end_matches('\r');
    let at = usize::try_from(column.checked_sub(1)?).ok()?;
    let (line, at) = near(line, at);
    let before: String = around.iter().flat_map(|line| [last(line), "\n"]).collect();
    let masked = mask(&(before + line));
    let masked_line = masked.rsplit('\n').next()?.to_owned();
    let chars: Vec<char> = masked_line.chars().collect();
    let at = at.min(chars.len());
    let (before, after) = chars.split_at_checked(at)?;

    // Two columns are for the ellipses. The place is seen with a good part of what is before it.
    let whole = width(&printable(&masked_line)) <= room;
    let room = room.saturating_sub(2);
    let before = if whole { before } else { last_columns(before, room * BEFORE / (BEFORE + AFTER)) };
    let cut = at > before.len();
    let before: String = before.iter().collect();
    let after = if whole { after } else { first_columns(after, room.saturating_sub(width(&printable(&before)))) };
    let more = chars.len() > at + after.len();
    let token: String = after.iter().take(token_length(after)).collect();
    let after: String = after.iter().collect();

    let (before, token) = (printable(&before), printable(&token));
    let ellipsis = |cut: bool| if cut { "…" } else { "" };
    let source = format!("{}{before}{}{}", ellipsis(cut), printable(&after), ellipsis(more));
    let indent = width(&before) + usize::from(cut);
    Some((source, format!("{}{}", " ".repeat(indent), "^".repeat(width(&token).max(1)))))
}

/// The part of `line` around the character `at` that is searched for secrets, and the place of that character in it: a
/// whole configuration may be one line.
fn near(line: &str, at: usize) -> (&str, usize) {
    let skipped = at.saturating_sub(SEARCHED);
    let start = line.char_indices().nth(skipped).map_or(line.len(), |(start, _)| start);
    let rest = line.get(start..).unwrap_or_default();
    let length = rest.char_indices().nth(2 * SEARCHED).map_or(rest.len(), |(end, _)| end);
    (rest.get(..length).unwrap_or_default(), at - skipped)
}

/// The end of `line`, of at most [`SEARCHED`] characters.
fn last(line: &str) -> &str {
    let start = line.char_indices().rev().nth(SEARCHED).map_or(0, |(start, _)| start);
    line.get(start..).unwrap_or_default()
}

/// The length of the token at the beginning of `text`, in characters.
fn token_length(text: &[char]) -> usize {
    let Some((first, rest)) = text.split_first() else { return 0 };
    match first {
        '"' | '\'' => {
            let mut escaped = false;
            let inside = rest.iter().position(|c| {
                let closes = c == first && !escaped;
                escaped = *c == '\\' && !escaped;
                closes
            });
            inside.map_or(text.len(), |at| at + 2)
        }
        '*' => text.iter().take_while(|c| **c == '*').count(),
        '{' | '[' | '}' | ']' | ',' | ':' => 1,
        '/' | '#' => text.len(),
        _ => text.iter().take_while(|c| !c.is_whitespace() && !matches!(c, ',' | '}' | ']' | ':')).count().max(1),
    }
}

/// `text` with tabs as four spaces, and without characters that could act on a terminal.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if is_unprintable(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of `text`, of at most `columns`.
fn first_columns(text: &[char], columns: usize) -> &[char] {
    text.get(..fitting(text.iter(), columns)).unwrap_or(text)
}

/// The end of `text`, of at most `columns`.
fn last_columns(text: &[char], columns: usize) -> &[char] {
    text.get(text.len() - fitting(text.iter().rev(), columns)..).unwrap_or(text)
}

/// The number of characters that fit in `columns`.
fn fitting<'c>(text: impl Iterator<Item = &'c char>, columns: usize) -> usize {
    let mut used = 0;
    text.take_while(|c| {
        used += if **c == '\t' { 4 } else { UnicodeWidthChar::width(**c).unwrap_or(1) };
        used <= columns
    })
    .count()
}

fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

//! Colour on a terminal, plain text in a pipe.

use std::fmt::Display;
use std::io::IsTerminal;

use gateway_core::config::{Diagnostic, Sources};
use terminal_size::{Height, Width, terminal_size_of};

use super::wrap::{Wrap, shown};

/// The choice of coloured or plain output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colour: bool,
    /// The columns of the terminal, or of a line elsewhere.
    width: usize,
    is_terminal: bool,
}

/// The columns of a line where there is no terminal.
const WIDTH: usize = 120;

/// The fewest columns that lines are made for.
const LEAST_WIDTH: usize = 40;

impl Style {
    /// Without colour, in lines of any length.
    pub(crate) const PLAIN: Self = Self { colour: false, width: usize::MAX, is_terminal: false };

    /// For standard output: coloured on a terminal, unless `NO_COLOR` is set (no-color.org) or it is a dumb one.
    pub(crate) fn stdout() -> Self {
        let out = std::io::stdout();
        Self::for_stream(&out, terminal_size_of(&out))
    }

    /// For standard error, by the same rule.
    pub(crate) fn stderr() -> Self {
        let out = std::io::stderr();
        Self::for_stream(&out, terminal_size_of(&out))
    }

    fn for_stream(stream: &impl IsTerminal, size: Option<(Width, Height)>) -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let width = size.map_or(WIDTH, |(Width(columns), _)| usize::from(columns).max(LEAST_WIDTH));
        let is_terminal = stream.is_terminal();
        Self { colour: is_terminal && !is_unwanted && !is_dumb, width, is_terminal }
    }

    /// Returns whether it is for a terminal.
    pub(crate) const fn is_terminal(self) -> bool {
        self.is_terminal
    }

    /// For a part of the line that begins behind `columns`.
    pub(crate) const fn narrowed(self, columns: usize) -> Self {
        let width = self.width.saturating_sub(columns);
        Self { width: if width < LEAST_WIDTH { LEAST_WIDTH } else { width }, ..self }
    }

    /// The columns of a line.
    pub(crate) const fn width(self) -> usize {
        self.width
    }

    /// `diagnostic`, found in `sources`.
    pub(crate) fn diagnostic(self, diagnostic: &Diagnostic, sources: &Sources<'_>) -> String {
        let rendered = diagnostic.render_within(self.width, sources, self.colour);
        rendered.lines().map(|line| self.wrapped(line, 4) + "\n").collect()
    }

    /// `line`, broken between words where it is longer than the terminal, with `indent` columns before what follows. A word that
    /// is longer still is broken, too.
    pub(crate) fn wrapped(self, line: &str, indent: usize) -> String {
        if !self.is_terminal || shown(line) <= self.width {
            return line.to_owned();
        }
        // The spaces at the beginning are no gap between words.
        let start = line.len() - line.trim_start_matches(' ').len();
        let (start, words) = line.split_at_checked(start).unwrap_or(("", line));
        let mut wrap = Wrap::new(self.width, indent);
        let mut words = words.split(' ');
        wrap.add(&format!("{start}{}", words.next().unwrap_or_default()), 0);
        let mut gap = 1;
        for word in words {
            if word.is_empty() {
                gap += 1;
            } else {
                wrap.add(word, gap);
                gap = 1;
            }
        }
        wrap.finish()
    }

    /// Returns whether lines of `columns` are broken here: on a narrower terminal.
    pub(crate) const fn breaks(self, columns: usize) -> bool {
        self.is_terminal && columns > self.width
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    pub(crate) fn red(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    pub(crate) fn cyan(self, text: impl Display) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// `text` without what a terminal would obey, but with its lines.
pub(crate) fn visible(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() && c != '\n' && c != '\t' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// `1 route`, `2 routes`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// `text` padded to `width` columns, before any colour.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// The width of the widest of `cells`.
pub(crate) fn widest<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
    cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
}

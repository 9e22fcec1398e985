//! Colour on a terminal, plain text in a pipe.

use std::fmt::Display;
use std::io::IsTerminal;

use gateway_core::config::Diagnostic;

/// The choice of coloured or plain output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// For standard output: coloured on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub(crate) fn stdout() -> Self {
        Self::for_stream(&std::io::stdout())
    }

    /// For standard error, by the same rule.
    pub(crate) fn stderr() -> Self {
        Self::for_stream(&std::io::stderr())
    }

    fn for_stream(stream: &impl IsTerminal) -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: stream.is_terminal() && !is_unwanted }
    }

    /// `diagnostic`, found in `text`.
    pub(crate) fn diagnostic(self, diagnostic: &Diagnostic, file: &str, text: Option<&str>) -> String {
        diagnostic.render(file, text, self.colour)
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

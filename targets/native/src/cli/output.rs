//! Text on standard output and standard error.
//!
//! The macros of the standard library panic where a stream can't be written to, so the lints of the crate keep
//! them out.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Writes `text` to standard output, and returns `code`; a failure to write it makes the program fail.
///
/// A reader that has left, as `head` does, has read what it wanted.
pub(super) fn print(text: &str, code: ExitCode) -> ExitCode {
    print_bytes(text.as_bytes(), code)
}

/// Writes `content` to standard output, as [`print`] does.
pub(super) fn print_bytes(content: &[u8], code: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(content).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!("error: can't write to standard output: {error}\n"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Prints `value` as JSON, and returns `code` as [`print`] does.
pub(super) fn print_json(value: &impl serde::Serialize, code: ExitCode) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(text + "\n"), code),
        Err(error) => {
            say(format_args!("error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard error. If that is closed or full, there is nowhere to report it.
pub(super) fn say(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(text.to_string().as_bytes());
}

/// Writes a line to standard error, as `eprintln!` does, but never panics.
macro_rules! sayln {
    () => { $crate::cli::output::say(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::output::say(format_args!("{}\n", format_args!($($text)*))) };
}

pub(super) use sayln;

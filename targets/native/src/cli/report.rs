//! The messages on standard error.

use std::fmt::Display;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use gateway_core::config::MOST_MISTAKES;
use humantime::format_rfc3339_millis;

use super::output::sayln;
use super::style::{Style, count};
use crate::config_file::ConfigError;
use crate::health::Change;
use crate::server::{Drained, Refusal, Server};
use crate::supervise::{Event, Refused};
use crate::warning::Warning;

/// The most mistakes that are shown to people; `check --json` has all that were found.
pub(super) const SHOWN_MISTAKES: usize = 50;

/// Prints how many of `number` mistakes or warnings are not shown.
pub(super) fn say_more(number: usize) {
    if let Some(more) = number.checked_sub(SHOWN_MISTAKES).filter(|more| *more > 0) {
        sayln!("{}\n", Style::stderr().dim(format_args!("and {more} more, which `edgeway check --json` lists")));
    }
}

/// Prints the number of mistakes in the configuration called `name`, and of those that are not shown.
pub(super) fn say_number(name: &str, number: usize) {
    let style = Style::stderr();
    say_more(number);
    if number > 0 {
        sayln!("{}", style.red(format_args!("{name}: {}", mistakes(number))));
    }
}

/// The number of mistakes, in words.
fn mistakes(number: usize) -> String {
    count(number, "mistake") + if number >= MOST_MISTAKES { " or more" } else { "" }
}

/// Prints a line about the operation of a server. Where nobody looks on, it begins with the time, as the access log does.
fn say_line(text: &dyn Display) {
    let is_seen = std::io::stderr().is_terminal();
    let time = if is_seen { String::new() } else { format!("{} ", format_rfc3339_millis(SystemTime::now())) };
    sayln!("{time}{text}");
}

/// Prints the reason why the program ends, and makes it fail.
pub(super) fn failure(error: &dyn Display) -> ExitCode {
    say_error(error);
    ExitCode::FAILURE
}

fn say_error(error: &dyn Display) {
    let style = Style::stderr();
    say_line(&style.wrapped(&format!("{}: {error}", style.red("error")), 4));
}

/// Prints `text`, broken between words on a terminal.
fn say_text(text: &str) {
    say_line(&Style::stderr().wrapped(text, 4));
}

/// Prints the mistakes in the configuration, and makes the program fail.
pub(super) fn config_error(path: &Path, error: &ConfigError) -> ExitCode {
    print_config_error(path, error);
    ExitCode::FAILURE
}

/// Prints the address of the server.
pub(super) fn started(server: &Server, path: &Path, routes: usize) {
    let urls = server.urls().join(" and ");
    say_text(&format!("serving {} of {} on {urls}", count(routes, "route"), path.display()));
    if let Some(address) = server.admin_address() {
        say_line(&format_args!("admin endpoints on http://{address}"));
    }
}

/// Prints the warnings of the configuration at `path`.
pub(super) fn warnings(path: &Path, warnings: &[Warning]) {
    let name = path.display();
    for Warning { at: [outer, inner], message, help } in warnings {
        say_text(&format!("{name}: {outer}.{inner}: warning: {message}; {help}"));
    }
}

/// Prints an event of the running server.
pub(super) fn event(event: &Event<'_>) {
    match event {
        Event::Reloaded { path, routes, restart, warnings: found } => {
            warnings(path, found);
            say_line(&format_args!("reloaded {}: {}", path.display(), count(*routes, "route")));
            for name in restart {
                say_text(&format!("note: {name} has changed, which takes effect at the next start"));
            }
        }
        Event::Refused { path, reason } => {
            match reason {
                Refused::Config(error) => print_config_error(path, error),
                Refused::Start(error) => say_error(error),
            }
            say_text(&format!("{} is not used; what was served before is served on", path.display()));
        }
        Event::Missed { path } => {
            say_text(&format!("{} is gone; what was read from it is served on, until the next start", path.display()));
        }
        Event::Health { what, change: Change::Failing { reason } } => say_text(&format!("{what} fails: {reason}")),
        Event::Health { what, change: Change::Recovered { failures } } => {
            let failed = |what| count(usize::try_from(*failures).unwrap_or(usize::MAX), what);
            match *what {
                "the access log" => say_line(&format_args!("{what} works again; {} failed", failed("line"))),
                "the room for clients" | "the room for streams" => {
                    say_line(&format_args!("{what} is enough again; it was missed {}", failed("time")))
                }
                what if what.starts_with("TLS") => {
                    say_text(&format!("{what} works again; {} failed", failed("handshake")))
                }
                _ => say_line(&format_args!("{what} works again; {} failed", failed("call"))),
            }
        }
        Event::CertificatesRefused(Refusal { last, count: 1 }) => {
            say_text(&format!("a client's certificate is refused, {last}"));
        }
        Event::CertificatesRefused(Refusal { last, count: refused }) => {
            say_text(&format!("{refused} certificates of clients are refused, the last is {last}"));
        }
        Event::Asked { what } => say_text(what),
        Event::Leaving { grace } => {
            let seconds = grace.as_secs_f64();
            say_text(&format!("not ready any more, serving on for {seconds} s; a second signal ends at once"));
        }
        Event::Draining { drain } => {
            let seconds = drain.as_secs();
            say_text(&format!("finishing open exchanges for at most {seconds} s; a second signal ends at once"));
        }
    }
}

/// Prints the result of the shutdown.
pub(super) fn drained(drained: Option<Drained>) -> ExitCode {
    let Some(Drained { cut_off, lost_lines }) = drained else { return ExitCode::FAILURE };
    for (number, what) in [(cut_off, "connection"), (usize::try_from(lost_lines).unwrap_or(usize::MAX), "log line")] {
        if number > 0 {
            let were = if number == 1 { "was" } else { "were" };
            let done = if what == "connection" { "cut off" } else { "lost" };
            say_line(&format_args!("{} {were} {done}", count(number, what)));
        }
    }
    ExitCode::SUCCESS
}

fn print_config_error(path: &Path, error: &ConfigError) {
    let (name, style) = (path.display().to_string(), Style::stderr());
    match error {
        ConfigError::Read(error) => say_error(&format_args!("can't read {name}: {error}")),
        ConfigError::Mistakes { list, composed } => {
            for diagnostic in list.iter().take(SHOWN_MISTAKES) {
                // It takes several lines; the line behind all of them has the time.
                sayln!("{}", style.diagnostic(diagnostic, &composed.sources(&name)));
            }
            say_more(list.len());
            say_line(&style.red(format_args!("{name}: {}", mistakes(list.len()))));
        }
    }
}

//! The project's own chores, run as `cargo xtask <chore>`.

mod build_worker;
mod measure;
mod paths;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask build-worker | measure";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("build-worker"), None) => build_worker::run_and_measure(),
        (Some("measure"), None) => measure::run(),
        _ => bail!("{USAGE}"),
    }
}

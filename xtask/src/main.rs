//! The project's own chores, run as `cargo xtask <chore>`.

mod build_worker;
mod dist;
mod fmt_cases;
mod generate;
mod measure;
mod npm;
mod paths;
mod reorder;
mod sbom;
mod unused;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
The project's own chores.

Usage: cargo xtask CHORE

  build-worker  builds the Worker into dist/cloudflare/ and measures it
  dist          makes a release of what build-worker has built and the other targets, in dist/release/
  fmt-cases     formats the shared cases; `--check` only looks whether they are
  generate      writes what both sides of the Worker's wire know for TypeScript; `--check` only looks whether it is current
  measure       holds the wasm to its size budget and to its imports
  npm           makes the npm package of what build-worker has built, in dist/npm/";

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
    let chore = arguments.next().unwrap_or_default();
    if chore == "fmt-cases" {
        return fmt_cases::run(arguments);
    }
    match (chore.as_str(), arguments.next().as_deref()) {
        ("build-worker", None) => build_worker::run_and_measure(),
        ("generate", None) => generate::write(),
        ("generate", Some("--check")) => generate::check(),
        ("measure", None) => measure::run(),
        ("npm", None) => npm::run(),
        ("dist", None) => dist::run(),
        ("-h" | "--help", None) => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("no such chore\n\n{HELP}"),
    }
}

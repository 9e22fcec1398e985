//! Formats the shared cases: one layout, so that a change shows as the lines that it changes.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};

const HELP: &str = "\
Formats the files of tests/cases.

Usage: cargo xtask fmt-cases [--check] [FILE...]

  --check  writes nothing, and fails when a file is not formatted
  FILE     these files instead of all

Example: cargo xtask fmt-cases tests/cases/cors.json";

/// Formats what `arguments` name, or checks that it is formatted.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut is_check, mut files) = (false, Vec::new());
    for argument in arguments {
        match argument.as_str() {
            "-h" | "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            "--check" => is_check = true,
            option if option.starts_with('-') => bail!("`{option}` is no option of `fmt-cases`\n\n{HELP}"),
            file => files.push(PathBuf::from(file)),
        }
    }
    if files.is_empty() {
        files = edgeway_corpus::case_files().map_err(|error| anyhow!(error))?;
    }
    let mut faults = Vec::new();
    for file in files {
        let shown = file.file_name().map_or_else(|| file.display().to_string(), |name| name.display().to_string());
        let text = std::fs::read_to_string(&file).with_context(|| shown.clone())?;
        match edgeway_corpus::format(&text) {
            Err(error) => faults.push(format!("{shown}: {error}")),
            Ok(formatted) if formatted == text => {}
            Ok(_) if is_check => faults.push(format!("{shown} is not formatted: run `cargo xtask fmt-cases`")),
            Ok(formatted) => {
                std::fs::write(&file, formatted).with_context(|| shown.clone())?;
                println!("formatted {shown}");
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { bail!(faults.join("\n")) }
}

//! Where things are in the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where cargo builds: `CARGO_TARGET_DIR`, else `target/`.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where the finished Worker goes.
pub(crate) fn dist() -> PathBuf {
    root().join("dist/cloudflare")
}

/// A program that `npm ci` installed, run by the Node that it installed as well: the machine's own may be too old.
pub(crate) fn npm_program(script: &str) -> Result<Command> {
    let modules = root().join("node_modules");
    let script = modules.join(script);
    if !script.exists() {
        bail!("`{}` is missing: run `npm ci` first", script.display());
    }
    let mut command = Command::new(modules.join(".bin/node"));
    command.arg(script).current_dir(root());
    Ok(command)
}

/// Runs `command` and fails when it does.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

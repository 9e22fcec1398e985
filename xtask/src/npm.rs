//! Makes the npm package `edgeway`: what is in `packages/npm/`, the Worker and its check as they were built, the recipes and the schema.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::paths::{self, dist, root};

/// What `build-worker` leaves, and its name in the package.
const BUILT: [(&str, &str); 4] = [
    ("library.js", "worker.js"),
    ("edgeway.wasm", "edgeway.wasm"),
    ("check.mjs", "check.mjs"),
    ("check.wasm", "check.wasm"),
];

/// The version that sources have.
const NO_VERSION: &str = "\"version\": \"0.0.0\"";

/// Leaves the package's folder and its archive in `dist/npm/`.
pub(crate) fn run() -> Result<()> {
    let out = root().join("dist/npm");
    let package = out.join("edgeway");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    copy_folder(&root().join("packages/npm"), &package)?;
    copy_folder(&root().join("recipes"), &package.join("recipes"))?;
    for (from, to) in BUILT {
        copy(&dist().join(from), &package.join(to)).context("run `cargo xtask build-worker` first")?;
    }
    for file in ["gateway.schema.json", "LICENSE"] {
        copy(&root().join(file), &package.join(file))?;
    }
    let manifest = package.join("package.json");
    let text = std::fs::read_to_string(&manifest)?;
    if !text.contains(NO_VERSION) {
        bail!("`{}` has no {NO_VERSION}", manifest.display());
    }
    std::fs::write(&manifest, text.replace(NO_VERSION, concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"")))?;

    let mut pack = Command::new("npm");
    pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(&out).current_dir(&package);
    // It prints the name of the archive.
    paths::run(pack)
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("`{}` can't be copied", from.display()))?;
    Ok(())
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy_folder(&entry.path(), &target)? } else { copy(&entry.path(), &target)? }
    }
    Ok(())
}

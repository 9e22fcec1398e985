//! The component under test.

use std::path::PathBuf;
use std::process::Command;

/// The variable that names the component's file, where it has been built already.
pub const COMPONENT: &str = "EDGEWAY_COMPONENT";

/// The gateway as a Spin component: the file that [`COMPONENT`] names, or one built now, without optimisation.
///
/// # Errors
/// A message that says what is wrong.
pub fn gateway() -> Result<Vec<u8>, String> {
    let path = match std::env::var_os(COMPONENT) {
        Some(path) => PathBuf::from(path),
        None => build()?,
    };
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn build() -> Result<PathBuf, String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "edgeway-spin", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(root.join("target"))
        .current_dir(&root)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err("the component does not build".to_owned());
    }
    Ok(root.join("target/wasm32-wasip2/debug/edgeway_spin.wasm"))
}

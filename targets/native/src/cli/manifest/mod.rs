//! The manifest of a platform beside a configuration: whether it declares what the configuration uses.

mod hosts;
mod spin;
mod uses;
mod wrangler;

use std::path::Path;

use gateway_core::config::{ConfigError, JsonPath};
use gateway_core::plan::Plan;
use gateway_core::ports::Capabilities;

use self::uses::Uses;

/// Returns the errors of a configuration, `text` at `file` with this `plan` for `target`, that uses what the manifest
/// beside it does not declare; none where there is no manifest.
pub(super) fn faults(file: &Path, text: &str, plan: &Plan, target: &Capabilities) -> Vec<ConfigError> {
    let Ok(uses) = Uses::in_text(text) else { return Vec::new() };
    let (names, check): (&[&str], Check) = match target.name {
        name if name == Capabilities::SPIN.name => (&["spin.toml"], spin::faults),
        name if name == Capabilities::CLOUDFLARE.name => {
            (&["wrangler.jsonc", "wrangler.json", "wrangler.toml"], wrangler::faults)
        }
        _ => return Vec::new(),
    };
    let Some(manifest) = names.iter().map(|name| file.with_file_name(name)).find(|path| path.is_file()) else {
        return Vec::new();
    };
    let name = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unusable = |error: String| vec![ConfigError::new(JsonPath::root(), format!("`{name}` can't be used: {error}"))];
    match std::fs::read_to_string(&manifest) {
        Ok(manifest) => {
            check(&Question { file, name: &name, manifest: &manifest, plan, uses: &uses }).unwrap_or_else(unusable)
        }
        Err(error) => unusable(error.to_string()),
    }
}

type Check = fn(&Question<'_>) -> Result<Vec<ConfigError>, String>;

/// A manifest, and what is to be found in it.
struct Question<'q> {
    /// The configuration's file.
    file: &'q Path,
    /// The name of the manifest.
    name: &'q str,
    /// Its text.
    manifest: &'q str,
    plan: &'q Plan,
    uses: &'q Uses,
}

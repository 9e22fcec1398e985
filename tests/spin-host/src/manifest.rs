//! The part of `spin.toml` that this host understands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Mount, ServeOptions};

/// A `spin.toml` with one component.
#[derive(Debug)]
pub struct Manifest {
    /// The component's file.
    pub source: PathBuf,
    /// How it is served; variables without a default are missing.
    pub options: ServeOptions,
    /// The variables that must be given a value.
    pub required: BTreeSet<String>,
}

/// Reads the `spin.toml` at `path`; paths in it are relative to its directory.
///
/// # Errors
/// A message that says what is wrong.
pub fn read(path: &Path) -> Result<Manifest, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let root = path.parent().unwrap_or(Path::new("."));
    parse(&text, root).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(text: &str, root: &Path) -> Result<Manifest, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut components = document.component.into_values();
    let component = components.next().ok_or("no component")?;
    if components.next().is_some() {
        return Err("more than one component".to_owned());
    }
    let mut options = ServeOptions {
        allowed_outbound_hosts: component.allowed_outbound_hosts,
        key_value_stores: component.key_value_stores,
        sqlite_databases: component.sqlite_databases,
        ..ServeOptions::default()
    };
    for file in component.files {
        options.files.push(match file {
            File::Path(path) if path.contains('*') => return Err(format!("`{path}`: patterns are not understood")),
            File::Path(path) => Mount { source: root.join(&path), destination: format!("/{path}") },
            File::Mount { source, destination } => Mount { source: root.join(source), destination },
        });
    }
    let mut required = BTreeSet::new();
    for (name, variable) in document.variables {
        match variable.default {
            Some(default) => drop(options.variables.insert(name, default)),
            None => drop(required.insert(name)),
        }
    }
    // A component sees an application variable under its own name for it.
    let visible: BTreeMap<String, String> = component.variables;
    for (name, template) in &visible {
        if template.replace(' ', "") != format!("{{{{{name}}}}}") {
            return Err(format!("variable `{name}`: only the template `{{{{ {name} }}}}` is understood"));
        }
    }
    options.variables.retain(|name, _| visible.contains_key(name));
    required.retain(|name| visible.contains_key(name));
    Ok(Manifest { source: root.join(component.source), options, required })
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Variable {
    default: Option<String>,
}

#[derive(Deserialize)]
struct Component {
    source: PathBuf,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    key_value_stores: BTreeSet<String>,
    #[serde(default)]
    sqlite_databases: BTreeSet<String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Path(String),
    Mount { source: PathBuf, destination: String },
}

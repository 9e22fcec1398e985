//! `spin.toml`: variables, stores, and the hosts that the component may call.

use std::collections::BTreeMap;

use gateway_core::config::{ConfigError, JsonPath};
use serde::Deserialize;

use super::{Question, hosts};

/// The path at which the component reads its configuration.
const CONFIGURATION: &str = "/gateway.json";

/// The store and the database that the component opens.
const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    variables: BTreeMap<String, toml::Value>,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Pattern(String),
    Mount { destination: String },
}

impl Component {
    /// Returns whether it is the gateway of the configuration in the file of this name.
    fn mounts(&self, name: &str) -> bool {
        self.files.iter().any(|file| match file {
            File::Pattern(pattern) => pattern == name || pattern.contains('*'),
            File::Mount { destination } => ["/", CONFIGURATION].contains(&&**destination),
        })
    }
}

/// The errors of a configuration that uses what `spin.toml` does not declare.
pub(super) fn faults(question: &Question<'_>) -> Result<Vec<ConfigError>, String> {
    let Question { file, name: manifest, plan, uses, .. } = question;
    let document: Document = toml::from_str(question.manifest).map_err(|error| error.message().to_owned())?;
    if document.component.is_empty() {
        return Ok(Vec::new());
    }
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let Some((id, component)) = document.component.iter().find(|(_, component)| component.mounts(&file)) else {
        let help = format!("add `files = [\"{file}\"]` to the component of the gateway");
        return Ok(vec![
            ConfigError::new(JsonPath::root(), format!("no component of `{manifest}` has this file")).with_help(help),
        ]);
    };
    let mut faults = Vec::new();

    for (at, secret) in &uses.secrets {
        let name = secret.to_ascii_lowercase();
        let declaration = format!("`{name} = {{ required = true, secret = true }}` under `[variables]`");
        let passing = format!("`{name} = \"{{{{ {name} }}}}\"` under `[component.{id}.variables]`");
        let help = match (component.variables.get(&name), document.variables.contains_key(&name)) {
            (Some(template), false) if template.replace(' ', "") == format!("{{{{{name}}}}}") => declaration,
            (Some(_), _) => continue,
            (None, true) => passing,
            (None, false) => format!("{declaration}, and {passing}"),
        };
        let message = format!("`{manifest}` does not give the component the secret `{secret}`");
        faults.push(ConfigError::new(at.clone(), message).with_help(format!("add {help}")));
    }

    let mut store = |at: &Option<JsonPath>, what: &str, list: &str, names: &[String]| {
        if let Some(at) = at
            && !names.iter().any(|name| name == DEFAULT)
        {
            let help = format!("add `{list} = [\"{DEFAULT}\"]` under `[component.{id}]`");
            let message = format!("`{manifest}` does not give the component a store for {what}");
            faults.push(ConfigError::new(at.clone(), message).with_help(help));
        }
    };
    let values = uses.key_values.clone().or_else(|| uses.responses.clone().filter(|_| plan.responses_redis.is_none()));
    store(&values, "values", "key_value_stores", &component.key_value_stores);
    if plan.counters_redis.is_none() {
        store(&uses.counters, "counters", "sqlite_databases", &component.sqlite_databases);
    }

    for (at, other) in uses.own_members("spin", "component") {
        if !document.component.contains_key(&other) {
            let message = format!("`{manifest}` has no component `{other}`");
            let help = format!("it has: {}", document.component.keys().cloned().collect::<Vec<_>>().join(", "));
            faults.push(ConfigError::new(at, message).with_help(help));
        }
    }
    for upstream in &plan.upstreams {
        for (index, endpoint) in upstream.endpoints.iter().enumerate() {
            let (scheme, host, port) = (endpoint.scheme.as_str(), &endpoint.host, endpoint.port);
            if hosts::allow(&component.allowed_outbound_hosts, scheme, host, port) {
                continue;
            }
            let place = format!("{scheme}://{}", String::from_utf8_lossy(endpoint.authority.as_bytes()));
            let message = format!("`{manifest}` does not let the component call `{place}`");
            let help = format!("add `\"{place}\"` to `allowed_outbound_hosts` under `[component.{id}]`");
            let at = upstream.internal.clone().unwrap_or_else(|| uses.address(&upstream.name, "spin", index));
            faults.push(ConfigError::new(at, message).with_help(help));
        }
    }
    Ok(faults)
}

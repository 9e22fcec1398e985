//! `wrangler.toml`, or the same in JSON: the bindings of the Worker.

use gateway_core::config::{ConfigError, JsonPath};
use serde::Deserialize;

use super::Question;

/// The binding of the counters' Durable Objects.
const COUNTERS: &str = "COUNTERS";

/// The binding of the key-value store.
const KEY_VALUE: &str = "KEY_VALUE";

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    services: Vec<Binding>,
    #[serde(default)]
    kv_namespaces: Vec<Binding>,
    #[serde(default)]
    ratelimits: Vec<Binding>,
    #[serde(default)]
    durable_objects: Objects,
    #[serde(default)]
    vars: serde_json::Map<String, serde_json::Value>,
    secrets: Option<Secrets>,
}

#[derive(Deserialize)]
struct Binding {
    #[serde(alias = "name")]
    binding: String,
}

#[derive(Default, Deserialize)]
struct Objects {
    #[serde(default)]
    bindings: Vec<Binding>,
}

/// The secrets that a deployment needs; without the list nothing is known of them.
#[derive(Deserialize)]
struct Secrets {
    #[serde(default)]
    required: Vec<String>,
}

/// The errors of a configuration that uses what the manifest does not declare.
pub(super) fn faults(question: &Question<'_>) -> Result<Vec<ConfigError>, String> {
    let Question { name: manifest, uses, .. } = question;
    let is_toml = manifest.ends_with(".toml");
    let document: Document = if is_toml {
        toml::from_str(question.manifest).map_err(|error| error.message().to_owned())?
    } else {
        jsonc_parser::parse_to_serde_value(question.manifest, &jsonc_parser::ParseOptions::default())
            .map_err(|error| error.to_string())?
    };
    let mut faults = Vec::new();
    let mut need = |at: &JsonPath, message: String, toml: String, json: String| {
        let help = format!("add {} to `{manifest}`", if is_toml { toml } else { json });
        faults.push(ConfigError::new(at.clone(), message).with_help(help));
    };
    let has = |bindings: &[Binding], name: &str| bindings.iter().any(|binding| binding.binding == name);

    if let Some(at) = &uses.counters
        && !has(&document.durable_objects.bindings, COUNTERS)
    {
        need(
            at,
            format!("`{manifest}` has no binding `{COUNTERS}` for counters"),
            format!("`[[durable_objects.bindings]]` with `name = \"{COUNTERS}\"` and `class_name = \"CounterCell\"`"),
            format!(r#"`"durable_objects": {{"bindings": [{{"name": "{COUNTERS}", "class_name": "CounterCell"}}]}}`"#),
        );
    }
    if let Some(at) = uses.key_values.as_ref().or(uses.responses.as_ref())
        && !has(&document.kv_namespaces, KEY_VALUE)
    {
        need(
            at,
            format!("`{manifest}` has no binding `{KEY_VALUE}` for values"),
            format!("`[[kv_namespaces]]` with `binding = \"{KEY_VALUE}\"`"),
            format!(r#"`"kv_namespaces": [{{"binding": "{KEY_VALUE}"}}]`"#),
        );
    }
    for (at, limiter) in &uses.rate_limiters {
        if !has(&document.ratelimits, limiter) {
            need(
                at,
                format!("`{manifest}` has no RateLimiter binding `{limiter}`"),
                format!(
                    "`[[ratelimits]]` with `name = \"{limiter}\"`, `namespace_id` and `simple = {{ limit, period }}`"
                ),
                format!(
                    r#"`"ratelimits": [{{"name": "{limiter}", "namespace_id": "1", "simple": {{"limit": 100, "period": 60}}}}]`"#
                ),
            );
        }
    }
    for (at, service) in &uses.own_members("cloudflare", "service") {
        if !has(&document.services, service) {
            need(
                at,
                format!("`{manifest}` has no service binding `{service}`"),
                format!("`[[services]]` with `binding = \"{service}\"` and the Worker's name as `service`"),
                format!(r#"`"services": [{{"binding": "{service}", "service": "…"}}]`, with the Worker's name"#),
            );
        }
    }
    if let Some(Secrets { required }) = &document.secrets {
        let unlisted = |(_, name): &&(_, String)| !required.contains(name) && !document.vars.contains_key(name);
        for (at, secret) in uses.secrets.iter().filter(unlisted) {
            let message = format!("`{manifest}` does not list the secret `{secret}`");
            faults.push(
                ConfigError::new(at.clone(), message).with_help(format!("add `\"{secret}\"` to `secrets.required`")),
            );
        }
    }
    Ok(faults)
}

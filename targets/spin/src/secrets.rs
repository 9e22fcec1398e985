//! Secrets from Spin variables: the secret `API_KEY` is the variable `api_key`.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::plan::{Secrets, is_secret_name};
use serde_json::Value;
use spin_sdk::variables;

/// The secrets that a configuration names, by their names there.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Fetches the variables that `configuration` refers to. The plan reports missing ones.
    pub(crate) async fn fetch(configuration: &str) -> Self {
        let mut names = BTreeSet::new();
        if let Ok(document) = serde_json::from_str(configuration) {
            collect_names(&document, &mut names);
        }
        let mut values = BTreeMap::new();
        for name in names {
            if let Ok(value) = variables::get(name.to_ascii_lowercase()).await {
                values.insert(name, value);
            }
        }
        Self(values)
    }
}

impl Secrets for Variables {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// Collects the names in all members `"secret": "NAME"`. The depth is that of the JSON, which its parser bounds.
fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    // Any other text may be a secret pasted in place of its name, and must not get into the host's log
                    // either.
                    Value::String(text) if name == "secret" && is_secret_name(text) => drop(names.insert(text.clone())),
                    member => collect_names(member, names),
                }
            }
        }
        _ => {}
    }
}

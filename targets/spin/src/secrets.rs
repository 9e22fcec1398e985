//! Secrets and variables from Spin variables: the secret `API_KEY`, and `${API_KEY}`, is the variable `api_key`.

use std::collections::BTreeMap;

use gateway_core::config::{References, Variable};
use gateway_core::plan::{Secrets, is_secret_name};
use spin_sdk::variables;

/// The secrets and variables that a configuration names, by their names there.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Fetches the variables that `configuration` refers to. The plan reports missing ones.
    pub(crate) async fn fetch(configuration: &str) -> Self {
        // Any other text may be a secret pasted in place of its name, and must not get into the host's log either.
        let References { secrets, variables } = References::in_text(configuration);
        let names = secrets.into_iter().filter(|name| is_secret_name(name)).chain(variables.into_keys());
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

    fn variable(&self, name: &str) -> Variable {
        self.0.get(name).cloned().map_or(Variable::Unset, Variable::Set)
    }
}

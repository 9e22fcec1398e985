//! Secrets from the Worker's environment: its text bindings.

use std::collections::HashMap;

use gateway_core::plan::Secrets;

/// The text bindings of the Worker, as the glue sends them: one JSON object.
#[derive(Debug)]
pub(crate) struct Bindings(HashMap<String, String>);

impl Bindings {
    /// Reads `{"NAME": "value", …}`; anything else holds no secret.
    pub(crate) fn parse(json: &[u8]) -> Self {
        Self(serde_json::from_slice(json).unwrap_or_default())
    }
}

impl Secrets for Bindings {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// Stands for every secret while a configuration is checked where the values are not.
#[derive(Debug)]
pub(crate) struct Assumed;

impl Secrets for Assumed {
    fn secret(&self, _: &str) -> Option<String> {
        Some("assumed".to_owned())
    }
}

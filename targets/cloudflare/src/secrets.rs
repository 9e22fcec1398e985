//! Secrets and variables from the Worker's environment: its text bindings.

use std::collections::HashMap;

use gateway_core::config::Variable;
use gateway_core::plan::Secrets;

/// The text bindings of the Worker, from the glue: one JSON object.
#[derive(Debug)]
pub(crate) struct Bindings(HashMap<String, String>);

impl Bindings {
    /// Reads `{"NAME": "value", …}`; any other JSON holds no secret.
    pub(crate) fn parse(json: &[u8]) -> Self {
        Self(serde_json::from_slice(json).unwrap_or_default())
    }
}

impl Secrets for Bindings {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn variable(&self, name: &str) -> Variable {
        self.0.get(name).cloned().map_or(Variable::Unset, Variable::Set)
    }
}

/// A stand-in for every secret and variable, for checks where the values are unknown.
#[cfg(any(test, feature = "thorough"))]
#[derive(Debug)]
pub(crate) struct Assumed;

#[cfg(any(test, feature = "thorough"))]
impl Secrets for Assumed {
    fn secret(&self, _: &str) -> Option<String> {
        Some("assumed".to_owned())
    }

    fn variable(&self, _: &str) -> Variable {
        Variable::Unknown
    }
}

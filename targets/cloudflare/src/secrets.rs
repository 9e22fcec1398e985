//! Secrets and variables from the Worker's environment: its text bindings.

use gateway_core::config::Variable;
use gateway_core::plan::Secrets;
use serde_json::{Map, Value};

/// The text bindings of the Worker, from the glue: one JSON object.
#[derive(Debug)]
pub(crate) struct Bindings(Map<String, Value>);

impl Bindings {
    /// Reads `{"NAME": "value", …}`; any other JSON holds no secret.
    pub(crate) fn parse(json: &[u8]) -> Self {
        Self(match serde_json::from_slice(json) {
            Ok(Value::Object(bindings)) => bindings,
            _ => Map::new(),
        })
    }
}

impl Secrets for Bindings {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    fn variable(&self, name: &str) -> Variable {
        self.secret(name).map_or(Variable::Unset, Variable::Set)
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

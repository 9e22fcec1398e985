//! `spin:variables`: the application's variables.

use wasmtime::component::{Accessor, HasSelf};

use crate::app::State;
use crate::bindings::variables::variables::{Error, Host, HostWithStore};

impl Host for State {}

impl<T: Send> HostWithStore<T> for HasSelf<State> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(accessor.with(|mut access| {
            if !is_name(&name) {
                return Err(Error::InvalidName(name));
            }
            let value = access.get().shared.options.variables.get(&name).cloned();
            value.ok_or_else(|| Error::Undefined(format!("no variable for {name:?}")))
        }))
    }
}

/// Spin takes lower-case letters, digits and single underscores between them, the first one a letter.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_')
}

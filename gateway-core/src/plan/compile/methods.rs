//! The methods that a configuration adds to the usual ones.

use super::Compiler;
use super::at::At;
use crate::config::lazily;
use crate::route::{AddError, Methods};

impl Compiler<'_> {
    /// Adds the methods of `network.methods`.
    pub(super) fn add_methods(&mut self, at: &At<'_>) {
        let config = self.config;
        for (index, name) in config.network.methods.iter().enumerate() {
            let at = at.index(index);
            match self.methods.add(name) {
                Ok(()) => self.check_method(&at, name),
                Err(error) => {
                    self.error_with(&at, format_args!("`{name}`: {error}"), lazily(|| help(error)));
                    if error == AddError::TooMany {
                        break;
                    }
                }
            }
        }
    }

    /// Reports a method that the platform does not let in.
    fn check_method(&mut self, at: &At<'_>, name: &str) {
        let Some(known) = self.capabilities.further_methods else { return };
        if !known.contains(&name) {
            let platform = self.capabilities.name;
            let help = lazily(|| format!("remove it; what can be added there is {}", known.join(", ")));
            self.error_with(at, format_args!("{platform} does not know `{name}`"), help);
        }
    }
}

fn help(error: AddError) -> String {
    match error {
        AddError::NoMethod => "name one method, such as `PROPFIND`".to_owned(),
        AddError::Tunnel | AddError::Usual => "remove it".to_owned(),
        AddError::Twice => "remove one".to_owned(),
        AddError::TooMany => format!("keep at most {}", Methods::MOST),
    }
}

//! Loading where mistakes are not told: on a host that is given only what a thorough check has accepted.

use core::fmt;

use super::compile::compile_unproved;
use super::{Plan, Secrets};
use crate::capabilities::Capabilities;
use crate::config::{self, ConfigError, Unread};

/// The first mistake that kept a configuration from being loaded: its place, and what it is where no check elsewhere can find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The message: lower case, no full stop, the author's words in backticks.
    pub message: String,
    /// The way to mend it, if it is due to where the gateway runs. Anything else is for a thorough check to tell.
    pub help: Option<String>,
}

/// Reads and compiles the text of a `gateway.json` as [`load`](super::load) does, but stops at a mistake, and does not prove that no
/// two routes take one request: of those that rank the same, the first of the file does.
///
/// # Errors
/// The first mistake.
pub fn load_straight(text: &str, capabilities: &Capabilities, secrets: &dyn Secrets) -> Result<Plan, LoadError> {
    let config = config::read_straight(text, &|name| secrets.variable(name))?;
    compile_unproved(&config, capabilities, secrets).map_err(|errors| match errors.into_iter().next() {
        Some(error) => error.into(),
        None => LoadError { message: "the configuration is wrong".to_owned(), help: None },
    })
}

impl From<Unread> for LoadError {
    #[cold]
    fn from(Unread { line, unset }: Unread) -> Self {
        match unset {
            Some(name) => Self {
                message: format!("line {line}: the variable `{name}` is not set"),
                help: Some(format!("set it where the gateway runs, or write a default: `${{{name}:-…}}`")),
            },
            None => Self { message: format!("there is a mistake about line {line}"), help: None },
        }
    }
}

impl From<ConfigError> for LoadError {
    #[cold]
    fn from(error: ConfigError) -> Self {
        let path = error.path.to_string();
        let message = match (path.is_empty(), error.message.is_empty()) {
            (true, true) => "the configuration is wrong".to_owned(),
            (true, false) => error.message,
            (false, true) => format!("`{path}` is wrong"),
            (false, false) => format!("`{path}`: {}", error.message),
        };
        Self { message, help: error.help }
    }
}

/// `error: MESSAGE`, and the help below it.
impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for LoadError {}

//! Variables given on the command line.

use std::collections::BTreeMap;

use clap::Args;
use gateway_core::config::Variable;
use gateway_core::plan::Secrets;

use crate::platform::secrets::NativeSecrets;

/// The variables of a configuration, for commands that serve nothing.
#[derive(Debug, Default, Args)]
pub(super) struct Variables {
    /// A variable of the configuration, in place of the environment's; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse)]
    env: Vec<(String, String)>,
}

fn parse(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `NAME=value`")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Variables {
    /// Returns `known`, with these variables in place of its own.
    pub(super) fn before(&self, known: NativeSecrets) -> Given {
        Given { variables: self.env.iter().cloned().collect(), known }
    }
}

/// Secrets and variables, some of which come from the command line.
#[derive(Debug)]
pub(super) struct Given {
    variables: BTreeMap<String, String>,
    known: NativeSecrets,
}

impl Secrets for Given {
    fn secret(&self, name: &str) -> Option<String> {
        self.known.secret(name)
    }

    fn variable(&self, name: &str) -> Variable {
        match self.variables.get(name) {
            Some(value) => Variable::Set(value.clone()),
            None => self.known.variable(name),
        }
    }
}

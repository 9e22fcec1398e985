//! `edgeway ready`: whether a gateway that runs wants requests, for containers and scripts.

use std::process::ExitCode;

use clap::Args;
use http::{Method, Uri};

use super::ask::AdminArgs;
use super::output::print;

/// Ask a gateway that runs whether it is ready for requests: for health checks of containers, where there is no other program
#[derive(Debug, Args)]
#[command(after_help = "\
Exits with 0 if it is, and with 1 if it is not: because it is not there, is about to end, or has no admin endpoints.
Natively these are `\"server\": {\"admin\": \"9901\"}` in the configuration.

Example:
  edgeway ready --admin http://127.0.0.1:9901")]
pub(super) struct Ready {
    /// Its admin endpoints
    // By its address: an image that has nothing else has no `localhost`.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901")]
    admin: Uri,
    /// The environment variable with the token that they ask for
    #[arg(long, value_name = "NAME", default_value = "EDGEWAY_ADMIN_TOKEN")]
    token_env: String,
}

impl Ready {
    pub(super) fn run(self) -> ExitCode {
        let gateway = AdminArgs { admin: self.admin, token_env: self.token_env };
        match gateway.ask(Method::GET, "/ready", None) {
            Ok(_) => print("ready\n", ExitCode::SUCCESS),
            Err(code) => code,
        }
    }
}

//! `edgeway purge`

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use http::Method;
use serde_json::json;

use super::ask::AdminArgs;
use super::output::{print, print_json};

/// Purge stored responses of a gateway that runs: by URL, by the beginning of URLs, by tag, or all of them
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true).multiple(true),
    after_help = "\
A tag is one of those that a response lists in `Cache-Tag` or `Surrogate-Key`. With --soft, what is purged counts as stale:
it is served while it is asked for again, or where the upstream fails, as the policy and the response allow.

Example:
  edgeway purge --admin http://localhost:9901 --tag product-17 --prefix https://api.example.com/products"
)]
pub(super) struct Purge {
    #[command(flatten)]
    gateway: AdminArgs,
    /// A URL, whole and as clients ask for it
    #[arg(long, value_name = "URL", group = "which")]
    url: Vec<String>,
    /// The beginning of URLs
    #[arg(long, value_name = "URL", group = "which")]
    prefix: Vec<String>,
    /// A tag
    #[arg(long, value_name = "TAG", group = "which")]
    tag: Vec<String>,
    /// All that is stored
    #[arg(long, group = "which")]
    all: bool,
    /// Have it counted as stale, in place of gone
    #[arg(long)]
    soft: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Purge {
    pub(super) fn run(self) -> ExitCode {
        let Self { gateway, url, prefix, tag, all, soft, json } = self;
        let content = json!({"urls": url, "prefixes": prefix, "tags": tag, "all": all, "soft": soft});
        if let Err(code) = gateway.ask(Method::PUT, "/purges", Some(&content)) {
            return code;
        }
        if json {
            return print_json(&json!({"purged": content}), ExitCode::SUCCESS);
        }
        let mut text = String::new();
        let named = [("url", &url), ("prefix", &prefix), ("tag", &tag)];
        for (kind, name) in named.iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name))) {
            text.push_str(&format!("{kind:<8}{name}\n"));
        }
        if all {
            text.push_str("all\n");
        }
        let effect = if soft { "counts as stale from now on" } else { "is purged" };
        print(&format!("{text}What is stored of this {effect}\n"), ExitCode::SUCCESS)
    }
}

//! `edgeway purge`

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use http::Method;
use serde_json::{Value, json};

use super::ask::AdminArgs;
use super::output::{print, print_json, sayln};
use super::style::Style;

/// Purge stored responses of a gateway that runs: by URL, by the beginning of URLs, by tag, or all of them
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true).multiple(true),
    after_help = "\
A tag is one of those that a response lists in `Cache-Tag` or `Surrogate-Key`.
With --soft, responses count as stale in place of gone: as the policy and the responses allow,
they are served while they are asked for again, or where the upstream fails.

Example:
  edgeway purge --admin http://localhost:9901 --tag product-17 --tag product-18
  edgeway purge --admin http://localhost:9901 --prefix https://api.example.com/products"
)]
pub(super) struct Purge {
    #[command(flatten)]
    gateway: AdminArgs,
    /// A URL, whole and as clients ask for it, with their scheme, host and port; may be given several times
    #[arg(long, value_name = "URL", group = "which")]
    url: Vec<String>,
    /// The beginning of URLs; may be given several times
    #[arg(long, value_name = "URL", group = "which")]
    prefix: Vec<String>,
    /// A tag; may be given several times
    #[arg(long, value_name = "TAG", group = "which", value_parser = NonEmptyStringValueParser::new())]
    tag: Vec<String>,
    /// All that is stored
    #[arg(long, group = "which")]
    all: bool,
    /// Have it count as stale, in place of gone
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
        let answer = match gateway.ask(Method::PUT, "/purges", Some(&content)) {
            Ok(answer) => answer,
            Err(code) => return code,
        };
        let (resources, unserved) = (answer.get("resources").and_then(Value::as_u64), answer.get("unserved"));
        if json {
            let members = json!({"purged": content, "resources": resources, "unserved": unserved});
            return print_json(&members, ExitCode::SUCCESS);
        }
        let style = Style::stderr();
        for url in unserved.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            let warning = style.bold("warning");
            let said = format!(
                "{warning}: no route with a `cache` takes {}; write it as clients ask for it, with their scheme, host and port",
                url.escape_debug()
            );
            sayln!("{}", style.wrapped(&said, 4));
        }
        let mut text = String::new();
        let named = [("url", &url), ("prefix", &prefix), ("tag", &tag)];
        for (kind, name) in named.iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name))) {
            text.push_str(&format!("{kind:<8}{name}\n"));
        }
        if all {
            text.push_str("all\n");
        }
        let effect = match (soft, resources) {
            (false, Some(0)) => "Nothing of it is stored in memory; what is on its way is purged".to_owned(),
            (true, Some(0)) => "Nothing of it is stored in memory; what is on its way counts as stale".to_owned(),
            (false, Some(1)) => "1 stored URL is purged".to_owned(),
            (true, Some(1)) => "1 stored URL counts as stale from now on".to_owned(),
            (false, Some(number)) => format!("{number} stored URLs are purged"),
            (true, Some(number)) => format!("{number} stored URLs count as stale from now on"),
            (false, None) => "Whatever is stored of it is purged".to_owned(),
            (true, None) => "Whatever is stored of it counts as stale from now on".to_owned(),
        };
        print(&format!("{text}{effect}\n"), ExitCode::SUCCESS)
    }
}

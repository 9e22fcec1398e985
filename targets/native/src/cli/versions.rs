//! `edgeway versions`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::ask::AdminArgs;
use super::output::{print, print_json, sayln};
use super::style::Style;

/// Tell the versions of the APIs of a gateway that runs, when they end, and who still calls them
#[derive(Debug, Args)]
#[command(after_help = "\
Requests are counted since the gateway has started, by the consumers of its configuration.

Example:
  edgeway versions --admin http://localhost:9901 --api orders")]
pub(super) struct Versions {
    #[command(flatten)]
    gateway: AdminArgs,
    /// An API, by its name; may be given several times
    #[arg(long, value_name = "NAME")]
    api: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Versions {
    pub(super) fn run(self) -> ExitCode {
        let Self { gateway, api, json } = self;
        let answer = match gateway.ask(Method::GET, "/versions", None) {
            Ok(answer) => answer,
            Err(code) => return code,
        };
        let all = answer.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
        let names: Vec<&str> = all.iter().filter_map(|version| version.get("api")?.as_str()).collect();
        if let Some(unknown) = api.iter().find(|name| !names.contains(&name.as_str())) {
            let help = match gateway_core::config::suggest(unknown, names.iter().copied()) {
                Some(near) => format!(": did you mean `{near}`?"),
                None if names.is_empty() => ": none has".to_owned(),
                None => String::new(),
            };
            sayln!("{}: no API `{}` has versions{help}", Style::stderr().red("error"), shown(unknown));
            return ExitCode::FAILURE;
        }
        let is_asked =
            |version: &Value| api.is_empty() || api.iter().any(|name| version.get("api") == Some(&json!(name)));
        let versions: Vec<Value> = all.iter().filter(|version| is_asked(version)).cloned().collect();
        if json {
            return print_json(&json!({ "versions": versions }), ExitCode::SUCCESS);
        }
        if versions.is_empty() {
            return print("No API has versions\n", ExitCode::SUCCESS);
        }
        print(&versions.iter().map(lines).collect::<String>(), ExitCode::SUCCESS)
    }
}

/// A version, with a line for each that calls it.
fn lines(version: &Value) -> String {
    let text = |name: &str| version.get(name).and_then(Value::as_str).map(shown);
    let count = |of: &Value| of.get("requests").and_then(Value::as_u64).unwrap_or_default();
    let mut line = format!("{}  {}", text("api").unwrap_or_default(), text("version").unwrap_or_default());
    for (name, word) in [("deprecated", "deprecated"), ("sunset", "gone"), ("successor", "followed by")] {
        line.extend(text(name).map(|at| format!("  {word} {at}")));
    }
    let requests = count(version);
    line.push_str(&format!("  {requests} {}\n", if requests == 1 { "request" } else { "requests" }));
    let consumers = version.get("consumers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut others = requests;
    for consumer in consumers {
        let name = consumer.get("name").and_then(Value::as_str).map(shown).unwrap_or_default();
        others = others.saturating_sub(count(consumer));
        line.push_str(&format!("  {:>10}  {name}\n", count(consumer)));
    }
    if others > 0 && !consumers.is_empty() {
        line.push_str(&format!("  {others:>10}  of nobody known\n"));
    }
    line
}

/// Without what a terminal would obey.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

//! `edgeway import`

mod merge;
mod openapi;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use gateway_core::document::Value;
use gateway_core::policy::openapi::Description;
use serde_json::json;

use self::merge::Merged;
use self::openapi::Api;
use super::output::{print, print_json, sayln};
use super::style::Style;
use crate::text_file::read_text;

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    Openapi(OpenApi),
}

impl Import {
    pub(super) fn run(self) -> ExitCode {
        let Self::Openapi(command) = self;
        command.run().unwrap_or_else(|code| code)
    }
}

/// Make an API of a document of OpenAPI 3.0 or 3.1: its description, a route for each operation, and an upstream
#[derive(Debug, Args)]
#[command(after_help = "\
The file of --into is a configuration, or a file that one includes; a new one is made if
it is not there. If it has the API already, only the document is replaced, and new
operations get routes: what you have changed in the API, its routes and its upstream
stays. Operations that are gone are told.

Example:
  edgeway import openapi petstore.yaml --name pets --into gateway.json")]
pub(super) struct OpenApi {
    /// The document, in JSON or YAML
    document: PathBuf,
    /// The name of the API [default: the title of the document]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The URL of the service [default: the first of the document's `servers`]
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The prefix of the API's paths [default: the path in the first of `servers`]
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    /// Write into this file, instead of printing what it would have
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Tell what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl OpenApi {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let shown = self.document.display();
        let text = read_text(&self.document).map_err(|error| failure(&format!("`{shown}` can't be read: {error}")))?;
        let document = read(&text).map_err(|why| failure(&format!("`{shown}` is not understood: {why}")))?;
        if let Err(mistakes) = Description::load(&document, true) {
            let style = Style::stderr();
            for mistake in mistakes.iter().take(20) {
                let said = format!("{}: {shown}: {}", style.bold("error"), mistake.to_string().escape_debug());
                sayln!("{}", style.wrapped(&said, 4));
            }
            if mistakes.len() > 20 {
                sayln!("{} mistakes in all", mistakes.len());
            }
            return Err(ExitCode::FAILURE);
        }
        let api = Api::of(&document, self.name.as_deref(), self.upstream.as_deref(), self.prefix.as_deref())
            .map_err(|why| failure(&why))?;
        let before = match &self.into {
            Some(path) if path.exists() => {
                let read = read_text(path);
                read.map_err(|error| failure(&format!("`{}` can't be read: {error}", path.display())))?
            }
            _ => "{}\n".to_owned(),
        };
        let merged = merge::merge(&before, &api).map_err(|why| failure(&why))?;
        let is_written = self.into.is_some() && !self.dry_run && merged.text != before;
        if let Some(path) = self.into.as_ref().filter(|_| is_written) {
            let written = std::fs::write(path, &merged.text);
            written.map_err(|error| failure(&format!("`{}` can't be written: {error}", path.display())))?;
        }
        if self.json {
            let value = json!({
                "api": api.name,
                "prefix": api.prefix,
                "upstream": api.upstream,
                "operations": api.operations.len(),
                "isNew": merged.is_new,
                "added": merged.added,
                "moved": merged.moved,
                "gone": merged.gone,
                "written": self.into.as_ref().filter(|_| is_written).map(|path| path.display().to_string()),
            });
            return Ok(print_json(&value, ExitCode::SUCCESS));
        }
        if self.into.is_none() {
            return Ok(print(&merged.text, ExitCode::SUCCESS));
        }
        Ok(print(&self.told(&api, &merged, is_written), ExitCode::SUCCESS))
    }

    fn told(&self, api: &Api, merged: &Merged, is_written: bool) -> String {
        let below = if api.prefix.is_empty() { String::new() } else { format!(", below {}", api.prefix) };
        let mut text = format!("api         {}{below}\n", api.name);
        if merged.is_new {
            text.push_str(&format!("upstream    {}\n", api.upstream));
        }
        text.push_str(&format!("operations  {}\n", api.operations.len()));
        for (index, name) in merged.added.iter().enumerate().take(20) {
            let label = if index == 0 { "new" } else { "" };
            text.push_str(&format!("{label:<12}{name}\n"));
        }
        if merged.added.len() > 20 {
            text.push_str(&format!("{:<12}and {} more\n", "", merged.added.len() - 20));
        }
        for (index, name) in merged.moved.iter().enumerate() {
            let label = if index == 0 { "moved" } else { "" };
            text.push_str(&format!("{label:<12}{name}\n"));
        }
        for (index, name) in merged.gone.iter().enumerate() {
            let label = if index == 0 { "gone" } else { "" };
            text.push_str(&format!("{label:<12}{name}: the route stays, and its requests are refused; remove it\n"));
        }
        let path = self.into.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        text.push_str(&match (is_written, self.dry_run) {
            (true, _) => format!("written     {path}\n"),
            (false, true) => format!("dry run     {path} is as it was\n"),
            (false, false) => format!("unchanged   {path}\n"),
        });
        text
    }
}

/// Reads a document in JSON or YAML.
fn read(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return Value::read(text.as_bytes()).map_err(|fault| fault.to_string());
    }
    serde_saphyr::from_str::<Value>(text)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

fn failure(why: &dyn Display) -> ExitCode {
    let style = Style::stderr();
    sayln!("{}", style.wrapped(&format!("{}: {why}", style.bold("error")), 4));
    ExitCode::FAILURE
}

//! `edgeway transform DOCUMENT`: a document after the edits of content of a route, or after one edit.
//!
//! What edits is the core's own code, and what is printed is what would be sent.

mod edits;
mod kind;
mod run;
mod shown;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use gateway_core::policy::body_edit::Form;
use gateway_core::trace::Direction;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use self::edits::Edits;
use self::run::{Edited, run};
use super::findings::Findings;
use super::inspect::status;
use super::output::{print_bytes, print_json, sayln};
use super::source::Source;
use super::style::Style;

/// Edit a document as a route edits content, or try one edit on it
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("edits").required(true),
    after_help = "\
The edits run through the code that serves. In a pipe the result is what would be sent, byte for byte;
a terminal shows JSON in lines.

Examples:
  edgeway transform order.json --route shop/orders --response
  edgeway transform order.json --edit '{\"json\": [{\"rename\": {\"/nr\": \"id\"}}]}' --steps"
)]
pub(super) struct Transform {
    /// The document, or `-` for standard input
    document: PathBuf,
    /// A route, by its name: it does all of its edits of content
    #[arg(long, value_name = "NAME", group = "edits")]
    route: Option<String>,
    /// An edit, as `body` has it in a configuration, or its list of steps in JSON; or a file with it
    #[arg(long, value_name = "EDIT", group = "edits", conflicts_with = "file")]
    edit: Option<String>,
    /// The version of the route's API [default: the one that requests get which state none]
    #[arg(long, value_name = "NAME", conflicts_with = "edit")]
    api_version: Option<String>,
    /// Edit it as the content of a request [default: that which the route edits]
    #[arg(long, conflicts_with = "response")]
    request: bool,
    /// Edit it as the content of a response
    #[arg(long)]
    response: bool,
    /// The status of the response [default: 200]
    #[arg(long, value_name = "STATUS", value_parser = status, conflicts_with = "request")]
    status: Option<StatusCode>,
    /// The media type of the document [default: by its name, or else that which the edit is for]
    #[arg(long = "type", value_name = "MEDIA")]
    media_type: Option<HeaderValue>,
    /// The URL of the request, or just its path, for texts that depend on it
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A header field of the request; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Show what each step changes, in place of the result
    #[arg(long, alias = "show-steps")]
    steps: bool,
    #[command(flatten)]
    source: Source,
}

/// The most of a document that is read, in bytes: more than any edit takes.
const MOST: u64 = 64 * 1024 * 1024;

impl Transform {
    pub(super) fn run(self) -> ExitCode {
        match self.edited() {
            Ok((edited, mapped)) => self.print(&edited, mapped),
            Err(findings) => findings.print(self.source.format()),
        }
    }

    /// The document after the edits, and the status that a response gets in place of its own.
    fn edited(&self) -> Result<(Edited, Option<StatusCode>), Box<Findings>> {
        let edits = Edits::of(self)?;
        let content = self.content()?;
        let failed = |message| self.failure(message);
        let kind = match &self.media_type {
            Some(kind) => kind.clone(),
            None => kind::of(&self.document, &content, edits.first_form()).map_err(failed)?,
        };
        let call = edits.call(self.url.as_deref(), &self.header).map_err(failed)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind);
        let status = self.status.unwrap_or(StatusCode::OK);
        let chosen = edits.chosen(status);
        let (parameters, is_asked) = (edits.parameters(), self.steps || self.source.json);
        let edited = run(&chosen, content, headers, (&call, &parameters), (edits.limit(), is_asked)).map_err(failed)?;
        Ok((edited, edits.mapped(status)))
    }

    fn content(&self) -> Result<Vec<u8>, Box<Findings>> {
        let mut content = Vec::new();
        let read = if self.document == Path::new("-") {
            std::io::stdin().lock().take(MOST + 1).read_to_end(&mut content)
        } else {
            std::fs::File::open(&self.document).and_then(|file| file.take(MOST + 1).read_to_end(&mut content))
        };
        match read {
            Ok(read) if read as u64 > MOST => {
                Err(self.failure("the document is larger than any that is edited".to_owned()))
            }
            Ok(_) => Ok(content),
            Err(error) => Err(self.failure(format!("can't read {}: {error}", self.document.display()))),
        }
    }

    fn failure(&self, message: String) -> Box<Findings> {
        Box::new(Findings::failure(&self.document, message))
    }

    fn direction(&self) -> Option<Direction> {
        match (self.request, self.response || self.status.is_some()) {
            (true, _) => Some(Direction::Request),
            (_, true) => Some(Direction::Response),
            _ => None,
        }
    }

    fn print(&self, edited: &Edited, mapped: Option<StatusCode>) -> ExitCode {
        if self.source.json {
            return print_json(&report(edited, mapped), ExitCode::SUCCESS);
        }
        let style = Style::stdout();
        if edited.texts_without_value > 0 {
            let of = match edited.texts_without_value {
                1 => "1 text has no value here".to_owned(),
                count => format!("{count} texts have no value here"),
            };
            let names: Vec<String> = edited.lacking.iter().map(|name| format!("`{name}`")).collect();
            let of = format!("{of}, for want of {}", names.join(", "));
            sayln!("{}: {of}: `--url` and `-H` state the request that they depend on", Style::stderr().bold("note"));
        }
        if self.steps {
            return print_bytes(shown::steps(edited, mapped, style).as_bytes(), ExitCode::SUCCESS);
        }
        if style.is_terminal() {
            return print_bytes(shown::content(edited, style).as_bytes(), ExitCode::SUCCESS);
        }
        print_bytes(&edited.content, ExitCode::SUCCESS)
    }
}

/// The result for programs.
fn report(edited: &Edited, mapped: Option<StatusCode>) -> Value {
    let edits = edited.edits.iter().map(|edit| {
        let mut before = edit.before.as_deref();
        let steps: Vec<Value> = edit
            .steps
            .iter()
            .map(|step| {
                let changes = before != Some(&*step.after);
                let value = json!({"step": step.words, "at": step.at, "before": before, "after": step.after, "changes": changes});
                before = Some(&*step.after);
                value
            })
            .collect();
        json!({"from": edit.from.map(Form::name), "to": edit.to.map(Form::name), "steps": steps})
    });
    json!({
        "type": edited.kind.to_str().ok(),
        "content": String::from_utf8_lossy(&edited.content),
        "status": mapped.map(|status| status.as_u16()),
        "edits": edits.collect::<Vec<_>>(),
    })
}

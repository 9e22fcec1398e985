//! The commands that say something and serve nothing: `routes`, `explain`, `compose`, `schema`, `completions`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use gateway_core::document::Value as Document;
use gateway_core::http::certificate::Certificate;
use http::{HeaderValue, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::explain::{self, Question, Stated};
use super::findings::Findings;
use super::format::Format;
use super::output::{print, print_json};
use super::source::{ConfigArg, Source};
use super::style::Style;
use super::target::Target;
use super::{listing, routes};

/// List the routes in the order in which they are tried
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway routes gateway.json --json")]
pub(super) struct Routes {
    #[command(flatten)]
    source: Source,
}

impl Routes {
    pub(super) fn run(self) -> ExitCode {
        let plan = match self.source.plan() {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        if self.source.json {
            return print_json(&listing::routes(&plan), ExitCode::SUCCESS);
        }
        print(&routes::render(&routes::rows(&plan), Style::stdout()), ExitCode::SUCCESS)
    }
}

/// Say what the gateway would do with a request, and why, without calling an upstream
#[derive(Debug, Args)]
#[command(after_help = "\
The request runs through the code that serves it; counters stay untouched and upstreams hear nothing.

Example:
  edgeway explain GET 'http://localhost:8080/users/1?a=b' -H 'Accept: text/html'")]
pub(super) struct Explain {
    /// The method
    method: String,
    /// The URL, or just its path
    url: String,
    /// A header field; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The content, or `@` and the name of a file with it [default: none]
    #[arg(long, value_name = "TEXT", value_parser = content)]
    body: Option<Bytes>,
    /// The content of the upstream's answer, or `@` and the name of a file with it [default: none]
    #[arg(long, value_name = "TEXT", value_parser = content)]
    response_body: Option<Bytes>,
    /// The media type of that [default: by what it is: JSON, XML or text]
    #[arg(long, value_name = "MEDIA", requires = "response_body")]
    response_type: Option<HeaderValue>,
    /// The status of the upstream's answer [default: 200]
    #[arg(long, value_name = "STATUS", value_parser = status)]
    response_status: Option<StatusCode>,
    /// The client's address [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,
    /// The client's country, which Cloudflare's edge would state
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// The client's autonomous system, which Cloudflare's edge would state
    #[arg(long, value_name = "NUMBER")]
    asn: Option<String>,
    /// A PEM file with the certificate that the client shows
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The upstream to follow where the route splits requests [default: the one with the largest share]
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// The platform that is to run it, by whose stores limits count
    #[arg(long, value_enum, default_value_t = Target::Native)]
    target: Target,
    #[command(flatten)]
    source: Source,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        let question = Question::parse(&self.method, &self.url, &self.header, self.client.as_deref());
        let question = question.and_then(|question| question.located(self.country.as_deref(), self.asn.as_deref()));
        let question = match question {
            Ok(question) => question,
            Err(message) => return self.source.failure(message),
        };
        let certificate = match self.certificate.as_deref().map(CertificateDer::from_pem_file).transpose() {
            Ok(der) => der.map(|der| Arc::new(Certificate::of_der(&der))),
            Err(error) => return self.source.failure(format!("the certificate can't be read: {error}")),
        };
        let question = Question {
            certificate,
            upstream: self.upstream.clone(),
            content: self.body.clone(),
            answer: self.answer(),
            target: self.target,
            ..question
        };
        let plan = match self.source.plan_for(self.target) {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.source.failure(error.to_string()),
        };
        let report = match runtime.block_on(explain::explain(plan, &question)) {
            Ok(report) => report,
            Err(message) => return self.source.failure(message),
        };
        if self.source.json {
            return print_json(&report, ExitCode::SUCCESS);
        }
        print(&explain::render(&report, Style::stdout()), ExitCode::SUCCESS)
    }
}

impl Explain {
    /// The upstream's answer, if something is said of it.
    fn answer(&self) -> Option<Stated> {
        if self.response_body.is_none() && self.response_status.is_none() {
            return None;
        }
        let content = self.response_body.clone();
        let kind = self.response_type.clone().or_else(|| content.as_deref().map(kind));
        Some(Stated { status: self.response_status.unwrap_or_default(), kind, content })
    }
}

/// The media type of `content` for which none is stated.
fn kind(content: &[u8]) -> HeaderValue {
    HeaderValue::from_static(if Document::read(content).is_ok() {
        "application/json"
    } else if content.trim_ascii_start().starts_with(b"<") {
        "application/xml"
    } else {
        "text/plain; charset=utf-8"
    })
}

/// The status that `written` is, of a response that ends an exchange (RFC 9110 §15).
pub(super) fn status(written: &str) -> Result<StatusCode, String> {
    let status = written.parse().ok().filter(|status: &StatusCode| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| "write a number from 200 to 599".to_owned())
}

/// The content that `written` states.
fn content(written: &str) -> Result<Bytes, String> {
    match written.strip_prefix('@') {
        Some(path) => std::fs::read(path).map(Bytes::from).map_err(|error| format!("`{path}` can't be read: {error}")),
        None => Ok(Bytes::copy_from_slice(written.as_bytes())),
    }
}

/// Print a configuration and the files that it includes as one text, for where a single file is read
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway compose main.json > gateway.json")]
pub(super) struct Compose {
    #[command(flatten)]
    config: ConfigArg,
}

impl Compose {
    pub(super) fn run(self) -> ExitCode {
        match Findings::composing(self.config.path()) {
            Ok(text) => print(&text, ExitCode::SUCCESS),
            Err(findings) => findings.print(Format::Text),
        }
    }
}

/// Print the JSON Schema of the configuration, for editors
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway schema > gateway.schema.json")]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        print_json(&gateway_core::config::json_schema(), ExitCode::SUCCESS)
    }
}

/// Print a script that completes the commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway completions bash > /etc/bash_completion.d/edgeway")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut without_hidden(&super::Cli::command()), "edgeway", &mut script);
        print(&String::from_utf8_lossy(&script), ExitCode::SUCCESS)
    }
}

/// `command` without its hidden options: scripts would offer them, and manual pages show them.
pub(super) fn without_hidden(command: &Command) -> Command {
    let mut shown = Command::new(command.get_name().to_owned());
    shown = command.get_about().cloned().into_iter().fold(shown, Command::about);
    shown = command.get_after_help().cloned().into_iter().fold(shown, Command::after_help);
    shown = command.get_version().map(str::to_owned).into_iter().fold(shown, Command::version);
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    shown.args(arguments).subcommands(command.get_subcommands().map(without_hidden))
}

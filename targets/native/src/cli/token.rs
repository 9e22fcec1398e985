//! `edgeway token`

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{ArgGroup, Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use super::ask::{AdminArgs, part};
use super::output::{print, print_json};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    Revoke(Revoke),
}

impl Token {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Revoke(command) => command.run(),
        }
    }
}

/// Revoke tokens of an issuer that has `revocation`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    after_help = "\
Tokens that are issued later are taken: so whoever was signed out by --subject can sign in again, after
the issuer's leeway, since its clock may be ahead. Of two times the later one counts; --undo takes it back.

Example:
  edgeway token revoke --admin http://localhost:9901 --issuer corp --subject auth0|5f7c"
)]
pub(super) struct Revoke {
    #[command(flatten)]
    gateway: AdminArgs,
    /// The issuer, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    issuer: String,
    /// The token with this identifier: its claim `jti`
    #[arg(long, value_name = "ID", group = "which", value_parser = identifier)]
    jti: Option<String>,
    /// All tokens of this subject that were issued by now
    #[arg(long, value_name = "SUBJECT", group = "which")]
    subject: Option<String>,
    /// All tokens of the issuer that were issued by now
    #[arg(long, group = "which")]
    all: bool,
    /// A time other than now and the leeway: 2026-12-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "jti")]
    before: Option<u64>,
    /// The time from which the entry need not be kept: the end of the longest token [default: it is kept]
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
    /// Take such a revocation back
    #[arg(long, conflicts_with_all = ["before", "until"])]
    undo: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Revoke {
    fn run(self) -> ExitCode {
        let Self { gateway, issuer, jti, subject, before, until, undo, json, all: _ } = self;
        let mut path = format!("/revocations/{}", part(&issuer));
        let what = match (jti, subject) {
            (Some(id), _) => {
                path.push_str("/jti/");
                path.push_str(&part(&id));
                format!("the token `{id}` of `{issuer}`")
            }
            (None, Some(subject)) => {
                path.push_str("/subject/");
                path.push_str(&part(&subject));
                format!("the tokens of the subject `{subject}` of `{issuer}`")
            }
            (None, None) => format!("the tokens of `{issuer}`"),
        };
        let mut content = Map::new();
        for (member, value) in [("before", before), ("expires", until)] {
            if let Some(value) = value {
                content.insert(member.to_owned(), value.into());
            }
        }
        let content = (!content.is_empty()).then_some(Value::Object(content));
        let method = if undo { Method::DELETE } else { Method::PUT };
        let told = match gateway.ask(method, &path, content.as_ref()) {
            Ok(told) => told,
            Err(code) => return code,
        };
        if json {
            return print_json(&told, ExitCode::SUCCESS);
        }
        let mut line = if undo { format!("no longer revoked: {what}") } else { format!("revoked: {what}") };
        if let Some(before) = told.get("before").and_then(Value::as_u64) {
            let time = UNIX_EPOCH + std::time::Duration::from_secs(before);
            line.push_str(&format!(" from before {}", humantime::format_rfc3339_seconds(time)));
        }
        if let Some(within) = told.get("within").and_then(Value::as_u64) {
            line.push_str(&format!(", honoured within {within} s"));
        }
        print(&(line + "\n"), ExitCode::SUCCESS)
    }
}

/// An identifier, and not the token itself: that would be a name that no token has, and the token would stay good.
fn identifier(written: &str) -> Result<String, &'static str> {
    if written.starts_with("eyJ") && written.matches('.').count() == 2 {
        return Err("this is a whole token: write the value of its claim `jti`; or revoke its --subject");
    }
    Ok(written.to_owned())
}

/// A time in seconds since 1970.
pub(super) fn time(written: &str) -> Result<u64, String> {
    let time: SystemTime = humantime::parse_rfc3339_weak(written).map_err(|_| {
        let is_span = humantime::parse_duration(written).is_ok();
        let not = if is_span { ", and no span such as 90d or 12h" } else { "" };
        format!("write a time of UTC: 2026-12-01T00:00:00Z{not}")
    })?;
    Ok(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

//! `edgeway key`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use gateway_core::policy::api_key::{self, DEFAULT_PREFIX, Digester, Entry, KeyDigest, MOST_BYTES};
use gateway_core::policy::content::Content;
use http::Method;
use http::Uri;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Map, Value, json};

use super::ask::AdminArgs;
use super::output::{print, print_json, sayln};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    New(New),
    Hash(Hash),
    Revoke(Revoke),
}

impl Key {
    pub(super) fn run(self) -> ExitCode {
        let ended = match self {
            Self::New(command) => command.run(),
            Self::Hash(command) => command.run(),
            Self::Revoke(command) => command.run(),
        };
        ended.unwrap_or_else(|code| code)
    }
}

/// The pepper, if the configuration has one.
#[derive(Debug, Args)]
struct Pepper {
    /// The environment variable with the secret of `apiKeys.pepper`, if the configuration has it
    #[arg(long, value_name = "NAME")]
    pepper_env: Option<String>,
}

impl Pepper {
    /// The member of a credential that has the digest.
    const fn member(&self) -> &'static str {
        if self.pepper_env.is_some() { "hmac" } else { "sha256" }
    }

    /// What is to be known of the digest; nothing where it is a plain one.
    fn note(&self) -> String {
        let Some(name) = &self.pepper_env else { return String::new() };
        format!(
            "pepper      the digest is made with {name}: the gateway takes the key while `apiKeys.pepper` is that secret\n"
        )
    }

    fn digester(&self) -> Result<Digester, ExitCode> {
        let Some(name) = &self.pepper_env else { return Ok(Digester::default()) };
        let secret = std::env::var(name).map_err(|_| failure(&format!("the environment has no text {name}")))?;
        Ok(Digester::peppered(secret.as_bytes()))
    }
}

/// Make an API key, and print it once, with its entry for the consumer in the configuration
#[derive(Debug, Args)]
#[command(after_help = "\
With --admin, the key is good at once where `authenticate.apiKey` looks into the key-value store.
A configuration with `apiKeys.pepper` needs --pepper-env, with the same secret as the gateway has.

Example:
  edgeway key new --consumer acme --expires 90d --admin http://localhost:9901 --out acme.key
  KEY_PEPPER=… edgeway key new --consumer acme --pepper-env KEY_PEPPER")]
pub(super) struct New {
    /// The consumer who gets it, by its name in the configuration
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// The identifier that logs show [default: `key-` and the first digits of its digest]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The beginning of the key: 2 to 16 small letters and digits
    #[arg(long, value_name = "PREFIX", default_value = DEFAULT_PREFIX, value_parser = prefix)]
    prefix: String,
    /// The time after which it is void: `90d`
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires: Option<Duration>,
    /// A scope that it has; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Write the key to a new file that its owner alone can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pepper: Pepper,
    /// Store it at the admin endpoints of a gateway that runs: `http://localhost:9901`
    #[arg(long, value_name = "URL")]
    admin: Option<Uri>,
    /// The environment variable with the token that they ask for
    #[arg(long, value_name = "NAME", default_value = "EDGEWAY_ADMIN_TOKEN")]
    token_env: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl New {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| failure("the system gives no random bits"))?;
        let key = api_key::compose(&self.prefix, random);
        let digest = self.pepper.digester()?.digest(&key).to_hex();
        let id = self.id.unwrap_or_else(|| format!("key-{}", digest.get(..8).unwrap_or_default()));
        let expires = self.expires.map(|span| SystemTime::now() + span);
        let seconds = expires.map(|end| end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        let stored = Content {
            consumer: self.consumer.as_str().into(),
            id: id.as_str().into(),
            expires: seconds,
            scopes: self.scope.iter().map(|scope| scope.as_str().into()).collect(),
            ..Content::default()
        };
        if Entry::new(stored.clone()).is_none() {
            return Err(failure(
                "the consumer, the identifier or a scope is empty or too long, or has other characters than text",
            ));
        }
        // Before anybody knows the key: one that can't be kept is none.
        if let Some(path) = &self.out {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let written = options.open(path).and_then(|mut file| file.write_all(format!("{key}\n").as_bytes()));
            written.map_err(|error| {
                let help = if error.kind() == ErrorKind::AlreadyExists { ": choose a name that is free" } else { "" };
                failure(&format!("`{}` can't be written: {error}{help}", path.display()))
            })?;
        }
        let is_stored = self.admin.is_some();
        if let Some(admin) = self.admin {
            let gateway = AdminArgs { admin, token_env: self.token_env };
            let mut content = serde_json::to_value(&stored).map_err(|error| failure(&error.to_string()))?;
            // The gateway refuses a digest that was made in another way than its own.
            if let Value::Object(content) = &mut content {
                content.insert("digest".to_owned(), self.pepper.member().into());
            }
            let stored = gateway.ask(Method::PUT, &format!("/keys/{digest}"), Some(&content));
            // A key that nobody takes is not left behind as if it were one.
            if let (Err(_), Some(path)) = (&stored, &self.out) {
                let _ = std::fs::remove_file(path);
            }
            stored?;
        }
        let mut entry = Map::new();
        entry.insert("id".to_owned(), id.into());
        entry.insert(self.pepper.member().to_owned(), digest.as_str().into());
        if let Some(end) = seconds {
            let end = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(end));
            entry.insert("expires".to_owned(), end.to_string().into());
        }
        if !self.scope.is_empty() {
            entry.insert("scopes".to_owned(), self.scope.into());
        }
        let credential = json!({ "apiKey": entry });
        let shown = if self.out.is_some() { Value::Null } else { key.clone().into() };
        if self.json {
            return Ok(print_json(
                &json!({ "key": shown, "digest": digest, "credential": credential }),
                ExitCode::SUCCESS,
            ));
        }
        let place = match &self.out {
            Some(path) => format!("key         in {}\n", path.display()),
            None => format!("key         {key}\n"),
        };
        let consumer = &self.consumer;
        let next = if is_stored {
            format!(
                "stored      as a key of `{consumer}`, good at once; `edgeway key revoke --admin URL {digest}` takes it back\n\
                 next        give the key to `{consumer}`: it is kept nowhere else\n"
            )
        } else {
            format!(
                "credential  {credential}\n\
                 next        add the credential to `consumers.{consumer}.credentials`, and give the key to `{consumer}`: it is kept nowhere else\n"
            )
        };
        Ok(print(&format!("{place}digest      {digest}\n{next}{}", self.pepper.note()), ExitCode::SUCCESS))
    }
}

/// Print the digest of an API key that stands on standard input
#[derive(Debug, Args)]
#[command(after_help = "\
It is the `sha256` of a credential. A configuration with `apiKeys.pepper` needs --pepper-env, and its `hmac`.

Example:
  edgeway key hash < acme.key
  KEY_PEPPER=… edgeway key hash --pepper-env KEY_PEPPER < acme.key")]
pub(super) struct Hash {
    #[command(flatten)]
    pepper: Pepper,
}

impl Hash {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let digest = self.pepper.digester()?.digest(&given_key()?);
        Ok(print(&format!("{}\n", digest.to_hex()), ExitCode::SUCCESS))
    }
}

/// Revoke an API key of the key-value store
#[derive(Debug, Args)]
#[command(after_help = "\
Without a digest, the key itself is read from standard input: for one that has leaked.

Example:
  edgeway key revoke --admin http://localhost:9901 < leaked.key")]
pub(super) struct Revoke {
    /// The digest of the key: 64 hexadecimal digits
    digest: Option<String>,
    #[command(flatten)]
    gateway: AdminArgs,
    #[command(flatten)]
    pepper: Pepper,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Revoke {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let digest = match &self.digest {
            Some(text) => KeyDigest::parse(text).ok_or_else(|| {
                failure(
                    "the digest has 64 hexadecimal digits; a key itself goes to standard input, not into an argument",
                )
            })?,
            None => self.pepper.digester()?.digest(&given_key()?),
        };
        let digest = digest.to_hex();
        // A key that is not there is not revoked: it may be one of the configuration's.
        self.gateway.ask(Method::GET, &format!("/keys/{digest}"), None)?;
        self.gateway.ask(Method::DELETE, &format!("/keys/{digest}"), None)?;
        if self.json {
            return Ok(print_json(&json!({ "digest": digest, "revoked": true }), ExitCode::SUCCESS));
        }
        Ok(print(&format!("revoked: the key with the digest {digest}, honoured within 60 s\n"), ExitCode::SUCCESS))
    }
}

/// The key on standard input.
fn given_key() -> Result<String, ExitCode> {
    let mut text = String::new();
    let limit = u64::try_from(MOST_BYTES).unwrap_or_default() + 2;
    std::io::stdin()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| failure(&format!("no key can be read: {error}")))?;
    let key = text.trim();
    if key.is_empty() || key.len() > MOST_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(failure("standard input has to be one key: visible characters of ASCII, at most 512"));
    }
    if api_key::is_damaged(key) {
        return Err(failure("the key is a wrong copy: its checksum does not fit"));
    }
    Ok(key.to_owned())
}

fn prefix(written: &str) -> Result<String, &'static str> {
    if api_key::is_prefix(written) { Ok(written.to_owned()) } else { Err("write 2 to 16 small letters and digits") }
}

/// A span from now on, in the form that messages name. Its end is one that can be written (RFC 3339).
fn span(written: &str) -> Result<Duration, &'static str> {
    const END: u64 = 253_402_300_800;
    let span = humantime::parse_duration(written).map_err(|_| "write a whole number and its unit: 90d, 12h or 30m")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match now.checked_add(span) {
        Some(end) if end.as_secs() < END => Ok(span),
        _ => Err("nothing lasts that long: leave it out for a key without an end"),
    }
}

fn failure(message: &str) -> ExitCode {
    sayln!("error: {message}");
    ExitCode::FAILURE
}

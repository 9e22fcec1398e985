//! `edgeway password`

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand};
use gateway_core::config::ByteSize;
use gateway_core::policy::password::{MOST_BYTES, PasswordHash, USUAL, Unfit};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;

use super::output::{print, print_json, sayln};

#[derive(Debug, Subcommand)]
pub(super) enum Password {
    Hash(Hash),
}

impl Password {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Hash(command) => command.run().unwrap_or_else(|code| code),
        }
    }
}

/// Print the Argon2id hash of a password that stands on standard input
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal it asks for the password, which is not shown. The end of the line is no part of it.
What a check of a password takes is the memory times the passes: less of it suits a Worker whose plan bounds the time to compute.

Example:
  edgeway password hash --user ann
  edgeway password hash < ann.password")]
pub(super) struct Hash {
    /// The name that goes with it: prints the credential for `consumers`, too
    #[arg(long, value_name = "NAME", value_parser = user)]
    user: Option<String>,
    /// The memory that a check takes: 8KiB to 64MiB
    #[arg(long, value_name = "SIZE", default_value = "19MiB", value_parser = memory)]
    memory: u32,
    /// The passes over that memory; at most 256 MiB over all of them
    #[arg(long, value_name = "NUMBER", default_value_t = USUAL.1, value_parser = clap::value_parser!(u32).range(1..=16))]
    passes: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Hash {
    fn run(self) -> Result<ExitCode, ExitCode> {
        let password = given_password()?;
        let is_hash = |text: &str| PasswordHash::parse(text) != Err(Unfit::Form);
        if is_hash(&password) || password.split_once(':').is_some_and(|(_, hash)| is_hash(hash)) {
            return Err(failure("this is a hash already: write it into the file as it is, from its first `$` on"));
        }
        let mut salt = [0; 16];
        SystemRandom::new().fill(&mut salt).map_err(|_| failure("the system gives no random bits"))?;
        let begun = Instant::now();
        let hash = PasswordHash::argon2id(password.as_bytes(), salt, (self.memory, self.passes))
            .map_err(|_| failure("no gateway takes such a hash: `--memory` times `--passes` is 256 MiB at most"))?;
        let took = begun.elapsed();
        if self.json {
            let credential = self.user.map(|user| json!({ "password": { "user": user, "hash": hash.as_str() } }));
            let content = json!({ "hash": hash.as_str(), "credential": credential, "milliseconds": took.as_millis() });
            return Ok(print_json(&content, ExitCode::SUCCESS));
        }
        if hash.is_weak() {
            sayln!(
                "warning: whoever sees this hash finds out most passwords: OWASP's least is 19 MiB in 2 passes, or 7 MiB in 5"
            );
        }
        let Some(user) = self.user else {
            return Ok(print(&format!("{}\n", hash.as_str()), ExitCode::SUCCESS));
        };
        let text = format!(
            "hash        {}\ntook        {} ms here; each instance takes it once an hour for a password that is used\n\
             credential  {{ \"password\": {{ \"user\": {}, \"hash\": \"{}\" }} }}\nnext        add the credential to the `credentials` of a consumer\n",
            hash.as_str(),
            took.as_millis(),
            json!(user),
            hash.as_str()
        );
        Ok(print(&text, ExitCode::SUCCESS))
    }
}

/// The password on standard input, or as somebody types it.
fn given_password() -> Result<String, ExitCode> {
    let mut text = String::new();
    let input = std::io::stdin();
    if input.is_terminal() {
        let silence = Silence::begin();
        let ask = |question: &str| -> std::io::Result<String> {
            let mut line = String::new();
            std::io::stderr().write_all(question.as_bytes())?;
            input.lock().read_line(&mut line)?;
            std::io::stderr().write_all(b"\n")?;
            Ok(line)
        };
        let both = ask("password: ")
            .and_then(|one| Ok((if one.is_empty() { String::new() } else { ask("again:    ")? }, one)));
        drop(silence);
        let (other, one) = both.map_err(|error| failure(&format!("no password can be read: {error}")))?;
        if one != other {
            return Err(failure("the two differ: try again"));
        }
        text = one;
    } else {
        let limit = u64::try_from(MOST_BYTES).unwrap_or_default() + 3;
        let read = input.take(limit).read_to_string(&mut text);
        read.map_err(|error| failure(&format!("no password can be read: {error}")))?;
    }
    let password = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() || password.len() > MOST_BYTES || password.contains(char::is_control) {
        let files = if password.contains('\n') {
            "; the hashes of a file of `htpasswd` go into the configuration as they are"
        } else {
            ""
        };
        let message =
            format!("a password is one line of text: 1 to 512 bytes of UTF-8, without control characters{files}");
        return Err(failure(&message));
    }
    Ok(password.to_owned())
}

/// The time in which a terminal does not show what is typed.
struct Silence {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Silence {
    #[cfg(unix)]
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent);
        }
        Self { before }
    }

    #[cfg(not(unix))]
    const fn begin() -> Self {
        Self {}
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, before);
        }
    }
}

/// The memory in KiB.
fn memory(written: &str) -> Result<u32, &'static str> {
    let size = ByteSize::parse(written).ok_or("write a whole number and its unit: 19MiB or 512KiB")?;
    let kibibytes = u32::try_from(size.0 / 1_024).unwrap_or(u32::MAX);
    if (8..=64 * 1_024).contains(&kibibytes) { Ok(kibibytes) } else { Err("write 8KiB to 64MiB") }
}

fn user(written: &str) -> Result<String, &'static str> {
    let is_name =
        !written.is_empty() && written.len() <= 255 && !written.contains(|c: char| c == ':' || c.is_control());
    if is_name { Ok(written.to_owned()) } else { Err("write 1 to 255 bytes, without a colon") }
}

fn failure(message: &str) -> ExitCode {
    sayln!("error: {message}");
    ExitCode::FAILURE
}

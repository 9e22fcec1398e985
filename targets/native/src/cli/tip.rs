//! Tips for arguments that other programs take.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The commands that other programs have, and what stands for them here.
const COMMANDS: &[(&str, &str)] = &[
    (
        "run start up server listen proxy gateway",
        "`edgeway serve` serves a configuration, `edgeway demo` tries one out",
    ),
    ("dev try example quickstart", "`edgeway demo` tries a configuration out"),
    ("new create scaffold setup template", "`edgeway init` writes the files that a gateway begins with"),
    ("validate lint test verify configtest parse", "`edgeway check` finds every mistake of a configuration"),
    ("list ls show route", "`edgeway routes` lists the routes"),
    ("trace why debug match curl request", "`edgeway explain METHOD URL` says what happens to a request"),
    ("reload", "a change of the file is loaded by itself; so is one at SIGHUP"),
    ("map mapping jq convert edit apply", "`edgeway transform DOCUMENT` tries edits of content on a document"),
    ("include merge bundle print build", "`edgeway compose` makes one text of a configuration"),
    ("stop quit shutdown kill", "SIGTERM or Ctrl-C ends the server, which finishes open exchanges first"),
    ("revoke logout signout revocation", "`edgeway token revoke` revokes tokens"),
    ("apikey api-key keys generate create mint", "`edgeway key new` makes an API key"),
    ("version", "`edgeway --version` prints it"),
    (
        "health healthcheck health-check status ping probe",
        "`edgeway ready` asks a gateway that runs whether it is ready",
    ),
    ("manual manpage", "`edgeway man FOLDER` writes the manual pages"),
    ("completion", "`edgeway completions SHELL` prints a script for it"),
    ("fmt format", "there is none: the file may be written as you like"),
];

/// The options that other programs have, with the commands that they are for; no command stands for any.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("explain", "-X --request --method", "the method comes first: `edgeway explain GET /users`"),
    (
        "explain",
        "-d --data --data-raw --json-body --body",
        "leave it out: no route is chosen by the content of a request",
    ),
    ("explain", "--response --status --answer", "write `--response-body TEXT` and `--response-status 404`"),
    ("explain", "--host", "the URL has the host: `edgeway explain GET http://example.com/users`"),
    ("explain", "-b --cookie --cookies", "write `-H 'Cookie: name=value'`"),
    ("explain", "-A --user-agent", "write `-H 'User-Agent: …'`"),
    ("explain", "--ip --remote-addr --client-ip", "write `--client 192.0.2.1`"),
    ("explain", "-u --url", "the URL comes second: `edgeway explain GET /users`"),
    ("check", "-o --output --reporter", "`--format json` prints JSON; `github` and `sarif` are the other forms"),
    ("check", "--fix", "there is none: each message says how to mend it"),
    ("check", "-W --werror --Werror --fail-on-warnings --max-warnings", "`--strict` makes it fail for warnings, too"),
    (
        "",
        "-c -f --config --conf --file --config-file --configuration",
        "the file stands by itself: `edgeway serve FILE`",
    ),
    (
        "",
        "-p -P -b -l -a --port --bind --host --hostname --address --addr --http-port --https-port",
        "`edgeway serve FILE --listen 127.0.0.1:8080` says where to listen",
    ),
    (
        "serve demo",
        "-e --env --env-file --set -D",
        "variables are those of its environment: `NAME=value edgeway serve FILE`",
    ),
    ("", "-e --var --set -D", "write `--env NAME=value`"),
    (
        "",
        "-t -T --test --validate --check --dry-run --configtest",
        "`edgeway check FILE` finds every mistake of a configuration",
    ),
    (
        "",
        "-s -w -r --signal --reload --watch --hot-reload --graceful",
        "a change of the file is loaded by itself, and at SIGHUP; SIGTERM ends the server",
    ),
    (
        "",
        "-d --daemon --daemonize --detach --background",
        "it stays in the foreground: systemd, a container or a shell keeps it",
    ),
    ("", "-j -n --workers --worker-processes --cpus --concurrency", "`--threads N` says how many"),
    (
        "",
        "-v -q --verbose --quiet --debug --log --log-level --loglevel --log-format --access-log --error-log",
        "there are no levels: `accessLog` in the configuration says what is told of requests",
    ),
    (
        "",
        "--cert --key --tls --ssl --certfile --keyfile --tls-cert --tls-key --certificate",
        "`server.tls` in the configuration names the certificate and the key",
    ),
    (
        "",
        "--admin --admin-listen --metrics --metrics-port --status",
        "`\"server\": {\"admin\": \"127.0.0.1:9901\"}` in the configuration says where the metrics are",
    ),
    ("", "-o --output --format", "`--json` prints JSON for programs"),
    ("", "--color --no-color --colour", "the environment variable `NO_COLOR=1` turns colours off"),
    (
        "",
        "--upstream --backend --proxy --to",
        "upstreams are in the configuration: `\"upstreams\": {\"NAME\": {\"url\": …}}`",
    ),
    ("", "--pid --pidfile --user --group", "leave it out: who starts it decides, such as systemd or a container"),
    ("", "--token --secret", "`--secrets DIR` names a folder with a file for each secret"),
];

/// Returns the advice for `word` among `words`, which may be written as `word=value`.
fn has(words: &str, word: &str) -> bool {
    let word = word.split('=').next().unwrap_or(word);
    words.split(' ').any(|known| known == word)
}

/// Adds a tip to `error` where other programs take the argument, in place of a guess.
pub(super) fn added_to(mut error: clap::Error) -> clap::Error {
    let command = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    if let Some(tip) = tip(&error, &command) {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedCommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

/// Returns whether `argument` is among those that are missing.
fn lacks(error: &clap::Error, argument: &str) -> bool {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => missing.iter().any(|one| one == argument),
        _ => false,
    }
}

fn tip(error: &clap::Error, command: &str) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand)?;
            COMMANDS.iter().find(|(words, _)| has(words, name)).map(|(_, tip)| *tip).or_else(|| {
                let is_file = name.ends_with(".json") || name.ends_with(".jsonc") || name.contains('/');
                is_file
                    .then_some("`edgeway serve FILE` serves a configuration, `edgeway check FILE` finds its mistakes")
            })
        }
        ErrorKind::UnknownArgument => {
            let argument = text(error, ContextKind::InvalidArg)?;
            let is_for = |commands: &str| commands.is_empty() || has(commands, command);
            let option = OPTIONS.iter().find(|(commands, words, _)| is_for(commands) && has(words, argument));
            option.map(|(.., tip)| *tip).or_else(|| match argument {
                port if port.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') => {
                    Some("`--listen 127.0.0.1:8080` says where to listen")
                }
                file if file.contains(".json") => {
                    Some("one configuration at a time; `include` in it names further files")
                }
                _ => None,
            })
        }
        ErrorKind::MissingRequiredArgument if command == "explain" && lacks(error, "<URL>") => {
            Some("write the method and the URL: `edgeway explain GET http://localhost:8080/users`")
        }
        ErrorKind::MissingRequiredArgument if command == "completions" => {
            Some("the shells are `bash`, `elvish`, `fish`, `powershell` and `zsh`")
        }
        _ => None,
    }
}

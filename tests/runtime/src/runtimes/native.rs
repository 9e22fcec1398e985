//! The native program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::Mistake;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::driver::mistakes_in;
use super::printed::Printed;
use super::{Gateway, NoGateway, Start, newest_build};
use crate::h2::{Certificate, certificate};
use crate::processes::Mark;

/// The `edgeway` program: `EDGEWAY_BIN`, else the newer of the release and the debug build.
pub(crate) struct Native {
    program: PathBuf,
    /// What it serves HTTPS with; without it, it serves HTTP.
    certificate: Option<Arc<Certificate>>,
}

impl Native {
    pub(crate) fn find() -> Result<Self, String> {
        if let Some(program) = std::env::var_os("EDGEWAY_BIN") {
            return Ok(Self { program: program.into(), certificate: None });
        }
        newest_build("edgeway")
            .map(|program| Self { program, certificate: None })
            .ok_or_else(|| "there is no `edgeway` program: run `cargo build -p edgeway`, or set EDGEWAY_BIN".to_owned())
    }

    /// The same over HTTP/2 and TLS.
    pub(crate) fn over_h2(self) -> Result<Self, String> {
        Ok(Self { certificate: Some(Arc::new(certificate()?)), ..self })
    }

    pub(crate) async fn serve(&self, start: &Start) -> Result<Gateway, NoGateway> {
        let failed = |error: std::io::Error| NoGateway::Failed(error.to_string());
        let folder = tempfile::tempdir().map_err(failed)?;
        let file = folder.path().join("gateway.json");
        std::fs::write(&file, with_server(&start.config, self.certificate.as_deref())).map_err(failed)?;
        let mut command = Command::new(&self.program);
        command.arg("serve").arg(&file).envs(&start.secrets).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Mark::put_on(&mut command);
        let mut child = command.spawn().map_err(failed)?;
        let mut lines = lines_of(&mut child);
        let mut said = String::new();
        let address = tokio::time::timeout(Duration::from_secs(20), async {
            while let Some(line) = lines.recv().await {
                if let Some(address) = address_in(&line) {
                    return Some(address);
                }
                said.push_str(&line);
                said.push('\n');
            }
            None
        })
        .await
        .map_err(|_| NoGateway::Failed("the program neither listens nor ends".to_owned()))?;
        match address {
            Some(address) => {
                let printed = Printed::default();
                let kept = printed.clone();
                let reader = tokio::spawn(async move {
                    while let Some(line) = lines.recv().await {
                        kept.push(line);
                    }
                });
                let process = child.id();
                let tls = self.certificate.as_ref().map(|certificate| certificate.connector.clone());
                let guard = (child, folder, reader, self.certificate.clone());
                Ok(Gateway { tls, ..Gateway::new(address, process, printed, guard) })
            }
            None => {
                let status = child.wait().await.map_err(failed)?;
                match status.code() {
                    Some(0) | None => Err(NoGateway::Failed(format!("the program ended with {status}\n{said}"))),
                    Some(101) => Err(NoGateway::Failed(format!("the program panicked\n{said}"))),
                    Some(_) => Err(self.check(&file, start, &said).await),
                }
            }
        }
    }
}

impl Native {
    /// What is wrong with a file that `edgeway serve` refused with the words `said`; `edgeway check` has to agree.
    async fn check(&self, file: &Path, start: &Start, said: &str) -> NoGateway {
        let served = mistakes_in(said);
        let mut command = Command::new(&self.program);
        command.args(["check", "--target", "native", "--json"]).arg(file).envs(&start.secrets).stdin(Stdio::null());
        let output = match command.output().await {
            Ok(output) => output,
            Err(error) => return NoGateway::Failed(error.to_string()),
        };
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
        let checked = list("mistakes").into_iter().map(|mistake| Mistake {
            path: text(&mistake["path"]).unwrap_or_default(),
            message: text(&mistake["message"]).unwrap_or_default(),
            help: text(&mistake["help"]),
        });
        let checked: Vec<Mistake> = checked.collect();
        // A check does without the secrets and variables, and lists those that are not set.
        let is_missing = |mistake: &Mistake| {
            [("secret", "missingSecrets"), ("variable", "missingVariables")].iter().any(|(kind, missing)| {
                let is_it = |name: &str| mistake.message == format!("the {kind} `{name}` is not set");
                list(missing).iter().filter_map(Value::as_str).any(is_it)
            })
        };
        let unchecked = served.iter().find(|mistake| !checked.contains(mistake) && !is_missing(mistake));
        let unserved = checked.iter().find(|mistake| !served.contains(mistake));
        match (unchecked, unserved) {
            _ if served.is_empty() => NoGateway::Failed(format!("`serve` fails with\n{said}")),
            (Some(mistake), _) => NoGateway::Failed(format!("`check` passes what `serve` refuses: {mistake}")),
            (None, Some(mistake)) => NoGateway::Failed(format!("`check` refuses what `serve` does not: {mistake}")),
            (None, None) => NoGateway::Refused(served),
        }
    }
}

/// The configuration with a free port, with a log of all there is and with TLS by `certificate`, unless it is no object or says so itself.
fn with_server(config: &str, certificate: Option<&Certificate>) -> String {
    let (says_so, says_log) = match serde_json::from_str::<Value>(config) {
        Ok(Value::Object(members)) => (members.contains_key("server"), members.contains_key("accessLog")),
        Ok(_) => (true, true),
        // With comments, it is JSON for the gateway alone.
        Err(_) => gateway_core::config::read(config).map_or((true, true), |config| {
            (config.server != Default::default(), config.access_log != Default::default())
        }),
    };
    match config.strip_prefix('{') {
        Some(members) if !says_so => {
            let comma = if members.trim() == "}" { "" } else { "," };
            let log = if says_log { "" } else { r#","accessLog":{"query":true}"# };
            let tls = certificate.map_or_else(String::new, |Certificate { chain, key, .. }| {
                format!(r#","tls":{{"certificate":{chain:?},"key":{key:?}}}"#)
            });
            format!(r#"{{"server":{{"listen":"127.0.0.1:0"{tls}}}{log}{comma}{members}"#)
        }
        _ => config.to_owned(),
    }
}

/// The lines that `child` prints on either output.
fn lines_of(child: &mut Child) -> mpsc::UnboundedReceiver<String> {
    let (send, lines) = mpsc::unbounded_channel();
    let forward = |from: Option<Box<dyn AsyncRead + Send + Unpin>>| {
        let send = send.clone();
        tokio::spawn(async move {
            let Some(from) = from else { return };
            let mut from = BufReader::new(from).lines();
            while let Ok(Some(line)) = from.next_line().await {
                let _ = send.send(line);
            }
        })
    };
    forward(child.stdout.take().map(|out| Box::new(out) as _));
    forward(child.stderr.take().map(|out| Box::new(out) as _));
    lines
}

/// The address in a line that says where the program listens.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("on http://").or_else(|| line.split_once("on https://"))?;
    address.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next()?.parse().ok()
}

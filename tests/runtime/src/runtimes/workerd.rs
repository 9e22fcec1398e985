//! The Worker on workerd, with real Durable Objects and KV, by miniflare.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{Gateway, NoGateway, root};

/// Processes that serve one configuration at a time each; one that is free is used again.
pub(crate) struct Workerd {
    node: PathBuf,
    idle: Arc<Mutex<Vec<Driver>>>,
}

struct Driver {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    id: u64,
}

/// Gives its driver back when dropped.
struct Lease {
    driver: Option<Driver>,
    idle: Arc<Mutex<Vec<Driver>>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.idle.lock().unwrap().extend(self.driver.take());
    }
}

impl Workerd {
    pub(crate) fn find() -> Result<Self, String> {
        let node = root().join("node_modules/.bin/node");
        if !node.exists() {
            return Err("there is no node_modules/.bin/node: run `npm ci`".to_owned());
        }
        if !root().join("dist/cloudflare/worker.js").exists() {
            return Err("the Worker is not built: there is no dist/cloudflare/worker.js".to_owned());
        }
        Ok(Self { node, idle: Arc::default() })
    }

    pub(crate) async fn serve(&self, config: &str, secrets: &BTreeMap<String, String>) -> Result<Gateway, NoGateway> {
        let idle = self.idle.lock().unwrap().pop();
        let mut driver = match idle {
            Some(driver) => driver,
            None => self.start().map_err(|error| NoGateway::Failed(error.to_string()))?,
        };
        let process = driver._child.id();
        let command = json!({ "config": config, "bindings": secrets });
        let answer = tokio::time::timeout(Duration::from_secs(30), driver.ask("start", &command)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(NoGateway::Failed(error)),
            Err(_) => return Err(NoGateway::Failed("miniflare does not answer".to_owned())),
        };
        let lease = Lease { driver: Some(driver), idle: Arc::clone(&self.idle) };
        match (answer["port"].as_u64().and_then(|port| u16::try_from(port).ok()), answer["error"].as_str()) {
            (Some(port), _) => Ok(Gateway::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), process, lease)),
            (None, Some(error)) => Err(NoGateway::Refused(error.to_owned())),
            (None, None) => Err(NoGateway::Failed(answer.to_string())),
        }
    }

    fn start(&self) -> std::io::Result<Driver> {
        let mut child = Command::new(&self.node)
            .arg(root().join("tests/runtime/miniflare.mjs"))
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        Ok(Driver { _child: child, input, output: BufReader::new(output).lines(), id: 0 })
    }
}

impl Driver {
    async fn ask(&mut self, command: &str, body: &Value) -> Result<Value, String> {
        self.id += 1;
        let line = format!("{}\n", json!({ "id": self.id, command: body }));
        self.input.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        self.input.flush().await.map_err(|error| error.to_string())?;
        while let Some(line) = self.output.next_line().await.map_err(|error| error.to_string())? {
            if let Ok(answer) = serde_json::from_str::<Value>(&line)
                && answer["id"] == self.id
            {
                return Ok(answer);
            }
        }
        Err("miniflare ended".to_owned())
    }
}

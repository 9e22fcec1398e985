//! The Worker on workerd, with real Durable Objects and KV, by miniflare.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::process::Command;

use super::driver::{Driver, body_of, port_in};
use super::{Gateway, NoGateway, Start, root};

/// Starts gateways on workerd.
pub(crate) struct Workerd {
    node: PathBuf,
    prepared: Mutex<BTreeMap<Start, (Value, Arc<Driver>)>>,
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
        Ok(Self { node, prepared: Mutex::default() })
    }

    /// Starts all of `starts` in one process: that is much faster than one after another.
    pub(crate) async fn prepare(&self, starts: &[Start]) -> Result<(), String> {
        let mut driver = self.driver().map_err(|error| error.to_string())?;
        let bodies = Value::Array(starts.iter().map(body_of).collect());
        let mut answer = driver.ask("startAll", &bodies).await?;
        let Value::Array(started) = answer["started"].take() else { return Err(answer.to_string()) };
        let driver = Arc::new(driver);
        let prepared = starts.iter().cloned().zip(started.into_iter().map(|one| (one, Arc::clone(&driver))));
        self.prepared.lock().unwrap().extend(prepared);
        Ok(())
    }

    pub(crate) async fn serve(&self, start: &Start) -> Result<Gateway, NoGateway> {
        let prepared = self.prepared.lock().unwrap().remove(start);
        let (answer, driver) = match prepared {
            Some(prepared) => prepared,
            None => {
                let mut driver = self.driver().map_err(|error| NoGateway::Failed(error.to_string()))?;
                let answer = driver.ask("start", &body_of(start)).await.map_err(NoGateway::Failed)?;
                (answer, Arc::new(driver))
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port_in(&answer)?));
        let process = driver.process();
        let printed = driver.printed();
        Ok(Gateway { half_closes: true, ..Gateway::new(address, process, printed, driver) })
    }

    fn driver(&self) -> std::io::Result<Driver> {
        Driver::spawn(Command::new(&self.node).arg(root().join("tests/runtime/miniflare.mjs")).current_dir(root()))
    }
}

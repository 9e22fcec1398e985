//! The Spin component, in the real `spin` where it is on the PATH, else in a host of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::Mistake;
use gateway_core::config::Variable;
use gateway_core::plan;
use gateway_core::ports::Capabilities;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::Mutex;

use super::driver::{Driver, body_of, port_in};
use super::printed::Printed;
use super::{Gateway, NoGateway, Start, newest_build, target};
use crate::FAREWELL;
use crate::processes::Tree;

/// Starts the component.
pub(crate) struct Spin {
    component: PathBuf,
    host: Host,
}

enum Host {
    /// The real one. What stands for other components of the application is the component `relay`.
    Spin { relay: PathBuf },
    /// `tests/spin-host`: this program serves many configurations at once.
    Own { program: PathBuf, driver: Arc<Mutex<Driver>> },
}

impl Spin {
    pub(crate) async fn find() -> Result<Self, String> {
        let component = std::env::var_os("EDGEWAY_COMPONENT")
            .map_or_else(|| target().join("wasm32-wasip2/release/edgeway_spin.wasm"), PathBuf::from);
        if !component.exists() {
            return Err(
                "the component is not built: run `cargo build -p edgeway-spin --target wasm32-wasip2 --release`"
                    .to_owned(),
            );
        }
        if on_path("spin") {
            let relay = target().join("wasm32-wasip2/release/edgeway_spin_relay.wasm");
            if !relay.exists() {
                return Err("what stands for other components is not built: run \
                    `cargo build -p edgeway-spin-relay --target wasm32-wasip2 --release`"
                    .to_owned());
            }
            return Ok(Self { component, host: Host::Spin { relay } });
        }
        let program = newest_build("spin-driver")
            .ok_or("there is no `spin`, nor the host for tests: run `cargo build -p edgeway-spin-host`")?;
        let driver = own_host(&program, &component).map_err(|error| error.to_string())?;
        Ok(Self { component, host: Host::Own { program, driver: Arc::new(Mutex::new(driver)) } })
    }

    pub(crate) async fn serve(&self, start: &Start) -> Result<Gateway, NoGateway> {
        // On Spin nothing reads the configuration before the first request; `edgeway check` does this before a deploy.
        if let Err(diagnostics) = plan::load(&start.config, &Capabilities::SPIN, &Secrets(start)) {
            return Err(NoGateway::Refused(diagnostics.iter().map(Mistake::from).collect()));
        }
        match &self.host {
            Host::Spin { relay } => {
                self.spin_up(relay, start).await.map_err(|error| NoGateway::Failed(error.to_string()))
            }
            Host::Own { driver, .. } => start_in(driver, start).await,
        }
    }

    /// Serves `start` in a process of its own.
    pub(crate) async fn serve_alone(&self, start: &Start) -> Result<Gateway, NoGateway> {
        match &self.host {
            Host::Spin { .. } => self.serve(start).await,
            Host::Own { program, .. } => {
                let driver =
                    own_host(program, &self.component).map_err(|error| NoGateway::Failed(error.to_string()))?;
                start_in(&Arc::new(Mutex::new(driver)), start).await
            }
        }
    }

    async fn spin_up(&self, relay: &Path, start: &Start) -> std::io::Result<Gateway> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("gateway.json"), &start.config)?;
        std::fs::write(folder.path().join("spin.toml"), manifest(&self.component, relay, start))?;
        // The port is free again when `spin` takes it; nothing else here asks for one by number.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new("spin");
        command.args(["up", "--listen", &address.to_string()]).current_dir(folder.path());
        for (name, value) in &start.secrets {
            command.env(format!("SPIN_VARIABLE_{name}"), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // It serves in a process of its own, which outlives a `spin up` that is killed.
        let mut tree = Tree::spawn(&mut command, FAREWELL)?;
        let printed = Printed::default();
        for output in tree.outputs() {
            printed.read(output, |_| false);
        }
        for _ in 0..300 {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Gateway::new(address, tree.process(), printed, (tree, folder)));
            }
            if tree.has_ended() {
                return Err(std::io::Error::other("`spin up` has ended"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(std::io::ErrorKind::TimedOut.into())
    }
}

/// The project's `spin.toml` for one configuration, with a component for each that it names: a `relay` to its upstream's URL.
fn manifest(component: &Path, relay: &Path, start: &Start) -> String {
    let names = || start.secrets.keys().map(|name| name.to_ascii_lowercase());
    let declared: String = names().map(|name| format!("{name} = {{ required = true, secret = true }}\n")).collect();
    let given: String = names().map(|name| format!("{name} = \"{{{{ {name} }}}}\"\n")).collect();
    let others = others(&start.config);
    let called: String = others.keys().map(|name| format!(", \"http://{name}.spin.internal\"")).collect();
    let relays = others.iter().map(|(name, place)| {
        format!(
            r#"
[[trigger.http]]
route = {{ private = true }}
component = "{name}"
[component.{name}]
source = {relay:?}
allowed_outbound_hosts = ["http://{place}"]
[component.{name}.variables]
upstream = "{place}"
"#
        )
    });
    let relays: String = relays.collect();
    format!(
        r#"spin_manifest_version = 2
[application]
name = "edgeway"
[variables]
{declared}
[[trigger.http]]
route = "/..."
component = "edgeway"
[component.edgeway]
source = {component:?}
files = ["gateway.json"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
allowed_outbound_hosts = ["http://*:*", "https://*:*"{called}]
[component.edgeway.variables]
{given}{relays}"#
    )
}

/// The components that `config` names, each with the place of its upstream's URL.
fn others(config: &str) -> BTreeMap<String, String> {
    let Ok(config) = gateway_core::config::read(config) else { return BTreeMap::new() };
    let named = config.upstreams.iter().filter_map(|(_, upstream)| {
        let place = upstream.url.as_ref()?.strip_prefix("http://")?.split('/').next()?;
        Some((upstream.spin.as_ref()?.component.clone(), place.to_owned()))
    });
    named.collect()
}

/// The secrets and variables of a start.
struct Secrets<'s>(&'s Start);

impl plan::Secrets for Secrets<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.secrets.get(name).cloned()
    }

    fn variable(&self, name: &str) -> Variable {
        self.0.secrets.get(name).cloned().map_or(Variable::Unset, Variable::Set)
    }
}

/// Stops its configuration when dropped.
struct Lease {
    driver: Arc<Mutex<Driver>>,
    port: u16,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (driver, port) = (Arc::clone(&self.driver), self.port);
        tokio::spawn(async move { driver.lock().await.ask("stop", &json!({ "port": port })).await });
    }
}

fn own_host(program: &Path, component: &Path) -> std::io::Result<Driver> {
    Driver::spawn(Command::new(program).arg(component))
}

async fn start_in(driver: &Arc<Mutex<Driver>>, start: &Start) -> Result<Gateway, NoGateway> {
    let mut asked = driver.lock().await;
    let answer = asked.ask("start", &body_of(start)).await.map_err(NoGateway::Failed)?;
    let port = port_in(&answer)?;
    let lease = Lease { driver: Arc::clone(driver), port };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Gateway::new(address, asked.process(), asked.printed(), lease))
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spin's manifest, version 2: a component needs a trigger, leave to call another, and a place for its requests.
    #[test]
    fn the_manifest_has_every_component_that_the_configuration_names() {
        let config = r#"{"upstreams": {"a": {"url": "http://127.0.0.1:81/v1", "spin": {"component": "users"}},
            "b": {"url": "http://127.0.0.1:82"}}, "routes": []}"#;
        let secrets = BTreeMap::from([("API_KEY".to_owned(), "k".to_owned())]);
        let start = Start { config: config.to_owned(), secrets };
        let written = manifest(Path::new("/x/gateway.wasm"), Path::new("/x/relay.wasm"), &start);
        let expected: toml::Table = r#"
            spin_manifest_version = 2
            application.name = "edgeway"
            variables.api_key = { required = true, secret = true }
            [[trigger.http]]
            route = "/..."
            component = "edgeway"
            [[trigger.http]]
            route.private = true
            component = "users"
            [component.edgeway]
            source = "/x/gateway.wasm"
            files = ["gateway.json"]
            key_value_stores = ["default"]
            sqlite_databases = ["default"]
            allowed_outbound_hosts = ["http://*:*", "https://*:*", "http://users.spin.internal"]
            variables.api_key = "{{ api_key }}"
            [component.users]
            source = "/x/relay.wasm"
            allowed_outbound_hosts = ["http://127.0.0.1:81"]
            variables.upstream = "127.0.0.1:81"
        "#
        .parse()
        .unwrap();
        assert_eq!(written.parse::<toml::Table>().unwrap(), expected, "{written}");
    }
}

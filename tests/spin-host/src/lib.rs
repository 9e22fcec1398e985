//! Runs a Spin component in tests where the real `spin` is not installed.
//!
//! A [`Host`] compiles a component once; [`Host::serve`] runs it under one configuration on a port of its own, so that one
//! process can serve many configurations at once.
//!
//! What a component sees is what Spin 4.1 shows it: instances are reused ([`Reuse`]), forbidden headers are errors, outbound
//! requests need an entry in `allowed_outbound_hosts`, and `spin-client-addr` and `spin-full-url` are appended after
//! whatever the client sent under these names. A request whose host is not clear is not answered.

mod app;
mod bindings;
pub mod component;
mod inbound;
mod kept_length;
mod key_value;
pub mod manifest;
mod outbound;
mod redis;
mod sqlite;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::app::{App, Shared, State};

/// A compiled component, ready to serve any number of configurations.
pub struct Host {
    engine: Engine,
    service: ServicePre<State>,
}

/// One configuration: what `spin.toml` and the command line of `spin up` say.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes any free one. Default: any free port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Files and directories that the component can read.
    pub files: Vec<Mount>,
    /// Application variables, by lower-case name.
    pub variables: BTreeMap<String, String>,
    /// Names of the key-value stores that the component may open; they live in memory.
    pub key_value_stores: BTreeSet<String>,
    /// How long reading a value of theirs takes.
    pub key_value_delay: std::time::Duration,
    /// Names of the databases that the component may open; they live in files.
    pub sqlite_databases: BTreeSet<String>,
    /// Where these files are, for several to share. Default: a temporary folder.
    pub database_folder: Option<PathBuf>,
    /// `scheme://host:port` for each permitted destination; `*` stands for any scheme, host or port, and a leading `*.` of
    /// a host for any subdomain.
    pub allowed_outbound_hosts: Vec<String>,
    /// Where other components of the application are served: `http://NAME.spin.internal` leads there.
    pub components: BTreeMap<String, SocketAddr>,
    /// How instances are reused.
    pub reuse: Reuse,
    /// Whether the component's standard output, the access log, goes to standard error, apart from what the program itself says.
    pub log_to_stderr: bool,
}

/// A file or directory of this machine as the component sees it, read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The file or directory. A file is copied when serving begins.
    pub source: PathBuf,
    /// Its absolute path inside the component.
    pub destination: String,
}

/// How instances are reused; the default is Spin's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// How many requests an instance takes in its life.
    pub requests: usize,
    /// How many of them at once.
    pub concurrent: usize,
    /// How long an instance without work is kept.
    pub idle: std::time::Duration,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 128, concurrent: 16, idle: std::time::Duration::from_secs(1) }
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            files: Vec::new(),
            variables: BTreeMap::new(),
            key_value_stores: BTreeSet::from(["default".to_owned()]),
            key_value_delay: std::time::Duration::ZERO,
            sqlite_databases: BTreeSet::from(["default".to_owned()]),
            database_folder: None,
            allowed_outbound_hosts: Vec::new(),
            components: BTreeMap::new(),
            reuse: Reuse::default(),
            log_to_stderr: false,
        }
    }
}

/// A configuration being served; ends when dropped.
pub struct Running {
    address: SocketAddr,
    server: JoinHandle<()>,
    shared: Arc<Shared>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all instances of the moment, in the middle of whatever they do. Later requests get new ones, with the same stores.
    pub fn kill_instances(&self) {
        self.shared.kill_instances();
    }

    /// The file of the database called `name`, if the component may open it.
    #[must_use]
    pub fn database(&self, name: &str) -> Option<PathBuf> {
        self.shared.database(name)
    }

    /// How many instances have begun.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.shared.instances.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// The keys of the values in its key-value stores.
    #[must_use]
    pub fn key_value_keys(&self) -> Vec<String> {
        self.shared.key_values.keys()
    }

    /// How often the component has read values of its key-value stores.
    #[must_use]
    pub fn key_value_reads(&self) -> usize {
        self.shared.key_values.reads()
    }

    /// Runs until the server ends, which it does not by itself.
    pub async fn wait(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Host {
    /// Compiles `component`, the bytes of a WebAssembly component that exports `wasi:http/handler@0.3.0`.
    ///
    /// # Errors
    /// When it is no such component, or imports what this host does not have.
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, component)?;
        let linker = linker(&engine)?;
        let service = ServicePre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, service })
    }

    /// Serves the component under `options`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When it can't listen, or a database or mounted directory can't be opened.
    pub async fn serve(&self, options: ServeOptions) -> wasmtime::Result<Running> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let app = Arc::new(App::new(self.engine.clone(), self.service.clone(), options)?);
        let shared = Arc::clone(app.shared());
        let server = tokio::spawn(inbound::serve(listener, app));
        Ok(Running { address, server, shared })
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::Imports::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

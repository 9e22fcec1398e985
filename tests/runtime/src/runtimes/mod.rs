//! What serves a configuration for real.

mod native;
mod spin;
mod workerd;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use edgeway_corpus::Runtime;

pub(crate) use native::Native;
pub(crate) use spin::Spin;
pub(crate) use workerd::Workerd;

/// A gateway that serves one configuration; ends when dropped.
pub(crate) struct Gateway {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The process that serves, unless it is this one.
    pub(crate) process: Option<u32>,
    /// What keeps it alive.
    _guard: Box<dyn Send + Sync>,
}

impl Gateway {
    pub(crate) fn new(address: SocketAddr, process: Option<u32>, guard: impl Send + Sync + 'static) -> Self {
        Self { address, process, _guard: Box::new(guard) }
    }
}

/// Why nothing serves.
#[derive(Debug)]
pub(crate) enum NoGateway {
    /// The configuration is wrong: everything that was said about it.
    Refused(String),
    /// The runtime could not be started.
    Failed(String),
}

/// One of the real runtimes.
pub(crate) enum Host {
    Native(Native),
    Workerd(Workerd),
    Spin(Spin),
}

impl Host {
    /// Makes `runtime` ready.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub(crate) async fn ready(runtime: Runtime) -> Result<Self, String> {
        match runtime {
            Runtime::Native => Native::find().map(Self::Native),
            Runtime::Workerd => Workerd::find().map(Self::Workerd),
            Runtime::Spin => Spin::find().await.map(Self::Spin),
            Runtime::Sim => Err("the simulator has a runner of its own: `cargo test -p edgeway-sim`".to_owned()),
        }
    }

    /// How many configurations it may serve at the same time.
    pub(crate) const fn width(&self) -> usize {
        match self {
            Self::Native(_) | Self::Spin(_) => 4,
            Self::Workerd(_) => 2,
        }
    }

    /// Serves `config`.
    ///
    /// # Errors
    /// See [`NoGateway`].
    pub(crate) async fn serve(&self, config: &str, secrets: &BTreeMap<String, String>) -> Result<Gateway, NoGateway> {
        match self {
            Self::Native(native) => native.serve(config, secrets).await,
            Self::Workerd(workerd) => workerd.serve(config, secrets).await,
            Self::Spin(spin) => spin.serve(config, secrets).await,
        }
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    edgeway_corpus::cases_dir().join("../..")
}

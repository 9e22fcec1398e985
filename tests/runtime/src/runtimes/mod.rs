//! What serves a configuration for real.

mod driver;
mod native;
mod printed;
mod spin;
mod workerd;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use edgeway_corpus::{Mistake, Runtime};
use tokio_rustls::TlsConnector;

pub(crate) use native::Native;
pub(crate) use printed::Printed;
pub(crate) use spin::Spin;
pub(crate) use workerd::Workerd;

/// A gateway that serves one configuration; ends when dropped.
pub(crate) struct Gateway {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The process that serves, unless it is this one.
    pub(crate) process: Option<u32>,
    /// Whether it takes a client that has ended its side for one that still reads.
    pub(crate) half_closes: bool,
    /// What it is spoken to with over HTTP/2 and TLS; without it, over HTTP/1.1 in the clear.
    pub(crate) tls: Option<TlsConnector>,
    /// What its process prints, where others may print, too.
    printed: Printed,
    /// What keeps it alive.
    _guard: Box<dyn Send + Sync>,
}

impl Gateway {
    pub(crate) fn new(
        address: SocketAddr,
        process: Option<u32>,
        printed: Printed,
        guard: impl Send + Sync + 'static,
    ) -> Self {
        Self { address, process, half_closes: false, tls: None, printed, _guard: Box::new(guard) }
    }

    /// What it has printed, its log among that.
    pub(crate) async fn printed(&self) -> String {
        self.printed.text().await
    }
}

/// What a gateway is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start {
    /// The text of its configuration.
    pub(crate) config: String,
    /// What its secrets are.
    pub(crate) secrets: BTreeMap<String, String>,
}

/// Why nothing serves.
#[derive(Debug)]
pub(crate) enum NoGateway {
    /// The configuration is wrong: everything that was said about it.
    Refused(Vec<Mistake>),
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
            Runtime::NativeH2 => Native::find()?.over_h2().map(Self::Native),
            Runtime::Workerd => Workerd::find().map(Self::Workerd),
            Runtime::Spin => Spin::find().await.map(Self::Spin),
            Runtime::Sim => Err("the simulator has a runner of its own: `cargo test -p edgeway-sim`".to_owned()),
        }
    }

    /// How many configurations it may serve at the same time.
    pub(crate) const fn width(&self) -> usize {
        4
    }

    /// Starts what is cheaper to start together.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) async fn prepare(&self, starts: &[Start]) -> Result<(), String> {
        match self {
            Self::Workerd(workerd) => workerd.prepare(starts).await,
            Self::Native(_) | Self::Spin(_) => Ok(()),
        }
    }

    /// Serves `config`.
    ///
    /// # Errors
    /// See [`NoGateway`].
    pub(crate) async fn serve(&self, start: &Start) -> Result<Gateway, NoGateway> {
        match self {
            Self::Native(native) => native.serve(start).await,
            Self::Workerd(workerd) => workerd.serve(start).await,
            Self::Spin(spin) => spin.serve(start).await,
        }
    }

    /// Serves `start` in a process that serves nothing else.
    ///
    /// # Errors
    /// See [`NoGateway`].
    pub(crate) async fn serve_alone(&self, start: &Start) -> Result<Gateway, NoGateway> {
        match self {
            Self::Spin(spin) => spin.serve_alone(start).await,
            Self::Native(_) | Self::Workerd(_) => self.serve(start).await,
        }
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    edgeway_corpus::cases_dir().join("../..")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The newer of the release and the debug build of `program`.
pub(crate) fn newest_build(program: &str) -> Option<PathBuf> {
    ["release", "debug"]
        .map(|profile| target().join(profile).join(program))
        .into_iter()
        .filter(|path| path.exists())
        .max_by_key(|path| path.metadata().and_then(|meta| meta.modified()).ok())
}

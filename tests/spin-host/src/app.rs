//! What all instances of one served configuration share, and what each has of its own.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{Instant as TokioInstant, Sleep};
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::outbound::Outbound;
use crate::{Reuse, ServeOptions, key_value};

/// What all instances of one served configuration share.
pub(crate) struct App {
    engine: Engine,
    service: ServicePre<State>,
    shared: Arc<Shared>,
}

/// The stores and permissions of one served configuration.
pub(crate) struct Shared {
    pub(crate) options: ServeOptions,
    pub(crate) key_values: key_value::Stores,
    /// The instances that have begun.
    pub(crate) instances: AtomicUsize,
    pub(crate) outbound: Outbound,
    directories: Vec<(PathBuf, String)>,
    scratch: TempDir,
    /// Changes when all instances of the moment are to end.
    killed: watch::Sender<()>,
}

impl Shared {
    fn new(options: ServeOptions) -> wasmtime::Result<Self> {
        let outbound = Outbound::new(&options.allowed_outbound_hosts, &options.components)?;
        let scratch = tempfile::Builder::new().prefix("edgeway-spin-host-").tempdir()?;
        let root = scratch.path().join("files");
        std::fs::create_dir(&root)?;
        let mut directories = vec![(root.clone(), "/".to_owned())];
        for mount in &options.files {
            if mount.source.is_dir() && mount.destination == "/" {
                for file in std::fs::read_dir(&mount.source)? {
                    let file = file?;
                    std::fs::copy(file.path(), root.join(file.file_name()))?;
                }
            } else if mount.source.is_dir() {
                directories.push((mount.source.clone(), mount.destination.clone()));
            } else {
                let copy = root.join(mount.destination.trim_start_matches('/'));
                std::fs::create_dir_all(copy.parent().unwrap_or(&root))?;
                std::fs::copy(&mount.source, copy)
                    .map_err(|error| wasmtime::format_err!("`{}`: {error}", mount.source.display()))?;
            }
        }
        let (key_values, killed) = (key_value::Stores::default(), watch::Sender::new(()));
        let instances = AtomicUsize::new(0);
        Ok(Self { options, key_values, instances, outbound, directories, scratch, killed })
    }

    /// The file of the database called `name`, if the component may open it.
    pub(crate) fn database(&self, name: &str) -> Option<PathBuf> {
        let folder = self.options.database_folder.as_deref().unwrap_or(self.scratch.path());
        self.options.sqlite_databases.get(name).map(|name| folder.join(format!("{name}.db")))
    }

    /// Ends all instances of the moment, in the middle of whatever they do.
    pub(crate) fn kill_instances(&self) {
        self.killed.send_replace(());
    }
}

impl App {
    pub(crate) fn new(engine: Engine, service: ServicePre<State>, options: ServeOptions) -> wasmtime::Result<Self> {
        let app = Self { engine, service, shared: Arc::new(Shared::new(options)?) };
        app.state()?; // mounts that can't be opened stop the start
        Ok(app)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn state(&self) -> wasmtime::Result<State> {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stderr();
        if self.shared.options.log_to_stderr {
            wasi.stdout(wasmtime_wasi::cli::stderr());
        } else {
            wasi.inherit_stdout();
        }
        for (source, destination) in &self.shared.directories {
            wasi.preopened_dir(source, destination, FsPerms::ReadOnly)?;
        }
        Ok(State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: self.shared.outbound.clone(),
            shared: Arc::clone(&self.shared),
        })
    }
}

/// What one instance has of its own.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    pub(crate) shared: Arc<Shared>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

impl HandlerState for App {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        self.shared.instances.fetch_add(1, Ordering::SeqCst);
        let mut store = Store::new(&self.engine, self.state()?);
        let service = self.service.instantiate_async(&mut store).await?;
        let reuse = self.shared.options.reuse;
        let mut killed = self.shared.killed.subscribe();
        let killed = Box::pin(async move { drop(killed.changed().await) });
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: State::http,
            expiration: Expiration { idle: reuse.idle, sleep: Box::pin(tokio::time::sleep(reuse.idle)), killed },
            state: Worker { reuse },
        })
    }
}

/// Ends an instance that had nothing to do for a while, or is killed.
pub(crate) struct Expiration {
    idle: std::time::Duration,
    sleep: Pin<Box<Sleep>>,
    killed: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        if self.killed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = TokioInstant::from_std(start + self.idle);
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Says how many requests an instance takes.
pub(crate) struct Worker {
    reuse: Reuse,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.requests {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, State>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, store: Store<State>, result: Result<(), wasmtime::Error>) {
        // The end of the server drops its instances, and is told in these words.
        if let Err(error) = result
            && error.to_string() != "worker panicked"
        {
            eprintln!("an instance ended early: {error:?}");
        }
        drop(store);
    }
}

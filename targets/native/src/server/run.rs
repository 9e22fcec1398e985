//! The life of a worker: accept, serve, drain.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener as AsyncListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::RuntimeKind;
use super::connection::serve;
use super::worker::Worker;
use crate::clock::TICK;

/// The wait after the system has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The shortest wait for the reader of the access log at the end.
pub(super) const LOG_PATIENCE: Duration = Duration::from_secs(1);

/// The runtime of a worker.
pub(super) fn runtime(kind: RuntimeKind, threads: usize) -> io::Result<Runtime> {
    let mut builder = match kind {
        RuntimeKind::ThreadPerCore => Builder::new_current_thread(),
        RuntimeKind::WorkStealing => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    // Other threads only look up names.
    builder.max_blocking_threads(8).enable_io().enable_time().build()
}

/// Serves the connections to `socket` until a shutdown is over.
pub(super) fn run(
    runtime: Runtime,
    worker: Arc<Worker>,
    socket: TcpListener,
    mut stop: watch::Receiver<Option<Duration>>,
) {
    let deadline = runtime.block_on(async {
        let ticking = tokio::spawn({
            let (ticker, worker) = (Arc::clone(&worker.ticker), Arc::clone(&worker));
            ticker.run(move || worker.flush_log())
        });
        let drain = {
            let accepting = accept(&worker, socket);
            tokio::select! {
                () = accepting => Duration::ZERO,
                drain = stopped(&mut stop) => drain,
            }
        };
        let begun = tokio::time::Instant::now();
        let deadline = begun + drain;
        while !worker.is_idle() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(TICK / 4).await;
        }
        ticking.abort();
        begun.into_std() + drain.max(LOG_PATIENCE)
    });
    let cut_off = worker.connections.load(std::sync::atomic::Ordering::Acquire);
    // Ends every task, and with it all that is still open.
    drop(runtime);
    worker.connections.store(cut_off, std::sync::atomic::Ordering::Release);
    worker.finish_log(deadline);
}

async fn stopped(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(drain) => drain.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

async fn accept(worker: &Arc<Worker>, socket: TcpListener) {
    let Ok(listener) = AsyncListener::from_std(socket) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                tokio::spawn(serve(Arc::clone(worker), stream, address.ip()));
            }
            // The client left before it was accepted, or descriptors ran out: neither ends the server.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

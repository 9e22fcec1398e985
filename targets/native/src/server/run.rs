//! The life of a worker: accept, serve, drain.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::RuntimeKind;
use super::checks;
use super::connection::serve;
use super::following;
use super::listener::{Accepting, ListenSocket};
use super::worker::Worker;
use crate::clock::TICK;
use crate::transport::Transport;

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

/// Serves the connections to the `listeners` until a shutdown is over. The first worker does what the process does once.
pub(super) fn run(runtime: Runtime, worker: Arc<Worker>, mut listeners: UnboundedReceiver<Accepting>, is_first: bool) {
    let deadline = runtime.block_on(async {
        let ticking = tokio::spawn({
            let (ticker, worker) = (Arc::clone(&worker.ticker), Arc::clone(&worker));
            ticker.run(move || worker.flush_log())
        });
        // What the process does once.
        let beside = is_first.then(|| {
            let (following, checking) = (Arc::clone(&worker), Arc::clone(&worker));
            [tokio::spawn(following::follow(following)), tokio::spawn(checks::run(checking))]
        });
        let mut stop = worker.stop.clone();
        let mut accepting = JoinSet::new();
        let drain = loop {
            tokio::select! {
                Some(listener) = listeners.recv() => {
                    accepting.spawn(accept(Arc::clone(&worker), listener));
                }
                drain = stopped(&mut stop) => break drain,
                Some(_) = accepting.join_next() => {}
            }
        };
        accepting.shutdown().await;
        // Those that came with the shutdown.
        listeners.close();
        let begun = tokio::time::Instant::now();
        let deadline = begun + drain;
        while !worker.is_idle() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(TICK / 4).await;
        }
        ticking.abort();
        beside.iter().flatten().for_each(JoinHandle::abort);
        begun.into_std() + drain.max(LOG_PATIENCE)
    });
    let cut_off = worker.connections.load(std::sync::atomic::Ordering::Acquire);
    // Ends every task, and with it all that is still open.
    drop(runtime);
    worker.connections.store(cut_off, std::sync::atomic::Ordering::Release);
    worker.finish_log(deadline);
}

/// Returns the longest that open exchanges may go on, once connections are to be refused.
pub(super) async fn stopped(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(drain) => drain.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

/// Accepts the connections to a listener until that is dropped.
async fn accept(worker: Arc<Worker>, listener: Accepting) {
    let Accepting { socket, door, mut open } = listener;
    let accepting = async {
        match socket {
            ListenSocket::Tcp(socket) => {
                let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { return };
                loop {
                    let Some((stream, address)) = accepted(listener.accept().await).await else { continue };
                    let Some(place) = worker.room.enter().await else { return };
                    let stream = Transport::Tcp(stream);
                    tokio::spawn(serve(Arc::clone(&worker), place, stream, Some(address.ip()), door.load_full()));
                }
            }
            #[cfg(unix)]
            ListenSocket::Unix(socket) => {
                let Ok(listener) = tokio::net::UnixListener::from_std(socket) else { return };
                loop {
                    let Some((stream, _)) = accepted(listener.accept().await).await else { continue };
                    let Some(place) = worker.room.enter().await else { return };
                    let stream = Transport::Unix(stream);
                    tokio::spawn(serve(Arc::clone(&worker), place, stream, None, door.load_full()));
                }
            }
            #[cfg(not(unix))]
            ListenSocket::Unix(socket) => match socket {},
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = open.changed() => {}
    }
}

/// Returns what was accepted; after an error, waits where that helps.
async fn accepted<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(accepted) => Some(accepted),
        // The client left before it was accepted, or descriptors ran out: neither ends the server.
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => None,
        Err(_) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

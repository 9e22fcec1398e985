//! The listener of the admin endpoints, with a thread of its own, which still answers while the others drain.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use gateway_core::admin::Way;
use gateway_core::gateway::MOST_ADMIN_CONTENT;
use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::error::{ADMIN, StartError};
use super::listener::listen;
use super::worker::Serving;
use crate::stream::Outgoing;

/// The most connections at once. One more ends the oldest: nobody keeps others out by holding connections.
const MAX_CONNECTIONS: usize = 64;

/// The longest that the head of a request may take, and that a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest that the content of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The wait after the system has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The listener of the admin endpoints.
#[derive(Debug)]
pub(super) struct AdminListener {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl AdminListener {
    /// Listens on `address`, and answers from the worker that runs on `serving`.
    ///
    /// # Errors
    /// When the address can't be listened on, or the system provides no thread.
    pub(super) fn start(address: &str, serving: Arc<ArcSwap<Serving>>) -> Result<Self, StartError> {
        let refused = |error: io::Error| StartError::Listen { address: address.to_owned(), setting: ADMIN, error };
        let (bound, sockets) = listen(address, 1).map_err(refused)?;
        let socket = sockets.into_iter().next().ok_or_else(|| refused(io::ErrorKind::AddrNotAvailable.into()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(StartError::Runtime)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("edgeway-admin".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(socket, serving) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(StartError::Runtime)?;
        Ok(Self { address: bound, stop, thread })
    }

    /// The address of the listener.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the listener, and all exchanges on it.
    pub(super) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

async fn accept(socket: TcpListener, serving: Arc<ArcSwap<Serving>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { return };
    let mut connections: VecDeque<AbortHandle> = VecDeque::with_capacity(MAX_CONNECTIONS);
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let way = if client.ip().to_canonical().is_loopback() { Way::Local } else { Way::Remote };
                let serving = Arc::clone(&serving);
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= MAX_CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(serve(stream, way, serving)).abort_handle());
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, way: Way, serving: Arc<ArcSwap<Serving>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let serving = serving.load_full();
        async move {
            let (head, body) = request.into_parts();
            // Of a client that does not go on, the connection is closed.
            let content = timeout(BODY_TIMEOUT, content(body)).await?.map_err(io::Error::other)?;
            let request = Request::from_parts(head, content);
            Ok::<_, io::Error>(serving.gateway.admin(&request, way).await.map(Outgoing))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).half_close(false);
    // A connection's errors are its client's affair.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// The content of a request, or as much of it as shows that it is too large.
async fn content(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut content = BytesMut::new();
    while content.len() as u64 <= MOST_ADMIN_CONTENT
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            content.extend_from_slice(&data);
        }
    }
    Ok(content.freeze())
}

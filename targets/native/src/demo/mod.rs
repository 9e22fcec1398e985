//! The demo's upstream: a small API of users and orders on loopback, the same at every start.

mod api;
mod data;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// The port of the demo upstream in the bundled configuration.
pub const PORT: u16 = 9000;

/// Starts the upstream on `port`, or on a free one if that is in use; it runs until the process ends.
///
/// # Errors
/// When no port can be listened on.
pub fn start(port: u16) -> io::Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("demo".to_owned()).spawn(move || runtime.block_on(serve(listener)))?;
    Ok(address)
}

async fn serve(listener: TcpListener) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(api::answer)));
    }
}

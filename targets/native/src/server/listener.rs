//! The listening sockets for clients.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

/// The number of connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on `address` (`host:port`) with `count` sockets.
///
/// On Linux the kernel spreads connections over them; elsewhere they are one socket on which several threads accept.
///
/// # Errors
/// When the address is malformed, or can't be listened on.
pub(super) fn listen(address: &str, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let address = address
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address"))?;
    // Sockets with a shared port would share it with another program's, too: this probe detects that it is taken.
    let probe = bind(address, false)?;
    let address = probe.local_addr()?;
    let first = if count > 1 && cfg!(target_os = "linux") {
        drop(probe);
        bind(address, true)?
    } else {
        probe
    };
    let mut sockets = vec![first];
    for _ in 1..count {
        let next = match sockets.first() {
            Some(first) if !cfg!(target_os = "linux") => first.try_clone()?,
            _ => bind(address, true)?,
        };
        sockets.push(next);
    }
    Ok((address, sockets))
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let another program take over the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    if shared {
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

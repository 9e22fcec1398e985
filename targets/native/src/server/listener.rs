//! The listeners for clients.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway_core::plan::{self, ListenAddress};
use gateway_core::ports::CertificateEnd;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

use super::crew::Crew;
use super::error::{ADMIN, LISTEN, StartError};
use super::refusals::Refusals;
use super::settings::Settings;
use super::tls::Tls;
use super::unix;

/// The number of connections that may wait to be accepted.
pub(super) const BACKLOG: i32 = 1024;

/// The treatment of the connections to a listener; a reload replaces it.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) tls: Option<Tls>,
    /// Set if each connection begins with a header of the PROXY protocol.
    pub(super) proxy_protocol: bool,
}

impl Door {
    /// Reads the certificates of `listener`, which notes the `refusals` of those of clients.
    ///
    /// # Errors
    /// When one can't be used.
    pub(super) fn of(listener: &plan::Listener, refusals: &Arc<Refusals>) -> Result<Self, StartError> {
        let certificates = &listener.certificates;
        let tls = if certificates.is_empty() {
            None
        } else {
            Some(Tls::load(certificates, listener.clients.as_ref(), refusals).map_err(StartError::Tls)?)
        };
        Ok(Self { tls, proxy_protocol: listener.proxy_protocol })
    }
}

/// A listener; dropped, it takes no more connections.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its address as it is written.
    pub(super) written: ListenAddress,
    /// Its address; none of a Unix socket.
    pub(super) address: Option<SocketAddr>,
    pub(super) door: Arc<ArcSwap<Door>>,
    _open: watch::Sender<()>,
    /// Removes the file of a Unix socket at the end.
    _file: Option<unix::SocketFile>,
}

/// The part of a listener that a worker accepts on.
#[derive(Debug)]
pub(super) struct Accepting {
    pub(super) socket: ListenSocket,
    pub(super) door: Arc<ArcSwap<Door>>,
    /// Ends once the listener is dropped.
    pub(super) open: watch::Receiver<()>,
}

/// A listening socket.
#[derive(Debug)]
pub(super) enum ListenSocket {
    Tcp(TcpListener),
    Unix(unix::UnixListener),
}

impl Listener {
    /// Listens on `address` with `count` sockets, one for each worker.
    ///
    /// # Errors
    /// When it can't be listened on.
    pub(super) fn bind(
        address: &ListenAddress,
        door: Door,
        count: usize,
    ) -> Result<(Self, Vec<Accepting>), StartError> {
        let refused = |error: io::Error| StartError::Listen { address: address.to_string(), setting: LISTEN, error };
        let (bound, sockets, file) = match address {
            ListenAddress::Tcp(written) => {
                let (bound, sockets) = listen(written, count).map_err(refused)?;
                (Some(bound), sockets.into_iter().map(ListenSocket::Tcp).collect::<Vec<_>>(), None)
            }
            ListenAddress::Unix(path) => {
                let (sockets, file) = unix::listen(path, count).map_err(refused)?;
                (None, sockets.into_iter().map(ListenSocket::Unix).collect(), Some(file))
            }
        };
        let door = Arc::new(ArcSwap::from_pointee(door));
        let (open, is_open) = watch::channel(());
        let accepting = sockets
            .into_iter()
            .map(|socket| Accepting { socket, door: Arc::clone(&door), open: is_open.clone() })
            .collect();
        Ok((Self { written: address.clone(), address: bound, door, _open: open, _file: file }, accepting))
    }

    /// Returns whether it serves HTTPS.
    pub(super) fn is_https(&self) -> bool {
        self.door.load().tls.is_some()
    }

    /// The ends of its certificates.
    pub(super) fn certificate_ends(&self) -> Vec<CertificateEnd> {
        let door = self.door.load();
        let Some(tls) = &door.tls else { return Vec::new() };
        let end = |(file, at): (String, i64)| CertificateEnd { listener: self.written.to_string(), file, at };
        tls.ends().map(end).collect()
    }

    /// Its address as a URL.
    pub(super) fn url(&self) -> String {
        match &self.address {
            Some(address) => format!("{}://{address}", if self.is_https() { "https" } else { "http" }),
            None => self.written.to_string(),
        }
    }
}

/// The listeners of a new configuration, made ready.
pub(super) struct Changed(Vec<Change>);

enum Change {
    /// The listener on this address stays, with another treatment of its connections.
    Kept(ListenAddress, Door),
    /// A listener begins.
    Bound(Listener, Vec<Accepting>),
}

impl Changed {
    /// Prepares the listeners of `settings`: those that are in `present` stay open, the others are opened for `count` workers. The
    /// admin endpoints are at `admin`.
    ///
    /// # Errors
    /// When an address can't be listened on, or a certificate can't be used. Nothing is changed then.
    pub(super) fn prepare(
        present: &[Listener],
        admin: Option<SocketAddr>,
        settings: &Settings,
        crew: &Crew,
        count: usize,
    ) -> Result<Self, StartError> {
        let prepare = |listener: &plan::Listener| {
            let door = Door::of(listener, &crew.refusals)?;
            Ok(if present.iter().any(|present| present.written == listener.address) {
                Change::Kept(listener.address.clone(), door)
            } else {
                let bound = Listener::bind(&listener.address, door, count);
                let (listener, accepting) = bound.map_err(|error| explained(error, present, admin, true))?;
                Change::Bound(listener, accepting)
            })
        };
        settings.listeners.iter().map(prepare).collect::<Result<_, _>>().map(Self)
    }

    /// Changes `present` to the new listeners. Returns what the workers have to accept on; what is left out is closed.
    pub(super) fn apply(self, present: &mut Vec<Listener>) -> Vec<Vec<Accepting>> {
        let mut old = std::mem::take(present);
        let mut added = Vec::new();
        for change in self.0 {
            match change {
                Change::Kept(address, door) => {
                    // Addresses with port 0 can be there several times.
                    if let Some(index) = old.iter().position(|listener| listener.written == address) {
                        let listener = old.remove(index);
                        listener.door.store(Arc::new(door));
                        present.push(listener);
                    }
                }
                Change::Bound(listener, accepting) => {
                    present.push(listener);
                    added.push(accepting);
                }
            }
        }
        added
    }
}

/// The reason of `error` in a server that has the listeners `present` and admin endpoints at `admin`: one of them may be in the way.
pub(super) fn explained(
    error: StartError,
    present: &[Listener],
    admin: Option<SocketAddr>,
    is_running: bool,
) -> StartError {
    let StartError::Listen { address, setting, error: cause } = &error else { return error };
    if cause.kind() != io::ErrorKind::AddrInUse {
        return error;
    }
    let wanted: Vec<SocketAddr> = address.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    let is_in_the_way = |open: SocketAddr| {
        wanted.iter().any(|wanted| {
            let is_any = open.ip().is_unspecified() || wanted.ip().is_unspecified();
            open.port() == wanted.port() && (is_any || open.ip() == wanted.ip())
        })
    };
    let (address, setting) = (address.clone(), *setting);
    if let Some(listener) = present.iter().find(|listener| listener.address.is_some_and(is_in_the_way)) {
        return StartError::Overlap { address, setting, open: listener.written.to_string(), by: LISTEN, is_running };
    }
    match admin.filter(|open| is_in_the_way(*open)) {
        Some(open) => StartError::Overlap { address, setting, open: open.to_string(), by: ADMIN, is_running },
        None => error,
    }
}

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

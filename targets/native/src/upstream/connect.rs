//! Opening a connection to an upstream.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use gateway_core::ports::{IoError, IoErrorKind};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::addresses::Addresses;
use super::handshakes::reason;
use crate::health::Health;
use crate::transport::Transport;

/// The head start of an attempt before the next address is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// TLS for a connection.
#[derive(Clone, Copy)]
pub(super) struct Security<'a> {
    /// The name to ask for.
    pub(super) name: &'a str,
    pub(super) config: &'a Arc<ClientConfig>,
    /// Told how the handshake ends.
    pub(super) health: &'a Health,
}

/// Opens a connection to one of `addresses`, with TLS if `tls` is given. Returns the connection's address. `within` is the caller's deadline, if it has one: each address gets a share of it.
pub(super) async fn connect(
    addresses: &Addresses,
    tls: Option<Security<'_>>,
    within: Option<Duration>,
) -> Result<(SocketAddr, Transport), IoError> {
    let order = addresses.in_order(within).await?;
    let mut attempts = Attempts::new(addresses, order, within);
    loop {
        let (address, stream) = attempts.next().await?;
        match secure(stream, tls).await {
            Ok(transport) => {
                addresses.set_up(address);
                return Ok((address, transport));
            }
            Err(kind) => attempts.failed(address, kind),
        }
    }
}

/// Opens a connection to the Unix socket at `path`.
#[cfg(unix)]
pub(super) async fn connect_to_socket(path: &str) -> Result<Transport, IoError> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Transport::Unix(stream)),
        Err(error) => Err(before_send(unconnected(&error))),
    }
}

/// Fails: there are no Unix sockets.
#[cfg(not(unix))]
pub(super) async fn connect_to_socket(_: &str) -> Result<Transport, IoError> {
    Err(before_send(IoErrorKind::Other))
}

async fn secure(stream: TcpStream, tls: Option<Security<'_>>) -> Result<Transport, IoErrorKind> {
    // A request is written in one piece: waiting for more to send only costs time.
    let _ = stream.set_nodelay(true);
    let Some(Security { name, config, health }) = tls else { return Ok(Transport::Tcp(stream)) };
    let name = ServerName::try_from(name.to_owned()).map_err(|_| IoErrorKind::Tls)?;
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    match stream {
        Ok(stream) => {
            health.succeeded();
            Ok(Transport::Tls(Box::new(stream.into())))
        }
        Err(error) => {
            health.failed(1, &reason(&error));
            Err(unsecured(&error))
        }
    }
}

fn before_send(kind: IoErrorKind) -> IoError {
    IoError::before_send(kind)
}

/// Classifies the error of a failed connection.
fn unconnected(error: &io::Error) -> IoErrorKind {
    match error.kind() {
        // A socket that is not there is one on which nobody listens.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => IoErrorKind::Connect,
        // The machine has no address of the family of the upstream's: no IPv6, for instance.
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable => {
            IoErrorKind::Unroutable
        }
        // The error of a local packet filter.
        io::ErrorKind::PermissionDenied => IoErrorKind::Prohibited,
        io::ErrorKind::TimedOut => IoErrorKind::ConnectTimeout,
        io::ErrorKind::ConnectionReset => IoErrorKind::Closed,
        _ => IoErrorKind::Other,
    }
}

/// Classifies the error of a failed TLS handshake.
fn unsecured(error: &io::Error) -> IoErrorKind {
    match error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            IoErrorKind::TlsCertificate
        }
        Some(rustls::Error::AlertReceived(_)) => IoErrorKind::TlsAlert,
        _ => IoErrorKind::Tls,
    }
}

/// Attempts to connect to addresses, each begun a little after the one before. The first to connect wins.
///
/// An address that fails is skipped for a while. So is one that had its time without an answer when another connected
/// or the caller gave up.
struct Attempts<'a> {
    addresses: &'a Addresses,
    waiting: vec::IntoIter<SocketAddr>,
    /// The head start of each attempt.
    delay: Duration,
    running: JoinSet<(SocketAddr, io::Result<TcpStream>)>,
    /// The beginnings of the running attempts.
    begun: Vec<(SocketAddr, Instant)>,
    error: Option<IoErrorKind>,
}

impl<'a> Attempts<'a> {
    fn new(addresses: &'a Addresses, order: Vec<SocketAddr>, within: Option<Duration>) -> Self {
        let share = within.and_then(|within| within.checked_div(u32::try_from(order.len()).unwrap_or(u32::MAX)));
        let delay = share.map_or(ATTEMPT_DELAY, |share| share.min(ATTEMPT_DELAY));
        Self { addresses, waiting: order.into_iter(), delay, running: JoinSet::new(), begun: Vec::new(), error: None }
    }

    /// Returns the next connection.
    ///
    /// # Errors
    /// The reason why there is none.
    async fn next(&mut self) -> Result<(SocketAddr, TcpStream), IoError> {
        loop {
            let address = self.waiting.next();
            self.begun.extend(address.map(|address| (address, Instant::now())));
            let is_last = self.waiting.len() == 0;
            let joined = match address {
                // The only attempt needs no task of its own.
                Some(address) if is_last && self.running.is_empty() => Some(Ok(attempt(address).await)),
                address => {
                    if let Some(address) = address {
                        self.running.spawn(attempt(address));
                    }
                    if is_last {
                        self.running.join_next().await
                    } else {
                        match tokio::time::timeout(self.delay, self.running.join_next()).await {
                            Ok(joined) => joined,
                            Err(_) => continue,
                        }
                    }
                }
            };
            match joined {
                Some(Ok((address, Ok(stream)))) => {
                    self.won(address);
                    return Ok((address, stream));
                }
                Some(Ok((address, Err(error)))) => self.failed(address, unconnected(&error)),
                Some(Err(_)) => {}
                None if is_last => return Err(before_send(self.error.unwrap_or(IoErrorKind::Unroutable))),
                None => {}
            }
        }
    }

    fn won(&mut self, winner: SocketAddr) {
        // Later attempts are not judged: they may still connect.
        let mut begun = std::mem::take(&mut self.begun);
        begun.truncate(begun.iter().position(|(address, _)| *address == winner).unwrap_or(0));
        for (overtaken, _) in begun {
            self.addresses.set_down(overtaken);
        }
    }

    /// Records that no connection to `address` came about. Of several reasons, the one reported is the last of the
    /// attempts that came furthest.
    fn failed(&mut self, address: SocketAddr, kind: IoErrorKind) {
        self.addresses.set_down(address);
        self.begun.retain(|(begun, _)| *begun != address);
        if !self.error.is_some_and(is_of_tls) || is_of_tls(kind) {
            self.error = Some(kind);
        }
    }
}

impl Drop for Attempts<'_> {
    /// Marks the attempts that had their time when the caller gave up.
    fn drop(&mut self) {
        for (address, begun) in &self.begun {
            if begun.elapsed() >= self.delay {
                self.addresses.set_down(*address);
            }
        }
    }
}

async fn attempt(address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    (address, TcpStream::connect(address).await)
}

fn is_of_tls(kind: IoErrorKind) -> bool {
    matches!(kind, IoErrorKind::Tls | IoErrorKind::TlsCertificate | IoErrorKind::TlsAlert)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_why_no_connection_came_about() {
        for (kind, told) in [
            (io::ErrorKind::ConnectionRefused, IoErrorKind::Connect),
            (io::ErrorKind::NetworkUnreachable, IoErrorKind::Unroutable),
            (io::ErrorKind::HostUnreachable, IoErrorKind::Unroutable),
            (io::ErrorKind::AddrNotAvailable, IoErrorKind::Unroutable),
            (io::ErrorKind::PermissionDenied, IoErrorKind::Prohibited),
            (io::ErrorKind::TimedOut, IoErrorKind::ConnectTimeout),
            (io::ErrorKind::OutOfMemory, IoErrorKind::Other),
        ] {
            assert_eq!(unconnected(&kind.into()), told, "{kind}");
        }
    }
}

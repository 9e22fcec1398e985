//! Opening a connection to an upstream.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gateway_core::ports::{IoError, IoErrorKind};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::transport::Transport;

/// How long an attempt is alone before the next address is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Opens a connection to `host`, with TLS if `tls` is given.
pub(crate) async fn connect(host: &str, port: u16, tls: Option<&Arc<ClientConfig>>) -> Result<Transport, IoError> {
    let stream =
        first_to_answer(addresses(host, port).await?).await.map_err(|error| before_send(unconnected(&error)))?;
    // A request is written in one piece: waiting for more to send with it only costs time.
    let _ = stream.set_nodelay(true);
    let Some(config) = tls else { return Ok(Transport::Tcp(stream)) };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| before_send(IoErrorKind::Tls))?;
    let stream = TlsConnector::from(Arc::clone(config))
        .connect(name, stream)
        .await
        .map_err(|error| before_send(unsecured(&error)))?;
    Ok(Transport::Tls(Box::new(stream.into())))
}

fn before_send(kind: IoErrorKind) -> IoError {
    IoError::before_send(kind)
}

/// Why no connection came about.
fn unconnected(error: &io::Error) -> IoErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => IoErrorKind::Connect,
        // No address of the family that the upstream's is of: the machine speaks no IPv6, say.
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable => {
            IoErrorKind::Unroutable
        }
        // What a local packet filter says.
        io::ErrorKind::PermissionDenied => IoErrorKind::Prohibited,
        io::ErrorKind::TimedOut => IoErrorKind::ConnectTimeout,
        io::ErrorKind::ConnectionReset => IoErrorKind::Closed,
        _ => IoErrorKind::Other,
    }
}

/// Why no TLS came about over a connection that did.
fn unsecured(error: &io::Error) -> IoErrorKind {
    match error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            IoErrorKind::TlsCertificate
        }
        Some(rustls::Error::AlertReceived(_)) => IoErrorKind::TlsAlert,
        _ => IoErrorKind::Tls,
    }
}

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, IoError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| before_send(IoErrorKind::Dns))?;
    let list = interleave(found.collect());
    if list.is_empty() { Err(before_send(IoErrorKind::Dns)) } else { Ok(list) }
}

/// Alternates between the families, in the resolver's order otherwise (RFC 8305 §4).
fn interleave(list: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let starts_v6 = list.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = list.into_iter().partition(|address| address.is_ipv6() == starts_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

/// Connects to each of `addresses`, a little apart, and keeps the first that answers.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    if let [address] = addresses.as_slice() {
        return TcpStream::connect(address).await;
    }
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    loop {
        let more = if let Some(address) = waiting.next() {
            attempts.spawn(TcpStream::connect(address));
            true
        } else {
            false
        };
        let joined = if more {
            match tokio::time::timeout(ATTEMPT_DELAY, attempts.join_next()).await {
                Ok(joined) => joined,
                Err(_) => continue,
            }
        } else {
            attempts.join_next().await
        };
        match joined {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(_)) => {}
            None => return Err(last),
        }
    }
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

    #[test]
    fn alternates_between_address_families() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let list = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address).to_vec();
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(address).to_vec();
        assert_eq!(interleave(list), expected);
    }
}

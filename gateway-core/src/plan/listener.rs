//! The listeners of the native server.

use crate::config::{Certificates, ClientCertificates, JsonPath, ServerTls};

/// The address without any in the configuration: of this machine alone.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

impl super::Plan {
    /// Listens on `addresses` instead of those in the configuration, with the certificates of `server.tls`.
    pub fn listen_on(&mut self, addresses: Vec<ListenAddress>) {
        let at = JsonPath::root().member("server").member("tls");
        let (certificates, clients) = match &self.server.tls {
            None => (Vec::new(), None),
            Some(Certificates::One(one)) => (vec![Certificate::of(one, at.clone())], ClientAuthorities::of(one, at)),
            Some(Certificates::Several(list)) => {
                let list = || (0..).zip(list).map(|(index, one)| (one, at.index(index)));
                let certificates = list().map(|(one, at)| Certificate::of(one, at)).collect();
                (certificates, list().find_map(|(one, at)| ClientAuthorities::of(one, at)))
            }
        };
        let listener = |address| {
            let certificates =
                if matches!(address, ListenAddress::Unix(_)) { Vec::new() } else { certificates.clone() };
            let clients = clients.clone().filter(|_| !certificates.is_empty());
            Listener { address, certificates, clients, proxy_protocol: false }
        };
        self.listeners = addresses.into_iter().map(listener).collect();
    }
}

impl Certificate {
    /// The certificate in `files`, which the configuration names at `at`.
    pub(super) fn of(files: &ServerTls, at: JsonPath) -> Self {
        Self { certificate: files.certificate.clone(), key: files.key.clone(), at }
    }
}

/// A listener of the native server.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its address.
    pub address: ListenAddress,
    /// The certificates that it serves HTTPS with; none for cleartext.
    pub certificates: Vec<Certificate>,
    /// The authorities of the certificates that clients are asked for; none if they are asked for none.
    pub clients: Option<ClientAuthorities>,
    /// Set if each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// The authorities of clients' certificates.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientAuthorities {
    /// A PEM file with them.
    pub authorities: String,
    /// Set if every client needs a certificate.
    pub required: bool,
    /// A PEM file with lists of revoked certificates.
    pub revoked: Option<String>,
    /// Their place in the configuration.
    pub at: JsonPath,
}

impl ClientAuthorities {
    /// Those beside the certificate in `files`, which the configuration names at `at`.
    pub(super) fn of(files: &ServerTls, at: JsonPath) -> Option<Self> {
        let ClientCertificates { authorities, required, revoked } = files.clients.clone()?;
        let required = required.unwrap_or(false);
        Some(Self { authorities, required, revoked, at: at.member("clients") })
    }
}

/// A certificate of the native server.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// A PEM file with the chain, the server's own certificate first.
    pub certificate: String,
    /// A PEM file with the private key.
    pub key: String,
    /// Its place in the configuration.
    pub at: JsonPath,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// `host:port`.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(String),
}

impl ListenAddress {
    /// Reads `host:port`, or `unix:` and the path of a socket; `None` for anything else.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        super::listen_address(written)
    }

    /// The way to write the address that `written` is meant to be.
    #[must_use]
    pub fn help(written: &str) -> String {
        super::listen_help(written)
    }
}

impl core::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

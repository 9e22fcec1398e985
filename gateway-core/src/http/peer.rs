//! The other end of a client's connection.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;

use super::address::AddressText;
use super::certificate::Certificate;
use super::geography::Geography;
use crate::net::Scheme;

/// The other end of the client's connection, as the adapter knows it (never from a header a client can set).
///
/// A server has one for each connection: what follows from it for every request is kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    address: Option<IpAddr>,
    scheme: Scheme,
    is_local: bool,
    geography: Geography,
    certificate: Option<Arc<Certificate>>,
    text: OnceLock<HeaderValue>,
}

impl Peer {
    /// The end at `address`, none if the platform hides it, of a connection that speaks `scheme`.
    #[must_use]
    pub const fn new(address: Option<IpAddr>, scheme: Scheme) -> Self {
        Self {
            address,
            scheme,
            is_local: false,
            geography: Geography::UNKNOWN,
            certificate: None,
            text: OnceLock::new(),
        }
    }

    /// The end, on this machine, of a connection in the clear over a Unix socket, which has no address.
    #[must_use]
    pub const fn over_unix_socket() -> Self {
        Self {
            address: None,
            scheme: Scheme::Http,
            is_local: true,
            geography: Geography::UNKNOWN,
            certificate: None,
            text: OnceLock::new(),
        }
    }

    /// The end, of which the platform knows where it is.
    #[must_use]
    pub const fn located(mut self, geography: Geography) -> Self {
        self.geography = geography;
        self
    }

    /// Where it is, as far as the platform knows.
    #[must_use]
    pub const fn geography(&self) -> Geography {
        self.geography
    }

    /// This end, which has shown `certificate` when the connection was opened.
    #[must_use]
    pub fn with_certificate(self, certificate: Option<Arc<Certificate>>) -> Self {
        Self { certificate, ..self }
    }

    /// The certificate that it has shown, and that was verified.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }

    /// Returns whether the connection is over a Unix socket.
    #[must_use]
    pub const fn is_over_unix_socket(&self) -> bool {
        self.is_local
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The scheme of the connection.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The address as text; an IPv4 address in its own form, where it is mapped into IPv6 (RFC 4291 §2.5.5.2).
    pub(crate) fn text(&self) -> Option<&HeaderValue> {
        let address = self.address?;
        Some(self.text.get_or_init(|| AddressText::of(address.to_canonical()).value()))
    }
}

//! TLS to upstreams.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The reason why the TLS settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// A file can't be read.
    Read {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// A file holds no certificate.
    NoCertificate {
        /// The file.
        path: String,
    },
    /// A certificate or key can't be used.
    Invalid {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, reason } => write!(f, "`{path}` can't be read: {reason}"),
            Self::NoCertificate { path } => write!(f, "`{path}` holds no PEM certificate"),
            Self::Invalid { path, reason } => write!(f, "`{path}` can't be used: {reason}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// Reads the file at `path`.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), reason: error.to_string() })
}

/// The PEM certificates in `pem`, the content of the file at `path`.
pub(crate) fn certificates(path: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let invalid =
        |error: rustls::pki_types::pem::Error| TlsError::Invalid { path: path.to_owned(), reason: error.to_string() };
    let list = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    if list.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(list) }
}

/// Trusts the authorities in `pem` (path and content of a file), or else the public ones.
pub(crate) fn client_config(pem: Option<(&str, &[u8])>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    match pem {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some((path, pem)) => {
            for certificate in certificates(path, pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| TlsError::Invalid { path: path.to_owned(), reason: error.to_string() })?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Invalid { path: String::new(), reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

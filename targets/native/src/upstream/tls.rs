//! TLS to upstreams.

use std::fmt;
use std::sync::Arc;

use gateway_core::plan::{Certificate, UpstreamTls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

use super::any_name::AnyName;

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
fn certificates(path: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let list = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let list = list.map_err(|error| invalid(path, &error))?;
    if list.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(list) }
}

/// A PEM file as it was read. What it holds may be a key, so that is never shown.
#[derive(Clone, PartialEq, Eq)]
struct Pem {
    path: String,
    content: Vec<u8>,
}

impl Pem {
    fn read(path: &str) -> Result<Self, TlsError> {
        Ok(Self { path: path.to_owned(), content: read(path)? })
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A certificate with its key, as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    certificate: Pem,
    key: Pem,
}

impl Identity {
    /// Reads the files of `certificate`.
    ///
    /// # Errors
    /// When one can't be read.
    pub(crate) fn read(certificate: &Certificate) -> Result<Self, TlsError> {
        Ok(Self { certificate: Pem::read(&certificate.certificate)?, key: Pem::read(&certificate.key)? })
    }

    /// The chain with its key.
    ///
    /// # Errors
    /// When one can't be used, or the two don't belong together.
    pub(crate) fn certified(&self) -> Result<CertifiedKey, TlsError> {
        let Self { certificate, key } = self;
        let chain = certificates(&certificate.path, &certificate.content)?;
        let private = PrivateKeyDer::from_pem_slice(&key.content).map_err(|error| invalid(&key.path, &error))?;
        CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                invalid(&key.path, &format_args!("it is not the key of the certificate in `{}`", certificate.path))
            }
            error => invalid(&certificate.path, &error),
        })
    }
}

/// The settings of TLS to an upstream, with what their files held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    authorities: Option<Pem>,
    server_name: Option<String>,
    names: Vec<String>,
    identity: Option<Identity>,
}

impl Settings {
    /// Reads the files of `tls`.
    ///
    /// # Errors
    /// When one can't be read.
    pub(super) fn read(tls: &UpstreamTls) -> Result<Self, TlsError> {
        Ok(Self {
            authorities: tls.authorities.as_deref().map(Pem::read).transpose()?,
            server_name: tls.server_name.clone(),
            names: tls.names.clone(),
            identity: tls.identity.as_ref().map(Identity::read).transpose()?,
        })
    }

    /// The same for a place that is asked for another `name`, if it is.
    pub(super) fn with_name(mut self, name: Option<String>) -> Self {
        self.server_name = name.or(self.server_name);
        self
    }

    /// The name to ask for, if it is not the host of the upstream's URL.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The configuration of connections.
    ///
    /// # Errors
    /// When a certificate or key can't be used.
    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let roots = Arc::new(match &self.authorities {
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Some(pem) => trusted(&pem.path, &pem.content)?,
        });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("", &error))?;
        let builder = if self.names.is_empty() {
            builder.with_root_certificates(roots)
        } else {
            let verifier = AnyName::new(roots, provider, &self.names).map_err(|error| invalid("", &error))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified()?)))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Reads the file of authorities at `path`, all of which can be used.
pub(crate) fn read_authorities(path: &str) -> Result<Vec<u8>, TlsError> {
    let pem = read(path)?;
    trusted(path, &pem)?;
    Ok(pem)
}

/// The authorities in `pem`, the content of the file at `path`.
pub(crate) fn trusted(path: &str, pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate).map_err(|error| invalid(path, &error))?;
    }
    Ok(roots)
}

/// The lists of revoked certificates in `pem`, the content of the file at `path`.
pub(crate) fn revoked(path: &str, pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists = CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|error| invalid(path, &error))?;
    if lists.is_empty() {
        return Err(invalid(path, &"it holds no PEM revocation list"));
    }
    Ok(lists)
}

fn invalid(path: &str, reason: &dyn fmt::Display) -> TlsError {
    TlsError::Invalid { path: path.to_owned(), reason: reason.to_string() }
}

//! TLS towards clients: certificates by the name that a client asks for.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::plan::{Certificate, ClientAuthorities};
use http::Request;
use http::header::HOST;
use http::uri::Authority;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use super::refusals::{Noting, Refusals};
use crate::upstream::{Identity, TlsError, read, revoked, trusted};

/// The TLS of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    /// The files of the certificates.
    files: Vec<String>,
}

/// The check of the certificates of `clients`.
///
/// # Errors
/// When a file can't be read or used.
pub(crate) fn verifier(
    clients: &ClientAuthorities,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let path = &clients.authorities;
    let roots = Arc::new(trusted(path, &read(path)?)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    if let Some(path) = &clients.revoked {
        // Of the client's own certificate: a chain's other certificates are the authority's affair.
        builder = builder.with_crls(revoked(path, &read(path)?)?).only_check_end_entity_revocation();
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    let path = clients.revoked.as_ref().unwrap_or(path);
    builder.build().map_err(|error| TlsError::Invalid { path: path.clone(), reason: error.to_string() })
}

/// The certificates of a listener, at least one.
#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl Tls {
    /// Reads the certificates in `files`, each with its key, and the authorities of `clients`, of which `refusals` are noted.
    ///
    /// # Errors
    /// When a file can't be read or used.
    pub(crate) fn load(
        files: &[Certificate],
        clients: Option<&ClientAuthorities>,
        refusals: &Arc<Refusals>,
    ) -> Result<Self, TlsError> {
        let list = files
            .iter()
            .map(|files| Identity::read(files)?.certified().map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let certificates = Arc::new(Certificates(list));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Invalid { path: String::new(), reason: error.to_string() })?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let check = verifier(clients, provider)?;
                builder.with_client_cert_verifier(Arc::new(Noting { check, refusals: Arc::clone(refusals) }))
            }
        };
        // A session that is resumed has the certificate that it began with (RFC 8446 §2.2). Each load has sessions of its own, so that none
        // outlives an authority, or escapes a list of revoked certificates.
        let mut config = builder.with_cert_resolver(Arc::<Certificates>::clone(&certificates));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let files = files.iter().map(|files| files.certificate.clone()).collect();
        Ok(Self { config: Arc::new(config), certificates, files })
    }

    /// The files of the certificates, each with the end of its validity in seconds of Unix time.
    pub(super) fn ends(&self) -> impl Iterator<Item = (String, i64)> {
        let end = |key: &CertifiedKey| {
            let (_, certificate) = parse_x509_certificate(key.cert.first()?).ok()?;
            Some(certificate.validity().not_after.timestamp())
        };
        self.files.iter().zip(&self.certificates.0).filter_map(move |(file, key)| Some((file.clone(), end(key)?)))
    }

    /// The name that a client has asked for, if the certificate that it was presented covers that.
    pub(super) fn name(&self, asked: Option<&str>) -> Option<Name> {
        let asked = asked?;
        let key = self.certificates.for_name(Some(asked))?;
        let is_covered = covers(key, asked);
        is_covered.then(|| Name {
            asked: asked.to_owned(),
            key: Arc::clone(key),
            has_others: self.certificates.0.len() > 1,
            covered: Mutex::default(),
        })
    }
}

impl Certificates {
    /// The first certificate that covers `name`, or else the first.
    fn for_name(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let covering = match name {
            Some(name) if self.0.len() > 1 => self.0.iter().find(|key| covers(key, name)),
            _ => None,
        };
        covering.or_else(|| self.0.first())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.for_name(hello.server_name()).map(Arc::clone)
    }
}

fn covers(key: &CertifiedKey, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    let certificate = key.cert.first().and_then(|certificate| ParsedCertificate::try_from(certificate).ok());
    certificate.is_some_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

/// The name that a connection was opened for, and the certificate that covers it.
pub(super) struct Name {
    asked: String,
    key: Arc<CertifiedKey>,
    /// Set if the listener has other certificates.
    has_others: bool,
    /// Another name that was found to be covered: a client that shares a connection asks for few.
    covered: Mutex<String>,
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Name").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Name {
    /// Returns whether `request` is for another host than the certificate covers, where that can mean another site: the
    /// listener has several certificates (RFC 9110 §7.4). An address means no site, and a malformed host gets another answer.
    pub(super) fn is_misdirected<B>(&self, request: &Request<B>) -> bool {
        if !self.has_others {
            return false;
        }
        let field = || request.headers().get(HOST).and_then(|field| field.to_str().ok()?.parse::<Authority>().ok());
        let parsed;
        let host = match request.uri().authority() {
            Some(authority) => authority.host(),
            None => match request.headers().get(HOST) {
                Some(field) if field.as_bytes().eq_ignore_ascii_case(self.asked.as_bytes()) => return false,
                _ => {
                    let Some(authority) = field() else { return false };
                    parsed = authority;
                    parsed.host()
                }
            },
        };
        if host.eq_ignore_ascii_case(&self.asked) {
            return false;
        }
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        if host.eq_ignore_ascii_case(&covered) {
            return false;
        }
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let is_covered = is_address || covers(&self.key, host.strip_suffix('.').unwrap_or(host));
        if is_covered {
            host.clone_into(&mut covered);
        }
        !is_covered
    }
}

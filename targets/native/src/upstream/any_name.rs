//! The check of an upstream's certificate against several names.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// A verifier of certificates that takes those for any of its names, whatever name was asked for. All else is checked as ever.
#[derive(Debug)]
pub(super) struct AnyName {
    usual: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl AnyName {
    /// A verifier of certificates that `roots` have signed for any of `names`.
    ///
    /// # Errors
    /// When a name is none, or there are no roots.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        names: &[String],
    ) -> Result<Self, Error> {
        let usual = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        let usual = usual.map_err(|error| Error::General(error.to_string()))?;
        let names = names.iter().map(|name| ServerName::try_from(name.clone())).collect::<Result<_, _>>();
        Ok(Self { usual, names: names.map_err(|error| Error::General(error.to_string()))? })
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _asked: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut outcome = Err(Error::InvalidCertificate(CertificateError::NotValidForName));
        for name in &self.names {
            outcome = self.usual.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
            let is_for_another = matches!(
                outcome,
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
                ))
            );
            if !is_for_another {
                break;
            }
        }
        outcome
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

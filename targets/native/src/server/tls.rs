//! TLS towards clients.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::settings::TlsFiles;
use crate::upstream::{TlsError, certificates, read};

/// Reads certificate and key.
///
/// # Errors
/// When a file can't be read or used.
pub(crate) fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let invalid = |path: &str, reason: String| TlsError::Invalid { path: path.to_owned(), reason };
    let chain = certificates(&files.certificate, &read(&files.certificate)?)?;
    let key =
        PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|error| invalid(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                invalid(&files.key, format!("it is not the key of the certificate in `{}`", files.certificate))
            }
            error => invalid(&files.certificate, error.to_string()),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

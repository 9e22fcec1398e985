//! What the server itself reads from a configuration.

use std::time::Duration;

use gateway_core::config::{AccessLog, Config};

/// What the server itself reads from a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The address to listen on, as `host:port`.
    pub listen: String,
    /// Files with certificate chain and key.
    pub tls: Option<TlsFiles>,
    /// How long open exchanges may go on once a shutdown begins.
    pub drain: Duration,
    /// The form of the access log.
    pub access_log: AccessLog,
    /// The file of the key-value store.
    pub key_value_file: Option<String>,
    /// The most header fields of a request.
    pub max_headers: u32,
    /// The largest head of a request, in bytes.
    pub max_head: usize,
}

/// Files with a certificate chain and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Settings {
    /// The settings in `config`.
    pub fn of(config: &Config) -> Self {
        let server = &config.server;
        let tls =
            server.tls.as_ref().map(|tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() });
        let limits = &config.limits;
        let header_bytes = limits.header_bytes.map_or(32 * 1024, |size| size.0);
        let url_bytes = limits.url_bytes.map_or(8 * 1024, |size| size.0);
        // The gateway counts names and values; on the wire there are separators too.
        let separators = u64::from(limits.headers.unwrap_or(100)) * 4 + 64;
        Self {
            listen: server.listen.clone().unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            tls,
            drain: server.drain.map_or(Duration::from_secs(30), |span| span.0),
            access_log: server.access_log.unwrap_or_default(),
            key_value_file: server.key_value_file.clone(),
            max_headers: limits.headers.unwrap_or(100),
            max_head: usize::try_from(header_bytes.saturating_add(url_bytes).saturating_add(separators))
                .unwrap_or(usize::MAX),
        }
    }
}

impl Settings {
    /// What differs in `new` and can't change while the server runs.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("server.listen", self.listen != new.listen),
            ("server.tls", self.tls.is_some() != new.tls.is_some()),
            ("server.keyValueFile", self.key_value_file != new.key_value_file),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

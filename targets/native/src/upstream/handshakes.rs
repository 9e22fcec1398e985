//! The health of TLS to upstreams: a client is told the kind of a failure alone (RFC 9209 §2.3), the operator its reason.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::{CertificateError, Error};

use crate::health::Health;

/// The health of TLS to each upstream, shared by the workers.
#[derive(Debug, Default)]
pub struct Handshakes(Mutex<Vec<(String, Weak<Health>)>>);

impl Handshakes {
    /// The health of TLS to the upstream of this `name`.
    pub(crate) fn with(&self, name: &str) -> Arc<Health> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|(_, health)| health.strong_count() > 0);
        if let Some(known) = list.iter().find(|(known, _)| known == name).and_then(|(_, health)| health.upgrade()) {
            return known;
        }
        let health = Arc::new(Health::default());
        list.push((name.to_owned(), Arc::downgrade(&health)));
        health
    }

    /// The health of TLS to all upstreams that are in use, by their names.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Health>)> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().filter_map(|(name, health)| Some((name.clone(), health.upgrade()?))).collect()
    }
}

/// The reason of a failed handshake, and what helps.
pub(super) fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "no trusted authority has signed its certificate; name the file of the one that did in `tls.authorities` of the upstream (that of an issuer is its `upstream`)"
                .into()
        }
        // The verifier's own error has no type that is public here.
        Some(Error::InvalidCertificate(CertificateError::Other(other)))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            "its certificate is that of an authority (CA:TRUE), and may not be a server's as well; make it with \
             `basicConstraints=critical,CA:FALSE`"
                .into()
        }
        Some(Error::InvalidCertificate(error)) => error.to_string(),
        Some(Error::AlertReceived(alert)) => format!("the upstream has refused the handshake: {alert:?}"),
        Some(Error::InvalidMessage(_)) => "the upstream does not speak TLS; is its URL `http://`?".into(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the upstream has closed the connection during the handshake; does it speak TLS?".into()
        }
        _ => error.to_string(),
    }
}

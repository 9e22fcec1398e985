//! Clients whose certificates are refused in the handshake: an alert tells them little (RFC 8446 §6.2), the operator is told the reason.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gateway_core::http::certificate::Certificate;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// The least time between two reports: anybody can have a certificate refused, as often as they like.
const QUIET: Duration = Duration::from_secs(60);

/// The most characters of a subject that are told. Whoever is refused has written it.
const MOST_SUBJECT: usize = 200;

/// The certificates of clients that were refused.
#[derive(Debug, Default)]
pub struct Refusals {
    count: AtomicU64,
    /// The last one, in words.
    last: Mutex<String>,
}

/// A report of certificates that were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The last one, by its subject, with the reason.
    pub last: String,
    /// The number of those that were refused since the report before.
    pub count: u64,
}

impl Refusals {
    /// Notes that the certificate with this DER was refused for this reason.
    fn note(&self, der: &[u8], reason: &Error) {
        let which = match Certificate::of_der(der).subject {
            Some(subject) => format!("that of `{}`", shown(&subject)),
            None => "one without a subject".to_owned(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{which}: {}", words(reason));
        self.count.fetch_add(1, Ordering::Release);
    }
}

/// Its first characters, without those that move a terminal's cursor.
fn shown(subject: &str) -> String {
    let mut shown: String = subject
        .chars()
        .take(MOST_SUBJECT)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if subject.chars().nth(MOST_SUBJECT).is_some() {
        shown.push('…');
    }
    shown
}

/// The reason in words, and what helps.
fn words(reason: &Error) -> String {
    match reason {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => "none of `authorities` has signed it".into(),
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "none of `authorities` has signed it, though one has the name of who did".into()
        }
        Error::InvalidCertificate(CertificateError::Revoked) => "it has been revoked".into(),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "it has expired".into()
        }
        Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        ) => "it is not for clients, by its extended key usage".into(),
        Error::InvalidCertificate(CertificateError::UnknownRevocationStatus) => {
            "`revoked` has no list of the authority that has signed it".into()
        }
        Error::InvalidCertificate(error) => error.to_string(),
        _ => reason.to_string(),
    }
}

/// Whoever tells of refusals: at once, and then no more often than once in a while.
#[derive(Debug, Default)]
pub struct Teller {
    told: u64,
    quiet_until: Option<Instant>,
}

impl Teller {
    /// Returns what there is to tell of `refusals` at `now`.
    pub fn look(&mut self, refusals: &Refusals, now: Instant) -> Option<Refusal> {
        let count = refusals.count.load(Ordering::Acquire);
        if count == self.told || self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        let before = std::mem::replace(&mut self.told, count);
        self.quiet_until = now.checked_add(QUIET);
        let last = refusals.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Refusal { last, count: count.saturating_sub(before) })
    }
}

/// A check of certificates that notes those that it refuses.
#[derive(Debug)]
pub(super) struct Noting {
    pub(super) check: Arc<dyn ClientCertVerifier>,
    pub(super) refusals: Arc<Refusals>,
}

impl ClientCertVerifier for Noting {
    fn offer_client_auth(&self) -> bool {
        self.check.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.check.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.check.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.check.verify_client_cert(end_entity, intermediates, now);
        if let Err(reason) = &verified {
            self.refusals.note(end_entity, reason);
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.check.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.check.requires_raw_public_keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_are_counted() {
        let (refusals, mut teller, begin) = (Refusals::default(), Teller::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        let refuse = |reason| refusals.note(b"no certificate", &Error::InvalidCertificate(reason));
        let told = |last: &str, count| Some(Refusal { last: format!("one without a subject: {last}"), count });
        assert_eq!(teller.look(&refusals, begin), None);
        refuse(CertificateError::Revoked);
        assert_eq!(teller.look(&refusals, begin), told("it has been revoked", 1));
        for _ in 0..3 {
            refuse(CertificateError::UnknownIssuer);
            assert_eq!(teller.look(&refusals, after(59)), None);
        }
        assert_eq!(teller.look(&refusals, after(60)), told("none of `authorities` has signed it", 3));
        assert_eq!(teller.look(&refusals, after(600)), None);
    }

    #[test]
    fn a_subject_is_told_in_one_short_line() {
        assert_eq!(shown("CN=a,O=Example"), "CN=a,O=Example");
        assert_eq!(shown("CN=\u{1b}[2Ja\n"), "CN=\u{fffd}[2Ja\u{fffd}");
        assert_eq!(shown(&"a".repeat(MOST_SUBJECT)), "a".repeat(MOST_SUBJECT));
        assert_eq!(shown(&"ä".repeat(MOST_SUBJECT + 1)), "ä".repeat(MOST_SUBJECT) + "…");
    }
}

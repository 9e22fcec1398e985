//! What goes on beside requests: connections that fail before there is one, reloads, and certificates that end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::ports::{CertificateEnd, Operation};

/// The kinds of connections that fail before a request has come as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Whoever connects is not to be believed in a header of the PROXY protocol.
    UntrustedProxy,
    /// The header of the PROXY protocol is missing, malformed or not whole.
    ProxyHeader,
    /// The handshake of TLS failed, or was not finished.
    TlsHandshake,
    /// The client speaks in the clear to a listener of HTTPS.
    Cleartext,
    /// The head of a request did not come as a whole, or took too long.
    IncompleteHead,
    /// The head of a request can't be read.
    MalformedHead,
}

/// The kinds by their labels, in the order of their numbers.
const KINDS: [&str; 6] =
    ["untrusted_proxy", "proxy_header", "tls_handshake", "cleartext", "incomplete_head", "malformed_head"];

/// The numbers of failed connections, by kind.
#[derive(Debug, Default)]
pub(super) struct Failures([AtomicU64; KINDS.len()]);

impl Failures {
    /// Counts a connection that failed.
    pub(super) fn count(&self, failure: Failure) {
        if let Some(count) = self.0.get(failure as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins a part of the connection that fails so, unless it succeeds.
    pub(super) fn attempt(&self, failure: Failure) -> Attempt<'_> {
        Attempt { failures: self, failure: Some(failure) }
    }

    fn all(&self) -> Vec<(&'static str, u64)> {
        KINDS.into_iter().zip(&self.0).map(|(kind, count)| (kind, count.load(Ordering::Relaxed))).collect()
    }
}

/// A part of a connection under way. One that is dropped before it succeeds has failed.
#[derive(Debug)]
pub(super) struct Attempt<'f> {
    failures: &'f Failures,
    failure: Option<Failure>,
}

impl Attempt<'_> {
    /// Ends it without a failure.
    pub(super) fn succeeded(mut self) {
        self.failure = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure {
            self.failures.count(failure);
        }
    }
}

/// What goes on beside requests.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The connections that failed.
    pub(super) failures: Failures,
    /// Set if the last reload was refused.
    refused: AtomicBool,
    /// The time at which the present configuration was taken over, in seconds of Unix time.
    taken_over: AtomicU64,
    certificates: Mutex<Vec<CertificateEnd>>,
}

impl Operations {
    /// Records that a configuration was taken over, with the certificates of its listeners.
    pub(super) fn taken_over(&self, certificates: Vec<CertificateEnd>) {
        *self.certificates.lock().unwrap_or_else(PoisonError::into_inner) = certificates;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.taken_over.store(now.as_secs(), Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
    }

    /// Records that a new configuration was refused.
    pub(super) fn refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// All of it at this moment.
    pub(super) fn now(&self) -> Operation {
        Operation {
            failed_connections: self.failures.all(),
            is_reloaded: !self.refused.load(Ordering::Relaxed),
            reloaded_at: self.taken_over.load(Ordering::Relaxed),
            certificates: self.certificates.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

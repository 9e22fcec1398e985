//! Certificates of clients: those that consumers have, and what can be known of any.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use crate::capabilities::Feature;
use crate::config::{self, ConfigError, JsonPath};
use crate::numbers::Numbered;
use crate::policy::certificate::{CertificateHolders, Holder, Mark};
use crate::template::{OfCertificate, Template};

impl Compiler<'_> {
    /// The consumers that certificates are of.
    #[inline(never)]
    pub(super) fn certificates(&mut self, at: &At<'_>) -> CertificateHolders {
        let config = self.config;
        let mut known: [Numbered<JsonPath>; 3] = Default::default();
        let mut list = Vec::new();
        let consumers = self.consumers.clone();
        for ((name, stated), consumer) in config.consumers.iter().zip(&consumers) {
            for (i, credential) in stated.credentials.iter().enumerate() {
                let Some(certificate) = &credential.certificate else { continue };
                let all = at.member("consumers");
                let owner = all.member(name);
                let credentials = owner.member("credentials");
                let item = credentials.index(i);
                let at = item.member("certificate");
                let Some((mark, text)) = self.mark(&at, certificate) else { continue };
                let Ok(issuer) = self.issuer_of(&at, mark, certificate.issuer.as_deref()) else { continue };
                let path = at.to_path();
                // No subject in the form of RFC 4514 has a NUL that is not escaped.
                let whole = format!("{text}\0{}", issuer.as_deref().unwrap_or_default());
                if let Some(Err(first)) = known.get_mut(mark as usize).map(|known| known.add(&whole, path.clone())) {
                    let error =
                        ConfigError::new(path, "this certificate names a consumer already").with_other(first.clone());
                    self.errors.push(error.with_help("a credential is of one consumer: keep one of them"));
                }
                list.push(Holder { mark, text, issuer, consumer: Arc::clone(consumer) });
            }
        }
        CertificateHolders::new(list)
    }

    /// What the certificates of a credential are known by; `None` if it is wrong.
    fn mark(&mut self, at: &At<'_>, certificate: &config::CertificateCredential) -> Option<(Mark, Box<str>)> {
        let config::CertificateCredential { sha256, san, subject, issuer: _ } = certificate;
        let (name, mark, stated) = match (sha256, san, subject) {
            (Some(stated), None, None) => ("sha256", Mark::Sha256, stated),
            (None, Some(stated), None) => ("san", Mark::San, stated),
            (None, None, Some(stated)) => ("subject", Mark::Subject, stated),
            (None, None, None) => {
                self.error_with(at, "nothing says which certificate it is", "add `sha256`, `san` or `subject`");
                return None;
            }
            _ => {
                let help = "keep one of `sha256`, `san` and `subject`; write another as a credential by itself";
                self.error_with(at, "the certificate is named twice", help);
                return None;
            }
        };
        let at = at.member(name);
        self.require_certificates(&at);
        match mark {
            Mark::Sha256 => {
                let digits: String = stated.chars().filter(|c| *c != ':').collect();
                if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    let message = format_args!("`{stated}` is no SHA-256 of a certificate");
                    let help = "64 hexadecimal digits: `openssl x509 -in FILE -noout -fingerprint -sha256`";
                    self.error_with(&at, message, help);
                    return None;
                }
                Some((mark, digits.to_ascii_lowercase().into()))
            }
            _ if stated.is_empty() => {
                self.error_with(&at, "no certificate is named by nothing", "write what its certificates have");
                None
            }
            Mark::San => {
                self.require(&at, Feature::CertificateNames);
                // Names of hosts have no case (RFC 4343 §3).
                let is_host = !stated.contains([':', '@']);
                Some((mark, if is_host { stated.to_ascii_lowercase().into() } else { stated.as_str().into() }))
            }
            Mark::Subject => {
                self.require_subjects(&at);
                Some((mark, stated.as_str().into()))
            }
        }
    }

    /// The issuer that the certificates of a credential have, if it says so.
    ///
    /// # Errors
    /// What it says is wrong, and reported.
    fn issuer_of(&mut self, at: &At<'_>, mark: Mark, issuer: Option<&str>) -> Result<Option<Box<str>>, ()> {
        let Some(issuer) = issuer else { return Ok(None) };
        let at = at.member("issuer");
        if mark == Mark::Sha256 {
            let message = "the digest is of one certificate, whoever has issued it";
            self.error_with(&at, message, "leave `issuer` out, or take `san` or `subject` in place of `sha256`");
            return Err(());
        }
        if issuer.is_empty() {
            self.error_with(&at, "no issuer is named by nothing", "write the subject of the authority");
            return Err(());
        }
        self.require_subjects(&at);
        Ok(Some(issuer.into()))
    }

    /// Returns whether requests can have a certificate here; reports at `at` if not.
    pub(super) fn require_certificates(&mut self, at: &At<'_>) -> bool {
        self.certificates_asked = true;
        self.believes_certificates() || self.require(at, Feature::ClientCertificates)
    }

    /// Reports at `at`, if the subjects of certificates are not known here: the platform may tell of its own alone.
    fn require_subjects(&mut self, at: &At<'_>) {
        if self.believes_certificates() {
            self.require(at, Feature::CertificateNames);
        }
    }

    /// Reports what `template` says of certificates and nobody knows here.
    pub(super) fn check_certificate(&mut self, at: &At<'_>, template: &Template) {
        for part in template.of_certificate() {
            if !self.require_certificates(at) {
                return;
            }
            match part {
                OfCertificate::Sha256 => {}
                OfCertificate::San => drop(self.require(at, Feature::CertificateNames)),
                OfCertificate::Subject | OfCertificate::Serial => self.require_subjects(at),
            }
        }
    }

    /// Returns whether trusted proxies may tell of their clients' certificates.
    fn believes_certificates(&self) -> bool {
        self.identity_names.as_ref().is_some_and(|names| names.believes_certificates())
    }
}

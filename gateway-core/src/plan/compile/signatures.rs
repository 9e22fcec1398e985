//! Signatures of requests: the keys of consumers, and the proof.

use core::time::Duration;
use std::sync::Arc;

use http::HeaderValue;

use super::Compiler;
use super::at::At;
use crate::caller::Caller;
use crate::caller::consumer::Consumer;
use crate::config::{self, ConfigError, SignatureAlgorithm, Span};
use crate::http::message_signature::{Component, SIGNATURE};
use crate::http::structured::Bare;
use crate::jose::algorithm::Algorithm;
use crate::numbers::Numbered;
use crate::policy::credential::Place;
use crate::policy::signature::{Signature, Signer, Signers};

const COMPONENTS: [&str; 3] = ["@method", "@target-uri", "content-digest"];
/// The names of parts that are no fields, without the `@` that tells them apart (RFC 9421 §2.2).
const DERIVED: [&str; 7] = ["method", "target-uri", "authority", "scheme", "request-target", "path", "query"];
const MOST_COMPONENTS: usize = 32;
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
const MOST_AGE: Duration = Duration::from_secs(60 * 60);
pub(super) const LIMIT: u64 = 1 << 20;
pub(super) const MOST_LIMIT: u64 = 25 << 20;

impl Compiler<'_> {
    /// The keys of consumers that sign requests.
    #[inline(never)]
    pub(super) fn signers(&mut self, at: &At<'_>) -> Signers {
        let config = self.config;
        let mut known = Numbered::default();
        let mut signers = Vec::new();
        let consumers = self.consumers.clone();
        for ((name, stated), consumer) in config.consumers.iter().zip(&consumers) {
            for (i, credential) in stated.credentials.iter().enumerate() {
                let Some(signature) = &credential.signature else { continue };
                let owner = at.member(name);
                let list = owner.member("credentials");
                let item = list.index(i);
                let at = item.member("signature");
                let path = at.member("keyId").to_path();
                if let Err(first) = known.add(&signature.key_id, path.clone()) {
                    let message = format_args!("a key is called `{}` already", signature.key_id);
                    let error = ConfigError::new(path, message).with_other(first.clone());
                    self.errors.push(
                        error.with_help("give each a name of its own: it is all that a signature says of its key"),
                    );
                    continue;
                }
                signers.extend(self.signer_key(&at, signature, consumer));
            }
        }
        Signers::new(signers)
    }

    /// A key of `consumer`; none where it is wrong, or not known here.
    fn signer_key(
        &mut self,
        at: &At<'_>,
        credential: &config::SignatureCredential,
        consumer: &Arc<Consumer>,
    ) -> Option<Signer> {
        let config::SignatureCredential { key_id, algorithm, pem, jwk, secret, encoding } = credential;
        if !is_text(key_id) {
            self.error_with(&at.member("keyId"), "no key is called so", "1 to 256 characters of ASCII: `acme-1`");
        }
        let algorithm = jose(*algorithm);
        let key = config::IssuerKey {
            kid: None,
            algorithm: Some(algorithm.name().to_owned()),
            pem: pem.clone(),
            jwk: jwk.clone(),
            secret: secret.clone(),
            encoding: *encoding,
        };
        let key = self.issuer_key(at, &key, &[])?.into_iter().next()?;
        let caller = Caller {
            consumer: Some(Arc::clone(consumer)),
            credential: Some(key_id.as_str().into()),
            ..Caller::default()
        };
        Some(Signer { name: key_id.as_str().into(), key, caller: Arc::new(caller) })
    }

    /// The proof by the signature of a request; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn signature(&mut self, at: &At<'_>, signature: &config::SignatureProof) -> Option<Signature> {
        let config::SignatureProof { components, max_age, nonce, label, tag, limit } = signature;
        let credentials = self.config.consumers.iter().flat_map(|(_, consumer)| &consumer.credentials);
        if !credentials.into_iter().any(|credential| credential.signature.is_some()) {
            if self.is_wrong_in(&["consumers"]) {
                return None;
            }
            let help = "give one to a consumer: `\"credentials\": [{\"signature\": {\"keyId\": …}}]`";
            self.error_with(at, "no consumer has a key that signs requests", help);
        }
        let covered = self.components(&at.member("components"), components);
        let identifiers: Box<[Box<str>]> =
            covered.iter().map(|component| component.identifier.as_str().into()).collect();
        let max_age = max_age.map_or(MAX_AGE, |Span(span)| span);
        if max_age.is_zero() || max_age > MOST_AGE {
            let help = "up to `1h`; `5m` is usual: whoever sees a request can send it again for as long";
            self.error_with(&at.member("maxAge"), "no signature is taken for such a time", help);
        }
        let limit = self.signed_limit(&at.member("limit"), *limit);
        self.signature_names(at, label.as_deref(), tag.as_deref());
        let mut accepted = [label.as_deref().unwrap_or("sig"), "=(", &identifiers.join(" "), ");created"].concat();
        if *nonce == Some(true) {
            // Without a value, as `created` has none: each client makes one of its own.
            accepted.push_str(";nonce");
        }
        if let Some(tag) = tag {
            accepted.push_str(";tag=");
            Bare::Text(tag.clone()).write(&mut accepted);
        }
        Some(Signature {
            components: identifiers,
            max_age,
            nonce: nonce.unwrap_or(false),
            label: label.as_deref().map(Into::into),
            tag: tag.as_deref().map(Into::into),
            limit,
            accepted: HeaderValue::try_from(accepted).ok()?,
            places: [Place::Header(SIGNATURE)],
        })
    }

    /// The components that are named, or the usual ones.
    pub(super) fn components(&mut self, at_list: &At<'_>, components: &[String]) -> Vec<Component> {
        let mut found: Vec<Component> = Vec::new();
        let usual = COMPONENTS.map(str::to_owned);
        for (i, text) in (if components.is_empty() { &usual } else { components }).iter().enumerate() {
            let at = at_list.index(i);
            match Component::named(text) {
                None => {
                    let help = "`@method`, `@target-uri`, `@authority`, `@scheme`, `@request-target`, `@path`, `@query`, \
                        `@query-param;name=\"…\"`, or a field in small letters (RFC 9421 §2)";
                    self.error_with(&at, format_args!("`{text}` is no component of a request"), help);
                }
                Some(component) if found.iter().any(|known| *known.identifier == *component.identifier) => {
                    self.error_with(&at, format_args!("`{text}` is there twice"), "leave one of them out");
                }
                // No request has such a field.
                Some(_) if DERIVED.contains(&&**text) => {
                    let message = format_args!("`{text}` would be a field, and the part of a request is `@{text}`");
                    self.error_with(&at, message, format_args!("write `@{text}`"));
                }
                Some(component) => found.push(component),
            }
        }
        if components.len() > MOST_COMPONENTS {
            self.error_with(at_list, format_args!("there are more than {MOST_COMPONENTS} components"), "ask for less");
        }
        found
    }
}

/// The algorithm under the name that it has for tokens.
pub(super) const fn jose(algorithm: SignatureAlgorithm) -> Algorithm {
    match algorithm {
        SignatureAlgorithm::HmacSha256 => Algorithm::Hs256,
        SignatureAlgorithm::Ed25519 => Algorithm::EdDsa,
        SignatureAlgorithm::EcdsaP256Sha256 => Algorithm::Es256,
        SignatureAlgorithm::EcdsaP384Sha384 => Algorithm::Es384,
        SignatureAlgorithm::RsaPssSha512 => Algorithm::Ps512,
        SignatureAlgorithm::RsaV15Sha256 => Algorithm::Rs256,
    }
}

/// Returns whether a structured field may have it as a text (RFC 8941 §3.3.3).
pub(super) fn is_text(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Returns whether a member of a dictionary may be called so (RFC 8941 §3.1.2).
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

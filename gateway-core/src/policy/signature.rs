//! The proof by the signature of a request (RFC 9421): which signature counts, what it has to cover, and by whose key it is.

use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::credential::Place;
use super::header_edit;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::http::message_signature::{Fault, Parts, SIGNATURE, SIGNATURE_INPUT, Stated, stated};
use crate::jose::algorithm::Algorithm;
use crate::jose::key::VerifyingKey;
use crate::order;
use crate::time::Timestamp;

/// `Accept-Signature` (RFC 9421 §5).
pub const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");

/// The identifier of the component that covers content.
pub const DIGEST: &str = "\"content-digest\"";

/// The most by which a client's clock may be ahead.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// The most signatures of a request that are looked at.
const MOST_TRIED: usize = 4;

/// The name of an algorithm (RFC 9421 §6.2.2), which may stand in `alg`.
#[must_use]
pub const fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ps512 => "rsa-pss-sha512",
        Algorithm::Rs256 => "rsa-v1_5-sha256",
        Algorithm::Hs256 => "hmac-sha256",
        Algorithm::Es256 => "ecdsa-p256-sha256",
        Algorithm::Es384 => "ecdsa-p384-sha384",
        Algorithm::EdDsa => "ed25519",
        // No key of them is made: see `config::SignatureAlgorithm`.
        _ => "",
    }
}

/// A compiled proof by the signature of a request.
#[derive(Debug)]
pub struct Signature {
    /// The identifiers of the components that have to be covered; that of content only where there is any.
    pub components: Box<[Box<str>]>,
    /// The longest since a signature was made.
    pub max_age: Duration,
    /// Set if a signature has a number that is used once.
    pub nonce: bool,
    /// The only label that counts, if it is one.
    pub label: Option<Box<str>>,
    /// The only tag that counts, if it is one.
    pub tag: Option<Box<str>>,
    /// The most bytes of content.
    pub limit: u64,
    /// What clients are told to sign (RFC 9421 §5.1).
    pub accepted: HeaderValue,
    /// The field with the signature, which is shown to nobody.
    pub places: [Place; 1],
}

/// The keys of consumers that sign requests, in the order of their names.
#[derive(Debug, Default)]
pub struct Signers(Box<[Signer]>);

/// A key of a consumer.
#[derive(Debug)]
pub struct Signer {
    /// Its name: `keyid`.
    pub name: Box<str>,
    /// The key.
    pub key: VerifyingKey,
    /// Whose it is.
    pub caller: Arc<Caller>,
}

impl Signers {
    /// These keys; of each name there is one.
    #[must_use]
    pub fn new(mut signers: Vec<Signer>) -> Self {
        order::sort_by(&mut signers, |one, other| one.name.cmp(&other.name));
        Self(signers.into())
    }

    /// Returns whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Option<&Signer> {
        let at = self.0.binary_search_by(|known| (*known.name).cmp(name)).ok()?;
        self.0.get(at)
    }
}

impl Signature {
    /// The signatures of `call` that count.
    ///
    /// # Errors
    /// There are none, or what is stated can't be read.
    pub fn stated(&self, call: &Call) -> Result<Vec<Stated>, Refusal> {
        let mut all = stated(&call.headers).map_err(|_| Refusal::SignatureMalformed)?;
        let is_it =
            |wanted: &Option<Box<str>>, own: Option<&str>| wanted.as_deref().is_none_or(|wanted| own == Some(wanted));
        all.retain(|one| is_it(&self.label, Some(&one.label)) && is_it(&self.tag, one.tag.as_deref()));
        all.truncate(MOST_TRIED);
        if all.is_empty() { Err(Refusal::Absent) } else { Ok(all) }
    }

    /// Checks all that `stated` says but the signature itself, and the content. Returns whose it says it is, and what has to be signed.
    ///
    /// # Errors
    /// It is not enough, or too old, or of nobody who is known.
    pub fn check<'s>(
        &self,
        signers: &'s Signers,
        stated: &Stated,
        call: &Call,
        now: Timestamp,
    ) -> Result<(&'s Signer, String), Refusal> {
        let signer = stated.key.as_deref().and_then(|name| signers.find(name)).ok_or(Refusal::SignatureKey)?;
        // §3.2: the algorithm is the key's, and what is stated must say no other (§7.3.6).
        if stated.algorithm.as_deref().is_some_and(|stated| stated != algorithm_name(signer.key.algorithm())) {
            return Err(Refusal::SignatureKey);
        }
        self.check_times(stated, now)?;
        if self.nonce && stated.nonce.as_deref().is_none_or(str::is_empty) {
            return Err(Refusal::SignatureNonce);
        }
        let is_covered = |identifier: &str| identifier == DIGEST || stated.covers(identifier);
        if !self.components.iter().all(|identifier| is_covered(identifier)) {
            return Err(Refusal::SignatureUncovered);
        }
        let base = stated.base(&parts(call), &call.headers).map_err(|fault| match fault {
            Fault::Malformed => Refusal::SignatureMalformed,
            Fault::Unsupported => Refusal::SignatureUnsupported,
            Fault::Missing => Refusal::SignatureUnfit,
        })?;
        Ok((signer, base))
    }

    /// Removes other spellings of the fields that `stated` covers from `headers`, and of its own: a server that folds names would take for
    /// the field what nobody has signed (RFC 9421 §7.2.1).
    pub fn strip_aliases(stated: &Stated, headers: &mut HeaderMap) {
        let covered: Vec<HeaderName> = stated.fields().chain([SIGNATURE, SIGNATURE_INPUT]).collect();
        for name in &covered {
            header_edit::remove_aliases(headers, name, &covered);
        }
    }

    /// Returns whether content has to be covered.
    #[must_use]
    pub fn covers_content(&self) -> bool {
        self.components.iter().any(|identifier| **identifier == *DIGEST)
    }

    /// The time for which a number must not be used again: as long as its signature may be good.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.max_age + LEEWAY + Duration::from_secs(1)
    }

    fn check_times(&self, stated: &Stated, now: Timestamp) -> Result<(), Refusal> {
        let at = |seconds: i64| {
            u64::try_from(seconds).map(|seconds| Timestamp::from_unix_millis(seconds.saturating_mul(1_000)))
        };
        let created = stated.created.ok_or(Refusal::SignatureUncovered)?;
        let created = at(created).map_err(|_| Refusal::SignatureExpired)?;
        if now.saturating_since(created) > self.max_age {
            return Err(Refusal::SignatureExpired);
        }
        if created.saturating_since(now) > LEEWAY {
            return Err(Refusal::SignatureEarly);
        }
        match stated.expires.map(at) {
            Some(Ok(expires)) if expires > now => Ok(()),
            Some(_) => Err(Refusal::SignatureExpired),
            None => Ok(()),
        }
    }
}

/// The parts of `call` as its client asked for them, where a trusted proxy says so (RFC 9421 §2.2).
fn parts(call: &Call) -> Parts<'_> {
    let scheme = call.client.scheme;
    let field = call.client.host.as_ref().or(call.host_field());
    let mut authority = field.and_then(|field| field.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if let Some((host, port)) = authority.rsplit_once(':')
        && !port.contains(']')
    {
        authority.truncate(host.len());
    }
    // §2.2.3: without the usual one.
    let port = call.stated_port().filter(|port| *port != scheme.default_port());
    if let Some(port) = port {
        authority.push(':');
        authority.push_str(itoa::Buffer::new().format(port));
    }
    let path = match &call.client.prefix {
        Some(prefix) => [prefix, call.uri().path()].concat(),
        None => call.uri().path().to_owned(),
    };
    // Before any step: the query is still the one that came.
    Parts { method: &call.method, scheme: scheme.as_str(), authority, path, query: call.uri().query() }
}

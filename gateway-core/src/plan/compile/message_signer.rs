//! The gateway's own signatures of requests to an upstream.

use core::time::Duration;

use http::HeaderName;

use super::Compiler;
use super::at::At;
use super::issuers::decoded;
use super::signatures::{LIMIT, MOST_LIMIT, is_key, is_text, jose};
use crate::capabilities::Feature;
use crate::config::{self, ByteSize, DigestAlgorithm, SecretEncoding, SignatureAlgorithm, Span};
use crate::http::content_digest::{CONTENT_DIGEST, Digest};
use crate::http::message_signature::{Component, SIGNATURE, SIGNATURE_INPUT};
use crate::http::structured::Bare;
use crate::jose::algorithm::{Algorithm, Family};
use crate::jose::signing_key::{SigningError, SigningKey};
use crate::policy::header_edit::is_editable;
use crate::policy::message_signer::MessageSigner;

const MOST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

impl Compiler<'_> {
    /// The signer of requests; `None` if it is wrong, or its key is not known here.
    #[inline(never)]
    pub(super) fn message_signer(&mut self, at: &At<'_>, stated: &config::RequestSignature) -> Option<MessageSigner> {
        let config::RequestSignature {
            key_id,
            algorithm,
            key,
            encoding,
            components: stated_components,
            digest,
            limit,
            life,
            nonce,
            tag,
            label,
        } = stated;
        let is_shared = *algorithm == SignatureAlgorithm::HmacSha256;
        let algorithm = jose(*algorithm);
        if algorithm.family() == Family::Rsa {
            self.require(&at.member("algorithm"), Feature::RsaSigning);
        }
        if encoding.is_some() && !is_shared {
            self.error_with(&at.member("encoding"), "only a shared secret has an encoding", "leave it out");
        }
        let components = self.components(&at.member("components"), stated_components);
        for (index, component) in stated_components.iter().enumerate() {
            if let Some(component) = Component::named(component) {
                self.check_signed(&at.member("components").index(index), &component);
            }
        }
        let limit = self.signed_limit(&at.member("limit"), *limit);
        if life.is_some_and(|Span(life)| life < Duration::from_secs(1) || life > MOST_LIFE) {
            let help = "from `1s` to `24h`, or without it: most servers go by `created`";
            self.error_with(&at.member("life"), "no signature is good for such a time", help);
        }
        self.signature_names(at, label.as_deref(), tag.as_deref());
        if !is_text(key_id) {
            self.error_with(&at.member("keyId"), "no key is called so", "1 to 256 characters of ASCII: `gateway-1`");
        }
        let key = self.signing_key(&at.member("key"), key, algorithm, *encoding)?;
        let mut parameters = String::new();
        for (name, value) in [(";keyid=", Some(key_id)), (";tag=", tag.as_ref())] {
            if let Some(value) = value {
                parameters.push_str(name);
                Bare::Text(value.clone()).write(&mut parameters);
            }
        }
        let has_digest = components.iter().any(|component| component.name() == CONTENT_DIGEST.as_str());
        let digest = has_digest.then(|| match digest.unwrap_or_default() {
            DigestAlgorithm::Sha256 => Digest::Sha256,
            DigestAlgorithm::Sha512 => Digest::Sha512,
        });
        Some(MessageSigner {
            key,
            components: components.into(),
            label: label.as_deref().unwrap_or("sig1").into(),
            stated: parameters.into(),
            life: life.map(|Span(life)| life),
            nonce: nonce.unwrap_or(false),
            digest,
            limit,
        })
    }

    /// Refuses a `component` that is not there yet when a request is signed, or another one when it arrives.
    fn check_signed(&mut self, at: &At<'_>, component: &Component) {
        let Ok(name) = HeaderName::from_bytes(component.name().as_bytes()) else { return };
        if !is_editable(&name) || name == SIGNATURE || name == SIGNATURE_INPUT {
            let message =
                format_args!("`{name}` is none that can be signed: it is of the connection, or written later");
            self.error_with(at, message, "`@authority` covers the host, and `content-digest` the content");
        }
    }

    fn signing_key(
        &mut self,
        at: &At<'_>,
        key: &config::SecretRef,
        algorithm: Algorithm,
        encoding: Option<SecretEncoding>,
    ) -> Option<SigningKey> {
        let text = self.key_text(at, key)?;
        let made = if algorithm.family() == Family::Secret {
            let Some(secret) = decoded(&text, encoding.unwrap_or_default()) else {
                let help = "say in `encoding` how its text is written: `text`, `base64`, `base64url` or `hex`";
                self.error_with(at, "the secret is not written in its `encoding`", help);
                return None;
            };
            SigningKey::secret(algorithm, &secret)
        } else {
            SigningKey::private(algorithm, &text)
        };
        match made {
            Ok(key) => Some(key),
            Err(SigningError::Key(error)) => {
                self.key_error(at, &error);
                None
            }
            Err(SigningError::Private(error)) => {
                self.error_with(at, error, error.help(algorithm.family()));
                None
            }
        }
    }

    /// The most bytes of content that is signed.
    pub(super) fn signed_limit(&mut self, at: &At<'_>, limit: Option<ByteSize>) -> u64 {
        let limit = limit.map_or(LIMIT, |ByteSize(limit)| limit);
        if limit == 0 || limit > MOST_LIMIT {
            let help = "up to `25MiB`: all of it is held in memory";
            self.error_with(at, "no signed content is read so", help);
        }
        limit
    }

    /// Checks the name of a signature in a request, and its tag.
    pub(super) fn signature_names(&mut self, at: &At<'_>, label: Option<&str>, tag: Option<&str>) {
        if label.is_some_and(|label| !is_key(label)) {
            let help = "small letters, digits, `_`, `-`, `.` and `*`, with a letter first: `sig1`";
            self.error_with(&at.member("label"), "no signature is called so", help);
        }
        if tag.is_some_and(|tag| !is_text(tag)) {
            self.error_with(&at.member("tag"), "no signature has such a tag", "1 to 256 characters of ASCII");
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use crate::capabilities::Capabilities;
    use crate::http::trailers::strip_request;
    use crate::plan::{Secrets, load};

    struct Key;

    impl Secrets for Key {
        fn secret(&self, _: &str) -> Option<String> {
            Some("0123456789abcdef0123456789abcdef".to_owned())
        }
    }

    /// docs/configuration.md, Signed requests: whoever takes a trailer for a field of the head (RFC 9110 §6.5.1) finds one signature there, and
    /// what is signed.
    #[test]
    fn no_trailer_is_taken_for_what_is_signed() {
        let kept = |credentials: &str| {
            let text = format!(
                r#"{{"upstreams": {{"a": {{"url": "http://a.test"{credentials}}}}}, "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a"}}]}}"#
            );
            let plan = load(&text, &Capabilities::NATIVE, &Key).unwrap();
            let mut trailers = HeaderMap::new();
            for name in ["signature", "signature-input", "signature_input", "x-tenant", "x_tenant", "x-sum"] {
                trailers.insert(name, "1".parse().unwrap());
            }
            strip_request(&mut trailers, &plan.identity);
            trailers.keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        let signed = r#", "credentials": {"signature": {"keyId": "k", "algorithm": "hmac-sha256", "key": {"secret": "K"},
            "components": ["@method", "x-tenant"]}}"#;
        assert_eq!(kept(signed), ["x-sum"]);
        // RFC 9421 §4: a signature may come in trailers.
        assert_eq!(kept("").len(), 6);
    }
}

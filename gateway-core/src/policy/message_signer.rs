//! The gateway's own signatures of requests to an upstream (RFC 9421), and digests of their content (RFC 9530).

use core::time::Duration;

use base64ct::{Base64, Encoding as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::header_edit::remove_aliases;
use crate::http::content_digest::{CONTENT_DIGEST, Digest};
use crate::http::message_signature::{Component, Parts, SIGNATURE, SIGNATURE_INPUT, covered};
use crate::jose::signing_key::SigningKey;
use crate::net::Scheme;
use crate::time::Timestamp;

/// The fields that are its own. Those of a client would be taken for the gateway's, or hold no more once the request is edited.
const OWN: [HeaderName; 2] = [SIGNATURE, SIGNATURE_INPUT];

/// A signer of requests.
#[derive(Debug)]
pub struct MessageSigner {
    /// The key.
    pub key: SigningKey,
    /// The parts of a request that are signed, as far as it has them.
    pub components: Box<[Component]>,
    /// The name of the signature in a request: `sig1`.
    pub label: Box<str>,
    /// `keyid` and `tag`, written as parameters.
    pub stated: Box<str>,
    /// The time for which a signature is good; none for any.
    pub life: Option<Duration>,
    /// Set if each has a number of its own.
    pub nonce: bool,
    /// The digest of content that is signed along; none if content is not.
    pub digest: Option<Digest>,
    /// The most bytes of content that are signed.
    pub limit: u64,
}

/// What is signed of a request.
#[derive(Debug)]
pub struct Unsigned {
    /// The base of the signature (§2.5).
    pub base: String,
    /// The value of `@signature-params` (§2.3).
    parameters: String,
}

impl Unsigned {
    /// What is signed, for whoever traces a request.
    #[must_use]
    pub fn told(&self) -> String {
        ["the request is signed: ", &*self.parameters].concat()
    }
}

impl MessageSigner {
    /// The names of the fields by which a request is signed: those of the signature, and those that it covers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let covered = self.components.iter().map(Component::name).filter(|name| !name.starts_with('@'));
        ["signature", "signature-input"].into_iter().chain(covered)
    }

    /// What is signed of a request to `uri` at an endpoint of this `scheme`, at `now`: its `headers`, which get the digest of the `content`, and
    /// a `nonce`, if there is one. `None` if a part of it has no value that could be signed.
    #[must_use]
    pub fn begin(
        &self,
        method: &Method,
        (scheme, uri): (Scheme, &Uri),
        headers: &mut HeaderMap,
        content: &[u8],
        (now, nonce): (Timestamp, Option<[u8; 16]>),
    ) -> Option<Unsigned> {
        for name in &OWN {
            headers.remove(name);
            remove_aliases(headers, name, &[]);
        }
        if let Some(digest) = self.digest {
            headers.remove(CONTENT_DIGEST);
            remove_aliases(headers, &CONTENT_DIGEST, &[]);
            if !content.is_empty() {
                headers.insert(CONTENT_DIGEST, HeaderValue::try_from(digest.field(content)).ok()?);
            }
        }
        let authority = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let parts = Parts {
            method,
            scheme: scheme.as_str(),
            authority: normal_authority(authority, scheme),
            path: uri.path().to_owned(),
            query: uri.query(),
        };
        let (mut base, mut parameters) = covered(&self.components, &parts, headers).ok()?;
        let mut number = itoa::Buffer::new();
        let created = now.unix_millis() / 1_000;
        parameters.push_str(";created=");
        parameters.push_str(number.format(created));
        if let Some(life) = self.life {
            parameters.push_str(";expires=");
            parameters.push_str(number.format(created.saturating_add(life.as_secs())));
        }
        if let Some(nonce) = nonce {
            for part in [";nonce=\"", &Base64::encode_string(&nonce), "\""] {
                parameters.push_str(part);
            }
        }
        parameters.push_str(&self.stated);
        base.push_str("\"@signature-params\": ");
        base.push_str(&parameters);
        Some(Unsigned { base, parameters })
    }

    /// Writes the `signature` of what is `unsigned` into `headers` (§4). `None` if it is no value of a field.
    pub fn end(&self, unsigned: &Unsigned, signature: &[u8], headers: &mut HeaderMap) -> Option<()> {
        let signature = [":", &Base64::encode_string(signature), ":"].concat();
        for (name, value) in [(SIGNATURE_INPUT, &*unsigned.parameters), (SIGNATURE, &*signature)] {
            let mut value = HeaderValue::try_from([&*self.label, "=", value].concat()).ok()?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Some(())
    }
}

/// `authority` in small letters, without the port that is usual for `scheme` (RFC 9421 §2.2.3).
fn normal_authority(authority: &str, scheme: Scheme) -> String {
    let usual = match scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::algorithm::Algorithm;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_618_884_473_999);

    fn signer(components: &[&str]) -> MessageSigner {
        MessageSigner {
            key: SigningKey::secret(Algorithm::Hs256, &[7; 32]).unwrap(),
            components: components.iter().map(|text| Component::named(text).unwrap()).collect(),
            label: "sig1".into(),
            stated: ";keyid=\"k\"".into(),
            life: None,
            nonce: false,
            digest: None,
            limit: 1024,
        }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn base(signer: &MessageSigner, uri: &str, headers: &mut HeaderMap, content: &str) -> Option<String> {
        let uri = uri.parse().unwrap();
        let unsigned = signer.begin(&Method::POST, (Scheme::Https, &uri), headers, content.as_bytes(), (NOW, None));
        unsigned.map(|unsigned| unsigned.base)
    }

    /// RFC 9421 appendix B.2.5: the base of its signature, of the request in B.2.
    #[test]
    fn the_base_is_that_of_the_standard() {
        let signer = MessageSigner {
            stated: ";keyid=\"test-shared-secret\"".into(),
            ..signer(&["date", "@authority", "content-type"])
        };
        let mut headers = headers(&[
            ("host", "example.com"),
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
        ]);
        assert_eq!(
            base(&signer, "/foo?param=Value&Pet=dog", &mut headers, "").unwrap(),
            "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": application/json\n\
             \"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\""
        );
    }

    /// RFC 9421 §2.2.2, §2.2.3, §2.2.7: the target as it is sent, with the host in small letters and without the usual port.
    #[test]
    fn the_target_is_the_one_that_is_sent() {
        let signer = signer(&["@method", "@target-uri", "@authority", "@path", "@query", "@query-param;name=\"a\""]);
        let mut fields = headers(&[("host", "API.Example.com:443")]);
        let signed = base(&signer, "/x%20y?a=1", &mut fields, "").unwrap();
        assert!(signed.starts_with(
            "\"@method\": POST\n\"@target-uri\": https://api.example.com/x%20y?a=1\n\"@authority\": api.example.com\n\
             \"@path\": /x%20y\n\"@query\": ?a=1\n\"@query-param\";name=\"a\": 1\n"
        ));
        let mut fields = headers(&[("host", "a.test:8443")]);
        assert!(base(&signer, "/", &mut fields, "").unwrap().contains("\"@authority\": a.test:8443\n"));
    }

    /// docs/configuration.md, Signed requests: what a request has not is left out, and what can't be signed is refused.
    #[test]
    fn a_component_is_covered_where_it_is() {
        let signer = signer(&["x-a", "@query-param;name=\"a\"", "priority;sf"]);
        let list = |uri: &str, fields: &[(&'static str, &str)]| {
            let base = base(&signer, uri, &mut headers(fields), "")?;
            Some(base.rsplit_once("params\": ").unwrap().1.split_once(';').unwrap().0.to_owned())
        };
        assert_eq!(list("/", &[]).unwrap(), "()");
        assert!(base(&signer, "/?a=1", &mut headers(&[("x-a", "")]), "").unwrap().starts_with("\"x-a\": \n"));
        // RFC 9421 §2.2.8: a parameter that comes twice must not be covered.
        assert_eq!(list("/?a=1&a=2", &[]), None);
        assert_eq!(list("/", &[("priority", "=")]), None);
        assert_eq!(list("/", &[("x-a", "é")]), None);
    }

    /// RFC 9421 §2.5: a base is of ASCII. Clients send other bytes in a query, and what stands for them is another query.
    #[test]
    fn a_target_with_other_bytes_than_those_of_ascii_is_not_signed() {
        for component in ["@target-uri", "@request-target", "@query"] {
            let signer = signer(&[component]);
            let target = |query: &[u8]| Uri::try_from([b"/a?", query].concat()).unwrap();
            let signed = |query: &[u8]| {
                let begun = signer.begin(
                    &Method::GET,
                    (Scheme::Https, &target(query)),
                    &mut HeaderMap::new(),
                    b"",
                    (NOW, None),
                );
                begun.is_some()
            };
            assert_eq!((signed(b"%C3%A9"), signed("é".as_bytes())), (true, false), "{component}");
        }
        assert!(base(&signer(&["@query-param;name=\"a\""]), "/?a=%C3%A9", &mut HeaderMap::new(), "").is_some());
    }

    /// RFC 9530 §2: the digest is of the content that is sent, whatever a client states.
    #[test]
    fn content_has_a_digest_of_its_own() {
        let signer = MessageSigner { digest: Some(Digest::Sha256), ..signer(&["content-digest"]) };
        let stated = [("content-digest", "sha-256=:AAAA:"), ("content_digest", "forged")];
        let mut fields = headers(&stated);
        let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        let signed = base(&signer, "/", &mut fields, r#"{"hello": "world"}"#).unwrap();
        assert!(signed.starts_with(&format!("\"content-digest\": {digest}\n")), "{signed}");
        assert_eq!((fields.len(), &fields["content-digest"]), (1, &HeaderValue::from_str(digest).unwrap()));
        let mut fields = headers(&stated);
        assert!(base(&signer, "/", &mut fields, "").unwrap().contains("params\": ();created"));
        assert!(fields.is_empty());
    }

    /// RFC 9421 §4: one signature, that of the gateway; §2.3: its parameters.
    #[test]
    fn the_signature_takes_the_place_of_every_other() {
        let signer = MessageSigner {
            life: Some(Duration::from_secs(60)),
            nonce: true,
            stated: ";keyid=\"k\";tag=\"t\"".into(),
            ..signer(&["@method"])
        };
        let mut fields =
            headers(&[("signature", "sig1=:AAAA:"), ("signature_input", "x"), ("signature-input", "sig1=()")]);
        let uri = "/".parse().unwrap();
        let unsigned =
            signer.begin(&Method::GET, (Scheme::Http, &uri), &mut fields, b"", (NOW, Some([0xff; 16]))).unwrap();
        assert!(fields.is_empty());
        signer.end(&unsigned, b"\x01\x02", &mut fields).unwrap();
        assert_eq!(
            fields["signature-input"],
            "sig1=(\"@method\");created=1618884473;expires=1618884533;nonce=\"/////////////////////w==\";keyid=\"k\";tag=\"t\""
        );
        assert_eq!((fields.len(), fields["signature"].to_str().unwrap()), (2, "sig1=:AQI=:"));
    }
}

//! The credentials of the gateway itself for upstreams.

use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::Compiler;
use super::at::At;
use super::edits::Edit;
use super::key_sources::{Purpose, Ways};
use super::signatures::LIMIT;
use crate::config::{self, ByteSize, ClientAuthentication, SecretRef};
use crate::http::percent;
use crate::http::proxy_status::is_tchar;
use crate::net::Scheme;
use crate::plan::Upstream;
use crate::policy::access_token::{TokenSource, authorize};
use crate::policy::header_edit::{FieldValue, HeaderEdit, RequestEdits};
use crate::policy::key_source::Location;
use crate::policy::sigv4::{MOST_CONTENT, PREFIX, Sigv4};
use crate::policy::upstream_credentials::Credentials;
use crate::store_key::push_hex;

impl Compiler<'_> {
    /// Compiles the credentials for each of the `upstreams`, and adds those at which tokens are asked for.
    pub(super) fn upstream_credentials(&mut self, at: &At<'_>, upstreams: &mut Vec<Upstream>) {
        let config = self.config;
        let mut sources = 0;
        for (index, (name, upstream)) in config.upstreams.iter().enumerate() {
            let Some(credentials) = &upstream.credentials else { continue };
            let at = at.member(name);
            let compiled = self.credentials(&at.member("credentials"), credentials, (name, sources), upstreams);
            sources += usize::from(compiled.as_ref().is_some_and(|compiled| compiled.source().is_some()));
            if let Some(upstream) = upstreams.get_mut(index) {
                upstream.credentials = compiled;
            }
        }
    }

    #[inline(never)]
    fn credentials(
        &mut self,
        at: &At<'_>,
        credentials: &config::UpstreamCredentials,
        (name, index): (&str, usize),
        upstreams: &mut Vec<Upstream>,
    ) -> Option<Credentials> {
        let config::UpstreamCredentials { bearer, basic, header, client_credentials, sigv4, signature } = credentials;
        let stated = |edits| Credentials::Stated(Arc::new(edits));
        match (bearer, basic, header, client_credentials, sigv4, signature) {
            (Some(token), None, None, None, None, None) => {
                let at = at.member("bearer");
                let token = self.secret(&at, token)?;
                self.field(&at, &["Bearer ", &token].concat()).map(authorize).map(stated)
            }
            (None, Some(basic), None, None, None, None) => {
                let at = at.member("basic");
                // RFC 7617 §2: the first colon ends the name.
                if basic.user.contains(':') {
                    self.error_with(
                        &at.member("user"),
                        "the name has a colon, where its password would begin",
                        "leave it out",
                    );
                }
                let password = self.secret(&at.member("password"), &basic.password)?;
                self.field(&at, &basic_value(&basic.user, &password)).map(authorize).map(stated)
            }
            (None, None, Some(header), None, None, None) => {
                let at = at.member("header");
                let name = <HeaderEdit as Edit>::name(self, &at.member("name"), &header.name);
                let value = self.secret(&at.member("value"), &header.value)?;
                let mut value = self.field(&at.member("value"), &value)?;
                value.set_sensitive(true);
                let edit = |name: HeaderName| HeaderEdit::Set(name, FieldValue::Fixed(value));
                Some(stated(RequestEdits::new(vec![edit(name?)])))
            }
            (None, None, None, Some(grant), None, None) => {
                let source = self.token_source(&at.member("clientCredentials"), grant, (name, index), upstreams)?;
                Some(Credentials::Token(Box::new(source)))
            }
            (None, None, None, None, Some(sigv4), None) => {
                let is_secure = upstreams.iter().any(|upstream| {
                    upstream.name == name && upstream.endpoints.iter().all(|endpoint| endpoint.scheme == Scheme::Https)
                });
                let signer = self.signer(&at.member("sigv4"), sigv4, is_secure)?;
                Some(Credentials::Signature(Box::new(signer)))
            }
            (None, None, None, None, None, Some(signature)) => {
                let signer = self.message_signer(&at.member("signature"), signature)?;
                Some(Credentials::Message(Box::new(signer)))
            }
            _ => {
                let message = "nothing says which credentials are sent, or several things do";
                self.error_with(
                    at,
                    message,
                    "write one of `bearer`, `basic`, `header`, `clientCredentials`, `sigv4` and `signature`",
                );
                None
            }
        }
    }

    /// The value of a field that has a secret.
    pub(super) fn field(&mut self, at: &At<'_>, text: &str) -> Option<HeaderValue> {
        let value = HeaderValue::from_str(text).ok();
        if value.is_none() {
            let help = "a line break at its end is the usual reason: set it anew without one";
            self.error_with(at, "the secret is no text for a header", help);
        }
        value
    }

    /// Refuses what is no scope (RFC 6749 §3.3).
    pub(super) fn check_scopes(&mut self, list: &At<'_>, scopes: &[String]) {
        for (i, scope) in scopes.iter().enumerate() {
            if scope.is_empty() || !scope.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\')) {
                let help = "write each scope as an entry of its own";
                self.error_with(&list.index(i), format_args!("`{scope}` is no scope"), help);
            }
        }
    }

    fn token_source(
        &mut self,
        at: &At<'_>,
        grant: &config::ClientCredentials,
        (name, index): (&str, usize),
        upstreams: &mut Vec<Upstream>,
    ) -> Option<TokenSource> {
        let config::ClientCredentials { token_url, upstream, client, secret, client_authentication, scopes, audience } =
            grant;
        self.check_scopes(&at.member("scopes"), scopes);
        let chosen = match upstream.as_deref() {
            None => None,
            Some(upstream) => Some(self.chosen_upstream(&at.member("upstream"), upstream)?),
        };
        let secret = self.client_secret(&at.member("secret"), secret)?;
        let mut ways = Ways { purpose: Purpose::Token, name, chosen, upstreams };
        let (origin, path) = self.key_origin(&at.member("tokenUrl"), token_url, &mut ways, true)?;
        let through = ways.through();
        let mut form = String::from("grant_type=client_credentials");
        if !scopes.is_empty() {
            add(&mut form, "scope", &scopes.join(" "));
        }
        if let Some(audience) = audience {
            add(&mut form, "audience", audience);
        }
        let authorization = client_authentication.unwrap_or_default().of(client, &secret, &mut form);
        let id = identity("token:", token_url, authorization.as_ref(), &form, &through);
        let place = Location { upstream: origin.upstream, path: path.into() };
        Some(TokenSource { index, id, place, authorization, form: Bytes::from(form) })
    }

    /// The signer of requests; `is_secure` if all of them go over TLS.
    fn signer(&mut self, at: &At<'_>, sigv4: &config::Sigv4, is_secure: bool) -> Option<Sigv4> {
        let config::Sigv4 { region, service, access_key, secret_key, session_token, content, fields } = sigv4;
        let is_name =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b',');
        for (member, text) in [("region", region), ("service", service), ("accessKey", access_key)] {
            if !is_name(text) {
                self.error_with(
                    &at.member(member),
                    "this is no name of AWS",
                    "write it as AWS has it, in small letters but for keys",
                );
            }
        }
        for (i, field) in fields.iter().enumerate() {
            let is_name = |byte: u8| is_tchar(byte) && !byte.is_ascii_uppercase() && byte != b'*';
            let own = field.strip_prefix(PREFIX).map(|own| own.strip_suffix('*').unwrap_or(own));
            if !own.is_some_and(|own| own.bytes().all(is_name)) {
                let message = format_args!("`{field}` is no field of AWS");
                let help = "for example `x-amz-target` or `x-amz-meta-*`, in small letters";
                self.error_with(&at.member("fields").index(i), message, help);
            }
        }
        let fields = fields.iter().map(|field| field.as_str().into()).collect();
        let signs_content = content.unwrap_or(false);
        if !is_secure && !signs_content {
            let help = "write `https://…` in the upstream's URL, or `\"content\": true` here";
            self.error_with(at, "without TLS nothing guards content that is not signed", help);
        }
        let secret_key = self.client_secret(&at.member("secretKey"), secret_key)?;
        let session_token = match session_token {
            None => None,
            Some(token) => {
                let at = at.member("sessionToken");
                let token = self.secret(&at, token)?;
                let mut value = self.field(&at, &token)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let (region, service) = (region.as_str().into(), service.as_str().into());
        let (access_key, secret_key) = (access_key.as_str().into(), secret_key.into());
        Some(Sigv4 { region, service, access_key, secret_key, session_token, signs_content, fields })
    }

    pub(super) fn client_secret(&mut self, at: &At<'_>, secret: &SecretRef) -> Option<String> {
        let secret = self.secret(at, secret)?;
        if secret.is_empty() {
            self.error_with(at, "the secret is empty", "set it to what was given out to the gateway");
            return None;
        }
        Some(secret)
    }
}

impl ClientAuthentication {
    /// The value of `Authorization` for a `client` and its `secret` (RFC 6749 §2.3.1), unless they are added to the `form`.
    pub(super) fn of(self, client: &str, secret: &str, form: &mut String) -> Option<HeaderValue> {
        match self {
            Self::Post => {
                add(form, "client_id", client);
                add(form, "client_secret", secret);
                None
            }
            Self::Basic => {
                // Encoded as in a form.
                let encoded = |text: &str| {
                    let mut encoded = String::new();
                    percent::encode_query_value(text, &mut encoded);
                    encoded
                };
                let mut value = HeaderValue::from_str(&basic_value(&encoded(client), &encoded(secret))).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
        }
    }
}

/// The most bytes of content that is signed with these `credentials`; none if they sign none.
pub(super) fn signed_content(credentials: &config::UpstreamCredentials) -> Option<u64> {
    let aws = credentials.sigv4.as_ref().filter(|signer| signer.content == Some(true)).map(|_| MOST_CONTENT);
    aws.or_else(|| {
        let signer = credentials.signature.as_ref()?;
        let is_signed =
            signer.components.is_empty() || signer.components.iter().any(|text| text.starts_with("content-digest"));
        is_signed.then(|| signer.limit.map_or(LIMIT, |ByteSize(limit)| limit))
    })
}

/// Adds a parameter to a `form`.
fn add(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    percent::encode_query_value(value, form);
}

/// The identity of an endpoint: a digest of all that it is, and of the upstream's URLs that it is called `through`.
pub(super) fn identity(
    kind: &str,
    url: &str,
    authorization: Option<&HeaderValue>,
    form: &str,
    through: &[String],
) -> Box<str> {
    let mut digest = Sha256::new();
    let known = authorization.map(HeaderValue::as_bytes).unwrap_or_default();
    for part in [url.as_bytes(), known, form.as_bytes()].into_iter().chain(through.iter().map(String::as_bytes)) {
        digest.update(part);
        digest.update(b"\n");
    }
    let mut id = String::from(kind);
    push_hex(&mut id, &digest.finalize());
    id.into()
}

/// The value of `Authorization` for a name and a password (RFC 7617 §2).
fn basic_value(user: &str, password: &str) -> String {
    ["Basic ", &Base64::encode_string([user, ":", password].concat().as_bytes())].concat()
}

//! Identity: who vouches for callers, and the proof that a route asks for.

use serde::Deserialize;

use super::{
    ApiKeyProof, ExternalProof, IntrospectProof, Introspection, LoginProof, SecretRef, SignatureProof, Value,
    WebhookProof,
};
use crate::config::Span;

/// An issuer of tokens (RFC 7519 §4.1.1): the keys that it signs them with, by exactly one of `keys`, `jwks` and `discovery`, or
/// `introspection`, by which it is asked about each, or both.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Issuer {
    /// The `iss` of its tokens, byte for byte. Without it, `iss` is not looked at, and a policy can't name a second issuer.
    pub issuer: Option<String>,
    /// Its keys. A token is verified by the one that its `kid` names, or else by those without a `kid`; each is for one algorithm alone
    /// (RFC 8725 §3.1).
    pub keys: Vec<IssuerKey>,
    /// The URL at which it publishes its keys (RFC 7517 §5): `https`, or `http` on loopback or through `upstream`.
    pub jwks: Option<String>,
    /// Has the URL of its keys looked up in its own document (OpenID Connect Discovery 1.0): `issuer` with
    /// `/.well-known/openid-configuration`.
    pub discovery: Option<bool>,
    /// The further origins at which that document may say that the keys are: `https://host`. Default: the issuer's own alone.
    pub origins: Vec<String>,
    /// The upstream through which its own origin is called, with its TLS and its platform's way. The path is that of `jwks` or `issuer`.
    /// Default: the network, with the public authorities.
    pub upstream: Option<String>,
    /// The algorithms of its tokens: `HS256`, `HS384`, `HS512`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384` and
    /// `EdDSA`. Default: those that its keys state; `RS256` for an RSA key that states none.
    pub algorithms: Vec<String>,
    /// The `typ` that its tokens must have, without `application/`, in any case. Default: none at all, `JWT` or `at+jwt` (RFC 9068
    /// §2.1).
    pub types: Vec<String>,
    /// The difference of clocks that is allowed for in `exp`, `nbf` and `iat`; `0s` to `10m`. Default: `60s`.
    pub leeway: Option<Span>,
    /// The longest that a token may be valid, from `iat` (or now, if there is none) to `exp`. Default: any time.
    pub lifetime: Option<Span>,
    /// The claim whose value names a consumer, if one has it as a `token` credential: a name, or a JSON Pointer that begins with `/`
    /// (RFC 6901). Default: `sub`.
    pub consumer: Option<String>,
    /// The claim that adds groups to those of the consumer, a list or one text: a name, or a JSON Pointer. Default: none.
    pub groups: Option<String>,
    /// The endpoint at which it is asked about its tokens, for policies with `introspect`. Default: it is not asked.
    pub introspection: Option<Box<Introspection>>,
    /// Honours the list of revoked tokens in the key-value store within this time; `10s` to `10m`. Default: the list is not looked at.
    pub revocation: Option<Span>,
}

impl Issuer {
    /// Returns whether it is asked about its tokens, and there are no keys to verify them by.
    #[must_use]
    pub fn is_only_asked(&self) -> bool {
        let has_keys = !self.keys.is_empty() || self.jwks.is_some() || self.discovery == Some(true);
        self.introspection.is_some() && !has_keys
    }
}

/// A key of an issuer: exactly one of `pem`, `jwk` and `secret`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IssuerKey {
    /// Its name, as tokens have it in `kid`; that of a JWK stands in the JWK. Default: the key is tried on every token of its algorithm
    /// whose `kid` names no other key.
    pub kid: Option<String>,
    /// The one algorithm that it is for. Default: the usual one of its kind; a `secret` has none.
    pub algorithm: Option<String>,
    /// A public key as PEM: `-----BEGIN PUBLIC KEY-----`, the lines joined by `\n`; or a secret that holds it.
    pub pem: Option<Value>,
    /// A public key as JSON (RFC 7517).
    pub jwk: Option<Box<Jwk>>,
    /// A shared secret for `HS256`, `HS384` or `HS512`, of at least 32, 48 or 64 bytes.
    pub secret: Option<SecretRef>,
    /// The encoding of the secret's bytes in its text. Default: `text`.
    pub encoding: Option<SecretEncoding>,
}

/// The encoding of bytes in the text of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SecretEncoding {
    /// The text itself, in UTF-8.
    #[default]
    Text,
    /// Base64 (RFC 4648 §4).
    Base64,
    /// Base64 for URLs (RFC 4648 §5), with or without padding.
    Base64url,
    /// Hexadecimal digits.
    Hex,
}

/// A public key as JSON (RFC 7517 §4).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// The type of key: `RSA`, `EC` or `OKP`.
    pub kty: String,
    /// The name of the key, as tokens have it in their `kid`.
    pub kid: Option<String>,
    /// The algorithm that the key is for.
    pub alg: Option<String>,
    /// The use: `sig`.
    #[serde(rename = "use")]
    pub usage: Option<String>,
    /// The operations: `verify` is among them.
    pub key_ops: Option<Vec<String>>,
    /// The curve: `P-256`, `P-384` or `Ed25519`.
    pub crv: Option<String>,
    /// The first coordinate of a point.
    pub x: Option<String>,
    /// The second coordinate of a point.
    pub y: Option<String>,
    /// The modulus of an RSA key.
    pub n: Option<String>,
    /// The exponent of an RSA key.
    pub e: Option<String>,
    /// Set if the key may be exported; the gateway ignores it.
    pub ext: Option<bool>,
    /// The certificates of the key; the gateway ignores them.
    pub x5c: Option<Vec<String>>,
    /// The thumbprint of a certificate; the gateway ignores it.
    pub x5t: Option<String>,
    /// The thumbprint of a certificate; the gateway ignores it.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: Option<String>,
    /// The address of certificates; the gateway ignores it, and asks nobody.
    pub x5u: Option<String>,
}

/// The proof of identity that requests need, or `false`: none, where `defaults` or an API ask for one.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Authenticate {
    /// None: the route is public. Only `false` can be written.
    Public(bool),
    /// This one.
    By(Box<Proof>),
}

/// A proof of identity: exactly one of its members, and `anonymous` beside it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Proof {
    /// A signed token (RFC 7519), as `Authorization: Bearer …` has it.
    pub jwt: Option<JwtProof>,
    /// A token that its issuer is asked about (RFC 7662), as `Authorization: Bearer …` has it.
    pub introspect: Option<IntrospectProof>,
    /// An API key.
    pub api_key: Option<ApiKeyProof>,
    /// A name and a password (RFC 7617), as browsers ask for them.
    pub basic: Option<BasicProof>,
    /// The signature of a webhook.
    pub webhook: Option<WebhookProof>,
    /// The certificate that the client has shown when it connected.
    pub certificate: Option<CertificateProof>,
    /// A login in a browser.
    pub login: Option<Box<LoginProof>>,
    /// The signature of the request by a key of a consumer (RFC 9421).
    pub signature: Option<SignatureProof>,
    /// The word of a service of your own, which is asked about each request.
    pub external: Option<Box<ExternalProof>>,
    /// Any one of these proofs, tried in their order.
    pub any: Option<Vec<Proof>>,
    /// All of these proofs, by one caller.
    pub all: Option<Vec<Proof>>,
    /// The consumer that a caller counts as who states no credential at all; a wrong one is refused all the same. It stands beside the
    /// outermost proof. Default: such a caller is refused.
    pub anonymous: Option<String>,
}

/// A token that one of these issuers has signed for this audience, and that is valid now.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JwtProof {
    /// The issuers whose tokens are taken, by their names under `issuers`. Default: all of them.
    pub issuers: Vec<String>,
    /// The audiences of which a token must name one in `aud`, byte for byte. Default: `aud` is not looked at, so that a token for
    /// another service is good here, too.
    pub audiences: Vec<String>,
    /// The places where a token may be; it must be in one of them alone. Default: `{"header": "authorization"}`.
    pub from: Vec<CredentialPlace>,
    /// Lets the token go on to the upstream. Default: false, and all the places of `from` are emptied.
    pub keep: Option<bool>,
    /// The URL that clients know what is protected here by: `https://api.example.com`. Metadata that says whose tokens it takes is published
    /// for it (RFC 9728), and challenges lead there. Default: none.
    pub resource: Option<String>,
}

/// A certificate of a client, which the listener, the platform or a trusted proxy has verified. Where no `certificate` of a consumer fits it,
/// its caller is one without a name: see `authorize`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CertificateProof {}

/// A name and a password of a consumer, as `Authorization: Basic …` has them (RFC 7617).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BasicProof {
    /// Lets both go on to the upstream. Default: false, and `Authorization` is removed.
    pub keep: Option<bool>,
}

/// A place of a credential in a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CredentialPlace {
    /// A header field of this name. In `authorization` the credential follows the scheme `Bearer` (RFC 6750 §2.1), in any other it is the
    /// whole value.
    Header(String),
    /// A cookie of this name.
    Cookie(String),
    /// A query parameter of this name. URLs are kept in histories and logs (RFC 6750 §5.3): only where nothing else can be sent.
    Query(String),
}

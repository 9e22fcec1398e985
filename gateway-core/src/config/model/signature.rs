//! Signatures of requests (RFC 9421).

use serde::Deserialize;

use super::{Jwk, SecretEncoding, SecretRef, Value};
use crate::config::{ByteSize, Span};

/// The signature of a request by a key of a consumer (RFC 9421).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SignatureProof {
    /// The components that have to be signed: `@method`, `content-type`, `@query-param;name="id"`. That of content, `content-digest` (RFC 9530),
    /// has to be where there is some. Default: `["@method", "@target-uri", "content-digest"]`.
    pub components: Vec<String>,
    /// The longest since a signature was made, by its `created`; up to `1h`. Default: `5m`.
    pub max_age: Option<Span>,
    /// Takes a signature once, by its `nonce`, which it must have. Default: false.
    pub nonce: Option<bool>,
    /// The only label that counts: `sig1`. Default: any.
    pub label: Option<String>,
    /// The only `tag` that counts, which says what a signature is for. Default: any, and none.
    pub tag: Option<String>,
    /// The largest content that is signed, which is read as a whole; up to `25MiB`. Default: `1MiB`.
    pub limit: Option<ByteSize>,
}

/// A key by which a consumer signs its requests: exactly one of `pem`, `jwk` and `secret`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureCredential {
    /// The name of the key, as signatures have it in `keyid`.
    pub key_id: String,
    /// The algorithm that the key is for.
    pub algorithm: SignatureAlgorithm,
    /// A public key as PEM (`-----BEGIN PUBLIC KEY-----`), or a secret with one.
    #[serde(default)]
    pub pem: Option<Value>,
    /// A public key as JSON (RFC 7517).
    #[serde(default)]
    pub jwk: Option<Box<Jwk>>,
    /// A shared secret, of at least 32 bytes.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// The way in which the shared secret is written. Default: `text`, which stands for its own bytes.
    #[serde(default)]
    pub encoding: Option<SecretEncoding>,
}

/// The signature of each request to an upstream (RFC 9421).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestSignature {
    /// The name of the key at the upstream: `keyid`.
    pub key_id: String,
    /// The algorithm that the key is for.
    pub algorithm: SignatureAlgorithm,
    /// The private key: a PEM (`-----BEGIN PRIVATE KEY-----`) or a JWK with its private members; for `hmac-sha256` the shared secret, of at least
    /// 32 bytes.
    pub key: SecretRef,
    /// The way in which the shared secret is written. Default: `text`, which stands for its own bytes.
    #[serde(default)]
    pub encoding: Option<SecretEncoding>,
    /// The components that are signed, as far as a request has them: `@method`, `content-type`, `@query-param;name="id"`. With `content-digest`,
    /// all content is read first. Default: `["@method", "@target-uri", "content-digest"]`.
    #[serde(default)]
    pub components: Vec<String>,
    /// The algorithm of `Content-Digest` (RFC 9530). Default: `sha-256`.
    #[serde(default)]
    pub digest: Option<DigestAlgorithm>,
    /// The largest content whose digest is signed; up to `25MiB`. Default: `1MiB`.
    #[serde(default)]
    pub limit: Option<ByteSize>,
    /// The time after which a signature is void, as `expires`; up to `24h`. Default: none is stated.
    #[serde(default)]
    pub life: Option<Span>,
    /// Gives each signature a `nonce`, for upstreams that take it once. Default: false.
    #[serde(default)]
    pub nonce: Option<bool>,
    /// The `tag`, which says what a signature is for. Default: none.
    #[serde(default)]
    pub tag: Option<String>,
    /// The name of the signature in a request. Default: `sig1`.
    #[serde(default)]
    pub label: Option<String>,
}

/// An algorithm of digests (RFC 9530 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DigestAlgorithm {
    /// SHA-256.
    #[default]
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
}

/// An algorithm of signatures (RFC 9421 §6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SignatureAlgorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// Ed25519 (RFC 8032).
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ecdsa-p384-sha384")]
    EcdsaP384Sha384,
    /// RSASSA-PSS with SHA-512.
    #[serde(rename = "rsa-pss-sha512")]
    RsaPssSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "rsa-v1_5-sha256")]
    RsaV15Sha256,
}

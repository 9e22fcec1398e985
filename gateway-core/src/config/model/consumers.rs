//! Consumers: the callers that the configuration names.

use serde::Deserialize;

use super::{SignatureCredential, Value};
use crate::config::Entries;

/// A caller with a name, whichever of its credentials it shows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Consumer {
    /// The groups that it belongs to. A token may add others: see `groups` of an issuer.
    pub groups: Vec<String>,
    /// The tier of service that it has.
    pub tier: Option<String>,
    /// The versions of APIs that it gets where its requests state none, by the names of the APIs. Default: that of the API.
    pub api_versions: Entries<String>,
    /// What else is to be known of it, by name: `{consumer.metadata.NAME}` in templates.
    pub metadata: Entries<String>,
    /// What it may be known by. Without any, it can only be `anonymous` of a proof.
    pub credentials: Vec<Credential>,
}

/// A credential of a consumer: exactly one of its members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Credential {
    /// The tokens of an issuer that name the consumer.
    pub token: Option<TokenCredential>,
    /// An API key.
    pub api_key: Option<KeyCredential>,
    /// A name and a password.
    pub password: Option<PasswordCredential>,
    /// A certificate of a client.
    pub certificate: Option<CertificateCredential>,
    /// A key by which it signs requests (RFC 9421).
    pub signature: Option<SignatureCredential>,
}

/// The certificates that a consumer is known by: exactly one of `sha256`, `san` and `subject`. Of several consumers that a certificate fits, the one by
/// `sha256` counts before the one by `san`, and that before the one by `subject`; of two by the same name, the one with `issuer`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CertificateCredential {
    /// The SHA-256 of the certificate's DER, in 64 hexadecimal digits, with or without colons between: of this one certificate.
    /// `openssl x509 -noout -fingerprint -sha256` prints it.
    pub sha256: Option<String>,
    /// An alternative name: a host such as `device-7.example.com`, a URI such as `spiffe://example.com/billing`, an email address, or an
    /// address.
    pub san: Option<String>,
    /// The whole subject as RFC 4514 writes it, the last part first: `CN=device-7,O=Example`, byte for byte.
    pub subject: Option<String>,
    /// Beside `san` or `subject`: the whole subject of the authority that has issued the certificate, in the form of `subject`, byte for
    /// byte. Default: any that the listener or the proxy trusts.
    pub issuer: Option<String>,
}

/// An API key of a consumer, by its digest: exactly one of `sha256` and `hmac`, which takes the `pepper` of `apiKeys`. `edgeway key new` prints it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyCredential {
    /// The name of the key, which the log shows.
    pub id: String,
    /// The SHA-256 of the key, in 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// The HMAC-SHA-256 of the key with the `pepper`, in 64 hexadecimal digits.
    pub hmac: Option<String>,
    /// The time from which it is void, in UTC: `2027-01-01T00:00:00Z` (RFC 3339). Default: none.
    pub expires: Option<String>,
    /// The scopes that it has.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// A name and a password of a consumer (RFC 7617), of which the gateway knows the hash alone.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordCredential {
    /// The name that goes with the password, of up to 255 bytes without a colon.
    pub user: String,
    /// The hash of the password, by Argon2 (`$argon2id$v=19$…`) or bcrypt (`$2b$…`, `$2y$…`), or a secret that holds it. `edgeway password hash` prints
    /// it.
    pub hash: Value,
}

/// The tokens of an issuer that name a consumer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenCredential {
    /// The issuer, by its name under `issuers`.
    pub issuer: String,
    /// The value of the issuer's `consumer` claim, byte for byte.
    pub value: String,
}

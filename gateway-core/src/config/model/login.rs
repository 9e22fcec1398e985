//! Pages behind a login, by OpenID Connect.

use serde::Deserialize;

use super::{ClientAuthentication, SecretRef};
use crate::config::{Entries, Span};

/// A login in a browser at an OpenID provider (OpenID Connect Core 1.0 §3.1), and a session that a sealed cookie holds. Who has none is sent
/// to log in where a page is asked for, and refused with 401 otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginProof {
    /// The provider: an issuer with `discovery`, by its name under `issuers`. Default: the only one.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The gateway as the provider knows it.
    pub client: LoginClient,
    /// The secrets that cookies are sealed by, of at least 32 bytes each: the first seals, and all open, so that a new one goes before the old.
    pub keys: Vec<SecretRef>,
    /// The scopes that are asked for; `openid` has to be among them. With `offline_access` many providers give the refresh token that a
    /// session needs to outlive its access token. Default: `openid` alone.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Further parameters of the authorization request: `{"audience": "https://api.example.com"}`.
    #[serde(default)]
    pub parameters: Entries<String>,
    /// The path to which the provider sends browsers back; its URL is to be registered there. Default: `/.edgeway/callback`.
    #[serde(default)]
    pub callback: Option<String>,
    /// The path that ends a session, here and at the provider: by POST, or by a link of a page of the same origin. Default: none.
    #[serde(default)]
    pub logout: Option<String>,
    /// The path to which a browser comes after the logout; its URL is to be registered at the provider. Default: the provider's own page, or
    /// `/` where it has none.
    #[serde(default)]
    pub after_logout: Option<String>,
    /// The path at which the provider reports the end of sessions (OpenID Connect Back-Channel Logout 1.0). It takes the key-value store,
    /// which is asked for each session once a minute. Default: none.
    #[serde(default)]
    pub back_channel_logout: Option<String>,
    /// The name of the cookie. Default: `__Host-session`, or `session` with `insecure`.
    #[serde(default)]
    pub cookie: Option<String>,
    /// The claims of the ID token that the session keeps, by their names; `iss`, `sub`, `sid`, `jti`, and those of the issuer's `consumer` and
    /// `groups` are kept anyway. A cookie has room for little more than is needed. Default: no others.
    #[serde(default)]
    pub claims: Vec<String>,
    /// The longest that a session may rest. Default: `1h`.
    #[serde(default)]
    pub idle: Option<Span>,
    /// The longest that a session may last in all. Default: as long as it does not rest for `idle`.
    #[serde(default)]
    pub life: Option<Span>,
    /// The token that upstreams are sent as `Authorization: Bearer …`. Default: none.
    #[serde(default)]
    pub forward: Option<ForwardedToken>,
    /// Keeps the ID token in the session, so that the provider is told at the logout whose session ends and need not ask; it takes a
    /// kilobyte or two of the cookies. Default: false.
    #[serde(default)]
    pub keep_id_token: Option<bool>,
    /// For development on `http://localhost` alone: cookies without `Secure` and `__Host-`, which some browsers do not keep there. Default: false.
    #[serde(default)]
    pub insecure: Option<bool>,
}

/// A client of an OpenID provider (RFC 6749 §2).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginClient {
    /// Its identifier.
    pub id: String,
    /// Its secret. Default: none; PKCE (RFC 7636) guards the login of such a public client, as it does any other.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// The way in which the two are sent. Default: `basic`.
    #[serde(default)]
    pub authentication: Option<ClientAuthentication>,
}

/// A token that upstreams are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ForwardedToken {
    /// The access token.
    AccessToken,
    /// The ID token.
    IdToken,
}

//! Webhooks: requests that a service signs with a shared secret.

use serde::Deserialize;

use super::SecretRef;
use crate::config::{ByteSize, Span};

/// A webhook: a request whose sender signs its content with a secret that the gateway knows, too (HMAC-SHA-256).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookProof {
    /// The way in which the sender signs.
    pub scheme: WebhookScheme,
    /// The secrets, each of which is good: two, while one takes the place of the other. At most 4.
    pub secrets: Vec<SecretRef>,
    /// The most by which the time that is signed may differ from the gateway's, either way; up to `1h`. Default: `5m`. GitHub signs no time.
    #[serde(default)]
    pub tolerance: Option<Span>,
    /// The time for which a delivery is let in once, up to `7d`; `0s` for as often as it comes. Default: as long as the signed time is taken;
    /// for `github`, `1h`.
    #[serde(default)]
    pub replay: Option<Span>,
    /// The largest content, which is read as a whole; up to `25MiB`. Default: `1MiB`.
    #[serde(default)]
    pub limit: Option<ByteSize>,
    /// The consumer that the sender counts as. Default: none.
    #[serde(default)]
    pub consumer: Option<String>,
}

/// A way of signing webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum WebhookScheme {
    /// That of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, by secrets in Base 64 (`whsec_…`).
    Standard,
    /// That of GitHub: `X-Hub-Signature-256`.
    Github,
    /// That of Stripe: `Stripe-Signature`.
    Stripe,
    /// That of Slack: `X-Slack-Signature` and `X-Slack-Request-Timestamp`.
    Slack,
}

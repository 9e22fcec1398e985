//! The proof by the signature of a webhook.

use core::time::Duration;
use std::sync::Arc;

use super::Compiler;
use super::at::At;
use crate::base64;
use crate::caller::Caller;
use crate::config::{self, ByteSize, Span, WebhookScheme};
use crate::jose::algorithm::Algorithm;
use crate::jose::hmac::HmacKey;
use crate::policy::credential::Place;
use crate::policy::webhook::{GITHUB, SLACK, STANDARD, STRIPE, Webhook};

const TOLERANCE: Duration = Duration::from_secs(5 * 60);
const MOST_TOLERANCE: Duration = Duration::from_secs(60 * 60);
/// The time for which a delivery is let in once, where no time is signed.
const REPLAY: Duration = Duration::from_secs(60 * 60);
const MOST_REPLAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LIMIT: u64 = 1 << 20;
/// What GitHub sends at the most.
const MOST_LIMIT: u64 = 25 << 20;
const MOST_SECRETS: usize = 4;
/// The fewest bytes of a secret: nobody guesses so many.
const LEAST_SECRET: usize = 16;

impl Compiler<'_> {
    /// The proof by the signature of a webhook; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn webhook(&mut self, at: &At<'_>, webhook: &config::WebhookProof) -> Option<Webhook> {
        let config::WebhookProof { scheme, secrets, tolerance, replay, limit, consumer } = webhook;
        let (is_standard, scheme) = match scheme {
            WebhookScheme::Standard => (true, &STANDARD),
            WebhookScheme::Github => (false, &GITHUB),
            WebhookScheme::Stripe => (false, &STRIPE),
            WebhookScheme::Slack => (false, &SLACK),
        };
        let list = at.member("secrets");
        if secrets.is_empty() || secrets.len() > MOST_SECRETS {
            let help = "one, or two while the new one takes the place of the old: `[{\"secret\": \"WEBHOOK_SECRET\"}]`";
            self.error_with(&list, format_args!("a webhook has 1 to {MOST_SECRETS} secrets"), help);
        }
        let mut keys = Vec::new();
        for (i, secret) in secrets.iter().enumerate() {
            keys.extend(self.webhook_key(&list.index(i), secret, is_standard));
        }
        if tolerance.is_some() && !scheme.has_time() {
            let help = "leave it out; `replay` says how long a delivery is let in once";
            self.error_with(&at.member("tolerance"), "this scheme signs no time", help);
        }
        let tolerance = tolerance.map_or(TOLERANCE, |Span(span)| span);
        if tolerance.is_zero() || tolerance > MOST_TOLERANCE {
            let help = "up to `1h`; `5m` is usual: whoever sees a delivery can send it again for as long";
            self.error_with(&at.member("tolerance"), "no time is looked at so", help);
        }
        // As long as a time may be taken: from before it to after it.
        let least = if scheme.has_time() { tolerance * 2 + Duration::from_secs(1) } else { Duration::ZERO };
        let usual = if scheme.has_time() { least } else { REPLAY };
        let replay = match replay.map_or(usual, |Span(span)| span) {
            Duration::ZERO => Duration::ZERO,
            span if span > MOST_REPLAY => {
                self.error_with(&at.member("replay"), "no delivery is remembered so long", "up to `7d`");
                MOST_REPLAY
            }
            span => span.max(least),
        };
        let limit = limit.map_or(LIMIT, |ByteSize(limit)| limit);
        if limit == 0 || limit > MOST_LIMIT {
            let help = "up to `25MiB`: all of it is held in memory";
            self.error_with(&at.member("limit"), "no content of a webhook is read so", help);
        }
        let consumer = match consumer {
            Some(name) => Some(self.consumer(&at.member("consumer"), name)?),
            None => None,
        };
        let caller = Caller { consumer, credential: Some(scheme.name.into()), ..Caller::default() };
        let places = [Place::Header(scheme.signatures.clone())];
        Some(Webhook { scheme, keys: keys.into(), tolerance, replay, limit, places, caller: Arc::new(caller) })
    }

    /// The key of a secret, in Base 64 if that of the scheme `is_standard`; none where it is not known here.
    fn webhook_key(&mut self, at: &At<'_>, secret: &config::SecretRef, is_standard: bool) -> Option<HmacKey> {
        let text = self.key_text(at, secret)?;
        let bytes = if is_standard {
            let encoded = text.trim();
            let decoded = base64::decode(encoded.strip_prefix("whsec_").unwrap_or(encoded));
            if decoded.is_none() {
                let message = format_args!("the secret `{}` is no Base 64", secret.secret);
                self.error_with(at, message, "Standard Webhooks has them as `whsec_…`: set it as the sender shows it");
            }
            decoded?
        } else {
            text.into_bytes()
        };
        if bytes.len() < LEAST_SECRET {
            let message = format_args!("the secret `{}` has fewer than {LEAST_SECRET} bytes", secret.secret);
            self.error_with(at, message, "whoever guesses it can send anything: `openssl rand -base64 32`");
            return None;
        }
        HmacKey::new(Algorithm::Hs256, &bytes)
    }
}

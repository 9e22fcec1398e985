//! API keys: those that consumers have, and the proof by one.

use std::sync::Arc;

use http::HeaderName;

use super::Compiler;
use super::at::At;
use crate::caller::Caller;
use crate::caller::consumer::Consumer;
use crate::config::{self, ConfigError, KeyStores};
use crate::numbers::Numbered;
use crate::order;
use crate::policy::api_key::{ApiKeys, Digester, KeyDigest, Listed, Listing};
use crate::policy::credential::Place;
use crate::policy::maintenance::parse_time;
use crate::policy::proof::ApiKeyProof;

/// The fewest characters of a pepper: nobody guesses so many.
const LEAST_PEPPER: usize = 16;

impl Compiler<'_> {
    /// What the configuration says of API keys.
    #[inline(never)]
    pub(super) fn api_keys(&mut self, at: &At<'_>) -> ApiKeys {
        let config = self.config;
        let digester = self.digester(&at.member("apiKeys"));
        let mut known = Numbered::default();
        let (mut keys, mut has_plain) = (Vec::new(), false);
        let consumers = self.consumers.clone();
        for ((name, stated), consumer) in config.consumers.iter().zip(&consumers) {
            for (i, credential) in stated.credentials.iter().enumerate() {
                let Some(key) = &credential.api_key else { continue };
                let all = at.member("consumers");
                let owner = all.member(name);
                let list = owner.member("credentials");
                let item = list.index(i);
                let at = item.member("apiKey");
                let Some((digest, listing)) = self.listed(&at, key, consumer) else { continue };
                if let Err(first) = known.add(&digest.to_hex(), at.to_path()) {
                    let error = ConfigError::new(at.to_path(), "this key is there twice").with_other(first.clone());
                    self.errors.push(error.with_help("a credential is of one consumer: keep one of them"));
                    continue;
                }
                has_plain |= key.sha256.is_some();
                keys.push((digest, listing));
            }
        }
        let mut consumers = consumers;
        order::sort_by(&mut consumers, |one, other| one.name.cmp(&other.name));
        // By the plain digest, the keys from before there was a pepper.
        let has_plain = has_plain && digester.is_peppered();
        ApiKeys { digester, listed: Listed::new(keys), has_plain, consumers: consumers.into() }
    }

    /// A key that `consumer` has; `None` if it is wrong.
    fn listed(
        &mut self,
        at: &At<'_>,
        key: &config::KeyCredential,
        consumer: &Arc<Consumer>,
    ) -> Option<(KeyDigest, Listing)> {
        let config::KeyCredential { id, sha256, hmac, expires, scopes } = key;
        if id.is_empty() || id.len() > 128 {
            self.error_with(&at.member("id"), "a key needs a name for the log", "for example `acme-1`");
        }
        self.printable(&at.member("id"), id);
        for (i, scope) in scopes.iter().enumerate() {
            if scope.is_empty() || scope.contains(' ') {
                let list = at.member("scopes");
                self.error_with(&list.index(i), "no scope is written so", "list each by itself (RFC 6749 §3.3)");
            }
        }
        let (wanted, stated) = match (sha256, hmac) {
            (Some(stated), None) => ("sha256", stated),
            (None, Some(stated)) => ("hmac", stated),
            (None, None) => {
                let help = "write what `edgeway key hash` prints as `sha256`";
                self.error_with(at, "nothing says which key it is", help);
                return None;
            }
            (Some(_), Some(_)) => {
                self.error_with(at, "the key has two digests", "keep one of `sha256` and `hmac`");
                return None;
            }
        };
        if wanted == "hmac" && self.config.api_keys.pepper.is_none() {
            let help = "add `\"apiKeys\": {\"pepper\": {\"secret\": \"KEY_PEPPER\"}}`, or write the `sha256`";
            self.error_with(&at.member("hmac"), "no key has an `hmac` without a `pepper`", help);
        }
        let digest = KeyDigest::parse(stated);
        if digest.is_none() {
            // It may be the key itself, so it is not told.
            let help = "64 hexadecimal digits, as `edgeway key hash` prints them: never the key itself";
            self.error_with(&at.member(wanted), "this is no digest of a key", help);
        }
        let ends = match expires {
            Some(text) => {
                let time = parse_time(text);
                if time.is_none() {
                    let message = format_args!("`{text}` is no time");
                    let help = "write it in UTC as RFC 3339 has it: `2027-01-01T00:00:00Z`";
                    self.error_with(&at.member("expires"), message, help);
                }
                Some(time?)
            }
            None => None,
        };
        let caller = Caller {
            consumer: Some(Arc::clone(consumer)),
            scopes: scopes.iter().map(|scope| scope.as_str().into()).collect(),
            credential: Some(id.as_str().into()),
            ..Caller::default()
        };
        Some((digest?, Listing { caller: Arc::new(caller), expires: ends }))
    }

    /// The way in which API keys are made digests of.
    fn digester(&mut self, at: &At<'_>) -> Digester {
        let Some(secret) = &self.config.api_keys.pepper else { return Digester::default() };
        let at = at.member("pepper");
        let Some(pepper) = self.secret(&at, secret) else { return Digester::default() };
        if pepper.len() < LEAST_PEPPER && !self.secrets.is_made_up(&secret.secret) {
            let message = format_args!("the secret `{}` has fewer than {LEAST_PEPPER} characters", secret.secret);
            self.error_with(&at, message, "whoever guesses it can try out keys: `openssl rand -hex 32`");
        }
        Digester::peppered(pepper.as_bytes())
    }

    /// The proof by an API key; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn api_key(&mut self, at: &At<'_>, key: &config::ApiKeyProof) -> Option<ApiKeyProof> {
        let config::ApiKeyProof { from, keep, store } = key;
        let credentials = self.config.consumers.iter().flat_map(|(_, consumer)| &consumer.credentials);
        let has_listed = credentials.into_iter().any(|credential| credential.api_key.is_some());
        let usual = if has_listed { KeyStores::File } else { KeyStores::KeyValue };
        let store = store.unwrap_or(usual);
        if store == KeyStores::File && !has_listed {
            let help = "give one to a consumer, or look into the key-value store: `\"store\": \"keyValue\"`";
            self.error_with(&at.member("store"), "no consumer has an API key", help);
        }
        let places = if from.is_empty() {
            [Place::Header(HeaderName::from_static("x-api-key"))].into()
        } else {
            self.places(&at.member("from"), from)?
        };
        Some(ApiKeyProof {
            places,
            keep: keep.unwrap_or(false),
            takes_listed: has_listed && store != KeyStores::KeyValue,
            takes_stored: store != KeyStores::File,
        })
    }
}

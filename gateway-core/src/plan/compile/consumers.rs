//! Consumers, and the credentials that they are known by.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use crate::caller::consumer::Consumer;
use crate::caller::holders::Holders;
use crate::config::{self, ConfigError};
use crate::numbers::Numbered;
use crate::order;

/// The claim that names a consumer, where the issuer states none.
const USUAL_CLAIM: &str = "sub";

impl Compiler<'_> {
    /// The consumers, in the order of the configuration.
    #[inline(never)]
    pub(super) fn consumers(&mut self, at: &At<'_>) -> Vec<Arc<Consumer>> {
        let config = self.config;
        let mut tokens = Numbered::default();
        let mut consumers = Vec::new();
        for (name, consumer) in config.consumers.iter() {
            let at = at.member(name);
            self.plain_name(&at, name);
            self.printable(&at, name);
            let config::Consumer { groups, tier, metadata, api_versions, credentials } = consumer;
            let names = groups.iter().enumerate().map(|(i, group)| (at.member("groups").index(i).to_path(), group));
            let names = names.chain(tier.iter().map(|tier| (at.member("tier").to_path(), tier)));
            let empty = names.filter(|(_, name)| name.is_empty()).map(|(at, _)| at);
            let nameless = Some(at.to_path()).filter(|_| name.is_empty());
            for path in empty.chain(nameless) {
                self.errors
                    .push(ConfigError::new(path, "a name can't be empty").with_help("write one, or leave it out"));
            }
            for (i, credential) in credentials.iter().enumerate() {
                let list = at.member("credentials");
                let at = list.index(i);
                let config::Credential { token, api_key, password, certificate, signature } = credential;
                let others = [api_key.is_some(), password.is_some(), certificate.is_some(), signature.is_some()];
                let others = others.into_iter().filter(|is_stated| *is_stated).count();
                let token = match (token, others) {
                    (Some(token), 0) => token,
                    // See `api_keys`, `users`, `certificates` and `signers`.
                    (None, 1) => continue,
                    (None, 0) => {
                        let help = "add `token`, `apiKey`, `password`, `certificate` or `signature`";
                        self.error_with(&at, "nothing says which credential it is", help);
                        continue;
                    }
                    _ => {
                        self.error_with(&at, "two credentials stand side by side", "write each by itself in the list");
                        continue;
                    }
                };
                let at = at.member("token");
                if token.value.is_empty() {
                    let help = "write what its tokens have in the issuer's `consumer` claim";
                    self.error_with(&at.member("value"), "no consumer is named by nothing", help);
                }
                if config.issuers.find(&token.issuer).is_none() {
                    self.unknown(&at.member("issuer"), "issuer", &token.issuer, config.issuers.iter().map(|(n, _)| n));
                }
                let path = at.to_path();
                // No name of an issuer has the end of a line in it.
                if let Err(first) = tokens.add(&[&token.issuer, "\n", &token.value].concat(), path.clone()) {
                    let message = format_args!("`{}` of `{}` names a consumer already", token.value, token.issuer);
                    let error = ConfigError::new(path, message).with_other(first.clone());
                    self.errors.push(error.with_help("a credential is of one consumer: keep one of them"));
                }
            }
            let versions = self.pinned(&at.member("apiVersions"), api_versions);
            consumers.push(Arc::new(Consumer {
                name: name.into(),
                versions,
                groups: groups.iter().map(|group| group.as_str().into()).collect(),
                tier: tier.as_deref().map(Into::into),
                metadata: metadata.iter().map(|(name, value)| (name.into(), value.as_str().into())).collect(),
            }));
        }
        consumers
    }

    /// Whom the tokens of the issuer called `name` are of.
    #[inline(never)]
    pub(super) fn holders(&mut self, at: &At<'_>, name: &str, issuer: &config::Issuer) -> Holders {
        for (member, claim) in [("consumer", &issuer.consumer), ("groups", &issuer.groups)] {
            if claim.as_deref() == Some("") {
                let help = "a claim's name, or a JSON Pointer such as `/realm_access/roles`";
                self.error_with(&at.member(member), "a claim needs a name", help);
            }
        }
        let named = self.config.consumers.iter().zip(&self.consumers);
        let credentials = named.flat_map(|((_, stated), consumer)| {
            let tokens = stated.credentials.iter().filter_map(|credential| credential.token.as_ref());
            let own = tokens.filter(|token| token.issuer == name);
            own.map(|token| (token.value.as_str().into(), Arc::clone(consumer)))
        });
        let mut consumers: Vec<(Box<str>, Arc<Consumer>)> = credentials.collect();
        order::sort_by(&mut consumers, |(one, _), (other, _)| one.cmp(other));
        Holders {
            claim: issuer.consumer.as_deref().unwrap_or(USUAL_CLAIM).into(),
            groups: issuer.groups.as_deref().map(Into::into),
            consumers: consumers.into(),
        }
    }

    /// Reports each of these `names` that is no consumer's, and that nobody can have: the consumers of stored API keys may have any.
    pub(super) fn check_consumers(&mut self, at: &At<'_>, names: &[Box<str>]) {
        let known = |name: &str| self.consumers.iter().any(|consumer| *consumer.name == *name);
        let unknown = names.iter().enumerate().filter(|(_, name)| !name.is_empty() && !known(name));
        let unknown: Vec<_> = unknown.collect();
        if unknown.is_empty() || takes_stored_keys(self.config) {
            return;
        }
        for (i, name) in unknown {
            self.unknown(&at.index(i), "consumer", name, self.config.consumers.iter().map(|(name, _)| name));
        }
    }

    /// The consumer called `name`; reports it if there is none.
    pub(super) fn consumer(&mut self, at: &At<'_>, name: &str) -> Option<Arc<Consumer>> {
        let found = self.consumers.iter().find(|consumer| *consumer.name == *name).cloned();
        if found.is_none() {
            self.unknown(at, "consumer", name, self.config.consumers.iter().map(|(name, _)| name));
        }
        found
    }
}

/// Returns whether any policy of `config` takes the API keys of the key-value store.
fn takes_stored_keys(config: &config::Config) -> bool {
    fn proof_takes(proof: &config::Proof, usual: bool) -> bool {
        let stored = |key: &config::ApiKeyProof| key.store.map_or(usual, |store| store != config::KeyStores::File);
        let inner = [&proof.any, &proof.all].into_iter().flatten().flatten();
        proof.api_key.as_ref().is_some_and(stored) || inner.into_iter().any(|proof| proof_takes(proof, usual))
    }
    let credentials = config.consumers.iter().flat_map(|(_, consumer)| &consumer.credentials);
    let usual = !credentials.into_iter().any(|credential| credential.api_key.is_some());
    let takes = |policy: &config::Policy| match &policy.authenticate {
        Some(config::Authenticate::By(proof)) => proof_takes(proof, usual),
        _ => false,
    };
    let any_takes = |uses: &[config::PolicyUse]| {
        uses.iter().any(|one| matches!(one, config::PolicyUse::Inline(policy) if takes(policy)))
    };
    let mut apis = config.apis.iter();
    config.policies.iter().any(|(_, policy)| takes(policy))
        || any_takes(&config.defaults.policies)
        || config.routes.iter().any(|route| any_takes(&route.policies))
        || apis.any(|api| {
            let mut versions = api.versions.iter().flat_map(|versions| versions.list.iter());
            any_takes(&api.policies)
                || api.routes.iter().any(|route| any_takes(&route.policies))
                || versions.any(|(_, version)| any_takes(&version.policies))
        })
}

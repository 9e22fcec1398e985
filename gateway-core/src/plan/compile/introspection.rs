//! Tokens that their issuer is asked about.

use core::ops::RangeInclusive;
use core::time::Duration;

use super::Compiler;
use super::at::At;
use super::key_sources::{Purpose, Ways};
use super::upstream_credentials::identity;
use crate::config::{self, Span};
use crate::plan::Upstream;
use crate::policy::introspection::{CACHE, Introspection};
use crate::policy::key_source::Location;
use crate::policy::proof::IntrospectProof;

/// The times for which an answer may be remembered.
const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

impl Compiler<'_> {
    /// The endpoint at which the issuer called `name` is asked; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn introspection(
        &mut self,
        at: &At<'_>,
        stated: &config::Introspection,
        (name, upstreams): (&str, &mut Vec<Upstream>),
    ) -> Option<Introspection> {
        let config::Introspection { endpoint, upstream, client, secret, client_authentication, cache_ttl } = stated;
        let cache = cache_ttl.map_or(CACHE, |Span(cache)| cache);
        if !TIMES.contains(&cache) {
            let help = "between `1s` and `10m`: a token that is revoked is taken for as long";
            self.error_with(&at.member("cacheTtl"), "no answer is remembered for such a time", help);
        }
        let chosen = match upstream.as_deref() {
            None => None,
            Some(upstream) => Some(self.chosen_upstream(&at.member("upstream"), upstream)?),
        };
        let secret = self.client_secret(&at.member("secret"), secret)?;
        let mut ways = Ways { purpose: Purpose::Introspection, name, chosen, upstreams };
        let (origin, path) = self.key_origin(&at.member("endpoint"), endpoint, &mut ways, true)?;
        let through = ways.through();
        let mut form = String::new();
        let authorization = client_authentication.unwrap_or_default().of(client, &secret, &mut form);
        let id = identity("", endpoint, authorization.as_ref(), &form, &through);
        let place = Location { upstream: origin.upstream, path: path.into() };
        Some(Introspection { id, place, authorization, form: form.into(), cache })
    }

    /// The proof by a token that its issuer is asked about; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn introspect(&mut self, at: &At<'_>, proof: &config::IntrospectProof) -> Option<IntrospectProof> {
        let config::IntrospectProof { issuer, audiences, from, keep } = proof;
        let config = self.config;
        let asked = || config.issuers.iter().enumerate().filter(|(_, (_, issuer))| issuer.introspection.is_some());
        let found = match issuer.as_deref() {
            Some(name) => asked().find(|(_, (known, _))| *known == name),
            // With several, nothing says which of them a token is of.
            None => asked().next().filter(|_| asked().count() == 1),
        };
        let audiences = self.audiences(&at.member("audiences"), audiences);
        let places = self.places(&at.member("from"), from);
        let Some((index, (name, _))) = found else {
            if self.is_wrong_in(&["issuers"]) {
                return None;
            }
            let help = "`\"issuers\": {\"corp\": {\"introspection\": {\"endpoint\": \"https://…\", \"client\": \"…\", \"secret\": {\"secret\": \"NAME\"}}}}`";
            match issuer.as_deref() {
                Some(name) if config.issuers.find(name).is_some() => {
                    let message = format_args!("the issuer `{name}` has no `introspection`");
                    self.error_with(&at.member("issuer"), message, help);
                }
                Some(name) => {
                    self.unknown(&at.member("issuer"), "issuer", name, asked().map(|(_, (name, _))| name));
                }
                None if asked().next().is_none() => {
                    self.error_with(at, "there is no issuer that could be asked about tokens", help);
                }
                None => {
                    let help = "name one, and list the proofs in `any`: `{\"introspect\": {\"issuer\": \"corp\"}}`";
                    self.error_with(at, "several issuers could be asked about a token", help);
                }
            }
            return None;
        };
        Some(IntrospectProof {
            issuer: index,
            audiences,
            places: places?,
            keep: keep.unwrap_or(false),
            name: name.into(),
        })
    }
}

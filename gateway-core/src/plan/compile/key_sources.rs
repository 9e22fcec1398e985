//! The places where issuers publish their keys, and the upstreams that stand for them.

use std::net::IpAddr;

use super::Compiler;
use super::at::At;
use super::upstreams::{Fault, internal, parse};
use crate::config;
use crate::jose::algorithm::{Algorithm, Family};
use crate::net::Scheme;
use crate::plan::{Endpoint, Upstream};
use crate::policy::key_source::{Document, KeySource, Location, Origin, parts};
use crate::store_key::{KeyUse, StoreKey};

/// The end of a document's URL (OpenID Connect Discovery 1.0 §4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The things that the gateway itself asks for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// The keys of an issuer.
    Keys,
    /// A token for an upstream.
    Token,
    /// Whether a token of an issuer is active.
    Introspection,
}

/// The upstreams of an issuer, or of the server that gives tokens for an upstream.
pub(super) struct Ways<'u> {
    pub(super) purpose: Purpose,
    /// The name of the issuer, or of the upstream that the token is for.
    pub(super) name: &'u str,
    /// The upstream of the configuration that the issuer's own origin is called by.
    pub(super) chosen: Option<usize>,
    /// All upstreams; those of issuers are added.
    pub(super) upstreams: &'u mut Vec<Upstream>,
}

impl Compiler<'_> {
    /// The source with this index, of the keys that `issuer` publishes; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn key_source(
        &mut self,
        at: &At<'_>,
        issuer: &config::Issuer,
        algorithms: &[Algorithm],
        (index, name, upstreams): (usize, &str, &mut Vec<Upstream>),
    ) -> Option<KeySource> {
        for algorithm in algorithms.iter().filter(|algorithm| algorithm.family() == Family::Secret) {
            let help = "leave it out; who shares a secret with the gateway is an issuer with `keys`";
            let message = format_args!("`{algorithm}` takes a secret, which nobody publishes");
            self.error_with(&at.member("algorithms"), message, help);
        }
        let iss = issuer.issuer.as_deref();
        if iss.is_none() {
            let help = "write the `iss` of its tokens: `\"issuer\": \"https://id.example.com\"`";
            self.error_with(at, "nothing says which tokens these keys are for", help);
        }
        let chosen = match issuer.upstream.as_deref() {
            None => None,
            Some(upstream) => Some(self.chosen_upstream(&at.member("upstream"), upstream)?),
        };
        let mut ways = Ways { purpose: Purpose::Keys, name, chosen, upstreams };
        let (place, document, url) = match issuer.jwks.as_deref() {
            Some(url) => {
                if !issuer.origins.is_empty() {
                    let help = "leave it out: `jwks` says where the keys are";
                    self.error_with(&at.member("origins"), "only `discovery` leads to further places", help);
                }
                let (origin, path) = self.key_origin(&at.member("jwks"), url, &mut ways, true)?;
                (Location { upstream: origin.upstream, path: path.into() }, None, url)
            }
            None => {
                let iss = iss?;
                let (own, path) = self.key_origin(&at.member("issuer"), iss, &mut ways, true)?;
                if path.contains('?') {
                    let help = "the issuer of OpenID Connect is a URL with neither query nor fragment";
                    self.error_with(&at.member("issuer"), format_args!("`{iss}` has a query"), help);
                }
                let path = [path.strip_suffix('/').unwrap_or(&path), WELL_KNOWN].concat();
                let place = Location { upstream: own.upstream, path: path.into() };
                let origins = self.origins(&at.member("origins"), own, &issuer.origins, &mut ways);
                (place, Some(Document { issuer: iss.into(), origins }), iss)
            }
        };
        let kind = if document.is_some() { "discovery" } else { "jwks" };
        // By where the upstream leads, not by its name: keys from elsewhere are not this issuer's.
        let through = ways.through();
        let further = issuer.origins.iter().map(String::as_str);
        // All that it is.
        let of: Vec<&str> = [kind, url]
            .into_iter()
            .chain(through.iter().map(String::as_str))
            .chain(further)
            .chain(algorithms.iter().map(|known| known.name()))
            .collect();
        let id = StoreKey::digested(KeyUse::Keys, "", &of);
        Some(KeySource { index, id, place, document, algorithms: algorithms.into() })
    }

    /// The upstream of the configuration that is called `name`.
    pub(super) fn chosen_upstream(&mut self, at: &At<'_>, name: &str) -> Option<usize> {
        let found = self.upstream_names.find(name);
        if found.is_none() {
            let config = self.config;
            self.unknown(at, "upstream", name, config.upstreams.iter().map(|(name, _)| name));
        }
        found
    }

    /// The origins of the set to which a document leads: the document's `own`, and these.
    fn origins(&mut self, at: &At<'_>, own: Origin, further: &[String], ways: &mut Ways<'_>) -> Box<[Origin]> {
        let mut origins = vec![own];
        for (i, url) in further.iter().enumerate() {
            let at = at.index(i);
            let Some((origin, path)) = self.key_origin(&at, url, ways, false) else { continue };
            let is_same = |known: &Origin| {
                known.scheme == origin.scheme && known.host == origin.host && known.port == origin.port
            };
            if path != "/" {
                self.error_with(&at, format_args!("`{url}` is more than an origin"), "write `https://host` alone");
            } else if origins.iter().any(is_same) {
                self.error_with(
                    &at,
                    format_args!("`{url}` is there twice"),
                    "leave it out: the issuer's own always counts",
                );
            } else {
                origins.push(origin);
            }
        }
        origins.into()
    }

    /// The origin of `url`, which is the issuer's own or a further one, and the path with the query.
    pub(super) fn key_origin(
        &mut self,
        at: &At<'_>,
        url: &str,
        ways: &mut Ways<'_>,
        is_own: bool,
    ) -> Option<(Origin, String)> {
        let index = ways.upstreams.iter().map(|upstream| upstream.endpoints.len()).sum();
        let read = match parts(url) {
            Some((scheme, host, port, path)) => {
                let shown = if host.contains(':') { format!("[{host}]") } else { host };
                parse(index, &format!("{}://{shown}:{port}", scheme.as_str())).map(|endpoint| (endpoint, path))
            }
            None => Err(faults(url)),
        };
        let (endpoint, path) = match read {
            Ok(read) => read,
            Err(faults) => {
                for (message, help) in faults {
                    self.error_with(at, message, help);
                }
                return None;
            }
        };
        let chosen = ways.chosen.filter(|_| is_own);
        if endpoint.scheme == Scheme::Http && chosen.is_none() && !is_loopback(&endpoint.host) {
            let help = if is_own {
                "write `https://…`; or name an upstream that is within your own network: `\"upstream\": \"id\"`"
            } else {
                "write `https://…`"
            };
            let message = match ways.purpose {
                Purpose::Keys => "whoever is on the way can put keys of their own in place of these",
                Purpose::Token | Purpose::Introspection => "whoever is on the way can read the secret",
            };
            self.error_with(at, message, help);
            return None;
        }
        let (scheme, host, port) = (endpoint.scheme, endpoint.host.as_str().into(), endpoint.port);
        let upstream = chosen.unwrap_or_else(|| ways.to(endpoint, at));
        Some((Origin { scheme, host, port, upstream }, path))
    }
}

impl Ways<'_> {
    /// The URLs to which the chosen upstream leads.
    pub(super) fn through(&self) -> Vec<String> {
        match self.chosen.and_then(|chosen| self.upstreams.get(chosen)) {
            Some(chosen) => chosen.endpoints.iter().map(shown).collect(),
            None => Vec::new(),
        }
    }

    /// The upstream of its own for `endpoint`.
    fn to(&mut self, endpoint: Endpoint, at: &At<'_>) -> usize {
        let index = self.upstreams.len();
        let authority = endpoint.authority.to_str().unwrap_or_default();
        let what = match self.purpose {
            Purpose::Keys | Purpose::Introspection => "issuer",
            Purpose::Token => "token for",
        };
        let name = format!("{what} {}: {authority}", self.name);
        self.upstreams.push(internal(index, name, endpoint, at.to_path()));
        index
    }
}

/// The faults of a text that is no URL of an origin and a path.
fn faults(url: &str) -> Vec<Fault> {
    let bare = url.split('?').next().unwrap_or(url);
    match parse(0, bare) {
        Err(faults) => faults,
        Ok(_) => vec![("this is not a URL".to_owned(), "write `https://host/path`".into())],
    }
}

/// The URL of an endpoint.
fn shown(endpoint: &Endpoint) -> String {
    format!("{}://{}:{}", endpoint.scheme.as_str(), endpoint.host, endpoint.port)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::capabilities::Capabilities;
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;

    fn id(url: &str, issuer: &str) -> String {
        let text = format!(
            r#"{{"upstreams": {{"id": {{"url": "{url}"}}}}, "issuers": {{"corp": {{"issuer": "https://id.test", {issuer}}}}},
                "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}}, "policies": [{{"authenticate": {{"jwt": {{}}}}}}]}}]}}"#
        );
        let plan = load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap();
        plan.key_sources().next().unwrap().id.as_str().to_owned()
    }

    /// ARCHITECTURE.md, State: published keys are adopted, and shared in the store, by where they come from.
    #[test]
    fn keys_from_elsewhere_are_others() {
        let through = r#""jwks": "http://id.test/keys", "upstream": "id""#;
        let known = id("http://10.0.0.1:8080", through);
        assert_eq!(known, id("http://10.0.0.1:8080", through));
        assert_ne!(known, id("http://10.0.0.2:8080", through));
        assert_ne!(known, id("https://10.0.0.1:8080", through));
        assert_ne!(known, id("http://10.0.0.1:8080", r#""jwks": "https://id.test/keys""#));
        assert_ne!(known, id("http://10.0.0.1:8080", r#""jwks": "http://id.test/others", "upstream": "id""#));
    }
}

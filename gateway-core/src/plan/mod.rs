//! The compiled plan: everything that can be checked or worked out before the first request.

mod compile;
mod limits;
mod listener;
mod needs;
mod route;
mod step;
mod straight;
mod unbelieved;
mod upstream;
mod warnings;

use core::time::Duration;
use std::sync::Arc;

use crate::admin::Admin;
use crate::balance::discovery::{Discovery, Source};
use crate::caller::consumer::Consumer;
use crate::capabilities::Capabilities;
use crate::config::{self, AccessLogFormat, Diagnostic, Reading, Variable};
use crate::http::forwarded::TrustedProxies;
use crate::http::geography::Location;
use crate::http::identity::IdentityNames;
use crate::http::loop_guard::LoopGuard;
use crate::http::method_override::MethodOverride;
use crate::http::path;
use crate::net::Deadlines;
use crate::policy::access_token::TokenSource;
use crate::policy::api_key::ApiKeys;
use crate::policy::authenticate::Authenticate;
use crate::policy::basic::Users;
use crate::policy::certificate::CertificateHolders;
use crate::policy::cors::Cors;
use crate::policy::credential::Place;
use crate::policy::jwt::Issuer;
use crate::policy::key_source::KeySource;
use crate::policy::proof::Proof;
use crate::policy::rollout::Rollout;
use crate::policy::signature::Signers;
use crate::problem::content::ErrorContents;
use crate::route::Table;
use crate::store_key::StoreKey;

pub(crate) use compile::{endpoint_of, listen_address, listen_help};

pub use compile::compile;
pub use limits::Limits;
pub use listener::{Certificate, ClientAuthorities, DEFAULT_LISTEN, ListenAddress, Listener};
pub use needs::{BodyUse, Needs};
pub use route::{
    Action, Calls, Fallback, Fallbacks, Host, KeyValueEntry, Mirror, Next, PathRewrite, Proxy, Redirect, Respond,
    Route, Target, WebSocketLimits,
};
pub use step::{RequestStep, ResponseStep};
pub use straight::{LoadError, load_straight};
pub use upstream::{Endpoint, Keep, Upstream, UpstreamTls};
pub use warnings::{native_warnings, takes_web_sockets_unsaid, warnings};

/// The source of secrets and variables: the text bindings of a Worker, Spin variables, the environment, files.
pub trait Secrets {
    /// The value of the secret called `name`, if there is one.
    fn secret(&self, name: &str) -> Option<String>;

    /// Returns whether the value of the secret called `name` is made up, because nothing is known of it here: it is no key then.
    fn is_made_up(&self, _name: &str) -> bool {
        false
    }

    /// The value of the variable `${name}` in the texts of a configuration. It is none of the secrets: it may be shown.
    fn variable(&self, _name: &str) -> Variable {
        Variable::Unset
    }
}

/// Returns whether `name` can be that of a secret: capital letters, digits and `_`. Any other text may be the secret
/// itself, and must neither be looked up nor shown.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The compiled plan: immutable, built once from a [`Config`](crate::config::Config).
#[derive(Debug)]
pub struct Plan {
    /// The upstreams, in the order of [`Upstream::index`].
    pub upstreams: Vec<Upstream>,
    /// The issuers of tokens, in the order of the configuration.
    pub issuers: Vec<Issuer>,
    /// The callers that have a name, in the order of the configuration.
    pub consumers: Vec<Arc<Consumer>>,
    /// What is said of API keys.
    pub api_keys: ApiKeys,
    /// The callers who have a name and a password.
    pub users: Users,
    /// The consumers that certificates of clients are of.
    pub certificates: CertificateHolders,
    /// Set if anything asks for the certificates of clients.
    pub certificates_asked: bool,
    /// The keys of consumers that sign requests.
    pub signers: Signers,
    /// The routes, in the order of the configuration: APIs first.
    pub routes: Vec<Route>,
    /// The table that finds a request's route.
    pub table: Table,
    /// The cross-origin rules of requests that are refused before they have a route.
    pub cors: Option<Cors>,
    /// The gateway's name in `Via`, `CDN-Loop` and `Proxy-Status`.
    pub loop_guard: LoopGuard,
    /// Header fields that a client may never send.
    pub identity: IdentityNames,
    /// The fields by which a POST asks for another method.
    pub method_override: MethodOverride,
    /// The proxies whose `Forwarded` is believed.
    pub proxies: TrustedProxies,
    /// The way to know where clients are; none if nothing asks.
    pub location: Option<Location>,
    /// The reading of paths.
    pub paths: path::Reading,
    /// Content of the author's own for errors.
    pub errors: ErrorContents,
    /// The largest requests that are let in.
    pub limits: Limits,
    /// The deadlines of routes that state none, nor anything nearer to them than `defaults`.
    pub deadlines: Deadlines,
    /// The keys of the flags that policies ask for.
    pub flags: Vec<StoreKey>,
    /// The access log.
    pub access_log: AccessLog,
    /// The places where some of the routes take credentials: nothing shows what is in them.
    pub credentials: Box<[Place]>,
    /// The admin endpoints, if the configuration opens any way to them.
    pub admin: Option<Admin>,
    /// The listeners of the native server.
    pub listeners: Vec<Listener>,
    /// The other settings of the native server.
    pub server: config::Server,
    /// Set if some of the routes store responses.
    pub caches: bool,
    /// Set if some routes keep answers to requests with idempotency keys.
    pub keeps_answers: bool,
    /// Set if some of the APIs have versions.
    pub has_versions: bool,
    /// The longest that a counter is waited for.
    pub counter_timeout: Duration,
    /// The Redis that holds the counters, if there is one.
    pub counters_redis: Option<Redis>,
    /// The longest that stored responses are waited for.
    pub responses_timeout: Duration,
    /// The Redis that holds the stored responses, if there is one.
    pub responses_redis: Option<Redis>,
}

/// A Redis that several gateways may share.
#[derive(Clone, PartialEq, Eq)]
pub struct Redis {
    /// Its URL, or that of a node of the cluster. It may hold a password.
    pub url: String,
    /// The file of the authorities whose certificates it may have, if those are not the public ones.
    pub authorities: Option<String>,
    /// Set if it is a cluster.
    pub is_cluster: bool,
}

impl core::fmt::Debug for Redis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Without the URL.
        f.debug_struct("Redis").field("is_cluster", &self.is_cluster).finish_non_exhaustive()
    }
}

impl Plan {
    /// The roll-outs, each with the index of its route.
    pub fn rollouts(&self) -> impl Iterator<Item = (usize, &Rollout)> {
        self.routes.iter().enumerate().filter_map(|(index, route)| match &route.action {
            Action::Proxy(proxy) => Some((index, proxy.rollout.as_deref()?)),
            _ => None,
        })
    }

    /// The upstreams whose places say of themselves that they are there, with the key of their entry in the key-value store.
    pub fn registered(&self) -> impl Iterator<Item = (&Upstream, &Discovery, &StoreKey)> {
        self.upstreams.iter().filter_map(|upstream| {
            let discovery = upstream.discovery.as_deref()?;
            let Source::Registry(key) = &discovery.source else { return None };
            Some((upstream, discovery, key))
        })
    }

    /// The places where issuers publish their keys, in the order of [`KeySource::index`].
    pub fn key_sources(&self) -> impl Iterator<Item = &KeySource> {
        self.issuers.iter().filter_map(Issuer::source)
    }

    /// The sources of the tokens for upstreams, in the order of [`TokenSource::index`].
    pub fn token_sources(&self) -> impl Iterator<Item = &TokenSource> {
        self.upstreams.iter().filter_map(|upstream| upstream.credentials.as_ref()?.source())
    }

    /// The source of tokens with this index.
    #[must_use]
    pub fn token_source(&self, index: usize) -> Option<&TokenSource> {
        self.token_sources().nth(index)
    }

    /// The number of routes that the configuration has, each once for all versions of its API.
    #[must_use]
    pub fn configured_routes(&self) -> usize {
        let mut last = None;
        self.routes.iter().filter(|route| last.replace(&route.at) != Some(&route.at)).count()
    }

    /// Returns whether some of the routes take API keys of the key-value store.
    #[must_use]
    pub fn takes_stored_keys(&self) -> bool {
        let steps = self.routes.iter().flat_map(|route| &*route.request);
        steps.filter_map(RequestStep::authenticate).flat_map(Authenticate::proofs).any(Proof::takes_stored_keys)
    }

    /// The source of keys with this index.
    #[must_use]
    pub fn key_source(&self, index: usize) -> Option<&KeySource> {
        self.key_sources().nth(index)
    }
}

/// The access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    /// The form of a line.
    pub format: AccessLogFormat,
    /// Set if the configuration states the form; if not, a platform may have a better one for whoever reads it.
    pub is_stated: bool,
    /// Set if a line includes the query.
    pub query: bool,
    /// Set if a line includes the subject of a caller's token.
    pub subject: bool,
    /// The columns of the terminal that shows the text, for lines of no more than these.
    pub columns: Option<usize>,
}

impl AccessLog {
    /// Returns whether anything is logged.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.format != AccessLogFormat::Off
    }
}

/// Reads, checks and compiles the text of a `gateway.json`.
///
/// # Errors
/// Every mistake in it at once, in the order of the text. None if nothing is wrong, but a variable is unknown.
pub fn load(text: &str, capabilities: &Capabilities, secrets: &dyn Secrets) -> Result<Plan, Vec<Diagnostic>> {
    match config::read_with(text, &|name| secrets.variable(name)) {
        Ok(config) => compile(&config, capabilities, secrets).map_err(|errors| config::explain(text, errors)),
        Err(reading) => Err(mistakes(*reading, capabilities, secrets)),
    }
}

/// Returns every mistake in a configuration whose form has mistakes.
#[cold]
#[inline(never)]
fn mistakes(reading: Reading<'_>, capabilities: &Capabilities, secrets: &dyn Secrets) -> Vec<Diagnostic> {
    let read = reading.config.as_ref();
    let errors = read.map(|config| compile::mistakes(config, capabilities, secrets, &reading)).unwrap_or_default();
    reading.explain(errors)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Secrets;

    /// A source without secrets.
    pub(crate) struct NoSecrets;

    impl Secrets for NoSecrets {
        fn secret(&self, _: &str) -> Option<String> {
            None
        }
    }
}

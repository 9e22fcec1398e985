//! Compiles a configuration to a plan, or reports every mistake that prevents one.

mod actions;
mod admin;
mod aggregate;
mod api_keys;
mod at;
mod authenticate;
mod authority;
mod authorize;
mod batch;
mod bodies;
mod cache_file;
mod certificates;
mod checks;
mod clients;
mod clouds;
mod clusters;
mod consumers;
mod counted;
mod discovery;
mod edits;
mod errors;
mod external;
mod fallback;
mod faults;
mod foreign;
mod geography;
mod introspection;
mod issuers;
mod key_sources;
mod limits;
mod listeners;
mod login;
mod matching;
mod members;
mod message_signer;
mod methods;
mod mistakes;
mod names;
mod network;
mod openapi;
mod origin;
mod pins;
mod policies;
mod policy_lists;
mod proof;
mod redis;
mod resource;
mod rollouts;
mod routes;
mod shared;
mod signatures;
mod steer;
mod stored_as;
mod timeouts;
mod upstream_credentials;
mod upstream_tls;
mod upstreams;
mod users;
mod validate;
mod versions;
mod web_socket;
mod webhooks;

use std::fmt::Display;
use std::sync::Arc;

use http::HeaderName;

use self::at::At;
use self::mistakes::Mistakes;
use self::names::Names;
use self::routes::Group;
use self::shared::Shared;
use self::versions::OneVersion;
use super::{AccessLog, Host, Plan, RequestStep, Route, Secrets, Upstream, is_secret_name};
use crate::caller::consumer::Consumer;
use crate::capabilities::{Capabilities, Feature};
use crate::config::{self, Config, ConfigError, JsonPath, Reading, Rule, THOROUGH, told};
use crate::http::geography::Location;
use crate::http::identity::IdentityNames;
use crate::http::path;
use crate::numbers::Numbered;
use crate::policy::allowance::Allowance;
use crate::policy::authenticate::Authenticate;
use crate::policy::credential::Place;
use crate::policy::flag::Flags;
use crate::policy::openapi::{Description, Mock};
use crate::policy::proof::Proof;
use crate::policy::upstream_credentials::Credentials;
use crate::route::Methods;

pub(crate) use self::listeners::{listen_address, listen_help};
pub(super) use self::matching::alternatives;
pub(super) use self::members::dead_matches;
pub(crate) use self::upstreams::endpoint_of;
pub(in crate::plan) use validate::place_in;

/// Compiles `config` for a platform with `capabilities`.
///
/// # Errors
/// Every mistake at once.
pub fn compile(config: &Config, capabilities: &Capabilities, secrets: &dyn Secrets) -> Result<Plan, Vec<ConfigError>> {
    run(Compiler::new(config, capabilities, secrets, None))
}

/// Compiles `config` as [`compile`] does, without the proof that no two of its routes take one request: the first does.
///
/// # Errors
/// The first mistake at least.
pub(super) fn compile_unproved(
    config: &Config,
    capabilities: &Capabilities,
    secrets: &dyn Secrets,
) -> Result<Plan, Vec<ConfigError>> {
    run(Compiler { proves: false, ..Compiler::new(config, capabilities, secrets, None) })
}

/// Returns the mistakes in the readable parts of a configuration. A conflict is reported only if `reading` has all of both
/// routes: a route that lost its methods would clash with unrelated ones.
pub(super) fn mistakes(
    config: &Config,
    capabilities: &Capabilities,
    secrets: &dyn Secrets,
    reading: &Reading<'_>,
) -> Vec<ConfigError> {
    run(Compiler::new(config, capabilities, secrets, Some(reading))).err().unwrap_or_default()
}

fn run(mut compiler: Compiler<'_>) -> Result<Plan, Vec<ConfigError>> {
    let plan = compiler.plan();
    match plan {
        Some(plan) if compiler.errors.is_empty() => Ok(plan),
        _ => Err(compiler.errors.into_list()),
    }
}

/// The places where some of `routes` take credentials.
fn credentials(routes: &[Route]) -> Box<[Place]> {
    let mut places: Vec<Place> = Vec::new();
    for step in routes.iter().flat_map(|route| &*route.request) {
        if let RequestStep::Authenticate(program) = step {
            // What comes back from a provider in the query is good for one use, and for whoever comes first.
            let of_logins = program.proofs().any(|proof| proof.login().is_some());
            let answers = ["code", "state"].map(|name| Place::Query(name.into()));
            let answers = answers.iter().filter(|_| of_logins);
            for place in program.proofs().flat_map(Proof::places).chain(answers) {
                if !places.contains(place) {
                    places.push(place.clone());
                }
            }
        }
    }
    places.into_boxed_slice()
}

/// Keeps what services say of callers of some of `routes` out of the trailers of clients.
fn guard_copied(routes: &[Route], identity: &mut IdentityNames) {
    let programs = routes.iter().flat_map(|route| &*route.request).filter_map(RequestStep::authenticate);
    for proof in programs.flat_map(Authenticate::proofs) {
        if let Proof::External(external) = proof {
            identity.guard_own(external.copy.iter().map(HeaderName::as_str));
        }
    }
}

/// Keeps what the gateway signs for some of `upstreams` out of the trailers of clients, and further signatures: whoever takes a trailer for
/// a field of the head would take it for signed (RFC 9110 §6.5.1).
fn guard_signed(upstreams: &[Upstream], identity: &mut IdentityNames) {
    for upstream in upstreams {
        if let Some(Credentials::Message(signer)) = &upstream.credentials {
            identity.guard_own(signer.names());
        }
    }
}

/// The terms of a rate limit, and those for each tier.
type Terms = (Allowance, Box<[(Box<str>, Allowance)]>);

struct Compiler<'c> {
    /// For a configuration with parts missing: tells the complete parts.
    reading: Option<&'c Reading<'c>>,
    /// Set if the routes are proved to be free of conflicts.
    proves: bool,
    config: &'c Config,
    capabilities: &'c Capabilities,
    secrets: &'c dyn Secrets,
    errors: Mistakes,
    /// The meaning of each rate limit's name: limits of one name but two meanings would share counters.
    rate_limits: Numbered<(Terms, config::CounterKey, config::FailMode)>,
    /// The same of limits on concurrency.
    concurrency: Numbered<(u32, config::CounterKey, config::FailMode)>,
    used_policies: Vec<bool>,
    /// The places of edits of a response for one upstream of the present route that `cors` would undo.
    against_cors: Vec<JsonPath>,
    flags: Flags,
    identity_names: Option<IdentityNames>,
    upstream_names: Names,
    /// The `Host` of requests to upstreams that state none; `None` if it is wrong.
    default_host: Option<Host>,
    policy_names: Names,
    consumers: Vec<Arc<Consumer>>,
    /// The logins that proofs have asked for.
    logins: Vec<login::Known>,
    /// The resources that proofs protect by a name of theirs.
    resources: Vec<resource::Resource>,
    /// The descriptions of APIs, in their order; none for one that is wrong.
    descriptions: Vec<Option<Arc<Description>>>,
    /// The answers that are made of descriptions, by the API and its version.
    mocks: Vec<(usize, Option<usize>, Arc<Mock>)>,
    /// The versions of APIs, those of one API after another.
    versions: Vec<OneVersion<'c>>,
    /// For each route of the plan, the index of its API and of itself there, or among those outside any.
    origins: Vec<(Option<usize>, usize)>,
    /// The routes of the gateway's own, which follow those of the configuration: their names, and what they are for.
    own_routes: Vec<(String, JsonPath)>,
    /// Set if whatever is compiled is for a route that asks who calls, or for one that is not known.
    knows_caller: bool,
    /// The present route, by its name and its place, for messages about what it has from elsewhere.
    present: (String, String),
    /// The way to know where clients are, and whether anything asks for it.
    location: (Location, bool),
    /// Set if anything asks for the certificates of clients.
    certificates_asked: bool,
    /// The compiled policies of the previous route.
    shared: Option<Shared<'c>>,
    /// The path of the admin endpoints, if there are any.
    admin_path: Option<&'c str>,
    /// The APIs of which consumers have versions.
    pins: Vec<pins::Pin>,
    /// The methods that are let in.
    methods: Methods,
}

impl<'c> Compiler<'c> {
    fn new(
        config: &'c Config,
        capabilities: &'c Capabilities,
        secrets: &'c dyn Secrets,
        reading: Option<&'c Reading<'c>>,
    ) -> Self {
        Self {
            reading,
            proves: true,
            config,
            capabilities,
            secrets,
            errors: Mistakes::default(),
            rate_limits: Numbered::default(),
            concurrency: Numbered::default(),
            used_policies: vec![false; config.policies.iter().len()],
            against_cors: Vec::new(),
            flags: Flags::default(),
            identity_names: None,
            upstream_names: Names::of(&config.upstreams),
            default_host: Some(Host::Upstream),
            policy_names: Names::of(&config.policies),
            consumers: Vec::new(),
            logins: Vec::new(),
            resources: Vec::new(),
            descriptions: Vec::new(),
            mocks: Vec::new(),
            versions: Vec::new(),
            origins: Vec::new(),
            own_routes: Vec::new(),
            knows_caller: true,
            present: (String::new(), String::new()),
            location: (Location::default(), false),
            certificates_asked: false,
            shared: None,
            admin_path: None,
            pins: Vec::new(),
            methods: Methods::default(),
        }
    }

    fn plan(&mut self) -> Option<Plan> {
        let config = self.config;
        let at = At::ROOT;
        if !config.include.is_empty() {
            let message =
                format_args!("{} reads this text alone, without the files that it includes", self.capabilities.name);
            self.error_with(
                &at.member("include"),
                message,
                "make one text of them: `edgeway compose FILE > gateway.json`",
            );
        }
        let loop_guard = self.loop_guard(&at);
        let mut identity = self.identity(&at);
        self.geography(&at.member("network").member("geo"), &mut identity);
        self.identity_names.clone_from(&identity);
        let proxies = self.proxies(&at);
        self.add_methods(&at.member("network").member("methods"));
        let method_override = self.method_override(&at.member("network").member("methodOverride"));
        let listeners = self.listeners(&at.member("server"));
        if config.server.connections == Some(0) {
            self.error_with(&at.member("server").member("connections"), "this lets no client in", "at least 1");
        }
        if config.server.cache_memory.is_some_and(|size| !(1 << 20..=64 << 30).contains(&size.0)) {
            let at = at.member("server");
            self.error_with(&at.member("cacheMemory"), "this is no usable memory", "use `1MiB` to `64GiB`");
        }
        self.check_cache_file(&at.member("server").member("cacheFile"));
        self.check_admin_listen(&at.member("server").member("admin"), &listeners);
        if config.server.header_case.is_some_and(|case| case != config::HeaderCase::Lower) {
            self.require(&at.member("server").member("headerCase"), Feature::HeaderCase);
        }
        let admin = self.admin(&at);
        let errors = self.error_contents(&at.member("errors"));
        let counters_redis = self.counters_redis(&at.member("counters"));
        let responses_redis = self.responses_redis(&at.member("responses"));
        let responses_timeout = self.responses_timeout(&at.member("responses").member("timeout"));
        let counter_timeout = self.counter_timeout(&at.member("counters").member("timeout"));
        let limits = self.limits(&at.member("limits"));
        let mut upstreams = self.upstreams(&at.member("upstreams"));
        self.consumers = self.consumers(&at.member("consumers"));
        let issuers = self.issuers(&at.member("issuers"), &mut upstreams);
        self.upstream_credentials(&at.member("upstreams"), &mut upstreams);
        self.discoveries(&at.member("upstreams"), &mut upstreams);
        let api_keys = self.api_keys(&at);
        let users = self.users(&at.member("consumers"));
        let certificates = self.certificates(&at);
        let signers = self.signers(&at.member("consumers"));

        self.descriptions = self.descriptions(&at.member("openapi"));
        let mut routes = Vec::new();
        let mut specs = Vec::new();
        for (i, api) in config.apis.iter().enumerate() {
            let apis = at.member("apis");
            let at = apis.index(i);
            self.api_names(&at, i, api);
            let prefix = self.api_prefix(&at.member("prefix"), api);
            let group = Group { api: Some((i, api)), prefix, version: None };
            match self.version_groups(&at, group) {
                Some(groups) => self.routes(&at.member("routes"), &groups, &api.routes, &mut routes, &mut specs),
                None => routes.push(None),
            }
        }
        let group = Group { api: None, prefix: Some(""), version: None };
        self.routes(&at.member("routes"), &[group], &config.routes, &mut routes, &mut specs);
        if config.routes.is_empty() && config.apis.is_empty() && self.errors.is_empty() {
            self.error_with(&At::ROOT, "there are no routes", "add one to `routes`, or an API to `apis`");
        }
        self.check_pins();
        self.login_routes(&mut routes, &mut specs);
        self.resource_routes(&mut routes, &mut specs);
        let cors = self.default_cors();
        self.knows_caller = true;
        self.present = (String::new(), String::new());
        self.check_unused_policies(&at.member("policies"));

        let table = self.table(specs);
        let mut routes = routes.into_iter().collect::<Option<Vec<_>>>()?;
        let caches = routes.iter().any(|route| route.cache.is_some());
        let keeps_answers =
            routes.iter().any(|route| route.request.iter().any(|step| matches!(step, RequestStep::Idempotency(_))));
        if caches {
            // What changes something ends stored responses, whichever route it comes by (RFC 9111 §4.4).
            routes.iter_mut().for_each(|route| route.needs.head = true);
        }
        let mut identity = identity?;
        guard_copied(&routes, &mut identity);
        guard_signed(&upstreams, &mut identity);
        Some(Plan {
            upstreams,
            issuers,
            consumers: core::mem::take(&mut self.consumers),
            api_keys,
            users,
            certificates,
            certificates_asked: self.certificates_asked,
            signers,
            credentials: credentials(&routes),
            routes,
            table: table?,
            cors,
            loop_guard: loop_guard?,
            identity,
            method_override,
            proxies: proxies?,
            location: Some(core::mem::take(&mut self.location)).filter(|(_, is_asked)| *is_asked).map(|(way, _)| way),
            paths: path::Reading::of(&config.network),
            errors,
            limits,
            deadlines: self.default_deadlines(),
            access_log: AccessLog {
                format: config.access_log.format.or(config.server.access_log).unwrap_or_default(),
                is_stated: config.access_log.format.or(config.server.access_log).is_some(),
                query: config.access_log.query.unwrap_or(false),
                subject: config.access_log.subject.unwrap_or(true),
                columns: None,
            },
            admin,
            listeners,
            server: config.server.clone(),
            caches,
            keeps_answers,
            has_versions: !self.versions.is_empty(),
            counter_timeout,
            counters_redis,
            responses_timeout,
            responses_redis,
            flags: core::mem::take(&mut self.flags).into_keys(),
        })
    }

    /// The value of a secret; reports one that does not exist.
    #[inline(never)]
    pub(super) fn secret(&mut self, at: &At<'_>, secret: &config::SecretRef) -> Option<String> {
        let name = secret.secret.as_str();
        if !is_secret_name(name) {
            // The message must not quote it: it may be the secret itself.
            self.error_with(
                &at.member("secret"),
                "this is not a secret's name",
                "use capital letters, digits and `_`, as in `USERS_TOKEN`: a reference, never the secret itself",
            );
            return None;
        }
        let value = self.secrets.secret(name);
        if value.is_none() {
            let message = format!("the secret `{name}` is not set");
            let help = format!("set it on {} before the gateway starts", self.capabilities.name);
            self.errors.push(ConfigError::missing_secret(at.member("secret").to_path(), message, help));
        }
        value
    }

    /// Returns whether the platform has `feature`, which is requested at `at`; reports it if not.
    pub(super) fn require(&mut self, at: &At<'_>, feature: Feature) -> bool {
        let is_there = self.capabilities.has(feature);
        if !is_there {
            let (message, help) = feature.refusal(self.capabilities.name);
            self.refuse(Rule::Platform, at, message, help);
        }
        is_there
    }

    /// Returns whether the top-level members `sections` have mistakes, so that what seems to be missing from them may be there.
    #[cold]
    #[inline(never)]
    pub(super) fn is_wrong_in(&self, sections: &[&str]) -> bool {
        let is_damaged = |section: &str| self.reading.is_some_and(|reading| !reading.is_section_intact(section));
        THOROUGH && sections.iter().any(|section| is_damaged(section) || self.errors.are_in(section))
    }

    #[cold]
    fn error(&mut self, at: &At<'_>, message: impl Display) {
        self.explained(Rule::default(), at, told(message), None);
    }

    #[cold]
    fn error_with(&mut self, at: &At<'_>, message: impl Display, help: impl Display) {
        self.refuse(Rule::default(), at, message, help);
    }

    #[cold]
    fn refuse(&mut self, rule: Rule, at: &At<'_>, message: impl Display, help: impl Display) {
        self.explained(rule, at, told(message), THOROUGH.then(|| help.to_string()));
    }

    #[cold]
    #[inline(never)]
    fn explained(&mut self, rule: Rule, at: &At<'_>, message: String, help: Option<String>) {
        let error = ConfigError::new(at.to_path(), message).of_rule(rule);
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    /// Reports that `name` is not one of `known`, with the likeliest one.
    #[cold]
    #[inline(never)]
    fn unknown<'n>(&mut self, at: &At<'_>, what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) {
        if !THOROUGH {
            return self.error(at, "");
        }
        // With thousands of names, guessing takes long; the first guesses are enough to see a pattern.
        let likely = if self.errors.is_long() { None } else { config::suggest(name, known.clone()) };
        let help = match likely {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => {
                let names: Vec<_> = known.map(|n| format!("`{n}`")).take(12).collect();
                if names.is_empty() {
                    format!("no {what} is defined")
                } else {
                    format!("there are {}", names.join(", "))
                }
            }
        };
        self.refuse(Rule::UnknownName, at, format_args!("no {what} is called `{name}`"), help);
    }
}

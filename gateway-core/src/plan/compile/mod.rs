//! Compiles a configuration to a plan, or reports every mistake that prevents one.

mod actions;
mod admin;
mod at;
mod authority;
mod edits;
mod errors;
mod foreign;
mod listeners;
mod matching;
mod members;
mod methods;
mod mistakes;
mod names;
mod policies;
mod redis;
mod shared;
mod timeouts;
mod upstream_tls;
mod upstreams;
mod web_socket;

use std::collections::BTreeMap;

use self::at::At;
use self::edits::Parameters;
use self::matching::Matching;
use self::mistakes::Mistakes;
use self::names::Names;
use self::shared::Shared;
use super::{AccessLog, Action, Host, Limits, Plan, Respond, ResponseStep, Route, Secrets, is_secret_name};
use crate::capabilities::{Capabilities, Feature};
use crate::config::{self, Config, ConfigError, JsonPath, MOST_MISTAKES, PolicyUse, Reading};
use crate::http::forwarded::TrustedProxies;
use crate::http::identity::IdentityNames;
use crate::http::loop_guard::{InvalidName, LoopGuard};
use crate::http::path;
use crate::policy::flag::Flags;
use crate::policy::header_edit::HeaderEdit;
use crate::policy::quota::Quota;
use crate::route::{Conflict, Methods, Spec, Table};

pub(crate) use self::listeners::listen_address;
pub(super) use self::members::dead_matches;

const DEFAULT_NAME: &str = "edgeway";

/// The way to write a network.
const NETWORK_HELP: &str = "write an address, or a network as `10.0.0.0/8`; `0.0.0.0/0` and `::/0` are all addresses";

/// Compiles `config` for a platform with `capabilities`.
///
/// # Errors
/// Every mistake at once.
pub fn compile(config: &Config, capabilities: &Capabilities, secrets: &dyn Secrets) -> Result<Plan, Vec<ConfigError>> {
    run(config, capabilities, secrets, None)
}

/// Returns the mistakes in the readable parts of a configuration. A conflict is reported only if `reading` has all of both
/// routes: a route that lost its methods would clash with unrelated ones.
pub(super) fn mistakes(
    config: &Config,
    capabilities: &Capabilities,
    secrets: &dyn Secrets,
    reading: &Reading<'_>,
) -> Vec<ConfigError> {
    run(config, capabilities, secrets, Some(reading)).err().unwrap_or_default()
}

fn run(
    config: &Config,
    capabilities: &Capabilities,
    secrets: &dyn Secrets,
    reading: Option<&Reading<'_>>,
) -> Result<Plan, Vec<ConfigError>> {
    let mut compiler = Compiler::new(config, capabilities, secrets, reading);
    let plan = compiler.plan();
    match plan {
        Some(plan) if compiler.errors.is_empty() => Ok(plan),
        _ => Err(compiler.errors.into_list()),
    }
}

struct Compiler<'c> {
    /// For a configuration with parts missing: tells the complete parts.
    reading: Option<&'c Reading<'c>>,
    config: &'c Config,
    capabilities: &'c Capabilities,
    secrets: &'c dyn Secrets,
    errors: Mistakes,
    /// The meaning of each rate limit's name: limits of one name but two meanings would share counters.
    rate_limits: BTreeMap<String, (Quota, config::RateLimitAlgorithm, config::CounterKey, config::FailMode)>,
    /// The same of limits on concurrency.
    concurrency: BTreeMap<String, (u32, config::CounterKey, config::FailMode)>,
    used_policies: Vec<bool>,
    /// The places of edits of a response for one upstream of the present route that `cors` would undo.
    against_cors: Vec<JsonPath>,
    flags: Flags,
    identity_names: Option<IdentityNames>,
    upstream_names: Names<'c>,
    /// The `Host` of requests to upstreams that state none; `None` if it is wrong.
    default_host: Option<Host>,
    policy_names: Names<'c>,
    /// The compiled policies of the previous route.
    shared: Option<Shared<'c>>,
    /// The path of the admin endpoints, if there are any.
    admin_path: Option<&'c str>,
    /// The methods that are let in.
    methods: Methods,
}

/// The group of a route: an API, or none.
#[derive(Clone, Copy)]
struct Group<'c> {
    api: Option<(usize, &'c config::Api)>,
    /// The API's prefix, without a slash at its end; `None` if it is wrong.
    prefix: Option<&'c str>,
}

/// A route during its compilation, with the results so far.
struct RouteContext<'r, 'c> {
    at: At<'r>,
    group: Group<'c>,
    /// Its full name.
    name: &'r str,
    route: &'c config::Route,
    /// `None` if it is wrong.
    matching: Option<&'r Matching>,
    /// The names of its path parameters, in order; `None` if they are not known.
    parameters: Parameters<'r>,
}

/// The origin of a route of the plan.
struct Origin<'c> {
    api: Option<(usize, &'c config::Api)>,
    /// The index of the route in `api`, or in the configuration itself.
    index: usize,
    route: &'c config::Route,
}

impl Origin<'_> {
    fn api_path(&self) -> Option<JsonPath> {
        self.api.map(|(api, _)| JsonPath::root().member("apis").index(api))
    }

    fn path(&self) -> JsonPath {
        self.api_path().unwrap_or_default().member("routes").index(self.index)
    }
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
            config,
            capabilities,
            secrets,
            errors: Mistakes::default(),
            rate_limits: BTreeMap::new(),
            concurrency: BTreeMap::new(),
            used_policies: vec![false; config.policies.iter().len()],
            against_cors: Vec::new(),
            flags: Flags::default(),
            identity_names: None,
            upstream_names: Names::of(&config.upstreams),
            default_host: Some(Host::Upstream),
            policy_names: Names::of(&config.policies),
            shared: None,
            admin_path: None,
            methods: Methods::default(),
        }
    }

    fn plan(&mut self) -> Option<Plan> {
        let config = self.config;
        let at = At::ROOT;
        if !config.include.is_empty() {
            let message =
                format!("{} reads this text alone, without the files that it includes", self.capabilities.name);
            self.error_with(
                &at.member("include"),
                message,
                "make one text of them: `edgeway compose FILE > gateway.json`",
            );
        }
        let loop_guard = self.loop_guard(&at);
        let identity = self.identity(&at);
        self.identity_names.clone_from(&identity);
        let proxies = self.proxies(&at);
        self.add_methods(&at.member("network").member("methods"));
        let listeners = self.listeners(&at.member("server"));
        self.check_admin_listen(&at.member("server").member("admin"), &listeners);
        if config.server.header_case.is_some_and(|case| case != config::HeaderCase::Lower) {
            self.require(&at.member("server").member("headerCase"), Feature::HeaderCase);
        }
        let admin = self.admin(&at);
        let errors = self.error_contents(&at.member("errors"));
        let redis = self.redis(&at.member("counters").member("redis"));
        let counter_timeout = self.counter_timeout(&at.member("counters").member("timeout"));
        let limits = self.limits(&at.member("limits"));
        let upstreams = self.upstreams(&at.member("upstreams"));

        let mut routes = Vec::new();
        let mut specs = Vec::new();
        for (i, api) in config.apis.iter().enumerate() {
            let apis = at.member("apis");
            let at = apis.index(i);
            self.api_names(&at, i, api);
            let group = Group { api: Some((i, api)), prefix: self.api_prefix(&at.member("prefix"), api) };
            self.routes(&at.member("routes"), group, &api.routes, &mut routes, &mut specs);
        }
        let group = Group { api: None, prefix: Some("") };
        self.routes(&at.member("routes"), group, &config.routes, &mut routes, &mut specs);
        if config.routes.is_empty() && config.apis.is_empty() && self.errors.is_empty() {
            self.error_with(&At::ROOT, "there are no routes", "add one to `routes`, or an API to `apis`");
        }
        let cors = self.default_cors();
        self.check_unused_policies(&at.member("policies"));

        if let Some(reading) = self.reading {
            let whole = whole_routes(reading);
            specs.retain(|spec| whole.get(spec.route).copied().unwrap_or_default());
        }
        let table = match Table::with_methods(core::mem::take(&mut self.methods), specs) {
            Ok(table) => Some(table),
            Err(conflicts) => {
                conflicts.iter().take(MOST_MISTAKES).for_each(|conflict| self.conflict(conflict));
                None
            }
        };
        Some(Plan {
            upstreams,
            routes: routes.into_iter().collect::<Option<Vec<_>>>()?,
            table: table?,
            cors,
            loop_guard: loop_guard?,
            identity: identity?,
            proxies: proxies?,
            paths: path::Reading::of(&config.network),
            errors,
            limits,
            access_log: AccessLog {
                format: config.access_log.format.or(config.server.access_log).unwrap_or_default(),
                is_stated: config.access_log.format.or(config.server.access_log).is_some(),
                query: config.access_log.query.unwrap_or(false),
                columns: None,
            },
            admin,
            listeners,
            server: config.server.clone(),
            counter_timeout,
            counters_redis: redis,
            flags: core::mem::take(&mut self.flags).into_keys(),
        })
    }

    fn routes(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        configured: &'c [config::Route],
        routes: &mut Vec<Option<Route>>,
        specs: &mut Vec<Spec>,
    ) {
        let mut names = BTreeMap::new();
        let path = at.to_path();
        for (i, route) in configured.iter().enumerate() {
            let at = at.index(i);
            if route.name.is_empty() {
                self.error_with(&at.member("name"), "the name is empty", "name the route after what it does");
            } else if let Some(first) = names.get(&*route.name) {
                self.namesake(&at, "route", &route.name, path.index(*first));
            } else {
                names.insert(&*route.name, i);
            }
            let index = routes.len();
            let compiled = self.route(&at, group, (path.index(i), route), index, specs);
            routes.push(compiled);
        }
    }

    /// Compiles one route and adds its match to `specs`.
    fn route(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        (path, route): (JsonPath, &'c config::Route),
        index: usize,
        specs: &mut Vec<Spec>,
    ) -> Option<Route> {
        let name = Self::route_name(group.api, route);
        let matching = self.matching(at, group, route);
        let parameters: Option<Vec<&str>> = matching.as_ref().map(Matching::parameters);
        let context = RouteContext {
            at: *at,
            group,
            name: &name,
            route,
            matching: matching.as_ref(),
            parameters: parameters.as_deref(),
        };
        let policies = self.policies(&context);
        let action = self.action(&context);
        let methods = matching.as_ref().map(|m| m.methods);
        if let Some(matching) = matching {
            specs.extend(matching.into_specs(index));
        }
        let cors = self.cors(policies.cors, methods);
        for path in core::mem::take(&mut self.against_cors) {
            if cors.is_some() {
                self.against_cors(path);
            }
        }
        if let (Some(_), Some(respond)) = (&cors, &route.respond) {
            for (name, _) in respond.headers.iter().filter(|(name, _)| policies::is_cors_field(name)) {
                self.against_cors(at.member("respond").member("headers").member(name).to_path());
            }
        }
        if let Some(Action::Respond(respond)) = &action {
            self.check_content_type(at, respond, &policies.response);
        }
        let mut action = action?;
        let lease = self.lease(at, route, &policies.request, &action)?;
        if let (Action::Proxy(proxy), false) = (&mut action, lease.is_zero()) {
            self.end_with_lease(&at.member("webSocket"), route.web_socket, proxy);
        }
        Some(Route {
            name,
            at: path,
            needs: Route::needs(&policies.request, &action, &policies.response, cors.is_some()),
            cors,
            request: policies.request,
            action,
            response: policies.response,
            body_limit: self.body_limit(route),
            lease,
            logged: route.access_log.unwrap_or(true),
        })
    }

    /// Reports edits of `Content-Type`: values enter the content as its media type demands, so it must not change
    /// afterwards.
    #[inline(never)]
    fn check_content_type(&mut self, at: &At<'_>, respond: &Respond, steps: &[ResponseStep]) {
        let changes_type = |edit: &HeaderEdit| match edit {
            HeaderEdit::Rename(_, name)
            | HeaderEdit::Remove(name)
            | HeaderEdit::Set(name, _)
            | HeaderEdit::Append(name, _) => *name == http::header::CONTENT_TYPE,
        };
        let edits = steps.iter().flat_map(|step| match step {
            ResponseStep::EditHeaders(edits) => edits.iter(),
        });
        if respond.body.has_variables() && respond.filled.iter().chain(edits).any(changes_type) {
            self.error_with(
                &at.member("respond").member("body"),
                "values are escaped for the content type, which another setting changes",
                "set `content-type` in `respond.headers`, as plain text, and nowhere else",
            );
        }
    }

    /// `api/route`, or `route` outside any API.
    fn route_name(api: Option<(usize, &config::Api)>, route: &config::Route) -> String {
        match api {
            Some((_, api)) => [&api.name, "/", &route.name].concat(),
            None => route.name.clone(),
        }
    }

    pub(super) fn body_limit(&self, route: &config::Route) -> u64 {
        route.body_bytes.or(self.config.limits.body_bytes).map_or(Limits::DEFAULT.body_bytes, |size| size.0)
    }

    fn api_names(&mut self, at: &At<'_>, index: usize, api: &config::Api) {
        if api.name.is_empty() {
            self.error_with(&at.member("name"), "the name is empty", "name the API");
        } else if let Some(first) = self.config.apis.iter().take(index).position(|other| other.name == api.name) {
            self.namesake(at, "API", &api.name, JsonPath::root().member("apis").index(first));
        }
        if api.routes.is_empty() {
            self.error_with(&at.member("routes"), "the API has no routes", "add one, or remove the API");
        }
    }

    /// Reports that the `what` at `at` has the `name` of the one at `first`.
    #[cold]
    #[inline(never)]
    fn namesake(&mut self, at: &At<'_>, what: &str, name: &str, first: JsonPath) {
        let error = ConfigError::new(at.member("name").to_path(), format!("another {what} is called `{name}`"));
        let help = "choose a name of its own: it stands in logs and messages";
        self.errors.push(error.with_help(help).with_other(first.member("name")));
    }

    #[cold]
    #[inline(never)]
    fn conflict(&mut self, conflict: &Conflict) {
        let name = |index: usize| {
            self.origin(index).map_or_else(String::new, |origin| Self::route_name(origin.api, origin.route))
        };
        let message = conflict.message(name);
        let path = |route| self.origin(route).map(|origin| origin.path());
        let mut error = ConfigError::new(path(conflict.route()).unwrap_or_default(), message);
        if let Some(other) = conflict.other().and_then(path) {
            error = error.with_other(other);
        }
        self.errors.push(error.with_help(conflict.help()));
    }

    /// The origin of the plan's route at `index`.
    fn origin(&self, mut index: usize) -> Option<Origin<'c>> {
        let config = self.config;
        for (i, api) in config.apis.iter().enumerate() {
            if let Some(route) = api.routes.get(index) {
                return Some(Origin { api: Some((i, api)), index, route });
            }
            index -= api.routes.len();
        }
        config.routes.get(index).map(|route| Origin { api: None, index, route })
    }

    fn loop_guard(&mut self, at: &At<'_>) -> Option<LoopGuard> {
        let name = self.config.name.as_deref().unwrap_or(DEFAULT_NAME);
        match LoopGuard::new(name) {
            Ok(guard) => Some(guard),
            Err(InvalidName) => {
                self.error_with(
                    &at.member("name"),
                    format!("`{name}` can't be a gateway's name"),
                    "use letters, digits, `-`, `.` and `_`",
                );
                None
            }
        }
    }

    fn identity(&mut self, at: &At<'_>) -> Option<IdentityNames> {
        let help = "use letters, digits and `-`";
        let names = IdentityNames::new(&self.config.identity_headers);
        let mut names = self.list(&at.member("identityHeaders"), names, help)?;
        let (network, at) = (&self.config.network, At::ROOT.member("network"));
        let at = at.member("trustedIdentity");
        if !network.trusted_identity.is_empty() && network.trusted_proxies.is_empty() {
            self.error_with(&at, "no proxy is trusted", "name those that may send these headers in `trustedProxies`");
        }
        let believed = names.believe(&network.trusted_identity);
        self.list(&at, believed, help)?;
        Some(names)
    }

    fn proxies(&mut self, at: &At<'_>) -> Option<TrustedProxies> {
        let parsed = TrustedProxies::parse(&self.config.network.trusted_proxies);
        self.list(&at.member("network").member("trustedProxies"), parsed, NETWORK_HELP)
    }

    /// Unwraps a parsed list, or reports the entries that can't be parsed.
    fn list<T>(&mut self, at: &At<'_>, parsed: Result<T, Vec<(usize, String)>>, help: &str) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(bad) => {
                for (index, message) in bad {
                    self.error_with(&at.index(index), message, help);
                }
                None
            }
        }
    }

    fn limits(&mut self, at: &At<'_>) -> Limits {
        let limits = &self.config.limits;
        // Every request has a target and, but for HTTP/1.0, a field: `Host`.
        let zero = |size: Option<config::ByteSize>| size.is_some_and(|size| size.0 == 0);
        if limits.headers == Some(0) {
            let help = format!("at least 1; without it, {} hold", Limits::DEFAULT.headers);
            self.error_with(&at.member("headers"), "this lets no request in", help);
        }
        for (name, is_zero, default) in [
            ("headerBytes", zero(limits.header_bytes), Limits::DEFAULT.header_bytes),
            ("urlBytes", zero(limits.url_bytes), Limits::DEFAULT.url_bytes),
        ] {
            if is_zero {
                let help = format!("leave it out for `{}KiB`", default / 1024);
                self.error_with(&at.member(name), "this lets no request in", help);
            }
        }
        let url_bytes = limits.url_bytes.map_or(Limits::DEFAULT.url_bytes, |s| s.0);
        if url_bytes > Limits::MOST_URL_BYTES {
            self.error_with(
                &at.member("urlBytes"),
                "no platform takes a URL this long",
                format!("at most `{}KiB`", Limits::MOST_URL_BYTES / 1024),
            );
        }
        Limits {
            headers: limits.headers.unwrap_or(Limits::DEFAULT.headers),
            header_bytes: limits.header_bytes.map_or(Limits::DEFAULT.header_bytes, |s| s.0),
            url_bytes,
            body_bytes: limits.body_bytes.map_or(Limits::DEFAULT.body_bytes, |s| s.0),
        }
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
            self.error_with(
                &at.member("secret"),
                format!("the secret `{name}` is not set"),
                format!("set it on {} before the gateway starts", self.capabilities.name),
            );
        }
        value
    }

    /// Returns whether the platform has `feature`, which is requested at `at`; reports it if not.
    pub(super) fn require(&mut self, at: &At<'_>, feature: Feature) -> bool {
        let is_there = self.capabilities.has(feature);
        if !is_there {
            let (message, help) = feature.refusal(self.capabilities.name);
            self.error_with(at, message, help);
        }
        is_there
    }

    fn check_unused_policies(&mut self, at: &At<'_>) {
        let config = self.config;
        for (i, (name, policy)) in config.policies.iter().enumerate() {
            if self.used_policies.get(i).copied().unwrap_or_default() {
                continue;
            }
            self.check_policy(&at.member(name), name, policy);
        }
    }

    #[cold]
    #[inline(never)]
    fn error(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(at.to_path(), message));
    }

    #[cold]
    #[inline(never)]
    fn error_with(&mut self, at: &At<'_>, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(ConfigError::new(at.to_path(), message).with_help(help));
    }

    /// Reports that `name` is not one of `known`, with the likeliest one.
    #[cold]
    #[inline(never)]
    fn unknown<'n>(&mut self, at: &At<'_>, what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) {
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
        self.error_with(at, format!("no {what} is called `{name}`"), help);
    }

    fn find_policy(&mut self, at: &At<'_>, name: &str) -> Option<&'c config::Policy> {
        let config = self.config;
        match self.policy_names.find(name).and_then(|i| config.policies.0.get(i).map(|(_, policy)| (i, policy))) {
            Some((i, policy)) => {
                if let Some(used) = self.used_policies.get_mut(i) {
                    *used = true;
                }
                Some(policy)
            }
            None => {
                self.unknown(at, "policy", name, config.policies.iter().map(|(n, _)| n));
                None
            }
        }
    }

    /// The policy lists that apply to `route`, outermost first, each with its place and its owner's name.
    fn policy_lists(group: Group<'c>, route: &'c config::Route, defaults: &'c config::Defaults) -> [PolicyList<'c>; 3] {
        [
            PolicyList { owner: Owner::Defaults, uses: &defaults.policies },
            match group.api {
                Some((i, api)) => PolicyList { owner: Owner::Api(i, &api.name), uses: &api.policies },
                None => PolicyList { owner: Owner::Api(0, ""), uses: &[] },
            },
            PolicyList { owner: Owner::Route, uses: &route.policies },
        ]
    }
}

/// Returns, for each route of the plan, whether nothing is missing from it, nor from its API.
#[cold]
#[inline(never)]
fn whole_routes(reading: &Reading<'_>) -> Vec<bool> {
    let apis = JsonPath::root().member("apis");
    let mut whole = Vec::new();
    for (index, api) in reading.intact_items(&apis, "routes").into_iter().enumerate() {
        let routes = reading.intact_items(&apis.index(index).member("routes"), "");
        whole.extend(routes.into_iter().map(|route| route && api));
    }
    whole.extend(reading.intact_items(&JsonPath::root().member("routes"), ""));
    whole
}

#[derive(Clone, Copy)]
struct PolicyList<'c> {
    owner: Owner<'c>,
    uses: &'c [PolicyUse],
}

#[derive(Clone, Copy)]
enum Owner<'c> {
    Defaults,
    Api(usize, &'c str),
    Route,
}

//! The policies of a route, folded from `defaults`, its API and itself into steps.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::authenticate::Asked;
use super::edits::Parameters;
use super::policy_lists::Owner;
use super::routes::RouteContext;
use super::shared::{Folded, Shared};
use crate::config::{self, FieldEdits, JsonPath, Policy, PolicyUse, Priority, THOROUGH};
use crate::fingerprint::Fingerprint;
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::{RequestStep, ResponseStep};
use crate::policy::PolicyError;
use crate::policy::authorize::{Authorize, scope_of};
use crate::policy::body_edit::BodyEdit;
use crate::policy::cache::Cache;
use crate::policy::clients::Clients;
use crate::policy::compress::Compress;
use crate::policy::concurrency::Concurrency;
use crate::policy::content_type::ContentTypes;
use crate::policy::cors::Cors;
use crate::policy::csrf::Csrf;
use crate::policy::etag::Etag;
use crate::policy::fault::Fault;
use crate::policy::header_edit::{HeaderEdit, RequestEdits};
use crate::policy::idempotency::Idempotency;
use crate::policy::maintenance::Maintenance;
use crate::policy::method_map::MethodMap;
use crate::policy::openapi::Checks;
use crate::policy::query_edit::QueryEdit;
use crate::policy::rate_limit::RateLimit;
use crate::policy::security;
use crate::policy::status_map::StatusMap;
use crate::policy::steer::Steer;
use crate::policy::validate::Validate;
use crate::route::MethodSet;
use crate::template::Template;

/// The policies before the steps are put in their fixed order.
#[derive(Default)]
struct Collected<'c> {
    cors: Option<(JsonPath, &'c config::Cors)>,
    maintenance: Vec<Maintenance>,
    csrf: Option<Csrf>,
    clients: Vec<Clients>,
    authenticate: Asked,
    /// The place of that.
    authenticate_at: Option<JsonPath>,
    /// Set if the proofs that hold are wrong, or a policy is that may have some.
    is_proof_wrong: bool,
    authorize: Vec<Authorize>,
    rate_limits: Vec<RateLimit>,
    concurrency: Vec<Concurrency>,
    content_types: Vec<ContentTypes>,
    methods: Vec<MethodMap>,
    validate: Option<Validate>,
    openapi: Option<Arc<Checks>>,
    priority: Priority,
    faults: Vec<Fault>,
    idempotency: Option<Idempotency>,
    steer: Vec<Steer>,
    cache: Option<Cache>,
    headers: Vec<HeaderEdit>,
    query: Vec<QueryEdit>,
    /// A fingerprint of both, and of the edits of content.
    edits: Fingerprint,
    bodies: Vec<BodyEdit>,
    security: Vec<HeaderEdit>,
    response: Vec<HeaderEdit>,
    response_bodies: Vec<BodyEdit>,
    response_statuses: Vec<StatusMap>,
    etag: Option<Etag>,
    compress: Option<Compress>,
    /// The places of response edits that `cors` would undo.
    against_cors: Vec<JsonPath>,
}

impl<'c> Collected<'c> {
    /// Puts the steps in their fixed order, which no configuration changes. `cors` answers preflights before all of
    /// them.
    fn in_order(self) -> Folded<'c> {
        let Self {
            cors,
            maintenance,
            csrf,
            clients,
            authenticate,
            authenticate_at: _,
            is_proof_wrong: _,
            authorize,
            rate_limits,
            concurrency,
            content_types,
            methods,
            validate,
            openapi,
            priority,
            faults,
            idempotency,
            steer,
            mut cache,
            headers,
            query,
            edits: fingerprint,
            bodies,
            security: mut response,
            response: mut edits,
            response_bodies,
            response_statuses,
            etag,
            compress,
            against_cors: _,
        } = self;
        // Edits can change what the policy says in general.
        response.append(&mut edits);
        // Loops, since a chain of so many iterators is much code.
        let mut request = Vec::new();
        for step in maintenance {
            request.push(RequestStep::Maintenance(step));
        }
        for rule in clients {
            request.push(RequestStep::Clients(Box::new(rule)));
        }
        request.extend(csrf.map(Box::new).map(RequestStep::Csrf));
        // Before the limits: they may count by caller.
        if let Some(mut step) = authenticate {
            step.scope = scope_of(authorize.iter().flat_map(|rule| &rule.condition.scopes)).into();
            request.push(RequestStep::Authenticate(step));
        }
        for rule in authorize {
            request.push(RequestStep::Authorize(Box::new(rule)));
        }
        for limit in rate_limits {
            request.push(RequestStep::RateLimit(Box::new(limit)));
        }
        // After the rate limits: a refused request takes no place.
        for limit in concurrency {
            request.push(RequestStep::Concurrency(limit));
        }
        // Before the checks: they look at what the upstream will take it for.
        request.extend(content_types.into_iter().map(RequestStep::ContentType));
        // Last of the checks: it may read all of the content.
        request.extend(validate.map(Box::new).map(RequestStep::Validate));
        request.extend(openapi.map(RequestStep::OpenApi));
        request.extend(some(steer).map(Vec::into_boxed_slice).map(RequestStep::Steer));
        // After all that refuses the request, and before its key is claimed: nothing is carried out of what fails on purpose.
        for fault in faults {
            request.push(RequestStep::Fault(Box::new(fault)));
        }
        // After all that refuses the request, and before any edit: the request is known by what the client has sent.
        request.extend(idempotency.map(Box::new).map(RequestStep::Idempotency));
        if let Some(cache) = &mut cache {
            cache.count_edits(&headers);
        }
        // After all that refuses the request, since its content is read; before the fields, which may say what has become of it.
        for edit in bodies {
            request.push(RequestStep::EditBody(Arc::new(edit)));
        }
        request.extend(some(headers).map(RequestEdits::new).map(RequestStep::EditHeaders));
        request.extend(some(query).map(Vec::into_boxed_slice).map(RequestStep::EditQuery));
        request.extend(methods.into_iter().map(RequestStep::Method));
        let edits = some(response).map(Vec::into_boxed_slice).map(ResponseStep::EditHeaders);
        let mut response: Vec<_> = edits.into_iter().collect();
        for edit in response_bodies {
            response.push(ResponseStep::EditBody(Arc::new(edit)));
        }
        response.extend(response_statuses.into_iter().map(ResponseStep::MapStatus));
        let cache = cache.map(Arc::new);
        let (response, compress) = (response.into(), compress.map(Arc::new));
        Folded { cors, request: request.into(), cache, edits: fingerprint, response, etag, compress, priority }
    }
}

/// Returns the edits, or `None` if there are none.
fn some<E>(edits: Vec<E>) -> Option<Vec<E>> {
    Some(edits).filter(|edits| !edits.is_empty())
}

/// Returns whether `cors` replaces a response's field of this name.
pub(super) fn is_cors_field(name: &str) -> bool {
    const PREFIX: &str = "access-control-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

impl<'c> Compiler<'c> {
    /// Compiles the policies of a route to steps. Most routes have their neighbours' policies, and share the steps with
    /// them.
    pub(super) fn policies(&mut self, context: &RouteContext<'_, 'c>) -> Folded<'c> {
        let api = context.group.api.map(|(index, _)| index);
        let (version, uses) = (context.group.version, &context.route.policies);
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.is_for(api, version, uses)) {
            return shared.folded.clone();
        }
        let before = self.errors.len();
        let folded = self.fold(context);
        if self.errors.len() == before && !folded.is_bound_to_path() {
            self.shared = Some(Shared { api, version, uses, folded: folded.clone() });
        }
        folded
    }

    fn fold(&mut self, context: &RouteContext<'_, 'c>) -> Folded<'c> {
        let parameters = context.parameters;
        let mut collected = Collected::default();
        // A request is made one of the version that has the route before anything else looks at it, and a response is made one of its own
        // version when all else has been done.
        self.version_edits(context, true, &mut collected);
        for list in self.policy_lists(context.group, context.route) {
            let (root, defaults, apis) = (At::ROOT, At::ROOT.member("defaults"), At::ROOT.member("apis"));
            let (api, versions, versions_list, version);
            let (at, owner) = match list.owner {
                Owner::Version(index, name) => {
                    api = apis.index(index);
                    versions = api.member("versions");
                    versions_list = versions.member("list");
                    version = versions_list.member(name);
                    (version.member("policies"), name)
                }
                Owner::Defaults => (defaults.member("policies"), "default"),
                Owner::Api(index, name) => {
                    api = apis.index(index);
                    (api.member("policies"), name)
                }
                Owner::Route => (context.at.member("policies"), context.name),
            };
            for (i, policy) in list.uses.iter().enumerate() {
                let at = at.index(i);
                match policy {
                    PolicyUse::Named(name) => {
                        if let Some(policy) = self.find_policy(&at, name) {
                            let policies = root.member("policies");
                            self.policy(&policies.member(name), name, policy, parameters, &mut collected);
                        } else {
                            collected.is_proof_wrong = true;
                        }
                    }
                    PolicyUse::Inline(policy) => self.policy(&at, owner, policy, parameters, &mut collected),
                }
            }
        }
        self.version_edits(context, false, &mut collected);
        collected.openapi = self.checks(context.group);
        self.check_against_cors(&collected);
        self.pin_proof(context.group, collected.authenticate_at.as_ref());
        self.check_caller_is_known(&context.at, &collected);
        collected.in_order()
    }

    /// Reports a condition on callers where nobody has to prove anything: nobody would ever be let in.
    fn check_caller_is_known(&mut self, at: &At<'_>, collected: &Collected<'_>) {
        let is_needed = !collected.authorize.is_empty() || !collected.steer.is_empty();
        if collected.authenticate.is_some() || collected.is_proof_wrong || !is_needed {
            return;
        }
        // What is missing may be what could not be read.
        let lists = ["policies", "defaults", "apis", "routes"];
        if self.reading.is_some_and(|reading| lists.iter().any(|list| !reading.is_section_intact(list))) {
            return;
        }
        if let Some(rule) = collected.authorize.first() {
            let message = format_args!("`{}` asks who calls, and the route has nobody prove it", rule.rule);
            let help = "give the route `authenticate`, or take `authorize` from the policies that it has";
            self.error_with(at, message, help);
        }
        if !collected.steer.is_empty() {
            let help = "give the route `authenticate`; `\"steer\": []` takes those of `defaults` or the API off it";
            self.error_with(at, "`steer` asks who calls, and the route has nobody prove it", help);
        }
    }

    /// Compiles the policies of one of a route's upstreams, which can edit alone: everything else has been decided when it is
    /// chosen.
    #[inline(never)]
    pub(super) fn target_policies(
        &mut self,
        context: &RouteContext<'_, 'c>,
        at: &At<'_>,
        target: &'c config::Target,
    ) -> Folded<'c> {
        let mut collected = Collected::default();
        for (i, policy) in target.policies.iter().enumerate() {
            let at = at.index(i);
            let policy = match policy {
                PolicyUse::Named(name) => self.find_policy(&at, name),
                PolicyUse::Inline(policy) => Some(&**policy),
            };
            let Some(policy) = policy else { continue };
            let edits =
                Policy { request: policy.request.clone(), response: policy.response.clone(), ..Policy::default() };
            if *policy != edits {
                self.error_with(
                    &at,
                    "a policy of one upstream can only edit requests and responses",
                    "move everything else to the route's own `policies`",
                );
            }
            let has_body = (
                policy.request.as_ref().is_some_and(|edits| edits.body.is_some()),
                policy.response.as_ref().is_some_and(|edits| edits.body.is_some()),
            );
            for (member, _) in [("request", has_body.0), ("response", has_body.1)].into_iter().filter(|(_, has)| *has) {
                self.error_with(
                    &at.member(member).member("body"),
                    "content is edited in the same way for all upstreams of a route",
                    "move it to the route's own `policies`, or give this upstream a route of its own",
                );
            }
            if policy.request.as_ref().is_some_and(|edits| !edits.content_type.is_empty()) {
                self.error_with(
                    &at.member("request").member("contentType"),
                    "the media type of content is the same for all upstreams of a route, and has been checked",
                    "move it to the route's own `policies`, or give this upstream a route of its own",
                );
            }
            if policy.response.as_ref().is_some_and(|edits| !edits.status.is_empty()) {
                self.error_with(
                    &at.member("response").member("status"),
                    "statuses are the same for all upstreams of a route",
                    "move it to the route's own `policies`, or give this upstream a route of its own",
                );
            }
            self.policy(&at, &target.upstream, policy, context.parameters, &mut collected);
            // What is stored has these edits.
            collected.edits = collected.edits.with(&policy.response);
        }
        self.against_cors.append(&mut collected.against_cors);
        collected.in_order()
    }

    /// Checks a policy that no route uses.
    pub(super) fn check_policy(&mut self, at: &At<'_>, name: &str, policy: &'c Policy) {
        let mut collected = Collected::default();
        self.policy(at, name, policy, None, &mut collected);
        self.check_against_cors(&collected);
        self.cors(collected.cors, None);
    }

    fn policy(
        &mut self,
        at: &At<'_>,
        name: &str,
        policy: &'c Policy,
        parameters: Parameters<'_>,
        collected: &mut Collected<'c>,
    ) {
        let Policy {
            cors,
            maintenance,
            csrf,
            clients,
            authenticate,
            authorize,
            rate_limit,
            concurrency,
            fault,
            priority,
            steer,
            cache,
            request,
            validate,
            idempotency,
            security,
            response,
            etag,
            compress,
        } = policy;
        if let Some(cors) = cors {
            collected.cors = Some((at.member("cors").to_path(), cors));
        }
        if let Some(maintenance) = maintenance
            && let Some(maintenance) = self.maintenance(&at.member("maintenance"), maintenance)
        {
            collected.maintenance.push(maintenance);
        }
        if let Some(csrf) = csrf
            && let Some(csrf) = self.compiled(&at.member("csrf"), Csrf::compile(csrf))
        {
            collected.csrf = Some(csrf);
        }
        if let Some(validate) = validate
            && let Some(validate) = self.validate(&at.member("validate"), validate)
        {
            collected.validate = Some(validate);
        }
        if let Some(idempotency) = idempotency {
            collected.idempotency = self.idempotency(&at.member("idempotency"), idempotency, parameters);
        }
        if let Some(security) = security
            && let Some(edits) = self.compiled(&at.member("security"), security::compile(security))
        {
            collected.security = edits;
        }
        if let Some(clients) = clients
            && let Some(clients) = self.clients(&at.member("clients"), clients)
        {
            collected.clients.push(clients);
        }
        if let Some(authenticate) = authenticate {
            let place = at.member("authenticate");
            let asked = self.authenticate(&place, authenticate, parameters);
            collected.is_proof_wrong = asked.is_none();
            let is_some = !matches!(asked, Some(None));
            collected.authenticate_at = (is_some && !self.pins.is_empty()).then(|| place.to_path());
            collected.authenticate = asked.flatten();
        }
        if let Some(authorize) = authorize
            && let Some(authorize) = self.authorize(&at.member("authorize"), authorize, parameters)
        {
            collected.authorize.push(authorize);
        }
        if let Some(limit) = rate_limit
            && let Some(limit) = self.rate_limit(&at.member("rateLimit"), name, limit, parameters)
            && !collected.rate_limits.iter().any(|l| l.name == limit.name)
        {
            collected.rate_limits.push(limit);
        }
        if let Some(limit) = concurrency
            && let Some(limit) = self.concurrency(&at.member("concurrency"), name, limit, parameters)
            && !collected.concurrency.iter().any(|l| l.name == limit.name)
        {
            collected.concurrency.push(limit);
        }
        if let Some(priority) = priority {
            collected.priority = *priority;
        }
        if let Some(fault) = fault {
            collected.faults.extend(self.fault(&at.member("fault"), fault, parameters));
        }
        if let Some(ways) = steer {
            collected.steer = self.steer(&at.member("steer"), ways, parameters);
        }
        if let Some(cache) = cache {
            collected.cache = self.cache(&at.member("cache"), cache, parameters);
        }
        if let Some(edits) = request {
            self.request_edits(at, edits, parameters, collected);
        }
        if let Some(edits) = response {
            self.response_edits(at, edits, parameters, collected);
        }
        if let Some(etag) = etag {
            let compiled = self.compiled(&at.member("etag"), Etag::compile(etag));
            collected.etag = compiled.filter(|_| etag.enabled != Some(false));
        }
        if let Some(compress) = compress {
            collected.compress = self.compress(&at.member("compress"), compress);
        }
    }

    /// Compiles the edits by which the version of a route is made from others: those of requests, or else those of responses.
    fn version_edits(&mut self, context: &RouteContext<'_, 'c>, of_requests: bool, collected: &mut Collected<'c>) {
        let version = context.group.version.and_then(|index| self.versions.get(index));
        let (Some(version), Some((api, _))) = (version, context.group.api) else { return };
        let mut chain = version.chain.clone();
        if !of_requests {
            chain.reverse();
        }
        let apis = At::ROOT.member("apis");
        let api = apis.index(api);
        let versions = api.member("versions");
        let list = versions.member("list");
        for (name, version) in chain {
            let at = list.member(name);
            match (&version.request, &version.response) {
                (Some(edits), _) if of_requests => self.request_edits(&at, edits, context.parameters, collected),
                (_, Some(edits)) if !of_requests => self.response_edits(&at, edits, context.parameters, collected),
                _ => {}
            }
        }
    }

    fn request_edits(
        &mut self,
        at: &At<'_>,
        edits: &config::RequestEdits,
        parameters: Parameters<'_>,
        collected: &mut Collected<'c>,
    ) {
        collected.edits = collected.edits.with(edits);
        let at = at.member("request");
        self.edits(&at.member("headers"), &edits.headers, parameters, &mut collected.headers);
        self.edits(&at.member("query"), &edits.query, parameters, &mut collected.query);
        collected.methods.extend(self.method_map(&at.member("method"), &edits.method));
        collected.content_types.extend(self.content_types(&at.member("contentType"), &edits.content_type));
        if let Some(body) = &edits.body {
            collected.bodies.extend(self.request_body(&at.member("body"), body, parameters));
        }
    }

    fn response_edits(
        &mut self,
        at: &At<'_>,
        edits: &config::ResponseEdits,
        parameters: Parameters<'_>,
        collected: &mut Collected<'c>,
    ) {
        let at = at.member("response");
        self.edits(&at.member("headers"), &edits.headers, parameters, &mut collected.response);
        self.check_response_edits(&at.member("headers"), &edits.headers, &mut collected.against_cors);
        if let Some(body) = &edits.body {
            collected.response_bodies.extend(self.response_body(&at.member("body"), body, parameters));
        }
        collected.response_statuses.extend(self.status_map(&at.member("status"), &edits.status));
    }

    /// Reports edits of a response that later phases undo, and collects those that `cors` would undo.
    fn check_response_edits(&mut self, at: &At<'_>, edits: &FieldEdits, against_cors: &mut Vec<JsonPath>) {
        let (rename, remove) = (at.member("rename"), at.member("remove"));
        let renamed = edits.rename.iter().map(|(from, to)| (rename.member(from), to.as_str()));
        let removed = edits.remove.iter().enumerate().map(|(i, name)| (remove.index(i), name.as_str()));
        for (at, name) in removed.filter(|(_, name)| X_REQUEST_ID == *name) {
            self.undone(&at, name);
        }
        let (set, append) = (at.member("set"), at.member("append"));
        let set = edits.set.iter().map(|(name, _)| (set.member(name), name));
        let default = at.member("default");
        let defaults = edits.default.iter().map(|(name, _)| (default.member(name), name));
        let appended = edits.append.iter().map(|(name, _)| (append.member(name), name));
        for (at, name) in renamed.chain(set).chain(defaults).chain(appended) {
            if X_REQUEST_ID == *name {
                self.undone(&at, name);
            } else if is_cors_field(name) {
                against_cors.push(at.to_path());
            }
        }
    }

    fn undone(&mut self, at: &At<'_>, name: &str) {
        self.error_with(
            at,
            format_args!("`{name}` of a response can't be edited"),
            "the gateway sets it after all edits; an upstream's own can be kept by `rename` to another name",
        );
    }

    fn check_against_cors(&mut self, collected: &Collected<'_>) {
        if collected.cors.is_some() {
            for path in &collected.against_cors {
                self.against_cors(path.clone());
            }
        }
    }

    /// Reports a field of a response that `cors` would undo.
    pub(super) fn against_cors(&mut self, path: JsonPath) {
        let error = config::ConfigError::new(path, "the route's `cors` sets this field itself");
        self.errors.push(error.with_help("say it in `cors`, or take `cors` off the route"));
    }

    /// Compiles cross-origin rules for a route that takes `methods`.
    pub(super) fn cors(&mut self, cors: Option<(JsonPath, &config::Cors)>, methods: Option<MethodSet>) -> Option<Cors> {
        let (at, cors) = cors?;
        self.cors_at(&at, cors, methods)
    }

    #[inline(never)]
    fn cors_at(&mut self, at: &JsonPath, cors: &config::Cors, methods: Option<MethodSet>) -> Option<Cors> {
        let methods: Vec<_> = methods.into_iter().flat_map(|set| self.methods.iter(set)).cloned().collect();
        match Cors::compile(cors, &methods) {
            Ok(cors) => Some(cors),
            Err(errors) => {
                self.policy_errors(at, errors);
                None
            }
        }
    }

    /// The cross-origin rules among the policies of `defaults`. They apply to routes without rules of their own, and to
    /// requests without a route. Their mistakes are reported with the routes.
    pub(super) fn default_cors(&self) -> Option<Cors> {
        let policies = self.config.defaults.policies.iter().rev();
        let named = |name: &str| self.config.policies.iter().find(|(n, _)| *n == name).map(|(_, policy)| policy);
        let cors = policies.filter_map(|policy| match policy {
            PolicyUse::Named(name) => named(name)?.cors.as_ref(),
            PolicyUse::Inline(policy) => policy.cors.as_ref(),
        });
        cors.take(1).find_map(|cors| Cors::compile(cors, &[]).ok())
    }

    /// Reports the errors in the policy at `at`.
    #[cold]
    #[inline(never)]
    pub(super) fn policy_errors(&mut self, at: &JsonPath, errors: Vec<PolicyError>) {
        for PolicyError { member, index, message, help } in errors {
            let members = member.split('.').filter(|member| !member.is_empty());
            let path = members.fold(at.clone(), |path, member| path.member(member));
            let path = index.map_or(path.clone(), |index| path.index(index));
            self.errors.push(config::ConfigError { help, ..config::ConfigError::new(path, message) });
        }
    }

    /// The compiled policy at `at`; reports its errors, if it has some.
    pub(super) fn compiled<T>(&mut self, at: &At<'_>, compiled: Result<T, Vec<PolicyError>>) -> Option<T> {
        compiled.map_err(|errors| self.policy_errors(&at.to_path(), errors)).ok()
    }

    #[inline(never)]
    pub(super) fn maintenance(&mut self, at: &At<'_>, maintenance: &config::Maintenance) -> Option<Maintenance> {
        match Maintenance::compile(maintenance, &mut self.flags) {
            Ok(compiled) => Some(compiled),
            Err(errors) => {
                self.policy_errors(&at.to_path(), errors);
                None
            }
        }
    }

    /// The idempotency keys of `idempotency`; none if they are turned off, or wrong.
    #[inline(never)]
    fn idempotency(
        &mut self,
        at: &At<'_>,
        idempotency: &config::Idempotency,
        parameters: Parameters<'_>,
    ) -> Option<Idempotency> {
        if idempotency.enabled == Some(false) {
            return None;
        }
        let compiled = self.compiled(at, Idempotency::compile(idempotency, parameters))?;
        self.check_is_there(&at.member("header"), compiled.header().as_str());
        if let Some(scope) = compiled.scope() {
            self.check_key(&at.member("scope"), idempotency.scope.as_ref(), scope);
        }
        Some(compiled)
    }

    /// The compression of `compress`; none if it is turned off, or wrong.
    #[inline(never)]
    fn compress(&mut self, at: &At<'_>, compress: &config::Compress) -> Option<Compress> {
        if compress.enabled == Some(false) {
            return None;
        }
        match self.compiled(at, Compress::compile(compress, self.capabilities))? {
            Ok(compiled) => Some(compiled),
            Err(missing) => {
                self.require(&at.member("codings"), missing);
                None
            }
        }
    }

    /// The cache of `cache`; none if it is turned off, or wrong.
    #[inline(never)]
    fn cache(&mut self, at: &At<'_>, cache: &config::Cache, parameters: Parameters<'_>) -> Option<Cache> {
        if cache.enabled == Some(false) {
            return None;
        }
        let bypass = match &cache.bypass {
            Some(text) => {
                let at = at.member("bypass");
                let bypass = self.expression(&at, text, parameters)?;
                if bypass.asks_caller() && !self.knows_caller {
                    self.nobody_is_known(&at);
                }
                Some(bypass)
            }
            None => None,
        };
        let compiled = match Cache::compile(cache, bypass) {
            Ok(compiled) => compiled,
            Err(errors) => {
                self.cache_errors(at, cache, errors);
                return None;
            }
        };
        if compiled.asks_who_calls() && !self.knows_caller {
            self.nobody_is_known(&at.member("key"));
        }
        Some(compiled)
    }

    /// Reports the errors in `cache`; those about a status, where it stands.
    #[cold]
    #[inline(never)]
    fn cache_errors(&mut self, at: &At<'_>, cache: &config::Cache, errors: Vec<PolicyError>) {
        for error in errors {
            let status = error.index.filter(|_| error.member == "statuses");
            match status.and_then(|index| cache.statuses.iter().nth(index)) {
                Some((name, _)) => {
                    let path = at.member("statuses").member(name).to_path();
                    self.policy_errors(&path, vec![PolicyError { member: "", index: None, ..error }]);
                }
                None => self.policy_errors(&at.to_path(), vec![error]),
            }
        }
    }

    /// The present route in words, if `at` is not in it: what stands there is of several routes.
    pub(super) fn elsewhere(&self, at: &At<'_>) -> Option<String> {
        let (name, place) = &self.present;
        let is_elsewhere = THOROUGH && !place.is_empty() && !at.to_path().to_string().starts_with(&**place);
        is_elsewhere.then(|| format!("`{name}` ({place})"))
    }

    /// Parses a template; without a known route, its path parameters go unchecked.
    pub(super) fn template(&mut self, at: &At<'_>, text: &str, parameters: Parameters<'_>) -> Option<Template> {
        match Template::parse(text, parameters) {
            Ok(template) if template.names_caller() && !self.knows_caller => {
                self.nobody_is_known(at);
                None
            }
            Ok(template) => {
                self.check_certificate(at, &template);
                Some(template)
            }
            Err(error) => {
                let help = match error.help {
                    Some(help) if error.message.starts_with("no path parameter ") => {
                        Some(self.elsewhere(at).map_or(help.clone(), |route| format!("{route} has none: {help}")))
                    }
                    help => help,
                };
                let error = config::ConfigError { help, ..config::ConfigError::new(at.to_path(), error.message) };
                self.errors.push(error);
                None
            }
        }
    }
}

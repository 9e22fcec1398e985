//! Routes, each from its match, its policies and its action.

use std::sync::Arc;

use super::at::At;
use super::edits::Parameters;
use super::matching::Matching;
use super::{Compiler, policies};
use crate::config::{self, ConfigError, JsonPath, THOROUGH};
use crate::numbers::Numbered;
use crate::plan::{Action, BodyUse, Limits, Needs, PathRewrite, Proxy, RequestStep, Respond, ResponseStep, Route};
use crate::policy::etag::Etag;
use crate::policy::header_edit::HeaderEdit;
use crate::policy::query_edit::QueryEdit;
use crate::route::Spec;
use crate::template::Template;

/// The group of a route: an API, or none.
#[derive(Clone, Copy)]
pub(super) struct Group<'c> {
    pub(super) api: Option<(usize, &'c config::Api)>,
    /// The API's prefix, without a slash at its end; `None` if it is wrong.
    pub(super) prefix: Option<&'c str>,
    /// The index of the API's version among those of the compiler, if it has versions.
    pub(super) version: Option<usize>,
}

/// A route during its compilation, with the results so far.
pub(super) struct RouteContext<'r, 'c> {
    pub(super) at: At<'r>,
    pub(super) group: Group<'c>,
    /// Its full name.
    pub(super) name: &'r str,
    pub(super) route: &'c config::Route,
    /// `None` if it is wrong.
    pub(super) matching: Option<&'r Matching>,
    /// The names of its path parameters, in order; `None` if they are not known.
    pub(super) parameters: Parameters<'r>,
}

/// The needs of entity tags: of the whole content, as it is coded.
const fn etag_needs(etag: &Etag) -> Needs {
    Needs { head: true, response: BodyUse::Whole { limit: etag.max_bytes }, ..Needs::NONE }
}

impl<'c> Compiler<'c> {
    pub(super) fn routes(
        &mut self,
        at: &At<'_>,
        groups: &[Group<'c>],
        configured: &'c [config::Route],
        routes: &mut Vec<Option<Route>>,
        specs: &mut Vec<Spec>,
    ) {
        let mut names = Numbered::default();
        let path = at.to_path();
        for (i, route) in configured.iter().enumerate() {
            let at = at.index(i);
            self.printable(&at.member("name"), &route.name);
            if route.name.is_empty() {
                self.error_with(&at.member("name"), "the name is empty", "name the route after what it does");
            } else if let Err(first) = names.add(&route.name, i) {
                self.namesake(&at, "route", &route.name, path.index(*first));
            }
            let mut is_of_any = false;
            for group in groups {
                if self.is_of_version(&at, *group, route) {
                    is_of_any = true;
                    let index = routes.len();
                    self.origins.push((group.api.map(|(api, _)| api), i));
                    let compiled = self.route(&at, *group, (path.index(i), route), index, specs);
                    routes.push(compiled);
                }
            }
            if !is_of_any {
                routes.push(None);
                self.origins.push((groups.first().and_then(|group| group.api).map(|(api, _)| api), i));
            }
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
        self.knows_caller = self.asks_who_calls(&context);
        if THOROUGH {
            self.present = (name.clone(), at.to_path().to_string());
        }
        let mut policies = self.policies(&context);
        let action = self.action(&context, &policies.request);
        let methods = matching.as_ref().map(|m| m.methods);
        let first = specs.len();
        if let Some(matching) = matching {
            specs.extend(matching.into_specs(index));
        }
        self.add_hosts(&policies.request, specs.get(first..).unwrap_or_default());
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
        if let Action::Proxy(proxy) = &mut action {
            self.check_fallback_content((at, route), proxy, &policies.response);
            self.place_stale((at, route), proxy, &mut policies.cache);
            self.check_target_methods(at, proxy, &policies.request, policies.cache.as_deref());
        }
        let mut stored_as = Box::default();
        if let (Action::Proxy(proxy), Some(cache)) = (&action, &policies.cache) {
            self.check_stored_edits(at, proxy);
            let version = group.version.and_then(|index| self.versions.get(index));
            // Versions may answer one URL.
            let mut named = match version {
                Some(one) => [&name, "\0", &one.version.name].concat(),
                None => name.clone(),
            };
            // Where content is edited, what was stored in a coding of the client's is of no use.
            if policies.response.iter().any(|step| step.body().is_some()) {
                named.push_str("\0plain");
            }
            stored_as = self.stored_as(&named, policies.edits.with(&cache.fingerprint()), proxy);
        }
        let version = group.version.and_then(|index| self.versions.get(index)).map(|one| Arc::clone(&one.version));
        let calls_upstream = matches!(action, Action::Proxy(_));
        let is_by_client = policies.cache.as_deref().is_some_and(|cache| !cache.reads_headers());
        let tells = version.as_ref().is_some_and(|version| version.tells());
        let head = cors.is_some() || policies.cache.is_some() || policies.compress.is_some() || tells;
        let needs = Route::needs(&policies.request, &action, &policies.response, head);
        Some(Route {
            may_answer_unprepared: is_by_client && policies.request.is_empty() && policies.response.is_empty(),
            name,
            at: path,
            asks_plain: needs.response != BodyUse::Untouched,
            needs: needs.and(policies.etag.map_or(Needs::NONE, |etag| etag_needs(&etag))),
            cors,
            request: policies.request,
            action,
            response: policies.response,
            cache: policies.cache.filter(|_| calls_upstream),
            etag: policies.etag,
            compress: policies.compress,
            priority: policies.priority,
            stored_as,
            body_limit: self.body_limit(route),
            version,
            lease,
            logged: route.access_log.unwrap_or(true),
        })
    }

    /// Reports edits for one upstream whose values are of the request: what is stored has them, and would show them to others.
    #[inline(never)]
    fn check_stored_edits(&mut self, at: &At<'_>, proxy: &Proxy) {
        let edits = proxy.targets.iter().flat_map(|target| target.response.iter()).flat_map(ResponseStep::headers);
        if edits.filter_map(HeaderEdit::template).any(Template::has_variables) {
            self.error_with(
                at,
                "the responses of one upstream are edited by values of the request, and `cache` would show them to others",
                "move these edits of responses to the route's own `policies`, which are applied to each answer",
            );
        }
        let steps = proxy.targets.iter().flat_map(|target| target.request.iter());
        let is_of_client = steps.into_iter().any(|step| match step {
            RequestStep::EditHeaders(edits) => edits.as_slice().iter().any(|edit| {
                matches!(edit, HeaderEdit::Rename(..) | HeaderEdit::Default(..))
                    || edit.template().is_some_and(Template::is_of_client)
            }),
            RequestStep::EditQuery(edits) => edits.iter().filter_map(QueryEdit::template).any(Template::is_of_client),
            _ => false,
        });
        if is_of_client {
            self.error_with(
                at,
                "the requests to one upstream are edited by what one client sends, and `cache` would show the answers to others",
                "move these edits of requests to the route's own `policies`: what they write counts for the cache",
            );
        }
        if matches!(&proxy.path, PathRewrite::Template(path) if path.is_of_client()) {
            self.error_with(
                &at.member("rewrite"),
                "the path depends on what one client sends, and `cache` would show the answers to others",
                "write parameters of the path or of the query alone, or turn the cache off: `\"cache\": {\"enabled\": false}`",
            );
        }
    }

    /// Reports edits of `Content-Type`: values enter the content as its media type demands, so it must not change
    /// afterwards.
    #[inline(never)]
    pub(super) fn check_content_type(&mut self, at: &At<'_>, respond: &Respond, steps: &[ResponseStep]) {
        let changes_type = |edit: &HeaderEdit| match edit {
            HeaderEdit::Rename(_, name)
            | HeaderEdit::Remove(name)
            | HeaderEdit::Set(name, _)
            | HeaderEdit::Default(name, _)
            | HeaderEdit::Append(name, _) => *name == http::header::CONTENT_TYPE,
        };
        let edits = steps.iter().flat_map(ResponseStep::headers);
        if respond.body.has_variables() && respond.filled.iter().chain(edits).any(changes_type) {
            self.error_with(
                &at.member("respond").member("body"),
                "values are escaped for the content type, which another setting changes",
                "set `content-type` in `respond.headers`, as plain text, and nowhere else",
            );
        }
    }

    /// `api/route`, or `route` outside any API.
    pub(super) fn route_name(api: Option<(usize, &config::Api)>, route: &config::Route) -> String {
        match api {
            Some((_, api)) => [&api.name, "/", &route.name].concat(),
            None => route.name.clone(),
        }
    }

    pub(super) fn body_limit(&self, route: &config::Route) -> u64 {
        route.body_bytes.or(self.config.limits.body_bytes).map_or(Limits::DEFAULT.body_bytes, |size| size.0)
    }

    pub(super) fn api_names(&mut self, at: &At<'_>, index: usize, api: &config::Api) {
        self.printable(&at.member("name"), &api.name);
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
        let error = ConfigError::new(at.member("name").to_path(), format_args!("another {what} is called `{name}`"));
        let help = "choose a name of its own: it stands in logs and messages";
        self.errors.push(error.with_help(help).with_other(first.member("name")));
    }
}

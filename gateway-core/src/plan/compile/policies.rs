//! The policies of a route, folded from `defaults`, its API and itself into steps.

use http::{HeaderName, HeaderValue};

use super::at::At;
use super::shared::{Folded, Shared};
use super::{Compiler, Group, Owner};
use crate::config::{self, Entries, FieldEdits, JsonPath, Policy, PolicyUse, Value};
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::RequestStep;
use crate::policy::Mistake;
use crate::policy::cors::Cors;
use crate::policy::header_edit::{FieldValue, HeaderEdit, RequestEdits, is_editable, is_hop_by_hop};
use crate::policy::query_edit::QueryEdit;
use crate::policy::rate_limit::RateLimit;
use crate::route::MethodSet;
use crate::template::Template;

/// What is collected before the steps are put in their fixed order.
#[derive(Default)]
struct Collected<'c> {
    cors: Option<(JsonPath, &'c config::Cors)>,
    rate_limits: Vec<RateLimit>,
    headers: Vec<HeaderEdit>,
    query: Vec<QueryEdit>,
    response: Vec<HeaderEdit>,
    /// Where edits of responses are that `cors` would undo.
    against_cors: Vec<JsonPath>,
}

/// Names of path parameters that a template may use; `None` where the route is not known.
type Parameters<'p> = Option<&'p [&'p str]>;

/// Whether `cors` replaces a response's field of this name.
pub(super) fn is_cors_field(name: &str) -> bool {
    const PREFIX: &str = "access-control-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

impl<'c> Compiler<'c> {
    /// What the policies of `route`, which is called `name` in full, come to. Most routes have those of their neighbours,
    /// and share what came of them.
    pub(super) fn policies(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        (name, route): (&str, &'c config::Route),
        parameters: Parameters<'_>,
    ) -> Folded<'c> {
        let api = group.api.map(|(index, _)| index);
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.is_for(api, &route.policies)) {
            return shared.folded.clone();
        }
        let before = self.errors.len();
        let folded = self.fold(at, group, (name, route), parameters);
        if self.errors.len() == before && !folded.is_bound_to_path() {
            self.shared = Some(Shared { api, uses: &route.policies, folded: folded.clone() });
        }
        folded
    }

    fn fold(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        (name, route): (&str, &'c config::Route),
        parameters: Parameters<'_>,
    ) -> Folded<'c> {
        let mut collected = Collected::default();
        for list in Self::policy_lists(group, route, &self.config.defaults) {
            let (root, defaults, apis) = (At::ROOT, At::ROOT.member("defaults"), At::ROOT.member("apis"));
            let api;
            let (at, owner) = match list.owner {
                Owner::Defaults => (defaults.member("policies"), "default"),
                Owner::Api(index, name) => {
                    api = apis.index(index);
                    (api.member("policies"), name)
                }
                Owner::Route => (at.member("policies"), name),
            };
            for (i, policy) in list.uses.iter().enumerate() {
                let at = at.index(i);
                match policy {
                    PolicyUse::Named(name) => {
                        if let Some(policy) = self.find_policy(&at, name) {
                            let policies = root.member("policies");
                            self.policy(&policies.member(name), name, policy, parameters, &mut collected);
                        }
                    }
                    PolicyUse::Inline(policy) => self.policy(&at, owner, policy, parameters, &mut collected),
                }
            }
        }
        self.check_against_cors(&collected);
        let mut request: Vec<RequestStep> = collected.rate_limits.into_iter().map(RequestStep::RateLimit).collect();
        if !collected.headers.is_empty() {
            request.push(RequestStep::EditHeaders(RequestEdits::new(collected.headers)));
        }
        if !collected.query.is_empty() {
            request.push(RequestStep::EditQuery(collected.query.into()));
        }
        Folded { cors: collected.cors, request: request.into(), response: collected.response.into() }
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
        if let Some(cors) = &policy.cors {
            collected.cors = Some((at.member("cors").to_path(), cors));
        }
        if let Some(limit) = &policy.rate_limit
            && let Some(limit) = self.rate_limit(&at.member("rateLimit"), name, limit)
            && !collected.rate_limits.iter().any(|l| l.name == limit.name)
        {
            collected.rate_limits.push(limit);
        }
        if let Some(edits) = &policy.request {
            let at = at.member("request");
            self.header_edits(&at.member("headers"), &edits.headers, parameters, &mut collected.headers);
            self.query_edits(&at.member("query"), &edits.query, parameters, &mut collected.query);
        }
        if let Some(edits) = &policy.response {
            let at = at.member("response");
            self.header_edits(&at.member("headers"), &edits.headers, parameters, &mut collected.response);
            self.check_response_edits(&at.member("headers"), &edits.headers, &mut collected.against_cors);
        }
    }

    /// Reports edits of a response that what comes after them undoes, and notes those that `cors` would undo.
    fn check_response_edits(&mut self, at: &At<'_>, edits: &FieldEdits, against_cors: &mut Vec<JsonPath>) {
        let (rename, remove) = (at.member("rename"), at.member("remove"));
        let renamed = edits.rename.iter().map(|(from, to)| (rename.member(from), to.as_str()));
        let removed = edits.remove.iter().enumerate().map(|(i, name)| (remove.index(i), name.as_str()));
        for (at, name) in removed.filter(|(_, name)| X_REQUEST_ID == *name) {
            self.undone(&at, name);
        }
        let (set, append) = (at.member("set"), at.member("append"));
        let set = edits.set.iter().map(|(name, _)| (set.member(name), name));
        let appended = edits.append.iter().map(|(name, _)| (append.member(name), name));
        for (at, name) in renamed.chain(set).chain(appended) {
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
            format!("`{name}` of a response can't be edited"),
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
        self.errors.push(config::ConfigError {
            path,
            message: "the route's `cors` sets this field itself".to_owned(),
            help: Some("say it in `cors`, or take `cors` off the route".to_owned()),
        });
    }

    /// Compiles cross-origin rules for a route that takes `methods`.
    pub(super) fn cors(&mut self, cors: Option<(JsonPath, &config::Cors)>, methods: Option<MethodSet>) -> Option<Cors> {
        let (at, cors) = cors?;
        self.cors_at(&at, cors, methods)
    }

    #[inline(never)]
    fn cors_at(&mut self, at: &JsonPath, cors: &config::Cors, methods: Option<MethodSet>) -> Option<Cors> {
        let methods: Vec<_> = methods.into_iter().flat_map(|m| m.iter().cloned()).collect();
        match Cors::compile(cors, &methods) {
            Ok(cors) => Some(cors),
            Err(mistakes) => {
                self.mistakes(at, mistakes);
                None
            }
        }
    }

    /// The cross-origin rules among the policies of `defaults`: every route has them if it has none of its own, and so have
    /// the answers to requests without a route. Mistakes are reported with the routes.
    pub(super) fn default_cors(&self) -> Option<Cors> {
        let policies = self.config.defaults.policies.iter().rev();
        let named = |name: &str| self.config.policies.iter().find(|(n, _)| *n == name).map(|(_, policy)| policy);
        let cors = policies.filter_map(|policy| match policy {
            PolicyUse::Named(name) => named(name)?.cors.as_ref(),
            PolicyUse::Inline(policy) => policy.cors.as_ref(),
        });
        cors.take(1).find_map(|cors| Cors::compile(cors, &[]).ok())
    }

    /// Reports what a kernel complained of in the policy at `at`.
    #[cold]
    #[inline(never)]
    fn mistakes(&mut self, at: &JsonPath, mistakes: Vec<Mistake>) {
        const LISTS: [&str; 4] = ["origins", "methods", "headers", "expose"];
        for (member, index, message, help) in mistakes {
            let path = at.member(member);
            let path = if LISTS.contains(&member) { path.index(index) } else { path };
            self.errors.push(config::ConfigError { path, message, help });
        }
    }

    #[inline(never)]
    fn rate_limit(&mut self, at: &At<'_>, owner: &str, limit: &config::RateLimit) -> Option<RateLimit> {
        let name = limit.name.as_deref().unwrap_or(owner);
        let compiled = match RateLimit::compile(limit, owner) {
            Ok(compiled) => compiled,
            Err(mistakes) => {
                self.mistakes(&at.to_path(), mistakes);
                return None;
            }
        };
        let meaning = (compiled.quota, compiled.algorithm, limit.key.clone().unwrap_or_default(), compiled.fail);
        let known = self.rate_limits.entry(name.to_owned()).or_insert_with(|| meaning.clone());
        if *known != meaning {
            self.error_with(
                at,
                format!("two different rate limits are called `{name}`, and would share their counters"),
                "give each a `name` of its own, or define it once under `policies`",
            );
            return None;
        }
        Some(compiled)
    }

    fn header_edits(&mut self, at: &At<'_>, edits: &FieldEdits, parameters: Parameters<'_>, out: &mut Vec<HeaderEdit>) {
        for (from, to) in edits.rename.iter() {
            let at = at.member("rename");
            let at = at.member(from);
            if let (Some(from), Some(to)) = (self.field_name(&at, from), self.field_name(&at, to)) {
                out.push(HeaderEdit::Rename(from, to));
            }
        }
        for (i, name) in edits.remove.iter().enumerate() {
            out.extend(self.field_name(&at.member("remove").index(i), name).map(HeaderEdit::Remove));
        }
        self.field_values(&at.member("set"), &edits.set, parameters, HeaderEdit::Set, out);
        self.field_values(&at.member("append"), &edits.append, parameters, HeaderEdit::Append, out);
    }

    fn field_values(
        &mut self,
        at: &At<'_>,
        fields: &Entries<Value>,
        parameters: Parameters<'_>,
        edit: fn(HeaderName, FieldValue) -> HeaderEdit,
        out: &mut Vec<HeaderEdit>,
    ) {
        for (name, value) in fields.iter() {
            let at = at.member(name);
            let name = self.field_name(&at, name);
            let value = self.field_value(&at, value, parameters);
            if let (Some(name), Some(value)) = (name, value) {
                out.push(edit(name, value));
            }
        }
    }

    /// A header name that edits may touch.
    fn field_name(&mut self, at: &At<'_>, name: &str) -> Option<HeaderName> {
        let Ok(parsed) = HeaderName::try_from(name) else {
            self.error_with(at, format!("`{name}` is not a header name"), "use letters, digits and `-`");
            return None;
        };
        if !is_editable(&parsed) {
            let help = if parsed == http::header::HOST {
                "use `rewrite.host`, or the upstream's `host`"
            } else if parsed == http::header::PROXY_AUTHORIZATION {
                "it is for the gateway itself; an upstream's credentials go into `authorization`"
            } else if is_hop_by_hop(&parsed) {
                "it belongs to one connection, and goes no further"
            } else {
                "the gateway sets it from the connection and the body"
            };
            self.error_with(at, format!("`{name}` can't be edited"), help);
            return None;
        }
        Some(parsed)
    }

    fn field_value(&mut self, at: &At<'_>, value: &Value, parameters: Parameters<'_>) -> Option<FieldValue> {
        match value {
            Value::Secret(secret) => {
                let text = self.secret(at, secret)?;
                let Ok(mut value) = HeaderValue::try_from(text) else {
                    self.error(at, format!("the secret `{}` is no text for a header", secret.secret));
                    return None;
                };
                value.set_sensitive(true);
                Some(FieldValue::Fixed(value))
            }
            Value::Template(text) => {
                let template = self.template(at, text, parameters)?;
                let Some(text) = template.as_text() else { return Some(FieldValue::Template(template)) };
                let value = HeaderValue::try_from(text).ok();
                if value.is_none() {
                    self.error_with(
                        at,
                        "the value is no text for a header",
                        "leave out line breaks and control characters",
                    );
                }
                value.map(FieldValue::Fixed)
            }
        }
    }

    #[inline(never)]
    fn query_edits(&mut self, at: &At<'_>, edits: &FieldEdits, parameters: Parameters<'_>, out: &mut Vec<QueryEdit>) {
        for (from, to) in edits.rename.iter() {
            out.push(QueryEdit::Rename(from.into(), to.as_str().into()));
        }
        out.extend(edits.remove.iter().map(|name| QueryEdit::Remove(name.as_str().into())));
        self.query_values(&at.member("set"), &edits.set, parameters, QueryEdit::Set, out);
        self.query_values(&at.member("append"), &edits.append, parameters, QueryEdit::Append, out);
    }

    fn query_values(
        &mut self,
        at: &At<'_>,
        values: &Entries<Value>,
        parameters: Parameters<'_>,
        edit: fn(Box<str>, Template) -> QueryEdit,
        out: &mut Vec<QueryEdit>,
    ) {
        for (name, value) in values.iter() {
            let at = at.member(name);
            match value {
                Value::Template(text) => {
                    out.extend(self.template(&at, text, parameters).map(|template| edit(name.into(), template)));
                }
                Value::Secret(_) => self.error_with(
                    &at,
                    "a secret can't be sent in a URL, where logs would keep it",
                    "send it as a header: `request.headers.set`",
                ),
            }
        }
    }

    /// Parses a template; where the route is not known, its path parameters go unchecked.
    pub(super) fn template(&mut self, at: &At<'_>, text: &str, parameters: Parameters<'_>) -> Option<Template> {
        match Template::parse(text, parameters) {
            Ok(template) => Some(template),
            Err(error) => {
                self.errors.push(config::ConfigError { path: at.to_path(), message: error.message, help: error.help });
                None
            }
        }
    }
}

//! The actions of routes.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Compiler;
use super::at::At;
use super::foreign::Place;
use super::matching::alternatives;
use super::routes::RouteContext;
use super::upstream_credentials::signed_content;
use crate::capabilities::Feature;
use crate::config::{self, EncodedSlash};
use crate::fingerprint::Fingerprint;
use crate::http::path;
use crate::http::request_id::X_REQUEST_ID;
use crate::plan::{
    Action, BodyUse, Host, KeyValueEntry, Mirror, PathRewrite, Proxy, Redirect, RequestStep, Respond, Target,
};
use crate::policy::header_edit::{FieldValue, HeaderEdit, is_editable};
use crate::policy::method_map::MethodMap;
use crate::policy::mirror::Copied;
use crate::store_key::KeyUse;
use crate::template::{Target as Form, Template};

const MOST_WEIGHT: u32 = 1_000_000;
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// The least time to live in Workers KV.
const LEAST_TTL: core::time::Duration = core::time::Duration::from_secs(60);
const DEFAULT_VALUE_BYTES: u64 = 1 << 20;
/// The largest value in Workers KV.
const MOST_VALUE_BYTES: u64 = 25 << 20;

impl<'c> Compiler<'c> {
    /// Compiles the action of a route.
    pub(super) fn action(&mut self, context: &RouteContext<'_, 'c>, steps: &[RequestStep]) -> Option<Action> {
        let RouteContext { at, group, route, .. } = *context;
        self.check_timeouts(&at.member("timeouts"), &route.timeouts);
        if let Some((index, api)) = group.api {
            self.check_timeouts(&At::ROOT.member("apis").index(index).member("timeouts"), &api.timeouts);
        }
        let own = [
            ("upstream", route.upstream.is_some()),
            ("split", !route.split.is_empty()),
            ("redirect", route.redirect.is_some()),
            ("respond", route.respond.is_some()),
            ("keyValue", route.key_value.is_some()),
            ("aggregate", route.aggregate.is_some()),
            ("batch", route.batch.is_some()),
        ];
        let mut stated = own.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name);
        let first = stated.next();
        if let Some(second) = stated.next() {
            self.error_with(
                &at.member(second),
                format_args!("the route has two actions: `{}` and `{second}`", first.unwrap_or_default()),
                "keep one; use `split` for several upstreams",
            );
            return None;
        }
        if route.rewrite.is_some() && matches!(first, Some("redirect" | "respond" | "keyValue" | "aggregate" | "batch"))
        {
            self.error_with(&at.member("rewrite"), "only a route to an upstream can rewrite", "remove it");
        }
        if !route.fallback.is_empty()
            && matches!(first, Some("redirect" | "respond" | "keyValue" | "aggregate" | "batch"))
        {
            self.error_with(&at.member("fallback"), "only an upstream can fail, and the route calls none", "remove it");
        }
        if route.web_socket.is_some()
            && matches!(first, Some("redirect" | "respond" | "keyValue" | "aggregate" | "batch"))
        {
            self.error_with(&at.member("webSocket"), "only a route to an upstream can take WebSockets", "remove it");
        }
        if route.rollout.is_some() && route.split.len() != 2 {
            self.error_with(
                &at.member("rollout"),
                "a roll-out is of one of two upstreams",
                "write both in `split`, with any weights: `[{\"upstream\": \"now\", \"weight\": 1}, {\"upstream\": \"next\", \"weight\": 1}]`",
            );
            return None;
        }
        if !route.mirror.is_empty()
            && matches!(first, Some("redirect" | "respond" | "keyValue" | "aggregate" | "batch"))
        {
            self.error_with(&at.member("mirror"), "only requests to an upstream can be copied", "remove it");
        }
        if let Some(redirect) = &route.redirect {
            return self.redirect(context, redirect).map(Action::Redirect);
        }
        if let Some(respond) = &route.respond {
            return self.respond(&at.member("respond"), context, respond).map(Action::Respond);
        }
        if let Some(entry) = &route.key_value {
            return self.key_value(context, entry).map(Action::KeyValue);
        }
        if let Some(aggregate) = &route.aggregate {
            return self.aggregate(context, aggregate).map(|action| Action::Aggregate(Box::new(action)));
        }
        if let Some(batch) = &route.batch {
            return self.batch(context, batch).map(Action::Batch);
        }
        if first.is_none()
            && let Some(mock) = self.mock(group)
        {
            return Some(Action::Mock(mock));
        }
        self.proxy(context, steps).map(Action::Proxy)
    }

    fn proxy(&mut self, context: &RouteContext<'_, 'c>, steps: &[RequestStep]) -> Option<Proxy> {
        let RouteContext { at, group, route, .. } = *context;
        let mut targets = Vec::new();
        if !route.split.is_empty() {
            let at = at.member("split");
            for (i, target) in route.split.iter().enumerate() {
                let at = at.index(i);
                if target.weight > MOST_WEIGHT {
                    let help = format_args!("use 0 to {MOST_WEIGHT}: weights count by their ratio");
                    self.error_with(&at.member("weight"), format_args!("the weight is above {MOST_WEIGHT}"), help);
                }
                let Some(mut compiled) = self.target(context, &at.member("upstream"), &target.upstream, target.weight)
                else {
                    continue;
                };
                if !target.policies.is_empty() {
                    let edits = self.target_policies(context, &at.member("policies"), target);
                    (compiled.request, compiled.response, compiled.edits) =
                        (edits.request, edits.response, edits.edits);
                }
                targets.push(compiled);
            }
            if route.split.iter().all(|target| target.weight == 0) {
                self.error_with(&at, "every weight is 0", "give at least one upstream a weight above 0");
            }
        } else if let Some(name) = &route.upstream {
            targets.extend(self.target(context, &at.member("upstream"), name, 1));
        } else if let Some((index, version, name)) = self.version_upstream(group) {
            let at = At::ROOT.member("apis");
            let at = at.index(index);
            let at = at.member("versions");
            let at = at.member("list");
            targets.extend(self.target(context, &at.member(version).member("upstream"), name, 1));
        } else if let Some((index, name)) = group.api.and_then(|(i, api)| Some((i, api.upstream.as_deref()?))) {
            let apis = At::ROOT.member("apis");
            targets.extend(self.target(context, &apis.index(index).member("upstream"), name, 1));
        } else {
            self.error_with(
                &at,
                "the route has no action",
                "add `upstream`, `split`, `redirect`, `respond`, `keyValue`, `aggregate` or `batch`",
            );
        }
        self.add_steered(context, steps, &mut targets);
        let count = targets.len();
        let mirrored = self.mirrors(context, &mut targets);
        let path = self.path_rewrite(context);
        let web_socket = self.web_socket(&at.member("webSocket"), route.web_socket);
        let path = path?;
        let total_weight: u64 = targets.iter().map(|t| u64::from(t.weight)).sum();
        let (needs_head, _) = self.target_needs(&targets);
        let (_, request) = self.target_needs(targets.get(..count).unwrap_or_default());
        let (targets, mirrors) = (targets.into(), [].into());
        let (fallback, rollout) = (None, None);
        let mut proxy =
            Proxy { targets, total_weight, path, web_socket, needs_head, request, fallback, rollout, mirrors };
        if let Some(rollout) = &route.rollout {
            proxy.rollout = self.rollout(context, rollout).map(Box::new);
            // What becomes of each request is told.
            proxy.needs_head = true;
        }
        if !mirrored.is_empty() {
            // They were among the others for what holds for all of them.
            let mut targets = core::mem::take(&mut proxy.targets).into_vec();
            let copies = targets.split_off(count);
            proxy.targets = targets.into();
            proxy.mirrors = copies.into_iter().zip(mirrored).map(|(target, rules)| Mirror { target, rules }).collect();
        }
        self.fallback(context, &mut proxy);
        self.target_methods(context, steps, &mut proxy);
        (total_weight > 0).then_some(proxy)
    }

    /// Returns whether `targets` need the head of a response, and their use of a request's content.
    pub(super) fn target_needs(&self, targets: &[Target]) -> (bool, BodyUse) {
        let needs_head = targets.iter().any(|target| {
            let config = self.config.upstreams.0.get(target.upstream);
            !target.response.is_empty() || config.is_some_and(|(_, config)| config.responses.cookies == Some(true))
        });
        let signed = |target: &Target| {
            let (_, config) = self.config.upstreams.0.get(target.upstream)?;
            signed_content(config.credentials.as_ref()?)
        };
        let signed = targets.iter().filter_map(signed).max();
        (needs_head, signed.map_or(BodyUse::Untouched, |limit| BodyUse::Whole { limit }))
    }

    /// Compiles a share of the upstream called `name`, written at `at`.
    pub(super) fn target(
        &mut self,
        context: &RouteContext<'_, 'c>,
        at: &At<'_>,
        name: &str,
        weight: u32,
    ) -> Option<Target> {
        let (config, route) = (self.config, context.route);
        let index = self.upstream_called(at, name)?;
        let (_, upstream) = config.upstreams.0.get(index)?;
        let upstreams = At::ROOT.member("upstreams");
        let host = match route.rewrite.as_ref().and_then(|r| r.host.as_deref()) {
            Some(host) => {
                let at = context.at.member("rewrite");
                let at = at.member("host");
                self.require(&at, Feature::HostOverride);
                Host::Set(self.host_value(&at, host)?)
            }
            None if upstream.host.is_none() => self.default_host.clone()?,
            None => self.host_policy(&upstreams.member(name).member("host"), upstream.host.as_ref())?,
        };
        Some(Target {
            upstream: index,
            weight,
            host,
            deadlines: self.deadlines(context.group, route, upstream),
            request: [].into(),
            response: [].into(),
            edits: Fingerprint::default(),
            method: MethodMap::default(),
            is_steered: false,
        })
    }

    /// The index of the upstream called `name`; reports that there is none.
    pub(super) fn upstream_called(&mut self, at: &At<'_>, name: &str) -> Option<usize> {
        let found = self.upstream_names.find(name);
        if found.is_none() {
            if name.contains("://") {
                // The URL may hold a password.
                let help = "write it in `upstreams`, as `\"NAME\": {\"url\": …}`, and that name here";
                self.error_with(at, "this is a URL, not the name of an upstream", help);
            } else {
                let config = self.config;
                self.unknown(at, "upstream", name, config.upstreams.iter().map(|(n, _)| n));
            }
        }
        found
    }

    /// Compiles the mirrors of a route, whose targets are added to `targets`.
    #[inline(never)]
    fn mirrors(&mut self, context: &RouteContext<'_, 'c>, targets: &mut Vec<Target>) -> Vec<Copied> {
        let at = context.at.member("mirror");
        let mut all = Vec::new();
        for (index, mirror) in context.route.mirror.iter().enumerate() {
            let at = at.index(index);
            let rules = self.copied(&at, mirror);
            if let Some(target) = self.target(context, &at.member("upstream"), &mirror.upstream, 0) {
                targets.push(target);
                all.push(rules);
            }
        }
        all
    }

    fn path_rewrite(&mut self, context: &RouteContext<'_, 'c>) -> Option<PathRewrite> {
        match &context.route.rewrite {
            Some(rewrite) => self.rewritten_path(context, rewrite),
            None => Some(PathRewrite::Keep),
        }
    }

    #[inline(never)]
    fn rewritten_path(&mut self, context: &RouteContext<'_, 'c>, rewrite: &config::Rewrite) -> Option<PathRewrite> {
        let at = context.at.member("rewrite");
        match (&rewrite.path, &rewrite.prefix) {
            (None, None) => Some(PathRewrite::Keep),
            (Some(_), Some(_)) => {
                self.error_with(&at.member("prefix"), "`path` and `prefix` can't both be rewritten", "keep one");
                None
            }
            (Some(path), None) => {
                let at = at.member("path");
                if !path.starts_with('/') {
                    self.error_with(
                        &at,
                        format_args!("`{path}` does not begin with `/`"),
                        format_args!("write `/{path}`"),
                    );
                }
                if path.contains(['?', '#']) {
                    self.error_with(&at, "a path has no query", "use a policy's `request.query`");
                }
                let template = self.template_for(&at, path, context.parameters, Place::Url)?;
                if path.starts_with('/') && !path.contains(['?', '#']) {
                    self.check_path(&at, &template.sample(), template.has_variables());
                }
                Some(PathRewrite::Template(template))
            }
            (None, Some(prefix)) => {
                let at = at.member("prefix");
                let api_has_prefix = context.group.api.is_some_and(|(_, api)| api.prefix.is_some());
                let has_prefix = alternatives(&context.route.matches).iter().all(|one| one.prefix.is_some());
                if !has_prefix && !api_has_prefix {
                    self.error_with(&at, "the route has no prefix to replace", "match by `prefix`, or rewrite `path`");
                    return None;
                }
                if self.has_foreign_variables(&at, prefix, Place::Url) {
                    return None;
                }
                if !(prefix.is_empty() || prefix.starts_with('/')) || prefix.contains(['?', '#', '{']) {
                    self.error_with(
                        &at,
                        format_args!("`{prefix}` is not a plain path"),
                        "write it as `/v1`; `/` removes the prefix",
                    );
                    return None;
                }
                if !prefix.is_empty() {
                    self.check_path(&at, prefix, false);
                }
                Some(PathRewrite::Prefix {
                    segments: self.prefix_segments(&at, context)?,
                    replacement: prefix.trim_end_matches('/').into(),
                    ends_bare: prefix.is_empty(),
                })
            }
        }
    }

    /// The number of segments that a route's matched prefix has.
    fn prefix_segments(&mut self, at: &At<'_>, context: &RouteContext<'_, 'c>) -> Option<usize> {
        let segments = context.matching?.prefix_segments();
        if segments.is_none() {
            self.error_with(
                at,
                "the route's matches have prefixes of different lengths",
                "make those of another length a route of their own",
            );
        }
        segments
    }

    #[inline(never)]
    fn redirect(&mut self, context: &RouteContext<'_, 'c>, redirect: &config::Redirect) -> Option<Redirect> {
        let at = context.at.member("redirect");
        let status = redirect.status.unwrap_or(308);
        if !REDIRECTS.contains(&status) {
            self.error_with(
                &at.member("status"),
                format_args!("{status} is not a redirect's status"),
                "use 301, 302, 303, 307 or 308",
            );
        }
        let (at, text, rest) = match (&redirect.location, &redirect.prefix) {
            (Some(location), None) => (at.member("location"), location, None),
            (None, Some(prefix)) => {
                let at = at.member("prefix");
                let api_has_prefix = context.group.api.is_some_and(|(_, api)| api.prefix.is_some());
                let has_prefix = alternatives(&context.route.matches).iter().all(|one| one.prefix.is_some());
                if !has_prefix && !api_has_prefix {
                    self.error_with(&at, "the route has no prefix to replace", "match by `prefix`, or use `location`");
                    return None;
                }
                if prefix.contains(['?', '#']) {
                    self.error_with(&at, "the rest of the path can't follow a query", "leave out `?` and `#`");
                    return None;
                }
                (at, prefix, Some(self.prefix_segments(&at, context)?))
            }
            (Some(_), Some(_)) => {
                self.error_with(&at.member("prefix"), "the redirect has both `location` and `prefix`", "keep one");
                return None;
            }
            (None, None) => {
                self.error_with(&at, "the redirect leads nowhere", "add `location` or `prefix`");
                return None;
            }
        };
        let location = self.template_for(&at, text, context.parameters, Place::Url)?;
        let lead = location.leading_text();
        let is_absolute = location.begins_with_scheme() || lead.starts_with("https://") || lead.starts_with("http://");
        let host = lead.split('/').next().unwrap_or_default();
        if let Some(rest) = text.strip_prefix("//") {
            self.error_with(
                &at,
                "the location has no scheme",
                format_args!("write `{{request.scheme}}://{rest}`, or `https://{rest}`"),
            );
        } else if !is_absolute
            && host.contains('.')
            && host.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.:".contains(&c))
        {
            self.error_with(
                &at,
                format_args!("`{text}` begins with neither a scheme nor `/`"),
                format_args!("write `https://{text}`, or `/{text}` for a path"),
            );
        } else if !(lead.starts_with('/') || is_absolute) {
            self.error_with(
                &at,
                "the location's beginning would come from the request",
                "begin it with `/` and a name, `https://`, `http://` or `{request.scheme}://`; for the same path elsewhere, `https://host{request.path}`",
            );
        } else {
            let sample = location.sample();
            let path = path::of_reference(&sample);
            // The rest of a path begins with the slash.
            let path = if rest.is_some() && path.len() > 1 { path.trim_end_matches('/') } else { path };
            if !path.is_empty() {
                self.check_path(&at, path, location.has_variables());
            }
        }
        if !location.has_closed_authority() {
            self.error_with(
                &at,
                "a value would run into the host",
                "write a `/` between the host and the variable: anything else lets a caller choose where to",
            );
        }
        Some(Redirect {
            status: StatusCode::from_u16(status).ok()?,
            location,
            rest,
            keep_query: redirect.keep_query.unwrap_or(true),
        })
    }

    /// Reports a path whose literal text is not in its normal form, whatever the values in it.
    pub(super) fn check_path(&mut self, at: &At<'_>, path: &str, has_variables: bool) {
        const RULE: &str = "leave out `.`, `..`, empty segments and encodings that are not needed";
        match path::normalise(path, EncodedSlash::Keep) {
            Ok(normal) if *normal == *path => {}
            Ok(_) if has_variables => self.error_with(at, "the path is not in its normal form", RULE),
            Ok(normal) => self.error_with(at, "the path is not in its normal form", format_args!("write `{normal}`")),
            Err(error) => self.error(at, error),
        }
    }

    #[inline(never)]
    pub(super) fn respond(
        &mut self,
        at: &At<'_>,
        context: &RouteContext<'_, 'c>,
        respond: &config::Respond,
    ) -> Option<Respond> {
        let status = respond.status.unwrap_or(200);
        if !(200..=599).contains(&status) {
            self.error_with(&at.member("status"), format_args!("{status} is not a final status"), "use 200 to 599");
        }
        let mut headers = HeaderMap::new();
        let body = match (&respond.json, &respond.body) {
            (Some(_), Some(_)) => {
                self.error_with(&at.member("json"), "the response has two bodies: `body` and `json`", "keep one");
                None
            }
            (Some(json), None) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(Template::literal(&json.0.to_string()))
            }
            (None, Some(body)) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                self.template(&at.member("body"), body, context.parameters)
            }
            (None, None) => Some(Template::literal("")),
        };
        let has_content = body.as_ref().is_some_and(|body| body.as_text() != Some(""));
        if let (true, Ok(status @ (StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED))) =
            (has_content, StatusCode::from_u16(status))
        {
            self.error_with(
                &at.member("status"),
                format_args!("a {status} has no content"),
                "remove the body, or change the status",
            );
        }
        let mut filled = Vec::new();
        self.same_but_for_case(&at.member("headers"), respond.headers.iter().map(|(name, _)| name));
        for (name, text) in respond.headers.iter() {
            let at = at.member("headers");
            let at = at.member(name);
            let Ok(name) = HeaderName::try_from(name) else {
                self.error_with(&at, format_args!("`{name}` is not a header name"), "use letters, digits and `-`");
                continue;
            };
            if !is_editable(&name) || name == X_REQUEST_ID {
                self.error_with(&at, format_args!("`{name}` can't be set"), "the gateway sets it");
                continue;
            }
            let Some(template) = self.template_for(&at, text, context.parameters, Place::Value) else { continue };
            match template.as_text().map(HeaderValue::try_from) {
                Some(Ok(value)) => {
                    headers.insert(name, value);
                }
                Some(Err(_)) => self.error(&at, "the value is no text for a header"),
                None => filled.push(HeaderEdit::Set(name, FieldValue::Template(template))),
            }
        }
        if body.as_ref().is_some_and(Template::has_variables) {
            self.check_values_in(at, &mut headers, &filled);
        }
        let form = form_of(headers.get(header::CONTENT_TYPE));
        Some(Respond { status: StatusCode::from_u16(status).ok()?, headers, filled: filled.into(), body: body?, form })
    }

    /// Reports content of a media type in which values of the request would be code, and keeps browsers from guessing another
    /// type (WHATWG Fetch §3.6), unless the author has decided on that.
    #[inline(never)]
    fn check_values_in(&mut self, at: &At<'_>, headers: &mut HeaderMap, filled: &[HeaderEdit]) {
        if let Some(essence) = essence(headers.get(header::CONTENT_TYPE)).filter(|essence| is_code(essence)) {
            self.error_with(
                &at.member("body"),
                format_args!("values of the request would be code in `{essence}`"),
                "leave out the variables, or answer in JSON or HTML, where values are escaped",
            );
        }
        if filled.iter().all(|edit| edit.result() != Some(&header::X_CONTENT_TYPE_OPTIONS)) {
            headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
        }
    }

    #[inline(never)]
    fn key_value(&mut self, context: &RouteContext<'_, 'c>, entry: &config::KeyValueEntry) -> Option<KeyValueEntry> {
        let at = context.at.member("keyValue");
        if entry.key.is_empty() {
            self.error_with(&at.member("key"), "the key is empty", "write it as `flags/{path.name}`");
        }
        let key = self.template_for(&at.member("key"), &entry.key, context.parameters, Place::Url);
        let most = KeyUse::Route.most_name_bytes();
        if key.as_ref().and_then(Template::as_text).is_some_and(|text| text.len() > most) {
            self.error_with(
                &at.member("key"),
                "not every platform's store takes a key this long",
                format_args!("at most {most} bytes"),
            );
        }
        let content_type = entry.content_type.as_deref().unwrap_or("application/octet-stream");
        let content_type = HeaderValue::from_str(content_type).ok().filter(|_| content_type.contains('/'));
        if content_type.is_none() {
            self.error_with(&at.member("contentType"), "not a media type", "write it as `application/json`");
        }
        if entry.ttl.is_some_and(|ttl| ttl.0 < LEAST_TTL) {
            self.error_with(&at.member("ttl"), "not every platform can keep a value this briefly", "at least `60s`");
        }
        let limit = entry.value_bytes.map_or(DEFAULT_VALUE_BYTES, |size| size.0);
        let body_limit = self.body_limit(context.route);
        if limit > MOST_VALUE_BYTES {
            self.error_with(
                &at.member("valueBytes"),
                "not every platform can keep a value this large",
                "at most `25MiB`",
            );
        }
        Some(KeyValueEntry {
            key: key?,
            content_type: content_type?,
            ttl: entry.ttl.map(|ttl| ttl.0),
            limit: limit.min(body_limit),
        })
    }
}

/// The context in which values enter content of this media type.
pub(super) fn form_of(content_type: Option<&HeaderValue>) -> Form {
    match essence(content_type).unwrap_or_default().as_str() {
        "text/html" | "application/xml" | "text/xml" | "text/xsl" => Form::Html,
        xml if xml.ends_with("+xml") => Form::Html,
        json if json == "application/json" || json == "text/json" || json.ends_with("+json") => Form::Json,
        _ => Form::Text,
    }
}

/// The type and subtype of a media type, in small letters.
fn essence(content_type: Option<&HeaderValue>) -> Option<String> {
    let essence = content_type?.to_str().ok()?.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}

/// Returns whether content of this media type is code as a whole, so that no value in it can be told from that: JavaScript under all
/// its names (WHATWG MIME Sniffing §4.6), and style sheets.
fn is_code(essence: &str) -> bool {
    essence.contains("script") || essence == "text/css"
}

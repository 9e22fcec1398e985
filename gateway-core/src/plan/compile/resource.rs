//! Metadata of protected resources (RFC 9728).

use std::sync::Arc;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use super::Compiler;
use super::at::At;
use crate::config::JsonPath;
use crate::http::path;
use crate::json;
use crate::net::Scheme;
use crate::plan::{Action, Respond, Route};
use crate::policy::key_source::parts;
use crate::route::{HostPattern, Spec};
use crate::template::{Target, Template};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A resource that proofs protect.
pub(super) struct Resource {
    /// The URL of its metadata.
    pub(super) url: Box<str>,
    /// The hosts of its routes.
    pub(super) hosts: Vec<HostPattern>,
    stated: String,
    path: String,
    /// The indexes of the issuers whose tokens it takes.
    issuers: Vec<usize>,
    at: JsonPath,
}

impl Compiler<'_> {
    /// The URL of the metadata of the resource that is stated as `url`, which takes tokens of these issuers.
    pub(super) fn resource(&mut self, at: &At<'_>, url: &str, issuers: &[usize]) -> Option<Box<str>> {
        let read = parts(url).filter(|(.., path)| !path.contains('?') && path::is_normalised(path));
        // RFC 9728 §1.2: `https`, without query or fragment.
        let Some((Scheme::Https, _, _, path)) = read else {
            let help = match url.split_once("://") {
                Some((scheme, _)) if !scheme.eq_ignore_ascii_case("https") => {
                    "it begins with `https://` (RFC 9728 §1.2)"
                }
                _ if url.contains('#') => "leave out the fragment, from `#` on (RFC 9728 §1.2)",
                _ if url.contains('?') => "leave out the query, from `?` on (RFC 9728 §1.2)",
                _ => "write what clients know it by: `https://api.example.com`, with a path if it has one",
            };
            self.error_with(at, format_args!("`{url}` is no URL of a protected resource"), help);
            return None;
        };
        let plain = path.strip_suffix('/').unwrap_or(&path);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if !plain.bytes().all(is_plain) {
            let help = "leave out all but letters, digits, `-`, `.`, `_` and `~`";
            self.error_with(at, format_args!("the path of `{url}` can't be one of the gateway's own"), help);
            return None;
        }
        let origin = url.strip_suffix('/').unwrap_or(url);
        let origin = origin.strip_suffix(plain).unwrap_or(origin);
        let metadata: Box<str> = [origin, WELL_KNOWN, plain].concat().into();
        let known = match self.resources.iter_mut().find(|known| known.url == metadata) {
            Some(known) => known,
            None => {
                let (path, stated) = ([WELL_KNOWN, plain].concat(), url.to_owned());
                let (hosts, issuers) = (Vec::new(), Vec::new());
                self.resources.push(Resource { url: metadata.clone(), hosts, stated, path, issuers, at: at.to_path() });
                self.resources.last_mut()?
            }
        };
        for issuer in issuers {
            if !known.issuers.contains(issuer) {
                known.issuers.push(*issuer);
            }
        }
        Some(metadata)
    }

    /// Adds the routes of the metadata, at the hosts of what is protected.
    pub(super) fn resource_routes(&mut self, routes: &mut Vec<Option<Route>>, specs: &mut Vec<Spec>) {
        let config = self.config;
        for known in core::mem::take(&mut self.resources) {
            if known.hosts.is_empty() {
                continue;
            }
            let stated = |index: &usize| config.issuers.0.get(*index).and_then(|(_, issuer)| issuer.issuer.as_deref());
            let issuers: Vec<Value> = known.issuers.iter().filter_map(stated).map(Value::from).collect();
            let members = [
                ("resource", Value::from(known.stated)),
                ("authorization_servers", Value::Array(issuers)),
                ("bearer_methods_supported", Value::Array(vec![Value::from("header")])),
            ];
            // RFC 9728 §3.2: what has no elements is left out.
            let members = members.into_iter().filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()));
            let mut object = Map::new();
            json::add(&mut object, members);
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            // Anybody may know, pages of other origins among them.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
            let action = Action::Respond(Respond {
                status: StatusCode::OK,
                headers,
                filled: Box::default(),
                body: Template::literal(&Value::Object(object).to_string()),
                form: Target::Text,
            });
            let name = ["metadata of ", &*known.url].concat();
            self.add_own_route(
                (name, &known.at),
                (&known.path, &[Method::GET], &known.hosts),
                (action, Arc::default()),
                (routes, specs),
            );
        }
    }
}

//! Compiles the checks of upstreams' places.

use core::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};

use super::Compiler;
use super::at::At;
use super::edits::Edit;
use crate::balance::active::{Active, Check, Expected, Question, grpc_request};
use crate::capabilities::Feature;
use crate::config::{self, CheckKind, CheckMethod, HostPolicy};
use crate::http::path::is_normalised;
use crate::net::Scheme;
use crate::plan::Endpoint;
use crate::policy::header_edit::HeaderEdit;

const SECOND: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The method of gRPC that asks whether a service is well (grpc.health.v1).
const GRPC_CHECK: &str = "/grpc.health.v1.Health/Check";

impl Compiler<'_> {
    /// Compiles the checks of the places of `upstream`; `None` if they are wrong.
    #[inline(never)]
    pub(super) fn active(
        &mut self,
        at: &At<'_>,
        health: &config::ActiveHealth,
        (upstream, endpoints): (&config::Upstream, &[Endpoint]),
    ) -> Option<Active> {
        let kind = health.kind.unwrap_or_default();
        let mut is_there = self.require(at, Feature::Checks);
        if is_there && kind != CheckKind::Http {
            is_there = self.require(&at.member("kind"), Feature::ConnectionChecks);
        }
        self.members_of_check(at, health, kind);
        let every = self.span(&at.member("every"), health.every, (LEAST, HOUR), 3 * SECOND);
        let timeout = self.span(&at.member("timeout"), health.timeout, (LEAST, every.max(LEAST)), SECOND.min(every));
        let check = match kind {
            CheckKind::Tcp => Some(Check::Connection),
            CheckKind::Http => self.http_check(at, health, upstream),
            CheckKind::Grpc => self.grpc_check(at, health, (upstream, endpoints)),
        };
        let row = |compiler: &mut Self, name, stated, usual| compiler.within(&at.member(name), stated, (1, 100), usual);
        let (healthy, unhealthy) =
            (row(self, "healthy", health.healthy, 1), row(self, "unhealthy", health.unhealthy, 3));
        Some(Active { check: check.filter(|_| is_there)?, every, timeout, healthy, unhealthy })
    }

    /// Reports members that a check of this `kind` has no use for.
    fn members_of_check(&mut self, at: &At<'_>, health: &config::ActiveHealth, kind: CheckKind) {
        let is_http = kind == CheckKind::Http;
        let stated = [
            ("path", health.path.is_some(), is_http),
            ("method", health.method.is_some(), is_http),
            ("statuses", health.statuses.is_some(), is_http),
            ("contains", health.contains.is_some(), is_http),
            ("headers", !health.headers.is_empty(), kind != CheckKind::Tcp),
            ("service", health.service.is_some(), kind == CheckKind::Grpc),
        ];
        for (name, is_there, is_of_use) in stated {
            if is_there && !is_of_use {
                let kind = match kind {
                    CheckKind::Http => "http",
                    CheckKind::Tcp => "tcp",
                    CheckKind::Grpc => "grpc",
                };
                self.error_with(&at.member(name), format_args!("a check by `{kind}` has no `{name}`"), "remove it");
            }
        }
    }

    fn http_check(&mut self, at: &At<'_>, health: &config::ActiveHealth, upstream: &config::Upstream) -> Option<Check> {
        let target = match &health.path {
            Some(path) => self.checked_path(&at.member("path"), path),
            None => {
                self.error_with(at, "no `path` says what is asked", "add `\"path\": \"/healthz\"`");
                None
            }
        };
        let statuses = self.failures(&at.member("statuses"), health.statuses.as_deref(), &[(200, 299)]);
        let method = match health.method.unwrap_or_default() {
            CheckMethod::Get => Method::GET,
            CheckMethod::Head => Method::HEAD,
        };
        if let Some(text) = &health.contains {
            if text.is_empty() {
                self.error_with(
                    &at.member("contains"),
                    "each content has this text",
                    "remove it, or write what stands there",
                );
            } else if method == Method::HEAD {
                self.error_with(&at.member("contains"), "an answer to HEAD has no content", "remove it, or `method`");
            }
        }
        let headers = self.check_fields(at, health);
        let host = self.check_host(at, health, upstream);
        Some(Check::Question(Box::new(Question {
            method,
            target: target?,
            headers,
            host,
            content: Bytes::new(),
            expected: Expected::Http(statuses?, health.contains.as_deref().map(Into::into)),
        })))
    }

    fn grpc_check(
        &mut self,
        at: &At<'_>,
        health: &config::ActiveHealth,
        (upstream, endpoints): (&config::Upstream, &[Endpoint]),
    ) -> Option<Check> {
        if upstream.protocol.is_none() && endpoints.iter().any(|endpoint| endpoint.scheme == Scheme::Http) {
            let help = "add `\"protocol\": \"h2c\"` to the upstream, or write `https://…`";
            self.error_with(&at.member("kind"), "gRPC is HTTP/2, and the upstream is asked by HTTP/1.1", help);
        }
        let content = grpc_request(health.service.as_deref().unwrap_or_default());
        if content.is_none() {
            let help = "use up to 127 bytes: `orders.v1.Orders`";
            self.error_with(&at.member("service"), "the name is too long", help);
        }
        let mut headers = self.check_fields(at, health);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let host = self.check_host(at, health, upstream);
        Some(Check::Question(Box::new(Question {
            method: Method::POST,
            target: PathAndQuery::from_static(GRPC_CHECK),
            headers,
            host,
            content: content?,
            expected: Expected::Grpc,
        })))
    }

    fn checked_path(&mut self, at: &At<'_>, path: &str) -> Option<PathAndQuery> {
        let target = path.parse::<PathAndQuery>().ok().filter(|_| path.starts_with('/') && !path.contains('#'));
        if target.is_none() {
            let help = "it begins with `/`, and may have a query: `/healthz`";
            self.error_with(at, format_args!("`{path}` is no path"), help);
        } else if !is_normalised(path.split('?').next().unwrap_or_default()) {
            let help = "write it without `//`, `.`, `..` and needless escapes: `/healthz`";
            self.error_with(at, format_args!("the path `{path}` is not in its normal form"), help);
        }
        target
    }

    fn check_fields(&mut self, at: &At<'_>, health: &config::ActiveHealth) -> HeaderMap {
        let at = at.member("headers");
        self.same_but_for_case(&at, health.headers.iter().map(|(name, _)| name));
        let mut headers = HeaderMap::new();
        for (name, text) in health.headers.iter() {
            let at = at.member(name);
            if is_host(name) {
                continue;
            }
            let name = <HeaderEdit as Edit>::name(self, &at, name);
            match HeaderValue::try_from(text) {
                Ok(value) => name.map(|name| headers.insert(name, value)),
                Err(_) => {
                    self.error_with(&at, "the value is no text for a header", "write printable characters");
                    None
                }
            };
        }
        headers
    }

    /// The `Host` of checks, if it is not the authority of each place.
    fn check_host(
        &mut self,
        at: &At<'_>,
        health: &config::ActiveHealth,
        upstream: &config::Upstream,
    ) -> Option<HeaderValue> {
        if let Some((name, host)) = health.headers.iter().find(|(name, _)| is_host(name)) {
            let at = at.member("headers");
            let at = at.member(name);
            return self.host_value(&at, host).filter(|_| self.require(&at, Feature::HostOverride));
        }
        match upstream.host.as_ref().or(self.config.defaults.host.as_ref()) {
            // A mistake in it is told where it stands.
            Some(HostPolicy::Set(name)) if upstream.targets.iter().all(|target| target.host.is_none()) => {
                HeaderValue::try_from(name).ok()
            }
            _ => None,
        }
    }
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host")
}

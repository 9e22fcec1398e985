//! An upstream's answer in the client's terms: `Location` and `Set-Cookie` where they name the upstream's own address.

use std::borrow::Cow;

use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};

use super::target_uri::after_segments;
use crate::balance::endpoint::Chosen;
use crate::call::Call;
use crate::http::response_survey::ResponseSurvey;
use crate::http::reverse::{Owner, Reverse};
use crate::plan::{Endpoint, Host, PathRewrite, Proxy, Target, Upstream};
use crate::policy::version::split_at_segment;

/// The way of a request to an upstream.
pub(super) struct Way<'w> {
    pub(super) upstream: &'w Upstream,
    pub(super) endpoint: &'w Chosen<'w>,
    pub(super) target: &'w Target,
    pub(super) action: &'w Proxy,
}

/// Rewrites a response with this `survey` that came this way of `call`, where its upstream is set to that.
pub(super) fn rewrite<B>(way: &Way<'_>, call: &Call, response: &mut Response<B>, survey: ResponseSurvey) {
    // RFC 9110 §10.2.2 gives `Location` a meaning with these statuses alone.
    let leads_on = response.status().is_redirection() || response.status() == StatusCode::CREATED;
    let location = way.upstream.location && leads_on && response.headers().contains_key(LOCATION);
    let cookies = way.upstream.cookies && survey.cookies;
    if location || cookies {
        rewrite_fields(way, call, response, location, cookies);
    }
}

/// The beginning of the client's path that the upstream is not sent, if it was cut off there.
pub(super) fn cut_prefix(action: &Proxy, call: &Call) -> Option<HeaderValue> {
    match &action.path {
        PathRewrite::Prefix { segments, replacement, .. } if call.replaced(*segments) > 0 && replacement.is_empty() => {
            HeaderValue::try_from(outer(call.replaced(*segments), call)).ok()
        }
        // The segment of the version is the first, so that it was cut off at the beginning.
        PathRewrite::Keep if call.cut() == Some(0) => HeaderValue::try_from(outer(1, call)).ok(),
        _ => None,
    }
}

#[cold]
#[inline(never)]
fn rewrite_fields<B>(way: &Way<'_>, call: &Call, response: &mut Response<B>, location: bool, cookies: bool) {
    let base = &*way.endpoint.base_path;
    let (inner, outer) = match &way.action.path {
        PathRewrite::Keep => match call.cut() {
            None => (Some(Cow::Borrowed(base)), outer(0, call)),
            Some(cut) => {
                let (before, ..) = split_at_segment(call.path(), cut.into());
                (Some(Cow::Owned([base, before].concat())), outer(usize::from(cut) + 1, call))
            }
        },
        PathRewrite::Prefix { segments, replacement, .. } => {
            (Some(Cow::Owned([base, replacement].concat())), outer(call.replaced(*segments), call))
        }
        PathRewrite::Template(_) => (None, outer(0, call)),
    };
    let origin = origin(call);
    let reverse = Reverse { inner: inner.as_deref(), outer: &outer, origin: &origin };
    let headers = response.headers_mut();
    if location
        && let Some(value) = headers.get(LOCATION).and_then(|value| value.to_str().ok())
        && let Some(value) = reverse.location(value, |scheme, authority| owner(way, call, scheme, authority))
        && let Ok(value) = HeaderValue::try_from(value)
    {
        headers.insert(LOCATION, value);
    }
    if cookies {
        let is_own = |domain: &str| is_own_domain(way, call, domain);
        for line in headers.iter_mut().filter(|(name, _)| **name == SET_COOKIE).map(|(_, value)| value) {
            if let Some(rewritten) = line.to_str().ok().and_then(|text| reverse.set_cookie(text, is_own))
                && let Ok(rewritten) = HeaderValue::try_from(rewritten)
            {
                *line = rewritten;
            }
        }
    }
}

/// The beginning of the path that the client asked for: what a trusted proxy has cut off, and the first `segments` here.
fn outer(segments: usize, call: &Call) -> String {
    let path = call.path();
    let own = path.strip_suffix(after_segments(path, segments)).unwrap_or_default();
    [call.client.prefix.as_deref().unwrap_or_default(), own].concat()
}

/// The scheme and the authority that the client asked for; empty if it named no host.
fn origin(call: &Call) -> String {
    let scheme = call.client.scheme;
    match call.outer_port() {
        _ if call.outer_host().is_empty() => String::new(),
        port if port == scheme.default_port() => format!("{}://{}", scheme.as_str(), call.outer_host()),
        port => format!("{}://{}:{port}", scheme.as_str(), call.outer_host()),
    }
}

/// The owner of `authority` in an answer that came this way.
fn owner(way: &Way<'_>, call: &Call, scheme: Option<&str>, authority: &str) -> Owner {
    let is_endpoint = |endpoint: &Endpoint| {
        scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(endpoint.scheme.as_str()))
            && (is(&endpoint.authority, authority)
                || endpoint.own_host().is_some_and(|host| is(host, authority))
                || split(authority).is_some_and(|(host, port)| {
                    host.eq_ignore_ascii_case(split_host(&endpoint.authority)) && port == endpoint.port
                }))
    };
    let has_scheme = scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(way.endpoint.scheme.as_str()));
    match &way.target.host {
        _ if way.upstream.endpoints.iter().any(is_endpoint) => Owner::Upstream,
        Host::Set(host) if has_scheme && is(host, authority) => Owner::Upstream,
        Host::Preserve if call.host_field().is_some_and(|host| is(host, authority)) => match &call.client.host {
            Some(outer) if !is(outer, authority) => Owner::Upstream,
            _ => Owner::Client,
        },
        _ => Owner::Other,
    }
}

/// Returns whether `domain`, of a cookie, is the upstream's own and not the client's.
fn is_own_domain(way: &Way<'_>, call: &Call, domain: &str) -> bool {
    let is_named = match &way.target.host {
        Host::Set(host) => domain.eq_ignore_ascii_case(split_host(host)),
        Host::Upstream | Host::Preserve => false,
    };
    let is_endpoint = || {
        way.upstream.endpoints.iter().any(|endpoint| {
            let is_host = |host| domain.eq_ignore_ascii_case(split_host(host));
            endpoint.host.eq_ignore_ascii_case(domain) || endpoint.own_host().is_some_and(is_host)
        })
    };
    (is_named || is_endpoint()) && !call.outer_host().eq_ignore_ascii_case(domain)
}

fn is(field: &HeaderValue, authority: &str) -> bool {
    field.as_bytes().eq_ignore_ascii_case(authority.as_bytes())
}

/// The host and the port of an authority that states both.
fn split(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'))?;
    Some((host, port.parse().ok()?))
}

/// The host of an authority, in brackets if it is an IPv6 address.
fn split_host(authority: &HeaderValue) -> &str {
    let authority = authority.to_str().unwrap_or_default();
    split(authority).map_or(authority, |(host, _)| host)
}

//! Redirects that lead back to themselves, which browsers end with an error after some twenty rounds.
//!
//! A request for each redirect runs through the code that serves it, and so does the request that its `Location` makes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_core::config::ConfigError;
use gateway_core::plan::{Action, Plan};
use gateway_core::ports::Scheme;
use gateway_core::route::{HostPattern, Spec};
use http::{Method, Uri};

use super::explain::{Hop, Question, Redirects};
use super::tries::sample;

/// The most redirects that are looked at.
const MOST: usize = 1_000;

/// The redirects in a row that no site means.
const ROUNDS: usize = 10;

/// Warns of the redirects of `plan` that lead back to themselves. With `both_schemes`, clients reach the gateway by HTTP and HTTPS
/// even though its listeners do not say so.
pub(super) fn warnings(plan: &Arc<Plan>, both_schemes: bool) -> Vec<ConfigError> {
    let is_redirect =
        |spec: &&Spec| plan.routes.get(spec.route).is_some_and(|route| matches!(route.action, Action::Redirect(_)));
    let specs: Vec<&Spec> = plan.table.ranked().filter(is_redirect).take(MOST).collect();
    if specs.is_empty() {
        return Vec::new();
    }
    let Ok(redirects) = Redirects::new(Arc::clone(plan)) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let found = specs.into_iter().filter_map(|spec| {
        // One warning is enough for a route.
        let warning = (!seen.contains(&spec.route)).then(|| warning(plan, &redirects, spec, both_schemes))??;
        seen.insert(spec.route);
        Some(warning)
    });
    found.collect()
}

fn warning(plan: &Plan, redirects: &Redirects, spec: &Spec, both_schemes: bool) -> Option<ConfigError> {
    let (mut method, mut url) = question(plan, spec)?;
    let (mut visited, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut is_other_scheme_alone = true;
    while visited.insert(format!("{method} {url}")) && visited.len() <= ROUNDS {
        let Hop { route, status, location } = redirects.ask(&Question::plain(method.clone(), url.clone()))?;
        if visited.len() == 1 && route != spec.route {
            // Another route ranks higher, or the match asks for more than the sample has.
            return None;
        }
        others.extend((route != spec.route).then_some(route));
        let next = target(plan, &url, &location, both_schemes)?;
        is_other_scheme_alone &= next.path_and_query() == url.path_and_query();
        if !matches!(status, 307 | 308) && method != Method::HEAD {
            // Browsers make a GET of it (Fetch standard, HTTP-redirect fetch).
            method = Method::GET;
        }
        url = next;
    }
    let route = plan.routes.get(spec.route)?;
    let at = route.at.member("redirect");
    let other = others.first().and_then(|other| plan.routes.get(*other));
    let message = match other {
        Some(other) => format!("the redirect leads back to itself, by way of `{}`", other.name),
        None => "the redirect leads back to its own route, time and again".to_owned(),
    };
    let help = if other.is_none() && is_other_scheme_alone && spec.scheme.is_none() {
        "match `\"scheme\": \"http\"` where the redirect is to HTTPS, or name a location that another route takes"
    } else {
        "name a location that a route of another kind takes"
    };
    let warning = ConfigError::new(at, message).with_help(help);
    Some(other.iter().fold(warning, |warning, other| warning.with_other(other.at.clone())))
}

/// A request that `spec` takes, unless it asks for more than method, host and path.
fn question(plan: &Plan, spec: &Spec) -> Option<(Method, Uri)> {
    let host = match &spec.host {
        // Never the name of a host that a location would have (RFC 6761 §6.4).
        HostPattern::Any => "host.invalid".to_owned(),
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Subdomains(parent) => format!("a.{parent}"),
    };
    let scheme = spec.scheme.unwrap_or(Scheme::Http).as_str();
    let method = plan.table.methods().iter(spec.methods).next().cloned().unwrap_or(Method::GET);
    Some((method, format!("{scheme}://{host}{}", sample(&spec.path)).parse().ok()?))
}

/// The URL that `location` leads to from `url`; `None` if it may be another server's.
fn target(plan: &Plan, url: &Uri, location: &str, both_schemes: bool) -> Option<Uri> {
    if location.starts_with('/') && !location.starts_with("//") {
        return format!("{}://{}{location}", url.scheme_str()?, url.authority()?).parse().ok();
    }
    let next: Uri = location.parse().ok()?;
    let (host, scheme) = (next.host()?, next.scheme_str()?);
    let named = |spec: &Spec| match &spec.host {
        HostPattern::Any => false,
        HostPattern::Exact(name) => host.eq_ignore_ascii_case(name),
        HostPattern::Subdomains(parent) => {
            host.to_ascii_lowercase().strip_suffix(&**parent).is_some_and(|rest| rest.ends_with('.'))
        }
    };
    // A host that no route names may be anybody's, and so may another port.
    let is_here = url.host().is_some_and(|own| own.eq_ignore_ascii_case(host)) || plan.table.ranked().any(named);
    let is_served = Some(scheme) == url.scheme_str() || both_schemes || serves(plan, scheme);
    (is_here && is_served && next.port().is_none()).then_some(next)
}

/// Returns whether a listener speaks `scheme`, or a proxy in front may.
fn serves(plan: &Plan, scheme: &str) -> bool {
    let is_secure = scheme == "https";
    !plan.proxies.is_empty() || plan.listeners.iter().any(|listener| listener.certificates.is_empty() != is_secure)
}

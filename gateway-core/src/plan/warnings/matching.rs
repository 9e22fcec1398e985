//! Warnings about routes that take other requests than their authors think.

use crate::config::{Api, Config, ConfigError, JsonPath, Match, Matches, PathMatch, Route};
use crate::plan::compile::alternatives;

/// Warns of the routes of `config` whose path repeats the prefix of their API, and of those that answer everything.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    for (index, api) in config.apis.iter().enumerate() {
        let at = JsonPath::root().member("apis").index(index);
        for (number, route) in api.routes.iter().enumerate() {
            let route_at = at.member("routes").index(number);
            repeated_prefix(&at, api, (&route_at, route), found);
            if api.routes.len() > 1 {
                found.extend(catch_all(&route_at, route));
            }
        }
    }
    let is_alone = config.apis.is_empty() && config.routes.len() == 1;
    for (number, route) in config.routes.iter().enumerate().filter(|_| !is_alone) {
        found.extend(catch_all(&JsonPath::root().member("routes").index(number), route));
    }
}

/// Warns of each path of `route` that begins with the prefix of its API: the prefix goes before it anyway.
fn repeated_prefix(at: &JsonPath, api: &Api, (route_at, route): (&JsonPath, &Route), found: &mut Vec<ConfigError>) {
    let Some(prefix) = api.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) else { return };
    if prefix.is_empty() {
        return;
    }
    for (index, one) in alternatives(&route.matches).iter().enumerate() {
        let (member, written, path) = match one {
            Match { path: Some(PathMatch::Template(path)), .. } => ("path", path, path.as_str()),
            Match { path: Some(PathMatch::Test(test)), .. } => {
                ("path", &test.regex, test.regex.strip_prefix('^').unwrap_or(&test.regex))
            }
            Match { prefix: Some(prefix), .. } => ("prefix", prefix, prefix.as_str()),
            _ => continue,
        };
        let Some(rest) = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            continue;
        };
        let mut place = route_at.member("match");
        if matches!(&route.matches, Matches::Any(_)) {
            place = place.index(index);
        }
        place = place.member(member);
        if matches!(one.path, Some(PathMatch::Test(_))) {
            place = place.member("regex");
        }
        let message = format!("`{written}` repeats the API's prefix, and so takes `{prefix}{path}`");
        let help = match rest {
            "" if member == "prefix" => {
                "leave it out: without it, the route takes all under the API's prefix".to_owned()
            }
            rest => format!("write `{}`: the API's prefix goes before it", if rest.is_empty() { "/" } else { rest }),
        };
        found.push(ConfigError::new(place, message).with_help(help).with_other(at.member("prefix")));
    }
}

/// Warns of a route without conditions that answers by itself.
///
/// One that calls an upstream is the usual last resort, and so is an answer that says no; a route that stands alone has nothing
/// to be mistaken for. But beside others, a health check or a redirect whose `match` was forgotten answers, instead of a 404,
/// whatever is asked for.
fn catch_all(at: &JsonPath, route: &Route) -> Option<ConfigError> {
    let is_refusal = |status: Option<u16>| status.is_some_and(|status| status >= 400);
    let answers = route.redirect.is_some()
        || route.key_value.is_some()
        || route.aggregate.is_some()
        || route.batch.is_some()
        || route.respond.as_ref().is_some_and(|respond| !is_refusal(respond.status));
    let has_no_conditions = route.matches == Matches::default();
    (answers && has_no_conditions).then(|| {
        ConfigError::new(at.clone(), "the route has no `match`, and answers every request that no other takes")
            .with_help("give it a `match`; if every request is meant, `{\"prefix\": \"/\"}` says so")
    })
}

//! What an upstream, or a route to several, says without effect.

use crate::config::{Balance, Config, ConfigError, JsonPath, Route, Upstream};

/// The fewest places that a rate of successes compares, where nothing is said.
const COMPARED: u32 = 5;

/// Warns of what upstreams, the zone of the gateway and roll-outs say in vain.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    let root = JsonPath::root();
    for (name, upstream) in config.upstreams.iter() {
        of_upstream(config, &root.member("upstreams").member(name), upstream, found);
    }
    zones(config, found);
    for (i, api) in config.apis.iter().enumerate() {
        rollouts(&root.member("apis").index(i).member("routes"), &api.routes, found);
    }
    rollouts(&root.member("routes"), &config.routes, found);
}

fn of_upstream(config: &Config, at: &JsonPath, upstream: &Upstream, found: &mut Vec<ConfigError>) {
    let has_no_admin = config.server.admin.is_none() && config.admin.is_none();
    if has_no_admin && upstream.discover.as_ref().is_some_and(|discover| discover.registry.is_some()) {
        let at = at.member("discover").member("registry");
        let warning = ConfigError::new(at, "no place can say that it is there: this gateway has no admin endpoints");
        found.push(
            warning.with_help("add `\"server\": {\"admin\": \"127.0.0.1:9901\"}`, or `admin` with a path and a token"),
        );
    }
    let health = at.member("health");
    let rate = upstream.health.passive.as_ref().and_then(|passive| passive.success_rate.as_ref());
    if let (Some(rate), Some(places)) = (rate, places(upstream)) {
        let least = rate.least_targets.unwrap_or(COMPARED);
        if places < least as usize {
            let at = health.member("passive").member("successRate");
            let warning = ConfigError::new(at, format!("this has no effect: {least} places are compared at least"));
            found.push(
                warning.with_help("name more in `targets`, write a smaller `leastTargets` (from 3 on), or remove it"),
            );
        }
    }
    match &upstream.balance {
        Some(Balance::Hash(_)) if upstream.health.slow_start.is_some() => {
            let warning = ConfigError::new(
                health.member("slowStart"),
                "this has no effect: with `hash` no place gets its share bit by bit",
            );
            found.push(warning.with_help("remove it, or balance in another way"));
        }
        Some(Balance::Sticky(_)) if places(upstream) == Some(1) => {
            let at = at.member("balance").member("sticky");
            let warning = ConfigError::new(at, "this has no effect: there is one place, at which all clients are");
            found.push(warning.with_help("name more in `targets`, or remove it"));
        }
        _ => {}
    }
}

/// The number of the places of `upstream` that get calls; none where they are discovered.
fn places(upstream: &Upstream) -> Option<usize> {
    let listed = upstream.targets.iter().filter(|target| target.disabled != Some(true)).count();
    upstream.discover.is_none().then_some(listed + upstream.urls.len() + usize::from(upstream.url.is_some()))
}

/// Warns of zones of places where that of the gateway is not known, and the other way round.
fn zones(config: &Config, found: &mut Vec<ConfigError>) {
    let own = config.network.zone.as_deref().filter(|zone| !zone.is_empty());
    let mut is_there = false;
    for (name, upstream) in config.upstreams.iter() {
        for (i, target) in upstream.targets.iter().enumerate() {
            is_there |= target.zone.is_some() && target.zone.as_deref() == own;
            if own.is_none() && config.network.zone.is_none() && target.zone.is_some() {
                let at = JsonPath::root().member("upstreams").member(name).member("targets").index(i).member("zone");
                let warning = ConfigError::new(at, "this has no effect: the gateway's own zone is not known");
                found.push(warning.with_help("add `\"network\": {\"zone\": \"${ZONE}\"}`, or remove it"));
                // One of them says it for all.
                return;
            }
        }
    }
    // A source may tell of the zones of its places.
    let are_known = config.upstreams.iter().all(|(_, upstream)| upstream.discover.is_none());
    if let (Some(own), true, false) = (own, are_known, is_there) {
        let at = JsonPath::root().member("network").member("zone");
        let warning = ConfigError::new(at, format!("this has no effect: no place of an upstream is in `{own}`"));
        found.push(warning.with_help("add `zone` to those of `targets` that are, or remove it"));
    }
}

/// Warns of weights that a roll-out does not heed.
fn rollouts(at: &JsonPath, routes: &[Route], found: &mut Vec<ConfigError>) {
    for (i, route) in routes.iter().enumerate() {
        let first = route.split.first().map(|target| target.weight);
        let is_unequal = route.split.iter().any(|target| Some(target.weight) != first);
        if route.rollout.is_some() && is_unequal {
            let warning = ConfigError::new(
                at.index(i).member("split"),
                "the weights have no effect: the steps of `rollout` are the shares",
            );
            found.push(warning.with_help("write `\"weight\": 1` in both"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::warnings;
    use crate::time::Timestamp;

    fn told(root: &str, upstream: &str) -> Vec<String> {
        let text = format!(
            r#"{{{root} "upstreams": {{"a": {upstream}, "b": {{"url": "http://b"}}}}, "routes": [
                {{"name": "r", "match": {{"path": "/"}}, "upstream": "a"}}, {{"name": "s", "match": {{"path": "/s"}}, "upstream": "b"}}]}}"#
        );
        let told = warnings(&text, Timestamp::from_unix_millis(0));
        told.into_iter().map(|warning| format!("{}: {}", warning.path, warning.message)).collect()
    }

    /// docs/configuration.md, Upstreams: what is said of places, and has no effect.
    #[test]
    fn what_has_no_effect_on_places_is_warned_of() {
        let targets = |count: usize, more: &str| {
            let targets: Vec<String> = (0..count).map(|i| format!(r#"{{"url": "http://a{i}"}}"#)).collect();
            format!(r#"{{"targets": [{}], {more}}}"#, targets.join(", "))
        };
        let sticky = r#""balance": {"sticky": {"cookie": "place", "key": {"secret": "K"}}}"#;
        let hash = r#""balance": {"hash": {"key": "{cookie.s}"}}, "health": {"slowStart": "30s"}"#;
        let rate = r#""health": {"passive": {"successRate": {}}}"#;
        let fewer = r#""health": {"passive": {"successRate": {"leastTargets": 3}}}"#;
        let registry = r#"{"discover": {"registry": "a"}}"#;
        let zone = r#"{"targets": [{"url": "http://a1", "zone": "x"}, {"url": "http://a2", "zone": "y"}]}"#;
        for (root, upstream, warning) in [
            (
                "",
                targets(1, sticky),
                "upstreams.a.balance.sticky: this has no effect: there is one place, at which all clients are",
            ),
            (
                "",
                targets(2, hash),
                "upstreams.a.health.slowStart: this has no effect: with `hash` no place gets its share bit by bit",
            ),
            (
                "",
                targets(4, rate),
                "upstreams.a.health.passive.successRate: this has no effect: 5 places are compared at least",
            ),
            (
                "",
                registry.to_owned(),
                "upstreams.a.discover.registry: no place can say that it is there: this gateway has no admin endpoints",
            ),
            (
                "",
                zone.to_owned(),
                "upstreams.a.targets[0].zone: this has no effect: the gateway's own zone is not known",
            ),
            (
                r#""network": {"zone": "z"},"#,
                zone.to_owned(),
                "network.zone: this has no effect: no place of an upstream is in `z`",
            ),
        ] {
            assert_eq!(told(root, &upstream), [warning]);
        }
        for (root, upstream) in [
            ("", targets(2, sticky)),
            ("", targets(5, rate)),
            ("", targets(3, fewer)),
            (r#""server": {"admin": "9901"},"#, registry.to_owned()),
            (r#""network": {"zone": "y"},"#, zone.to_owned()),
            (r#""network": {"zone": "${ZONE}"},"#, zone.to_owned()),
            (r#""server": {"admin": "9901"}, "network": {"zone": "z"},"#, registry.to_owned()),
        ] {
            assert_eq!(told(root, &upstream), Vec::<String>::new(), "{root} {upstream}");
        }
    }

    /// docs/configuration.md, Roll-outs: the steps are the shares.
    #[test]
    fn weights_beside_a_rollout_are_warned_of() {
        let told = |weight: u32| {
            let text = format!(
                r#"{{"upstreams": {{"a": {{"url": "http://a"}}, "b": {{"url": "http://b"}}}}, "routes": [
                    {{"name": "r", "match": {{"path": "/"}}, "rollout": {{"candidate": "b"}},
                      "split": [{{"upstream": "a", "weight": {weight}}}, {{"upstream": "b", "weight": 1}}]}}]}}"#
            );
            let told = warnings(&text, Timestamp::from_unix_millis(0));
            told.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
        };
        assert_eq!(told(95), ["the weights have no effect: the steps of `rollout` are the shares"]);
        assert_eq!(told(1), Vec::<String>::new());
    }
}

//! Warnings about what holds for a route once every level has had its say.

use gateway_core::plan;

use super::{NOW, said, words};

/// Place, message and other place of the warnings about `text`, which is served.
fn warned(text: &str) -> Vec<(String, String, Option<String>)> {
    assert_eq!(said(text), [], "{text}");
    let warnings = plan::warnings(text, NOW).into_iter();
    warnings.map(|warning| (warning.path, warning.message, warning.other.map(|other| other.path))).collect()
}

/// A configuration with these deadlines of `defaults`, the upstream, an API and its route.
fn with(defaults: &str, upstream: &str, api: &str, route: &str) -> String {
    format!(
        r#"{{"defaults": {{"timeouts": {defaults}}}, "upstreams": {{"u": {{"url": "http://u.test", "timeouts": {upstream}}}}},
        "apis": [{{"name": "a", "upstream": "u", "timeouts": {api}, "routes": [{{"name": "r", "match": {{"path": "/r"}}, "timeouts": {route}}}]}}]}}"#
    )
}

/// docs/configuration.md, Timeouts: the statement nearest to the route holds, and `total` covers every phase.
#[test]
fn warns_of_a_deadline_that_the_effective_total_forestalls() {
    let late =
        |phase: &str, total: &str| format!("`{phase}` can never take effect: the `total` of {total} is over before");
    let one = |at: &str, message: String, by: &str| vec![(at.to_owned(), message, Some(by.to_owned()))];
    let (route, api) = ("apis[0].routes[0].timeouts", "apis[0].timeouts");
    assert_eq!(
        warned(&with(r#"{"total": "5s"}"#, "{}", "{}", r#"{"firstByte": "60s"}"#)),
        one(&format!("{route}.firstByte"), late("firstByte", "5s"), "defaults.timeouts.total")
    );
    assert_eq!(
        warned(&with("{}", r#"{"total": "1500ms"}"#, r#"{"connect": "2s"}"#, "{}")),
        one(&format!("{api}.connect"), late("connect", "1500ms"), "upstreams.u.timeouts.total")
    );
    assert_eq!(
        warned(&with("{}", r#"{"firstByte": "90s"}"#, r#"{"total": "1m"}"#, "{}")),
        one("upstreams.u.timeouts.firstByte", late("firstByte", "1m"), &format!("{api}.total"))
    );
    // `idle` may stand beside a shorter `total`, to no effect.
    assert_eq!(
        warned(&with("{}", "{}", "{}", r#"{"total": "10s", "idle": "1m"}"#)),
        one(&format!("{route}.idle"), late("idle", "10s"), &format!("{route}.total"))
    );
    for (defaults, upstream, api, route) in [
        // Another total is nearer, or there is none.
        (r#"{"total": "5s"}"#, "{}", r#"{"total": "2m"}"#, r#"{"firstByte": "60s"}"#),
        (r#"{"total": "5s"}"#, "{}", "{}", r#"{"firstByte": "60s", "total": "0s"}"#),
        // Another deadline of the phase is nearer, or there is none.
        (r#"{"total": "5s"}"#, r#"{"firstByte": "60s"}"#, "{}", r#"{"firstByte": "2s"}"#),
        (r#"{"total": "5s"}"#, "{}", "{}", r#"{"firstByte": "0s"}"#),
        (r#"{"total": "5s"}"#, "{}", "{}", r#"{"firstByte": "5s"}"#),
        // What nobody states is shortened without a word.
        (r#"{"total": "1s"}"#, "{}", "{}", "{}"),
    ] {
        assert_eq!(warned(&with(defaults, upstream, api, route)), [], "{defaults} {upstream} {api} {route}");
    }
}

/// A deadline that is forestalled on one route is of use on another.
#[test]
fn a_deadline_that_takes_effect_somewhere_is_no_mistake() {
    let text = |second: &str| {
        format!(
            r#"{{"defaults": {{"timeouts": {{"firstByte": "20s"}}}}, "upstreams": {{"u": {{"url": "http://u.test"}}, "v": {{"url": "http://v.test"}}}},
            "routes": [{{"name": "a", "match": {{"path": "/a"}}, "upstream": "u", "timeouts": {{"total": "5s"}}}},
            {{"name": "b", "match": {{"path": "/b"}}, "split": [{{"upstream": "u", "weight": 1}}, {{"upstream": "v", "weight": 1}}],
                "timeouts": {second}}}]}}"#
        )
    };
    assert_eq!(warned(&text("{}")), []);
    let found = warned(&text(r#"{"total": "9s"}"#));
    let paths: Vec<_> = found.iter().map(|(at, _, by)| (&**at, by.as_deref())).collect();
    assert_eq!(paths, [("defaults.timeouts.firstByte", Some("routes[0].timeouts.total"))]);
}

/// docs/configuration.md, Timeouts: they are those of calls of upstreams.
#[test]
fn warns_of_deadlines_where_nothing_is_called() {
    let text = r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "timeouts": {"total": "5s"}}]}"#;
    let message = "this has no effect: the route calls no upstream";
    assert_eq!(warned(text), [("routes[0].timeouts".to_owned(), message.to_owned(), None)]);
}

/// docs/configuration.md, Routes: a route's `bodyBytes` holds in place of `limits.bodyBytes`.
#[test]
fn warns_of_a_value_that_no_request_may_hold() {
    let with = |common: &str, own: &str| {
        format!(
            r#"{{"limits": {{"bodyBytes": "{common}"}}, "routes": [{{"name": "r", "match": {{"path": "/"}}{own},
            "keyValue": {{"key": "k", "valueBytes": "2MiB"}}}}]}}"#
        )
    };
    let at = "routes[0].keyValue.valueBytes".to_owned();
    let message = "a value this large is never taken: `bodyBytes` lets in 1MB at most".to_owned();
    assert_eq!(warned(&with("1MB", "")), [(at.clone(), message.clone(), Some("limits.bodyBytes".to_owned()))]);
    let own = r#", "bodyBytes": "1MB""#;
    assert_eq!(warned(&with("4MiB", own)), [(at, message, Some("routes[0].bodyBytes".to_owned()))]);
    assert_eq!(warned(&with("2MiB", "")), []);
    assert_eq!(warned(&with("1MB", r#", "bodyBytes": "2MiB""#)), []);
}

/// With unknown variables, the nearest statement is not known.
#[test]
fn says_nothing_of_deadlines_that_variables_state() {
    let text = with(r#"{"total": "5s"}"#, "{}", r#"{"total": "${T}"}"#, r#"{"firstByte": "60s"}"#);
    assert_eq!(plan::warnings(&text, NOW), []);
    assert_eq!(words(&plan::warnings(&text.replace("${T}", "${T:-6s}"), NOW)).len(), 1);
}

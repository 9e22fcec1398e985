//! Thousands of mistakes: as many messages as help, and time that grows with the text alone.

use gateway_core::config::{Diagnostic, MOST_MISTAKES};
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;

const MANY: usize = 20_000;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// `{"NAME": [ITEM, …]}` on one line, with a number for each `N`.
fn list(name: &str, item: &str) -> String {
    let items: Vec<String> = (0..MANY).map(|number| item.replace('N', &number.to_string())).collect();
    format!("{{\"{name}\": [{}]}}", items.join(","))
}

/// `{PART, …}` on one line, with a number for each `N`.
fn object(part: &str) -> String {
    let parts: Vec<String> = (0..MANY).map(|number| part.replace('N', &number.to_string())).collect();
    format!("{{{}}}", parts.join(","))
}

fn said(text: &str) -> Vec<Diagnostic> {
    plan::load(text, &Capabilities::NATIVE, &NoSecrets).err().unwrap_or_default()
}

/// Quadratic time would let this test run for minutes.
#[test]
fn thousands_of_mistakes_give_a_bounded_list() {
    for (text, first) in
        [
            (object(r#""a": 1"#), "`a` is there twice"),
            (object(r#""aN": 1"#), "unknown field `a0`"),
            (list("routes", r#""x""#), "expected an object, found text"),
            (list("routes", "{}"), "missing field `name`"),
            (list("routes", ""), "unexpected `,`"),
            (list("routes", r#"{"name": "a", "name": "b"}"#), "`name` is there twice"),
            (list("routes", r#"{"name": "r", "match": {"path": "/N"}, "respond": {}}"#), "another route is called `r`"),
            (
                list("routes", r#"{"name": "rN", "match": {"path": "/a"}, "respond": {}}"#),
                "`r0` and `r1` rank the same, and both match `GET http://example.com/a`",
            ),
            (list("routes", r#"{"name": "rN", "match": {"path": "/N"}}"#), "the route has no action"),
            (
                list("routes", r#"{"name": "rN", "match": {"path": "N"}, "respond": {"status": 999}}"#),
                "`0` does not begin with `/`",
            ),
            (list("apis", r#"{"name": "a", "routes": []}"#), "the API has no routes"),
            (
                list("routes", r#"{"name": "rN", "match": {"path": "/N"}, "respond": {}, "policies": ["gone"]}"#)
                    .replacen('{', r#"{"name": 5,"#, 1),
                "expected text, found a number",
            ),
        ]
    {
        let said = said(&text);
        let shown = text.get(..60).unwrap_or_default();
        assert_eq!(said.first().map(|mistake| &*mistake.message), Some(first), "{shown}");
        assert!(said.len() <= MOST_MISTAKES + 10, "{shown}: {}", said.len());
        for mistake in said.iter().rev().take(50) {
            let shown = mistake.render("f", Some(&text), false);
            assert!(shown.len() < 2_000, "{shown}");
        }
    }
}

#[test]
fn a_policy_s_mistake_is_told_once_however_many_routes_use_it() {
    let routes = list("routes", r#"{"name": "rN", "match": {"path": "/N"}, "respond": {}, "policies": ["p"]}"#);
    let text = routes.replacen('{', r#"{"policies": {"p": {"rateLimit": {"limit": 0, "window": "1s"}}},"#, 1);
    assert_eq!(said(&text).len(), 1);
}

#[test]
fn a_secret_far_before_the_place_stays_hidden() {
    let secret = "hunter2".repeat(1_000);
    let text = format!(r#"{{"counters": {{"redis": {{"secret": "{secret}"}}}}, "nam": 1}}"#);
    for mistake in said(&text) {
        let shown = mistake.render("f", Some(&text), false);
        assert!(!shown.contains("unter2"), "{shown}");
    }
}

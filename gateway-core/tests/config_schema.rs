//! The JSON Schema refuses what the gateway can't read, and nothing that it serves.

use std::collections::BTreeSet;
use std::path::Path;

use gateway_core::config::{Diagnostic, json_schema, read};
use gateway_core::plan::{self, Secrets};
use gateway_core::ports::Capabilities;
use proptest::prelude::*;
use serde_json::{Value, json};

const WHOLE: &str = include_str!("fixtures/whole.json");

struct AnySecret;

impl Secrets for AnySecret {
    fn secret(&self, _: &str) -> Option<String> {
        Some("redis://known-by-a-name-as-long-as-a-key".to_owned())
    }
}

/// The mistakes in `text`, in its form and its meaning.
fn check(text: &str) -> Result<(), Vec<Diagnostic>> {
    plan::load(text, &Capabilities::NATIVE, &AnySecret).map(drop)
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&json_schema()).unwrap_or_else(|error| unreachable!("{error}"))
}

/// Every property of every object in `schema`, as `Definition.property`.
fn properties(schema: &Value) -> Vec<(String, String)> {
    let definitions = schema["$defs"].as_object().into_iter().flatten();
    let objects = definitions.map(|(name, object)| (name.as_str(), object)).chain([("", schema)]);
    let mut all = Vec::new();
    for (name, object) in objects {
        for object in [object].into_iter().chain(object["oneOf"].as_array().into_iter().flatten()) {
            let names = object["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
            // Every object has a description; one in the fixture will do.
            let own = names.filter(|property| *property != "description" || name.is_empty());
            all.extend(own.map(|property| (name.to_owned(), property.clone())));
        }
    }
    all
}

/// The definitions that `schema` refers to, and the objects of `value` that are described by them.
fn visit<'s>(root: &'s Value, schema: &'s Value, name: &'s str, value: &Value, seen: &mut BTreeSet<(String, String)>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        root["$defs"].get(name).into_iter().for_each(|schema| visit(root, schema, name, value, seen));
    }
    for branch in ["anyOf", "oneOf"].iter().filter_map(|branch| schema[*branch].as_array()).flatten() {
        visit(root, branch, name, value, seen);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(root, &schema["items"], "", item, seen)),
        Value::Object(members) => {
            for (member, value) in members {
                if let Some(property) = schema["properties"].get(member) {
                    seen.insert((name.to_owned(), member.clone()));
                    visit(root, property, "", value, seen);
                } else if schema["additionalProperties"].is_object() {
                    visit(root, &schema["additionalProperties"], "", value, seen);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_whole_fixture_has_every_member_that_there_is() {
    let schema = json_schema();
    let mut seen = BTreeSet::new();
    visit(&schema, &schema, "", &serde_json::from_str(WHOLE).unwrap(), &mut seen);
    let missing: Vec<_> = properties(&schema).into_iter().filter(|property| !seen.contains(property)).collect();
    assert!(missing.is_empty(), "add to fixtures/whole.json: {missing:?}");
}

/// CONTRIBUTING.md, A new policy: the documentation names each policy, and the shared corpus has cases for it.
#[test]
fn every_policy_is_documented_and_has_cases() {
    let documentation = include_str!("../../docs/configuration.md");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let files = std::fs::read_dir(cases).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let cases: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for (_, policy) in properties(&json_schema()).iter().filter(|(object, _)| object == "Policy") {
        assert!(documentation.contains(&format!("`{policy}`")), "docs/configuration.md says nothing of `{policy}`");
        let is_there = ['{', '[', '"'].iter().any(|open| cases.contains(&format!("\"{policy}\": {open}")));
        assert!(is_there, "tests/cases has nothing with `{policy}`");
    }
}

#[test]
fn both_accept() {
    let validator = validator();
    let bundled = include_str!("../../gateway.json");
    for text in [
        WHOLE,
        bundled,
        r#"{"name": null, "server": {"tls": null, "drain": "0s"}, "routes": [{"name": "a", "respond": {}}]}"#,
        r#"{"limits": {"headers": 5.0, "bodyBytes": "0B"}, "routes": [{"name": "a", "respond": {}, "redirect": null}]}"#,
        r#"{"limits": {"headers": 1e2}, "routes": [{"name": "a", "respond": {}, "split": []}]}"#,
        r#"{"limits": {"headers": 4294967295}, "routes": [{"name": "a", "respond": {"status": null, "body": "", "json": null}}]}"#,
        r#"{"defaults": {"policies": [{}]}, "routes": [{"name": "a", "match": {"prefix": "/", "path": null}, "respond": {}}]}"#,
        r#"{"counters": {"redis": {"secret": "REDIS", "description": "shared"}}, "routes": [{"name": "a", "respond": {}}]}"#,
        r#"{"upstreams": {"u": {"url": "http://a", "urls": []}}, "routes": [
            {"name": "a", "match": {"path": "/a"}, "upstream": "u", "webSocket": true},
            {"name": "b", "match": {"path": "/b/"}, "upstream": "u", "webSocket": {}},
            {"name": "c", "match": {"path": "/"}, "redirect": {"location": "/b"}, "webSocket": null}]}"#,
        r#"{"routes": [{"name": "a", "respond": {"json": [1, {"a": null}]}}]}"#,
        r#"{"routes": [{"name": "a", "match": {"headers": {"x": "", "y": {"present": false}}}, "respond": {}}]}"#,
    ] {
        let document: Value = serde_json::from_str(text).unwrap();
        assert_eq!(check(text), Ok(()), "{text}");
        assert!(validator.is_valid(&document), "{text}");
    }
}

#[test]
fn both_refuse() {
    let validator = validator();
    for document in [
        json!([]),
        json!(null),
        json!({"nam": "a"}),
        json!({"name": 5}),
        json!({"server": []}),
        json!({"server": {"drain": "5 s"}}),
        json!({"server": {"drain": "5S"}}),
        json!({"server": {"drain": "-5s"}}),
        json!({"server": {"drain": "12345678901s"}}),
        json!({"server": {"drain": null, "accessLog": "JSON"}}),
        json!({"server": {"tls": {"certificate": "a"}}}),
        json!({"limits": {"headers": -1}}),
        json!({"limits": {"headers": 1.5}}),
        json!({"limits": {"headers": 4_294_967_296_u64}}),
        json!({"limits": {"bodyBytes": "1mb"}}),
        json!({"identityHeaders": null}),
        json!({"upstreams": []}),
        json!({"upstreams": {"a": {"url": "x", "host": "set"}}}),
        json!({"upstreams": {"a": {"url": "x", "host": {"set": "x", "preserve": null}}}}),
        json!({"upstreams": {"a": {"url": "x", "host": {"preserve": null}}}}),
        json!({"upstreams": {"a": {"url": "x", "host": {}}}}),
        json!({"counters": {"redis": {"secret": "A", "b": 1}}}),
        json!({"counters": {"redis": {}}}),
        json!({"counters": {"redis": {"secret": "A", "description": 5}}}),
        json!({"limits": {"description": null}}),
        json!({"upstreams": {"a": {"url": "x", "host": {"description": "d"}}}}),
        json!({"counters": {"redis": ["A"]}}),
        json!({"defaults": {"policies": [5]}}),
        json!({"defaults": {"policies": [[]]}}),
        json!({"defaults": {"policies": [{"rateLimit": {"limit": 1}}]}}),
        json!({"defaults": {"policies": [{"rateLimit": {"limit": 1, "window": "1s", "key": {"header": 5}}}]}}),
        json!({"defaults": {"timeouts": ["1s"]}}),
        json!({"apis": [{"name": "a"}]}),
        json!({"routes": [{"name": "a", "webSocket": "true"}]}),
        json!({"routes": [{"name": "a", "webSocket": {"idle": 5}}]}),
        json!({"routes": [{"name": "a", "webSocket": {"ping": "5s"}}]}),
        json!({"routes": [{"name": "a", "match": 5}]}),
        json!({"routes": [["a"]]}),
        json!({"routes": [{"name": "a", "match": {"query": {"x": {}}}}]}),
        json!({"routes": [{"name": "a", "match": {"query": {"x": {"present": true, "prefix": "x"}}}}]}),
        json!({"routes": [{"name": "a", "match": {"query": {"x": {"present": "true"}}}}]}),
        json!({"routes": [{"name": "a", "redirect": {"location": "/", "status": 65536}}]}),
    ] {
        assert!(read(&document.to_string()).is_err(), "{document}");
        assert!(!validator.is_valid(&document), "{document}");
    }
}

/// Every value in `value`, by JSON pointer.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), all));
        }
        Value::Object(members) => {
            // RFC 6901 §3.
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(name, member)| pointers(member, &format!("{at}/{}", escaped(name)), all));
        }
        _ => {}
    }
}

fn substitute() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("upstream")),
        Just(json!("5s")),
        Just(json!("1MiB")),
        Just(json!(["a"])),
        Just(json!({"secret": "A"})),
        Just(json!({"name": "a"})),
        Just(json!({"set": "a"})),
        Just(json!({"present": true})),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u16>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-z0-9]{0,3}".prop_map(|text| json!(text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One value anywhere replaced by another.
    #[test]
    fn what_one_refuses_of_a_changed_document_the_other_does_too(place in any::<prop::sample::Index>(), with in substitute()) {
        thread_local!(static VALIDATOR: jsonschema::Validator = validator());
        let mut document: Value = serde_json::from_str(WHOLE).unwrap();
        let mut places = Vec::new();
        pointers(&document, "", &mut places);
        let place = place.get(&places);
        *document.pointer_mut(place).unwrap() = with;
        let text = document.to_string();
        let read = read(&text);
        let valid = VALIDATOR.with(|validator| validator.is_valid(&document));
        prop_assert!(read.is_ok() || !valid, "{}: {:?}", place, read.err().map(|reading| reading.diagnostics));
        prop_assert!(valid || check(&text).is_err(), "the schema alone refuses {}", place);
    }
}

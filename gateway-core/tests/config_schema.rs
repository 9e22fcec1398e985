//! The JSON Schema accepts what the gateway reads, and nothing else.

use gateway_core::config::{json_schema, read};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Has every member that there is.
const WHOLE: &str = include_str!("fixtures/whole.json");

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&json_schema()).unwrap_or_else(|error| unreachable!("{error}"))
}

#[test]
fn both_accept() {
    let validator = validator();
    let bundled = include_str!("../../gateway.json");
    for text in [
        WHOLE,
        bundled,
        "{}",
        r#"{"name": null, "server": {"tls": null, "drain": "0s"}}"#,
        r#"{"limits": {"headers": 5.0, "bodyBytes": "0B"}}"#,
        r#"{"limits": {"headers": 1e2}}"#,
        r#"{"limits": {"headers": 4294967295}}"#,
        r#"{"defaults": {"policies": ["a", {}, {"cors": {}}]}}"#,
        r#"{"counters": {"redis": {"secret": "REDIS"}}}"#,
        r#"{"routes": [{"name": "a", "webSocket": true}, {"name": "b", "webSocket": {}}, {"name": "c", "webSocket": null}]}"#,
        r#"{"routes": [{"name": "a", "respond": {"json": [1, {"a": null}]}}]}"#,
        r#"{"routes": [{"name": "a", "match": {"headers": {"x": "", "y": {"present": false}, "z": {"oneOf": []}}}}]}"#,
    ] {
        let document: Value = serde_json::from_str(text).unwrap();
        assert!(read(text).is_ok(), "{text}");
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
        json!({"routes": [{"name": "a", "match": []}]}),
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
            members.iter().for_each(|(name, member)| pointers(member, &format!("{at}/{name}"), all));
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
    fn both_say_the_same_of_a_changed_document(place in any::<prop::sample::Index>(), with in substitute()) {
        thread_local!(static VALIDATOR: jsonschema::Validator = validator());
        let mut document: Value = serde_json::from_str(WHOLE).unwrap();
        let mut places = Vec::new();
        pointers(&document, "", &mut places);
        let place = place.get(&places);
        *document.pointer_mut(place).unwrap() = with;
        let text = document.to_string();
        let read = read(&text);
        let valid = VALIDATOR.with(|validator| validator.is_valid(&document));
        prop_assert_eq!(read.is_ok(), valid, "{}: {:?}", place, read.err().map(|reading| reading.diagnostics));
    }
}

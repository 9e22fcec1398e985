//! The crate `jsonschema` as an oracle.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

use super::{Options, Schema};
use crate::document::Value;

fn own(json: &Json) -> Value {
    Value::read(json.to_string().as_bytes()).unwrap()
}

fn scalar() -> impl Strategy<Value = Json> {
    select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(-2),
        json!(2.5),
        json!(12),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("\u{1f432}"),
    ])
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "ab", "c"]).prop_map(str::to_owned)
}

fn object(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    prop::collection::btree_map(name(), value, 0..4).prop_map(|members| Json::Object(members.into_iter().collect()))
}

fn list(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    prop::collection::vec(value, 1..4).prop_map(Json::Array)
}

fn instance() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array), object(inner)]
    })
}

type Keyword = (String, Json);

fn named(name: &'static str, value: impl Strategy<Value = Json> + 'static) -> BoxedStrategy<Keyword> {
    value.prop_map(move |value| (name.to_owned(), value)).boxed()
}

/// Keywords without schemas in them.
fn assertion() -> BoxedStrategy<Keyword> {
    let types = || select(vec!["null", "boolean", "object", "array", "number", "string", "integer"]);
    let count = || (0_u32..4).prop_map(|count| json!(count));
    let number = || select(vec![json!(-2), json!(0), json!(1), json!(1.5), json!(12)]);
    let names = || prop::collection::btree_set(name(), 0..3).prop_map(|names| json!(names));
    prop_oneof![
        named("type", types().prop_map(|name| json!(name))),
        named("type", prop::collection::btree_set(types(), 1..4).prop_map(|names| json!(names))),
        named("enum", list(instance())),
        named("const", instance()),
        (select(vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), number())
            .prop_map(|(name, value)| (name.to_owned(), value)),
        named("multipleOf", select(vec![json!(0.5), json!(1), json!(2), json!(2.5)])),
        (select(vec!["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]), count())
            .prop_map(|(name, value)| (name.to_owned(), value)),
        named("uniqueItems", any::<bool>().prop_map(|flag| json!(flag))),
        named("pattern", select(vec!["^a", "b$", "^.$", "[^a]"]).prop_map(|text| json!(text))),
        named("required", names()),
        named("dependentRequired", object(names())),
    ]
    .boxed()
}

fn combined(keyword: impl Strategy<Value = Keyword>) -> impl Strategy<Value = Json> {
    prop::collection::vec(keyword, 0..4).prop_map(|keywords| Json::Object(Map::from_iter(keywords)))
}

fn schema() -> impl Strategy<Value = Json> {
    let reference = select(vec!["#/$defs/plain", "#/$defs/tree", "#kinds"]).prop_map(|to| json!({"$ref": to}));
    let leaf = prop_oneof![6 => combined(assertion()), 1 => any::<bool>().prop_map(|flag| json!(flag)), 1 => reference];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let one = (
            select(vec![
                "additionalProperties",
                "propertyNames",
                "items",
                "contains",
                "not",
                "if",
                "then",
                "else",
                "unevaluatedItems",
                "unevaluatedProperties",
            ]),
            inner.clone(),
        );
        let lists = (select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]), list(inner.clone()));
        let maps = (select(vec!["properties", "dependentSchemas"]), object(inner.clone()));
        let patterns = prop::collection::btree_map(select(vec!["^a", "b"]), inner, 0..3)
            .prop_map(|members| ("patternProperties".to_owned(), json!(members)));
        let contains = (select(vec!["minContains", "maxContains"]), (0_u32..3).prop_map(|count| json!(count)));
        let keyword = |(name, value): (&'static str, Json)| (name.to_owned(), value);
        combined(prop_oneof![
            4 => one.prop_map(keyword),
            3 => lists.prop_map(keyword),
            3 => maps.prop_map(keyword),
            1 => patterns,
            1 => contains.prop_map(keyword),
            3 => assertion(),
        ])
    })
}

/// Schemas whose keywords tell of violations one by one.
fn plain() -> impl Strategy<Value = Json> {
    combined(assertion()).prop_recursive(3, 16, 4, |inner| {
        combined(prop_oneof![
            named("properties", object(inner.clone())),
            named("items", inner.clone()),
            named("allOf", list(inner)),
            assertion(),
        ])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_the_oracle(schema in schema(), plain in combined(assertion()), instances in prop::collection::vec(instance(), 6)) {
        let definitions = json!({
            "plain": plain,
            "tree": {"properties": {"a": {"$ref": "#/$defs/tree"}}, "items": {"$ref": "#/$defs/plain"}, "maxProperties": 2},
            "kinds": {"$anchor": "kinds", "anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"prefixItems": [true]}]},
        });
        let whole = json!({"$defs": definitions, "allOf": [schema]});
        let ours = Schema::compile(&own(&whole), &Options::default()).unwrap();
        let theirs = jsonschema::draft202012::new(&whole).unwrap();
        for instance in instances {
            let is_valid = theirs.is_valid(&instance);
            let value = own(&instance);
            prop_assert_eq!(ours.is_valid(&value), Ok(is_valid), "{} {}", &whole, &instance);
            prop_assert_eq!(ours.check(&value, 50).unwrap().is_empty(), is_valid, "{} {}", &whole, &instance);
        }
    }

    #[test]
    fn places_are_those_of_the_oracle(schema in plain(), instances in prop::collection::vec(instance(), 4)) {
        let ours = Schema::compile(&own(&schema), &Options::default()).unwrap();
        let theirs = jsonschema::draft202012::new(&schema).unwrap();
        for instance in instances {
            let mut expected: Vec<_> = theirs
                .iter_errors(&instance)
                .map(|error| (error.instance_path().to_string(), error.schema_path().to_string()))
                .collect();
            let violations = ours.check(&own(&instance), 1_000).unwrap();
            let mut found: Vec<_> = violations.into_iter().map(|violation| (violation.pointer, violation.keyword)).collect();
            expected.sort();
            found.sort();
            // A keyword that lists names may be told of once for all of them.
            expected.dedup();
            found.dedup();
            prop_assert_eq!(found, expected, "{} {}", &schema, &instance);
        }
    }
}
